//! What a running server tells of itself at one moment: the document of its admin listener, which `wulin status` shows.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::process::Cost;

/// Everything there is to say of a running server.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct ServerState {
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
    pub certificates: Vec<CertificateState>,
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

impl Rates {
    /// The rates between two moments so far apart.
    pub fn between(before: Totals, after: Totals, time: Duration) -> Rates {
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

/// A certificate that is served.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct CertificateState {
    /// The names it is for.
    pub names: Vec<String>,
    /// The last moment at which it is good, as RFC 3339 has it.
    pub until: String,
    /// Days until then; below 0 when it is over.
    pub days_left: f64,
}

/// The counts at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// TCP connections, TLS handshakes in progress included.
    pub connections: usize,
    /// Clients on the native WebSocket.
    pub native: usize,
    /// Clients on Engine.IO 3 over a WebSocket opened directly.
    pub engineio3: usize,
    /// Clients on Engine.IO 4 over a WebSocket opened directly.
    pub engineio4: usize,
    /// Clients that began with polling.
    pub polling: usize,
    /// People who are online.
    pub people: usize,
    /// Those of them who wait for somebody to play with.
    pub waiting: usize,
    /// Rooms in which a round is running.
    pub rooms: usize,
    /// Robots in those rooms.
    pub robots: usize,
    /// Scores kept for people who are offline.
    pub memories: usize,
}
