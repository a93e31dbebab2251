//! The queue: people who want a seat sit down at tables, tables grow, and full ones open as rooms.
//!
//! Which table suits whom is decided in [`matchmaking`](crate::matchmaking).

use std::sync::Arc;
use std::time::Instant;

use rand::RngExt;

use super::person::{Held, Whereabouts};
use super::{Lobby, LobbyEffect, REMATCH_WITHIN};
use crate::event::{Event, Seated};
use crate::matchmaking::{Seeker, Wait};
use crate::player::{PlayerId, RoomId};
use crate::room::{Entrant, Room};

impl Lobby {
    pub(super) fn next_room(&mut self) -> RoomId {
        self.last_room += 1;
        RoomId(self.last_room)
    }

    /// Finds a table for an idle person. With `before`, the wait of an earlier place in the queue continues.
    pub(super) fn seat(&mut self, player: PlayerId, before: Option<Wait>, now: Instant) {
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

    /// No longer holds a person who is offline, nor its place in the queue.
    pub(super) fn give_up_place(&mut self, player: PlayerId, now: Instant) {
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

    /// Tells everybody at a table who is there now, and opens it as a room when it is full.
    pub(super) fn table_grew(&mut self, table: RoomId, now: Instant) {
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

    pub(super) fn open(&mut self, table: RoomId, now: Instant) {
        let people = self.matchmaking.take(table);
        self.start(table, people, now);
    }

    pub(super) fn start(&mut self, table: RoomId, people: Vec<PlayerId>, now: Instant) {
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

    /// Takes a person from its table, and returns how it waited there; `None` if it did not wait.
    pub(super) fn stop_waiting(&mut self, player: PlayerId) -> Option<Wait> {
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

    pub(super) fn tell_others(&mut self, table: RoomId, player: PlayerId, event: &Event) {
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

    pub(super) fn room_changed(&self, table: RoomId, rematch: Option<Arc<str>>) -> Event {
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

    pub(super) fn cancel_reseat(&mut self, player: PlayerId) {
        if let Some(last) = self
            .people
            .get_mut(&player)
            .and_then(|person| person.last_round.as_mut())
            && let Some(due) = last.reseat.take()
        {
            self.reseats.remove(&(due, player));
        }
    }
}
