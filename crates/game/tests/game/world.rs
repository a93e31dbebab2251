//! The lobby and its rooms, connected as the runtime connects them but without tasks and timers. Everything that
//! happens is checked against the rules.

mod effects;
mod rules;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::sample::Index;
use wulin_game::lobby::{Arrival, Lobby, Rules};
use wulin_game::matchmaking::Patience;
use wulin_game::room::{Action, Format, Room};
use wulin_game::{
    ConnectionId, Event, Face, Hand, Missed, Origin, Place, PlayerId, Profile, Rejected, RoomId,
    Seated, Standing, Token,
};

pub(crate) const ROUND_TIME: Duration = Duration::from_secs(3);
pub(crate) const REMATCH_WAIT: Duration = Duration::from_secs(8);
pub(crate) const PEOPLE: usize = 7;

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Hello {
        connection: Index,
        uid: usize,
        place: Option<(f64, f64)>,
        prove: bool,
    },
    Join(Index),
    JoinRobot(Index),
    Leave(Index),
    Choose(Index, Hand),
    Lock(Index, Hand),
    Pull(Index, Face),
    Disconnect(Index),
    Wait(u64),
}

/// A running room, and what its players did and saw, against which its result is checked.
pub(crate) struct Round {
    room: Room,
    pub(crate) seats: Arc<[Seated]>,
    people: Vec<PlayerId>,
    hands: HashMap<Arc<str>, Hand>,
    locked: BTreeSet<Arc<str>>,
    away: BTreeSet<Arc<str>>,
    /// The uids whose clients are from 2016.
    legacy: BTreeSet<Arc<str>>,
    left: BTreeSet<Arc<str>>,
    deadline: Instant,
    /// People who have been told the start and not yet the end.
    inside: BTreeSet<PlayerId>,
}

pub(crate) struct World {
    pub(crate) lobby: Lobby,
    pub(crate) rounds: BTreeMap<RoomId, Round>,
    /// The connection that speaks for each player.
    pub(crate) lines: HashMap<PlayerId, ConnectionId>,
    /// The running room in which each player sits.
    pub(crate) seats: HashMap<PlayerId, RoomId>,
    pub(crate) uids: HashMap<PlayerId, Arc<str>>,
    pub(crate) tokens: HashMap<Arc<str>, Token>,
    /// The standing in the last result, by uid.
    standings: HashMap<Arc<str>, Standing>,
    /// Open connections, and the uid with which each was welcomed.
    pub(crate) connections: Vec<(ConnectionId, Option<Arc<str>>)>,
    pub(crate) arriving: Option<(ConnectionId, Arc<str>)>,
    pub(crate) now: Instant,
    next_connection: u64,
    results: usize,
    pub(crate) joined_by_itself: BTreeSet<PlayerId>,
    /// The room of the last result that each player has received.
    received: HashMap<PlayerId, RoomId>,
    /// The last result of each uid, until it is received or the next round begins.
    pub(crate) unheard: HashMap<Arc<str>, Missed>,
    /// The number of people nearby that each player without a place was told last.
    pub(crate) nearby: HashMap<PlayerId, usize>,
    /// Everything people have been told.
    pub(crate) told: Vec<(PlayerId, Event)>,
    pub(crate) legacy: HashMap<PlayerId, bool>,
    pub(crate) asked: BTreeSet<PlayerId>,
}

impl World {
    pub(crate) fn new(seats: usize) -> World {
        let rules = Rules {
            format: Format {
                seats,
                round_time: ROUND_TIME,
            },
            patience: Patience {
                robot_wait: Duration::from_secs(1),
                rematch_wait: REMATCH_WAIT,
                nearby_km: 10.0,
            },
            memory: Duration::from_mins(1),
            memories: 4,
        };
        let mut world = World {
            lobby: Lobby::new(rules, [7; 32]),
            rounds: BTreeMap::new(),
            lines: HashMap::new(),
            seats: HashMap::new(),
            uids: HashMap::new(),
            tokens: HashMap::new(),
            standings: HashMap::new(),
            connections: Vec::new(),
            arriving: None,
            now: Instant::now(),
            next_connection: 0,
            results: 0,
            joined_by_itself: BTreeSet::new(),
            received: HashMap::new(),
            unheard: HashMap::new(),
            nearby: HashMap::new(),
            told: Vec::new(),
            legacy: HashMap::new(),
            asked: BTreeSet::new(),
        };
        for _ in 0..PEOPLE + 2 {
            world.connect();
        }
        world
    }

    fn connect(&mut self) {
        self.next_connection += 1;
        self.connections
            .push((ConnectionId(self.next_connection), None));
    }

