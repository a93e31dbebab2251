//! What the game tells its players.

use std::sync::Arc;
use std::time::Duration;

use super::hand::{Face, Hand};
use super::player::{Profile, RoomId, Standing, Token};

/// Something that has happened and that somebody is to be told.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Answer to a hello.
    Welcomed {
        /// Other people online near the place given, or anywhere when none was given.
        nearby: usize,
        /// Proves the uid at the next hello.
        token: Token,
        /// Score and streak so far.
        standing: Standing,
        /// The round that ended while nobody was there to hear of it.
        missed: Option<Missed>,
    },
    /// The number that [`Welcomed`](Event::Welcomed) told is another by now.
    NearbyChanged {
        /// Other people online near the place given, or anywhere when none was given.
        nearby: usize,
    },
    /// Somebody came or went before the start.
    RoomChanged {
        /// The room that changed.
        room: RoomId,
        /// Everybody in it now, in the order they came.
        seats: Arc<[Seated]>,
        /// Whether it starts now.
        full: bool,
        /// Who waits here for the receiver, who has not asked and is not seated by this.
        rematch: Option<Arc<str>>,
    },
    /// Everybody is here.
    RoundStarted {
        /// How long the round lasts from now.
        round_time: Duration,
        /// Everybody who plays, in seat order.
        seats: Arc<[Seated]>,
        /// What the receiver has shown so far, if it comes back into a round under way.
        own: Option<OwnHand>,
    },
    /// Another player in the room did something visible.
    Moved {
        /// Who.
        uid: Arc<str>,
        /// What.
        movement: Movement,
    },
    /// Another player in the room is gone.
    Left {
        /// Who.
        uid: Arc<str>,
    },
    /// The connection of another player in the room is lost. Its seat and its hand stay.
    WentAway {
        /// Who.
        uid: Arc<str>,
    },
    /// A player who was away is there again.
    CameBack {
        /// Who.
        uid: Arc<str>,
    },
    /// The round is over: everybody who started, those who left included.
    RoundEnded {
        /// The room it was played in.
        room: RoomId,
        /// In seat order.
        standings: Arc<[RoundStanding]>,
    },
}

/// A player in a room as the others see it; never the hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seated {
    /// How it presents itself.
    pub profile: Profile,
    /// What it brings along.
    pub standing: Standing,
    /// Whether the server plays it.
    pub robot: bool,
    /// Whether its hand can no longer change.
    pub locked: bool,
    /// Whether its connection is lost.
    pub away: bool,
}

/// A player's own hand, for nobody else's eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnHand {
    /// Which.
    pub hand: Hand,
    /// Whether it can no longer change.
    pub locked: bool,
}

/// A result that its player may not have heard of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// The room it was played in.
    pub room: RoomId,
    /// As [`RoundEnded`](Event::RoundEnded) tells it.
    pub standings: Arc<[RoundStanding]>,
}

/// What the others see of a player during the round. A chosen hand stays secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Movement {
    /// Chose some hand, or another one.
    Choice,
    /// Chose some hand, which stays.
    Locked,
    /// Pulled a face.
    Face(Face),
}

/// One line of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundStanding {
    /// Who.
    pub uid: Arc<str>,
    /// The hand shown; `None` for none, and for whoever left.
    pub hand: Option<Hand>,
    /// What this round scored.
    pub round_score: u64,
    /// The standing after it.
    pub standing: Standing,
}
