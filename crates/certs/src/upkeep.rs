//! The certificates of a running server and what keeps them good: the files they are from, or the authority.

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
    /// Picks the one for each handshake.
    pub resolver: Arc<Resolver>,
    /// Whether there is one that clients trust for every domain.
    pub trusted: Arc<AtomicBool>,
    /// None where the certificate is the server's own.
    renewal: Option<Arc<Renewal>>,
    /// None where the server fetches no certificates.
    acme: Option<Arc<AcmeRenewal>>,
}

/// What a server begins with.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The certificates, the default one first. Never empty.
    pub pairs: Vec<Pair>,
    /// Where they are from, and where the next ones will be; nowhere if the server made its own.
    pub source: Option<Source>,
    /// The domains these must cover, now and later: all, unless the server fetches certificates itself.
    pub covered: Vec<String>,
    /// Whether clients trust them for every domain.
    pub trusted: bool,
    /// How more are fetched, if they are.
    pub acme: Option<acme::Settings>,
}

impl Upkeep {
    /// Serves what is there.
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

    /// What authorities may ask for over plain HTTP, if there are any.
    pub fn challenges(&self) -> Option<Arc<Challenges>> {
        self.acme.as_ref().map(|acme| acme.challenges().clone())
    }

    /// Looks after them until told to stop. `http` says whether plain HTTP is answered.
    pub fn begin(&self, tasks: &TaskTracker, http: bool, stop: &CancellationToken) {
        if let Some(renewal) = self.renewal.clone() {
            tasks.spawn(renewal.watch(stop.clone()));
        }
        if let Some(acme) = self.acme.clone() {
            tasks.spawn(acme.run(http, stop.clone()));
        }
    }

    /// Looks at once: new handshakes get what is there now, what cannot be used is said in the log, and what could not be
    /// fetched is tried again.
    pub async fn reload(&self) {
        if let Some(acme) = &self.acme {
            acme.wake();
        }
        if let Some(renewal) = &self.renewal {
            renewal.reload().await;
        }
    }
}
