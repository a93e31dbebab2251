//! What the server says: every event's name and payload, encoded once for all who get it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::fault::{Code, Fault};
use crate::{Event, Movement, RoomId, RoundStanding, Seated};

/// An event ready for any transport: its name and its payload as JSON. Cheap to clone.
///
/// The JSON contains neither U+2028 nor U+2029 as themselves: the parser of the 2016 client stops at them.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The event's name on the wire.
    pub name: &'static str,
    /// The payload.
    pub json: Arc<str>,
    /// What becomes of it when its reader is behind or gone.
    pub care: Care,
}

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// Whoever misses it misses nothing that a later message does not tell.
    Volatile,
    /// It is written, as long as there is somebody to write it to.
    Written,
    /// The result of this room is in it: the server wants to know that it has arrived.
    Received(RoomId),
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
            care: Care::Written,
        }
    }

    /// The room whose result is in it.
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
                    &Hi {
                        message: "welcome",
                        nearby: *nearby,
                        token: token.to_string(),
                        total_score: standing.total,
                        win_streak: standing.streak,
                        best_streak: standing.best_streak,
                        rounds: standing.rounds,
                        wins: standing.wins,
                        missed: missed.as_ref().map(|missed| outcome(&missed.standings)),
                    },
                )
            },
            Event::NearbyChanged { nearby } => Message::new("nearby", &Nearby { nearby: *nearby }),
            Event::RoomChanged {
                room,
                seats,
                full,
                rematch,
            } => Message::new(
                "room",
                &Room {
                    id: room.to_string(),
                    users: seats.iter().map(user).collect(),
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
                &Start {
                    game_time: Seconds(*round_time),
                    room_users: seats.iter().map(room_user).collect(),
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
                    // A hand is locked once: no later message tells of it.
                    care: if locked {
                        Care::Written
                    } else {
                        Care::Volatile
                    },
                    ..Message::new(
                        "movement",
                        &Moved {
                            uid,
                            movement,
                            face,
                            locked,
                        },
                    )
                }
            }
            Event::Left { uid } => Message::new("leave", &Somebody { uid }),
            Event::WentAway { uid } => Message::new("away", &Somebody { uid }),
            Event::CameBack { uid } => Message::new("back", &Somebody { uid }),
            Event::RoundEnded { room, standings } => Message {
                care: Care::Received(*room),
                ..Message::new("result", &outcome(standings))
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
struct Hi<'a> {
    message: &'static str,
    nearby: usize,
    token: String,
    total_score: u64,
    win_streak: u32,
    best_streak: u32,
    rounds: u32,
    wins: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    missed: Option<Outcome<'a>>,
}

#[derive(Serialize)]
struct Nearby {
    nearby: usize,
}

#[derive(Serialize)]
struct Room<'a> {
    #[serde(rename = "roomId")]
    id: String,
    users: Vec<User<'a>>,
    full: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    rematch: Option<&'a str>,
}

#[derive(Serialize)]
struct User<'a> {
    uid: &'a str,
    uname: &'a str,
    uavatar: &'a str,
    ready: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    robot: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    away: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Start<'a> {
    game_time: Seconds,
    room_users: Vec<RoomUser<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    choice: Option<u8>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    lock: bool,
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
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    locked: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    away: bool,
}

#[derive(Serialize)]
struct Moved<'a> {
    uid: &'a str,
    movement: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    face: Option<u8>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    locked: bool,
}

#[derive(Serialize)]
struct Restart {
    delay: u64,
}

#[derive(Serialize)]
struct Somebody<'a> {
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
    let Seated {
        profile,
        robot,
        away,
        ..
    } = seated;
    User {
        uid: &profile.uid,
        uname: &profile.name,
        uavatar: &profile.picture,
        ready: true,
        robot: *robot,
        away: *away,
    }
}

