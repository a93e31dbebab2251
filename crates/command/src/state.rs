//! The state of a running server: the JSON document that its admin listener serves and `wulin status` shows.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::process::Cost;

/// The state of a running server at one moment.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct ServerState {
    /// Its version.
    pub version: String,
    /// A random name that the server takes at each start.
    #[serde(default)]
    pub instance: String,
    /// When it was started (RFC 3339).
    pub started: String,
    /// Seconds since then.
    pub uptime_seconds: f64,
    /// `serving` or `draining`.
    pub status: String,
    /// The address of the HTTPS listener.
    pub https: SocketAddr,
    /// The address of the listener that redirects to HTTPS, if there is one.
    pub http: Option<SocketAddr>,
    /// How many connections, people and rooms there are now.
    pub counts: Counts,
    /// What has happened since the start.
    pub totals: Totals,
    /// How often it happens in a second, over the last minute or since the start.
    pub rates: Rates,
    /// The certificates that are served, the default one first.
    pub certificates: Vec<CertificateState>,
    /// What the process costs, if the system tells it.
    pub process: Option<Cost>,
}

/// What has happened since the start.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Totals {
    /// Rounds that have begun.
    pub rounds: u64,
    /// Clients that have connected.
    pub clients: u64,
    /// TLS handshakes.
    pub handshakes: u64,
    /// Connections that were refused, or that ended before a request.
    pub connections_refused: u64,
    /// Messages of clients.
    pub messages_received: u64,
    /// Messages to clients.
    pub messages_sent: u64,
    /// Messages that were refused.
    pub messages_refused: u64,
    /// Clients that were disconnected because they did not read their messages.
    pub outbox_overflows: u64,
}

/// How often something happens, in events a second.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq)]
pub struct Rates {
    /// Rounds that have begun.
    pub rounds: f64,
    /// Clients that connected.
    pub clients: f64,
    /// Messages of clients.
    pub messages_received: f64,
    /// Messages to clients.
    pub messages_sent: f64,
}

impl Rates {
    /// The rates between two moments that are `time` apart.
    pub fn between(before: Totals, after: Totals, time: Duration) -> Rates {
        // At least a second: right after the start, one client would look like a thousand a second.
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
    /// The domains and IP addresses it is for.
    pub names: Vec<String>,
    /// The last moment at which it is valid (RFC 3339).
    pub until: String,
    /// Days until then; below 0 if it has expired.
    pub days_left: f64,
}

/// How many there are at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// TCP connections, TLS handshakes in progress included.
    pub connections: usize,
    /// Clients on the native WebSocket.
    pub native: usize,
    /// Clients on Engine.IO 3 that opened a WebSocket without polling first.
    pub engineio3: usize,
    /// Clients on Engine.IO 4 that opened a WebSocket without polling first.
    pub engineio4: usize,
    /// Clients that began with polling, upgraded to a WebSocket or not.
    pub polling: usize,
    /// People who are online.
    pub people: usize,
    /// People who wait for a round to begin.
    pub waiting: usize,
    /// Rooms with a round in progress.
    pub rooms: usize,
    /// Robots in those rooms.
    pub robots: usize,
    /// People who are offline and whose scores are kept.
    pub memories: usize,
}
