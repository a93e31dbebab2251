//! A lobby with many people in it, the same ones each time.

use std::fmt;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use wulin_game::lobby::{Hello, Lobby, LobbyEffect, Rules};
use wulin_game::matchmaking::Patience;
use wulin_game::room::{Format, Room};
use wulin_game::{ConnectionId, Place, PlayerId, Profile};

/// What the program has by default, except that nobody's score outlives a bench.
pub(crate) const RULES: Rules = Rules {
    format: Format {
        seats: 2,
        round_time: Duration::from_secs(5),
    },
    patience: Patience {
        robot_wait: Duration::from_secs(1),
        rematch_wait: Duration::from_secs(8),
        nearby_km: 10.0,
    },
    memory: Duration::from_mins(10),
    memories: 1_000,
};

/// Where people are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Spread {
    /// In one city, 30 km across.
    City,
    /// Anywhere on earth, evenly: more than the oceans allow.
    World,
}

impl Spread {
    /// Both.
    pub(crate) const ALL: [Spread; 2] = [Spread::City, Spread::World];

    fn place(self, rng: &mut SmallRng) -> Option<Place> {
        match self {
            Spread::City => Place::new(
                39.9 + rng.random_range(-0.135..0.135),
                116.4 + rng.random_range(-0.175..0.175),
            ),
            Spread::World => {
                let north: f64 = rng.random_range(-1.0..1.0);
                Place::new(north.asin().to_degrees(), rng.random_range(-180.0..180.0))
            }
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Spread::City => "city",
            Spread::World => "world",
        })
    }
}

/// People who have not been here before, one after the other.
pub(crate) struct Strangers {
    spread: Spread,
    rng: SmallRng,
    last: u64,
}

impl Strangers {
    /// Those who come after so many who came with [`Crowd::online`].
    pub(crate) fn after(people: u64, spread: Spread) -> Strangers {
        Strangers {
            spread,
            rng: SmallRng::seed_from_u64(people),
            last: people,
        }
    }

    /// A connection nobody has had, and what its client will say.
    pub(crate) fn come(&mut self) -> (ConnectionId, Hello) {
        self.last += 1;
        self.somebody(self.last)
    }

    /// One of those who came before, at another place.
    pub(crate) fn again(&mut self) -> (ConnectionId, Hello) {
        let number = self.rng.random_range(1..=self.last);
        self.somebody(number)
    }

    fn somebody(&mut self, number: u64) -> (ConnectionId, Hello) {
        let hello = Hello {
            profile: profile(number),
            place: self.spread.place(&mut self.rng),
            token: None,
            legacy: false,
            origin: None,
        };
        (ConnectionId(number), hello)
    }
}

/// A room that opened, and who sits in it.
pub(crate) struct Opened {
    pub(crate) room: Room,
    pub(crate) people: Vec<PlayerId>,
}

/// A lobby with people in it.
pub(crate) struct Crowd {
    pub(crate) lobby: Lobby,
    pub(crate) now: Instant,
}

impl Crowd {
    /// So many people online, whose connections are numbered from 1.
    pub(crate) fn online(people: u64, spread: Spread, rules: Rules) -> Crowd {
        let mut crowd = Crowd {
            lobby: Lobby::new(rules, [7; 32]),
            now: Instant::now(),
        };
        let mut strangers = Strangers::after(0, spread);
        for _ in 0..people {
            let (connection, hello) = strangers.come();
            crowd.hello(connection, hello);
            crowd.drain();
        }
        crowd
    }

    pub(crate) fn hello(&mut self, by: ConnectionId, hello: Hello) {
        self.lobby
            .hello(by, hello, self.now)
            .expect("a uid that is free, or this person's");
    }

    pub(crate) fn join(&mut self, by: ConnectionId) {
        self.lobby.join(by, self.now).expect("an idle person");
    }

    pub(crate) fn leave(&mut self, by: ConnectionId) {
        self.lobby.leave(by).expect("a person who waits");
    }

    pub(crate) fn disconnect(&mut self, connection: ConnectionId) {
        self.lobby.disconnect(connection, self.now);
    }

    /// Takes what there is to do, and does as little with it as can be; the last room that opened is handed on.
    pub(crate) fn drain(&mut self) -> Option<Opened> {
        let mut opened = None;
        while let Some(effect) = self.lobby.poll_effect() {
            match black_box(effect) {
                LobbyEffect::Opened(room, people) => opened = Some(Opened { room, people }),
                LobbyEffect::Attached(..)
                | LobbyEffect::Replaced(_)
                | LobbyEffect::Send(..)
                | LobbyEffect::Resumed(..)
                | LobbyEffect::Abandoned(..)
                | LobbyEffect::Gone(_) => {}
            }
        }
        opened
    }

    /// Everybody leaves a room that has just opened.
    pub(crate) fn dissolve(&mut self, opened: &Opened) {
        for player in &opened.people {
            self.lobby.left_room(*player, opened.room.id(), self.now);
        }
    }
}

/// As people from `WeChat` have them.
pub(crate) fn profile(number: u64) -> Profile {
    Profile {
        uid: format!("o6_bmjrPTlm6_2sgVt7hMZOPf{number:07}").into(),
        name: format!("大侠{number}").into(),
        picture: Arc::from("https://thirdwx.qlogo.cn/mmopen/vi_32/Q0j4TwGTfTJ/132"),
    }
}
