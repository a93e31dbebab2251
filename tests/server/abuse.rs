//! Bad messages, broken frames and sudden leaves on each transport, while two others play on undisturbed. The
//! server of 2016 crashed at some of them.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use wulin_server::runtime::Gauge;

use crate::support;
use crate::support::engineio::Polling;
use crate::support::server::TestServer;
use crate::support::websocket::{DIALECTS, Dialect};
use crate::support::{Client, hello};

/// Two players who play one round after the other until they are told to stop. Every round must end with both in its
/// result.
struct OtherPlayers {
    stop: watch::Sender<bool>,
    players: JoinHandle<usize>,
}

impl OtherPlayers {
    async fn start(server: &TestServer) -> OtherPlayers {
        let mut ann = Client::greet(server, Dialect::Native, "ann").await;
        let mut ben = Client::greet(server, Dialect::EngineIo3, "ben").await;
        let (stop, stopped) = watch::channel(false);
        let players = tokio::spawn(async move {
            let mut rounds = 0;
            while !*stopped.borrow() {
                ann.say("join").await;
                // The 2016 client that lost is seated as soon as its partner joins again; a `join` of its own would be
                // refused.
                if rounds == 0 {
                    ben.say("join").await;
                }
                ann.event("start").await;
                ben.event("start").await;
                ann.send("choice", json!({"choice": 2})).await;
                ben.send("choice", json!({"choice": 1})).await;
                let result = ann.event("result").await;
                assert_eq!(result, ben.event("result").await);
                rounds += 1;
                let won = json!({"uid": "ann", "choice": 2, "roundScore": rounds, "totalScore": rounds * (rounds + 1) / 2, "winStreak": rounds});
                assert_eq!(
                    result["result"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .find(|line| line["uid"] == "ann"),
                    Some(&won)
                );
            }
            usize::try_from(rounds).unwrap()
        });
        OtherPlayers { stop, players }
    }

    /// Stops after the round that is running. At least one round must have ended.
    async fn stop(self) {
        self.stop.send(true).unwrap();
        let rounds = tokio::time::timeout(support::PATIENCE, self.players)
            .await
            .expect("the round never ended")
            .unwrap();
        assert!(rounds > 0);
    }
}

fn start() -> TestServer {
    TestServer::start(&["--robot-wait", "20s", "--game-time", "2s"])
}

/// Messages that are refused: event, payload, and the code of the fault.
fn refused() -> Vec<(&'static str, Option<Value>, &'static str)> {
    let mut cases = vec![
        ("hello", None, "bad_hello"),
        ("hello", Some(json!({"user": 7})), "bad_hello"),
        (
            "hello",
            Some(json!({"user": {"uid": "", "uname": "x"}})),
            "bad_uid",
        ),
        (
            "hello",
            Some(json!({"user": {"uid": "x".repeat(65), "uname": "x"}})),
            "bad_uid",
        ),
        (
            "hello",
            Some(json!({"user": {"uid": "x", "uname": null}})),
            "bad_name",
        ),
        (
            "hello",
            Some(json!({"user": {"uid": "x", "uname": "x", "uavatar": 1}})),
            "bad_picture",
        ),
        (
            "hello",
            Some(json!({"user": {"uid": "x", "uname": "x"}, "cordinate": {"lat": 91, "lng": 0}})),
            "bad_place",
        ),
        (
            "hello",
            Some(json!({"user": {"uid": "robot:1", "uname": "x"}})),
            "uid_reserved",
        ),
        (
            "hello",
            Some(json!({"user": {"uid": "x", "uname": "木人·甲"}})),
            "name_reserved",
        ),
        ("error", Some(json!("boom")), "unknown_event"),
        ("disconnect", None, "unknown_event"),
        ("__proto__", Some(json!({})), "unknown_event"),
    ];
    for payload in [
        None,
        Some(Value::Null),
        Some(json!(99)),
        Some(json!("2")),
        Some(json!(-1)),
        Some(json!({})),
        Some(json!({"choice": null, "face": null})),
        Some(json!({"choice": 99, "face": 99})),
        Some(json!({"choice": "2", "face": "2"})),
        Some(json!({"choice": -1, "face": -1})),
        Some(json!({"choice": {}, "face": {}})),
    ] {
        cases.push(("choice", payload.clone(), "bad_choice"));
        cases.push(("face", payload, "bad_face"));
    }
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_message_is_answered_with_a_fault() {
    let server = start();
    let others = OtherPlayers::start(&server).await;
    for dialect in DIALECTS {
        let mut client = Client::open(&server, dialect).await;
        for (event, payload) in [
            ("join", None),
            ("leave", None),
            ("choice", Some(json!({"choice": 1}))),
            ("face", Some(json!({"face": 1}))),
        ] {
            client.text(&dialect.write(event, payload.as_ref())).await;
            let fault = client.event("fault").await;
            assert_eq!(
                (&fault["event"], &fault["code"]),
                (&json!(event), &json!("hello_first"))
            );
        }
        for (event, payload, code) in refused() {
            client.text(&dialect.write(event, payload.as_ref())).await;
            let fault = client.event("fault").await;
            assert_eq!(
                (&fault["event"], &fault["code"]),
                (&json!(event), &json!(code)),
                "{payload:?}"
            );
            assert!(
                fault["message"]
                    .as_str()
                    .is_some_and(|message| !message.is_empty())
            );
        }
        // None of this has harmed the connection.
        client.send("hello", hello("tester")).await;
        client.event("hi").await;
        client.send("hello", hello("ann")).await;
        assert_eq!(client.fault().await, "uid_fixed");
        let mut double = Client::open(&server, dialect).await;
        double.send("hello", hello("tester")).await;
        assert_eq!(double.fault().await, "uid_taken");
        client.send("choice", json!({"choice": 1})).await;
        assert_eq!(client.fault().await, "no_round");
        client.say("leave").await;
        assert_eq!(client.fault().await, "not_seated");
        client.say("join").await;
        client.event("room").await;
        client.say("join").await;
        assert_eq!(client.fault().await, "already_seated");
        client.say("leave").await;
    }
    others.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_messages_over_polling_are_answered_with_faults() {
    let server = start();
    let others = OtherPlayers::start(&server).await;
    let mut client = Polling::open(&server).await;
    client.send("join", None).await;
    assert_eq!(client.event("fault").await["code"], "hello_first");
    for (event, payload, code) in refused() {
        client.send(event, payload.clone()).await;
        let fault = client.event("fault").await;
        assert_eq!(
            (&fault["event"], &fault["code"]),
            (&json!(event), &json!(code)),
            "{payload:?}"
        );
    }
    client.send("hello", Some(hello("poller"))).await;
    client.event("hi").await;
    for (packet, code) in [
        ("42[1]", "bad_message"),
        (r#"42["nonsense"]"#, "unknown_event"),
        (r#"42/chat,["join"]"#, "unknown_namespace"),
    ] {
        assert_eq!(client.post(packet).await, 200, "{packet}");
        assert_eq!(client.event("fault").await["code"], code, "{packet}");
    }
    others.stop().await;
}

/// Text that is no packet of Engine.IO or Socket.IO.
const NO_PACKETS: [&str; 11] = [
    "",
    "9",
    "4",
    "nonsense",
    "bAQID",
    "42",
    "42[",
    "42[]",
    "42{}",
    r#"42abc["join"]"#,
    r#"451-["choice",{"_placeholder":true,"num":0}]"#,
];

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_packets_close_the_connection() {
    let server = start();
    let others = OtherPlayers::start(&server).await;
    for packet in NO_PACKETS {
        for dialect in [Dialect::EngineIo3, Dialect::EngineIo4] {
            let mut client = Client::greet(&server, dialect, "tester").await;
            client.text(packet).await;
            assert_eq!(client.closed().await, Some(1002), "{packet}");
        }
        let mut client = Polling::greet(&server, "tester").await;
        assert_eq!(client.post(packet).await, 400, "{packet}");
        assert_eq!(client.post("2").await, 400, "{packet}: the session is over");
    }
    for dialect in [Dialect::EngineIo3, Dialect::EngineIo4] {
        let mut client = Client::greet(&server, dialect, "tester").await;
        let bytes = Message::binary(vec![1, 2]);
        client.socket_try(bytes).await.unwrap();
        assert_eq!(client.closed().await, Some(1002));
    }
    others.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_messages_are_answered_with_faults() {
    let server = start();
    let others = OtherPlayers::start(&server).await;
    let native = [
        ("", "bad_json"),
        ("{", "bad_json"),
        ("[]", "bad_message"),
        ("7", "bad_message"),
        ("null", "bad_message"),
        (r#"{"event":7}"#, "bad_message"),
    ];
    let socketio = [
        ("42[1]", "bad_message"),
        (r#"42["nonsense"]"#, "unknown_event"),
        (r#"42/chat,["join"]"#, "unknown_namespace"),
    ];
    for dialect in DIALECTS {
        let mut client = Client::greet(&server, dialect, "tester").await;
        let cases = if dialect == Dialect::Native {
            &native[..]
        } else {
            &socketio[..]
        };
        for (text, code) in cases {
            client.text(text).await;
            assert_eq!(client.fault().await, *code, "{text:?} on {dialect:?}");
        }
        if dialect == Dialect::Native {
            client.socket_send(Message::binary(vec![1, 2, 3])).await;
            assert_eq!(client.fault().await, "binary_message");
        }
        client.say("join").await;
        client.event("room").await;
        drop(client);
        server.wait_for(Gauge::Person, 2).await;
    }
    others.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_frames_are_closed_with_their_code() {
    let server = start();
    let others = OtherPlayers::start(&server).await;
    for dialect in DIALECTS {
        // Names of 8 MiB, of 32 MiB, and one that makes the message just too long: the client may finish sending, and
        // then gets the close code.
        for size in [8 << 20, 32 << 20, 16 * 1024 + 1] {
            let mut client = Client::greet(&server, dialect, "tester").await;
            let mut long = hello("tester");
            long["user"]["uname"] = "x".repeat(size).into();
            let _ = client
                .socket_try(Message::text(dialect.write("hello", Some(&long))))
                .await;
            assert_eq!(
                client.closed().await,
                Some(1009),
                "{size} bytes on {dialect:?}"
            );
            drop(client);
            server.wait_for(Gauge::Person, 2).await;
        }
        let mut client = Client::greet(&server, dialect, "tester").await;
        client
            .raw(Frame::message(
                vec![0xc3, 0x28],
                OpCode::Data(Data::Text),
                true,
            ))
            .await
            .unwrap();
        assert_eq!(client.closed().await, Some(1007));
        drop(client);
        server.wait_for(Gauge::Person, 2).await;
        let mut client = Client::greet(&server, dialect, "tester").await;
        let mut frame = Frame::message(b"{}".to_vec(), OpCode::Data(Data::Text), true);
        frame.header_mut().rsv1 = true;
        client.raw(frame).await.unwrap();
        assert_eq!(client.closed().await, Some(1002));
        drop(client);
        server.wait_for(Gauge::Person, 2).await;
    }
    others.stop().await;
}

/// How a player leaves a round.
#[derive(Debug, Clone, Copy)]
enum Exit {
    Leave,
    Close,
    Vanish,
    WithAChoice,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_ends_well_and_only_leave_forfeits() {
    let server = TestServer::start(&["--robot-wait", "20s", "--game-time", "6s"]);
    let others = OtherPlayers::start(&server).await;
    let mut rounds = Vec::new();
    for (number, dialect) in DIALECTS.into_iter().enumerate() {
        for (turn, exit) in [Exit::Leave, Exit::Close, Exit::Vanish, Exit::WithAChoice]
            .into_iter()
            .enumerate()
        {
            for (half, after) in [Duration::from_millis(300), Duration::from_millis(1500)]
                .into_iter()
                .enumerate()
            {
                let (stays, goes) = (
                    format!("s{number}{turn}{half}"),
                    format!("g{number}{turn}{half}"),
                );
                // Far from each other pair, so that these two are seated together.
                let at = json!({"lat": (number * 20 + turn) as f64, "lng": half as f64 * 90.0});
                let mut one = Client::open(&server, Dialect::Native).await;
                let mut two = Client::open(&server, dialect).await;
                for (client, uid) in [(&mut one, &stays), (&mut two, &goes)] {
                    let mut hello = hello(uid);
                    hello["cordinate"] = at.clone();
                    client.send("hello", hello).await;
                    client.event("hi").await;
                    client.say("join").await;
                }
                rounds.push(tokio::spawn(async move {
                    one.event("start").await;
                    two.event("start").await;
                    one.send("choice", json!({"choice": 1})).await;
                    // The moment of leaving is what the test varies. It waits for nothing here.
                    tokio::time::sleep(after).await;
                    match exit {
                        Exit::Leave => two.say("leave").await,
                        Exit::Close => two.socket.close(None).await.unwrap(),
                        Exit::Vanish => drop(two),
                        Exit::WithAChoice => {
                            two.send("choice", json!({"choice": 2})).await;
                            drop(two);
                        }
                    }
                    let (event, hand) = match exit {
                        Exit::Leave => ("leave", Value::Null),
                        Exit::Close | Exit::Vanish => ("away", Value::Null),
                        Exit::WithAChoice => ("away", json!(2)),
                    };
                    assert_eq!(one.event(event).await, json!({"uid": goes}), "{exit:?}");
                    let result = one.event("result").await;
                    let line = |uid: &str| {
                        result["result"]
                            .as_array()
                            .unwrap()
                            .iter()
                            .find(|line| line["uid"] == uid)
                            .cloned()
                    };
                    assert_eq!(
                        line(&stays).unwrap()["roundScore"],
                        u8::from(hand.is_null()),
                        "{exit:?} after {after:?}"
                    );
                    assert_eq!(line(&goes).unwrap()["choice"], hand);
                }));
            }
        }
    }
    for round in rounds {
        tokio::time::timeout(support::PATIENCE, round)
            .await
            .expect("no result")
            .unwrap();
    }
    others.stop().await;
}
