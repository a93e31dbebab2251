//! The certificates of a running server and what keeps them good: the files they are from, or the authority.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::acme::{Acme, Challenges};
use super::certificates::Resolver;
use super::renewal::Renewal;
use super::tls;
use crate::config::{Config, Stage};
use crate::runtime::Census;

/// The certificates of a running server.
pub struct Upkeep {
    /// Picks the one for each handshake.
    pub resolver: Arc<Resolver>,
    /// Whether there is one that clients trust for every domain.
    pub trusted: Arc<AtomicBool>,
    /// None where the certificate is the server's own.
    renewal: Option<Arc<Renewal>>,
    /// None where the server fetches no certificates.
    acme: Option<Arc<Acme>>,
}

impl Upkeep {
    /// Serves what the configuration has.
    pub fn new(config: &Config, census: &Arc<Census>) -> anyhow::Result<Upkeep> {
        let resolver = Arc::new(Resolver::new(&config.certificates));
        let trusted = Arc::new(AtomicBool::new(config.stage == Stage::Production));
        let renewal = config.certificate_source.clone().map(|source| {
            Arc::new(Renewal::new(
                source,
                config.covered.clone(),
                &config.certificates,
                resolver.clone(),
                census.clone(),
            ))
        });
        let settings = config.acme.clone();
        let acme = settings.map(|settings| Acme::new(settings, resolver.clone(), trusted.clone()));
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
