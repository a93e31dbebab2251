//! What the server says: every event's name and payload, encoded once for all who get it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::fault::{Code, Fault};
use crate::{Event, Movement, RoundStanding, Seated};

/// An event ready for any transport: its name and its payload as JSON. Cheap to clone.
///
/// The JSON contains neither U+2028 nor U+2029 as themselves: the parser of the 2016 client stops at them.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The event's name on the wire.
    pub name: &'static str,
    /// The payload.
    pub json: Arc<str>,
    /// Whether whoever misses it misses nothing that a later message does not tell.
    pub volatile: bool,
}

/// A payload may have a token in it: only the name is for logs.
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
            volatile: false,
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
            } => Message::new(
                "hi",
                &Hi {
                    message: "welcome",
                    nearby: *nearby,
                    token: token.to_string(),
                    total_score: standing.total,
                    win_streak: standing.streak,
                },
            ),
            Event::RoomChanged { room, seats, full } => Message::new(
                "room",
                &Room {
                    id: room.to_string(),
                    users: seats.iter().map(user).collect(),
                    full: *full,
                },
            ),
            Event::RoundStarted { round_time, seats } => Message::new(
                "start",
                &Start {
                    game_time: Seconds(*round_time),
                    room_users: seats.iter().map(room_user).collect(),
                },
            ),
            Event::Moved { uid, movement } => {
                let (movement, face) = match movement {
                    Movement::Choice => ("choice", None),
                    Movement::Face(face) => ("face", Some(face.number())),
                };
                Message {
                    volatile: true,
                    ..Message::new(
                        "movement",
                        &Moved {
                            uid,
                            movement,
                            face,
                        },
                    )
                }
            }
            Event::Left { uid } => Message::new("leave", &Leave { uid }),
            Event::RoundEnded { standings } => Message::new(
                "result",
                &Outcome {
                    result: standings.iter().map(line).collect(),
                },
            ),
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

/// The server is about to restart: come back after `delay`, in whole milliseconds on the wire. Each client is told another,
/// so that they do not all come in the same second.
pub fn restart(delay: Duration) -> Message {
    Message::new(
        "restart",
        &Restart {
            delay: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
        },
    )
}

/// What an acknowledgement says of a command that was carried out.
pub fn accepted() -> String {
    json(&Accepted { ok: true })
}

/// What an acknowledgement says of a command that was refused.
pub fn refused(code: Code) -> String {
    json(&Refused {
        ok: false,
        code,
        message: code.advice(),
    })
}

/// JSON without the two characters that end a line in JavaScript but not in JSON.
pub(super) fn json(payload: &impl Serialize) -> String {
    let text =
        serde_json::to_string(payload).expect("our payloads have string keys and finite numbers");
    // Most text has no character that begins with the byte those two begin with, and bytes are quickly looked through.
    if text.as_bytes().contains(&0xE2) && text.contains(['\u{2028}', '\u{2029}']) {
        // Outside strings JSON has neither, so replacing them everywhere is safe.
        text.replace('\u{2028}', "\\u2028")
            .replace('\u{2029}', "\\u2029")
    } else {
        text
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Hi {
    message: &'static str,
    nearby: usize,
    token: String,
    total_score: u64,
    win_streak: u32,
}

#[derive(Serialize)]
struct Room<'a> {
    #[serde(rename = "roomId")]
    id: String,
    users: Vec<User<'a>>,
    full: bool,
}

#[derive(Serialize)]
struct User<'a> {
    uid: &'a str,
    uname: &'a str,
    uavatar: &'a str,
    ready: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    robot: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Start<'a> {
    game_time: Seconds,
    room_users: Vec<RoomUser<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RoomUser<'a> {
    uid: &'a str,
    uname: &'a str,
    uavatar: &'a str,
    total_score: u64,
    win_streak: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    robot: bool,
}

#[derive(Serialize)]
struct Moved<'a> {
    uid: &'a str,
    movement: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    face: Option<u8>,
}

#[derive(Serialize)]
struct Restart {
    delay: u64,
}

#[derive(Serialize)]
struct Leave<'a> {
    uid: &'a str,
}

#[derive(Serialize)]
struct Outcome<'a> {
    result: Vec<Line<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
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
struct Accepted {
    ok: bool,
}

#[derive(Serialize)]
struct Refused {
    ok: bool,
    code: Code,
    message: &'static str,
}

/// Seconds as JavaScript counts them: a whole number where it is one, else to the millisecond.
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

