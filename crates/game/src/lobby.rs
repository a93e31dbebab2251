//! Everybody who is online, and who waits: identity, nearness, seats. A state machine without a clock.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::event::{Event, Movement, Seated};
use super::hand::Face;
use super::ids::{IdMap, shrink};
use super::matchmaking::{Change, Matchmaking, Patience, Seeker};
use super::memories::Memories;
use super::place::{Globe, Place};
use super::player::{ConnectionId, Origin, PlayerId, Profile, RoomId, Standing, Token};
use super::room::{Entrant, Format, Room, Settlement};
use super::{Rejected, robot};

/// After this time a client that cannot ask again by itself is given a seat.
pub const RESEAT_AFTER: Duration = Duration::from_secs(3);
/// Partners of the last room who ask again within this time of each other meet again.
pub const REMATCH_WITHIN: Duration = Duration::from_secs(10);

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
pub struct Hello {
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
pub enum Output {
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
    memories: Memories,
    last_player: u64,
    last_room: u64,
    closing: bool,
    outputs: VecDeque<Output>,
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
            memories: Memories::new(rules.memory, rules.memories),
            last_player: 0,
            last_room: 0,
            closing: false,
            outputs: VecDeque::new(),
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

    /// Somebody says who it is, for the first time or again.
    pub fn hello(&mut self, by: ConnectionId, hello: Hello, now: Instant) -> Result<(), Rejected> {
        if robot::owns_uid(&hello.profile.uid) {
            return Err(Rejected::UidReserved);
        }
        if robot::owns_name(&hello.profile.name) {
            return Err(Rejected::NameReserved);
        }
        let known = self.connections.get(&by).copied();
        let owner = self.uids.get(&hello.profile.uid).copied();
        match (known, owner) {
            (Some(known), owner) if owner != Some(known) => return Err(Rejected::UidFixed),
            (Some(known), _) => self.greet(known, hello),
            (None, Some(owner)) => self.take_over(by, owner, hello, now)?,
            (None, None) => self.arrive(by, hello, now),
        }
        Ok(())
    }

    /// Somebody asks for a seat.
    pub fn join(&mut self, by: ConnectionId, now: Instant) -> Result<(), Rejected> {
        let player = self.player(by)?;
        if self.closing {
            return Err(Rejected::Closing);
        }
        let person = self.people.get(&player).ok_or(Rejected::HelloFirst)?;
        if person.whereabouts != Whereabouts::Idle {
            return Err(Rejected::AlreadySeated);
        }
        let partners = person
            .last_round
            .as_ref()
            .map(|last| last.people.clone())
            .unwrap_or_default();
        self.seat(player, now);
        for partner in partners
            .iter()
            .copied()
            .filter(|partner| *partner != player)
        {
            if self.people.get(&partner).is_some_and(Person::awaits_reseat) {
                self.seat(partner, now);
            }
        }
        Ok(())
    }

    /// Somebody no longer waits. Who plays tells the room instead.
    pub fn leave(&mut self, by: ConnectionId) -> Result<(), Rejected> {
        let player = self.player(by)?;
        self.cancel_reseat(player);
        if self.stop_waiting(player) {
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
        self.stop_waiting(player);
        let Some(person) = self.people.get_mut(&player) else {
            return;
        };
        person.connection = None;
        if let Some(place) = person.place.take() {
            self.presence.remove(player, place);
        }
        if let Whereabouts::Playing(room) = person.whereabouts {
            self.outputs
                .push_back(Output::Abandoned(player, connection, room));
        }
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
            person.standing.streak = 0;
            person.last_round = None;
            self.forget_if_gone(player, now);
        }
    }

    /// A room is over.
    pub fn settled(&mut self, room: RoomId, settlements: &[Settlement], now: Instant) {
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
            let reseat = (lost && person.legacy && person.connection.is_some())
                .then_some(now + RESEAT_AFTER);
            person.last_round = Some(LastRound {
                room,
                ended: now,
                people: people.clone(),
                reseat,
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
        let fade = self.memories.deadline();
        [self.matchmaking.deadline(), reseat, fade]
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
                self.seat(player, now);
            }
        }
        self.memories.fade(now);
    }

