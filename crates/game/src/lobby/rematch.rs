//! Rematches: people who have just played together and meet again.
//!
//! The first who asks again waits at a table that is kept for its partners, and they are sent an invitation. The table
//! is opened to anybody when no partner can come any more, or after `Patience::rematch_wait`.

use std::mem;

use super::person::{LastRound, Person, Whereabouts};
use super::{Lobby, LobbyEffect};
use crate::event::Event;
use crate::player::{PlayerId, RoomId};

impl Lobby {
    /// Whether another player of this round may still ask for a rematch.
    pub(super) fn somebody_may_ask_again(&self, player: PlayerId, last: &LastRound) -> bool {
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

    /// The players of this round who get invitations: they are connected and have not asked yet. A client from 2016
    /// knows no invitations.
    fn invited(&self, last: &LastRound) -> Vec<PlayerId> {
        let is_invited = |player: &PlayerId| {
            let person = self.people.get(player);
            self.may_ask_again(*player, last.room)
                && person.is_some_and(|person| person.connection.is_some() && !person.legacy)
        };
        last.people.iter().copied().filter(is_invited).collect()
    }

    /// Sends the players of this round who waits for them at this table now; if nobody does, that ends an earlier
    /// invitation.
    pub(super) fn invite(&mut self, table: RoomId, last: &LastRound) {
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

    /// Sends a person with a new connection the invitation that it may have.
    pub(super) fn invite_back(&mut self, player: PlayerId) {
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

    /// A person is no longer available for a rematch. The partners it invited are told; those who wait for nobody else
    /// now wait for anybody. `table` is where it waited, if it did.
    pub(super) fn part(&mut self, player: PlayerId, table: Option<RoomId>) {
        let Some(person) = self.people.get_mut(&player) else {
            return;
        };
        let uid = person.profile.uid.clone();
        let Some(last) = &mut person.last_round else {
            return;
        };
        let has_invited = mem::replace(&mut last.invited, false);
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

    /// The people of this person's last round who still look at its result. A client from 2016 shows no faces there.
    pub(super) fn lookers_on(&self, person: &Person) -> Vec<PlayerId> {
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
}
