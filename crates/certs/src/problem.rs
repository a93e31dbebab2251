//! Why a certificate cannot be used, in words for the person who deploys: the file, what is wrong, the remedy.
//!
//! Each cause with a remedy of its own is a variant, and its sentence is one that a person can act on without knowing
//! TLS. Commands in it are written so that they can be pasted, and the tests run them.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use thiserror::Error;

use super::times::{date, span};

/// A certificate, key or directory that cannot work. It prints as a sentence that names the file and the remedy.
#[derive(Debug, Error)]
pub enum Problem {
    /// Nothing is at this path.
    #[error("{} does not exist{}. Check the path: {hint}.", file.display(), because.as_deref().unwrap_or(""))]
    NotFound {
        /// The path that was asked for.
        file: PathBuf,
        /// Why, when a missing folder or a link that leads nowhere is the cause.
        because: Option<String>,
        /// Where to look instead.
        hint: String,
    },

    /// A folder on the way to the file does not let this process through.
    #[error(
        "{} cannot be reached: the folder {} ({access}) does not let this user through. Run `chmod o+x {}`, or run the \
         server with a group that may enter it.",
        file.display(), folder.display(), shell(folder)
    )]
    FolderClosed {
        /// The path that was asked for.
        file: PathBuf,
        /// The exact component that is closed.
        folder: PathBuf,
        /// Its mode and owner, and the user of this process.
        access: String,
    },

    /// The file or folder itself may not be read by this process.
    #[error(
        "{} ({access}) may not be read by this user. Give it to a group the server runs with: `chgrp GROUP {}` and \
         `chmod {} {}`.",
        file.display(), shell(file), if *folder { "g+rx" } else { "g+r" }, shell(file)
    )]
    NotReadable {
        /// What may not be read.
        file: PathBuf,
        /// Its mode and owner, and the user of this process.
        access: String,
        /// Whether it is a folder.
        folder: bool,
    },

    /// Reading failed for a reason that is not about the path or permissions.
    #[error("{} cannot be read: {source}. Check the disk or the mount it is on.", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A folder was given where a file is needed.
    #[error(
        "{} is a folder, not a file. Name the {wanted} file in it, or let `--tls-dir {}` find the pair.",
        file.display(), shell(file)
    )]
    IsDirectory {
        /// The folder.
        file: PathBuf,
        /// What was wanted: certificate or key.
        wanted: &'static str,
    },

    /// A file is where a folder is needed.
    #[error("{} cannot be opened: {} is a file, not a folder. Check the path.", path.display(), file.display())]
    NotADirectory {
        /// The path that was asked for.
        path: PathBuf,
        /// The component that is a file.
        file: PathBuf,
    },

    /// The file holds nothing.
    #[error("{} is empty. Copy the {wanted} into it again.", file.display())]
    Empty {
        /// The file.
        file: PathBuf,
        /// What was wanted: certificate or key.
        wanted: &'static str,
    },

    /// The file is far larger than any certificate.
    #[error("{} is larger than 1 MiB, so it is not a certificate or key. Check that the path is the right one.", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
    },

    /// The file is right but in a format other than PEM.
    #[error("{} is {what}, and cannot be served as it is. {remedy}", file.display())]
    OtherFormat {
        /// The file.
        file: PathBuf,
        /// What it is.
        what: &'static str,
        /// The command that converts it, as a sentence.
        remedy: String,
    },

    /// The file is neither PEM nor a format we know.
    #[error(
        "{} holds no PEM text (no line starts with `-----BEGIN`). Give the PEM {wanted}, in the cloud's console the \
         download for Nginx.",
        file.display()
    )]
    NotPem {
        /// The file.
        file: PathBuf,
        /// What was wanted: certificate or key.
        wanted: &'static str,
    },

    /// A part of the file is UTF-16 and another is not, so no conversion of the whole keeps both.
    #[error(
        "{} is in two encodings: a part of it is UTF-16, which `>>` in PowerShell writes, and another is not. Make it one \
         with `LC_ALL=C tr -d '\\000\\376\\377' < {} > {}`, which keeps both parts, or join the files again that it was made of.",
        file.display(), shell(file), shell(&file.with_extension("joined.pem"))
    )]
    MixedEncodings {
        /// The file.
        file: PathBuf,
    },

    /// The file is UTF-16 text.
    #[error(
        "{} is UTF-16 text, which an editor or PowerShell has written. Convert it with \
         `iconv -f UTF-16{} -t UTF-8 {} > {}`.",
        file.display(), order.unwrap_or(""), shell(file), shell(&file.with_extension("utf8.pem"))
    )]
    Utf16 {
        /// The file.
        file: PathBuf,
        /// `LE` or `BE` where the file itself does not say.
        order: Option<&'static str>,
    },

    /// The private key is protected by a passphrase.
    #[error(
        "the private key in {} is encrypted, and a server has nobody to type the passphrase. Decrypt it with \
         `openssl pkey -in {} -out {}` and use that file.",
        file.display(), shell(file), shell(&file.with_extension("decrypted.key"))
    )]
    EncryptedKey {
        /// The file.
        file: PathBuf,
    },

    /// No certificate is in the file.
    #[error("{} holds no certificate, only {holds}. Give the file with `-----BEGIN CERTIFICATE-----` in it.", file.display())]
    NoCertificate {
        /// The file.
        file: PathBuf,
        /// What it holds instead.
        holds: String,
    },

    /// A certificate request is given as a certificate.
    #[error(
        "{} is a certificate request (CSR), not a certificate. Give the file the authority sent back for it, usually \
         .crt, .cer or .pem.",
        file.display()
    )]
    Request {
        /// The file.
        file: PathBuf,
    },

    /// No private key is in the file.
    #[error("{} holds no private key, only {holds}. Give the file with `PRIVATE KEY-----` in it, usually .key.", file.display())]
    NoKey {
        /// The file.
        file: PathBuf,
        /// What it holds instead.
        holds: String,
    },

    /// The two files are given in the wrong order.
    #[error(
        "the files are swapped: {} holds the private key and {} the certificate. Use `--tls-cert {} --tls-key {}`.",
        cert.display(), key.display(), shell(key), shell(cert)
    )]
    Swapped {
        /// The file given as the certificate.
        cert: PathBuf,
        /// The file given as the key.
        key: PathBuf,
    },

    /// The private key is of another certificate.
    #[error(
        "the private key in {} does not belong to the certificate in {}, which is for {names}. {}",
        key.display(), cert.display(), other_key(matching.as_deref())
    )]
    KeyMismatch {
        /// The certificate file.
        cert: PathBuf,
        /// The key file.
        key: PathBuf,
        /// The names in the certificate.
        names: String,
        /// A file close by with the key that does belong to it.
        matching: Option<PathBuf>,
    },

    /// The certificate is no longer valid.
    #[error(
        "the certificate in {} for {names} expired on {}, {} ago. Renew it and put the new file in its place.",
        file.display(), date(*at), span(*ago)
    )]
    Expired {
        /// The certificate file.
        file: PathBuf,
        /// The names in the certificate.
        names: String,
        /// The end of its validity.
        at: SystemTime,
        /// How long ago that was.
        ago: Duration,
    },

    /// The certificate is not valid yet.
    #[error(
        "the certificate in {} for {names} is not valid before {}, in {}. Check this machine's clock (it says {}), or \
         wait until then.",
        file.display(), date(*at), span(*ahead), date(*at - *ahead)
    )]
    NotYetValid {
        /// The certificate file.
        file: PathBuf,
        /// The names in the certificate.
        names: String,
        /// The start of its validity.
        at: SystemTime,
        /// How long it is until then.
        ahead: Duration,
    },

    /// The key is of a kind that TLS clients or this server cannot use.
    #[error("{} has {kind}, and cannot serve browsers and WeChat with it. {remedy}", file.display())]
    UnsupportedKey {
        /// The file.
        file: PathBuf,
        /// What kind of key it is, with an article.
        kind: String,
        /// How to get one that can be used, as a sentence.
        remedy: String,
    },

    /// The certificate given for the server is an authority's.
    #[error(
        "{} has the certificate of an authority (“{who}”), which vouches for others and serves no domain. {}",
        file.display(), other_certificate(instead.as_deref())
    )]
    Authority {
        /// The certificate file.
        file: PathBuf,
        /// The authority, in short.
        who: String,
        /// A file close by with a domain's certificate for the key that was given.
        instead: Option<PathBuf>,
    },

    /// The file is damaged.
    #[error("{} is damaged: {detail}. Copy it again, whole, from where it came.", file.display())]
    Corrupt {
        /// The file.
        file: PathBuf,
        /// What exactly is broken, with the line where known.
        detail: String,
    },

    /// A folder has certificates without keys, or keys without certificates.
    #[error("{} has no certificate together with its private key: {detail}. Put both files into it.", dir.display())]
    Unpaired {
        /// The folder.
        dir: PathBuf,
        /// What was found, as a clause.
        detail: String,
    },

    /// The folder has too many entries to be one for certificates.
    #[error(
        "{} has too much in it: only the first {most} entries were looked at. Put the certificates into a folder of \
         their own.",
        dir.display()
    )]
    TooMany {
        /// The folder.
        dir: PathBuf,
        /// How many of them are looked at.
        most: usize,
    },

    /// No certificate is for this domain.
    #[error(
        "no certificate covers {domain}: {covered}. Get a certificate for {domain} and add its files, or correct \
         `--domain`."
    )]
    WrongDomain {
        /// The domain that was asked for.
        domain: String,
        /// What the certificates do cover, by file.
        covered: String,
    },

    /// A self-signed certificate cannot be made for this name.
    #[error(
        "no certificate can be made for `{name}`: {detail}. Use letters, digits, dots and hyphens, and for other scripts \
         the `xn--` form."
    )]
    BadName {
        /// The name.
        name: String,
        /// What is wrong with it.
        detail: String,
    },
}

