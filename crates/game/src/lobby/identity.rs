//! Who a person is: the first `hello`, the takeover by token, and the removal of people who are offline.
//!
//! A uid is public, since the others see it; the token that the first `hello` returns is what proves it. So only a
//! token brings back a score or a seat, and a person with the token of a uid takes it from one who has none.

use std::time::Instant;

use super::person::{Held, Person, Whereabouts};
use super::{Arrival, Lobby, LobbyEffect};
use crate::Rejected;
use crate::event::{Event, Missed};
use crate::ids::shrink;
use crate::player::{ConnectionId, PlayerId, Standing, Token};

impl Lobby {
    pub(super) fn arrive(&mut self, by: ConnectionId, arrival: Arrival, now: Instant) {
        self.last_player += 1;
        let player = PlayerId(self.last_player);
        let uid = arrival.profile.uid.clone();
        let missed = self.memories.missed(&uid, arrival.token, now);
        let (token, standing) = match self.memories.recall(&uid, arrival.token, now) {
            Some(remembered) => remembered,
            None => (Token::random(&mut self.rng), Standing::default()),
        };
        let person = Person {
            profile: arrival.profile.clone(),
            token,
            place: None,
            standing,
            connection: Some(by),
            legacy: arrival.legacy,
            origin: arrival.origin,
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
        self.greet(player, arrival, missed, now);
    }

    /// A new connection says `hello` with a uid that a person here has already.
    pub(super) fn take_over(
        &mut self,
        by: ConnectionId,
        owner: PlayerId,
        arrival: Arrival,
        now: Instant,
    ) -> Result<(), Rejected> {
        let Some(person) = self.people.get_mut(&owner) else {
            return Err(Rejected::UidTaken);
        };
        if arrival.token != Some(person.token) {
            let holder = person.connection;
            let uid = &arrival.profile.uid;
            // A person who is held but plays no round does not reserve its uid: by the token the owner still gets its
            // score back.
            if person.held.is_some() {
                self.give_up_place(owner, now);
                self.arrive(by, arrival, now);
                return Ok(());
            }
            // A client from 2016 has no token to return with, so the seat that it left reserves no uid.
            let is_ownerless = holder.is_none() && person.legacy;
            if !is_ownerless && !self.memories.is_owner(uid, arrival.token, now) {
                return Err(Rejected::UidTaken);
            }
            self.uids.remove(uid);
            // The present holder took the uid without a token while its owner was away: its connection is closed.
            if let Some(holder) = holder {
                self.effects.push_back(LobbyEffect::Replaced(owner));
                self.disconnect(holder, now);
            }
            // Without the uid nobody can return to that place.
            self.give_up_place(owner, now);
            self.arrive(by, arrival, now);
            return Ok(());
        }
        if let Some(old) = person.connection.replace(by) {
            self.connections.remove(&old);
            self.effects.push_back(LobbyEffect::Replaced(owner));
        }
        person.legacy = arrival.legacy;
        person.has_asked = false;
        let whereabouts = person.whereabouts;
        let missed = person.missed.clone();
        let held = person.held.take();
        self.connections.insert(by, owner);
        if !arrival.legacy {
            self.cancel_reseat(owner);
        }
        self.effects.push_back(LobbyEffect::Attached(owner, by));
        self.greet(owner, arrival, missed, now);
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

    /// Takes over the profile and place of a `hello`, and answers it.
    pub(super) fn greet(
        &mut self,
        player: PlayerId,
        arrival: Arrival,
        missed: Option<Missed>,
        now: Instant,
    ) {
        self.crowd_changed(now);
        let Some(person) = self.people.get_mut(&player) else {
            return;
        };
        person.profile = arrival.profile;
        person.origin = arrival.origin;
        if let Some(old) = person.place {
            self.presence.remove(player, old);
        }
        person.place = arrival.place;
        let others = match arrival.place {
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

    /// Removes a person who is offline and in no room. Only its score, and a missed result, are kept for a while.
    pub(super) fn forget_if_gone(&mut self, player: PlayerId, now: Instant) {
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
