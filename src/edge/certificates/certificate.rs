//! One parsed certificate, and how certificates form a chain.

use std::time::{Duration, SystemTime};

use rustls_pki_types::CertificateDer;
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    prelude::FromDer,
    public_key::PublicKey,
};

/// What we need of an X.509 certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    pub(super) der: CertificateDer<'static>,
    /// The public key as a DER `SubjectPublicKeyInfo`: what pairs a certificate with its private
    /// key.
    pub(super) public_key: Vec<u8>,
    /// DNS and IP names in lower case; the common name only where there are none.
    pub(super) names: Vec<String>,
    /// Whether the names are subject alternative names, the only ones clients look at.
    pub(super) has_alternative_names: bool,
    pub(super) not_before: SystemTime,
    pub(super) not_after: SystemTime,
    pub(super) is_ca: bool,
    /// A key kind no client or this server can use, with its article.
    pub(super) unsupported: Option<String>,
    subject: Vec<u8>,
    issuer: Vec<u8>,
    subject_key_id: Option<Vec<u8>>,
    issuer_key_id: Option<Vec<u8>>,
}

impl Certificate {
    /// Parses a DER certificate; nothing may follow it.
    pub(super) fn parse(der: CertificateDer<'static>) -> Option<Self> {
        let (rest, x509) = X509Certificate::from_der(&der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let alternative = alternative_names(&x509);
        let has_alternative_names = !alternative.is_empty();
        let names = if has_alternative_names {
            alternative
        } else {
            let common = x509
                .subject()
                .iter_common_name()
                .next()
                .and_then(|name| name.as_str().ok());
            common.map(str::to_ascii_lowercase).into_iter().collect()
        };
        let (mut subject_key_id, mut issuer_key_id) = (None, None);
        for extension in x509.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => subject_key_id = Some(id.0.to_vec()),
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    issuer_key_id = id.key_identifier.as_ref().map(|id| id.0.to_vec());
                }
                _ => {}
            }
        }
        Some(Self {
            public_key: x509.public_key().raw.to_vec(),
            names,
            has_alternative_names,
            not_before: moment(x509.validity().not_before.timestamp()),
            not_after: moment(x509.validity().not_after.timestamp()),
            is_ca: x509.is_ca(),
            unsupported: unsupported(&x509),
            subject: x509.subject().as_raw().to_vec(),
            issuer: x509.issuer().as_raw().to_vec(),
            subject_key_id,
            issuer_key_id,
            der,
        })
    }

    /// Whether it is its own issuer: a root, or made for development.
    pub(super) fn is_self_signed(&self) -> bool {
        self.is_issued_by(self)
    }

    pub(super) fn is_valid_at(&self, now: SystemTime) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    fn is_issued_by(&self, issuer: &Self) -> bool {
        let ids_agree = match (&self.issuer_key_id, &issuer.subject_key_id) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => true,
        };
        self.issuer == issuer.subject && ids_agree
    }
}

/// The chain from `leaf` upwards, each followed by its issuer, as far as `pool` has one. The first
/// of several issuers in `pool` that are valid is taken: they are the same authority, cross-signed.
pub(super) fn chain<'a>(
    leaf: &'a Certificate,
    pool: &[&'a Certificate],
    now: SystemTime,
) -> Vec<&'a Certificate> {
    let mut chain = vec![leaf];
    loop {
        let last = chain[chain.len() - 1];
        if last.is_self_signed() {
            return chain;
        }
        let issuers = || {
            pool.iter()
                .filter(|c| last.is_issued_by(c) && !chain.contains(c))
        };
        let Some(issuer) = issuers()
            .find(|c| c.is_valid_at(now))
            .or_else(|| issuers().next())
        else {
            return chain;
        };
        chain.push(issuer);
    }
}

fn alternative_names(x509: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = x509.subject_alternative_name() else {
        return Vec::new();
    };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(dns) => Some(dns.to_ascii_lowercase()),
        GeneralName::IPAddress(octets) => match octets.len() {
            4 => <[u8; 4]>::try_from(*octets)
                .ok()
                .map(|ip| std::net::Ipv4Addr::from(ip).to_string()),
            16 => <[u8; 16]>::try_from(*octets)
                .ok()
                .map(|ip| std::net::Ipv6Addr::from(ip).to_string()),
            _ => None,
        },
        _ => None,
    };
    extension
        .value
        .general_names
        .iter()
        .filter_map(name)
        .collect()
}

fn unsupported(x509: &X509Certificate<'_>) -> Option<String> {
    let key = x509.public_key();
    if let Some(kind) = foreign_kind(key.raw) {
        return Some(kind.to_owned());
    }
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) if rsa.key_size() < 2048 => {
            Some(format!("an RSA key of only {} bits", rsa.key_size()))
        }
        _ => None,
    }
}

/// Names a key kind we cannot serve by the object identifier in its DER, be it a public or a
/// private key.
pub(super) fn foreign_kind(der: &[u8]) -> Option<&'static str> {
    const KINDS: [(&[u8], &str); 7] = [
        (
            &[0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d],
            "an SM2 key (the Chinese national standard)",
        ),
        (
            &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01],
            "a DSA key",
        ),
        (&[0x06, 0x03, 0x2b, 0x65, 0x71], "an Ed448 key"),
        (
            &[0x06, 0x03, 0x2b, 0x65, 0x6e],
            "an X25519 key, which cannot sign",
        ),
        (
            &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a],
            "an ECDSA key on the curve secp256k1",
        ),
        (
            &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x21],
            "an ECDSA key on the curve P-224",
        ),
        (
            &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01],
            "an ECDSA key on the curve P-192",
        ),
    ];
    // The algorithm comes first in both encodings, but a SEC1 key has its curve after the secret,
    // hence no short window.
    KINDS
        .iter()
        .find(|(oid, _)| der.windows(oid.len()).any(|window| window == *oid))
        .map(|(_, kind)| *kind)
}

fn moment(timestamp: i64) -> SystemTime {
    let distance = Duration::from_secs(timestamp.unsigned_abs());
    if timestamp < 0 {
        SystemTime::UNIX_EPOCH - distance
    } else {
        SystemTime::UNIX_EPOCH + distance
    }
}
