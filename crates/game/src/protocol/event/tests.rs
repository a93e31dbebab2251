//! What every event looks like on the wire.

use super::*;
use crate::{Face, Missed, OwnHand, Profile, Standing, Token};

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
fn every_event_has_its_documented_payload() {
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
fn start_tells_a_returning_player_its_hand_and_who_is_away() {
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
fn hi_tells_the_standing_and_the_missed_result() {
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
fn invitations_name_the_waiter_and_locks_are_not_volatile() {
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
fn fractions_of_a_second_stay_in_game_time() {
    let event = Event::RoundStarted {
        round_time: Duration::from_millis(2500),
        seats: [].into(),
        own: None,
    };
    assert_eq!(wire(&event), r#"start {"gameTime":2.5,"roomUsers":[]}"#);
}

#[test]
fn faults_name_event_code_and_advice() {
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
