//! What the server says, as a client reads it.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::game::{Face, Hand};

/// An event of the server. What a client has no use for is left out.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// `hi`: who we are is known.
    Hi(Hi),
    /// `room`: who sits at the table that is not full yet.
    Room(Room),
    /// `start`
    Start(Start),
    /// `movement`
    Movement(Movement),
    /// `leave`: the uid of who left.
    Left(String),
    /// `result`
    Result(Vec<Line>),
    /// `fault`
    Fault(Fault),
    /// An event this client does not know, by its name.
    Other(String),
}

/// The answer to `hello`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hi {
    /// How many others are online, or near.
    #[serde(default)]
    pub nearby: u64,
    /// What proves this uid is ours.
    #[serde(default)]
    pub token: Option<String>,
    /// All points so far.
    #[serde(default)]
    pub total_score: u64,
    /// Wins in a row.
    #[serde(default)]
    pub win_streak: u32,
}

/// A table before its round.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Room {
    /// Who sits there.
    pub users: Vec<User>,
}

/// A round begins.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    /// Seconds until the result.
    pub game_time: f64,
    /// Everybody in the round.
    pub room_users: Vec<User>,
}

/// Somebody at a table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Who.
    pub uid: String,
    /// What they are called.
    #[serde(default)]
    pub uname: String,
    /// All points so far.
    #[serde(default)]
    pub total_score: u64,
    /// Wins in a row.
    #[serde(default)]
    pub win_streak: u32,
    /// Whether it is the server's.
    #[serde(default)]
    pub robot: bool,
}

/// Somebody else in the round did something.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Movement {
    /// Who.
    pub uid: String,
    /// The face, if it was one; otherwise a hand was chosen.
    #[serde(default)]
    face: Option<i64>,
}

impl Movement {
    /// The face that was pulled; none if a hand was chosen.
    pub fn face(&self) -> Option<Face> {
        Face::from_number(self.face?)
    }
}

/// One player's part in a result.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Who.
    pub uid: String,
    #[serde(default)]
    choice: Option<i64>,
    /// The points of this round.
    pub round_score: u64,
    /// All points so far.
    pub total_score: u64,
    /// Wins in a row.
    pub win_streak: u32,
}

impl Line {
    /// The hand that was shown, if any.
    pub fn hand(&self) -> Option<Hand> {
        Hand::from_number(self.choice?)
    }
}

/// A message of ours that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Fault {
    /// Which.
    #[serde(default)]
    pub event: String,
    /// The stable code.
    pub code: String,
    /// What to do about it.
    #[serde(default)]
    pub message: String,
}

#[derive(Deserialize)]
struct Left {
    uid: String,
}

#[derive(Deserialize)]
struct Outcome {
    result: Vec<Line>,
}

#[derive(Deserialize)]
struct Frame<'a> {
    event: String,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// Reads a frame of the native WebSocket.
pub fn read(text: &str) -> Result<Event, serde_json::Error> {
    let Frame { event, data } = serde_json::from_str(text)?;
    let data = data.map_or("null", RawValue::get);
    Ok(match &*event {
        "hi" => Event::Hi(serde_json::from_str(data)?),
        "room" => Event::Room(serde_json::from_str(data)?),
        "start" => Event::Start(serde_json::from_str(data)?),
        "movement" => Event::Movement(serde_json::from_str(data)?),
        "leave" => Event::Left(serde_json::from_str::<Left>(data)?.uid),
        "result" => Event::Result(serde_json::from_str::<Outcome>(data)?.result),
        "fault" => Event::Fault(serde_json::from_str(data)?),
        _ => Event::Other(event),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::game::{self, Profile, RoundStanding, Seated, Standing};
    use crate::protocol::event::Message;
    use crate::protocol::native;

    /// An event as the server writes it and this client reads it.
    fn over_the_wire(event: &game::Event) -> Event {
        read(&native::write(&Message::from(event))).unwrap()
    }

    #[test]
    fn what_the_server_writes_is_what_is_read() {
        let profile = Profile {
            uid: "a".into(),
            name: "阿".into(),
            picture: "".into(),
        };
        let standing = Standing {
            total: 7,
            streak: 2,
        };
        let seats: Arc<[Seated]> = [Seated {
            profile,
            standing,
            robot: true,
        }]
        .into();
        let round_time = Duration::from_millis(2500);
        let Event::Start(start) = over_the_wire(&game::Event::RoundStarted { round_time, seats })
        else {
            panic!("no start");
        };
        assert!((start.game_time - 2.5).abs() < f64::EPSILON);
        let user = &start.room_users[0];
        assert_eq!(
            (&*user.uname, user.total_score, user.win_streak, user.robot),
            ("阿", 7, 2, true)
        );
        let standings = [RoundStanding {
            uid: "a".into(),
            hand: Some(Hand::Paper),
            round_score: 2,
            standing,
        }]
        .into();
        let Event::Result(lines) = over_the_wire(&game::Event::RoundEnded { standings }) else {
            panic!("no result");
        };
        assert_eq!(
            (lines[0].hand(), lines[0].round_score),
            (Some(Hand::Paper), 2)
        );
        assert_eq!(
            over_the_wire(&game::Event::Left { uid: "a".into() }),
            Event::Left("a".into())
        );
    }

    #[test]
    fn what_is_new_or_missing_is_no_error_and_nonsense_is() {
        assert_eq!(
            read(r#"{"event":"weather","data":[1]}"#).unwrap(),
            Event::Other("weather".into())
        );
        let Event::Hi(hi) =
            read(r#"{"event":"hi","data":{"message":"welcome","more":1}}"#).unwrap()
        else {
            panic!("no hi");
        };
        assert_eq!(hi, Hi::default());
        let Event::Movement(movement) =
            read(r#"{"event":"movement","data":{"uid":"a","movement":"face","face":9}}"#).unwrap()
        else {
            panic!("no movement");
        };
        assert_eq!(movement.face(), None);
        for text in ["", "{}", r#"{"event":"result","data":{}}"#, "42[]"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
