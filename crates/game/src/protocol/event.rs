//! What the server says: the name and payload of every event, encoded once for all its receivers.
//!
//! The fields' names are the protocol's, and some are misspelt there since 2016. docs/protocol.md describes them.

use std::fmt;
use std::ops::Not;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::fault::{Code, Fault};
use crate::{Event, Hand, Movement, RoomId, RoundStanding, Seated};

/// An event ready for any transport: its name and its payload as JSON. Cheap to clone, since the JSON is shared.
///
/// The JSON never contains U+2028 or U+2029 unescaped, because the parser of the 2016 client stops at them.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The event's name on the wire.
    pub name: &'static str,
    /// The payload.
    pub json: Arc<str>,
    /// How much it matters that it arrives.
    pub care: Care,
}

/// How much it matters that a message arrives, which decides what happens when its receiver is slow or disconnected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// It may be dropped: a later message tells the same or makes it obsolete.
    Volatile,
    /// It is written as long as there is a connection.
    Written,
    /// It contains the result of this room, and the server waits for a sign that it has arrived.
    Received(RoomId),
}

/// Prints only the name, because the payload of `hi` contains a token.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({})", self.name)
    }
}

impl Message {
    fn new(name: &'static str, payload: &impl Serialize) -> Message {
        Message {
            name,
            json: json(payload).into(),
            care: Care::Written,
        }
    }

    /// The room whose result it contains.
    pub fn result_of(&self) -> Option<RoomId> {
        match self.care {
            Care::Received(room) => Some(room),
            Care::Volatile | Care::Written => None,
        }
    }
}

impl From<&Event> for Message {
    fn from(event: &Event) -> Message {
        match event {
            Event::Welcomed {
                nearby,
                token,
                standing,
                missed,
            } => Message {
                care: missed
                    .as_ref()
                    .map_or(Care::Written, |missed| Care::Received(missed.room)),
                ..Message::new(
                    "hi",
                    &HiPayload {
                        message: "welcome",
                        nearby: *nearby,
                        token: token.to_string(),
                        total_score: standing.total,
                        win_streak: standing.streak,
                        best_streak: standing.best_streak,
                        rounds: standing.rounds,
                        wins: standing.wins,
                        missed: missed
                            .as_ref()
                            .map(|missed| result_payload(&missed.standings)),
                    },
                )
            },
            Event::NearbyChanged { nearby } => {
                Message::new("nearby", &NearbyPayload { nearby: *nearby })
            }
            Event::RoomChanged {
                room,
                seats,
                full,
                rematch,
            } => Message::new(
                "room",
                &RoomPayload {
                    id: room.to_string(),
                    users: seats.iter().map(room_row).collect(),
                    full: *full,
                    rematch: rematch.as_deref(),
                },
            ),
            Event::RoundStarted {
                round_time,
                seats,
                own,
            } => Message::new(
                "start",
                &StartPayload {
                    game_time: Seconds(*round_time),
                    room_users: seats.iter().map(start_row).collect(),
                    choice: own.map(|own| own.hand.number()),
                    lock: own.is_some_and(|own| own.locked),
                },
            ),
            Event::Moved { uid, movement } => {
                let (movement, face, locked) = match movement {
                    Movement::Choice => ("choice", None, false),
                    Movement::Locked => ("choice", None, true),
                    Movement::Face(face) => ("face", Some(face.number()), false),
                };
                Message {
                    // No later message tells that a hand is locked, so this one must not be dropped.
                    care: if locked {
                        Care::Written
                    } else {
                        Care::Volatile
                    },
                    ..Message::new(
                        "movement",
                        &MovementPayload {
                            uid,
                            movement,
                            face,
                            locked,
                        },
                    )
                }
            }
            Event::Left { uid } => Message::new("leave", &UidPayload { uid }),
            Event::WentAway { uid } => Message::new("away", &UidPayload { uid }),
            Event::CameBack { uid } => Message::new("back", &UidPayload { uid }),
            Event::RoundEnded { room, standings } => Message {
                care: Care::Received(*room),
                ..Message::new("result", &result_payload(standings))
            },
        }
    }
}

impl From<&Fault> for Message {
    fn from(fault: &Fault) -> Message {
        let Fault { event, code } = fault;
        Message::new(
            "fault",
            &FaultPayload {
                event,
                code: *code,
                message: code.advice(),
            },
        )
    }
}

/// The message that the server is about to restart: reconnect after `delay`, which is in whole milliseconds on the
/// wire. Each client gets a different delay, so that they do not all reconnect at the same time.
pub fn restart(delay: Duration) -> Message {
    Message::new(
        "restart",
        &RestartPayload {
            delay: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
        },
    )
}

/// The payload of the acknowledgement of a command that was carried out.
pub fn accepted() -> String {
    json(&AcceptedPayload { ok: true })
}

/// The payload of the acknowledgement of a command that was refused.
pub fn refused(code: Code) -> String {
    json(&RefusedPayload {
        ok: false,
        code,
        message: code.advice(),
    })
}

