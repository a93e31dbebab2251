//! What the server says, as a client reads it. Whoever answers may be no Wulin: of all that it says, no more is kept than a
//! Wulin would say.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::Secret;
use wulin_game::protocol::json::{Object, mended, object};
use wulin_game::{Face, Hand};

/// The longest frame that is read, in bytes: fifty rows with the longest names and pictures, twice over.
pub const LONGEST: usize = 256 * 1024;
/// The most people in one message; a server has 16 seats to a room at most.
const PEOPLE: usize = 64;
/// The longest uid, name, token or code that is kept, in characters.
const WORD: usize = 64;
/// The longest sentence.
const SENTENCE: usize = 512;

/// What comes is nothing that a Wulin server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is nothing a Wulin server says")]
pub struct Foreign;

/// An event of the server. What a client has no use for is left out.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// `hi`: who we are is known.
    Hi(Hi),
    /// `nearby`: how many others are online, or near, by now.
    Nearby(u64),
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
    #[serde(default, deserialize_with = "token")]
    pub token: Option<Secret>,
    /// All points so far.
    #[serde(default)]
    pub total_score: u64,
    /// Wins in a row.
    #[serde(default)]
    pub win_streak: u32,
    /// The round that ended while we were away.
    #[serde(default)]
    pub missed: Option<Outcome>,
}

/// A table before its round.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Room {
    /// Who sits there.
    #[serde(deserialize_with = "people")]
    pub users: Vec<User>,
}

/// A round begins.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    /// Seconds until the result.
    pub game_time: f64,
    /// Everybody in the round.
    #[serde(deserialize_with = "people")]
    pub room_users: Vec<User>,
}

/// Somebody at a table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Who.
    #[serde(deserialize_with = "word")]
    pub uid: String,
    /// What they are called.
    #[serde(default, deserialize_with = "word")]
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
    #[serde(deserialize_with = "word")]
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
    #[serde(deserialize_with = "word")]
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
    #[serde(default, deserialize_with = "word")]
    pub event: String,
    /// The stable code.
    #[serde(deserialize_with = "word")]
    pub code: String,
    /// What to do about it.
    #[serde(default, deserialize_with = "sentence")]
    pub message: String,
}

#[derive(Deserialize)]
struct Left {
    #[serde(deserialize_with = "word")]
    uid: String,
}

/// How a round ended.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Outcome {
    /// For everybody who played it.
    #[serde(deserialize_with = "people")]
    pub result: Vec<Line>,
}

#[derive(Deserialize)]
struct Nearby {
    nearby: u64,
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// Reads a frame of the native WebSocket.
pub fn read(text: &str) -> Result<Event, Foreign> {
    if text.len() > LONGEST {
        return Err(Foreign);
    }
    let text = mended(text);
    event(&text).ok_or(Foreign)
}

fn event(text: &str) -> Option<Event> {
    let Frame { event, data } = object(text)?;
    let data = data.map_or("null", RawValue::get);
    Some(match &*event {
        "hi" => Event::Hi(object(data)?),
        "nearby" => Event::Nearby(object::<Nearby>(data)?.nearby),
        "room" => Event::Room(object(data)?),
        "start" => Event::Start(object(data)?),
        "movement" => Event::Movement(object(data)?),
        "leave" => Event::Left(object::<Left>(data)?.uid),
        "result" => Event::Result(object::<Outcome>(data)?.result),
        "fault" => Event::Fault(object(data)?),
        _ => Event::Other(event.chars().take(WORD).collect()),
    })
}

/// A token that is too long is none of ours, and a part of it would prove nothing.
fn token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let token: Option<Cow<'de, str>> = Option::deserialize(deserializer)?;
    Ok(token
        .filter(|token| token.chars().nth(WORD).is_none())
        .map(Secret::new))
}

fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    deserializer.deserialize_str(Text(WORD))
}

fn sentence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    deserializer.deserialize_str(Text(SENTENCE))
}

/// Text, of which so many characters are kept.
struct Text(usize);

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.chars().take(self.0).collect())
    }
}

