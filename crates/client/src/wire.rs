//! The events of the server, as a client reads them. The server need not be a Wulin, so texts are cut to the lengths
//! that a Wulin sends, and longer lists are refused.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use wulin_game::protocol::json::{Object, mended, object};
use wulin_game::{Face, Hand};

use super::PlayerToken;

/// The longest frame that is read, in bytes: fifty rows with the longest names and pictures, twice over.
pub const LONGEST: usize = 256 * 1024;
/// The most people in one message; a server has 16 seats to a room at most.
const PEOPLE: usize = 64;
/// The longest uid, name or code that is kept, and the longest token, in characters.
const WORD: usize = 64;
/// The longest message of a fault that is kept, in characters.
const SENTENCE: usize = 512;

/// The frame is none that a Wulin server sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is nothing a Wulin server says")]
pub struct Foreign;

/// An event of the server. Fields that no client of ours uses are left out.
#[derive(Debug, Clone, PartialEq)]
pub enum ServerEvent {
    /// `hi`: the answer to `hello`.
    Hi(HiPayload),
    /// `nearby`: how many others are near, or online, has changed.
    Nearby(u64),
    /// `room`: who has a seat in a room that is not full yet.
    Room(RoomPayload),
    /// `start`: a round begins.
    Start(StartPayload),
    /// `movement`: another player has chosen a hand or pulled a face.
    Movement(MovementPayload),
    /// `leave`: the uid of a player who has left.
    Left(String),
    /// `away`: the uid of a player whose connection is lost. The seat and the hand stay.
    Away(String),
    /// `back`: the uid of a player who was away.
    Back(String),
    /// `result`: a row for each player of the round.
    Result(Vec<ResultRow>),
    /// `fault`: a message of ours was refused.
    Fault(FaultPayload),
    /// `restart`: the server restarts; come back after so many milliseconds.
    Restart(u64),
    /// The name of an event this client does not know.
    Other(String),
}

/// The payload of `hi`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HiPayload {
    /// How many others are near; or online, if we told no place.
    #[serde(default)]
    pub nearby: u64,
    /// The token that proves that this uid is ours.
    #[serde(default, deserialize_with = "token")]
    pub token: Option<PlayerToken>,
    /// All points so far.
    #[serde(default)]
    pub total_score: u64,
    /// Wins in a row.
    #[serde(default)]
    pub win_streak: u32,
    /// The result of the round that ended while this player was away.
    #[serde(default)]
    pub missed: Option<ResultPayload>,
}

/// The payload of `room`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RoomPayload {
    /// Who has a seat.
    #[serde(deserialize_with = "people")]
    pub users: Vec<UserPayload>,
    /// The uid of a player of the last round who waits here for this one. It seats nobody.
    #[serde(default, deserialize_with = "optional_word")]
    pub rematch: Option<String>,
}

/// The payload of `start`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartPayload {
    /// Seconds until the result.
    pub game_time: f64,
    /// Everybody in the round.
    #[serde(deserialize_with = "people")]
    pub room_users: Vec<UserPayload>,
    #[serde(default)]
    choice: Option<i64>,
    /// Whether this player's own hand is locked.
    #[serde(default)]
    pub lock: bool,
}

impl StartPayload {
    /// The hand that this player has shown already, if it comes back into a running round.
    pub fn hand(&self) -> Option<Hand> {
        Hand::from_number(self.choice?)
    }
}

/// A person in the payloads of `room` and `start`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserPayload {
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
    /// Whether it is a robot of the server.
    #[serde(default)]
    pub robot: bool,
    /// Whether the hand is locked.
    #[serde(default)]
    pub locked: bool,
    /// Whether the connection is lost.
    #[serde(default)]
    pub away: bool,
}

/// The payload of `movement`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MovementPayload {
    /// Who.
    #[serde(deserialize_with = "word")]
    pub uid: String,
    /// The number of the face; none if a hand was chosen.
    #[serde(default)]
    face: Option<i64>,
    /// Whether the hand is locked.
    #[serde(default)]
    pub locked: bool,
}

