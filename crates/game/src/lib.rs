//! The game, pure: no I/O, no clock, no global randomness. Time and randomness are arguments, events are results.

pub mod event;
pub mod hand;
pub mod ids;
pub mod lobby;
pub mod matchmaking;
pub mod memories;
pub mod place;
pub mod player;
pub mod protocol;
pub mod robot;
pub mod room;
pub mod score;

pub use event::{Event, Missed, Movement, OwnHand, RoundStanding, Seated};
pub use hand::{Face, Hand};
pub use place::Place;
pub use player::{ConnectionId, Origin, PlayerId, Profile, RoomId, Standing, Token};

/// Why a command was refused. A refused command changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Anything but `hello` came first.
    #[error("say hello first")]
    HelloFirst,
    /// The uid is somebody else's, who is online.
    #[error("this uid is in use by somebody who is online")]
    UidTaken,
    /// The uid belongs to the server's robots.
    #[error("this uid is kept for robots")]
    UidReserved,
    /// The name belongs to the server's robots.
    #[error("this name is kept for robots")]
    NameReserved,
    /// A connection that is known under one uid said hello with another.
    #[error("this connection already has another uid")]
    UidFixed,
    /// `join` by somebody who already waits or plays.
    #[error("already in a room")]
    AlreadySeated,
    /// `leave` or `face` by somebody who is in no room.
    #[error("not in a room")]
    NotSeated,
    /// `choice` of another hand than the one that is locked.
    #[error("the hand is locked")]
    HandLocked,
    /// `choice` while no round is running.
    #[error("no round is running")]
    NoRound,
    /// `join` while the server is shutting down.
    #[error("the server is closing")]
    Closing,
}
