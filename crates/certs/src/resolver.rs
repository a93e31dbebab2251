//! Which certificate a client gets, by the name it asks for and the signatures it supports.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{SignatureAlgorithm, SignatureScheme};

use crate::pairing::pair::Pair;

/// Picks the certificate for each handshake, and can be given new ones while it serves.
///
/// A handshake reads `index` alone, and holds that lock only while it clones an `Arc`. A change builds a new index
/// under the lock of `pairs`, so that of two changes at once none is lost. Both are std's locks, since rustls resolves
/// in synchronous code and nothing here waits.
#[derive(Debug)]
pub struct Resolver {
    pairs: Mutex<AllPairs>,
    index: RwLock<Arc<Index>>,
}

/// The pairs that the index is built from.
#[derive(Debug, Default)]
struct AllPairs {
    /// From files, or the server's own self-signed one.
    given: Vec<Pair>,
    /// Fetched by ACME, by domain. They take precedence over those given.
    fetched: Vec<(String, Pair)>,
}

impl Resolver {
    /// Serves these pairs. The first is for clients that name no domain, or one that no pair covers.
    pub fn new(pairs: &[Pair]) -> Resolver {
        let resolver = Resolver {
            pairs: Mutex::default(),
            index: RwLock::default(),
        };
        resolver.replace(pairs);
        resolver
    }

    /// Serves these pairs to every handshake from now on, beside what was fetched. Open connections keep what they
    /// have.
    pub fn replace(&self, pairs: &[Pair]) {
        self.change(|all| all.given = pairs.to_vec());
    }

    /// Serves this pair to every handshake from now on, in place of the one fetched before for the same domain, and
    /// before those from files.
    pub fn put_fetched(&self, domain: &str, pair: Pair) {
        self.change(|all| {
            let mut fetched = all.fetched.iter_mut();
            match fetched.find(|(known, _)| known == domain) {
                Some((_, before)) => *before = pair,
                None => all.fetched.push((domain.to_owned(), pair)),
            }
        });
    }

    /// Changes the pairs and builds the index anew.
    fn change(&self, with: impl FnOnce(&mut AllPairs)) {
        let mut all = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        with(&mut all);
        let fetched = all.fetched.iter().map(|(_, pair)| pair);
        let index = Arc::new(Index::new(fetched.chain(&all.given)));
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = index;
    }

    /// What is served now, in the order it was given.
    pub fn served(&self) -> Vec<Served> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        index.served.clone()
    }

    pub(super) fn pick(
        &self,
        name: Option<&str>,
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let index = Arc::clone(&self.index.read().unwrap_or_else(PoisonError::into_inner));
        index.pick(name, schemes).cloned()
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.pick(hello.server_name(), hello.signature_schemes())
    }
}

/// The certificates for one name, the preferred kind of key first.
type Choices = Vec<Arc<CertifiedKey>>;

/// The certificates by name, ready for a handshake.
#[derive(Debug, Default)]
struct Index {
    exact: HashMap<String, Choices>,
    /// By the part after `*.`.
    wildcard: HashMap<String, Choices>,
    default: Choices,
    served: Vec<Served>,
}

/// A certificate that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The names it is for.
    pub names: Vec<String>,
    /// When it expires.
    pub not_after: SystemTime,
}

impl Index {
    fn new<'a>(pairs: impl Iterator<Item = &'a Pair>) -> Index {
        let mut index = Index::default();
        let mut first = None;
        for pair in pairs {
            index.served.push(Served {
                names: pair.names.clone(),
                not_after: pair.not_after,
            });
            let first = *first.get_or_insert(&pair.names);
            for name in &pair.names {
                let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
                let choices = match name.strip_prefix("*.") {
                    Some(parent) => index.wildcard.entry(parent.to_owned()),
                    None => index.exact.entry(name),
                };
                choices.or_default().push(Arc::clone(&pair.certified));
            }
            // A pair for the same names with another kind of key is an alternative to the first.
            if pair.names == *first {
                index.default.push(Arc::clone(&pair.certified));
            }
        }
        for choices in index
            .exact
            .values_mut()
            .chain(index.wildcard.values_mut())
            .chain([&mut index.default])
        {
            // Stable, so that among equals the pair that was given first wins.
            choices.sort_by_key(|choice| cost(choice.key.algorithm()));
        }
        index
    }

    fn pick(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<&Arc<CertifiedKey>> {
        let choices = name
            .and_then(|name| self.find(name))
            .unwrap_or(&self.default);
        let understood = choices
            .iter()
            .find(|choice| choice.key.choose_scheme(schemes).is_some());
        // If the client supports none of them, the handshake fails and rustls tells it why.
        understood.or_else(|| choices.first())
    }

    fn find(&self, name: &str) -> Option<&Choices> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let name = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        };
        self.exact.get(name.as_ref()).or_else(|| {
            let (label, parent) = name.split_once('.')?;
            self.wildcard.get(parent).filter(|_| !label.is_empty())
        })
    }
}

/// The order of preference. An ECDSA signature costs a server a small part of the time of an RSA one, and its chain is
/// smaller.
fn cost(algorithm: SignatureAlgorithm) -> u8 {
    match algorithm {
        SignatureAlgorithm::ECDSA => 0,
        SignatureAlgorithm::ED25519 => 1,
        _ => 2,
    }
}