fn user(seated: &Seated) -> User<'_> {
    let Seated { profile, robot, .. } = seated;
    User {
        uid: &profile.uid,
        uname: &profile.name,
        uavatar: &profile.picture,
        ready: true,
        robot: *robot,
    }
}

fn room_user(seated: &Seated) -> RoomUser<'_> {
    let Seated {
        profile,
        standing,
        robot,
    } = seated;
    RoomUser {
        uid: &profile.uid,
        uname: &profile.name,
        uavatar: &profile.picture,
        total_score: standing.total,
        win_streak: standing.streak,
        robot: *robot,
    }
}

fn line(standing: &RoundStanding) -> Line<'_> {
    Line {
        uid: &standing.uid,
        choice: standing.hand.map(crate::Hand::number),
        round_score: standing.round_score,
        total_score: standing.standing.total,
        win_streak: standing.standing.streak,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Face, Hand, Profile, RoomId, Standing};

    fn seated(uid: &str, robot: bool) -> Seated {
        let profile = Profile {
            uid: uid.into(),
            name: "無名\u{2028}氏".into(),
            picture: "".into(),
        };
        Seated {
            profile,
            standing: Standing {
                total: 5,
                streak: 2,
            },
            robot,
        }
    }

    fn wire(event: &Event) -> String {
        let Message { name, json, .. } = Message::from(event);
        format!("{name} {json}")
    }

    #[test]
    fn every_event_looks_on_the_wire_as_the_protocol_says() {
        let seats: Arc<[Seated]> = [seated("a", false), seated("robot:1-1", true)].into();
        assert_eq!(
            wire(&Event::RoomChanged {
                room: RoomId(3),
                seats: seats.clone(),
                full: true
            }),
            r#"room {"roomId":"r3","users":[{"uid":"a","uname":"無名\u2028氏","uavatar":"","ready":true},{"uid":"robot:1-1","uname":"無名\u2028氏","uavatar":"","ready":true,"robot":true}],"full":true}"#
        );
        assert_eq!(
            wire(&Event::RoundStarted {
                round_time: Duration::from_secs(5),
                seats
            }),
            r#"start {"gameTime":5,"roomUsers":[{"uid":"a","uname":"無名\u2028氏","uavatar":"","totalScore":5,"winStreak":2},{"uid":"robot:1-1","uname":"無名\u2028氏","uavatar":"","totalScore":5,"winStreak":2,"robot":true}]}"#
        );
        assert_eq!(
            wire(&Event::Moved {
                uid: "a".into(),
                movement: Movement::Choice
            }),
            r#"movement {"uid":"a","movement":"choice"}"#
        );
        assert_eq!(
            wire(&Event::Moved {
                uid: "a".into(),
                movement: Movement::Face(Face::Angry)
            }),
            r#"movement {"uid":"a","movement":"face","face":3}"#
        );
        assert_eq!(
            wire(&Event::Left { uid: "a".into() }),
            r#"leave {"uid":"a"}"#
        );
        let standing = Standing {
            total: 7,
            streak: 1,
        };
        let standings = [
            RoundStanding {
                uid: "a".into(),
                hand: Some(Hand::Rock),
                round_score: 1,
                standing,
            },
            RoundStanding {
                uid: "b".into(),
                hand: None,
                round_score: 0,
                standing: Standing::default(),
            },
        ];
        assert_eq!(
            wire(&Event::RoundEnded {
                standings: standings.into()
            }),
            r#"result {"result":[{"uid":"a","choice":2,"roundScore":1,"totalScore":7,"winStreak":1},{"uid":"b","choice":null,"roundScore":0,"totalScore":0,"winStreak":0}]}"#
        );
    }

    #[test]
    fn a_part_of_a_second_is_told_as_one() {
        let event = Event::RoundStarted {
            round_time: Duration::from_millis(2500),
            seats: [].into(),
        };
        assert_eq!(wire(&event), r#"start {"gameTime":2.5,"roomUsers":[]}"#);
    }

    #[test]
    fn a_fault_names_the_event_the_code_and_the_remedy() {
        let message = Message::from(&Fault::new("choice", Code::BadChoice));
        let advice = Code::BadChoice.advice();
        assert_eq!(
            &*message.json,
            format!(r#"{{"event":"choice","code":"bad_choice","message":"{advice}"}}"#)
        );
        assert_eq!(
            refused(Code::HelloFirst),
            r#"{"ok":false,"code":"hello_first","message":"Say hello before anything else."}"#
        );
    }
}
