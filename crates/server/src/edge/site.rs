//! What the routes of HTTPS lead to.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::access::AccessLog;
use super::addresses::{Addresses, Proxies};
use super::rate_limit::RateLimit;
use super::turned_away::TurnedAway;
use crate::transport::hall::Hall;
use crate::transport::polling::Polling;

/// What the routes lead to.
pub struct Site {
    /// The way to the game.
    pub hall: Hall,
    /// The base path: the native WebSocket, and Socket.IO below it.
    pub base_path: String,
    /// Every path that leads to Socket.IO, the one below the base path first.
    pub socketio_paths: Vec<String>,
    /// Serves the Socket.IO clients that begin with polling.
    pub polling: Polling,
    /// Connections, and sessions that poll, at a time.
    pub most_connections: usize,
    /// How many come from where, and whom proxies speak for.
    pub addresses: Arc<Addresses>,
    /// Who is told of those who are refused.
    pub turned_away: Arc<TurnedAway>,
    /// How fast sessions that poll may begin at one address.
    pub session_rate: RateLimit,
    /// The proxies that are believed.
    pub proxies: Proxies,
    /// The access log, if one is kept.
    pub access: Option<AccessLog>,
    /// Whether browsers are told to come by HTTPS only, which a certificate that nobody trusts would turn into a trap.
    pub hsts: Arc<AtomicBool>,
}
