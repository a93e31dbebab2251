//! New certificates without a restart: when files change they are checked, and served from the next handshake on. Open
//! connections keep the certificate they have, and session tickets stay valid.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls_pki_types::CertificateDer;
use tokio::sync::Mutex;
use tokio::time::{self, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Fingerprint, Pair, Resolver, Source};

/// How often the files are looked at. It is one `stat` for each, and works on every file system and through every link.
/// inotify would miss changes on network file systems, and the links that certbot and Kubernetes switch.
const INTERVAL: Duration = Duration::from_secs(2);

/// The result of reading new files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reread {
    /// They are served from now on.
    Served,
    /// They cannot be used; the old ones are still served.
    Refused,
}

/// Is told the result each time new files are read, so that the server can count them.
pub type Listener = Arc<dyn Fn(Reread) + Send + Sync>;

/// Keeps a resolver in step with the disk.
pub struct Renewal {
    source: Source,
    domains: Vec<String>,
    resolver: Arc<Resolver>,
    listener: Listener,
    /// tokio's Mutex and not std's, since it is held across the `.await` of a whole reading: one from
    /// [`Renewal::watch`] and one from [`Renewal::reload`] must not overtake each other.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The fingerprint at the last reading, whether it succeeded or not.
    read: Fingerprint,
    /// The chains that are served.
    served: Vec<Vec<CertificateDer<'static>>>,
}

impl Renewal {
    /// `pairs` came from `source` and are what `resolver` serves.
    pub fn new(
        source: Source,
        domains: Vec<String>,
        pairs: &[Pair],
        resolver: Arc<Resolver>,
        listener: Listener,
    ) -> Renewal {
        let state = State {
            // Not the fingerprint of now: the files may have changed since they were read.
            read: Fingerprint::default(),
            served: chains(pairs),
        };
        Renewal {
            source,
            domains,
            resolver,
            listener,
            state: Mutex::new(state),
        }
    }

    /// Watches the files until `stop`.
    pub async fn watch(self: Arc<Renewal>, stop: CancellationToken) {
        let mut ticks = time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = Fingerprint::default();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let Some(now) = self.look().await else { return };
            // A writer is given the time to finish: files are read only if two looks in a row find the same.
            if now == before && now != self.state.lock().await.read {
                self.load(now.clone()).await;
            }
            before = now;
        }
    }

    /// Reads the files now, changed or not.
    pub async fn reload(&self) {
        if let Some(now) = self.look().await {
            self.load(now).await;
        }
    }

    /// The fingerprint of now; none if the runtime is shutting down.
    async fn look(&self) -> Option<Fingerprint> {
        let source = self.source.clone();
        tokio::task::spawn_blocking(move || source.fingerprint())
            .await
            .ok()
    }

    /// Reads the files, and serves what is in them if it can be used.
    async fn load(&self, fingerprint: Fingerprint) {
        let mut state = self.state.lock().await;
        let (source, domains) = (self.source.clone(), self.domains.clone());
        let loading = tokio::task::spawn_blocking(move || source.load(&domains, SystemTime::now()));
        let Ok(loaded) = loading.await else { return };
        state.read = fingerprint;
        let found = match loaded {
            Ok(found) if found.pairs.is_empty() => {
                (self.listener)(Reread::Refused);
                warn!("There is no certificate on the disk any more. The old one is still served.");
                return;
            }
            Ok(found) => found,
            Err(problem) => {
                (self.listener)(Reread::Refused);
                warn!(
                    "The new certificate cannot be used, so the old one is still served: {problem}"
                );
                return;
            }
        };
        let chains = chains(&found.pairs);
        if chains == state.served {
            return;
        }
        self.resolver.replace(&found.pairs);
        (self.listener)(Reread::Served);
        state.served = chains;
        let warnings = found
            .warnings
            .iter()
            .chain(found.pairs.iter().flat_map(|pair| &pair.warnings));
        for warning in warnings {
            warn!("{warning}");
        }
        for pair in &found.pairs {
            info!(
                names = pair.names.join(", "),
                until = %humantime::format_rfc3339_seconds(pair.not_after),
                "a new certificate is served"
            );
        }
    }
}

fn chains(pairs: &[Pair]) -> Vec<Vec<CertificateDer<'static>>> {
    pairs
        .iter()
        .map(|pair| pair.certified.cert.clone())
        .collect()
}
