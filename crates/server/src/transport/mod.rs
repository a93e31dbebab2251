//! Transports: frames in, frames out, no rules of the game. A client on any transport has a [`session::Session`].

pub mod close;
pub mod connect;
mod dialect;
pub mod hall;
pub mod limiter;
pub mod polling;
pub mod progress;
mod pulse;
pub mod session;
pub mod upgrade;
pub mod websocket;

use std::time::Duration;

pub use pulse::{CONNECT, FIRST_WORD};

/// The limits of every transport.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// The longest message in bytes.
    pub message_size: usize,
    /// Messages a second that one client may send, and twice as many at once; 0 for any number.
    pub messages_per_second: u32,
    /// How often a client is pinged.
    pub ping_interval: Duration,
    /// How long a client may take to answer a ping.
    pub ping_timeout: Duration,
    /// How long a client may send nothing at all, not even a pong.
    pub idle_timeout: Duration,
    /// How many deliveries may wait for one client.
    pub outbox: usize,
}
