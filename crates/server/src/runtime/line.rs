//! The way to a player, whichever connection speaks for it at the moment.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::outbox::{Delivery, Outbox};
use wulin_game::protocol::Code;
use wulin_game::{ConnectionId, RoomId};

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
pub struct Line(Mutex<End>);

/// Where a line leads.
#[derive(Debug)]
struct End {
    peer: Peer,
    /// The room whose result has been sent this way last.
    told: Option<RoomId>,
}

impl Line {
    /// A line that leads to this connection.
    pub fn new(peer: Peer) -> Line {
        Line(Mutex::new(End { peer, told: None }))
    }

    /// From now on it leads to this one.
    pub fn switch(&self, peer: Peer) {
        self.lock().peer = peer;
    }

    /// Whether this connection still speaks for the player.
    pub fn leads_to(&self, connection: ConnectionId) -> bool {
        self.lock().peer.id == connection
    }

    /// Puts something into the outbox of the player's connection.
    pub fn send(&self, delivery: Delivery) {
        self.lock().peer.outbox.push(delivery);
    }

    /// Puts the result of a room into it, unless the lobby was quicker: the lobby hears of the end first, and has told it
    /// already if the player came back in that moment.
    pub fn send_result(&self, room: RoomId, delivery: Delivery) {
        let mut end = self.lock();
        if end.told.replace(room) != Some(room) {
            end.peer.outbox.push(delivery);
        }
    }

    /// The result of this room is on its way without the room.
    pub fn told(&self, room: RoomId) {
        self.lock().told = Some(room);
    }

    /// The room whose result the connection is known to have received last.
    pub fn received(&self) -> Option<RoomId> {
        self.lock().peer.outbox.received()
    }

    /// Says what became of a command, see [`Outbox::report`].
    pub fn report(&self, event: &str, ack: Option<u64>, outcome: Result<(), Code>) {
        self.lock().peer.outbox.report(event, ack, outcome);
    }

    fn lock(&self) -> MutexGuard<'_, End> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
