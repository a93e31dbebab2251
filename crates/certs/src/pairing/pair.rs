//! A certificate chain with its private key, checked and ready to serve.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::sign::CertifiedKey;

use super::beside::{certificate_beside, key_beside};
use super::key::Key;
use crate::names::{listed, matches};
use crate::problem::Problem;
use crate::reading::file::read;
use crate::reading::pem::{self, Contents};
use crate::times::{date, left};
use crate::x509::certificate::Certificate;
use crate::x509::chain::{Chain, chain};

/// With less time left than this, a warning is given. Certificates are renewed about a month before their end, so two
/// weeks mean that renewal does not work.
const SOON: Duration = Duration::from_hours(14 * 24);

/// A certificate chain with its private key.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The chain and key as rustls serves them.
    pub certified: Arc<CertifiedKey>,
    /// The DNS names and IP addresses it is for; the common name only where there are none.
    pub names: Vec<String>,
    /// When it becomes valid.
    pub not_before: SystemTime,
    /// When it expires.
    pub not_after: SystemTime,
    /// The file the certificate is from.
    pub cert_path: PathBuf,
    /// The file the private key is from; the same one when it holds both.
    pub key_path: PathBuf,
    /// Whether it is self-signed, so that no phone trusts it.
    pub self_signed: bool,
    /// What works but deserves attention, as sentences.
    pub warnings: Vec<String>,
}

impl Pair {
    /// Whether this certificate is for `domain`, by name or by wildcard.
    pub fn covers(&self, domain: &str) -> bool {
        self.names.iter().any(|name| matches(name, domain))
    }
}

/// Loads a PEM certificate chain and its private key, and checks that a server can use them at `now`.
pub fn load_pair(cert: &Path, key: &Path, now: SystemTime) -> Result<Pair, Problem> {
    let certificates = pem::parse(cert, &read(cert, "certificate")?, "certificate")?;
    if cert == key {
        return pair_up((cert, &certificates), (key, &certificates), now);
    }
    let keys = pem::parse(key, &read(key, "private key")?, "private key")?;
    pair_up((cert, &certificates), (key, &keys), now)
}

/// A pair from PEM text that holds chain and key. `file` is where it will be stored, for error messages.
pub fn read_pair(file: &Path, text: &str, now: SystemTime) -> Result<Pair, Problem> {
    let contents = pem::parse(file, text.as_bytes(), "certificate")?;
    pair_up((file, &contents), (file, &contents), now)
}

/// Makes a pair of what two files hold, or of what one file holds when both are the same.
pub(crate) fn pair_up(
    cert: (&Path, &Contents),
    key: (&Path, &Contents),
    now: SystemTime,
) -> Result<Pair, Problem> {
    let (cert_path, certificates) = (cert.0, &cert.1.certificates);
    let (key_path, keys) = key;
    if certificates.is_empty() {
        return Err(no_certificate(cert, key));
    }
    let loaded: Vec<_> = keys
        .keys
        .iter()
        .map(|der| Key::load(key_path, der))
        .collect();
    if loaded.is_empty() {
        return Err(no_key(key_path, keys));
    }

    let pool: Vec<_> = certificates.iter().collect();
    for key in loaded.iter().flatten() {
        let leaves = certificates
            .iter()
            .filter(|leaf| leaf.public_key == key.public_key && !leaf.is_authority());
        let candidates =
            leaves.map(|leaf| Candidate::new(cert_path, certificates, leaf, &pool, now));
        if let Some(candidate) = Candidate::best(candidates) {
            let mut pair = candidate.assemble(key, key_path, now)?;
            pair.warnings.extend(candidate.repairs(certificates));
            pair.warnings.extend(cert.1.notes.iter().cloned());
            if cert_path != key_path {
                pair.warnings.extend(keys.notes.iter().cloned());
            }
            return Ok(pair);
        }
    }
    Err(no_match(cert_path, certificates, key_path, loaded))
}