    pub(crate) fn player(&self, connection: ConnectionId) -> Option<PlayerId> {
        self.lines
            .iter()
            .find(|(_, line)| **line == connection)
            .map(|(player, _)| *player)
    }

    pub(crate) fn step(&mut self, step: &Step) {
        match step.clone() {
            Step::Hello {
                connection,
                uid,
                place,
                prove,
            } => {
                let (connection, known) = connection.get(&self.connections).clone();
                let uid: Arc<str> = format!("uid{uid}").into();
                let hello = self.arrival(connection, uid, place, prove);
                self.check_hello(connection, known.as_ref(), hello);
            }
            Step::Join(connection) => {
                let (connection, known) = connection.get(&self.connections).clone();
                let player = self.player(connection);
                self.asked.extend(player);
                let outcome = self.lobby.join(connection, self.now);
                match outcome {
                    Ok(()) => assert!(known.is_some()),
                    Err(Rejected::HelloFirst) => assert!(known.is_none()),
                    Err(Rejected::AlreadySeated) => {}
                    Err(other) => panic!("{other}"),
                }
                self.carry_out();
            }
            Step::JoinRobot(connection) => {
                let (connection, known) = connection.get(&self.connections).clone();
                let player = self.player(connection);
                self.asked.extend(player);
                match self.lobby.join_robot(connection, self.now) {
                    Ok(()) => assert!(known.is_some()),
                    Err(Rejected::HelloFirst) => assert!(known.is_none()),
                    Err(Rejected::AlreadySeated) => {
                        assert!(self.seats.contains_key(&player.expect("known")));
                    }
                    Err(other) => panic!("{other}"),
                }
                self.carry_out();
            }
            Step::Lock(connection, hand) => {
                let (connection, _) = connection.get(&self.connections).clone();
                match self.seat_of(connection) {
                    Some((player, room)) => _ = self.act(player, room, Action::Lock(hand)),
                    None => assert!(self.lobby.choose(connection).is_err()),
                }
                self.carry_out();
            }
            Step::Leave(connection) => {
                let (connection, _) = connection.get(&self.connections).clone();
                match self.seat_of(connection) {
                    Some((player, room)) => {
                        self.act(player, room, Action::Leave).expect("seated");
                    }
                    None => _ = self.lobby.leave(connection),
                }
                self.carry_out();
            }
            Step::Choose(connection, hand) => {
                let (connection, _) = connection.get(&self.connections).clone();
                match self.seat_of(connection) {
                    Some((player, room)) => _ = self.act(player, room, Action::Choose(hand)),
                    None => assert!(self.lobby.choose(connection).is_err()),
                }
            }
            Step::Pull(connection, face) => {
                let (connection, _) = connection.get(&self.connections).clone();
                match self.seat_of(connection) {
                    Some((player, room)) => {
                        self.act(player, room, Action::Pull(face)).expect("playing");
                    }
                    None => _ = self.lobby.pull(connection, face),
                }
                self.carry_out();
            }
            Step::Disconnect(connection) => {
                let (connection, _) = connection.get(&self.connections).clone();
                self.disconnect(connection);
                self.connect();
            }
            Step::Wait(millis) => self.wait(Duration::from_millis(millis)),
        }
    }

    /// The player of a connection and the running room in which it sits.
    fn seat_of(&self, connection: ConnectionId) -> Option<(PlayerId, RoomId)> {
        let player = self.player(connection)?;
        Some((player, *self.seats.get(&player)?))
    }

    fn arrival(
        &self,
        connection: ConnectionId,
        uid: Arc<str>,
        place: Option<(f64, f64)>,
        prove: bool,
    ) -> Arrival {
        let token = prove.then(|| self.tokens.get(&uid).copied()).flatten();
        Arrival {
            profile: Profile {
                uid,
                name: "n".into(),
                picture: "".into(),
            },
            place: place.and_then(|(lat, lng)| Place::new(lat, lng)),
            token,
            // A connection keeps its kind of client until it closes.
            legacy: connection.0.is_multiple_of(2),
            origin: origin(connection),
        }
    }

    /// Says hello, and checks that a refusal has a reason. `known` is the uid of an earlier hello on this connection.
    fn check_hello(&mut self, by: ConnectionId, known: Option<&Arc<str>>, hello: Arrival) {
        let uid = hello.profile.uid.clone();
        let has_proof = hello.token.is_some();
        let mut others = self.connections.iter().filter(|(other, _)| *other != by);
        let is_taken = others.any(|(_, owner)| owner.as_ref() == Some(&uid));
        // A player who is away still has its seat.
        let plays = self.seats.keys().any(|player| self.uids[player] == uid);
        match self.hello(by, hello) {
            Ok(()) => {}
            Err(Rejected::UidFixed) => assert!(known.is_some_and(|known| *known != uid)),
            Err(Rejected::UidTaken) => {
                assert!(
                    (is_taken || plays) && !has_proof,
                    "refused a uid nobody has"
                );
            }
            Err(other) => panic!("{other}"),
        }
    }

