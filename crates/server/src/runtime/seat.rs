//! A seat in a running room, by which a player's connection sends to the room without asking the lobby.

use std::time::Instant;

use tokio::sync::mpsc;
use wulin_game::room::Action;
use wulin_game::{ConnectionId, PlayerId, RoomId};

use super::now;

/// How many letters may wait for a room. When there are more, the player's connection that sends one waits, and stops
/// reading from its client meanwhile.
const MAILBOX: usize = 32;

/// What a connection asks of the room its player sits in.
#[derive(Debug)]
pub struct RoomLetter {
    pub(super) player: PlayerId,
    pub(super) connection: ConnectionId,
    pub(super) command: Action,
    /// The name of the event on the wire, for a fault if it is refused.
    pub(super) event: &'static str,
    pub(super) ack: Option<u64>,
    pub(super) sent: Instant,
}

/// A player's seat in a running room, as the connection holds it.
#[derive(Debug, Clone)]
pub struct SeatHandle {
    room: RoomId,
    player: PlayerId,
    mailbox: mpsc::Sender<RoomLetter>,
}

impl SeatHandle {
    /// The room.
    pub fn room(&self) -> RoomId {
        self.room
    }

    /// Sends an action. Waits while the room's mailbox is full. Returns `false` if the room is over.
    pub async fn send(
        &self,
        connection: ConnectionId,
        command: Action,
        event: &'static str,
        ack: Option<u64>,
    ) -> bool {
        let letter = RoomLetter {
            player: self.player,
            connection,
            command,
            event,
            ack,
            sent: now(),
        };
        self.mailbox.send(letter).await.is_ok()
    }
}

/// A new mailbox for a room: the sender for its seats, and the receiver for its task.
pub(super) fn mailbox() -> (mpsc::Sender<RoomLetter>, mpsc::Receiver<RoomLetter>) {
    mpsc::channel(MAILBOX)
}

/// The seat of one player.
pub(super) fn seat(
    room: RoomId,
    player: PlayerId,
    mailbox: &mpsc::Sender<RoomLetter>,
) -> SeatHandle {
    SeatHandle {
        room,
        player,
        mailbox: mailbox.clone(),
    }
}
