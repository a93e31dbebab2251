//! Text in, commands out; events in, text out.

use std::hint::black_box;
use std::time::Duration;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use wulin_game::protocol::socketio::{Dialogue, Sid, Version};
use wulin_game::protocol::{Message, native, socketio};
use wulin_game::{Event, Hand, Movement, RoomId, RoundStanding, Seated, Standing};

use crate::crowd::profile;

/// What clients say, as the event's name and its payload.
const SAID: [(&str, &str); 3] = [
    (
        "hello",
        r#"{"user":{"uid":"o6_bmjrPTlm6_2sgVt7hMZOPf0000001","uname":"大侠","uavatar":"https://thirdwx.qlogo.cn/mmopen/vi_32/Q0j4TwGTfTJ/132"},"cordinate":{"lat":39.915119,"lng":116.403963}}"#,
    ),
    ("join", "null"),
    ("choice", r#"{"choice":2}"#),
];

fn said(name: &str) -> &'static str {
    let found = SAID.iter().find(|(event, _)| *event == name);
    found.expect("an event in the list").1
}

#[divan::bench(args = SAID.map(|(event, _)| event))]
fn native_read(bencher: Bencher, event: &str) {
    let text = format!(r#"{{"event":"{event}","data":{}}}"#, said(event));
    bencher
        .counter(ItemsCount::new(1_usize))
        .counter(BytesCount::of_str(&text))
        .bench(|| native::read(black_box(&text)).expect("a command"));
}

#[divan::bench(args = SAID.map(|(event, _)| event))]
fn socketio_read(bencher: Bencher, event: &str) {
    let text = format!(r#"42["{event}",{}]"#, said(event));
    let mut dialogue = Dialogue::new(Version::V3, Sid::new([0; 16]));
    bencher
        .counter(ItemsCount::new(1_usize))
        .counter(BytesCount::of_str(&text))
        .bench_local(|| dialogue.read(black_box(&text)));
}

/// What servers say most.
#[derive(Debug, Clone, Copy)]
enum Said {
    Movement,
    Start,
    Result,
}

const SAYING: [Said; 3] = [Said::Movement, Said::Start, Said::Result];

fn event(said: Said) -> Event {
    let standing = Standing {
        total: 1234,
        streak: 5,
        ..Standing::default()
    };
    match said {
        Said::Movement => Event::Moved {
            uid: profile(1).uid,
            movement: Movement::Choice,
        },
        Said::Start => Event::RoundStarted {
            round_time: Duration::from_secs(3),
            seats: [1, 2]
                .map(|number| Seated {
                    profile: profile(number),
                    standing,
                    robot: false,
                    locked: false,
                    away: false,
                })
                .into(),
            own: None,
        },
        Said::Result => Event::RoundEnded {
            room: RoomId(1),
            standings: [1, 2]
                .map(|number| RoundStanding {
                    uid: profile(number).uid,
                    hand: Some(Hand::Rock),
                    round_score: 5,
                    standing,
                })
                .into(),
        },
    }
}

/// An event becomes a message, once for all who get it.
#[divan::bench(args = SAYING)]
fn encode(bencher: Bencher, said: Said) {
    let event = event(said);
    bencher
        .counter(ItemsCount::new(1_usize))
        .bench(|| Message::from(black_box(&event)));
}

#[divan::bench(args = SAYING)]
fn native_write(bencher: Bencher, said: Said) {
    let message = Message::from(&event(said));
    bencher
        .counter(ItemsCount::new(1_usize))
        .bench(|| native::write(black_box(&message)));
}

#[divan::bench(args = SAYING)]
fn socketio_write(bencher: Bencher, said: Said) {
    let message = Message::from(&event(said));
    bencher
        .counter(ItemsCount::new(1_usize))
        .bench(|| socketio::write(black_box(&message)));
}

/// One event for so many players, each with its frame: encoded once, framed for each.
#[divan::bench(args = [2, 16])]
fn encode_once_for(bencher: Bencher, players: usize) {
    let event = event(Said::Result);
    bencher.counter(ItemsCount::new(players)).bench(|| {
        let message = Message::from(black_box(&event));
        for _ in 0..players {
            black_box(native::write(&message.clone()));
        }
    });
}
