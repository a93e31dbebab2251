//! `wulin cert`: describes certificate files, and makes a certificate with its key for development.

pub mod flags;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail};
use rustls::pki_types::CertificateDer;
use wulin_certs::{
    Arrangement, Holdings, Inspected, LOCAL_NAMES, PrivateKey, arrangement, date, inspect, left,
    listed, make_self_signed, span,
};
use wulin_command::flags::Domains;
use wulin_text::harmless;

pub use flags::Cert;
use flags::{SelfSigned, Show};

/// What the files hold, and whether a server could use them together.
#[derive(Debug, PartialEq, Eq)]
pub struct Description {
    /// Lines for people.
    pub text: String,
    /// Whether each file could be read, and each key belongs to one of the certificates. Keys alone are sound.
    pub sound: bool,
}

/// Describes these files.
pub fn show(flags: &Show, now: SystemTime) -> Description {
    let read: Vec<_> = flags
        .files
        .iter()
        .map(|file| (file, Holdings::read(file)))
        .collect();
    let certificates: Vec<(&Path, &CertificateDer<'static>)> = read
        .iter()
        .filter_map(|(file, holdings)| Some((file.as_path(), holdings.as_ref().ok()?)))
        .flat_map(|(file, holdings)| holdings.certificates.iter().map(move |one| (file, one)))
        .collect();
    let mut sound = true;
    let mut lines = Vec::new();
    for (file, holdings) in &read {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(file.display().to_string());
        match holdings {
            Ok(holdings) => {
                lines.extend(chain(&holdings.certificates, now));
                for key in &holdings.keys {
                    let (line, fits) = match key {
                        Ok(key) => owner(key, &certificates),
                        Err(problem) => (problem.to_string(), false),
                    };
                    sound &= fits;
                    lines.push(format!("  {line}"));
                }
                if let Some(labels) = &holdings.useless {
                    sound = false;
                    lines.push(harmless(&format!(
                        "  Neither a certificate nor a private key, only {labels}."
                    )));
                }
                lines.extend(holdings.notes.iter().map(|note| format!("  {note}")));
                if holdings.encrypted_key {
                    lines.push(
                        "  A private key behind a passphrase, which no server can use.".to_owned(),
                    );
                }
                if holdings.request {
                    lines.push("  A certificate request (CSR), of no use to a server.".to_owned());
                }
            }
            Err(problem) => {
                sound = false;
                lines.push(format!("  {problem}"));
            }
        }
    }
    Description {
        text: lines.join("\n"),
        sound,
    }
}

/// The certificates of one file, and whether they are in order.
fn chain(certificates: &[CertificateDer<'static>], now: SystemTime) -> Vec<String> {
    let mut lines = Vec::new();
    for (number, certificate) in (1..).zip(certificates) {
        let Some(inspected) = inspect(certificate) else {
            lines.push(format!("  {number}  Not a certificate that can be read."));
            continue;
        };
        let Inspected {
            names,
            subject,
            issuer,
            not_before,
            not_after,
            key,
            unfit_key,
            authority,
            self_signed,
            ..
        } = inspected;
        let head = if authority {
            format!("the authority {subject}")
        } else {
            format!("for {}", listed(&names))
        };
        let issuer = if self_signed {
            "itself".to_owned()
        } else {
            issuer
        };
        let validity = validity(not_before, not_after, now);
        lines.push(harmless(&format!("  {number}  {head}")));
        lines.push(harmless(&format!("     issued by  {issuer}")));
        lines.push(format!("     valid      {validity}"));
        let unfit = match unfit_key {
            Some(_) if !authority => ", which browsers and WeChat do not take",
            _ => "",
        };
        lines.push(format!("     key        {key}{unfit}"));
    }
    if certificates.len() > 1 {
        lines.push(format!("  {}", order(certificates, now)));
    }
    lines
}

fn validity(from: SystemTime, to: SystemTime, now: SystemTime) -> String {
    let both = format!("{} to {}", date(from), date(to));
    match (to.duration_since(now), now.duration_since(from)) {
        (Err(past), _) => format!("{both}: EXPIRED {} ago", span(past.duration())),
        (Ok(_), Err(ahead)) => format!("{both}: NOT YET VALID, in {}", span(ahead.duration())),
        (Ok(rest), Ok(_)) => format!("{both}, {} left", left(rest)),
    }
}

fn order(certificates: &[CertificateDer<'static>], now: SystemTime) -> String {
    match arrangement(certificates, now) {
        Arrangement::InOrder => "In order: each is followed by its issuer.".to_owned(),
        Arrangement::LeafNotFirst => {
            "WRONG ORDER: the domain's own certificate must be the first.".to_owned()
        }
        Arrangement::Mixed => {
            "WRONG ORDER: each must be followed by the one that issued it.".to_owned()
        }
        Arrangement::Expired { who, at } => format!(
            "In order, but that of “{}” expired on {} and is not needed: remove it.",
            harmless(&who),
            date(at)
        ),
        Arrangement::Superfluous(more) => {
            format!("{more} of them are doubles or no part of the chain of the first.")
        }
    }
}

/// A line on which certificate a key belongs to; and whether it belongs to one, or there is none to compare with.
fn owner(key: &PrivateKey, certificates: &[(&Path, &CertificateDer<'static>)]) -> (String, bool) {
    let PrivateKey { kind, .. } = key;
    let owner = certificates.iter().find(|(_, one)| key.belongs(one));
    match owner {
        Some((file, certificate)) => {
            let whose = inspect(certificate).map(|one| {
                if one.authority {
                    format!("of the authority {}", one.subject)
                } else {
                    format!("for {}", listed(&one.names))
                }
            });
            let line = format!(
                "A private key, of the certificate {} in {}: {kind}.",
                harmless(&whose.unwrap_or_default()),
                file.display()
            );
            (line, true)
        }
        None if certificates.is_empty() => (format!("A private key: {kind}."), true),
        None => (
            format!("A private key of NONE of these certificates: {kind}."),
            false,
        ),
    }
}

/// The two files that [`self_signed`] wrote.
#[derive(Debug, PartialEq, Eq)]
pub struct Made {
    /// The certificate.
    pub certificate: PathBuf,
    /// The private key, which only this user may read.
    pub key: PathBuf,
}

/// Makes a certificate with its key, in two files.
pub fn self_signed(flags: &SelfSigned, now: SystemTime) -> anyhow::Result<Made> {
    let SelfSigned {
        domains: Domains { domain },
        out,
        force,
    } = flags;
    let names = if domain.is_empty() {
        LOCAL_NAMES.map(str::to_owned).to_vec()
    } else {
        domain.clone()
    };
    let (certificate, key) = make_self_signed(&names, now)?;
    // A shell expands `*`, and `:` is not allowed in file names everywhere.
    let name = names[0].replace('*', "_").replace(':', "-");
    let made = Made {
        certificate: out.join(format!("{name}.pem")),
        key: out.join(format!("{name}.key")),
    };
    for file in [&made.certificate, &made.key] {
        if !force && file.symlink_metadata().is_ok() {
            bail!(
                "{} is there already. Name another folder with --out, or overwrite it with --force.",
                file.display()
            );
        }
    }
    fs::create_dir_all(out).with_context(|| format!("{} cannot be made", out.display()))?;
    write(&made.key, &key, 0o600, *force)?;
    write(&made.certificate, &certificate, 0o644, *force)?;
    Ok(made)
}

fn write(file: &Path, text: &str, mode: u32, force: bool) -> anyhow::Result<()> {
    let written = || -> io::Result<()> {
        if force {
            // The key goes into a new file: the old one may be a symbolic link, or readable by others.
            match fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        let mut open = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(file)?;
        open.set_permissions(fs::Permissions::from_mode(mode))?;
        open.write_all(text.as_bytes())
    };
    written().with_context(|| format!("{} cannot be written", file.display()))
}

#[cfg(test)]
mod tests {
    use wulin_certs::load_pair;

    use super::*;

    fn make(folder: &Path, domains: &[&str], force: bool) -> anyhow::Result<Made> {
        let flags = SelfSigned {
            domains: Domains {
                domain: domains.iter().map(ToString::to_string).collect(),
            },
            out: folder.to_owned(),
            force,
        };
        self_signed(&flags, SystemTime::now())
    }

    fn shown(files: &[&Path]) -> Description {
        let files = files.iter().map(|file| file.to_path_buf()).collect();
        show(&Show { files }, SystemTime::now())
    }

    #[test]
    fn self_signed_pair_is_usable_and_its_key_private() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("new/folder");
        let made = make(&folder, &["a.example", "*.a.example"], false).unwrap();
        let pair = load_pair(&made.certificate, &made.key, SystemTime::now()).unwrap();
        assert_eq!(pair.names, ["a.example", "*.a.example"]);
        let bits = made.key.metadata().unwrap().permissions().mode();
        assert_eq!(bits & 0o777, 0o600);
    }

    #[test]
    fn existing_files_are_overwritten_only_with_force() {
        let home = tempfile::tempdir().unwrap();
        let made = make(home.path(), &[], false).unwrap();
        let first = fs::read(&made.key).unwrap();
        let refused = make(home.path(), &[], false).unwrap_err().to_string();
        assert!(refused.contains("--force"), "{refused}");
        assert_eq!(fs::read(&made.key).unwrap(), first);
        make(home.path(), &[], true).unwrap();
        assert_ne!(fs::read(&made.key).unwrap(), first);
        assert!(make(home.path(), &["a b"], false).is_err());
    }

    #[test]
    fn every_kind_of_file_is_described() {
        let home = tempfile::tempdir().unwrap();
        let made = make(home.path(), &["a.example"], false).unwrap();
        let openssl = |arguments: &str| {
            let mut command = std::process::Command::new("openssl");
            command.args(arguments.split(' ')).current_dir(home.path());
            assert!(command.output().unwrap().status.success(), "{arguments}");
        };
        let key = made.key.file_name().unwrap().to_str().unwrap();
        openssl(&format!("pkey -in {key} -pubout -out public.pem"));
        openssl("ecparam -name prime256v1 -out parameters.pem");
        openssl("genpkey -algorithm ED448 -out ed448.key");
        openssl("ecparam -name brainpoolP256r1 -genkey -noout -out brainpool.key");
        openssl("req -x509 -new -key brainpool.key -subj /CN=b.example -out brainpool.crt");
        openssl(&format!("req -new -key {key} -subj /CN=a -out request.csr"));
        for (name, sound, words) in [
            ("public.pem", false, "only `PUBLIC KEY`"),
            ("parameters.pem", false, "only `EC PARAMETERS`"),
            ("ed448.key", false, "an Ed448 key"),
            ("brainpool.key", false, "brainpoolP256r1"),
            (
                "brainpool.crt",
                true,
                "ECDSA brainpoolP256r1, which browsers",
            ),
            ("request.csr", true, "A certificate request"),
            (key, true, "A private key: ECDSA P-256"),
        ] {
            let found = shown(&[&home.path().join(name)]);
            assert_eq!(found.sound, sound, "{}", found.text);
            assert!(found.text.contains(words), "{words:?}: {}", found.text);
        }
        // A certificate is described even if the same file holds an unusable key.
        let both = home.path().join("both.pem");
        let parts =
            ["brainpool.crt", "ed448.key"].map(|name| fs::read(home.path().join(name)).unwrap());
        fs::write(&both, parts.concat()).unwrap();
        let found = shown(&[&both]);
        assert!(
            !found.sound && found.text.contains("for b.example"),
            "{}",
            found.text
        );
    }

    #[test]
    fn cert_show_describes_files_and_whether_they_match() {
        let home = tempfile::tempdir().unwrap();
        let one = make(home.path(), &["a.example"], false).unwrap();
        let other = make(home.path(), &["b.example"], false).unwrap();
        let good = shown(&[&one.certificate, &one.key]);
        assert!(good.sound, "{}", good.text);
        for words in [
            "for a.example",
            "issued by  itself",
            "364 days left",
            "ECDSA P-256",
            "A private key, of the certificate for a.example",
        ] {
            assert!(good.text.contains(words), "{words:?}: {}", good.text);
        }
        let bad = shown(&[&one.certificate, &other.key]);
        assert!(!bad.sound && bad.text.contains("NONE"), "{}", bad.text);
        assert!(shown(&[&one.key]).sound);
        let missing = shown(&[&home.path().join("c.pem"), &one.key]);
        assert!(!missing.sound && missing.text.contains("does not exist"));
    }
}