    /// The next thing to do, in order; `None` when there is nothing left.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn player(&self, by: ConnectionId) -> Result<PlayerId, Rejected> {
        self.connections
            .get(&by)
            .copied()
            .ok_or(Rejected::HelloFirst)
    }

    fn arrive(&mut self, by: ConnectionId, hello: Hello, now: Instant) {
        self.last_player += 1;
        let player = PlayerId(self.last_player);
        let uid = hello.profile.uid.clone();
        let (token, standing) = match self.memories.recall(&uid, hello.token, now) {
            Some(remembered) => remembered,
            None => (Token::random(&mut self.rng), Standing::default()),
        };
        let person = Person {
            profile: hello.profile.clone(),
            token,
            place: None,
            standing,
            connection: Some(by),
            legacy: hello.legacy,
            origin: hello.origin,
            whereabouts: Whereabouts::Idle,
            last_round: None,
        };
        self.people.insert(player, person);
        self.uids.insert(uid, player);
        self.connections.insert(by, player);
        self.outputs.push_back(Output::Attached(player, by));
        self.greet(player, hello);
    }

    /// A connection says it is somebody who is here already.
    fn take_over(
        &mut self,
        by: ConnectionId,
        owner: PlayerId,
        hello: Hello,
        now: Instant,
    ) -> Result<(), Rejected> {
        let Some(person) = self.people.get_mut(&owner) else {
            return Err(Rejected::UidTaken);
        };
        if hello.token != Some(person.token) {
            let holder = person.connection;
            let uid = &hello.profile.uid;
            if holder.is_some() && !self.memories.is_owner(uid, hello.token, now) {
                return Err(Rejected::UidTaken);
            }
            self.uids.remove(uid);
            // Whoever has the uid took it without proof while its owner was away, and is let go. Else the owner is offline
            // and only its room does not know yet: the uid is free.
            if let Some(holder) = holder {
                self.outputs.push_back(Output::Replaced(owner));
                self.disconnect(holder, now);
            }
            self.arrive(by, hello, now);
            return Ok(());
        }
        if let Some(old) = person.connection.replace(by) {
            self.connections.remove(&old);
            self.outputs.push_back(Output::Replaced(owner));
        }
        person.legacy = hello.legacy;
        let whereabouts = person.whereabouts;
        self.connections.insert(by, owner);
        if !hello.legacy {
            self.cancel_reseat(owner);
        }
        self.outputs.push_back(Output::Attached(owner, by));
        self.greet(owner, hello);
        match whereabouts {
            Whereabouts::Idle => {}
            Whereabouts::Waiting(table) => {
                let event = self.room_changed(table);
                self.outputs.push_back(Output::Send(owner, event));
            }
            Whereabouts::Playing(room) => self.outputs.push_back(Output::Resumed(owner, room)),
        }
        Ok(())
    }

    /// Takes in what a hello says and answers it.
    fn greet(&mut self, player: PlayerId, hello: Hello) {
        let Some(person) = self.people.get_mut(&player) else {
            return;
        };
        person.profile = hello.profile;
        person.origin = hello.origin;
        if let Some(old) = person.place {
            self.presence.remove(player, old);
        }
        person.place = hello.place;
        let others = match hello.place {
            Some(place) => {
                let others = self
                    .presence
                    .count_within(place, self.rules.patience.nearby_km);
                self.presence.insert(player, place);
                others
            }
            None => self.connections.len() - 1,
        };
        let event = Event::Welcomed {
            nearby: others,
            token: person.token,
            standing: person.standing,
        };
        self.outputs.push_back(Output::Send(player, event));
    }

    /// Finds a seat for somebody who is idle.
    fn seat(&mut self, player: PlayerId, now: Instant) {
        self.cancel_reseat(player);
        let Some(person) = self.people.get(&player) else {
            return;
        };
        let recent = person
            .last_round
            .as_ref()
            .filter(|last| now <= last.ended + REMATCH_WITHIN);
        let keep = recent.is_some_and(|last| {
            last.people
                .iter()
                .any(|other| *other != player && self.may_ask_again(*other, last.room))
        });
        let seeker = Seeker {
            player,
            place: person.place,
            last_room: recent.map(|last| last.room),
            keep,
        };
        self.last_room += 1;
        let table = self.matchmaking.join(seeker, RoomId(self.last_room), now);
        if let Some(person) = self.people.get_mut(&player) {
            person.whereabouts = Whereabouts::Waiting(table);
        }
        self.table_grew(table, now);
    }

