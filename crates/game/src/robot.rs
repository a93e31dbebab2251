//! Robots: their names, and how they move. They take empty seats, so that nobody has to play alone.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use wulin_text::{folded, skeleton};

use crate::hand::{Face, Hand};
use crate::player::{Profile, RoomId};

/// Uids with this prefix are reserved for robots.
const UID_PREFIX: &str = "robot:";

/// The names of robots. No person may take one of them.
const NAMES: [&str; 8] = [
    "木人·甲",
    "木人·乙",
    "木人·丙",
    "木人·丁",
    "铜人·甲",
    "铜人·乙",
    "铜人·丙",
    "铜人·丁",
];

/// The English names in both clients, which add a number from 1 to 4.
const ENGLISH: [&str; 2] = ["Wooden Man", "Bronze Man"];

/// The skeletons of all reserved names: a name with the same skeleton looks the same on a screen.
static RESERVED: LazyLock<Vec<String>> = LazyLock::new(|| {
    let numbered = |name| (1..=4).map(move |number| format!("{name} {number}"));
    let english = ENGLISH.iter().flat_map(numbered);
    let all = NAMES.map(str::to_owned).into_iter().chain(english);
    all.map(|name| skeleton(&name)).collect()
});

/// Whether a uid is reserved for robots, in any case and with any invisible characters.
pub fn owns_uid(uid: &str) -> bool {
    folded(uid).starts_with(UID_PREFIX)
}

/// Whether a name is reserved for robots, or looks like one that is.
pub fn owns_name(name: &str) -> bool {
    RESERVED.contains(&skeleton(name))
}

/// The profile of the robot in one seat of one room. Its uid is unique on the server. Its name is unique in its room as
/// long as the room has at most eight robots, which is the number of names.
pub fn profile(room: RoomId, seat: usize) -> Profile {
    let name = NAMES[(room.0 as usize + seat) % NAMES.len()];
    Profile {
        uid: format!("{UID_PREFIX}{}-{seat}", room.0).into(),
        name: name.into(),
        picture: Arc::from(""),
    }
}

/// One robot's behaviour during one round. It changes its choice a few times, as people do.
#[derive(Debug)]
pub(super) struct Robot {
    next_move: Instant,
    /// The face it will pull with its next move, in answer to another player's.
    grudge: Option<Face>,
    round_time: Duration,
}

impl Robot {
    /// A robot that takes its seat at the start of a round.
    pub(super) fn new(start: Instant, round_time: Duration, rng: &mut SmallRng) -> Robot {
        // At least two moves always fit into a round: the first within 25 % of it, the second within 60 %.
        let next_move = start + round_time.mul_f64(rng.random_range(0.10..0.25));
        Robot {
            next_move,
            grudge: None,
            round_time,
        }
    }

    /// When [`make_move`](Self::make_move) is due.
    pub(super) fn deadline(&self) -> Instant {
        self.next_move
    }

    /// Chooses a random hand, sometimes with a face, and sets the next deadline.
    pub(super) fn make_move(&mut self, rng: &mut SmallRng) -> (Hand, Option<Face>) {
        self.next_move += self.round_time.mul_f64(rng.random_range(0.15..0.35));
        let hand = Hand::ALL.choose(rng).copied().unwrap_or(Hand::Rock);
        let face = self
            .grudge
            .take()
            .or_else(|| rng.random_bool(0.1).then_some(Face::Smirking));
        (hand, face)
    }

    /// Another player pulls a face. With a probability of one half the robot answers with its next move.
    pub(super) fn see(&mut self, face: Face, rng: &mut SmallRng) {
        if rng.random_bool(0.5) {
            self.grudge = Some(match face {
                Face::Laughing => Face::Angry,
                Face::Crying => Face::Laughing,
                Face::Angry => Face::Smirking,
                Face::Smirking => Face::Crying,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn robot_names_and_uids_are_reserved_in_any_spelling() {
        for name in NAMES {
            assert!(owns_name(name), "{name}");
        }
        for name in [
            " 木人·甲 ",
            "木\u{200b}人·甲",
            "木人·甲\u{feff}",
            "\u{202d}铜人·丁",
            "銅人・丁",
            "Wooden Man 1",
            "wooden\u{ad}man 4",
            "Br\u{43e}nze M\u{430}n 2",
        ] {
            assert!(owns_name(name), "{}", name.escape_unicode());
        }
        for name in ["木人", "木人·戊", "Wooden Man", "Wooden Man 5", "甲", ""] {
            assert!(!owns_name(name), "{name}");
        }
        for uid in [
            "robot:1",
            "Robot:x",
            "ro\u{200b}bot:1",
            "ｒｏｂｏｔ：1",
            "\u{feff}robot:",
        ] {
            assert!(owns_uid(uid), "{}", uid.escape_unicode());
        }
        for uid in ["robot", "robot-1", "my robot:", "r\u{f6}bot:1"] {
            assert!(!owns_uid(uid), "{uid}");
        }
    }
}
