//! Certificates that look after themselves, by ACME (RFC 8555): ordered when there is none, renewed well before they end.
//!
//! One task does it all, one domain after the other: [`AcmeRenewal::run`]. What it has fetched goes to the
//! [`Resolver`], which serves it from the next handshake on, and into the [`Store`].

pub mod answer;
mod caretaker;
pub mod chain;
mod challenge;
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

/// What whoever deploys is told when an order for this domain ends with this error.
pub fn explain(error: instant_acme::Error, domain: &str, authority: &str) -> String {
    failure::Failure::from(error).sentence(domain, authority)
}

/// Looks after the certificates of a server.
pub struct AcmeRenewal {
    settings: Settings,
    client: AuthorityClient,
    resolver: Arc<Resolver>,
    challenges: Arc<Challenges>,
    /// Whether every domain has a certificate that clients trust.
    trusted: Arc<AtomicBool>,
    woken: Notify,
}

impl AcmeRenewal {
    /// Puts what is stored into `resolver`. `trusted` becomes true when there is a certificate for every domain.
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

    /// Picks the certificate of a handshake: the one of a challenge for an authority that asks for it, else the resolver's.
    pub fn certificates(&self) -> Arc<dyn ResolvesServerCert> {
        Arc::new(ChallengeResolver::new(
            self.challenges.clone(),
            self.resolver.clone(),
        ))
    }

    /// What authorities may ask for at the moment.
    pub fn challenges(&self) -> &Arc<Challenges> {
        &self.challenges
    }

    /// Tries at once what waits to be tried again.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// Orders and renews until told to stop. `http` says whether plain HTTP is answered.
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

    /// A new certificate: served from the next handshake on.
    fn serve(&self, domain: &str, pair: Pair, complete: bool) {
        self.resolver.put_fetched(domain, pair);
        if complete {
            self.trusted.store(true, Ordering::Relaxed);
        }
    }
}