/// Encodes a payload as JSON, and escapes U+2028 and U+2029, which end a line in JavaScript but not in JSON.
pub(super) fn json(payload: &impl Serialize) -> String {
    let text =
        serde_json::to_string(payload).expect("our payloads have string keys and finite numbers");
    // Both begin with the byte E2 in UTF-8. Looking for that byte first is fast, and most text does not contain it.
    if text.as_bytes().contains(&0xE2) && text.contains(['\u{2028}', '\u{2029}']) {
        // Both can only occur within strings, where the escape means the same.
        text.replace('\u{2028}', "\\u2028")
            .replace('\u{2029}', "\\u2029")
    } else {
        text
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HiPayload<'a> {
    message: &'static str,
    nearby: usize,
    token: String,
    total_score: u64,
    win_streak: u32,
    best_streak: u32,
    rounds: u32,
    wins: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    missed: Option<ResultPayload<'a>>,
}

#[derive(Serialize)]
struct NearbyPayload {
    nearby: usize,
}

#[derive(Serialize)]
struct RoomPayload<'a> {
    #[serde(rename = "roomId")]
    id: String,
    users: Vec<RoomRow<'a>>,
    full: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    rematch: Option<&'a str>,
}

/// An entry of `room`'s `users`.
#[derive(Serialize)]
struct RoomRow<'a> {
    uid: &'a str,
    uname: &'a str,
    uavatar: &'a str,
    ready: bool,
    #[serde(skip_serializing_if = "Not::not")]
    robot: bool,
    #[serde(skip_serializing_if = "Not::not")]
    away: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StartPayload<'a> {
    game_time: Seconds,
    room_users: Vec<StartRow<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    choice: Option<u8>,
    #[serde(skip_serializing_if = "Not::not")]
    lock: bool,
}

/// An entry of `start`'s `roomUsers`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StartRow<'a> {
    uid: &'a str,
    uname: &'a str,
    uavatar: &'a str,
    total_score: u64,
    win_streak: u32,
    #[serde(skip_serializing_if = "Not::not")]
    robot: bool,
    #[serde(skip_serializing_if = "Not::not")]
    locked: bool,
    #[serde(skip_serializing_if = "Not::not")]
    away: bool,
}

#[derive(Serialize)]
struct MovementPayload<'a> {
    uid: &'a str,
    movement: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    face: Option<u8>,
    #[serde(skip_serializing_if = "Not::not")]
    locked: bool,
}

#[derive(Serialize)]
struct RestartPayload {
    delay: u64,
}

/// The payload of `leave`, `away` and `back`.
#[derive(Serialize)]
struct UidPayload<'a> {
    uid: &'a str,
}

/// The payload of `result`, and `missed` in `hi`.
#[derive(Serialize)]
struct ResultPayload<'a> {
    result: Vec<ResultRow<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultRow<'a> {
    uid: &'a str,
    choice: Option<u8>,
    round_score: u64,
    total_score: u64,
    win_streak: u32,
}

#[derive(Serialize)]
struct FaultPayload<'a> {
    event: &'a str,
    code: Code,
    message: &'static str,
}

#[derive(Serialize)]
struct AcceptedPayload {
    ok: bool,
}

#[derive(Serialize)]
struct RefusedPayload {
    ok: bool,
    code: Code,
    message: &'static str,
}

/// Seconds as a JSON number: a whole number where possible, else with a precision of milliseconds.
struct Seconds(Duration);

impl Serialize for Seconds {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = self.0.as_millis();
        if millis.is_multiple_of(1000) {
            serializer.serialize_u64(self.0.as_secs())
        } else {
            serializer.serialize_f64(millis as f64 / 1000.0)
        }
    }
}

fn room_row(seated: &Seated) -> RoomRow<'_> {
    let Seated {
        profile,
        robot,
        away,
        ..
    } = seated;
    RoomRow {
        uid: &profile.uid,
        uname: &profile.name,
        uavatar: &profile.picture,
        ready: true,
        robot: *robot,
        away: *away,
    }
}

fn start_row(seated: &Seated) -> StartRow<'_> {
    let Seated {
        profile,
        standing,
        robot,
        locked,
        away,
    } = seated;
    StartRow {
        uid: &profile.uid,
        uname: &profile.name,
        uavatar: &profile.picture,
        total_score: standing.total,
        win_streak: standing.streak,
        robot: *robot,
        locked: *locked,
        away: *away,
    }
}

fn result_payload(standings: &[RoundStanding]) -> ResultPayload<'_> {
    ResultPayload {
        result: standings.iter().map(result_row).collect(),
    }
}

fn result_row(standing: &RoundStanding) -> ResultRow<'_> {
    ResultRow {
        uid: &standing.uid,
        choice: standing.hand.map(Hand::number),
        round_score: standing.round_score,
        total_score: standing.standing.total,
        win_streak: standing.standing.streak,
    }
}

#[cfg(test)]
mod tests;
