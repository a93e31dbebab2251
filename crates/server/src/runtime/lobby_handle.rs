//! The handle to the lobby, for connections and rooms.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use wulin_game::lobby::Arrival;
use wulin_game::room::Settlement;
use wulin_game::{ConnectionId, Face, PlayerId, RoomId, RoundStanding};

use super::line::Peer;

/// What a client can ask of the lobby: everything that is not for a running room.
#[derive(Debug)]
pub enum Ask {
    /// To be known as this person.
    Hello(Box<Arrival>),
    /// To wait for a seat.
    Join,
    /// To get a seat at a table with a robot.
    JoinRobot,
    /// To stop waiting.
    Leave,
    /// To choose a hand. No round is running, so the lobby refuses it.
    Choose,
    /// To pull a face at the others who wait for the same table.
    Pull(Face),
}

/// A letter to the lobby.
#[derive(Debug)]
pub(super) enum LobbyLetter {
    Ask {
        by: Peer,
        ask: Ask,
        /// The name of the event on the wire, for a fault if it is refused.
        event: &'static str,
        ack: Option<u64>,
    },
    Disconnected(ConnectionId),
    LeftRoom(PlayerId, RoomId),
    // Boxed, because every pending send reserves room for the largest variant.
    Settled(Box<Ended>),
    Close,
    Ping(oneshot::Sender<()>),
}

/// A room whose round is over, and its result.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) room: RoomId,
    pub(super) standings: Arc<[RoundStanding]>,
    pub(super) settlements: Vec<Settlement>,
}

/// The handle to the lobby, cheap to clone. The mailbox is bounded: every send waits while it is full, which slows down
/// the one connection that sends and nobody else.
#[derive(Debug, Clone)]
pub struct LobbyHandle(pub(super) mpsc::Sender<LobbyLetter>);

impl LobbyHandle {
    /// Sends what a client asks. The answer comes through the connection's outbox. `event` is the name of the request
    /// on the wire.
    pub async fn ask(&self, by: Peer, ask: Ask, event: &'static str, ack: Option<u64>) {
        let letter = LobbyLetter::Ask {
            by,
            ask,
            event,
            ack,
        };
        self.send(letter).await;
    }

    /// Tells the lobby that a connection is gone.
    pub async fn disconnected(&self, connection: ConnectionId) {
        self.send(LobbyLetter::Disconnected(connection)).await;
    }

    /// Tells the lobby to begin no more rounds.
    pub async fn close(&self) {
        self.send(LobbyLetter::Close).await;
    }

    /// Whether the lobby answers. Waits for as long as that takes; callers set a timeout.
    pub async fn answers(&self) -> bool {
        let (pong, answer) = oneshot::channel();
        self.send(LobbyLetter::Ping(pong)).await;
        answer.await.is_ok()
    }

    pub(super) async fn left_room(&self, player: PlayerId, room: RoomId) {
        self.send(LobbyLetter::LeftRoom(player, room)).await;
    }

    pub(super) async fn settled(
        &self,
        room: RoomId,
        standings: Arc<[RoundStanding]>,
        settlements: Vec<Settlement>,
    ) {
        let ended = Box::new(Ended {
            room,
            standings,
            settlements,
        });
        self.send(LobbyLetter::Settled(ended)).await;
    }

    async fn send(&self, letter: LobbyLetter) {
        // Sending fails only when the lobby's task has ended, which happens at the end of the process. Nobody is left
        // to tell then.
        let _ = self.0.send(letter).await;
    }
}
