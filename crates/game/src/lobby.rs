//! Everybody who is online, and who waits: identity, nearness, seats. A state machine without a clock.

mod identity;
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
use crate::matchmaking::{Change, Matchmaking, Patience, Wait};
use crate::memories::Memories;
use crate::place::{Globe, Place};
use crate::player::{ConnectionId, Origin, PlayerId, Profile, RoomId, Standing, Token};
use crate::room::{Format, Room, Settlement};
use crate::{Rejected, robot};
use survey::Survey;

/// After this time a client that cannot ask again by itself is given a seat.
pub const RESEAT_AFTER: Duration = Duration::from_secs(3);
/// So long after a round who played it asks again when it asks for a seat; later it just asks.
pub const REMATCH_WITHIN: Duration = Duration::from_mins(10);
/// So long the place in the queue is kept of somebody whose connection is lost.
pub const HOLD: Duration = Duration::from_secs(5);

/// The rules a lobby is run by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Seats and time of a room.
    pub format: Format,
    /// How long people wait for whom.
    pub patience: Patience,
    /// How long the score of somebody who went offline is kept for whoever shows its token.
    pub memory: Duration,
    /// How many such scores are kept at most; the oldest go first, and before them who has none.
    pub memories: usize,
}

/// Who somebody says it is, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// How it presents itself.
    pub profile: Profile,
    /// Where it is, if it says so.
    pub place: Option<Place>,
    /// Proves the uid.
    pub token: Option<Token>,
    /// A client from 2016, which cannot ask again after a lost round.
    pub legacy: bool,
    /// Where it comes from, if that is known: from one place no more than a share of all is remembered.
    pub origin: Option<Origin>,
}

/// What came of a command or of the time.
#[derive(Debug)]
pub enum LobbyEffect {
    /// From now on this connection speaks for this player.
    Attached(PlayerId, ConnectionId),
    /// Another connection is about to take over this player: the one that speaks for it now is let go.
    Replaced(PlayerId),
    /// Tell this player.
    Send(PlayerId, Event),
    /// This player, new on its connection, sits in this running room.
    Resumed(PlayerId, RoomId),
    /// This player's connection is gone while it sits in this running room, which is to be told.
    Abandoned(PlayerId, ConnectionId, RoomId),
    /// Run this room for these people.
    Opened(Room, Vec<PlayerId>),
    /// This player is offline and in no room: nothing will be sent to it again.
    Gone(PlayerId),
}

#[derive(Debug)]
struct Person {
    profile: Profile,
    token: Token,
    place: Option<Place>,
    standing: Standing,
    connection: Option<ConnectionId>,
    legacy: bool,
    origin: Option<Origin>,
    whereabouts: Whereabouts,
    last_round: Option<LastRound>,
    /// The last result, until it is known to have arrived or the next round begins.
    missed: Option<Missed>,
    /// Its place in the queue, while its connection is lost.
    held: Option<Held>,
    /// Whether the connection that speaks for it now has asked for the seat it waits for.
    has_asked: bool,
    /// How many people near it was told of last.
    nearby: usize,
}

/// A place in the queue that nobody sits on.
#[derive(Debug, Clone, Copy)]
struct Held {
    until: Instant,
    /// Where it was.
    table: RoomId,
    wait: Wait,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whereabouts {
    Idle,
    Waiting(RoomId),
    Playing(RoomId),
}

#[derive(Debug, Clone)]
struct LastRound {
    room: RoomId,
    ended: Instant,
    /// Everybody who stayed to the end, this person included.
    people: Arc<[PlayerId]>,
    /// When the seat is given without asking; none for who can ask.
    reseat: Option<Instant>,
    /// Does not want to meet them again, unless it asks after all.
    declined: bool,
    /// The others have been told that it wants to.
    invited: bool,
}

/// Everybody who is online.
#[derive(Debug)]
pub struct Lobby {
    rules: Rules,
    rng: StdRng,
    people: IdMap<PlayerId, Person>,
    uids: HashMap<Arc<str>, PlayerId>,
    connections: IdMap<ConnectionId, PlayerId>,
    presence: Globe<PlayerId>,
    matchmaking: Matchmaking,
    reseats: BTreeSet<(Instant, PlayerId)>,
    /// When places in the queue are no longer held.
    lapses: BTreeSet<(Instant, PlayerId)>,
    survey: Survey,
    memories: Memories,
    last_player: u64,
    last_room: u64,
    closing: bool,
    effects: VecDeque<LobbyEffect>,
}

impl Lobby {
    /// An empty lobby. The seed decides tokens, robots and nothing else; outside tests it comes from the system.
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

