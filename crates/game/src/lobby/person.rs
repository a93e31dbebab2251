//! A person in the lobby: who it is, where it is, and what is kept for it while it has no connection.

use std::sync::Arc;
use std::time::Instant;

use crate::event::Missed;
use crate::matchmaking::Wait;
use crate::place::Place;
use crate::player::{ConnectionId, Origin, PlayerId, Profile, RoomId, Standing, Token};

/// A person who is online, or offline with a seat in a round or a place held in the queue.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) profile: Profile,
    pub(super) token: Token,
    pub(super) place: Option<Place>,
    pub(super) standing: Standing,
    pub(super) connection: Option<ConnectionId>,
    pub(super) legacy: bool,
    pub(super) origin: Option<Origin>,
    pub(super) whereabouts: Whereabouts,
    pub(super) last_round: Option<LastRound>,
    /// The last result, until its arrival is confirmed or the next round begins.
    pub(super) missed: Option<Missed>,
    /// What is kept for it while it has no connection and plays no round.
    pub(super) held: Option<Held>,
    /// Whether the present connection has itself asked for the seat. A new connection asks again without knowing that
    /// the place was held.
    pub(super) has_asked: bool,
    /// The number of people nearby that it was told last.
    pub(super) nearby: usize,
}

/// A person without a connection who plays no round, and what it gets back if it returns in time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) until: Instant,
    /// The table where it waited, and how; `None` for a person who has just played and did not wait.
    pub(super) place: Option<(RoomId, Wait)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whereabouts {
    Idle,
    Waiting(RoomId),
    Playing(RoomId),
}

#[derive(Debug, Clone)]
pub(super) struct LastRound {
    pub(super) room: RoomId,
    pub(super) ended: Instant,
    /// Everybody who stayed to the end, this person included.
    pub(super) people: Arc<[PlayerId]>,
    /// When it is given a seat unasked; `None` for clients that can ask.
    pub(super) reseat: Option<Instant>,
    /// It does not want a rematch. A later `join` withdraws that.
    pub(super) declined: bool,
    /// The others have been sent its invitation.
    pub(super) invited: bool,
}

impl Person {
    /// The table where it waits.
    pub(super) fn table(&self) -> Option<RoomId> {
        match self.whereabouts {
            Whereabouts::Waiting(table) => Some(table),
            Whereabouts::Idle | Whereabouts::Playing(_) => None,
        }
    }

    /// Whether a place in the queue is held for it while it has no connection.
    pub(super) fn holds_a_place(&self) -> bool {
        self.held.is_some_and(|held| held.place.is_some())
    }

    /// Whether it is to be given a seat unasked.
    pub(super) fn awaits_reseat(&self) -> bool {
        self.whereabouts == Whereabouts::Idle
            && self
                .last_round
                .as_ref()
                .is_some_and(|last| last.reseat.is_some())
    }
}
