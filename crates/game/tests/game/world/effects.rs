//! Carries out the effects of the lobby and of the rooms as the runtime does, and checks each of them.

use std::collections::{BTreeSet, HashMap};
use std::iter;
use std::sync::Arc;

use wulin_game::lobby::LobbyEffect;
use wulin_game::room::{Action, Recipient, Room, RoomEffect};
use wulin_game::{Event, Missed, PlayerId, RoomId, Seated, Standing};

use super::rules::check;
use super::{PEOPLE, ROUND_TIME, Round, World};

impl World {
    pub(super) fn drain(&mut self, id: RoomId) {
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
                // Another person may by now have the uid of a client from 2016 that is gone.
                if self
                    .lobby
                    .holder(&uid)
                    .is_none_or(|holder| holder == player)
                {
                    self.standings.insert(uid, mine.standing);
                }
                // Results of every other room arrive, if the player is connected.
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
                    self.act(player, room, Action::Return { legacy })
                        .expect("playing");
                }
                LobbyEffect::Abandoned(player, _, room) => {
                    self.act(player, room, Action::Disconnect).expect("seated");
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
                    // A connection that takes over takes the seat as well, whatever client it is.
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
        // The start is the first event in a room, and tells who plays.
        let round = self.rounds.get_mut(&id).expect("just put there");
        let effects: Vec<_> = iter::from_fn(|| round.room.poll_effect()).collect();
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
                    // Zero is allowed: without the token the score is not given back.
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