impl Problem {
    /// Whether its remedy is a command that converts the file.
    pub(super) fn has_command(&self) -> bool {
        matches!(self, Problem::OtherFormat { remedy, .. } if remedy.contains('`'))
    }

    /// The problem of an unsupported key, in a certificate or alone, with the commands for a better one.
    pub(super) fn unsupported(file: &Path, kind: impl Into<String>) -> Problem {
        let (key, request) = (
            file.with_extension("new.key"),
            file.with_extension("new.csr"),
        );
        Problem::UnsupportedKey {
            file: file.to_owned(),
            kind: kind.into(),
            remedy: format!(
                "Make an ECDSA P-256 key and a request with `openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
                 -nodes -keyout {} -out {} -subj /CN=DOMAIN`, and have a certificate issued for it; an RSA key of 2048 bits \
                 does as well.",
                shell(&key),
                shell(&request)
            ),
        }
    }

    /// The problem of an ECDSA key whose curve is written out; its certificate may still name the curve.
    pub(super) fn explicit(file: &Path, kind: impl Into<String>) -> Problem {
        Problem::UnsupportedKey {
            file: file.to_owned(),
            kind: kind.into(),
            remedy: format!(
                "If its curve is P-256, P-384 or P-521, `openssl pkey -in {} -ec_param_enc named_curve -out {}` names it.",
                shell(file),
                shell(&file.with_extension("named.key"))
            ),
        }
    }

    /// The problem of a key in the format of OpenSSH.
    pub(super) fn ssh(file: &Path) -> Problem {
        let (from, to) = (shell(file), file.with_extension("ssh.key"));
        let to = shell(&to);
        Problem::UnsupportedKey {
            file: file.to_owned(),
            kind: "an SSH key, which is for logins".to_owned(),
            remedy: format!(
                "Give the key that was made together with the certificate's request. If it is this one, \
                 `cp {from} {to} && ssh-keygen -p -N '' -m PKCS8 -f {to}` converts it."
            ),
        }
    }
}

fn other_certificate(instead: Option<&Path>) -> String {
    match instead {
        Some(file) => format!(
            "The certificate for this key is in {}: use `--tls-cert {}`.",
            file.display(),
            shell(file)
        ),
        None => "Give the file with the domain's own certificate, often called fullchain.pem, and the key that was made for \
                 it."
        .to_owned(),
    }
}

fn other_key(matching: Option<&Path>) -> String {
    match matching {
        Some(file) => format!("The key that does is in {}: use `--tls-key {}`.", file.display(), shell(file)),
        None => "Give the key that was made together with the certificate's request, or have the certificate issued again."
            .to_owned(),
    }
}

/// A path as it can be pasted into a shell.
pub(super) fn shell(path: &Path) -> Cow<'_, str> {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "/._-+@%:,~".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
    }
}