impl MovementPayload {
    /// The face that was pulled; none if a hand was chosen.
    pub fn face(&self) -> Option<Face> {
        Face::from_number(self.face?)
    }
}

/// The row of one player in the payload of `result`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultRow {
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

impl ResultRow {
    /// The hand that the player showed, if any.
    pub fn hand(&self) -> Option<Hand> {
        Hand::from_number(self.choice?)
    }
}

/// The payload of `fault`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FaultPayload {
    /// The event that was refused.
    #[serde(default, deserialize_with = "word")]
    pub event: String,
    /// The stable code.
    #[serde(deserialize_with = "word")]
    pub code: String,
    /// A sentence on what to do about it.
    #[serde(default, deserialize_with = "sentence")]
    pub message: String,
}

/// The payload of `leave`, `away` and `back`.
#[derive(Deserialize)]
struct WhoPayload {
    #[serde(deserialize_with = "word")]
    uid: String,
}

/// The payload of `result`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ResultPayload {
    /// A row for each player of the round.
    #[serde(deserialize_with = "people")]
    pub result: Vec<ResultRow>,
}

#[derive(Deserialize)]
struct NearbyPayload {
    nearby: u64,
}

#[derive(Deserialize)]
struct RestartPayload {
    delay: u64,
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// Reads a frame of the native WebSocket.
pub fn read(text: &str) -> Result<ServerEvent, Foreign> {
    if text.len() > LONGEST {
        return Err(Foreign);
    }
    let text = mended(text);
    event(&text).ok_or(Foreign)
}

fn event(text: &str) -> Option<ServerEvent> {
    let Frame { event, data } = object(text)?;
    let data = data.map_or("null", RawValue::get);
    Some(match &*event {
        "hi" => ServerEvent::Hi(object(data)?),
        "nearby" => ServerEvent::Nearby(object::<NearbyPayload>(data)?.nearby),
        "room" => ServerEvent::Room(object(data)?),
        "start" => ServerEvent::Start(object(data)?),
        "movement" => ServerEvent::Movement(object(data)?),
        "leave" => ServerEvent::Left(object::<WhoPayload>(data)?.uid),
        "away" => ServerEvent::Away(object::<WhoPayload>(data)?.uid),
        "back" => ServerEvent::Back(object::<WhoPayload>(data)?.uid),
        "restart" => ServerEvent::Restart(object::<RestartPayload>(data)?.delay),
        "result" => ServerEvent::Result(object::<ResultPayload>(data)?.result),
        "fault" => ServerEvent::Fault(object(data)?),
        _ => ServerEvent::Other(event.chars().take(WORD).collect()),
    })
}

/// Reads a token. One that is too long is dropped: a part of it would prove nothing.
fn token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PlayerToken>, D::Error> {
    let token: Option<Cow<'de, str>> = Option::deserialize(deserializer)?;
    Ok(token
        .filter(|token| token.chars().nth(WORD).is_none())
        .map(PlayerToken::new))
}

fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    deserializer.deserialize_str(TextVisitor(WORD))
}

fn optional_word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text: Option<Cow<'de, str>> = Option::deserialize(deserializer)?;
    Ok(text.map(|text| text.chars().take(WORD).collect()))
}

fn sentence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    deserializer.deserialize_str(TextVisitor(SENTENCE))
}

/// Reads a text and keeps so many characters of it.
struct TextVisitor(usize);

impl Visitor<'_> for TextVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.chars().take(self.0).collect())
    }
}

/// Reads a list of at most [`PEOPLE`] objects.
fn people<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct PeopleVisitor<T>(std::marker::PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for PeopleVisitor<T> {
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

    deserializer.deserialize_seq(PeopleVisitor(std::marker::PhantomData))
}

#[cfg(test)]
mod tests;
