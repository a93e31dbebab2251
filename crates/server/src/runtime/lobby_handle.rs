//! The way to the lobby, for connections and rooms.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use wulin_game::lobby::Hello;
use wulin_game::room::Settlement;
use wulin_game::{ConnectionId, Face, PlayerId, RoomId, RoundStanding};

use super::line::Peer;

/// What somebody who sits in no running room asks.
#[derive(Debug)]
pub enum Ask {
    /// Who I am.
    Hello(Box<Hello>),
    /// A seat.
    Join,
    /// A seat with a robot.
    JoinRobot,
    /// Not to wait any longer.
    Leave,
    /// A hand, though no round is running.
    Choose,
    /// A face at whoever waits along.
    Pull(Face),
}

/// What the lobby is told.
#[derive(Debug)]
pub(super) enum LobbyLetter {
    Ask {
        by: Peer,
        ask: Ask,
        /// The event's name on the wire, should it be refused.
        event: &'static str,
        ack: Option<u64>,
    },
    Disconnected(ConnectionId),
    LeftRoom(PlayerId, RoomId),
    // In a box, since every connection that sends has room for the largest letter.
    Settled(Box<Ended>),
    Close,
    Ping(oneshot::Sender<()>),
}

/// What came of a room.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) room: RoomId,
    pub(super) standings: Arc<[RoundStanding]>,
    pub(super) settlements: Vec<Settlement>,
}

/// The way to the lobby. Every send waits while the lobby is behind.
#[derive(Debug, Clone)]
pub struct LobbyHandle(pub(super) mpsc::Sender<LobbyLetter>);

impl LobbyHandle {
    /// Asks on behalf of a connection; the answer comes by its outbox. `event` is the name on the wire of what is asked.
    pub async fn ask(&self, by: Peer, ask: Ask, event: &'static str, ack: Option<u64>) {
        let letter = LobbyLetter::Ask {
            by,
            ask,
            event,
            ack,
        };
        self.send(letter).await;
    }

    /// A connection is gone.
    pub async fn disconnected(&self, connection: ConnectionId) {
        self.send(LobbyLetter::Disconnected(connection)).await;
    }

    /// No more rounds from now on.
    pub async fn close(&self) {
        self.send(LobbyLetter::Close).await;
    }

    /// Whether the lobby answers. Waits for as long as it takes.
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
        // The lobby ends with the process, after everybody who could send to it; there is nobody to tell.
        let _ = self.0.send(letter).await;
    }
}
