//! Frames in, frames out, no rules: a client on any transport becomes a [`session::Session`].

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

/// What every transport keeps to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// The longest message in bytes.
    pub message_size: usize,
    /// Messages a second that one client may send, and twice as many at once; 0 for any number.
    pub messages_per_second: u32,
    /// How often a client is asked whether it lives.
    pub ping_interval: Duration,
    /// How long it may take to answer.
    pub ping_timeout: Duration,
    /// How long a client may say nothing at all, not even a pong.
    pub idle_timeout: Duration,
    /// Deliveries that may wait for one client.
    pub outbox: usize,
}
