//! What the 2016 server died of, and worse, on each transport, while two others play on undisturbed.

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::engineio::Polling;
use support::server::TestServer;
use support::websocket::{DIALECTS, Dialect};
use support::{Client, hello};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use wulin_server::runtime::Gauge;

/// Two who play one round after the other until they are told to stop. Every round must end, with both in its result.
struct Undisturbed {
    stop: watch::Sender<bool>,
    players: JoinHandle<usize>,
}

impl Undisturbed {
    async fn start(server: &TestServer) -> Undisturbed {
        let mut ann = Client::greet(server, Dialect::Native, "ann").await;
        let mut ben = Client::greet(server, Dialect::EngineIo3, "ben").await;
        let (stop, stopped) = watch::channel(false);
        let players = tokio::spawn(async move {
            let mut rounds = 0;
            while !*stopped.borrow() {
                ann.say("join").await;
                // The 2016 client that lost is seated as soon as its partner asks; asking all the same is refused.
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
        Undisturbed { stop, players }
    }

    /// At least one more whole round, then the end.
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

/// Messages that are refused, with the codes they are refused with.
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
async fn every_bad_message_is_a_fault_and_costs_nothing() {
    let server = start();
    let undisturbed = Undisturbed::start(&server).await;
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
        // The connection is as good as new.
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
    undisturbed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_over_polling() {
    let server = start();
    let undisturbed = Undisturbed::start(&server).await;
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
    undisturbed.stop().await;
}

/// What Engine.IO or Socket.IO cannot read.
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
async fn text_that_is_no_packet_closes_the_connection() {
    let server = start();
    let undisturbed = Undisturbed::start(&server).await;
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
    undisturbed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_no_message_is_a_fault_too() {
    let server = start();
    let undisturbed = Undisturbed::start(&server).await;
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
    undisturbed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_frames_get_the_close_code_they_deserve() {
    let server = start();
    let undisturbed = Undisturbed::start(&server).await;
    for dialect in DIALECTS {
        // A name of 8 MiB and a frame of 32 MiB: the client may finish sending, and is told why.
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
    undisturbed.stop().await;
}

/// How somebody goes.
#[derive(Debug, Clone, Copy)]
enum Exit {
    Leave,
    Close,
    Vanish,
    WithAChoice,
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_in_the_middle_of_a_round_harms_nobody_and_forfeits_only_by_leaving() {
    let server = TestServer::start(&["--robot-wait", "20s", "--game-time", "6s"]);
    let undisturbed = Undisturbed::start(&server).await;
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
                // Far from each other pair, so that these two meet.
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
                    // The moment is the point of the test, not something waited for.
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
    undisturbed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_both_ask_at_once_or_in_the_middle_are_in_one_round_at_a_time() {
    let server = start();
    for dialect in DIALECTS {
        let mut ann = Client::greet(&server, dialect, "ann").await;
        let mut ben = Client::greet(&server, Dialect::Native, "ben").await;
        for client in [&mut ann, &mut ben] {
            for _ in 0..5 {
                client.say("join").await;
            }
        }
        for client in [&mut ann, &mut ben] {
            client.event("start").await;
            client.say("join").await;
            let mut starts = 0;
            loop {
                match client.next().await {
                    support::Incoming::Event(name, _) if name == "start" => starts += 1,
                    support::Incoming::Event(name, _) if name == "result" => break,
                    support::Incoming::Event(name, fault) if name == "fault" => {
                        assert_eq!(fault["code"], "already_seated");
                    }
                    _ => {}
                }
            }
            assert_eq!(starts, 0, "a second round began within the first");
        }
        drop((ann, ben));
        server.wait_until_empty().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_floods_is_told_then_closed() {
    let server = TestServer::start(&["--messages-per-second", "20"]);
    for dialect in DIALECTS {
        let mut client = Client::greet(&server, dialect, "flood").await;
        for _ in 0..60 {
            client.say("leave").await;
        }
        let mut codes = Vec::new();
        while codes.len() < 60 {
            codes.push(client.fault().await);
        }
        let heard = codes.iter().filter(|code| *code == "not_seated").count();
        // `hello` has been one message, and the packet that connects Engine.IO 4 another.
        let before = 1 + usize::from(dialect == Dialect::EngineIo4);
        assert!(
            heard >= 40 - before,
            "two seconds' worth at once: {codes:?}"
        );
        assert!(codes.iter().any(|code| code == "too_fast"), "{codes:?}");
        for _ in 0..2000 {
            if client
                .socket_try(Message::text(dialect.write("leave", None)))
                .await
                .is_err()
            {
                break;
            }
        }
        assert_eq!(client.closed().await, Some(1008));
        drop(client);
        server.wait_until_empty().await;
    }
}

/// Frames that are no messages cost as much as messages, so whoever floods with them is closed as well.
#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_no_messages_are_limited_too() {
    let server = TestServer::start(&["--messages-per-second", "20"]);
    // Each is answered as long as it is, and nothing of it is read before all are sent: that must fit on the way.
    let long = format!("2{}", "x".repeat(1000));
    let control = [Message::Ping, Message::Pong].map(|frame| frame(vec![7; 125].into()));
    for dialect in DIALECTS {
        let mut frames = control.to_vec();
        if dialect != Dialect::Native {
            frames.extend(["3", "6", "40/x,", "41/x,", "430[]", &long].map(Message::text));
        }
        for frame in frames {
            let mut client = Client::greet(&server, dialect, "flood").await;
            // Two seconds' worth is heard and five are borne. Few more are sent, so that the server can read on until its
            // close has arrived.
            for _ in 0..300 {
                if client.socket_try(frame.clone()).await.is_err() {
                    break;
                }
            }
            let shown = format!("{dialect:?} {frame:?}");
            assert_eq!(client.closed().await, Some(1008), "{shown}");
            drop(client);
            server.wait_until_empty().await;
        }
    }
    let mut client = Polling::greet(&server, "flood").await;
    let body = vec!["3"; 200].join("\u{1e}");
    assert_eq!(client.post(&body).await, 200);
    while client.next().await.is_some() {}
    server.wait_until_empty().await;
}
