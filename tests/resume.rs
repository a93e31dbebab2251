//! Connections that end in the middle of a game, in every way they can, and people who come back over another.

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use socket2::SockRef;
use support::engineio::Polling;
use support::server::TestServer;
use support::websocket::{DIALECTS, Dialect};
use support::{Client, Incoming, PATIENCE, hello};
use tokio::net::TcpStream;
use tokio::time;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use wulin_server::runtime::Gauge;

/// How a connection ends.
#[derive(Debug, Clone, Copy)]
enum Cut {
    Close,
    Drop,
    Reset,
    /// Text that is no UTF-8.
    Garbled,
    /// A message over the limit.
    TooLong,
    /// Engine.IO's own goodbye, or Socket.IO's, after which the connection stays.
    Goodbye(&'static str),
}

const CUTS: [Cut; 5] = [
    Cut::Close,
    Cut::Drop,
    Cut::Reset,
    Cut::Garbled,
    Cut::TooLong,
];

/// A person and the token that proves it.
struct Person {
    uid: String,
    token: Value,
    client: Client,
}

impl Person {
    async fn come(server: &TestServer, dialect: Dialect, uid: &str) -> Person {
        let stream = TcpStream::connect(server.address()).await.unwrap();
        // Whoever is reset says nothing more; whoever closes is not hindered by it.
        SockRef::from(&stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        let stream = server.secure(stream).await;
        let mut client = Client::over(stream, dialect).await;
        client.send("hello", hello(uid)).await;
        let token = client.event("hi").await["token"].clone();
        Person {
            uid: uid.to_owned(),
            token,
            client,
        }
    }

    /// Comes back over a connection of this dialect; returns `hi`.
    async fn return_by(&mut self, server: &TestServer, dialect: Dialect) -> Value {
        self.client = Client::open(server, dialect).await;
        self.client.send("hello", self.proof()).await;
        self.client.event("hi").await
    }

    fn proof(&self) -> Value {
        let mut proof = hello(&self.uid);
        proof["token"] = self.token.clone();
        proof
    }

    /// Hears everything that has been sent so far, and lets the server know.
    async fn catch_up(&mut self) -> Value {
        self.client.send("hello", self.proof()).await;
        self.client.event("hi").await
    }

    async fn cut(&mut self, cut: Cut) {
        let socket = &mut self.client.socket;
        match cut {
            Cut::Close => socket.close(None).await.unwrap(),
            Cut::Drop => {
                let stream = socket.get_ref().get_ref().0;
                SockRef::from(stream).set_linger(None).unwrap();
                SockRef::from(stream)
                    .shutdown(std::net::Shutdown::Both)
                    .unwrap();
            }
            // What is in the socket's place is dropped by the caller.
            Cut::Reset => {}
            Cut::Garbled => {
                let frame = Frame::message(vec![0xff; 4], OpCode::Data(Data::Text), true);
                socket.send_frame(frame).await;
            }
            Cut::TooLong => {
                let long = Message::text("x".repeat(20_000));
                self.client.socket_try(long).await.unwrap();
            }
            Cut::Goodbye(packet) => self.client.text(packet).await,
        }
    }
}

trait SendFrame {
    async fn send_frame(&mut self, frame: Frame);
}

impl<S> SendFrame for tokio_tungstenite::WebSocketStream<S>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    async fn send_frame(&mut self, frame: Frame) {
        use futures_util::SinkExt;
        self.send(Message::Frame(frame)).await.unwrap();
    }
}

/// Two people in a round, who have sat down in this order.
async fn play(one: &mut Client, other: &mut Client) {
    one.say("join").await;
    one.event("room").await;
    other.say("join").await;
    one.event("start").await;
    other.event("start").await;
}

fn line(result: &Value, uid: &str) -> Value {
    let lines = result["result"].as_array().unwrap();
    let line = lines.iter().find(|line| line["uid"] == uid);
    line.expect("everybody is in the result").clone()
}

/// A server whose rounds are long enough to come back into.
fn long_rounds() -> TestServer {
    TestServer::start(&["--robot-wait", "60s", "--game-time", "8s"])
}

#[tokio::test(flavor = "multi_thread")]
async fn however_a_connection_ends_seat_and_hand_stay() {
    let server = std::sync::Arc::new(long_rounds());
    let mut rounds = Vec::new();
    for dialect in DIALECTS {
        let goodbyes = match dialect {
            Dialect::Native => vec![],
            Dialect::EngineIo3 | Dialect::EngineIo4 => {
                vec![Cut::Goodbye("1"), Cut::Goodbye("41")]
            }
        };
        for cut in CUTS.into_iter().chain(goodbyes) {
            let number = rounds.len();
            let (ann, ben) = (format!("ann{number}"), format!("ben{number}"));
            let mut one = Person::come(&server, dialect, &ann).await;
            let mut other = Person::come(&server, Dialect::Native, &ben).await;
            play(&mut one.client, &mut other.client).await;
            let server = server.clone();
            rounds.push(tokio::spawn(async move {
                one.client.send("choice", json!({"choice": 2})).await;
                other.client.event("movement").await;
                one.cut(cut).await;
                let back = Client::open(&server, DIALECTS[number % 3]).await;
                let gone = std::mem::replace(&mut one.client, back);
                // Only this is cut off by being dropped.
                let _gone = (!matches!(cut, Cut::Reset)).then_some(gone);
                assert_eq!(
                    other.client.event("away").await,
                    json!({"uid": ann}),
                    "{cut:?}"
                );
                let hi = one.catch_up().await;
                assert_eq!(hi.get("missed"), None);
                let start = one.client.event("start").await;
                assert_eq!(start["choice"], 2, "{cut:?}: {start}");
                assert!(start["gameTime"].as_f64().unwrap() < 8.0);
                assert_eq!(
                    other.client.event("back").await,
                    json!({"uid": ann}),
                    "{cut:?}"
                );
                other.client.send("choice", json!({"choice": 1})).await;
                let result = other.client.event("result").await;
                assert_eq!(line(&result, &ann)["roundScore"], 1, "{cut:?}");
                assert_eq!(one.client.event("result").await, result);
            }));
        }
    }
    for round in rounds {
        time::timeout(PATIENCE, round).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_away_at_the_end_has_its_hand_counted_and_is_told_once() {
    let server = TestServer::start(&["--robot-wait", "60s", "--game-time", "2s"]);
    for (number, dialect) in DIALECTS.into_iter().enumerate() {
        let (uid, other) = (format!("ann{number}"), format!("ben{number}"));
        let mut ann = Person::come(&server, dialect, &uid).await;
        let mut ben = Person::come(&server, Dialect::Native, &other).await;
        play(&mut ann.client, &mut ben.client).await;
        ann.client.send("choice", json!({"choice": 2})).await;
        ben.client.event("movement").await;
        ann.client.socket.close(None).await.unwrap();
        ben.client.event("away").await;
        ben.client.send("choice", json!({"choice": 1})).await;
        let result = ben.client.event("result").await;
        assert_eq!(line(&result, &uid)["roundScore"], 1);
        server.wait_for(Gauge::Person, 1).await;

        let hi = ann.return_by(&server, dialect).await;
        assert_eq!(hi["missed"], result, "{dialect:?}");
        assert_eq!(
            json!([
                hi["totalScore"],
                hi["winStreak"],
                hi["bestStreak"],
                hi["rounds"],
                hi["wins"]
            ]),
            json!([1, 1, 1, 1, 1])
        );
        assert_eq!(ann.catch_up().await.get("missed"), None);
        let hi = ann.return_by(&server, dialect).await;
        assert_eq!(hi.get("missed"), None, "told once");
        drop((ann, ben));
        server.wait_until_empty().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_nobody_read_is_told_again() {
    let server = TestServer::start(&["--robot-wait", "60s", "--game-time", "2s"]);
    for (number, dialect) in DIALECTS.into_iter().enumerate() {
        for reads in [true, false] {
            let (ann, ben) = (format!("ann{number}{reads}"), format!("ben{number}{reads}"));
            let mut ann = Person::come(&server, dialect, &ann).await;
            let mut ben = Person::come(&server, Dialect::Native, &ben).await;
            play(&mut ann.client, &mut ben.client).await;
            if reads {
                ann.client.event("result").await;
                ann.catch_up().await;
            }
            let result = ben.client.event("result").await;
            // The server takes the old connection for a living one, and has written to it.
            let _old = std::mem::replace(&mut ann.client, Client::open(&server, dialect).await);
            let hi = ann.catch_up().await;
            let expected = (!reads).then_some(&result);
            assert_eq!(hi.get("missed"), expected, "{dialect:?}, reads: {reads}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_polls_comes_back_as_well() {
    let server = TestServer::start(&[
        "--robot-wait",
        "60s",
        "--game-time",
        "6s",
        "--ping-interval",
        "500ms",
        "--ping-timeout",
        "2s",
    ]);
    let mut ann = Polling::open(&server).await;
    ann.send("hello", Some(hello("ann"))).await;
    let token = ann.event("hi").await["token"].clone();
    let mut proof = hello("ann");
    proof["token"] = token;
    let mut ben = Person::come(&server, Dialect::Native, "ben").await;
    ann.send("join", None).await;
    ann.event("room").await;
    ben.client.say("join").await;
    ann.event("start").await;
    ben.client.event("start").await;
    ann.send("choice", Some(json!({"choice": 2, "lock": true})))
        .await;
    assert_eq!(
        ben.client.event("movement").await,
        json!({"uid": "ann", "movement": "choice", "locked": true})
    );
    // It polls no more, and nobody can tell but by that.
    ben.client.event("away").await;
    drop(ann);
    let mut ann = Polling::open(&server).await;
    ann.send("hello", Some(proof.clone())).await;
    let start = ann.event("start").await;
    assert_eq!(
        (&start["choice"], &start["lock"]),
        (&json!(2), &json!(true))
    );
    ben.client.event("back").await;
    // And over a WebSocket, from the session that polls.
    let stream = server.connect().await;
    let mut ann = ann.upgrade(stream).await;
    let result = async {
        loop {
            match ann.next().await {
                Incoming::Event(name, result) if name == "result" => break result,
                incoming => ann.stay_alive(&incoming).await,
            }
        }
    };
    let (result, told) = tokio::join!(result, ben.client.event("result"));
    assert_eq!(line(&result, "ann")["choice"], 2);
    assert_eq!(told, result);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_fetched_by_a_poll_is_known_to_be_read_by_the_next() {
    let server = TestServer::start(&["--robot-wait", "60s", "--game-time", "2s"]);
    for polls_again in [true, false] {
        let uid = format!("ann{polls_again}");
        let mut ann = Polling::open(&server).await;
        ann.send("hello", Some(hello(&uid))).await;
        let mut proof = hello(&uid);
        proof["token"] = ann.event("hi").await["token"].clone();
        ann.send("join", Some(json!({"robot": true}))).await;
        let result = ann.event("result").await;
        if polls_again {
            ann.send("hello", Some(proof.clone())).await;
            ann.event("hi").await;
        }
        let mut other = Client::open(&server, Dialect::Native).await;
        other.send("hello", proof).await;
        let hi = other.event("hi").await;
        assert_eq!(hi.get("missed"), (!polls_again).then_some(&result));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_peer_keeps_its_seat() {
    let server = TestServer::start(&[
        "--robot-wait",
        "60s",
        "--game-time",
        "8s",
        "--ping-interval",
        "300ms",
        "--ping-timeout",
        "500ms",
    ]);
    for (number, dialect) in DIALECTS.into_iter().enumerate() {
        let (ann, ben) = (format!("ann{number}"), format!("ben{number}"));
        let mut ann = Person::come(&server, dialect, &ann).await;
        let mut ben = Person::come(&server, Dialect::Native, &ben).await;
        play(&mut ann.client, &mut ben.client).await;
        ann.client.send("choice", json!({"choice": 3})).await;
        // It lives for a while, and proves it by answering pings; then it neither reads nor writes.
        let _ = time::timeout(Duration::from_secs(1), async {
            loop {
                let incoming = ann.client.next().await;
                ann.client.stay_alive(&incoming).await;
            }
        })
        .await;
        ben.client.event("away").await;
        let _frozen = std::mem::replace(
            &mut ann.client,
            Client::open(&server, Dialect::Native).await,
        );
        ann.catch_up().await;
        assert_eq!(ann.client.event("start").await["choice"], 3, "{dialect:?}");
        ben.client.event("back").await;
        ben.client.say("leave").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_leaves_forfeits_and_the_other_does_not_wait() {
    let server = TestServer::start(&["--robot-wait", "60s", "--game-time", "10m"]);
    let mut ann = Person::come(&server, Dialect::EngineIo4, "ann").await;
    let mut ben = Person::come(&server, Dialect::Native, "ben").await;
    play(&mut ann.client, &mut ben.client).await;
    ann.client.send("choice", json!({"choice": 2})).await;
    ann.client.say("leave").await;
    let result = ben.client.event("result").await;
    assert_eq!(line(&result, "ann")["choice"], Value::Null);
    assert_eq!(line(&result, "ben")["roundScore"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_in_which_all_have_locked_is_over() {
    let server = TestServer::start(&["--robot-wait", "60s", "--game-time", "10m"]);
    let mut ann = Person::come(&server, Dialect::EngineIo4, "ann").await;
    let mut ben = Person::come(&server, Dialect::Native, "ben").await;
    play(&mut ann.client, &mut ben.client).await;
    ann.client
        .send("choice", json!({"choice": 2, "lock": true}))
        .await;
    ann.client.send("choice", json!({"choice": 3})).await;
    assert_eq!(ann.client.fault().await, "hand_locked");
    ann.client
        .send("choice", json!({"choice": 3, "lock": 1}))
        .await;
    assert_eq!(ann.client.fault().await, "bad_choice");
    ben.client
        .send("choice", json!({"choice": 1, "lock": true}))
        .await;
    let result = ben.client.event("result").await;
    assert_eq!(line(&result, "ann")["roundScore"], 1);
    assert_eq!(ann.client.event("result").await, result);
}

#[tokio::test(flavor = "multi_thread")]
async fn friends_meet_again_and_a_robot_is_for_who_asks() {
    let server = TestServer::start(&["--robot-wait", "60s", "--game-time", "10m"]);
    for dialect in [Dialect::Native, Dialect::EngineIo4] {
        let mut ann = Person::come(&server, dialect, "ann").await;
        let mut ben = Person::come(&server, Dialect::Native, "ben").await;
        play(&mut ann.client, &mut ben.client).await;
        for client in [&mut ann.client, &mut ben.client] {
            client
                .send("choice", json!({"choice": 2, "lock": true}))
                .await;
        }
        ann.client.event("result").await;
        ben.client.event("result").await;
        ann.client.say("join").await;
        let room = ben.client.event("room").await;
        assert_eq!(
            (&room["rematch"], &room["full"]),
            (&json!("ann"), &json!(false))
        );
        ben.client.say("join").await;
        for client in [&mut ann.client, &mut ben.client] {
            client.event("start").await;
            client
                .send("choice", json!({"choice": 2, "lock": true}))
                .await;
        }
        ann.client.event("result").await;
        ben.client.event("result").await;
        ann.client.say("join").await;
        ben.client.event("room").await;
        ann.client.send("join", json!({"robot": true})).await;
        let start = ann.client.event("start").await;
        assert_eq!(start["roomUsers"][1]["robot"], true);
        assert_eq!(ben.client.event("leave").await, json!({"uid": "ann"}));
        let room = ben.client.event("room").await;
        assert_eq!((room.get("rematch"), &room["users"]), (None, &json!([])));
        ann.client.send("join", json!({"robot": 1})).await;
        assert_eq!(ann.client.fault().await, "bad_join");
        ann.client.say("leave").await;
        ann.client.socket.close(None).await.unwrap();
        ben.client.socket.close(None).await.unwrap();
        server.wait_until_empty().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_people_near_is_kept() {
    let server = TestServer::start(&[]);
    let mut ann = Person::come(&server, Dialect::Native, "ann").await;
    let ben = Person::come(&server, Dialect::EngineIo4, "ben").await;
    assert_eq!(ann.client.event("nearby").await, json!({"nearby": 1}));
    drop(ben);
    assert_eq!(ann.client.event("nearby").await, json!({"nearby": 0}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_in_the_queue_outlives_its_connection() {
    let server = TestServer::start(&["--robot-wait", "60s"]);
    for dialect in DIALECTS {
        let mut ann = Person::come(&server, dialect, "ann").await;
        ann.client.say("join").await;
        ann.client.event("room").await;
        ann.client.socket.close(None).await.unwrap();
        server.wait_for(Gauge::Person, 0).await;
        ann.return_by(&server, dialect).await;
        let room = ann.client.event("room").await;
        assert_eq!(room["users"][0]["uid"], "ann", "seated without asking");
        ann.client.say("leave").await;
        ann.client.socket.close(None).await.unwrap();
        server.wait_until_empty().await;
    }
}
