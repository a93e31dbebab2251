//! Everybody who is online, and who waits: identity, nearness, seats. A state machine without a clock.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::event::{Event, Missed, Movement, RoundStanding, Seated};
use super::hand::Face;
use super::ids::{IdMap, shrink};
use super::matchmaking::{Change, Matchmaking, Patience, Seeker, Wait};
use super::memories::Memories;
use super::place::{Globe, Place};
use super::player::{ConnectionId, Origin, PlayerId, Profile, RoomId, Standing, Token};
use super::room::{Entrant, Format, Room, Settlement};
use super::{Rejected, robot};

/// After this time a client that cannot ask again by itself is given a seat.
pub const RESEAT_AFTER: Duration = Duration::from_secs(3);
/// So long after a round who played it asks again when it asks for a seat; later it just asks.
pub const REMATCH_WITHIN: Duration = Duration::from_mins(10);
/// So long the place in the queue is kept of somebody whose connection is lost, and whom it has just played with.
pub const HOLD: Duration = Duration::from_secs(5);
/// The number of people near is told anew no sooner than this after the last time.
pub const SURVEY_EVERY: Duration = Duration::from_secs(3);
/// So many people's is counted at a time, and so long later the next ones': nothing else waits for it for long.
const SURVEY_SLICE: usize = 256;
const SURVEY_PAUSE: Duration = Duration::from_millis(10);

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
    /// What it finds again, while its connection is lost and it plays no round.
    held: Option<Held>,
    /// Whether the connection that speaks for it now has asked for the seat it waits for.
    has_asked: bool,
    /// How many people near it was told of last.
    nearby: usize,
}

/// For how long somebody whose connection is lost is the same when it comes back.
#[derive(Debug, Clone, Copy)]
struct Held {
    until: Instant,
    /// The table it waited at, and how; nothing for who has just played.
    place: Option<(RoomId, Wait)>,
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

/// Finds out whose number of people near has changed, a few people at a time. It rests while nobody comes or goes.
#[derive(Debug, Default)]
struct Survey {
    due: Option<Instant>,
    /// Who is still to be counted for.
    left: Vec<PlayerId>,
    /// Somebody has come or gone since it began.
    stale: bool,
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
            (Some(known), _) => self.greet(known, hello, None, now),
            (None, Some(owner)) => self.take_over(by, owner, hello, now)?,
            (None, None) => self.arrive(by, hello, now),
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
        let has_asked = std::mem::replace(&mut person.has_asked, true);
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

    /// Somebody who plays no round pulls a face: at whoever waits along, and at the people of its last round, who look at the
    /// result. Refused where nobody sees it.
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

