//! Reads and checks the chain that an authority sends, which is untrusted text.
//!
//! What is stored and served is encoded anew from the certificates found in it, never copied from the text. So nothing
//! else in that text, such as somebody's private key, gets into our files.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use rcgen::{KeyPair, PublicKeyData};
use rustls_pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::quote::quoted;
use crate::{listed, matches};

/// The most certificates a chain may have; real ones have two to four.
const MOST: usize = 12;
/// The boundaries of a section, anywhere on a line, since some authorities lose line ends.
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// A chain for our key and domain, the leaf first.
#[derive(Debug, PartialEq, Eq)]
pub struct IssuedChain(Vec<CertificateDer<'static>>);

/// Why a text cannot be our chain, as the end of a sentence.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It has a private key (RFC 8555, 11.4). A server that stored it might serve with a key that others know.
    #[error("there is a private key in it, and a chain must have none (RFC 8555, 11.4)")]
    PrivateKey,
    /// A section other than a certificate.
    #[error("there is a section `{0}` in it, and a chain has none but `CERTIFICATE`")]
    Section(String),
    /// It is empty or blank.
    #[error("it is empty")]
    Empty,
    /// It is a page in HTML, mostly of a gateway.
    #[error("it is a page in HTML")]
    Page,
    /// It is some other text.
    #[error("there is no certificate in it")]
    NoCertificate,
    /// The certificate with this number, from 1, is damaged or cut.
    #[error("its certificate number {0} is damaged or cut")]
    Damaged(usize),
    /// It has more certificates than any chain.
    #[error("it has more than {MOST} certificates")]
    TooMany,
    /// It is for the key of another order or another customer.
    #[error("none of its certificates is for the key that was ordered with")]
    OtherKey,
    /// It is for other names.
    #[error("its certificate is for {names}, not for {domain}")]
    OtherNames {
        /// The names it is for, as a list in words.
        names: String,
        /// The name it should be for.
        domain: String,
    },
    /// It cannot be served for another reason.
    #[error("{0}")]
    Other(String),
}

impl IssuedChain {
    /// Reads what an authority sent for `domain` and `key`. Line ends, byte order marks and text between the sections
    /// do not matter, nor does the order of the certificates: none of these is worth ordering another one.
    pub fn read(text: &str, key: &KeyPair, domain: &str) -> Result<IssuedChain, Unfit> {
        let mut certificates = certificates(text)?;
        let ours = certificates.iter().position(|one| is_for(one, key));
        let leaf = certificates.remove(ours.ok_or(Unfit::OtherKey)?);
        let names = names(&leaf);
        if !names.iter().any(|name| matches(name, domain)) {
            return Err(Unfit::OtherNames {
                names: quoted(&listed(&names)),
                domain: domain.to_owned(),
            });
        }
        certificates.insert(0, leaf);
        Ok(IssuedChain(certificates))
    }

    /// The chain as PEM, then its key. All of it is encoded here.
    pub fn with_key(&self, key: &KeyPair) -> String {
        let mut text: String = self.0.iter().map(|one| pem(one)).collect();
        text.push_str(&key.serialize_pem());
        text
    }
}

/// Whether a certificate is for this key.
pub(super) fn is_for(certificate: &CertificateDer<'_>, key: &KeyPair) -> bool {
    X509Certificate::from_der(certificate)
        .is_ok_and(|(_, certificate)| certificate.public_key().raw == key.subject_public_key_info())
}

/// Rewrites a file from an older version, which stored the chain as the authority sent it, with our key behind it.
/// Returns the text that this version writes; none if the text is not of that form.
pub fn rewritten(text: &str, domain: &str) -> Option<String> {
    // Our key is the last section; all that comes before it is the authority's.
    let at = text.rfind(BEGIN)?;
    let key = KeyPair::from_pem(&text[at..]).ok()?;
    let sections = text[..at].split(BEGIN).skip(1);
    let mut chain = String::new();
    for section in sections.filter(|section| section.starts_with("CERTIFICATE-----")) {
        chain.push_str(BEGIN);
        chain.push_str(section);
    }
    let chain = IssuedChain::read(&chain, &key, domain).ok()?;
    Some(chain.with_key(&key))
}

/// The certificates in a text, which may hold nothing else.
fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, Unfit> {
    // Checked before anything is taken from the text, and however the boundary is written.
    if text.to_ascii_uppercase().contains("PRIVATE KEY") {
        return Err(Unfit::PrivateKey);
    }
    let mut sections = text.split(BEGIN);
    let before = sections.next().unwrap_or_default();
    // An END without a BEGIN: the first certificate is damaged, and the chain would lack it.
    if before.contains(END) {
        return Err(Unfit::Damaged(1));
    }
    let mut found = Vec::new();
    for (number, section) in (1..).zip(sections) {
        if number > MOST {
            return Err(Unfit::TooMany);
        }
        let (label, rest) = section.split_once(DASHES).ok_or(Unfit::Damaged(number))?;
        if label != "CERTIFICATE" {
            return Err(Unfit::Section(quoted(label)));
        }
        let (body, after) = rest
            .split_once("-----END CERTIFICATE-----")
            .ok_or(Unfit::Damaged(number))?;
        if body.contains(END) || after.contains(END) {
            return Err(Unfit::Damaged(number));
        }
        found.push(decode(body).ok_or(Unfit::Damaged(number))?);
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let start = before.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    Err(match start {
        "" => Unfit::Empty,
        page if page.starts_with('<') => Unfit::Page,
        _ => Unfit::NoCertificate,
    })
}

fn decode(body: &str) -> Option<CertificateDer<'static>> {
    let letters: String = body.split_ascii_whitespace().collect();
    let bare = letters.trim_end_matches('=');
    let der = BASE64_STANDARD
        .decode(&letters)
        .or_else(|_| BASE64_STANDARD_NO_PAD.decode(bare))
        .ok()?;
    let whole = X509Certificate::from_der(&der).is_ok_and(|(rest, _)| rest.is_empty());
    whole.then(|| CertificateDer::from(der))
}

/// The DNS names that clients check: the subject alternative names.
fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return Vec::new();
    };
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = extension.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        })
        .collect()
}

fn pem(certificate: &CertificateDer<'_>) -> String {
    let letters = BASE64_STANDARD.encode(certificate);
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    let mut rest = letters.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

#[cfg(test)]
mod tests;
