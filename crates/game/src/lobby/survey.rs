//! The number of people near each person, told again when it changes.

use std::mem;
use std::time::{Duration, Instant};

use super::{Lobby, LobbyEffect};
use crate::event::Event;
use crate::player::PlayerId;

/// The least time between two counts.
pub const SURVEY_EVERY: Duration = Duration::from_secs(3);
/// How many people are counted for in one timeout. With many people online a whole count would hold up the lobby's
/// other commands, so it is cut into slices, and the lobby can do other work for `SURVEY_PAUSE` between two of them.
const SURVEY_SLICE: usize = 256;
const SURVEY_PAUSE: Duration = Duration::from_millis(10);

/// Counts again how many people are near each person, one slice at a time. It has no deadline while nobody comes or
/// goes.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) due: Option<Instant>,
    /// The people still to be counted for.
    left: Vec<PlayerId>,
    /// Whether people came, went or moved since the count began, so that another one is due.
    stale: bool,
}

impl Lobby {
    /// A person came, went or moved: schedules a count.
    pub(super) fn crowd_changed(&mut self, now: Instant) {
        if self.connections.is_empty() {
            self.survey = Survey::default();
        } else if self.survey.due.is_none() {
            self.survey.due = Some(now + SURVEY_EVERY);
        } else {
            self.survey.stale = true;
        }
    }

    /// Counts for the next slice of people, if that is due, and tells those whose number has changed.
    pub(super) fn take_survey(&mut self, now: Instant) {
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
            if is_told && mem::replace(&mut person.nearby, nearby) != nearby {
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
}
