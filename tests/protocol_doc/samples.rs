//! What the server says, made from values of the code. Each example of docs/protocol.md is one of these.

use std::time::Duration;

use crate::code::{
    Code, Event, Face, Fault, Hand, Message, Movement, Profile, RoomId, RoundStanding, Seated,
    Standing, Token, restart,
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
    }
}

fn li() -> Seated {
    let picture = "https://game.example.com/avatars/fox.svg";
    let standing = Standing {
        total: 42,
        streak: 2,
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
        standing: Standing { total, streak },
    }
}

fn events() -> Vec<Event> {
    let token = Token::parse(TOKEN).expect("32 digits");
    vec![
        Event::Welcomed {
            nearby: 0,
            token,
            standing: Standing::default(),
        },
        Event::Welcomed {
            nearby: 3,
            token,
            standing: li().standing,
        },
        Event::RoomChanged {
            room: RoomId(7),
            seats: [li()].into(),
            full: false,
        },
        Event::RoomChanged {
            room: RoomId(8),
            seats: [li(), robot()].into(),
            full: true,
        },
        Event::RoundStarted {
            round_time: Duration::from_secs(5),
            seats: [li(), han()].into(),
        },
        Event::RoundStarted {
            round_time: Duration::from_millis(2250),
            seats: [li(), robot()].into(),
        },
        Event::Moved {
            uid: "han".into(),
            movement: Movement::Choice,
        },
        Event::Moved {
            uid: "han".into(),
            movement: Movement::Face(Face::Angry),
        },
        Event::Left { uid: "han".into() },
        Event::RoundEnded {
            standings: [
                standing("li", Some(Hand::Rock), 3, 45, 3),
                standing("han", Some(Hand::Scissors), 0, 0, 0),
            ]
            .into(),
        },
        Event::RoundEnded {
            standings: [
                standing("li", Some(Hand::Paper), 3, 45, 3),
                standing("han", None, 0, 0, 0),
            ]
            .into(),
        },
    ]
}

/// Does nothing. A new kind of event does not compile until it is here: give it a sample above, with and without what may be
/// left out.
fn has_sample(event: &Event) {
    match event {
        Event::Welcomed { .. }
        | Event::RoomChanged { .. }
        | Event::RoundStarted { .. }
        | Event::Moved { .. }
        | Event::Left { .. }
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
