//! What the game tells its players: the events that a room or the lobby sends, before they are encoded for the wire.

use std::sync::Arc;
use std::time::Duration;

use crate::hand::{Face, Hand};
use crate::player::{Profile, RoomId, Standing, Token};

/// Something that has happened and that players are told. Names are past tense; the wire name is in
/// `protocol/event.rs`.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The answer to `hello`.
    Welcomed {
        /// How many other people are online near the given place, or anywhere when none was given.
        nearby: usize,
        /// Proves the uid at the next hello.
        token: Token,
        /// The score and streak so far.
        standing: Standing,
        /// The result of a round that ended while this player was disconnected.
        missed: Option<Missed>,
    },
    /// The number of people nearby has changed since it was last told.
    NearbyChanged {
        /// As in [`Welcomed`](Event::Welcomed).
        nearby: usize,
    },
    /// A player joined or left a room before its start.
    RoomChanged {
        /// The room that changed.
        room: RoomId,
        /// Everybody in it now, in the order of arrival.
        seats: Arc<[Seated]>,
        /// Whether it starts now.
        full: bool,
        /// Set in an invitation: the uid of the partner who waits in this room for the receiver. The receiver has no
        /// seat in it until it asks for one.
        rematch: Option<Arc<str>>,
    },
    /// A round starts, or the receiver returns into a running one.
    RoundStarted {
        /// How long the round lasts, counted from now.
        round_time: Duration,
        /// Everybody who plays, in seat order.
        seats: Arc<[Seated]>,
        /// The receiver's own choice so far, when it returns into a running round.
        own: Option<OwnHand>,
    },
    /// Another player in the room chose, locked or pulled a face.
    Moved {
        /// Who.
        uid: Arc<str>,
        /// What.
        movement: Movement,
    },
    /// Another player in the room gave up its seat.
    Left {
        /// Who.
        uid: Arc<str>,
    },
    /// Another player in the room lost its connection. It keeps its seat and its hand.
    WentAway {
        /// Who.
        uid: Arc<str>,
    },
    /// A player who had lost its connection is connected again.
    CameBack {
        /// Who.
        uid: Arc<str>,
    },
    /// The round is over.
    RoundEnded {
        /// The room it was played in.
        room: RoomId,
        /// Everybody who started, in seat order; those who left are included.
        standings: Arc<[RoundStanding]>,
    },
}

/// A player in a room as the others see it. It never contains the hand, which stays secret until the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seated {
    /// How it presents itself.
    pub profile: Profile,
    /// Its score and streak before the round.
    pub standing: Standing,
    /// Whether the server plays it.
    pub robot: bool,
    /// Whether its hand can no longer change.
    pub locked: bool,
    /// Whether it has lost its connection.
    pub away: bool,
}

/// A player's own hand, sent to that player alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnHand {
    /// Which.
    pub hand: Hand,
    /// Whether it can no longer change.
    pub locked: bool,
}

/// A result that may not have reached its player.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// The room it was played in.
    pub room: RoomId,
    /// The same standings as in [`RoundEnded`](Event::RoundEnded).
    pub standings: Arc<[RoundStanding]>,
}

/// What the others see of a player during the round: that it chose, but not which hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Movement {
    /// Chose a hand, or changed its choice.
    Choice,
    /// Locked a hand, which can no longer change.
    Locked,
    /// Pulled a face.
    Face(Face),
}

/// One player's row of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundStanding {
    /// Who.
    pub uid: Arc<str>,
    /// The hand shown; `None` for players who showed none or left.
    pub hand: Option<Hand>,
    /// The points of this round: pairs won minus pairs lost, times the streak; 0 if that is not positive.
    pub round_score: u64,
    /// The standing after this round.
    pub standing: Standing,
}
