//! Several packets in one body, in the framing of each version, and invalid bodies.

use serde_json::{Value, json};

use crate::peer::event;
use crate::support::Client;
use crate::support::server::TestServer;
use crate::support::websocket::Dialect;
use crate::wire::{ENGINES, Engine, Polled};

/// Events that are refused, each of which asks for an acknowledgement with its number.
fn numbered(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|id| format!(r#"42{id}["nonsense"]"#)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_of_one_body_are_handled_in_order() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        let mut session = Polled::connected(&server, engine).await;
        for posts in [0..1, 1..3, 3..40] {
            let packets = numbered(posts);
            let packets: Vec<&str> = packets.iter().map(String::as_str).collect();
            let answer = session.post(&packets).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
        }
        for id in 0..40 {
            let acknowledged = loop {
                let packet = session.next().await.expect("closed");
                if packet.starts_with("43") {
                    break packet;
                }
            };
            let expected = format!(r#"43{id}[{{"ok":false"#);
            assert!(acknowledged.starts_with(&expected), "{acknowledged}");
        }
    }
}

/// The name that this session hears of itself in `room` after posting these bodies.
async fn name_heard(server: &TestServer, engine: Engine, uid: &str, bodies: &[Vec<u8>]) -> Value {
    let mut session = Polled::connected(server, engine).await;
    for body in bodies {
        let answer = if body[0] == 0 {
            session.post_bytes(body).await
        } else {
            session.post_text(std::str::from_utf8(body).unwrap()).await
        };
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
    }
    loop {
        let packet = session.next().await.expect("closed");
        if let Some(json) = packet.strip_prefix("42") {
            let heard: Value = serde_json::from_str(json).unwrap();
            if heard[0] == "room" {
                assert_eq!(session.post(&["1"]).await.status, 200);
                let users = heard[1]["users"].as_array().unwrap();
                let user = users.iter().find(|user| user["uid"] == uid);
                return user.unwrap()["uname"].clone();
            }
            assert_ne!(heard[0], "fault", "{heard}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn version_3_lengths_count_as_its_clients_count() {
    const NAME: &str = "武 🀄 é";
    let server = TestServer::start(&["--robot-wait", "20s"]);
    let hello = event("hello", &json!({"user": {"uid": "zhang", "uname": NAME}}));
    let join = r#"42["join"]"#;
    let once = Engine::V3.payload(&[&hello, join]);
    // Socket.IO 1.x makes each byte of the UTF-8 a character, and HTTP then encodes it a second time.
    let twice = |packet: &str| packet.bytes().map(char::from).collect::<String>();
    let twice = Engine::V3.payload(&[&twice(&hello), join]);
    // Binary framing: the number of bytes in decimal digits, then the bytes. python-engineio 3 sends this.
    let framed = |packet: &str| {
        let digits = packet.len().to_string();
        let digits = digits.bytes().map(|digit| digit - b'0').collect();
        [vec![0], digits, vec![255], packet.as_bytes().to_vec()].concat()
    };
    let framed = [framed(&hello), framed(join)].concat();
    for body in [once.into_bytes(), twice.into_bytes(), framed] {
        let heard = name_heard(&server, Engine::V3, "zhang", std::slice::from_ref(&body)).await;
        assert_eq!(heard, NAME, "{}", String::from_utf8_lossy(&body));
        server.wait_until_empty().await;
    }
    let body = Engine::V4.payload(&[&hello, join]).into_bytes();
    assert_eq!(
        name_heard(&server, Engine::V4, "zhang", &[body]).await,
        NAME
    );
}

/// Clients of version 3 count other characters in different ways, and would take the next packet for a part of this
/// one.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_for_version_3_are_ascii() {
    let server = TestServer::start(&["--robot-wait", "20s"]);
    let session = Polled::connected(&server, Engine::V3).await;
    let hello = event(
        "hello",
        &json!({"user": {"uid": "zhang", "uname": "武 🀄 é"}}),
    );
    assert_eq!(session.post(&[&hello, r#"42["join"]"#]).await.status, 200);
    loop {
        let answer = session.poll().await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.is_ascii(), "{}", answer.body);
        if answer.body.contains(r#""room""#) {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_payloads_end_the_session() {
    let server = TestServer::start(&[]);
    let mut bystander = Client::greet(&server, Dialect::Native, "bystander").await;
    let bodies: [(Engine, &[&str]); 2] = [
        (
            Engine::V3,
            &[
                "abc",
                "40",
                ":40",
                "2:4",
                "4:40",
                "2:40x",
                "2:402",
                "2;40",
                "-2:40",
                "0:",
                "1:9",
                "1:x",
                "2:407:",
                "2.0:40",
                "1e1:4012345678",
                "99999999999999999999:4",
                "18446744073709551618:40",
            ],
        ),
        (
            Engine::V4,
            &[
                "abc",
                "9",
                "7",
                "x",
                "\u{1e}",
                "42[\"join\"]\u{1e}",
                "\u{1e}42[\"join\"]",
                "3\u{1e}\u{1e}3",
                "3\u{1e}abc",
                "武",
            ],
        ),
    ];
    for (engine, bodies) in bodies {
        for body in bodies {
            let mut session = Polled::connected(&server, engine).await;
            let answer = session.post_text(body).await;
            assert_eq!(answer.status, 400, "{body:?} in {engine:?}: {answer:?}");
            session.is_over().await;
        }
    }
    bystander.say("join").await;
    bystander.event("room").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_binary_bodies_end_the_session() {
    let server = TestServer::start(&[]);
    let bodies: [(Engine, &[&[u8]]); 2] = [
        (
            Engine::V3,
            &[
                b"2:4\xff",
                b"\x00\x02\xff4",       // shorter than its length
                b"\x00\x02\xff40\x00",  // bytes behind it
                b"\x00\x0a\xff40",      // 10 is no digit
                b"\x00\xff",            // no length
                b"\x02\x02\xff40",      // neither text (0) nor binary (1)
                b"\x00\x01\xff\xc3",    // invalid UTF-8
                b"\x01\x03\xff\x04\x01\x02", // bytes
                b"\x00\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\xff4",
            ],
        ),
        (Engine::V4, &[b"4\xff", b"\xc3\x28", b"\x00\x02\xff40"]),
    ];
    for (engine, bodies) in bodies {
        for body in bodies {
            let mut session = Polled::connected(&server, engine).await;
            let answer = session.post_bytes(body).await;
            assert_eq!(answer.status, 400, "{body:?} in {engine:?}: {answer:?}");
            session.is_over().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_may_be_as_long_as_max_payload() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        let session = Polled::connected(&server, engine).await;
        let limit = session.opened["maxPayload"].as_u64().unwrap() as usize;
        let sized = |size: usize| {
            let body = engine.payload(&[r#"42["nonsense",""]"#]);
            // In version 3 the number of the length grows from two digits to five.
            let growth = if engine == Engine::V3 { 3 } else { 0 };
            let filler = "x".repeat(size - body.len() - growth);
            let body = engine.payload(&[&format!(r#"42["nonsense","{filler}"]"#)]);
            assert_eq!(body.len(), size);
            body
        };
        let answer = session.post_text(&sized(limit)).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
        let answer = session.post_text(&sized(limit + 1)).await;
        assert!([400, 413].contains(&answer.status), "{answer:?}");
    }
}
