//! What certificates say of themselves, for people to read, and how they lie in a chain.

use std::path::Path;
use std::time::SystemTime;

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::X509Name;

use super::certificate::{Certificate, chain};
use super::pair::Key;
use super::pem;
use super::problem::Problem;
use super::reading::read;

/// What one certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// The DNS names and IP addresses it is for; the common name only where there are none.
    pub names: Vec<String>,
    /// Whether the names are subject alternative names, the only ones clients look at.
    pub has_alternative_names: bool,
    /// Whose it is, in short: the common name, else the organisation.
    pub subject: String,
    /// Who vouches for it, in short.
    pub issuer: String,
    /// When it becomes valid.
    pub not_before: SystemTime,
    /// When it expires.
    pub not_after: SystemTime,
    /// The kind of its key, as `ECDSA P-256` or `RSA 2048`.
    pub key: String,
    /// Whether it is an authority's, and not a server's.
    pub authority: bool,
    /// Whether it vouches for itself.
    pub self_signed: bool,
}

/// How the certificates of a chain lie, as a server sends them or a file has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrangement {
    /// Each is followed by its issuer.
    InOrder,
    /// The server's own is not the first.
    LeafNotFirst,
    /// The server's own is the first, but the others are not in order.
    Mixed,
    /// In order, with so many among them that are no part of the chain.
    Superfluous(usize),
}

/// Reads one certificate; none if it is none.
pub fn inspect(der: &CertificateDer<'_>) -> Option<Inspected> {
    let certificate = Certificate::parse(der.clone().into_owned())?;
    let (_, x509) = X509Certificate::from_der(der).ok()?;
    Some(Inspected {
        self_signed: certificate.is_self_signed(),
        subject: short(x509.subject()),
        issuer: short(x509.issuer()),
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        key: key_kind(&x509),
        authority: certificate.is_ca,
        has_alternative_names: certificate.has_alternative_names,
        names: certificate.names,
    })
}

/// Which of them is the server's own: the first that is no authority's, else the first.
pub fn leaf(ders: &[CertificateDer<'_>]) -> usize {
    let own = |der: &CertificateDer<'_>| inspect(der).is_some_and(|one| !one.authority);
    ders.iter().position(own).unwrap_or(0)
}

/// How these lie; what cannot be read counts as superfluous.
pub fn arrangement(ders: &[CertificateDer<'_>], now: SystemTime) -> Arrangement {
    if leaf(ders) != 0 {
        return Arrangement::LeafNotFirst;
    }
    let parsed: Vec<_> = ders
        .iter()
        .filter_map(|der| Certificate::parse(der.clone().into_owned()))
        .collect();
    let Some(first) = parsed.first() else {
        return Arrangement::Superfluous(ders.len());
    };
    let pool: Vec<_> = parsed.iter().collect();
    let chain = chain(first, &pool, now);
    let mut kept: Vec<&Certificate> = Vec::new();
    for certificate in &parsed {
        if chain.contains(&certificate) && !kept.contains(&certificate) {
            kept.push(certificate);
        }
    }
    match ders.len() - kept.len() {
        _ if kept != chain => Arrangement::Mixed,
        0 => Arrangement::InOrder,
        more => Arrangement::Superfluous(more),
    }
}

/// What a PEM file holds.
#[derive(Debug)]
pub struct Holdings {
    /// Its certificates, in their order.
    pub certificates: Vec<CertificateDer<'static>>,
    /// For each private key in it, the public half as certificates have it.
    pub keys: Vec<Vec<u8>>,
    /// Whether there is a key behind a passphrase as well.
    pub encrypted_key: bool,
    /// Whether there is a certificate request as well.
    pub request: bool,
}

impl Holdings {
    /// Reads a file, whatever is in it.
    pub fn read(file: &Path) -> Result<Holdings, Problem> {
        let wanted = "certificate or key";
        let contents = pem::parse(file, &read(file, wanted)?, wanted)?;
        let keys = contents
            .keys
            .iter()
            .map(|der| Key::load(file, der).map(|key| key.public_key));
        Ok(Holdings {
            keys: keys.collect::<Result<_, _>>()?,
            encrypted_key: contents.encrypted_key,
            request: contents.request,
            certificates: contents
                .certificates
                .into_iter()
                .map(|one| one.der)
                .collect(),
        })
    }
}

/// Whether the key with this public half is the certificate's.
pub fn belongs(public_key: &[u8], certificate: &CertificateDer<'_>) -> bool {
    Certificate::parse(certificate.clone().into_owned())
        .is_some_and(|certificate| certificate.public_key == public_key)
}

fn short(name: &X509Name<'_>) -> String {
    let attribute = name
        .iter_common_name()
        .next()
        .or_else(|| name.iter_organization().next())
        .and_then(|attribute| attribute.as_str().ok());
    match attribute {
        Some(text) => text.chars().filter(|c| !c.is_control()).collect(),
        None => name.to_string(),
    }
}

fn key_kind(x509: &X509Certificate<'_>) -> String {
    match x509.public_key().parsed() {
        Ok(PublicKey::RSA(rsa)) => format!("RSA {}", rsa.key_size()),
        // The library counts whole bytes, and P-521 has none.
        Ok(PublicKey::EC(point)) => format!("ECDSA P-{}", point.key_size().min(521)),
        Ok(PublicKey::Unknown(_)) => "Ed25519".to_owned(),
        _ => "of an unusual kind".to_owned(),
    }
}
