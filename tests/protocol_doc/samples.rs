//! What the server says, made from values of the code. Each example of docs/protocol.md is one of these.

use std::sync::Arc;
use std::time::Duration;

use crate::code::{
    Code, Event, Face, Fault, Hand, Message, Missed, Movement, OwnHand, Profile, RoomId,
    RoundStanding, Seated, Standing, Token, restart,
};

/// The token of every example.
pub(crate) const TOKEN: &str = "9f86d081884c7d659a2feaa0c55ad015";

fn seated(uid: &str, name: &str, picture: &str, standing: Standing) -> Seated {
    Seated {
        profile: Profile {
            uid: uid.into(),
            name: name.into(),
            picture: picture.into(),
        },
        standing,
        robot: false,
        locked: false,
        away: false,
    }
}

fn li() -> Seated {
    let picture = "https://game.example.com/avatars/fox.svg";
    let standing = Standing {
        total: 42,
        streak: 2,
        best_streak: 5,
        rounds: 30,
        wins: 16,
    };
    seated("li", "李雷", picture, standing)
}

fn han() -> Seated {
    seated("han", "韩梅梅", "", Standing::default())
}

fn robot() -> Seated {
    Seated {
        robot: true,
        ..seated("robot:8-1", "木人·乙", "", Standing::default())
    }
}

/// One line of a result: the hand shown, what the round scored, and the standing after it.
fn standing(uid: &str, hand: Option<Hand>, round: u64, total: u64, streak: u32) -> RoundStanding {
    RoundStanding {
        uid: uid.into(),
        hand,
        round_score: round,
        standing: Standing {
            total,
            streak,
            ..Standing::default()
        },
    }
}

/// What `result` says of rounds that li has won, the one with both hands shown and the other without.
fn results() -> [Arc<[RoundStanding]>; 2] {
    [
        [
            standing("li", Some(Hand::Rock), 3, 45, 3),
            standing("han", Some(Hand::Scissors), 0, 0, 0),
        ]
        .into(),
        [
            standing("li", Some(Hand::Paper), 3, 45, 3),
            standing("han", None, 0, 0, 0),
        ]
        .into(),
    ]
}

fn own(hand: Hand, locked: bool) -> OwnHand {
    OwnHand { hand, locked }
}

fn events() -> Vec<Event> {
    let token = Token::parse(TOKEN).expect("32 digits");
    vec![
        Event::Welcomed {
            nearby: 0,
            token,
            standing: Standing::default(),
            missed: None,
        },
        Event::Welcomed {
            nearby: 3,
            token,
            standing: li().standing,
            missed: None,
        },
        Event::Welcomed {
            nearby: 3,
            token,
            standing: Standing {
                total: 45,
                streak: 3,
                best_streak: 5,
                rounds: 31,
                wins: 17,
            },
            missed: Some(Missed {
                room: RoomId(7),
                standings: results()[1].clone(),
            }),
        },
        Event::NearbyChanged { nearby: 4 },
        Event::RoomChanged {
            room: RoomId(7),
            seats: [li()].into(),
            full: false,
            rematch: None,
        },
        Event::RoomChanged {
            room: RoomId(9),
            seats: [han()].into(),
            full: false,
            rematch: Some("han".into()),
        },
        Event::RoomChanged {
            room: RoomId(8),
            seats: [li(), robot()].into(),
            full: true,
            rematch: None,
        },
        Event::RoundStarted {
            round_time: Duration::from_secs(5),
            seats: [li(), han()].into(),
            own: None,
        },
        Event::RoundStarted {
            round_time: Duration::from_secs(5),
            seats: [li(), robot()].into(),
            own: None,
        },
        Event::RoundStarted {
            round_time: Duration::from_millis(2250),
            seats: [
                Seated {
                    locked: true,
                    ..li()
                },
                Seated {
                    away: true,
                    ..han()
                },
            ]
            .into(),
            own: Some(own(Hand::Rock, true)),
        },
        Event::RoundStarted {
            round_time: Duration::from_millis(2250),
            seats: [li(), han()].into(),
            own: Some(own(Hand::Paper, false)),
        },
        Event::Moved {
            uid: "han".into(),
            movement: Movement::Choice,
        },
        Event::Moved {
            uid: "han".into(),
            movement: Movement::Locked,
        },
        Event::Moved {
            uid: "han".into(),
            movement: Movement::Face(Face::Angry),
        },
        Event::Left { uid: "han".into() },
        Event::WentAway { uid: "han".into() },
        Event::CameBack { uid: "han".into() },
    ]
    .into_iter()
    .chain(results().map(|standings| Event::RoundEnded {
        room: RoomId(7),
        standings,
    }))
    .collect()
}

/// Does nothing. A new kind of event does not compile until it is here: give it a sample above, with and without what may be
/// left out.
fn has_sample(event: &Event) {
    match event {
        Event::Welcomed { .. }
        | Event::RoomChanged { .. }
        | Event::RoundStarted { .. }
        | Event::Moved { .. }
        | Event::NearbyChanged { .. }
        | Event::Left { .. }
        | Event::WentAway { .. }
        | Event::CameBack { .. }
        | Event::RoundEnded { .. } => {}
    }
}

/// Everything the server can say.
pub(crate) fn messages() -> Vec<Message> {
    let events = events();
    events.iter().for_each(has_sample);
    let mut messages: Vec<_> = events.iter().map(Message::from).collect();
    messages.push(Message::from(&Fault::new("choice", Code::BadChoice)));
    messages.push(Message::from(&Fault::new("", Code::BadJson)));
    messages.push(restart(Duration::from_millis(4200)));
    messages
}