/// Why none of the certificates goes with one of the keys.
fn no_match(
    cert_path: &Path,
    certificates: &[Certificate],
    key_path: &Path,
    loaded: Vec<Result<Key, Problem>>,
) -> Problem {
    let Some(leaf) = certificates.iter().find(|one| !one.is_authority()) else {
        // A server has no use for the key of an authority, so a certificate is looked for and no key.
        let mut own = loaded.iter().flatten();
        let beside = [cert_path, key_path];
        return Problem::Authority {
            file: cert_path.to_owned(),
            who: certificates[0].subject.short.clone(),
            instead: own.find_map(|key| certificate_beside(&beside, &key.public_key)),
        };
    };
    // The certificate tells more about an unsupported key than the key itself, which did not load.
    if let Some(kind) = leaf.kind.unfit.clone() {
        return Problem::unsupported(cert_path, kind);
    }
    if loaded.iter().all(Result::is_err)
        && let Some(Err(problem)) = loaded.into_iter().next()
    {
        return problem;
    }
    Problem::KeyMismatch {
        cert: cert_path.to_owned(),
        key: key_path.to_owned(),
        names: listed(&leaf.names),
        matching: key_beside(&[cert_path, key_path], &leaf.public_key),
    }
}

fn no_certificate(
    (cert_path, cert): (&Path, &Contents),
    (key_path, key): (&Path, &Contents),
) -> Problem {
    let file = cert_path.to_owned();
    if cert.has_key() && !key.certificates.is_empty() {
        Problem::Swapped {
            cert: file,
            key: key_path.to_owned(),
        }
    } else if cert.request {
        Problem::Request { file }
    } else {
        Problem::NoCertificate {
            file,
            holds: cert.listed(),
        }
    }
}

fn no_key(path: &Path, contents: &Contents) -> Problem {
    let file = path.to_owned();
    match contents.foreign_key {
        _ if contents.encrypted_key => Problem::EncryptedKey { file },
        Some(foreign) => foreign.problem(path),
        None => Problem::NoKey {
            file,
            holds: contents.listed(),
        },
    }
}

/// Checks that each domain is covered by one of the pairs.
pub fn check_domains(pairs: &[Pair], domains: &[impl AsRef<str>]) -> Result<(), Problem> {
    let uncovered = domains
        .iter()
        .map(AsRef::as_ref)
        .find(|domain| !pairs.iter().any(|pair| pair.covers(domain)));
    match uncovered {
        None => Ok(()),
        Some(domain) => Err(Problem::WrongDomain {
            domain: domain.to_owned(),
            covered: coverage(pairs),
        }),
    }
}

/// Which names the pairs cover, for an error message.
fn coverage(pairs: &[Pair]) -> String {
    if pairs.is_empty() {
        return "there is no certificate at all".to_owned();
    }
    let each = pairs.iter().map(|pair| {
        format!(
            "{} is for {}",
            pair.cert_path.display(),
            listed(&pair.names)
        )
    });
    each.collect::<Vec<_>>().join("; ")
}

/// A certificate that could be served, with the chain above it.
#[derive(Debug)]
pub(crate) struct Candidate<'a> {
    pub(crate) file: &'a Path,
    pub(crate) chain: Vec<&'a Certificate>,
    /// Expired certificates of this file that are left out of the chain.
    expired: Vec<&'a Certificate>,
    rank: CandidateRank,
}

/// How good a candidate is, the most important first: valid now, not self-signed, with its intermediates, the latest
/// end, the most certificates of the chain in one file.
type CandidateRank = (bool, bool, bool, SystemTime, usize);

impl<'a> Candidate<'a> {
    /// The chain from `leaf` upwards through `pool`. `leaf` is one of the certificates in `file`, which are `own`.
    pub(crate) fn new(
        file: &'a Path,
        own: &[Certificate],
        leaf: &'a Certificate,
        pool: &[&'a Certificate],
        now: SystemTime,
    ) -> Candidate<'a> {
        let Chain {
            links: chain,
            mut expired,
        } = chain(leaf, pool, now);
        expired.retain(|one| own.contains(one));
        let in_file = chain
            .iter()
            .filter(|certificate| own.contains(certificate))
            .count();
        let (lonely, self_signed) = (chain.len() == 1, leaf.is_self_signed());
        let rank = (
            leaf.is_valid_at(now),
            !self_signed,
            !lonely || self_signed,
            leaf.not_after,
            in_file,
        );
        Candidate {
            file,
            chain,
            expired,
            rank,
        }
    }

