//! What a PEM file holds, by the content of its sections: labels are often wrong, above all those of keys.

use std::path::Path;

use rustls_pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};

use super::format::{BUNDLE, convert, is_pkcs7, is_request, refuse};
use super::sections::{PemText, Section, damaged, sections};
use crate::problem::{Problem, shell};
use crate::x509::certificate::Certificate;
use crate::x509::der;
use crate::x509::kind::{Form, form};

/// What a file holds that matters to a server.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) keys: Vec<PrivateKeyDer<'static>>,
    /// Whether there is a key that a passphrase protects.
    pub(crate) encrypted_key: bool,
    /// Whether there is a certificate request (CSR).
    pub(crate) request: bool,
    /// A private key of a kind that has a PEM label but is not used in TLS, if there is one.
    pub(crate) foreign_key: Option<ForeignKey>,
    /// Sentences on spellings that are accepted here but stop other programs.
    pub(crate) notes: Vec<String>,
    /// The label of every section, for error messages.
    labels: Vec<String>,
}

/// A private key of a kind that PEM names but TLS does not use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ForeignKey {
    Dsa,
    Ssh,
}

impl ForeignKey {
    pub(crate) fn problem(self, file: &Path) -> Problem {
        match self {
            ForeignKey::Dsa => Problem::unsupported(file, "a DSA key"),
            ForeignKey::Ssh => Problem::ssh(file),
        }
    }
}

impl Contents {
    /// The labels in the file, as the object of a sentence.
    pub(crate) fn listed(&self) -> String {
        let mut kinds: Vec<_> = self
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        kinds.dedup();
        kinds.join(", ")
    }

    /// Whether there is a private key of any kind.
    pub(crate) fn has_key(&self) -> bool {
        !self.keys.is_empty() || self.encrypted_key || self.foreign_key.is_some()
    }

    /// Adds what a section holds.
    fn add_section(&mut self, section: &Section, file: &Path) -> Result<(), Problem> {
        let label = section.label.as_str();
        self.labels.push(label.to_owned());
        let is_key = label.ends_with("PRIVATE KEY");
        match label {
            "ENCRYPTED PRIVATE KEY" => self.encrypted_key = true,
            _ if is_key && section.is_encrypted() => self.encrypted_key = true,
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => self.request = true,
            "OPENSSH PRIVATE KEY" => self.foreign_key = Some(ForeignKey::Ssh),
            "PKCS7" | "PKCS #7 SIGNED DATA" => return Err(bundle(file)),
            "CMS" => return Err(cms(file)),
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
                let der = section.decode(file)?;
                if !self.add_der(&der, label == "TRUSTED CERTIFICATE", file)? {
                    return Err(section.damaged(file, "is not a certificate inside"));
                }
            }
            _ if is_key => {
                let der = section.decode(file)?;
                if !self.add_der(&der, false, file)? {
                    return Err(section.damaged(file, "is not a private key inside"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Adds what these bytes hold, and returns whether they hold anything known. OpenSSL appends its trust settings to
    /// a trusted certificate; they are cut off.
    fn add_der(&mut self, der: &[u8], is_trusted: bool, file: &Path) -> Result<bool, Problem> {
        let own = match der::read(der) {
            Some((first, _)) if is_trusted => first.whole,
            _ => der,
        };
        if let Some(certificate) = Certificate::parse(own.to_vec().into()) {
            self.certificates.push(certificate);
            return Ok(true);
        }
        if is_pkcs7(der) {
            return Err(bundle(file));
        }
        let whole = || der.to_vec();
        match form(der) {
            Some(Form::Pkcs8) => self.keys.push(PrivatePkcs8KeyDer::from(whole()).into()),
            Some(Form::Sec1) => self.keys.push(PrivateSec1KeyDer::from(whole()).into()),
            Some(Form::Pkcs1) => self.keys.push(PrivatePkcs1KeyDer::from(whole()).into()),
            Some(Form::Dsa) => self.foreign_key = Some(ForeignKey::Dsa),
            Some(Form::Encrypted) => self.encrypted_key = true,
            None if der.starts_with(b"openssh-key-v1\0") => {
                self.foreign_key = Some(ForeignKey::Ssh);
            }
            None if is_request(der) => self.request = true,
            None => return Ok(false),
        }
        Ok(true)
    }
}

/// Reads a PEM file. `wanted` names what it should hold, for error messages.
pub(crate) fn parse(file: &Path, bytes: &[u8], wanted: &'static str) -> Result<Contents, Problem> {
    refuse(file, bytes, wanted)?;
    // Text between the sections may be in any encoding (PKCS#12 bag attributes often are); the sections themselves are
    // ASCII.
    let PemText {
        sections,
        notes,
        hidden,
    } = sections(file, &String::from_utf8_lossy(bytes))?;
    let mut contents = Contents {
        notes,
        ..Contents::default()
    };
    for section in &sections {
        contents.add_section(section, file)?;
    }
    match hidden {
        _ if !sections.is_empty() => Ok(contents),
        Some(line) => Err(damaged(
            file,
            format!("on line {line} there is other text before BEGIN, which must start its line"),
        )),
        None => Err(Problem::NotPem {
            file: file.to_owned(),
            wanted,
        }),
    }
}

fn bundle(file: &Path) -> Problem {
    Problem::OtherFormat {
        file: file.to_owned(),
        what: BUNDLE,
        remedy: convert(file, "pkcs7 -print_certs", "p7b.pem") + ".",
    }
}

/// CMS is PKCS#7 with a newer label. `openssl pkcs7` accepts only the old label, so the command replaces it.
fn cms(file: &Path) -> Problem {
    let (from, to) = (shell(file), file.with_extension("p7b.pem"));
    let remedy = format!(
        "Convert it with `sed 's/ CMS-----/ PKCS7-----/' {from} | openssl pkcs7 -print_certs -out {}`.",
        shell(&to)
    );
    Problem::OtherFormat {
        file: file.to_owned(),
        what: BUNDLE,
        remedy,
    }
}
