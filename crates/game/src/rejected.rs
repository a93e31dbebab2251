//! Why the lobby or a room refuses a command.

/// Why a command was refused. A refused command changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// A command before the first `hello`.
    #[error("say hello first")]
    HelloFirst,
    /// The uid belongs to another person, who is online or still has a seat in a round.
    #[error("this uid is in use by somebody who is online")]
    UidTaken,
    /// The uid is reserved for robots.
    #[error("this uid is kept for robots")]
    UidReserved,
    /// The name is reserved for robots, or looks like one that is.
    #[error("this name is kept for robots")]
    NameReserved,
    /// A second `hello` on one connection with another uid than the first.
    #[error("this connection already has another uid")]
    UidFixed,
    /// `join` while already waiting or playing.
    #[error("already in a room")]
    AlreadySeated,
    /// `leave` or `face` while in no room.
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
