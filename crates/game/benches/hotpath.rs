//! The hottest paths, so many times and nothing else: what `callgrind.sh` counts the instructions of.
//!
//! `hotpath PATH COMMANDS`; without them, every path for a moment.

use std::env;
use std::hint::black_box;
use std::time::{Duration, Instant};

use wulin_game::lobby::{Hello, Lobby, LobbyEffect, Rules};
use wulin_game::matchmaking::Patience;
use wulin_game::protocol::socketio::{Dialogue, Received, Sid, Version};
use wulin_game::protocol::{Command, Message, native, socketio};
use wulin_game::room::{self, Entrant, Format, Room, RoomEffect};
use wulin_game::{ConnectionId, Place, PlayerId, Profile, RoomId, Standing};

const ROUND_TIME: Duration = Duration::from_secs(5);

type Run = fn(u64);

const PATHS: [(&str, Run); 3] = [
    ("choice-native", choices_native),
    ("choice-socketio", choices_socketio),
    ("lobby", visits),
];

fn main() {
    // Cargo adds a `--bench` of its own.
    let words: Vec<_> = env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let wanted = words.first().map(String::as_str);
    let commands = words.get(1).map_or(100_000, |number| {
        number.parse().expect("a number of commands")
    });
    for (path, run) in PATHS {
        if wanted.is_none_or(|wanted| wanted == path) {
            run(commands);
        }
    }
}

/// A choice from the text frame it comes in to the text frame with its movement.
fn choices_native(times: u64) {
    let said = r#"{"event":"choice","data":{"choice":2}}"#;
    choices(
        times,
        || native::read(black_box(said)).expect("a choice"),
        native::write,
    );
}

fn choices_socketio(times: u64) {
    let said = r#"42["choice",{"choice":2}]"#;
    let id = Sid::new([0; 16]);
    let read = || match Dialogue::new(Version::V3, id).read(black_box(said)) {
        Received::Request(request) => request.command.expect("a choice"),
        other => panic!("{other:?}"),
    };
    choices(times, read, socketio::write);
}

fn choices(times: u64, read: impl Fn() -> Command, write: fn(&Message) -> String) {
    let now = Instant::now();
    let format = Format {
        seats: 2,
        round_time: ROUND_TIME,
    };
    let people = [1, 2].map(|number| Entrant {
        player: PlayerId(number),
        profile: profile(number),
        standing: Standing::default(),
        legacy: false,
    });
    let mut room = Room::start(RoomId(1), people.into(), format, 7, now);
    for turn in 0..times {
        let Command::Choice(hand) = read() else {
            panic!("not a choice");
        };
        room.handle(PlayerId(turn % 2 + 1), room::Action::Choose(hand), now)
            .expect("a player of this room");
        while let Some(effect) = room.poll_effect() {
            if let RoomEffect::Send(recipient, event) = effect {
                let message = Message::from(&event);
                for player in room.audience(recipient) {
                    black_box((player, write(&message)));
                }
            }
        }
    }
}

/// People who come, wait, think better of it and go: four commands each.
fn visits(times: u64) {
    let rules = Rules {
        format: Format {
            seats: 2,
            round_time: ROUND_TIME,
        },
        patience: Patience {
            robot_wait: Duration::from_secs(1),
            rematch_wait: Duration::from_secs(8),
            nearby_km: 10.0,
        },
        memory: Duration::from_mins(10),
        memories: 1_000,
    };
    let mut lobby = Lobby::new(rules, [7; 32]);
    let now = Instant::now();
    for number in 0..times / 4 {
        let by = ConnectionId(number);
        let hello = Hello {
            profile: profile(number),
            place: Place::new(39.9, 116.4),
            token: None,
            legacy: false,
            origin: None,
        };
        lobby.hello(by, hello, now).expect("a uid that is free");
        lobby.join(by, now).expect("an idle person");
        lobby.leave(by).expect("a person who waits");
        lobby.disconnect(by, now);
        while let Some(effect) = lobby.poll_effect() {
            if let LobbyEffect::Send(player, event) = effect {
                black_box((player, Message::from(&event)));
            }
        }
    }
}

fn profile(number: u64) -> Profile {
    Profile {
        uid: format!("o6_bmjrPTlm6_2sgVt7hMZOPf{number:07}").into(),
        name: "大侠".into(),
        picture: "https://thirdwx.qlogo.cn/mmopen/vi_32/Q0j4TwGTfTJ/132".into(),
    }
}