    pub(crate) fn hello(&mut self, by: ConnectionId, hello: Arrival) -> Result<(), Rejected> {
        let (legacy, is_placed) = (hello.legacy, hello.place.is_some());
        let uid = hello.profile.uid.clone();
        if !self.connections.iter().any(|(other, _)| *other == by) {
            self.connections.push((by, None));
        }
        self.note_receipt(self.lobby.holder(&uid));
        self.arriving = Some((by, uid));
        let outcome = self.lobby.hello(by, hello, self.now);
        if let (Ok(()), Some(player)) = (outcome, self.lobby.speaker(by)) {
            self.legacy.insert(player, legacy);
            self.carry_out();
            if is_placed || legacy {
                self.nearby.remove(&player);
            }
        }
        self.carry_out();
        outcome
    }

    pub(crate) fn disconnect(&mut self, connection: ConnectionId) {
        self.connections.retain(|(other, _)| *other != connection);
        self.note_receipt(self.lobby.speaker(connection));
        self.lobby.disconnect(connection, self.now);
        self.carry_out();
    }

    /// Tells the lobby, as the runtime does, which result has arrived.
    fn note_receipt(&mut self, player: Option<PlayerId>) {
        if let Some(player) = player
            && let Some(room) = self.received.get(&player)
        {
            self.lobby.heard(player, *room);
        }
    }

    /// The result of this room has arrived at this player.
    pub(crate) fn receive(&mut self, player: PlayerId, room: RoomId) {
        self.received.insert(player, room);
        let uid = &self.uids[&player];
        if self
            .unheard
            .get(uid)
            .is_some_and(|missed| missed.room == room)
        {
            self.unheard.remove(uid);
        }
    }

    /// Lets time pass. Every timeout is handled exactly at its deadline.
    pub(crate) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let lobby = self.lobby.deadline().map(|due| (due, None));
            let rooms = self
                .rounds
                .iter()
                .filter_map(|(id, round)| Some((round.room.deadline()?, Some(*id))));
            let Some((due, whose)) = rooms.chain(lobby).filter(|(due, _)| *due <= end).min() else {
                break;
            };
            self.now = self.now.max(due);
            match whose {
                None => self.lobby.handle_timeout(self.now),
                Some(id) => {
                    self.rounds
                        .get_mut(&id)
                        .expect("running")
                        .room
                        .handle_timeout(self.now);
                    self.drain(id);
                }
            }
            self.carry_out();
        }
        self.now = end;
    }

    pub(crate) fn act(
        &mut self,
        player: PlayerId,
        room: RoomId,
        action: Action,
    ) -> Result<(), Rejected> {
        let uid = self.uids[&player].clone();
        let round = self
            .rounds
            .get_mut(&room)
            .expect("a seat is in a running room");
        let mut expected = Ok(());
        match action {
            Action::Choose(hand) | Action::Lock(hand) if round.locked.contains(&uid) => {
                if round.hands[&uid] != hand {
                    expected = Err(Rejected::HandLocked);
                }
            }
            Action::Choose(hand) => _ = round.hands.insert(uid, hand),
            Action::Lock(hand) => {
                round.locked.insert(uid.clone());
                round.hands.insert(uid, hand);
            }
            Action::Leave => _ = round.left.insert(uid),
            Action::Disconnect => _ = round.away.insert(uid),
            Action::Return { legacy } => {
                round.away.remove(&uid);
                if legacy {
                    round.legacy.insert(uid);
                } else {
                    round.legacy.remove(&uid);
                }
            }
            Action::Pull(_) => {}
        }
        let outcome = round.room.handle(player, action, self.now);
        assert_eq!(outcome, expected, "{action:?}");
        if matches!(
            action,
            Action::Lock(_) | Action::Leave | Action::Return { .. }
        ) {
            let is_over = round.room.deadline().is_none();
            assert_eq!(is_over, round.waits_for_nobody(), "after {action:?}");
        }
        self.drain(room);
        outcome
    }
}

/// Three of four connections come from one of three addresses, the rest from unknown ones.
fn origin(connection: ConnectionId) -> Option<Origin> {
    let number = connection.0 as u32 % 4;
    (number > 0).then(|| Origin::of(Ipv4Addr::from_bits(number).into()))
}
