//! What a server says, read back from what the real encoder writes and from what strangers might.

use std::sync::Arc;
use std::time::Duration;

use wulin_game::protocol::event::Message;
use wulin_game::protocol::native;
use wulin_game::{Profile, RoundStanding, Seated, Standing};

use super::*;

/// An event as the server writes it and this client reads it.
fn over_the_wire(event: &wulin_game::Event) -> ServerEvent {
    read(&native::write(&Message::from(event))).unwrap()
}

#[test]
fn client_reads_what_the_server_writes() {
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
    let ServerEvent::Start(start) = over_the_wire(&started) else {
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
    let ServerEvent::Result(rows) =
        over_the_wire(&wulin_game::Event::RoundEnded { room, standings })
    else {
        panic!("no result");
    };
    assert_eq!(
        (rows[0].hand(), rows[0].round_score),
        (Some(Hand::Paper), 2)
    );
    assert_eq!(
        over_the_wire(&wulin_game::Event::Left { uid: "a".into() }),
        ServerEvent::Left("a".into())
    );
}

#[test]
fn players_who_are_away_or_have_locked_are_read() {
    use wulin_game::Event;
    let uid = || "a".into();
    let cases = [
        (
            Event::WentAway { uid: uid() },
            ServerEvent::Away("a".into()),
        ),
        (
            Event::CameBack { uid: uid() },
            ServerEvent::Back("a".into()),
        ),
    ];
    for (event, read) in cases {
        assert_eq!(over_the_wire(&event), read);
    }
    let ServerEvent::Start(start) = read(
        r#"{"event":"start","data":{"gameTime":2.25,"roomUsers":[
        {"uid":"a","locked":true},{"uid":"b","away":true}],"choice":2,"lock":true}}"#,
    )
    .unwrap() else {
        panic!("no start");
    };
    let users = &start.room_users;
    assert_eq!((start.hand(), start.lock), (Some(Hand::Rock), true));
    assert_eq!((users[0].locked, users[0].away), (true, false));
    assert_eq!((users[1].locked, users[1].away), (false, true));
    let ServerEvent::Movement(movement) =
        read(r#"{"event":"movement","data":{"uid":"a","movement":"choice","locked":true}}"#)
            .unwrap()
    else {
        panic!("no movement");
    };
    assert!(movement.locked);
    let ServerEvent::Room(room) =
        read(r#"{"event":"room","data":{"users":[{"uid":"b"}],"rematch":"b"}}"#).unwrap()
    else {
        panic!("no room");
    };
    assert_eq!(room.rematch.as_deref(), Some("b"));
    assert_eq!(
        read(r#"{"event":"restart","data":{"delay":4200}}"#).unwrap(),
        ServerEvent::Restart(4200)
    );
}

#[test]
fn unknown_fields_pass_and_malformed_frames_fail() {
    assert_eq!(
        read(r#"{"event":"weather","data":[1]}"#).unwrap(),
        ServerEvent::Other("weather".into())
    );
    let ServerEvent::Hi(hi) =
        read(r#"{"event":"hi","data":{"message":"welcome","more":1}}"#).unwrap()
    else {
        panic!("no hi");
    };
    assert_eq!(hi, HiPayload::default());
    let ServerEvent::Movement(movement) =
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
fn overlong_payloads_are_cut_or_refused() {
    let long = "長".repeat(9_000);
    let Ok(ServerEvent::Room(room)) = read(&format!(
        r#"{{"event":"room","data":{{"users":[{{"uid":"{long}","uname":"{long}"}}]}}}}"#
    )) else {
        panic!("no room");
    };
    let user = &room.users[0];
    assert_eq!(
        (user.uid.chars().count(), user.uname.chars().count()),
        (64, 64)
    );
    let Ok(ServerEvent::Fault(fault)) = read(&format!(
        r#"{{"event":"fault","data":{{"event":"{long}","code":"{long}","message":"{long}"}}}}"#
    )) else {
        panic!("no fault");
    };
    assert_eq!(fault.event.chars().count(), 64);
    assert_eq!(fault.code.chars().count(), 64);
    assert_eq!(fault.message.chars().count(), 512);
    let Ok(ServerEvent::Hi(hi)) = read(&format!(r#"{{"event":"hi","data":{{"token":"{long}"}}}}"#))
    else {
        panic!("no hi");
    };
    assert_eq!(hi.token, None, "no token is so long");
    let Ok(ServerEvent::Other(name)) = read(&format!(r#"{{"event":"{long}"}}"#)) else {
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
fn token_is_not_printed() {
    let token = "0123456789abcdef0123456789abcdef";
    let hi = read(&format!(r#"{{"event":"hi","data":{{"token":"{token}"}}}}"#)).unwrap();
    assert!(!format!("{hi:?}").contains(token), "{hi:?}");
    let ServerEvent::Hi(HiPayload { token: kept, .. }) = hi else {
        panic!("no hi");
    };
    assert_eq!(kept.unwrap().reveal(), token);
}
