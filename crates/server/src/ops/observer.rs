//! The state of the running server, with rates over the last minute.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::time::{self, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use wulin_certs::Resolver;
use wulin_command::process::{Cost, Start};
use wulin_command::state::{CertificateState, Rates, ServerState, Totals};

use crate::runtime::Figures;

/// How often the totals are noted for the rates, and how many notes are kept: 13 notes 5 s apart span the last minute.
const INTERVAL: Duration = Duration::from_secs(5);
const NOTES: usize = 13;
/// The seconds of a day.
const DAY: f64 = 86_400.0;

/// Observes the running server: takes notes for the rates, and tells the state.
#[derive(Debug)]
pub struct Observer {
    figures: Arc<Figures>,
    certificates: Arc<Resolver>,
    draining: CancellationToken,
    https: SocketAddr,
    http: Option<SocketAddr>,
    start: Start,
    instance: String,
    /// The totals at several moments of the last minute, oldest first.
    notes: Mutex<VecDeque<(Instant, Totals)>>,
}

impl Observer {
    /// An observer of a server that was started at `start`.
    pub fn new(
        figures: Arc<Figures>,
        certificates: Arc<Resolver>,
        draining: CancellationToken,
        (https, http): (SocketAddr, Option<SocketAddr>),
        start: Start,
        instance: String,
    ) -> Observer {
        Observer {
            notes: Mutex::new([(Instant::now(), totals(&figures))].into()),
            figures,
            certificates,
            draining,
            https,
            http,
            start,
            instance,
        }
    }

    /// Takes notes for the rates until the server drains.
    pub async fn watch(self: Arc<Self>) {
        let mut ticks = time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.draining.cancelled() => return,
                _ = ticks.tick() => self.note(),
            }
        }
    }

    /// The state as it is now.
    pub fn state(&self) -> ServerState {
        let totals = totals(&self.figures);
        let now = SystemTime::now();
        let served = self.certificates.served();
        ServerState {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instance: self.instance.clone(),
            started: humantime::format_rfc3339_seconds(self.start.date).to_string(),
            uptime_seconds: self.start.elapsed().as_secs_f64(),
            status: if self.draining.is_cancelled() {
                "draining"
            } else {
                "serving"
            }
            .to_owned(),
            https: self.https,
            http: self.http,
            counts: self.figures.counts(),
            totals,
            rates: self.rates(totals),
            certificates: served
                .into_iter()
                .map(|served| CertificateState {
                    names: served.names,
                    until: humantime::format_rfc3339_seconds(served.not_after).to_string(),
                    days_left: seconds_until(served.not_after, now) / DAY,
                })
                .collect(),
            process: Cost::now(),
        }
    }

    fn note(&self) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push_back((Instant::now(), totals(&self.figures)));
        if notes.len() > NOTES {
            notes.pop_front();
        }
    }

    fn rates(&self, now: Totals) -> Rates {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.front().map_or_else(Rates::default, |(then, before)| {
            Rates::between(*before, now, then.elapsed())
        })
    }
}

fn totals(figures: &Figures) -> Totals {
    let counters = &figures.counters;
    Totals {
        rounds: counters.rounds.sum(),
        clients: counters.clients.sum(),
        handshakes: counters.handshakes.sum(),
        connections_refused: counters.refusals.sum(),
        messages_received: counters.received.sum(),
        messages_sent: counters.sent.sum(),
        messages_refused: counters.faults.sum(),
        outbox_overflows: counters.overflows.sum(),
    }
}

fn seconds_until(moment: SystemTime, now: SystemTime) -> f64 {
    match moment.duration_since(now) {
        Ok(ahead) => ahead.as_secs_f64(),
        Err(past) => -past.duration().as_secs_f64(),
    }
}
