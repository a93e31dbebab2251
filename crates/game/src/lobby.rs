//! Everybody who is online: who they are, who waits, who plays where. A state machine like [`Room`].
//!
//! This file has the commands and the deadlines. Below it: `person` (one of them), `identity` (hello, takeover by token),
//! `queue` (from a wish for a seat to an open room), `rematch` (partners who meet again) and `survey` (how many people
//! are near).

mod identity;
mod person;
mod queue;
mod rematch;
mod survey;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::event::{Event, Missed, Movement, RoundStanding};
use crate::hand::Face;
use crate::ids::{IdMap, shrink};
use crate::matchmaking::{Change, Matchmaking, Patience};
use crate::memories::Memories;
use crate::place::{Globe, Place};
use crate::player::{ConnectionId, Origin, PlayerId, Profile, RoomId, Token};
use crate::room::{Format, Room, Settlement};
use crate::{Rejected, robot};
use person::{Held, LastRound, Person, Whereabouts};
use survey::Survey;

pub use survey::SURVEY_EVERY;

/// A client from 2016 cannot ask again after a lost round: this long after the round it is given a seat unasked.
pub const RESEAT_AFTER: Duration = Duration::from_secs(3);
/// A `join` up to this long after a round asks for a rematch; a later one just asks for a seat.
pub const REMATCH_WITHIN: Duration = Duration::from_mins(10);
/// How long a person who lost its connection while it was in no round is kept: with its place in the queue, and with
/// its partners of the last round.
pub const HOLD: Duration = Duration::from_secs(5);

/// The settings of a lobby.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// The size of a room and the length of its round.
    pub format: Format,
    /// How long people wait, and for whom.
    pub patience: Patience,
    /// How long the score of a person who went offline is kept.
    pub memory: Duration,
    /// How many such scores are kept at most. People without a score are dropped first, then the oldest.
    pub memories: usize,
}

/// What a connection says of itself in a `hello`, together with what the transport knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// How it presents itself.
    pub profile: Profile,
    /// Its position, if it gives one.
    pub place: Option<Place>,
    /// The proof that the uid is its own, if it has one.
    pub token: Option<Token>,
    /// Whether it is a client from 2016, which cannot ask again after a lost round.
    pub legacy: bool,
    /// Its address, if known. Only a share of all memories may come from one address.
    pub origin: Option<Origin>,
}

/// What the caller has to carry out, in this order, after a command or a timeout.
#[derive(Debug)]
pub enum LobbyEffect {
    /// This connection speaks for this player from now on.
    Attached(PlayerId, ConnectionId),
    /// Another connection is about to take over this player: close the present one.
    Replaced(PlayerId),
    /// Send this event to this player.
    Send(PlayerId, Event),
    /// This player has a new connection and sits in this running room: send the room a `Return`.
    Resumed(PlayerId, RoomId),
    /// This player lost this connection and sits in this running room: send the room a `Disconnect`.
    Abandoned(PlayerId, ConnectionId, RoomId),
    /// Run this new room for these people.
    Opened(Room, Vec<PlayerId>),
    /// This player is offline and in no room: nothing will be sent to it any more.
    Gone(PlayerId),
}

/// Everybody who is online.
#[derive(Debug)]
pub struct Lobby {
    rules: Rules,
    rng: StdRng,
    people: IdMap<PlayerId, Person>,
    uids: HashMap<Arc<str>, PlayerId>,
    connections: IdMap<ConnectionId, PlayerId>,
    /// Where the people online are, as far as they gave a place.
    presence: Globe<PlayerId>,
    matchmaking: Matchmaking,
    /// When clients from 2016 are given a seat.
    reseats: BTreeSet<(Instant, PlayerId)>,
    /// When people without a connection are no longer held.
    lapses: BTreeSet<(Instant, PlayerId)>,
    survey: Survey,
    memories: Memories,
    last_player: u64,
    last_room: u64,
    closing: bool,
    effects: VecDeque<LobbyEffect>,
}