    fn arrive(&mut self, by: ConnectionId, hello: Hello, now: Instant) {
        self.last_player += 1;
        let player = PlayerId(self.last_player);
        let uid = hello.profile.uid.clone();
        let missed = self.memories.missed(&uid, hello.token, now);
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
            missed: missed.clone(),
            held: None,
            has_asked: false,
            nearby: 0,
        };
        self.people.insert(player, person);
        self.uids.insert(uid, player);
        self.connections.insert(by, player);
        self.effects.push_back(LobbyEffect::Attached(player, by));
        self.greet(player, hello, missed, now);
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
            // A place in the queue is not worth a uid: its owner finds the score, by the token.
            if person.held.is_some() {
                self.give_up_place(owner, now);
                self.arrive(by, hello, now);
                return Ok(());
            }
            // A client from 2016 has no token to come back with: the seat it leaves behind is nobody's.
            let is_ownerless = holder.is_none() && person.legacy;
            if !is_ownerless && !self.memories.is_owner(uid, hello.token, now) {
                return Err(Rejected::UidTaken);
            }
            self.uids.remove(uid);
            // Whoever has the uid took it without proof while its owner was away, and is let go.
            if let Some(holder) = holder {
                self.effects.push_back(LobbyEffect::Replaced(owner));
                self.disconnect(holder, now);
            }
            // Nobody can come back to that place.
            self.give_up_place(owner, now);
            self.arrive(by, hello, now);
            return Ok(());
        }
        if let Some(old) = person.connection.replace(by) {
            self.connections.remove(&old);
            self.effects.push_back(LobbyEffect::Replaced(owner));
        }
        person.legacy = hello.legacy;
        person.has_asked = false;
        let whereabouts = person.whereabouts;
        let missed = person.missed.clone();
        let held = person.held.take();
        self.connections.insert(by, owner);
        if !hello.legacy {
            self.cancel_reseat(owner);
        }
        self.effects.push_back(LobbyEffect::Attached(owner, by));
        self.greet(owner, hello, missed, now);
        if let Some(Held { until, place }) = held {
            self.lapses.remove(&(until, owner));
            if let Some((_, wait)) = place.filter(|_| !self.closing) {
                self.seat(owner, Some(wait), now);
                return Ok(());
            }
        }
        match whereabouts {
            Whereabouts::Idle => self.invite_back(owner),
            Whereabouts::Waiting(table) => {
                let event = self.room_changed(table, None);
                self.effects.push_back(LobbyEffect::Send(owner, event));
            }
            Whereabouts::Playing(room) => self.effects.push_back(LobbyEffect::Resumed(owner, room)),
        }
        Ok(())
    }

    /// Takes in what a hello says and answers it.
    fn greet(&mut self, player: PlayerId, hello: Hello, missed: Option<Missed>, now: Instant) {
        self.crowd_changed(now);
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
        person.nearby = others;
        let event = Event::Welcomed {
            nearby: others,
            token: person.token,
            standing: person.standing,
            missed,
        };
        self.effects.push_back(LobbyEffect::Send(player, event));
    }

    /// Somebody came, went or moved.
    fn crowd_changed(&mut self, now: Instant) {
        if self.connections.is_empty() {
            self.survey = Survey::default();
        } else if self.survey.due.is_none() {
            self.survey.due = Some(now + SURVEY_EVERY);
        } else {
            self.survey.stale = true;
        }
    }

    /// Tells some of those whose number of people near has changed, if that is due.
    fn take_survey(&mut self, now: Instant) {
        if self.survey.due.is_none_or(|due| now < due) {
            return;
        }
        if self.survey.left.is_empty() {
            self.survey.left = self.connections.values().copied().collect();
            self.survey.stale = false;
        }
        let rest = self.survey.left.len().saturating_sub(SURVEY_SLICE);
        for player in self.survey.left.split_off(rest) {
            let online = self.connections.len();
            let Some(person) = self.people.get_mut(&player) else {
                continue;
            };
            let within = |place| {
                self.presence
                    .count_within(place, self.rules.patience.nearby_km)
            };
            let nearby = person.place.map_or(online, within).saturating_sub(1);
            let is_told = person.connection.is_some() && !person.legacy;
            if is_told && std::mem::replace(&mut person.nearby, nearby) != nearby {
                let event = Event::NearbyChanged { nearby };
                self.effects.push_back(LobbyEffect::Send(player, event));
            }
        }
        self.survey.due = match self.survey {
            Survey { ref left, .. } if !left.is_empty() => Some(now + SURVEY_PAUSE),
            Survey { stale: true, .. } => Some(now + SURVEY_EVERY),
            Survey { .. } => None,
        };
    }

    fn next_room(&mut self) -> RoomId {
        self.last_room += 1;
        RoomId(self.last_room)
    }

    /// Finds a seat for somebody who is idle, or the same as good as before for somebody who had one in the queue.
    fn seat(&mut self, player: PlayerId, before: Option<Wait>, now: Instant) {
        self.cancel_reseat(player);
        let fresh = self.next_room();
        let Some(person) = self.people.get_mut(&player) else {
            return;
        };
        let place = person.place;
        let recent = person
            .last_round
            .as_mut()
            .filter(|last| now <= last.ended + REMATCH_WITHIN)
            .map(|last| {
                last.declined = false;
                last.clone()
            });
        let may_meet_again = recent
            .as_ref()
            .is_some_and(|last| self.somebody_may_ask_again(player, last));
        let seeker = Seeker {
            player,
            place,
            last_room: recent.as_ref().map(|last| last.room),
            keep: may_meet_again && before.is_none_or(|wait| wait.kept),
            since: before.map_or(now, |wait| wait.since),
        };
        let table = self.matchmaking.join(seeker, fresh);
        if let Some(person) = self.people.get_mut(&player) {
            person.whereabouts = Whereabouts::Waiting(table);
        }
        self.table_grew(table, now);
        if let Some(last) = recent.filter(|_| may_meet_again)
            && self.matchmaking.people(table).contains(&player)
        {
            self.invite(table, &last);
            if let Some(person) = self.people.get_mut(&player)
                && let Some(last) = &mut person.last_round
            {
                last.invited = true;
            }
        }
    }

    /// Whether somebody else of this round may ask again.
    fn somebody_may_ask_again(&self, player: PlayerId, last: &LastRound) -> bool {
        let mut others = last.people.iter().filter(|other| **other != player);
        others.any(|other| self.may_ask_again(*other, last.room))
    }

    fn may_ask_again(&self, player: PlayerId, room: RoomId) -> bool {
        self.people.get(&player).is_some_and(|person| {
            (person.connection.is_some() || person.holds_a_place())
                && person.whereabouts == Whereabouts::Idle
                && person
                    .last_round
                    .as_ref()
                    .is_some_and(|last| last.room == room && !last.declined)
        })
    }

    /// The people of a room that was just played, as far as they are here and have not asked. A client from 2016 knows no
    /// invitations.
    fn invited(&self, last: &LastRound) -> Vec<PlayerId> {
        let is_invited = |player: &PlayerId| {
            let person = self.people.get(player);
            self.may_ask_again(*player, last.room)
                && person.is_some_and(|person| person.connection.is_some() && !person.legacy)
        };
        last.people.iter().copied().filter(is_invited).collect()
    }

    /// Who still looks at the result of this person's last round. A client from 2016 shows no faces there.
    fn lookers_on(&self, person: &Person) -> Vec<PlayerId> {
        let last = person.last_round.as_ref().filter(|last| !last.declined);
        let looks_on = |last: &LastRound, other: PlayerId| {
            self.people.get(&other).is_some_and(|other| {
                other.connection.is_some()
                    && !other.legacy
                    && !matches!(other.whereabouts, Whereabouts::Playing(_))
                    && other
                        .last_round
                        .as_ref()
                        .is_some_and(|theirs| theirs.room == last.room && !theirs.declined)
            })
        };
        last.into_iter()
            .flat_map(|last| last.people.iter().map(move |other| (last, *other)))
            .filter(|(last, other)| looks_on(last, *other))
            .map(|(_, other)| other)
            .collect()
    }

    /// Tells them who of that room waits for them at this table now, if anybody.
    fn invite(&mut self, table: RoomId, last: &LastRound) {
        let event = self.invitation(table, last.room);
        for player in self.invited(last) {
            self.effects
                .push_back(LobbyEffect::Send(player, event.clone()));
        }
    }

    fn invitation(&self, table: RoomId, room: RoomId) -> Event {
        let mut waiting = self.matchmaking.people(table).iter().rev();
        let rematch = waiting.find_map(|player| {
            let person = self.people.get(player)?;
            let last = person.last_round.as_ref()?;
            (last.room == room).then(|| person.profile.uid.clone())
        });
        self.room_changed(table, rematch)
    }

    /// Tells somebody who is new on its connection who waits for it.
    fn invite_back(&mut self, player: PlayerId) {
        let last = self
            .people
            .get(&player)
            .and_then(|person| person.last_round.clone());
        if let Some(last) = last
            && let Some(table) = self.matchmaking.rematch(last.room)
            && self.invited(&last).contains(&player)
        {
            let event = self.invitation(table, last.room);
            self.effects.push_back(LobbyEffect::Send(player, event));
        }
    }

    /// Somebody, who waited at this table if at any, is not to be met again by the people of its last room: whom it has invited
    /// are told, and who waits for it alone waits for anybody.
    fn part(&mut self, player: PlayerId, table: Option<RoomId>) {
        let Some(person) = self.people.get_mut(&player) else {
            return;
        };
        let uid = person.profile.uid.clone();
        let Some(last) = &mut person.last_round else {
            return;
        };
        let has_invited = std::mem::replace(&mut last.invited, false);
        let last = last.clone();
        if let Some(table) = table.filter(|_| has_invited) {
            for other in self.invited(&last) {
                let event = Event::Left { uid: uid.clone() };
                self.effects.push_back(LobbyEffect::Send(other, event));
            }
            self.invite(table, &last);
        }
        if let Some(table) = self.matchmaking.rematch(last.room)
            && !self.somebody_may_ask_again(player, &last)
        {
            self.matchmaking.release(table);
        }
    }

    /// The place in the queue of somebody who is offline is no longer held.
    fn give_up_place(&mut self, player: PlayerId, now: Instant) {
        let Some(person) = self.people.get_mut(&player) else {
            return;
        };
        let Some(Held { until, place }) = person.held.take() else {
            return;
        };
        self.lapses.remove(&(until, player));
        self.part(player, place.map(|(table, _)| table));
        self.forget_if_gone(player, now);
    }

    /// Tells everybody at a table who is there, and opens the room when it is full.
    fn table_grew(&mut self, table: RoomId, now: Instant) {
        for player in self.matchmaking.people(table) {
            if let Some(person) = self.people.get_mut(player) {
                person.whereabouts = Whereabouts::Waiting(table);
            }
        }
        let event = self.room_changed(table, None);
        for player in self.matchmaking.people(table) {
            self.effects
                .push_back(LobbyEffect::Send(*player, event.clone()));
        }
        if self.matchmaking.is_full(table) {
            self.open(table, now);
        }
    }

    fn open(&mut self, table: RoomId, now: Instant) {
        let people = self.matchmaking.take(table);
        self.start(table, people, now);
    }

    fn start(&mut self, table: RoomId, people: Vec<PlayerId>, now: Instant) {
        let mut entrants = Vec::with_capacity(people.len());
        for player in people.iter().copied() {
            let Some(person) = self.people.get_mut(&player) else {
                continue;
            };
            person.whereabouts = Whereabouts::Playing(table);
            person.missed = None;
            entrants.push(Entrant {
                player,
                profile: person.profile.clone(),
                standing: person.standing,
                legacy: person.legacy,
            });
        }
        for player in &people {
            self.part(*player, Some(table));
        }
        let room = Room::start(table, entrants, self.rules.format, self.rng.random(), now);
        self.effects.push_back(LobbyEffect::Opened(room, people));
    }

    /// Takes somebody off its table, and says how it has waited there; nothing if it did not wait.
    fn stop_waiting(&mut self, player: PlayerId) -> Option<Wait> {
        let person = self.people.get_mut(&player)?;
        let table = person.table()?;
        person.whereabouts = Whereabouts::Idle;
        let uid = person.profile.uid.clone();
        let wait = self.matchmaking.leave(player, table);
        self.tell_others(table, player, &Event::Left { uid });
        let event = self.room_changed(table, None);
        self.tell_others(table, player, &event);
        wait
    }

    fn tell_others(&mut self, table: RoomId, player: PlayerId, event: &Event) {
        for other in self
            .matchmaking
            .people(table)
            .iter()
            .filter(|other| **other != player)
        {
            self.effects
                .push_back(LobbyEffect::Send(*other, event.clone()));
        }
    }

    fn room_changed(&self, table: RoomId, rematch: Option<Arc<str>>) -> Event {
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
                locked: false,
                away: false,
            })
            .collect();
        Event::RoomChanged {
            room: table,
            seats,
            full: self.matchmaking.is_full(table),
            rematch,
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
            person.connection.is_none()
                && person.whereabouts == Whereabouts::Idle
                && person.held.is_none()
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
            if let Some(missed) = person.missed {
                self.memories.keep_missed(&uid, person.token, missed);
            }
        }
        self.effects.push_back(LobbyEffect::Gone(player));
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

    /// Whether it has a place in the queue though it is offline.
    fn holds_a_place(&self) -> bool {
        self.held.is_some_and(|held| held.place.is_some())
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
