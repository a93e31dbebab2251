//! The certificates of a running server, and the tasks that keep them valid: one reads changed files, one orders by
//! ACME.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::acme::{self, AcmeRenewal, Challenges};
use super::renewal::{Listener, Renewal};
use super::{Pair, Resolver, Source, tls};

/// The certificates of a running server.
pub struct Upkeep {
    /// Picks the certificate for each handshake.
    pub resolver: Arc<Resolver>,
    /// Whether clients trust a certificate for every domain.
    pub trusted: Arc<AtomicBool>,
    /// Reads changed files; none if the server made its own certificate.
    renewal: Option<Arc<Renewal>>,
    /// Orders certificates; none without `--acme`.
    acme: Option<Arc<AcmeRenewal>>,
}

/// What a server starts with.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The certificates, the default one first. Never empty.
    pub pairs: Vec<Pair>,
    /// Where they are from, and where new ones will be; none if the server made its own.
    pub source: Option<Source>,
    /// The domains that these must cover, now and after each change: all, unless the server fetches certificates
    /// itself.
    pub covered: Vec<String>,
    /// Whether clients trust these for every domain.
    pub trusted: bool,
    /// The settings of ACME, if certificates are fetched.
    pub acme: Option<acme::Settings>,
}

impl Upkeep {
    /// Serves the loaded certificates.
    pub fn new(loaded: Loaded, listener: Listener) -> anyhow::Result<Upkeep> {
        let resolver = Arc::new(Resolver::new(&loaded.pairs));
        let trusted = Arc::new(AtomicBool::new(loaded.trusted));
        let renewal = loaded.source.map(|source| {
            Arc::new(Renewal::new(
                source,
                loaded.covered,
                &loaded.pairs,
                resolver.clone(),
                listener,
            ))
        });
        let acme = loaded
            .acme
            .map(|settings| AcmeRenewal::new(settings, resolver.clone(), trusted.clone()));
        Ok(Upkeep {
            renewal,
            acme: acme.transpose()?.map(Arc::new),
            resolver,
            trusted,
        })
    }

    /// TLS with these certificates.
    pub fn tls(&self) -> anyhow::Result<Arc<ServerConfig>> {
        match &self.acme {
            Some(acme) => tls::server_config(acme.certificates(), true),
            None => tls::server_config(self.resolver.clone(), false),
        }
    }

    /// The answers to challenges over plain HTTP; none without ACME.
    pub fn challenges(&self) -> Option<Arc<Challenges>> {
        self.acme.as_ref().map(|acme| acme.challenges().clone())
    }

    /// Starts the tasks, which run until `stop`. `http` says whether the plain HTTP port is open.
    pub fn begin(&self, tasks: &TaskTracker, http: bool, stop: &CancellationToken) {
        if let Some(renewal) = self.renewal.clone() {
            tasks.spawn(renewal.watch(stop.clone()));
        }
        if let Some(acme) = self.acme.clone() {
            tasks.spawn(acme.run(http, stop.clone()));
        }
    }

    /// Reads the files again and repeats failed orders, at once. Problems are logged.
    pub async fn reload(&self) {
        if let Some(acme) = &self.acme {
            acme.wake();
        }
        if let Some(renewal) = &self.renewal {
            renewal.reload().await;
        }
    }
}