    fn may_ask_again(&self, player: PlayerId, room: RoomId) -> bool {
        self.people.get(&player).is_some_and(|person| {
            person.connection.is_some()
                && person.whereabouts == Whereabouts::Idle
                && person
                    .last_round
                    .as_ref()
                    .is_some_and(|last| last.room == room)
        })
    }

    /// Tells everybody at a table who is there, and opens the room when it is full.
    fn table_grew(&mut self, table: RoomId, now: Instant) {
        for player in self.matchmaking.people(table) {
            if let Some(person) = self.people.get_mut(player) {
                person.whereabouts = Whereabouts::Waiting(table);
            }
        }
        let event = self.room_changed(table);
        for player in self.matchmaking.people(table) {
            self.outputs.push_back(Output::Send(*player, event.clone()));
        }
        if self.matchmaking.is_full(table) {
            self.open(table, now);
        }
    }

    fn open(&mut self, table: RoomId, now: Instant) {
        let people = self.matchmaking.take(table);
        let mut entrants = Vec::with_capacity(people.len());
        for player in people.iter().copied() {
            let Some(person) = self.people.get_mut(&player) else {
                continue;
            };
            person.whereabouts = Whereabouts::Playing(table);
            entrants.push(Entrant {
                player,
                profile: person.profile.clone(),
                standing: person.standing,
            });
        }
        let room = Room::start(table, entrants, self.rules.format, self.rng.random(), now);
        self.outputs.push_back(Output::Opened(room, people));
    }

    fn stop_waiting(&mut self, player: PlayerId) -> bool {
        let Some(person) = self.people.get_mut(&player) else {
            return false;
        };
        let Whereabouts::Waiting(table) = person.whereabouts else {
            return false;
        };
        person.whereabouts = Whereabouts::Idle;
        let uid = person.profile.uid.clone();
        self.matchmaking.leave(player, table);
        self.tell_others(table, player, &Event::Left { uid });
        let event = self.room_changed(table);
        self.tell_others(table, player, &event);
        true
    }

    fn tell_others(&mut self, table: RoomId, player: PlayerId, event: &Event) {
        for other in self
            .matchmaking
            .people(table)
            .iter()
            .filter(|other| **other != player)
        {
            self.outputs.push_back(Output::Send(*other, event.clone()));
        }
    }

    fn room_changed(&self, table: RoomId) -> Event {
        let people = self
            .matchmaking
            .people(table)
            .iter()
            .filter_map(|player| self.people.get(player));
        let seats = people
            .map(|person| Seated {
                profile: person.profile.clone(),
                standing: person.standing,
                robot: false,
            })
            .collect();
        Event::RoomChanged {
            room: table,
            seats,
            full: self.matchmaking.is_full(table),
        }
    }

    fn cancel_reseat(&mut self, player: PlayerId) {
        if let Some(last) = self
            .people
            .get_mut(&player)
            .and_then(|person| person.last_round.as_mut())
            && let Some(due) = last.reseat.take()
        {
            self.reseats.remove(&(due, player));
        }
    }

    /// Lets go of somebody who is offline and in no room; only the score is kept for a while.
    fn forget_if_gone(&mut self, player: PlayerId, now: Instant) {
        let gone = |person: &Person| {
            person.connection.is_none() && person.whereabouts == Whereabouts::Idle
        };
        if !self.people.get(&player).is_some_and(gone) {
            return;
        }
        let Some(person) = self.people.remove(&player) else {
            return;
        };
        shrink(&mut self.people);
        let uid = person.profile.uid;
        if self.uids.get(&uid) == Some(&player) {
            self.uids.remove(&uid);
            shrink(&mut self.uids);
            self.memories
                .keep(&uid, person.token, person.standing, person.origin, now);
        }
        self.outputs.push_back(Output::Gone(player));
    }
}

impl Person {
    /// Whether a seat is due to it without asking.
    fn awaits_reseat(&self) -> bool {
        self.whereabouts == Whereabouts::Idle
            && self
                .last_round
                .as_ref()
                .is_some_and(|last| last.reseat.is_some())
    }
}