impl Lobby {
    /// An empty lobby. The seed decides tokens and how robots move, and nothing else. Since tokens are secrets, the
    /// server takes it from the operating system; tests pass a constant.
    pub fn new(rules: Rules, seed: [u8; 32]) -> Lobby {
        Lobby {
            rules,
            rng: StdRng::from_seed(seed),
            people: IdMap::default(),
            uids: HashMap::new(),
            connections: IdMap::default(),
            presence: Globe::new(),
            matchmaking: Matchmaking::new(rules.format.seats, rules.patience),
            reseats: BTreeSet::new(),
            lapses: BTreeSet::new(),
            survey: Survey::default(),
            memories: Memories::new(rules.memory, rules.memories),
            last_player: 0,
            last_room: 0,
            closing: false,
            effects: VecDeque::new(),
        }
    }

    /// How many people are online.
    pub fn online(&self) -> usize {
        self.connections.len()
    }

    /// How many people wait for others to play with.
    pub fn waiting(&self) -> usize {
        self.matchmaking.waiting()
    }

    /// How many scores of people offline are kept.
    pub fn remembered(&self) -> usize {
        self.memories.len()
    }

    /// The person who has this uid now.
    pub fn holder(&self, uid: &str) -> Option<PlayerId> {
        self.uids.get(uid).copied()
    }

    /// The person this connection speaks for.
    pub fn speaker(&self, connection: ConnectionId) -> Option<PlayerId> {
        self.connections.get(&connection).copied()
    }

    /// The result of this room has arrived at this player: it is not told again.
    pub fn heard(&mut self, player: PlayerId, room: RoomId) {
        if let Some(person) = self.people.get_mut(&player)
            && person
                .missed
                .as_ref()
                .is_some_and(|missed| missed.room == room)
        {
            person.missed = None;
        }
    }

    /// `hello`: a connection says who it is, for the first time or again.
    pub fn hello(
        &mut self,
        by: ConnectionId,
        arrival: Arrival,
        now: Instant,
    ) -> Result<(), Rejected> {
        if robot::owns_uid(&arrival.profile.uid) {
            return Err(Rejected::UidReserved);
        }
        if robot::owns_name(&arrival.profile.name) {
            return Err(Rejected::NameReserved);
        }
        let known = self.connections.get(&by).copied();
        let owner = self.uids.get(&arrival.profile.uid).copied();
        match (known, owner) {
            (Some(known), owner) if owner != Some(known) => return Err(Rejected::UidFixed),
            (Some(known), _) => self.greet(known, arrival, None, now),
            (None, Some(owner)) => self.take_over(by, owner, arrival, now)?,
            (None, None) => self.arrive(by, arrival, now),
        }
        Ok(())
    }

    /// `join`: asks for a seat. A person who already waits for a rematch and asks once more then plays with anybody.
    pub fn join(&mut self, by: ConnectionId, now: Instant) -> Result<(), Rejected> {
        let player = self.player(by)?;
        if self.closing {
            return Err(Rejected::Closing);
        }
        let person = self.people.get_mut(&player).ok_or(Rejected::HelloFirst)?;
        let has_asked = mem::replace(&mut person.has_asked, true);
        match person.whereabouts {
            Whereabouts::Idle => {}
            // Not for a first `join` over a new connection: that client does not know that its place was held.
            Whereabouts::Waiting(table) if has_asked && self.matchmaking.is_kept(table) => {
                self.matchmaking.release(table);
                return Ok(());
            }
            Whereabouts::Waiting(_) | Whereabouts::Playing(_) => {
                return Err(Rejected::AlreadySeated);
            }
        }
        let partners = person
            .last_round
            .as_ref()
            .map(|last| last.people.clone())
            .unwrap_or_default();
        self.seat(player, None, now);
        for partner in partners
            .iter()
            .copied()
            .filter(|partner| *partner != player)
        {
            if self.people.get(&partner).is_some_and(Person::awaits_reseat) {
                self.seat(partner, None, now);
            }
        }
        Ok(())
    }