fn room_user(seated: &Seated) -> RoomUser<'_> {
    let Seated {
        profile,
        standing,
        robot,
        locked,
        away,
    } = seated;
    RoomUser {
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

fn outcome(standings: &[RoundStanding]) -> Outcome<'_> {
    Outcome {
        result: standings.iter().map(line).collect(),
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
    use crate::{Face, Hand, Missed, OwnHand, Profile, Standing, Token};

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
                best_streak: 4,
                rounds: 9,
                wins: 6,
            },
            robot,
            locked: false,
            away: false,
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
                full: true,
                rematch: None
            }),
            r#"room {"roomId":"r3","users":[{"uid":"a","uname":"無名\u2028氏","uavatar":"","ready":true},{"uid":"robot:1-1","uname":"無名\u2028氏","uavatar":"","ready":true,"robot":true}],"full":true}"#
        );
        assert_eq!(
            wire(&Event::RoundStarted {
                round_time: Duration::from_secs(5),
                seats,
                own: None
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
            ..Standing::default()
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
                room: RoomId(3),
                standings: standings.into()
            }),
            r#"result {"result":[{"uid":"a","choice":2,"roundScore":1,"totalScore":7,"winStreak":1},{"uid":"b","choice":null,"roundScore":0,"totalScore":0,"winStreak":0}]}"#
        );
    }

    #[test]
    fn who_comes_back_is_told_its_own_hand_and_who_is_away() {
        let seats = [
            Seated {
                locked: true,
                ..seated("a", false)
            },
            Seated {
                away: true,
                ..seated("b", false)
            },
        ];
        let user = r#""uname":"無名\u2028氏","uavatar":"","totalScore":5,"winStreak":2"#;
        assert_eq!(
            wire(&Event::RoundStarted {
                round_time: Duration::from_secs(5),
                seats: seats.into(),
                own: Some(OwnHand {
                    hand: Hand::Paper,
                    locked: true
                })
            }),
            format!(
                r#"start {{"gameTime":5,"roomUsers":[{{"uid":"a",{user},"locked":true}},{{"uid":"b",{user},"away":true}}],"choice":3,"lock":true}}"#
            )
        );
        assert_eq!(
            wire(&Event::WentAway { uid: "a".into() }),
            r#"away {"uid":"a"}"#
        );
        assert_eq!(
            wire(&Event::CameBack { uid: "a".into() }),
            r#"back {"uid":"a"}"#
        );
    }

    #[test]
    fn a_welcome_tells_the_standing_and_what_was_missed() {
        let token = Token::parse(&"7".repeat(32)).unwrap();
        let standing = seated("a", false).standing;
        let line = RoundStanding {
            uid: "a".into(),
            hand: Some(Hand::Rock),
            round_score: 2,
            standing,
        };
        let welcomed = |missed| Event::Welcomed {
            nearby: 3,
            token,
            standing,
            missed,
        };
        let told = r#""message":"welcome","nearby":3,"token":"77777777777777777777777777777777","totalScore":5,"winStreak":2,"bestStreak":4,"rounds":9,"wins":6"#;
        assert_eq!(wire(&welcomed(None)), format!("hi {{{told}}}"));
        let missed = Missed {
            room: RoomId(3),
            standings: [line].into(),
        };
        assert_eq!(
            wire(&welcomed(Some(missed))),
            format!(
                r#"hi {{{told},"missed":{{"result":[{{"uid":"a","choice":2,"roundScore":2,"totalScore":5,"winStreak":2}}]}}}}"#
            )
        );
        assert_eq!(
            wire(&Event::NearbyChanged { nearby: 4 }),
            r#"nearby {"nearby":4}"#
        );
    }

    #[test]
    fn an_invitation_names_who_waits_and_a_locked_hand_is_never_left_out() {
        assert_eq!(
            wire(&Event::RoomChanged {
                room: RoomId(3),
                seats: [].into(),
                full: false,
                rematch: Some("b".into())
            }),
            r#"room {"roomId":"r3","users":[],"full":false,"rematch":"b"}"#
        );
        for (movement, text, care) in [
            (
                Movement::Choice,
                r#"{"uid":"a","movement":"choice"}"#,
                Care::Volatile,
            ),
            (
                Movement::Locked,
                r#"{"uid":"a","movement":"choice","locked":true}"#,
                Care::Written,
            ),
        ] {
            let message = Message::from(&Event::Moved {
                uid: "a".into(),
                movement,
            });
            assert_eq!((&*message.json, message.care), (text, care));
        }
    }

    #[test]
    fn a_part_of_a_second_is_told_as_one() {
        let event = Event::RoundStarted {
            round_time: Duration::from_millis(2500),
            seats: [].into(),
            own: None,
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
