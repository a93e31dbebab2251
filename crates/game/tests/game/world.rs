//! The lobby and its rooms wired as the runtime wires them, without it; whatever happens there is held against the rules.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::sample::Index;
use wulin_game::lobby::{Hello, Lobby, LobbyEffect, Rules};
use wulin_game::matchmaking::Patience;
use wulin_game::room::{Action, Format, Recipient, Room, RoomEffect};
use wulin_game::{
    ConnectionId, Event, Face, Hand, Missed, Origin, Place, PlayerId, Profile, Rejected, RoomId,
    RoundStanding, Seated, Standing, Token,
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

impl Round {
    /// Whether nothing that could still happen matters.
    fn waits_for_nobody(&self) -> bool {
        let people = self.seats.iter().filter(|seat| !seat.robot);
        let there: Vec<_> = people
            .map(|seat| &seat.profile.uid)
            .filter(|uid| !self.left.contains(*uid))
            .collect();
        if there.iter().any(|uid| self.legacy.contains(*uid)) {
            return false;
        }
        let against_robots = self.seats.iter().any(|seat| seat.robot);
        there.iter().all(|uid| self.locked.contains(*uid)) || there.len() == 1 && !against_robots
    }
}

/// What a round looked like to its players, kept to check its result against the rules.
pub(crate) struct Round {
    room: Room,
    pub(crate) seats: Arc<[Seated]>,
    people: Vec<PlayerId>,
    hands: HashMap<Arc<str>, Hand>,
    locked: BTreeSet<Arc<str>>,
    away: BTreeSet<Arc<str>>,
    /// Whose clients are from 2016.
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
    /// The running room each player sits in.
    pub(crate) seats: HashMap<PlayerId, RoomId>,
    pub(crate) uids: HashMap<PlayerId, Arc<str>>,
    pub(crate) tokens: HashMap<Arc<str>, Token>,
    /// The last standing a result told, by uid.
    standings: HashMap<Arc<str>, Standing>,
    /// Connections that are open, and the uid each has been welcomed with.
    pub(crate) connections: Vec<(ConnectionId, Option<Arc<str>>)>,
    pub(crate) arriving: Option<(ConnectionId, Arc<str>)>,
    pub(crate) now: Instant,
    next_connection: u64,
    results: usize,
    pub(crate) joined_by_itself: BTreeSet<PlayerId>,
    /// The result each player is known to have received last.
    received: HashMap<PlayerId, RoomId>,
    /// The last result of each uid, until it is received or another round begins.
    pub(crate) unheard: HashMap<Arc<str>, Missed>,
    /// The number of people near each player was told last, if it gave no place.
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

    fn seat_of(&self, connection: ConnectionId) -> Option<(PlayerId, RoomId)> {
        let player = self.player(connection)?;
        Some((player, *self.seats.get(&player)?))
    }

    pub(crate) fn step(&mut self, step: &Step) {
        match step.clone() {
            Step::Hello {
                connection,
                uid,
                place,
                prove,
            } => self.greet(connection, uid, place, prove),
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
                    Some((player, room)) => _ = self.command(player, room, Action::Lock(hand)),
                    None => assert!(self.lobby.choose(connection).is_err()),
                }
                self.carry_out();
            }
            Step::Leave(connection) => {
                let (connection, _) = connection.get(&self.connections).clone();
                match self.seat_of(connection) {
                    Some((player, room)) => {
                        self.command(player, room, Action::Leave).expect("seated");
                    }
                    None => _ = self.lobby.leave(connection),
                }
                self.carry_out();
            }
            Step::Choose(connection, hand) => {
                let (connection, _) = connection.get(&self.connections).clone();
                match self.seat_of(connection) {
                    Some((player, room)) => _ = self.command(player, room, Action::Choose(hand)),
                    None => assert!(self.lobby.choose(connection).is_err()),
                }
            }
            Step::Pull(connection, face) => {
                let (connection, _) = connection.get(&self.connections).clone();
                match self.seat_of(connection) {
                    Some((player, room)) => self
                        .command(player, room, Action::Pull(face))
                        .expect("playing"),
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

    fn greet(&mut self, connection: Index, uid: usize, place: Option<(f64, f64)>, prove: bool) {
        let (connection, known) = connection.get(&self.connections).clone();
        // What a client is, it stays for as long as it is connected.
        let legacy = connection.0.is_multiple_of(2);
        let uid: Arc<str> = format!("uid{uid}").into();
        let taken = self
            .connections
            .iter()
            .any(|(other, owner)| *other != connection && *owner == Some(uid.clone()));
        // Whoever is away plays on.
        let plays = self.seats.keys().any(|player| self.uids[player] == uid);
        let place = place.and_then(|(lat, lng)| Place::new(lat, lng));
        let proof = prove.then(|| self.tokens.get(&uid).copied()).flatten();
        let hello = Hello {
            profile: Profile {
                uid: uid.clone(),
                name: "n".into(),
                picture: "".into(),
            },
            place,
            token: proof,
            legacy,
            origin: origin(connection),
        };
        let outcome = self.hello(connection, hello);
        match outcome {
            Ok(()) => {}
            Err(Rejected::UidFixed) => assert!(known.is_some_and(|known| known != uid)),
            Err(Rejected::UidTaken) => {
                assert!(
                    (taken || plays) && proof.is_none(),
                    "refused a uid nobody has"
                );
            }
            Err(other) => panic!("{other}"),
        }
    }

    pub(crate) fn hello(&mut self, by: ConnectionId, hello: Hello) -> Result<(), Rejected> {
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

    /// As the runtime lets the lobby know which results have arrived.
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

    /// Time passes; everything happens at its deadline, as the runtime's timers make it.
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

    pub(crate) fn command(
        &mut self,
        player: PlayerId,
        room: RoomId,
        command: Action,
    ) -> Result<(), Rejected> {
        let uid = self.uids[&player].clone();
        let round = self
            .rounds
            .get_mut(&room)
            .expect("a seat is in a running room");
        let mut expected = Ok(());
        match command {
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
        let outcome = round.room.handle(player, command, self.now);
        assert_eq!(outcome, expected, "{command:?}");
        if matches!(
            command,
            Action::Lock(_) | Action::Leave | Action::Return { .. }
        ) {
            let is_over = round.room.deadline().is_none();
            assert_eq!(is_over, round.waits_for_nobody(), "after {command:?}");
        }
        self.drain(room);
        outcome
    }

    fn drain(&mut self, id: RoomId) {
        while let Some(effect) = self
            .rounds
            .get_mut(&id)
            .and_then(|round| round.room.poll_effect())
        {
            match effect {
                RoomEffect::Send(recipient, event) => {
                    let round = &self.rounds[&id];
                    let audience: Vec<_> = round.room.audience(recipient).collect();
                    assert!(
                        !audience.is_empty() || recipient != Recipient::All,
                        "told nobody {event:?}"
                    );
                    for player in audience {
                        assert_eq!(
                            self.seats.get(&player),
                            Some(&id),
                            "told somebody who is not here"
                        );
                        if let Event::RoundStarted { own: Some(_), .. } = event {
                            assert_eq!(recipient, Recipient::One(player), "a hand for all to see");
                        }
                        self.told_in_room(id, player, &event);
                    }
                }
                RoomEffect::Left(player) => {
                    assert_eq!(self.seats.remove(&player), Some(id));
                    self.rounds
                        .get_mut(&id)
                        .expect("running")
                        .inside
                        .remove(&player);
                    self.standings.insert(self.uids[&player].clone(), {
                        let uid = &self.uids[&player];
                        let before = self.rounds[&id]
                            .seats
                            .iter()
                            .find(|seat| seat.profile.uid == *uid)
                            .expect("was here");
                        before.standing.after(-1).0
                    });
                    self.lobby.left_room(player, id, self.now);
                }
                RoomEffect::Settled(standings, settlements) => {
                    for player in settlements.iter().map(|settlement| settlement.player) {
                        let missed = Missed {
                            room: id,
                            standings: standings.clone(),
                        };
                        self.unheard.insert(self.uids[&player].clone(), missed);
                    }
                    self.lobby.settled(id, &standings, &settlements, self.now);
                }
            }
        }
        if self
            .rounds
            .get(&id)
            .is_some_and(|round| round.room.deadline().is_none())
        {
            let round = self.rounds.remove(&id).expect("just seen");
            assert!(self.now <= round.deadline, "a room outlived its round");
            assert!(
                self.now == round.deadline || round.waits_for_nobody(),
                "somebody was not waited for"
            );
            assert!(
                round.inside.is_empty(),
                "{:?} never heard the result",
                round.inside
            );
            for player in round.people {
                if self.seats.get(&player) == Some(&id) {
                    self.seats.remove(&player);
                }
            }
        }
    }

    fn told_in_room(&mut self, id: RoomId, player: PlayerId, event: &Event) {
        self.told.push((player, event.clone()));
        let round = self.rounds.get_mut(&id).expect("running");
        match event {
            Event::RoundStarted { seats, own, .. } => {
                let uid = &self.uids[&player];
                let shown = own.map(|own| own.hand);
                assert_eq!(shown, round.hands.get(uid).copied(), "somebody else's hand");
                assert_eq!(
                    own.is_some_and(|own| own.locked),
                    round.locked.contains(uid)
                );
                for seat in seats.iter() {
                    let uid = &seat.profile.uid;
                    assert_eq!(seat.locked, round.locked.contains(uid));
                    assert_eq!(seat.away, round.away.contains(uid));
                }
                assert!(round.inside.insert(player) || self.lines.contains_key(&player));
                let uids: BTreeSet<_> = seats.iter().map(|seat| &seat.profile.uid).collect();
                assert_eq!(uids.len(), seats.len(), "two equal uids in a room");
            }
            Event::RoundEnded { standings, .. } => {
                assert!(
                    round.inside.remove(&player),
                    "a result without a start, or a second one"
                );
                check(round, standings);
                self.results += 1;
                let uid = self.uids[&player].clone();
                let mut lines = standings.iter();
                let mine = lines.find(|line| line.uid == uid).expect("in the result");
                // Somebody else may have the uid of a client from 2016 that is gone.
                if self
                    .lobby
                    .holder(&uid)
                    .is_none_or(|holder| holder == player)
                {
                    self.standings.insert(uid, mine.standing);
                }
                // Every other result arrives, if there is somebody to read it.
                let line = self.lines.get(&player);
                let is_here = self.connections.iter().any(|(one, _)| Some(one) == line);
                if is_here && id.0.is_multiple_of(2) {
                    self.receive(player, id);
                }
            }
            Event::Moved { .. }
            | Event::Left { .. }
            | Event::WentAway { .. }
            | Event::CameBack { .. } => {
                assert!(round.inside.contains(&player), "{event:?} after the end");
            }
            Event::RoomChanged { full, .. } => assert!(*full && !round.inside.contains(&player)),
            Event::Welcomed { .. } | Event::NearbyChanged { .. } => {
                panic!("a room welcomes nobody")
            }
        }
    }

    pub(crate) fn carry_out(&mut self) {
        while let Some(effect) = self.lobby.poll_effect() {
            match effect {
                LobbyEffect::Attached(player, connection) => {
                    let (arriving, uid) = self.arriving.clone().expect("only a hello attaches");
                    assert_eq!(arriving, connection);
                    self.lines.insert(player, connection);
                    self.uids.insert(player, uid.clone());
                    for (other, owner) in &mut self.connections {
                        if *other == connection {
                            *owner = Some(uid.clone());
                        }
                    }
                    let owners = self
                        .connections
                        .iter()
                        .filter(|(_, owner)| *owner == Some(uid.clone()))
                        .count();
                    assert_eq!(owners, 1, "one uid in two places");
                }
                LobbyEffect::Replaced(player) => {
                    let old = self.lines[&player];
                    self.connections.retain(|(other, _)| *other != old);
                    self.connect();
                }
                LobbyEffect::Send(player, event) => self.told_by_lobby(player, event),
                LobbyEffect::Resumed(player, room) => {
                    assert_eq!(self.seats.get(&player), Some(&room));
                    let legacy = self.legacy[&player];
                    self.command(player, room, Action::Return { legacy })
                        .expect("playing");
                }
                LobbyEffect::Abandoned(player, _, room) => {
                    self.command(player, room, Action::Disconnect)
                        .expect("seated");
                }
                LobbyEffect::Opened(room, people) => self.open(room, people),
                LobbyEffect::Gone(player) => {
                    self.lines.remove(&player);
                    assert!(!self.seats.contains_key(&player));
                }
            }
        }
        self.arriving = None;
    }

    fn told_by_lobby(&mut self, player: PlayerId, event: Event) {
        let line = self.lines.get(&player);
        let is_here = self.connections.iter().any(|(one, _)| Some(one) == line);
        assert!(is_here, "told somebody who is gone");
        self.told.push((player, event.clone()));
        let is_among = |seats: &[Seated]| {
            let uid = &self.uids[&player];
            seats.iter().any(|seat| seat.profile.uid == *uid)
        };
        match event {
            Event::Welcomed {
                token,
                nearby,
                missed,
                ..
            } => {
                assert!(nearby < PEOPLE + 2);
                self.nearby.insert(player, nearby);
                let uid = self.uids[&player].clone();
                if missed.is_some() {
                    assert_eq!(missed.as_ref(), self.unheard.get(&uid));
                }
                self.tokens.insert(uid, token);
            }
            Event::NearbyChanged { nearby } => {
                assert!(!self.legacy[&player], "2016 knows no such event");
                if let Some(told) = self.nearby.get_mut(&player) {
                    assert_ne!(*told, nearby, "told what it knows");
                    *told = nearby;
                }
            }
            Event::RoomChanged { seats, rematch, .. } if !is_among(&seats) => {
                // An invitation, or its end.
                assert!(!self.seats.contains_key(&player));
                assert!(!self.legacy[&player], "2016 knows no invitations");
                assert_eq!(rematch.is_none(), seats.is_empty());
            }
            Event::RoomChanged { seats, rematch, .. } => {
                assert_eq!(rematch, None, "invited to its own table");
                assert!(!self.seats.contains_key(&player), "waits and plays at once");
                assert!(
                    seats
                        .iter()
                        .any(|seat| seat.profile.uid == self.uids[&player])
                );
                if !self.asked.contains(&player) {
                    assert!(self.legacy[&player], "{player} seated without asking");
                    self.joined_by_itself.insert(player);
                    // Whoever takes over takes the seat as well, 2016 or not.
                    self.asked.insert(player);
                }
            }
            Event::Moved { .. } | Event::Left { .. } => {
                assert!(!self.seats.contains_key(&player));
            }
            Event::RoundStarted { .. }
            | Event::RoundEnded { .. }
            | Event::WentAway { .. }
            | Event::CameBack { .. } => {
                panic!("the lobby runs no rounds")
            }
        }
    }

    fn open(&mut self, room: Room, people: Vec<PlayerId>) {
        let id = room.id();
        for player in &people {
            assert!(
                self.seats.insert(*player, id).is_none(),
                "{player} sits in two rooms"
            );
            self.asked.remove(player);
            self.unheard.remove(&self.uids[player]);
        }
        let legacy = |player: &&PlayerId| self.legacy.get(player).copied().unwrap_or_default();
        let legacy = people.iter().filter(legacy);
        let legacy = legacy.map(|player| self.uids[player].clone()).collect();
        let round = Round {
            room,
            seats: Arc::new([]),
            people,
            hands: HashMap::new(),
            locked: BTreeSet::new(),
            away: BTreeSet::new(),
            legacy,
            left: BTreeSet::new(),
            deadline: self.now + ROUND_TIME,
            inside: BTreeSet::new(),
        };
        self.rounds.insert(id, round);
        // The start tells who plays; it is the first thing everybody hears.
        let round = self.rounds.get_mut(&id).expect("just put there");
        let effects: Vec<_> = std::iter::from_fn(|| round.room.poll_effect()).collect();
        for effect in effects {
            let RoomEffect::Send(Recipient::All, event) = effect else {
                panic!("{effect:?} before the start")
            };
            if let Event::RoundStarted { seats, .. } = &event {
                for seat in seats.iter().filter(|seat| !seat.robot) {
                    let before = self
                        .standings
                        .get(&seat.profile.uid)
                        .copied()
                        .unwrap_or_default();
                    // A fresh start is allowed: the score goes with the token.
                    assert!(
                        seat.standing == before || seat.standing == Standing::default(),
                        "score lost or invented"
                    );
                }
                self.rounds.get_mut(&id).expect("running").seats = seats.clone();
            }
            for player in self.rounds[&id].people.clone() {
                self.told_in_room(id, player, &event);
            }
        }
    }
}

/// Most come from three addresses, the rest from who knows where.
fn origin(connection: ConnectionId) -> Option<Origin> {
    let number = connection.0 as u32 % 4;
    (number > 0).then(|| Origin::of(Ipv4Addr::from_bits(number).into()))
}

/// Checks a result against the rules as the protocol words them.
fn check(round: &Round, standings: &[RoundStanding]) {
    let started: Vec<_> = round.seats.iter().map(|seat| &seat.profile.uid).collect();
    let ended: Vec<_> = standings.iter().map(|line| &line.uid).collect();
    assert_eq!(started, ended, "everybody who started is in the result");
    for (seat, mine) in round.seats.iter().zip(standings) {
        let gone = round.left.contains(&mine.uid);
        if !seat.robot {
            let expected = if gone {
                None
            } else {
                round.hands.get(&mine.uid).copied()
            };
            assert_eq!(mine.hand, expected, "the last choice counts");
        }
        let mut balance: i32 = 0;
        for theirs in standings.iter().filter(|theirs| theirs.uid != mine.uid) {
            let they_left = round.left.contains(&theirs.uid);
            balance += match (gone, they_left, mine.hand, theirs.hand) {
                (true, true, ..) | (false, false, None, None) => 0,
                (true, false, ..) | (.., None, Some(_)) => -1,
                (false, true, ..) | (.., Some(_), None) => 1,
                (.., Some(a), Some(b)) => i32::from(a.beats(b)) - i32::from(b.beats(a)),
            };
        }
        let before = seat.standing;
        let mut after = Standing {
            streak: 0,
            rounds: before.rounds + 1,
            ..before
        };
        let mut score = 0;
        if balance > 0 {
            after.streak = before.streak + 1;
            after.best_streak = before.best_streak.max(after.streak);
            after.wins += 1;
            score = u64::from(balance.unsigned_abs()) * u64::from(after.streak);
            after.total += score;
        }
        assert_eq!((mine.round_score, mine.standing), (score, after));
    }
}
