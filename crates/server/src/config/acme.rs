//! The flags of `--acme`, checked.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use axum::http::Uri;
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use rustls::RootCertStore;
use wulin_certs::acme::{Binding, OutgoingProxies, SecretBytes, Settings, Store};
use wulin_certs::read_roots;

use crate::flags::Serve;

/// The authority if none is named.
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// Why `--acme` cannot work.
#[derive(Debug, thiserror::Error)]
pub enum InvalidAcme {
    /// No domain to order a certificate for.
    #[error(
        "--acme needs to know for which domain: add --domain game.example.com, with the domain that points here."
    )]
    NoDomain,
    /// A wildcard, which needs a proof by DNS that the server cannot give.
    #[error(
        "--domain {0} is a wildcard, which --acme cannot fetch: an authority gives one only to who proves to own the DNS zone. Give \
         each domain with a --domain of its own."
    )]
    Wildcard(String),
    /// A name that is not on the public internet.
    #[error(
        "--domain {0} is nothing an authority gives a certificate for. Give --acme a public domain, such as game.example.com, or \
         leave --acme out."
    )]
    NotPublic(String),
    /// Not a domain name.
    #[error(
        "--domain {0:?} cannot be a domain. Write it as game.example.com, and one with letters beyond ASCII in its xn-- form."
    )]
    NotADomain(String),
    /// A flag that has no effect without `--acme`.
    #[error("{0} means nothing without --acme. Add --acme, or leave it out.")]
    Useless(&'static str),
    /// Not the address of an ACME directory.
    #[error(
        "--acme-directory {0:?} is no address of an authority. Write the https:// address it gives for ACME clients."
    )]
    Directory(String),
    /// Not an e-mail address.
    #[error("--acme-email {0:?} is no address. Write one as somebody@example.com.")]
    Email(String),
    /// The roots to trust cannot be used.
    #[error("--acme-ca-file {} cannot be used: {why}. It must hold the authority's root certificates as PEM.", file.display())]
    Roots {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Only one half of an external account.
    #[error(
        "--acme-eab-kid and --acme-eab-key (or --acme-eab-key-file) belong together. Give both, as the authority shows them."
    )]
    HalfBinding,
    /// The key is given twice.
    #[error("The key is given twice. Use either --acme-eab-key or --acme-eab-key-file.")]
    TwoKeys,
    /// The file of the key cannot be read.
    #[error("--acme-eab-key-file {} cannot be read: {error}.", file.display())]
    KeyFile {
        /// The file.
        file: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Text that is no key.
    #[error("The key of {0} is none. Copy it as the authority shows it: letters, digits, - and _.")]
    Key(&'static str),
    /// No folder to keep certificates in.
    #[error(
        "There is no place for certificates and the ACME account. Name a folder with --state-dir."
    )]
    NoStateDir,
    /// A folder that cannot be used.
    #[error(
        "Certificates and the ACME account cannot be kept in {}: {error}. Give it to the user the server runs as, or name \
         another folder with --state-dir.", folder.display()
    )]
    StateDir {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// How certificates are fetched. Nothing has been read or created for it yet.
#[derive(Debug, Clone)]
pub struct AcmeConfig {
    domains: Vec<String>,
    directory: String,
    email: Option<String>,
    /// The roots that the authority's own server is checked by; the public ones if there is no file.
    ca_file: Option<PathBuf>,
    binding: Option<(String, BindingKey)>,
    proxies: OutgoingProxies,
}

/// The key of an external account.
#[derive(Debug, Clone)]
enum BindingKey {
    Given(SecretBytes),
    In(PathBuf),
}

impl AcmeConfig {
    /// Checks the flags; none without `--acme`.
    pub(super) fn new(
        flags: &Serve,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Option<AcmeConfig>, InvalidAcme> {
        if !flags.acme {
            return match useless(flags) {
                Some(flag) => Err(InvalidAcme::Useless(flag)),
                None => Ok(None),
            };
        }
        let mut domains = Vec::new();
        for domain in &flags.domains.domain {
            let domain = public_domain(domain)?;
            if !domains.contains(&domain) {
                domains.push(domain);
            }
        }
        if domains.is_empty() {
            return Err(InvalidAcme::NoDomain);
        }
        Ok(Some(AcmeConfig {
            domains,
            directory: directory(flags.acme_directory.as_deref().unwrap_or(LETS_ENCRYPT))?,
            email: flags.acme_email.as_deref().map(email).transpose()?,
            ca_file: flags.acme_ca_file.clone(),
            binding: binding(flags)?,
            proxies: OutgoingProxies::new(variable),
        }))
    }

    /// Reads the files that are named, creates the folders, and reads what they hold already.
    pub fn load(&self, state_dir: &Path, now: SystemTime) -> Result<Settings, InvalidAcme> {
        let roots = roots(self.ca_file.as_deref())?;
        let binding = match &self.binding {
            None => None,
            Some((id, key)) => Some(Binding {
                id: id.clone(),
                key: key.load()?,
            }),
        };
        let directory = self.directory.clone();
        let store = Store::open(state_dir, &directory).map_err(|error| InvalidAcme::StateDir {
            folder: state_dir.to_owned(),
            error,
        })?;
        Ok(Settings {
            stored: self
                .domains
                .iter()
                .map(|domain| store.pair(domain, now))
                .collect(),
            domains: self.domains.clone(),
            directory,
            email: self.email.clone(),
            roots: Arc::new(roots),
            proxies: self.proxies.clone(),
            binding,
            store,
        })
    }
}

impl BindingKey {
    fn load(&self) -> Result<SecretBytes, InvalidAcme> {
        match self {
            BindingKey::Given(key) => Ok(key.clone()),
            BindingKey::In(file) => {
                let text = fs::read_to_string(file).map_err(|error| InvalidAcme::KeyFile {
                    file: file.clone(),
                    error,
                })?;
                decoded(&text, "--acme-eab-key-file")
            }
        }
    }
}

/// A warning if no authority can reach the server on these ports.
pub(crate) fn unusual_ports(port: u16, http: Option<u16>) -> Option<String> {
    let usual = port == 443 || http == Some(80);
    (!usual).then(|| {
        format!(
            "An ACME authority connects to ports 443 and 80 alone. One of them must be forwarded to this server: 443 to \
             {port}, or 80 to the port of --http-port."
        )
    })
}

/// The first flag that has no effect without `--acme`.
fn useless(flags: &Serve) -> Option<&'static str> {
    let given = [
        ("--acme-email", flags.acme_email.is_some()),
        ("--acme-directory", flags.acme_directory.is_some()),
        ("--acme-ca-file", flags.acme_ca_file.is_some()),
        ("--acme-eab-kid", flags.acme_eab_kid.is_some()),
        ("--acme-eab-key", flags.acme_eab_key.is_some()),
        ("--acme-eab-key-file", flags.acme_eab_key_file.is_some()),
    ];
    given
        .into_iter()
        .find(|(_, given)| *given)
        .map(|(flag, _)| flag)
}

/// The domain in lower case, if an authority can issue a certificate for it.
fn public_domain(text: &str) -> Result<String, InvalidAcme> {
    let domain = text.trim_end_matches('.').to_ascii_lowercase();
    if domain.starts_with("*.") {
        return Err(InvalidAcme::Wildcard(domain));
    }
    let last = domain.rsplit('.').next().unwrap_or_default();
    let bare = domain.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<IpAddr>().is_ok() || last == "localhost" {
        return Err(InvalidAcme::NotPublic(domain));
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    if domain.len() > 253 || !domain.contains('.') || !domain.split('.').all(label) {
        return Err(InvalidAcme::NotADomain(text.to_owned()));
    }
    Ok(domain)
}

fn directory(text: &str) -> Result<String, InvalidAcme> {
    let sound = text.parse::<Uri>().is_ok_and(|uri| {
        uri.scheme_str() == Some("https") && uri.host().is_some_and(|host| !host.is_empty())
    });
    if sound {
        Ok(text.to_owned())
    } else {
        Err(InvalidAcme::Directory(text.to_owned()))
    }
}

fn email(text: &str) -> Result<String, InvalidAcme> {
    let sound = text
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains('@'))
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || ",:<>".contains(c));
    if sound {
        Ok(text.to_owned())
    } else {
        Err(InvalidAcme::Email(text.to_owned()))
    }
}

