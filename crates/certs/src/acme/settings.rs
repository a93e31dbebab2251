//! The settings of ACME.

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use wulin_http::proxy::OutgoingProxies;

use super::store::Store;
use crate::Pair;

/// What ACME needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The domains, in lower case; each has a certificate of its own.
    pub domains: Vec<String>,
    /// The certificates in the store that can be served, in the order of the domains.
    pub stored: Vec<Option<Pair>>,
    /// The address of the authority's directory (RFC 8555, 7.1.1).
    pub directory: String,
    /// The e-mail address that the authority may write to.
    pub email: Option<String>,
    /// The roots that the certificate of the authority's own server must lead to.
    pub roots: Arc<RootCertStore>,
    /// The proxies to the authority, if there are any.
    pub proxies: OutgoingProxies,
    /// Ties the ACME account to one that the authority knows already.
    pub binding: Option<Binding>,
    /// What is kept across restarts.
    pub store: Store,
}

impl Settings {
    /// The domains of which the store has no certificate that can be served.
    pub fn missing(&self) -> Vec<String> {
        let domains = self.domains.iter().zip(&self.stored);
        let missing = domains.filter(|(_, stored)| stored.is_none());
        missing.map(|(domain, _)| domain.clone()).collect()
    }
}

/// An external account (RFC 8555, 7.3.4).
#[derive(Debug, Clone)]
pub struct Binding {
    /// Its name at the authority.
    pub id: String,
    /// The key they share.
    pub key: SecretBytes,
}

/// Secret bytes, which `Debug` does not print.
#[derive(Clone)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Hides these bytes.
    pub fn new(bytes: Vec<u8>) -> SecretBytes {
        SecretBytes(bytes)
    }

    /// The bytes themselves.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret")
    }
}
