//! How rooms and the lobby reach a player: by whichever connection speaks for the player at the moment.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wulin_game::protocol::Code;
use wulin_game::{ConnectionId, RoomId};

use super::outbox::{Delivery, Outbox};

/// A connection, as the rest of the server knows it: its id and its outbox.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its id.
    pub id: ConnectionId,
    /// The queue of what is to be written to it.
    pub outbox: Arc<Outbox>,
}

/// The way to one player. A room keeps it for a whole round, while the connection behind it may change: when another
/// connection takes over with the token, the lobby switches the line, and the room notices nothing.
///
/// The lock is a `std::sync::Mutex` and not tokio's: it is held for a few lines and never across an `.await`. A room
/// must never wait for a client, and with this lock it cannot: sending is a push into the outbox.
#[derive(Debug)]
pub struct Line(Mutex<Destination>);

/// Where a line leads now.
#[derive(Debug)]
struct Destination {
    peer: Peer,
    /// The room whose result was sent over this line last.
    told: Option<RoomId>,
}

impl Line {
    /// A line that leads to this connection.
    pub fn new(peer: Peer) -> Line {
        Line(Mutex::new(Destination { peer, told: None }))
    }

    /// Makes the line lead to this connection from now on.
    pub fn switch(&self, peer: Peer) {
        self.lock().peer = peer;
    }

    /// Whether this connection is the one that speaks for the player.
    pub fn leads_to(&self, connection: ConnectionId) -> bool {
        self.lock().peer.id == connection
    }

    /// Pushes a delivery into the outbox of the player's connection.
    pub fn send(&self, delivery: Delivery) {
        self.lock().peer.outbox.push(delivery);
    }

    /// Pushes the result of a room into the outbox, unless the lobby has sent it already. The lobby hears of the end of
    /// a round first. If the player comes back in that moment, the lobby's answer to `hello` holds the result, and it
    /// must not be told twice.
    pub fn send_result(&self, room: RoomId, delivery: Delivery) {
        let mut destination = self.lock();
        if destination.told.replace(room) != Some(room) {
            destination.peer.outbox.push(delivery);
        }
    }

    /// Notes that the result of this room is sent without the room's help.
    pub fn told(&self, room: RoomId) {
        self.lock().told = Some(room);
    }

    /// The room whose result the connection is known to have received last.
    pub fn received(&self) -> Option<RoomId> {
        self.lock().peer.outbox.received()
    }

    /// Tells the connection whether a command was carried out, see [`Outbox::report`].
    pub fn report(&self, event: &str, ack: Option<u64>, outcome: Result<(), Code>) {
        self.lock().peer.outbox.report(event, ack, outcome);
    }

    fn lock(&self) -> MutexGuard<'_, Destination> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
