//! One parsed certificate, and whether another one has issued it.

use std::time::{Duration, SystemTime};

use rustls_pki_types::{CertificateDer, TrustAnchor};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;

use super::der::sequence;
use super::distinguished::DistinguishedName;
use super::kind::{self, KeyKind};
use super::signature::{Signed, signed_by};

/// The parts of an X.509 certificate (RFC 5280) that are needed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Certificate {
    pub(crate) der: CertificateDer<'static>,
    /// Equal for a certificate and its private key; see [`kind::identity`].
    pub(crate) public_key: Vec<u8>,
    /// The public key as a DER `SubjectPublicKeyInfo`.
    key_info: Vec<u8>,
    pub(crate) kind: KeyKind,
    /// DNS names and IP addresses, in lower case; the common name only if there are none.
    pub(crate) names: Vec<String>,
    /// Whether the names are subject alternative names, the only ones clients look at.
    pub(crate) has_alternative_names: bool,
    pub(crate) not_before: SystemTime,
    pub(crate) not_after: SystemTime,
    role: Role,
    pub(crate) subject: DistinguishedName,
    pub(crate) issuer: DistinguishedName,
    subject_key_id: Option<Vec<u8>>,
    issuer_key_id: Option<Vec<u8>>,
    self_signed: bool,
}

/// What the key of a certificate may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Serve, and not sign other certificates.
    Server,
    /// Sign other certificates; no key usage forbids to serve as well.
    Either,
    /// Sign other certificates, and not serve.
    Authority,
}

impl Certificate {
    /// Parses a DER certificate; nothing may follow it.
    pub(crate) fn parse(der: CertificateDer<'static>) -> Option<Certificate> {
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
        let mut signs_certificates_only = false;
        for extension in x509.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => subject_key_id = Some(id.0.to_vec()),
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    issuer_key_id = id.key_identifier.as_ref().map(|id| id.0.to_vec());
                }
                ParsedExtension::KeyUsage(usage) => {
                    signs_certificates_only = usage.key_cert_sign() && !usage.digital_signature();
                }
                _ => {}
            }
        }
        let key_info = x509.public_key().raw;
        let mut certificate = Certificate {
            public_key: kind::identity(key_info),
            kind: kind::of_public(key_info),
            key_info: key_info.to_vec(),
            names,
            has_alternative_names,
            not_before: moment(x509.validity().not_before.timestamp()),
            not_after: moment(x509.validity().not_after.timestamp()),
            role: match (x509.is_ca(), signs_certificates_only) {
                (false, _) => Role::Server,
                (true, false) => Role::Either,
                (true, true) => Role::Authority,
            },
            subject: DistinguishedName::new(x509.subject()),
            issuer: DistinguishedName::new(x509.issuer()),
            subject_key_id,
            issuer_key_id,
            self_signed: false,
            der,
        };
        certificate.self_signed =
            certificate.subject == certificate.issuer && certificate.is_issued_by(&certificate);
        Some(certificate)
    }

    /// Whether it is its own issuer: a root, or a certificate for development.
    pub(crate) fn is_self_signed(&self) -> bool {
        self.self_signed
    }

    /// Whether it belongs to an authority and serves no domain. What `openssl req -x509` makes for development is
    /// marked as an authority too, but it names a domain and no key usage forbids to serve, so it does not count as
    /// one.
    pub(crate) fn is_authority(&self) -> bool {
        let is_for_a_domain = self.has_alternative_names
            || self.names.iter().any(|name| {
                name == "localhost" || (name.contains('.') && !name.contains(char::is_whitespace))
            });
        match self.role {
            Role::Server => false,
            Role::Either => !(self.self_signed && is_for_a_domain),
            Role::Authority => true,
        }
    }

    /// Whether it may sign other certificates.
    pub(crate) fn is_ca(&self) -> bool {
        self.role != Role::Server
    }

    pub(crate) fn is_valid_at(&self, now: SystemTime) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    /// Whether `issuer` has issued it, by its signature. If that is of a kind that cannot be verified here, the names
    /// and the key identifiers decide.
    pub(crate) fn is_issued_by(&self, issuer: &Certificate) -> bool {
        let names = self.issuer == issuer.subject;
        let ids = match (&self.issuer_key_id, &issuer.subject_key_id) {
            (Some(ours), Some(theirs)) => Some(ours == theirs),
            _ => None,
        };
        // Verifying a signature is expensive, so first a name or an identifier must fit.
        if !names && ids != Some(true) {
            return false;
        }
        match signed_by(&self.der, &issuer.key_info) {
            Signed::Yes => true,
            Signed::No => false,
            Signed::Unknown => names && ids != Some(false),
        }
    }

    /// Whether this root has issued it, or is the same certificate.
    pub(crate) fn is_issued_by_root(&self, root: &Root) -> bool {
        self.issuer == root.subject
            && match signed_by(&self.der, &root.key_info) {
                Signed::Yes => true,
                Signed::No => false,
                Signed::Unknown => self.key_info == root.key_info,
            }
    }
}

/// A root that clients trust.
#[derive(Debug)]
pub(crate) struct Root {
    pub(crate) subject: DistinguishedName,
    key_info: Vec<u8>,
}

impl Root {
    pub(crate) fn new(anchor: &TrustAnchor<'_>) -> Option<Root> {
        Some(Root {
            subject: DistinguishedName::read(&sequence(&anchor.subject))?,
            key_info: sequence(&anchor.subject_public_key_info),
        })
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

fn moment(timestamp: i64) -> SystemTime {
    let distance = Duration::from_secs(timestamp.unsigned_abs());
    if timestamp < 0 {
        SystemTime::UNIX_EPOCH - distance
    } else {
        SystemTime::UNIX_EPOCH + distance
    }
}
