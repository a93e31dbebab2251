//! The state of the running server at one moment: what `wulin status` shows.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};
use tokio::time::{self, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::process::{Cost, Start};
use crate::edge::certificates::Resolver;
use crate::runtime::Census;
use crate::runtime::census::Counts;

/// How often the totals are noted, and over how many such notes rates are taken: the last minute.
const INTERVAL: Duration = Duration::from_secs(5);
const NOTES: usize = 13;
/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// Everything there is to say of a running server.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct State {
    /// Its version.
    pub version: String,
    /// Its own name, made up at its start.
    #[serde(default)]
    pub instance: String,
    /// When it was started, as RFC 3339 has it.
    pub started: String,
    /// Seconds since then.
    pub uptime_seconds: f64,
    /// `serving` or `draining`.
    pub status: String,
    /// Where HTTPS is answered.
    pub https: SocketAddr,
    /// Where plain HTTP is redirected, if anywhere.
    pub http: Option<SocketAddr>,
    /// How many there are of everything.
    pub counts: Counts,
    /// What has happened since the start.
    pub totals: Totals,
    /// The same by second, over the last minute or since the start.
    pub rates: Rates,
    /// The certificates that are served, the default one first.
    pub certificates: Vec<Certificate>,
    /// What the process costs, where the system says.
    pub process: Option<Cost>,
}

/// What has happened since the start.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Totals {
    /// Rounds begun.
    pub rounds: u64,
    /// Clients that have connected.
    pub clients: u64,
    /// TLS handshakes.
    pub handshakes: u64,
    /// Connections that were turned away or came to nothing.
    pub connections_refused: u64,
    /// Messages of clients.
    pub messages_received: u64,
    /// Messages to clients.
    pub messages_sent: u64,
    /// Messages that were refused.
    pub messages_refused: u64,
    /// Clients let go because they did not read.
    pub outbox_overflows: u64,
}

/// How often something happens in a second.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq)]
pub struct Rates {
    /// Rounds begun.
    pub rounds: f64,
    /// Clients that connected.
    pub clients: f64,
    /// Messages of clients.
    pub messages_received: f64,
    /// Messages to clients.
    pub messages_sent: f64,
}

/// A certificate that is served.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Certificate {
    /// The names it is for.
    pub names: Vec<String>,
    /// The last moment at which it is good, as RFC 3339 has it.
    pub until: String,
    /// Days until then; below 0 when it is over.
    pub days_left: f64,
}

impl Totals {
    fn of(census: &Census) -> Totals {
        let tally = &census.tally;
        Totals {
            rounds: tally.rounds.sum(),
            clients: tally.clients.sum(),
            handshakes: tally.handshakes.sum(),
            connections_refused: tally.refusals.sum(),
            messages_received: tally.received.sum(),
            messages_sent: tally.sent.sum(),
            messages_refused: tally.faults.sum(),
            outbox_overflows: tally.overflows.sum(),
        }
    }
}

impl Rates {
    fn between(before: Totals, after: Totals, time: Duration) -> Rates {
        // Right after the start a single client would look like a thousand a second.
        let seconds = time.as_secs_f64().max(1.0);
        let rate = |of: fn(&Totals) -> u64| (of(&after) - of(&before)) as f64 / seconds;
        Rates {
            rounds: rate(|totals| totals.rounds),
            clients: rate(|totals| totals.clients),
            messages_received: rate(|totals| totals.messages_received),
            messages_sent: rate(|totals| totals.messages_sent),
        }
    }
}

/// Watches a running server.
#[derive(Debug)]
pub struct Observer {
    census: Arc<Census>,
    certificates: Arc<Resolver>,
    draining: CancellationToken,
    https: SocketAddr,
    http: Option<SocketAddr>,
    start: Start,
    instance: String,
    /// The totals of the last minute, the oldest first.
    notes: Mutex<VecDeque<(Instant, Totals)>>,
}

impl Observer {
    /// Watches a server that has begun at `start`.
    pub fn new(
        census: Arc<Census>,
        certificates: Arc<Resolver>,
        draining: CancellationToken,
        (https, http): (SocketAddr, Option<SocketAddr>),
        start: Start,
        instance: String,
    ) -> Observer {
        Observer {
            notes: Mutex::new([(Instant::now(), Totals::of(&census))].into()),
            census,
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

    fn note(&self) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push_back((Instant::now(), Totals::of(&self.census)));
        if notes.len() > NOTES {
            notes.pop_front();
        }
    }

    /// The state as it is now.
    pub fn state(&self) -> State {
        let totals = Totals::of(&self.census);
        let now = SystemTime::now();
        let served = self.certificates.served();
        State {
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
            counts: self.census.counts(),
            totals,
            rates: self.rates(totals),
            certificates: served
                .into_iter()
                .map(|served| Certificate {
                    names: served.names,
                    until: humantime::format_rfc3339_seconds(served.not_after).to_string(),
                    days_left: seconds_until(served.not_after, now) / DAY,
                })
                .collect(),
            process: Cost::now(),
        }
    }

    fn rates(&self, now: Totals) -> Rates {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.front().map_or_else(Rates::default, |(then, before)| {
            Rates::between(*before, now, then.elapsed())
        })
    }
}

fn seconds_until(moment: SystemTime, now: SystemTime) -> f64 {
    match moment.duration_since(now) {
        Ok(ahead) => ahead.as_secs_f64(),
        Err(past) => -past.duration().as_secs_f64(),
    }
}
