//! The chain an authority sends, which is a stranger's text: read, judged, and written anew.
//!
//! What is kept and served is made of the certificates found here, never of the text they came in. So nothing else of that
//! text, least of all a private key, ends up beside ours.

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
/// How a section begins and ends, wherever on a line that is: authorities lose line ends.
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// Certificates for a key and a domain of ours, ours first.
#[derive(Debug, PartialEq, Eq)]
pub struct IssuedChain(Vec<CertificateDer<'static>>);

/// Why a text is no chain for us, as the end of a sentence.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// RFC 8555, 11.4: whoever takes it may end up serving with a key that others have.
    #[error("there is a private key in it, and a chain must have none (RFC 8555, 11.4)")]
    PrivateKey,
    /// Something else than certificates.
    #[error("there is a section `{0}` in it, and a chain has none but `CERTIFICATE`")]
    Section(String),
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// A page of a gateway, mostly.
    #[error("it is a page in HTML")]
    Page,
    /// Another text.
    #[error("there is no certificate in it")]
    NoCertificate,
    /// It lost something on the way.
    #[error("its certificate number {0} is damaged or cut")]
    Damaged(usize),
    /// More than any chain has.
    #[error("it has more than {MOST} certificates")]
    TooMany,
    /// For another order, or another customer.
    #[error("none of its certificates is for the key that was ordered with")]
    OtherKey,
    /// For other names.
    #[error("its certificate is for {names}, not for {domain}")]
    OtherNames {
        /// Those it is for, as a list in words.
        names: String,
        /// The one it should be for.
        domain: String,
    },
    /// It cannot be served for another reason.
    #[error("{0}")]
    Other(String),
}

impl IssuedChain {
    /// Reads what an authority sent for `domain` and `key`. Line ends, byte order marks and text between the sections do
    /// not matter, nor does the order of the certificates: what was issued once is not issued again because of them.
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

    /// As PEM, with its key: each letter of it is ours.
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

/// The text of a file of ours that an older version wrote: a chain as the authority sent it, with our key behind it. As it
/// would be written now; nothing if it is no such text.
pub fn renewed(text: &str, domain: &str) -> Option<String> {
    // Ours is the last section: what comes before it was the authority's, whatever it was.
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

/// The certificates in a text that may have nothing else.
fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, Unfit> {
    // Before anything is taken from it, and whatever the dashes around it look like.
    if text.to_ascii_uppercase().contains("PRIVATE KEY") {
        return Err(Unfit::PrivateKey);
    }
    let mut sections = text.split(BEGIN);
    let before = sections.next().unwrap_or_default();
    // An end without a beginning: it was damaged, and what it began would be missing from the chain.
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

/// The names clients look at.
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