    /// `join` with `robot`: starts a round with robots at once.
    pub fn join_robot(&mut self, by: ConnectionId, now: Instant) -> Result<(), Rejected> {
        let player = self.player(by)?;
        if self.closing {
            return Err(Rejected::Closing);
        }
        let person = self.people.get_mut(&player).ok_or(Rejected::HelloFirst)?;
        if let Whereabouts::Playing(_) = person.whereabouts {
            return Err(Rejected::AlreadySeated);
        }
        self.cancel_reseat(player);
        let table = self.people.get(&player).and_then(Person::table);
        self.stop_waiting(player);
        self.part(player, table);
        let room = self.next_room();
        self.start(room, vec![player], now);
        Ok(())
    }

    /// `leave`: stops waiting, or declines a rematch. A person who plays leaves by its room instead
    /// ([`Action::Leave`]).
    ///
    /// [`Action::Leave`]: crate::room::Action::Leave
    pub fn leave(&mut self, by: ConnectionId) -> Result<(), Rejected> {
        let player = self.player(by)?;
        self.cancel_reseat(player);
        let table = self.people.get(&player).and_then(Person::table);
        let waited = self.stop_waiting(player).is_some();
        let last = self
            .people
            .get_mut(&player)
            .and_then(|person| person.last_round.as_mut())
            .filter(|last| !last.declined && last.people.len() > 1);
        let declines = last.is_some();
        if let Some(last) = last {
            last.declined = true;
            self.part(player, table);
        }
        if waited || declines {
            Ok(())
        } else {
            Err(Rejected::NotSeated)
        }
    }

    /// `face` outside a round: shows it to the others at the same table, and to the people of the last round who still look at
    /// its result. It is refused if nobody would see it.
    pub fn pull(&mut self, by: ConnectionId, face: Face) -> Result<(), Rejected> {
        let player = self.player(by)?;
        let person = self.people.get(&player).ok_or(Rejected::HelloFirst)?;
        let event = Event::Moved {
            uid: person.profile.uid.clone(),
            movement: Movement::Face(face),
        };
        let table = person.table();
        let beside = table.map_or(&[][..], |table| self.matchmaking.people(table));
        let mut audience: Vec<PlayerId> = beside.to_vec();
        for other in self.lookers_on(person) {
            if !audience.contains(&other) {
                audience.push(other);
            }
        }
        audience.retain(|other| *other != player);
        if audience.is_empty() && table.is_none() {
            return Err(Rejected::NotSeated);
        }
        for other in audience {
            self.effects
                .push_back(LobbyEffect::Send(other, event.clone()));
        }
        Ok(())
    }

    /// `choice` outside a round: always refused, for the reason that applies.
    pub fn choose(&self, by: ConnectionId) -> Result<(), Rejected> {
        self.player(by)?;
        Err(Rejected::NoRound)
    }

    /// A connection has closed or was lost.
    pub fn disconnect(&mut self, connection: ConnectionId, now: Instant) {
        let Some(player) = self.connections.remove(&connection) else {
            return;
        };
        shrink(&mut self.connections);
        self.cancel_reseat(player);
        let table = self.people.get(&player).and_then(Person::table);
        let wait = self.stop_waiting(player);
        let Some(person) = self.people.get_mut(&player) else {
            return;
        };
        person.connection = None;
        if let Some(place) = person.place.take() {
            self.presence.remove(player, place);
        }
        if let Whereabouts::Playing(room) = person.whereabouts {
            self.effects
                .push_back(LobbyEffect::Abandoned(player, connection, room));
        }
        let place = table.zip(wait);
        let is_idle = person.whereabouts == Whereabouts::Idle;
        let has_partners = |last: &LastRound| last.people.len() > 1;
        if (place.is_some() || is_idle && person.last_round.as_ref().is_some_and(has_partners))
            && !self.closing
        {
            let until = now + HOLD;
            person.held = Some(Held { until, place });
            self.lapses.insert((until, player));
        }
        if place.is_none() {
            self.part(player, None);
        }
        self.crowd_changed(now);
        self.forget_if_gone(player, now);
    }