    /// The best candidate; the first among equals.
    pub(crate) fn best(candidates: impl Iterator<Item = Candidate<'a>>) -> Option<Candidate<'a>> {
        candidates.reduce(|best, next| {
            if next.is_better_than(&best) {
                next
            } else {
                best
            }
        })
    }

    pub(crate) fn is_better_than(&self, other: &Candidate<'a>) -> bool {
        self.rank > other.rank
    }

    /// Checks the certificate and makes the pair with a key that is known to be its own.
    pub(crate) fn assemble(
        &self,
        key: &Key,
        key_path: &Path,
        now: SystemTime,
    ) -> Result<Pair, Problem> {
        let (leaf, file) = (self.chain[0], self.file.to_owned());
        let names = || listed(&leaf.names);
        if let Some(kind) = leaf.kind.unfit.clone() {
            return Err(Problem::unsupported(self.file, kind));
        }
        if now > leaf.not_after {
            let ago = now.duration_since(leaf.not_after).unwrap_or_default();
            return Err(Problem::Expired {
                file,
                names: names(),
                at: leaf.not_after,
                ago,
            });
        }
        if now < leaf.not_before {
            let ahead = leaf.not_before.duration_since(now).unwrap_or_default();
            return Err(Problem::NotYetValid {
                file,
                names: names(),
                at: leaf.not_before,
                ahead,
            });
        }
        let ders = self
            .chain
            .iter()
            .map(|certificate| certificate.der.clone())
            .collect();
        Ok(Pair {
            certified: Arc::new(CertifiedKey::new(ders, Arc::clone(&key.signing))),
            names: leaf.names.clone(),
            not_before: leaf.not_before,
            not_after: leaf.not_after,
            cert_path: file,
            key_path: key_path.to_owned(),
            self_signed: leaf.is_self_signed(),
            warnings: self.warnings(now),
        })
    }

    fn warnings(&self, now: SystemTime) -> Vec<String> {
        let (leaf, file) = (self.chain[0], self.file.display());
        let mut warnings = Vec::new();
        let rest = leaf.not_after.duration_since(now).unwrap_or_default();
        if rest < SOON {
            let (names, end) = (listed(&leaf.names), date(leaf.not_after));
            warnings.push(format!(
                "the certificate in {file} for {names} expires on {end}, in {}; renew it now.",
                left(rest)
            ));
        }
        if self.chain.len() == 1 && !leaf.is_self_signed() {
            warnings.push(format!(
                "{file} holds the certificate alone, without the intermediate that phones need to trust it; use the file \
                 with the whole chain (often called fullchain or bundle)."
            ));
        }
        for one in &self.expired {
            let (who, end) = (&one.subject.short, date(one.not_after));
            warnings.push(format!(
                "the certificate of “{who}” in {file} expired on {end} and is not sent, as no way to a root needs it; remove it \
                 from the file, or download the chain again."
            ));
        }
        if let Some(above) = self.chain[1..].iter().find(|above| !above.is_valid_at(now)) {
            warnings.push(format!(
                "an intermediate certificate in {file} is valid only from {} to {}; download the chain again.",
                date(above.not_before),
                date(above.not_after)
            ));
        }
        if !leaf.has_alternative_names {
            warnings.push(format!(
                "the certificate in {file} has no subject alternative name, so phones and browsers refuse it; have it issued \
                 again."
            ));
        }
        warnings
    }

    /// How the chain that is sent differs from the file, as sentences.
    fn repairs(&self, in_file: &[Certificate]) -> Vec<String> {
        let file = self.file.display();
        let mut repairs = Vec::new();
        let mut kept: Vec<&Certificate> = Vec::new();
        for certificate in in_file {
            if self.chain.contains(&certificate) && !kept.contains(&certificate) {
                kept.push(certificate);
            }
        }
        if kept != self.chain {
            repairs.push(format!(
                "the certificates in {file} are in the wrong order; they are sent in the right one, but other servers would \
                 not: put the domain's own certificate first."
            ));
        }
        let told = in_file.iter().filter(|one| self.expired.contains(one));
        let dropped = in_file.len() - kept.len() - told.count();
        if dropped > 0 {
            repairs.push(format!(
                "{dropped} of the {} certificates in {file} are doubles or no part of the chain, and are not sent; remove \
                 them.",
                in_file.len()
            ));
        }
        repairs
    }
}
