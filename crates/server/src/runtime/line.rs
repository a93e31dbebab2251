//! The way to a player, whichever connection speaks for it at the moment.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::outbox::{Delivery, Outbox};
use wulin_game::ConnectionId;
use wulin_game::protocol::Code;

/// One connection as the rest of the server knows it.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its id.
    pub id: ConnectionId,
    /// What waits to be written to it.
    pub outbox: Arc<Outbox>,
}

/// The way to one player. The lobby changes where it leads; rooms only use it.
#[derive(Debug)]
pub struct Line(Mutex<Peer>);

impl Line {
    /// A line that leads to this connection.
    pub fn new(peer: Peer) -> Line {
        Line(Mutex::new(peer))
    }

    /// From now on it leads to this one.
    pub fn switch(&self, peer: Peer) {
        *self.lock() = peer;
    }

    /// Whether this connection still speaks for the player.
    pub fn leads_to(&self, connection: ConnectionId) -> bool {
        self.lock().id == connection
    }

    /// Puts something into the outbox of the player's connection.
    pub fn send(&self, delivery: Delivery) {
        self.lock().outbox.push(delivery);
    }

    /// Says what became of a command, see [`Outbox::report`].
    pub fn report(&self, event: &str, ack: Option<u64>, outcome: Result<(), Code>) {
        self.lock().outbox.report(event, ack, outcome);
    }

    fn lock(&self) -> MutexGuard<'_, Peer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