/// A list of objects that is not too long.
fn people<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct People<T>(std::marker::PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for People<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of people")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut people = Vec::new();
            while let Some(Object(one)) = list.next_element()? {
                if people.len() == PEOPLE {
                    return Err(A::Error::custom("too many people"));
                }
                people.push(one);
            }
            Ok(people)
        }
    }

    deserializer.deserialize_seq(People(std::marker::PhantomData))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use wulin_game::protocol::event::Message;
    use wulin_game::protocol::native;
    use wulin_game::{Profile, RoundStanding, Seated, Standing};

    /// An event as the server writes it and this client reads it.
    fn over_the_wire(event: &wulin_game::Event) -> Event {
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
            ..Standing::default()
        };
        let seats: Arc<[Seated]> = [Seated {
            profile,
            standing,
            robot: true,
            locked: false,
            away: false,
        }]
        .into();
        let started = wulin_game::Event::RoundStarted {
            round_time: Duration::from_millis(2500),
            seats,
            own: None,
        };
        let Event::Start(start) = over_the_wire(&started) else {
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
        let room = wulin_game::RoomId(1);
        let Event::Result(lines) =
            over_the_wire(&wulin_game::Event::RoundEnded { room, standings })
        else {
            panic!("no result");
        };
        assert_eq!(
            (lines[0].hand(), lines[0].round_score),
            (Some(Hand::Paper), 2)
        );
        assert_eq!(
            over_the_wire(&wulin_game::Event::Left { uid: "a".into() }),
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
        for text in [
            "",
            "{}",
            r#"{"event":"result","data":{}}"#,
            r#"{"event":"result","data":[[]]}"#,
            r#"{"event":"room","data":{"users":[["a","b"]]}}"#,
            r#"["weather"]"#,
            "42[]",
        ] {
            assert_eq!(read(text), Err(Foreign), "{text}");
        }
    }

    #[test]
    fn no_more_is_kept_than_a_wulin_would_say() {
        let long = "長".repeat(9_000);
        let Ok(Event::Room(room)) = read(&format!(
            r#"{{"event":"room","data":{{"users":[{{"uid":"{long}","uname":"{long}"}}]}}}}"#
        )) else {
            panic!("no room");
        };
        let user = &room.users[0];
        assert_eq!(
            (user.uid.chars().count(), user.uname.chars().count()),
            (64, 64)
        );
        let Ok(Event::Fault(fault)) = read(&format!(
            r#"{{"event":"fault","data":{{"event":"{long}","code":"{long}","message":"{long}"}}}}"#
        )) else {
            panic!("no fault");
        };
        assert_eq!(fault.event.chars().count(), 64);
        assert_eq!(fault.code.chars().count(), 64);
        assert_eq!(fault.message.chars().count(), 512);
        let Ok(Event::Hi(hi)) = read(&format!(r#"{{"event":"hi","data":{{"token":"{long}"}}}}"#))
        else {
            panic!("no hi");
        };
        assert_eq!(hi.token, None, "no token is so long");
        let Ok(Event::Other(name)) = read(&format!(r#"{{"event":"{long}"}}"#)) else {
            panic!("no event");
        };
        assert_eq!(name.chars().count(), 64);

        let users = |count| {
            let users = vec![r#"{"uid":"u"}"#; count].join(",");
            read(&format!(
                r#"{{"event":"room","data":{{"users":[{users}]}}}}"#
            ))
        };
        assert!(users(64).is_ok());
        assert_eq!(users(65), Err(Foreign));
        let padded = |count| read(&(r#"{"event":"weather"}"#.to_owned() + &" ".repeat(count)));
        assert!(padded(LONGEST - 19).is_ok());
        assert_eq!(padded(LONGEST), Err(Foreign));
    }

    #[test]
    fn a_token_does_not_print() {
        let token = "0123456789abcdef0123456789abcdef";
        let hi = read(&format!(r#"{{"event":"hi","data":{{"token":"{token}"}}}}"#)).unwrap();
        assert!(!format!("{hi:?}").contains(token), "{hi:?}");
        let Event::Hi(Hi { token: kept, .. }) = hi else {
            panic!("no hi");
        };
        assert_eq!(kept.unwrap().reveal(), token);
    }
}