    /// People online.
    pub fn online(&self) -> usize {
        self.connections.len()
    }

    /// People who wait for somebody to play with.
    pub fn waiting(&self) -> usize {
        self.matchmaking.waiting()
    }

    /// Scores kept for people who are offline.
    pub fn remembered(&self) -> usize {
        self.memories.len()
    }

    /// Who has this uid, if anybody.
    pub fn holder(&self, uid: &str) -> Option<PlayerId> {
        self.uids.get(uid).copied()
    }

    /// Whom this connection speaks for.
    pub fn speaker(&self, connection: ConnectionId) -> Option<PlayerId> {
        self.connections.get(&connection).copied()
    }

    /// The result of this room is known to have arrived: nobody need be told again.
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

    /// Somebody says who it is, for the first time or again.
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

    /// Somebody asks for a seat. Who waits for the people of its last room and asks once more takes anybody.
    pub fn join(&mut self, by: ConnectionId, now: Instant) -> Result<(), Rejected> {
        let player = self.player(by)?;
        if self.closing {
            return Err(Rejected::Closing);
        }
        let person = self.people.get_mut(&player).ok_or(Rejected::HelloFirst)?;
        let has_asked = mem::replace(&mut person.has_asked, true);
        match person.whereabouts {
            Whereabouts::Idle => {}
            // A client that lost its connection asks again without knowing that its place was kept.
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

    /// Somebody asks for a robot, and waits for nobody.
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

    /// Somebody no longer waits, or does not want to meet the people of its last room again. Who plays tells the room instead.
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

    /// Somebody who waits pulls a face at whoever waits along.
    pub fn pull(&mut self, by: ConnectionId, face: Face) -> Result<(), Rejected> {
        let player = self.player(by)?;
        let person = self.people.get(&player).ok_or(Rejected::HelloFirst)?;
        let Whereabouts::Waiting(table) = person.whereabouts else {
            return Err(Rejected::NotSeated);
        };
        let event = Event::Moved {
            uid: person.profile.uid.clone(),
            movement: Movement::Face(face),
        };
        self.tell_others(table, player, &event);
        Ok(())
    }

    /// Somebody chooses outside a round: refused, and told what is missing.
    pub fn choose(&self, by: ConnectionId) -> Result<(), Rejected> {
        self.player(by)?;
        Err(Rejected::NoRound)
    }

    /// A connection is gone.
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
        if let Some((table, wait)) = table.zip(wait).filter(|_| !self.closing) {
            let until = now + HOLD;
            person.held = Some(Held { until, table, wait });
            self.lapses.insert((until, player));
        } else {
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
            // Who leaves loses, whatever the others show.
            (person.standing, _) = person.standing.after(-1);
            person.last_round = None;
            self.forget_if_gone(player, now);
        }
    }

    /// A room is over, with this result.
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

    /// No more rounds: whoever waits is told no, and nobody is seated again.
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

    /// When [`handle_timeout`](Self::handle_timeout) is due.
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

    /// The next thing to do, in order; `None` when there is nothing left.
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

impl Person {
    /// The table it waits at.
    fn table(&self) -> Option<RoomId> {
        match self.whereabouts {
            Whereabouts::Waiting(table) => Some(table),
            Whereabouts::Idle | Whereabouts::Playing(_) => None,
        }
    }

    /// Whether a seat is due to it without asking.
    fn awaits_reseat(&self) -> bool {
        self.whereabouts == Whereabouts::Idle
            && self
                .last_round
                .as_ref()
                .is_some_and(|last| last.reseat.is_some())
    }
}
