//! Describes certificates and keys for people, and how the certificates of a chain are ordered, for `wulin cert` and
//! `wulin check`.

use std::path::Path;
use std::time::SystemTime;

use rustls_pki_types::{CertificateDer, TrustAnchor};

use crate::pairing::key::Key;
use crate::problem::Problem;
use crate::reading::file::read;
use crate::reading::pem;
use crate::x509::certificate::Certificate;
use crate::x509::chain::{self, Chain, chain};
use crate::x509::kind;

/// What one certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// The DNS names and IP addresses it is for; the common name only where there are none.
    pub names: Vec<String>,
    /// Whether the names are subject alternative names, the only ones clients look at.
    pub has_alternative_names: bool,
    /// Its subject, in short: the common name, else the organisation.
    pub subject: String,
    /// Its issuer, in short.
    pub issuer: String,
    /// When it becomes valid.
    pub not_before: SystemTime,
    /// When it expires.
    pub not_after: SystemTime,
    /// The kind of its key, as `ECDSA P-256` or `RSA 2048`.
    pub key: String,
    /// What its key is, with an article, if browsers, `WeChat` or this server cannot use it.
    pub unfit_key: Option<String>,
    /// Whether it is an authority's, and not a server's.
    pub authority: bool,
    /// Whether it is self-signed.
    pub self_signed: bool,
}

/// The order of the certificates that a server sends or a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrangement {
    /// Each is followed by its issuer.
    InOrder,
    /// The leaf, which is the server's own, is not the first.
    LeafNotFirst,
    /// The leaf is the first, but the others are not in order.
    Mixed,
    /// In order, with an expired one that is not needed.
    Expired {
        /// Whose certificate it is.
        who: String,
        /// When it expired.
        at: SystemTime,
    },
    /// In order, with this many certificates that are no part of the chain.
    Superfluous(usize),
}

/// Describes a certificate; none if the bytes are not one.
pub fn inspect(der: &CertificateDer<'_>) -> Option<Inspected> {
    let certificate = parse(der)?;
    Some(Inspected {
        self_signed: certificate.is_self_signed(),
        authority: certificate.is_authority(),
        subject: certificate.subject.short,
        issuer: certificate.issuer.short,
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        key: certificate.kind.name,
        unfit_key: certificate.kind.unfit,
        has_alternative_names: certificate.has_alternative_names,
        names: certificate.names,
    })
}

fn parse(der: &CertificateDer<'_>) -> Option<Certificate> {
    Certificate::parse(der.clone().into_owned())
}

/// The index of the leaf: the first that is not an authority's, else 0.
pub fn leaf(ders: &[CertificateDer<'_>]) -> usize {
    let own = |der: &CertificateDer<'_>| inspect(der).is_some_and(|one| !one.authority);
    ders.iter().position(own).unwrap_or(0)
}

/// The order of these certificates. What cannot be parsed counts as superfluous.
pub fn arrangement(ders: &[CertificateDer<'_>], now: SystemTime) -> Arrangement {
    if leaf(ders) != 0 {
        return Arrangement::LeafNotFirst;
    }
    let parsed: Vec<_> = ders.iter().filter_map(parse).collect();
    let Some(first) = parsed.first() else {
        return Arrangement::Superfluous(ders.len());
    };
    let pool: Vec<_> = parsed.iter().collect();
    let Chain { links, expired } = chain(first, &pool, now);
    let mut kept: Vec<&Certificate> = Vec::new();
    for certificate in &parsed {
        if links.contains(&certificate) && !kept.contains(&certificate) {
            kept.push(certificate);
        }
    }
    match ders.len() - kept.len() {
        _ if kept != links => Arrangement::Mixed,
        0 => Arrangement::InOrder,
        more => match expired.first() {
            Some(one) => Arrangement::Expired {
                who: one.subject.short.clone(),
                at: one.not_after,
            },
            None => Arrangement::Superfluous(more),
        },
    }
}

/// The names of the roots at which clients end with these certificates: first the root that the chain leads to, then
/// those that some clients reach from a certificate closer to the leaf, which is number `leaf`.
pub fn ends(
    ders: &[CertificateDer<'_>],
    leaf: usize,
    roots: &[TrustAnchor<'_>],
    at: SystemTime,
) -> Vec<String> {
    let parsed: Vec<_> = ders.iter().filter_map(parse).collect();
    let Some(own) = ders.get(leaf).and_then(parse) else {
        return Vec::new();
    };
    chain::ends(&own, &parsed.iter().collect::<Vec<_>>(), roots, at)
}

/// The issuer of the last certificate in the chain above number `leaf`, in short.
pub fn top(ders: &[CertificateDer<'_>], leaf: usize, at: SystemTime) -> Option<String> {
    let parsed: Vec<_> = ders.iter().filter_map(parse).collect();
    let own = ders.get(leaf).and_then(parse)?;
    let pool: Vec<_> = parsed.iter().collect();
    let links = chain(&own, &pool, at).links;
    links.last().map(|last| last.issuer.short.clone())
}

/// What a private key says of itself, without the secret.
#[derive(Debug)]
pub struct PrivateKey {
    /// Its kind, as `ECDSA P-256` or `RSA 2048`.
    pub kind: String,
    public: Vec<u8>,
}

impl PrivateKey {
    /// Whether it is the key of this certificate.
    pub fn belongs(&self, certificate: &CertificateDer<'_>) -> bool {
        parse(certificate).is_some_and(|certificate| certificate.public_key == self.public)
    }
}

/// What a PEM file holds.
#[derive(Debug)]
pub struct Holdings {
    /// Its certificates, in their order.
    pub certificates: Vec<CertificateDer<'static>>,
    /// Its private keys; for each that no server can use, the reason.
    pub keys: Vec<Result<PrivateKey, Problem>>,
    /// Whether there is also a key that a passphrase protects.
    pub encrypted_key: bool,
    /// Whether there is also a certificate request.
    pub request: bool,
    /// Sentences on spellings that other programs do not accept.
    pub notes: Vec<String>,
    /// The labels of its sections, if none of them is of use.
    pub useless: Option<String>,
}

impl Holdings {
    /// Reads a PEM file.
    pub fn read(file: &Path) -> Result<Holdings, Problem> {
        let wanted = "certificate or key";
        let contents = pem::parse(file, &read(file, wanted)?, wanted)?;
        let has_use = !contents.certificates.is_empty() || contents.has_key() || contents.request;
        let keys = contents.keys.iter().map(|der| {
            let public = Key::load(file, der)?.public_key;
            let kind = kind::of_private(der).map_or_else(String::new, |kind| kind.name);
            Ok(PrivateKey { kind, public })
        });
        let foreign = contents
            .foreign_key
            .map(|foreign| Err(foreign.problem(file)));
        Ok(Holdings {
            keys: keys.chain(foreign).collect(),
            encrypted_key: contents.encrypted_key,
            request: contents.request,
            useless: (!has_use).then(|| contents.listed()),
            notes: contents.notes,
            certificates: contents
                .certificates
                .into_iter()
                .map(|one| one.der)
                .collect(),
        })
    }
}