    /// A player gave up its seat in a running room.
    pub fn left_room(&mut self, player: PlayerId, room: RoomId, now: Instant) {
        let Some(person) = self.people.get_mut(&player) else {
            return;
        };
        if person.whereabouts == Whereabouts::Playing(room) {
            person.whereabouts = Whereabouts::Idle;
            // Leaving a round counts as a loss, whatever the others show.
            (person.standing, _) = person.standing.after(-1);
            person.last_round = None;
            self.forget_if_gone(player, now);
        }
    }

    /// A room is over with this result.
    pub fn settled(
        &mut self,
        room: RoomId,
        standings: &Arc<[RoundStanding]>,
        settlements: &[Settlement],
        now: Instant,
    ) {
        let people: Arc<[PlayerId]> = settlements
            .iter()
            .map(|settlement| settlement.player)
            .collect();
        for Settlement {
            player,
            standing,
            lost,
        } in settlements.iter().copied()
        {
            let Some(person) = self.people.get_mut(&player) else {
                continue;
            };
            if person.whereabouts != Whereabouts::Playing(room) {
                continue;
            }
            person.whereabouts = Whereabouts::Idle;
            person.standing = standing;
            person.missed = Some(Missed {
                room,
                standings: standings.clone(),
            });
            let reseat = (lost && person.legacy && person.connection.is_some())
                .then_some(now + RESEAT_AFTER);
            person.last_round = Some(LastRound {
                room,
                ended: now,
                people: people.clone(),
                reseat,
                declined: false,
                invited: false,
            });
            if let Some(due) = reseat {
                self.reseats.insert((due, player));
            }
            self.forget_if_gone(player, now);
        }
    }

    /// The server is closing: people no longer wait, and nobody gets a seat any more.
    pub fn close(&mut self) {
        self.closing = true;
        self.reseats.clear();
        while let Some(table) = self.matchmaking.any() {
            for player in self.matchmaking.take(table) {
                if let Some(person) = self.people.get_mut(&player) {
                    person.whereabouts = Whereabouts::Idle;
                }
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due; `None` while nothing is to come.
    pub fn deadline(&self) -> Option<Instant> {
        let reseat = self.reseats.first().map(|(due, _)| *due);
        let lapse = self.lapses.first().map(|(due, _)| *due);
        let fade = self.memories.deadline();
        [
            self.matchmaking.deadline(),
            reseat,
            lapse,
            self.survey.due,
            fade,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(change) = self.matchmaking.advance(now) {
            match change {
                Change::Grew(table) => self.table_grew(table, now),
                Change::Ripe(table) => self.open(table, now),
            }
        }
        while let Some((due, player)) = self.reseats.first().copied()
            && due <= now
        {
            self.reseats.remove(&(due, player));
            if self.people.get(&player).is_some_and(Person::awaits_reseat) {
                self.seat(player, None, now);
            }
        }
        while let Some((due, player)) = self.lapses.first().copied()
            && due <= now
        {
            self.give_up_place(player, now);
        }
        self.take_survey(now);
        self.memories.fade(now);
    }

    /// The next effect to carry out; `None` when there is none left.
    pub fn poll_effect(&mut self) -> Option<LobbyEffect> {
        self.effects.pop_front()
    }

    fn player(&self, by: ConnectionId) -> Result<PlayerId, Rejected> {
        self.connections
            .get(&by)
            .copied()
            .ok_or(Rejected::HelloFirst)
    }
}
