//! Certificates by ACME (RFC 8555): ordered if there is none, renewed well before they expire.
//!
//! One task does it all, one domain after the other: [`AcmeRenewal::run`]. What it has fetched goes to the
//! [`Resolver`], which serves it from the next handshake on, and into the [`Store`].

pub mod answer;
mod caretaker;
pub mod chain;
mod challenge;
mod domain;
mod failure;
mod http;
mod order;
mod quote;
mod schedule;
mod settings;
mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use rustls::server::ResolvesServerCert;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use self::caretaker::Caretaker;
use self::challenge::{ChallengeResolver, ValidationMethod};
use self::http::AuthorityClient;
use super::{Pair, Resolver};

pub use self::challenge::{Challenges, PROTOCOL};
pub use self::settings::{Binding, SecretBytes, Settings};
pub use self::store::Store;
pub use wulin_http::proxy::OutgoingProxies;

/// The sentence in the log when an order for this domain ends with this error; public for the fuzzers.
pub fn explain(error: instant_acme::Error, domain: &str, authority: &str) -> String {
    failure::Failure::from(error).sentence(domain, authority)
}

/// Orders and renews the certificates of a server, by ACME. It is shared by the task, by handshakes and by SIGHUP.
pub struct AcmeRenewal {
    settings: Settings,
    client: AuthorityClient,
    resolver: Arc<Resolver>,
    challenges: Arc<Challenges>,
    /// Whether every domain has a certificate that clients trust.
    trusted: Arc<AtomicBool>,
    /// Notified by [`AcmeRenewal::wake`].
    woken: Notify,
}

impl AcmeRenewal {
    /// Serves the stored certificates from `resolver`. `trusted` becomes true once there is a certificate for every
    /// domain.
    pub fn new(
        settings: Settings,
        resolver: Arc<Resolver>,
        trusted: Arc<AtomicBool>,
    ) -> anyhow::Result<AcmeRenewal> {
        let client = AuthorityClient::new(settings.roots.clone(), settings.proxies.clone())
            .context("preparing TLS for ACME")?;
        for (domain, pair) in settings.domains.iter().zip(&settings.stored) {
            if let Some(pair) = pair {
                resolver.put_fetched(domain, pair.clone());
            }
        }
        Ok(AcmeRenewal {
            settings,
            client,
            resolver,
            challenges: Arc::default(),
            trusted,
            woken: Notify::new(),
        })
    }

    /// Picks the certificate of a handshake: that of a challenge if an authority asks for it, else the resolver's.
    pub fn certificates(&self) -> Arc<dyn ResolvesServerCert> {
        Arc::new(ChallengeResolver::new(
            self.challenges.clone(),
            self.resolver.clone(),
        ))
    }

    /// The challenge that can be answered at the moment.
    pub fn challenges(&self) -> &Arc<Challenges> {
        &self.challenges
    }

    /// Repeats failed orders at once.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// Orders and renews until `stop`. `http` says whether the plain HTTP port is open, for http-01.
    pub async fn run(self: Arc<AcmeRenewal>, http: bool, stop: CancellationToken) {
        let methods = if http {
            vec![ValidationMethod::TlsAlpn, ValidationMethod::Http]
        } else {
            vec![ValidationMethod::TlsAlpn]
        };
        let caretaker = Caretaker::new(&self, methods);
        tokio::select! {
            () = stop.cancelled() => {}
            () = caretaker.run() => {}
        }
    }

    /// Serves a new certificate from the next handshake on. `complete` says whether every domain has one now.
    fn serve(&self, domain: &str, pair: Pair, complete: bool) {
        self.resolver.put_fetched(domain, pair);
        if complete {
            self.trusted.store(true, Ordering::Relaxed);
        }
    }
}
