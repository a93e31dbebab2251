//! A seat in a running room: how a player's connection reaches the room without asking the lobby.

use std::time::Instant;

use tokio::sync::mpsc;
use wulin_game::room::Action;
use wulin_game::{ConnectionId, PlayerId, RoomId};

use super::now;

/// Letters a room can be behind before its players are slowed down.
const MAILBOX: usize = 32;

/// What a connection asks of the room its player sits in.
#[derive(Debug)]
pub struct RoomLetter {
    pub(super) player: PlayerId,
    pub(super) connection: ConnectionId,
    pub(super) command: Action,
    /// The event's name on the wire, should it be refused.
    pub(super) event: &'static str,
    pub(super) ack: Option<u64>,
    pub(super) sent: Instant,
}

/// A seat in a running room, as its player's connection holds it.
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

    /// Sends a command; waits while the room is behind. `false` if the room is over.
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

/// The room's mailbox, and the seats that send to it.
pub(super) fn mailbox() -> (mpsc::Sender<RoomLetter>, mpsc::Receiver<RoomLetter>) {
    mpsc::channel(MAILBOX)
}

/// A seat of one player.
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
