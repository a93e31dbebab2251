//! What the routes of HTTPS need.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::access::AccessLog;
use super::addresses::{Addresses, Proxies};
use super::rate_limit::RateLimit;
use super::turned_away::TurnedAway;
use crate::transport::hall::Hall;
use crate::transport::polling::Polling;

/// What the routes of HTTPS need.
pub struct Site {
    /// What every session needs to reach the game.
    pub hall: Hall,
    /// The base path: the native WebSocket is there, and Socket.IO below it.
    pub base_path: String,
    /// All paths of Socket.IO, the one below the base path first.
    pub socketio_paths: Vec<String>,
    /// The sessions of Socket.IO clients that begin with polling.
    pub polling: Polling,
    /// How many connections and polling sessions there may be at a time.
    pub most_connections: usize,
    /// Counts the clients of each address.
    pub addresses: Arc<Addresses>,
    /// Records who is refused.
    pub turned_away: Arc<TurnedAway>,
    /// How many polling sessions may begin in a second at one address.
    pub session_rate: RateLimit,
    /// The proxies that are believed.
    pub proxies: Proxies,
    /// The access log, if one is kept.
    pub access: Option<AccessLog>,
    /// Whether browsers are told to use HTTPS only. With a certificate that is not trusted, that would lock people out
    /// of the page.
    pub hsts: Arc<AtomicBool>,
}
