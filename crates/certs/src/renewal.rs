//! New certificates without a restart: what changes on the disk is checked, and served from the next handshake on. Open
//! connections keep what they have, and session tickets stay good.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls_pki_types::CertificateDer;
use tokio::sync::Mutex;
use tokio::time::{self, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Fingerprint, Pair, Resolver, Source};

/// How often the files are looked at. That costs a call per file, and works on every file system and through every link.
const INTERVAL: Duration = Duration::from_secs(2);

/// What came of reading new files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reread {
    /// They are served from now on.
    Served,
    /// They cannot be used; what was served before still is.
    Refused,
}

/// Hears what came of reading new files, for whoever counts.
pub type Listener = Arc<dyn Fn(Reread) + Send + Sync>;

/// Keeps a resolver in step with the disk.
pub struct Renewal {
    source: Source,
    domains: Vec<String>,
    resolver: Arc<Resolver>,
    listener: Listener,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// What the source looked like when it was read last, whatever came of it.
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
            // Not what it looks like now: it may have changed since it was read.
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

    /// Looks at the disk until told to stop.
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
            // Whoever writes is given the time to finish: only what stays the same from one look to the next is read.
            if now == before && now != self.state.lock().await.read {
                self.load(now.clone()).await;
            }
            before = now;
        }
    }

    /// Reads what is on the disk now, changed or not.
    pub async fn reload(&self) {
        if let Some(now) = self.look().await {
            self.load(now).await;
        }
    }

    /// None if the runtime ends.
    async fn look(&self) -> Option<Fingerprint> {
        let source = self.source.clone();
        tokio::task::spawn_blocking(move || source.fingerprint())
            .await
            .ok()
    }

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