/// The roots that the authority's own server is checked by: those in the file, else those Mozilla trusts. The latter
/// are part of the program, because many containers have none.
fn roots(file: Option<&Path>) -> Result<RootCertStore, InvalidAcme> {
    let mut roots = RootCertStore::empty();
    let Some(file) = file else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(roots);
    };
    let refused = |why: String| InvalidAcme::Roots {
        file: file.to_owned(),
        why,
    };
    let text = fs::read(file).map_err(|error| refused(error.to_string()))?;
    for root in read_roots(file, &text).map_err(|problem| refused(problem.to_string()))? {
        roots
            .add(root)
            .map_err(|error| refused(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(refused("it holds no certificate".to_owned()));
    }
    Ok(roots)
}

fn binding(flags: &Serve) -> Result<Option<(String, BindingKey)>, InvalidAcme> {
    let key = match (&flags.acme_eab_key, &flags.acme_eab_key_file) {
        (Some(_), Some(_)) => return Err(InvalidAcme::TwoKeys),
        (Some(key), None) => Some(BindingKey::Given(decoded(key, "--acme-eab-key")?)),
        (None, Some(file)) => Some(BindingKey::In(file.clone())),
        (None, None) => None,
    };
    match (&flags.acme_eab_kid, key) {
        (None, None) => Ok(None),
        (Some(id), Some(key)) if !id.is_empty() => Ok(Some((id.clone(), key))),
        _ => Err(InvalidAcme::HalfBinding),
    }
}

/// Decodes a key as authorities show it: base64url, with or without padding.
fn decoded(text: &str, flag: &'static str) -> Result<SecretBytes, InvalidAcme> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let key = GeneralPurpose::new(&base64::alphabet::URL_SAFE, config).decode(text.trim());
    match key {
        Ok(key) if !key.is_empty() => Ok(SecretBytes::new(key)),
        Ok(_) | Err(_) => Err(InvalidAcme::Key(flag)),
    }
}

#[cfg(test)]
mod tests;
