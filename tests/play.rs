//! Whole rounds over real TLS: every dialect alone, every pair, coming back, and the end of the server.

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::engineio::Polling;
use support::server::TestServer;
use support::websocket::{DIALECTS, Dialect};
use support::{Client, Incoming, hello};
use wulin_server::runtime::Gauge;

fn uids(start: &Value) -> Vec<&str> {
    start["roomUsers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["uid"].as_str().unwrap())
        .collect()
}

fn line<'a>(result: &'a Value, uid: &str) -> &'a Value {
    result["result"]
        .as_array()
        .unwrap()
        .iter()
        .find(|line| line["uid"] == uid)
        .expect("everybody is in the result")
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_alone_plays_a_robot() {
    let server = TestServer::start(&["--robot-wait", "50ms"]);
    for dialect in DIALECTS {
        let mut client = Client::greet(&server, dialect, "alone").await;
        let start = client.join().await;
        assert_eq!(start["gameTime"], 3);
        let robots: Vec<_> = start["roomUsers"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|user| user["robot"] == true)
            .collect();
        assert_eq!(robots.len(), 1, "{start}");
        client.send("choice", json!({"choice": 2})).await;
        let movement = client.event("movement").await;
        assert_eq!(movement["uid"], robots[0]["uid"]);
        assert!(movement.get("choice").is_none(), "hands stay secret");
        let result = client.event("result").await;
        assert_eq!(line(&result, "alone")["choice"], 2);
        assert!(line(&result, robots[0]["uid"].as_str().unwrap())["choice"].is_u64());
        client.socket.close(None).await.unwrap();
        server.wait_until_empty().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_on_one_dialect_plays_a_person_on_any_other() {
    let server = TestServer::start(&["--robot-wait", "20s"]);
    for one in DIALECTS {
        for other in DIALECTS {
            let mut ann = Client::greet(&server, one, "ann").await;
            let mut ben = Client::greet(&server, other, "ben").await;
            ann.say("join").await;
            let room = ann.event("room").await;
            assert_eq!(
                (&room["full"], room["users"].as_array().unwrap().len()),
                (&json!(false), 1)
            );
            ben.say("join").await;
            assert_eq!(uids(&ann.event("start").await), ["ann", "ben"]);
            assert_eq!(uids(&ben.event("start").await), ["ann", "ben"]);
            ann.send("choice", json!({"choice": 3})).await;
            assert_eq!(
                ben.event("movement").await,
                json!({"uid": "ann", "movement": "choice"})
            );
            ben.send("face", json!({"face": 1})).await;
            assert_eq!(
                ann.event("movement").await,
                json!({"uid": "ben", "movement": "face", "face": 1})
            );
            ben.send("choice", json!({"choice": 2})).await;
            let result = ann.event("result").await;
            assert_eq!(result, ben.event("result").await);
            let won = json!({"uid": "ann", "choice": 3, "roundScore": 1, "totalScore": 1, "winStreak": 1});
            let lost = json!({"uid": "ben", "choice": 2, "roundScore": 0, "totalScore": 0, "winStreak": 0});
            assert_eq!(
                result,
                json!({"result": [won, lost]}),
                "{one:?} against {other:?}"
            );
            drop((ann, ben));
            server.wait_until_empty().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_polling_client_plays_a_native_one() {
    let server = TestServer::start(&["--robot-wait", "20s", "--game-time", "3s"]);
    let mut ann = Client::greet(&server, Dialect::Native, "ann").await;
    let mut ben = Polling::greet(&server, "ben").await;
    ann.say("join").await;
    ben.send("join", None).await;
    ann.event("start").await;
    ben.event("start").await;
    ben.send("choice", Some(json!({"choice": 1}))).await;
    ann.send("choice", json!({"choice": 1})).await;
    assert_eq!(ann.event("result").await, ben.event("result").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_of_three_settle_every_pair() {
    let server = TestServer::start(&["--robot-wait", "20s", "--seats", "3"]);
    let mut clients = Vec::new();
    for (dialect, uid) in DIALECTS.into_iter().zip(["ann", "ben", "cid"]) {
        let mut client = Client::greet(&server, dialect, uid).await;
        client.say("join").await;
        client.event("room").await;
        clients.push(client);
    }
    for (client, hand) in clients.iter_mut().zip([2, 1, 1]) {
        client.event("start").await;
        client.send("choice", json!({"choice": hand})).await;
    }
    let result = clients[0].event("result").await;
    assert_eq!(line(&result, "ann")["roundScore"], 2, "two pairs won");
    assert_eq!(line(&result, "cid")["roundScore"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_shows_its_token_takes_over_seat_and_score() {
    let server = TestServer::start(&["--robot-wait", "20s", "--game-time", "6s"]);
    let mut old = Client::open(&server, Dialect::EngineIo3).await;
    old.send("hello", hello("ann")).await;
    let token = old.event("hi").await["token"].clone();
    let mut ben = Client::greet(&server, Dialect::Native, "ben").await;
    old.say("join").await;
    // Seats are told in the order they were taken in.
    old.event("room").await;
    ben.say("join").await;
    old.event("start").await;

    let mut thief = Client::open(&server, Dialect::Native).await;
    thief.send("hello", hello("ann")).await;
    assert_eq!(thief.fault().await, "uid_taken");

    let mut new = Client::open(&server, Dialect::Native).await;
    let mut proof = hello("ann");
    proof["token"] = token;
    new.send("hello", proof).await;
    new.event("hi").await;
    assert_eq!(
        uids(&new.event("start").await),
        ["ann", "ben"],
        "the round goes on here"
    );
    assert_eq!(old.fault().await, "replaced");
    assert_eq!(old.closed().await, Some(1008));
    new.send("choice", json!({"choice": 2})).await;
    let result = ben.event("result").await;
    assert_eq!(line(&result, "ann")["choice"], 2);
    assert_eq!(new.event("result").await, result);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_take_a_score_away_while_its_owner_is_gone() {
    let server = TestServer::start(&["--robot-wait", "20s", "--game-time", "1s"]);
    let mut ann = Client::open(&server, Dialect::Native).await;
    ann.send("hello", hello("ann")).await;
    let hi = ann.event("hi").await;
    assert_eq!(
        (&hi["totalScore"], &hi["winStreak"]),
        (&json!(0), &json!(0))
    );
    let mut proof = hello("ann");
    proof["token"] = hi["token"].clone();
    let mut ben = Client::greet(&server, Dialect::Native, "ben").await;
    ann.say("join").await;
    ben.say("join").await;
    ann.event("start").await;
    ann.send("choice", json!({"choice": 2})).await;
    assert_eq!(line(&ann.event("result").await, "ann")["totalScore"], 1);
    drop(ann);
    server.wait_for(Gauge::Person, 1).await;

    // Her uid is no secret: it was in `start`. Somebody takes it, plays with it, and is still there when she comes back.
    let mut thief = Client::greet(&server, Dialect::Native, "ann").await;
    thief.say("join").await;
    thief.event("room").await;
    let mut ann = Client::open(&server, Dialect::Native).await;
    ann.send("hello", proof.clone()).await;
    assert_eq!(ann.event("hi").await["totalScore"], 1);
    assert_eq!(thief.fault().await, "replaced");
    assert_eq!(thief.closed().await, Some(1008));
    ann.say("join").await;
    assert_eq!(
        ann.event("room").await["users"].as_array().unwrap().len(),
        1
    );
    drop(ann);
    server.wait_for(Gauge::Person, 1).await;

    // Or is gone again by then.
    drop(Client::greet(&server, Dialect::Native, "ann").await);
    server.wait_for(Gauge::Person, 1).await;
    let mut ann = Client::open(&server, Dialect::Native).await;
    ann.send("hello", proof).await;
    assert_eq!(ann.event("hi").await["totalScore"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_frees_the_leaver_at_once_and_the_other_gets_a_result_on_time() {
    let server = TestServer::start(&["--robot-wait", "20s"]);
    let mut ann = Client::greet(&server, Dialect::EngineIo4, "ann").await;
    let mut ben = Client::greet(&server, Dialect::EngineIo3, "ben").await;
    ann.say("join").await;
    ben.say("join").await;
    ann.event("start").await;
    ben.event("start").await;
    // In one breath: the second must find that the first has been carried out.
    ben.say("leave").await;
    ben.say("join").await;
    assert_eq!(
        ben.event("room").await["users"].as_array().unwrap().len(),
        1
    );
    assert_eq!(ann.event("leave").await, json!({"uid": "ben"}));
    let result = ann.event("result").await;
    assert_eq!(line(&result, "ben")["choice"], Value::Null);
    assert_eq!(line(&result, "ann")["roundScore"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledgements_say_what_became_of_a_command() {
    let server = TestServer::start(&["--robot-wait", "20s"]);
    for dialect in [Dialect::EngineIo3, Dialect::EngineIo4] {
        let mut client = Client::greet(&server, dialect, "ann").await;
        client.text(r#"427["join"]"#).await;
        client.text(r#"428["join"]"#).await;
        let mut acks = Vec::new();
        while acks.len() < 2 {
            if let Incoming::Acknowledge(id, answer) = client.next().await {
                acks.push((id, answer["ok"].clone(), answer["code"].clone()));
            }
        }
        assert_eq!(
            acks,
            [
                (7, json!(true), Value::Null),
                (8, json!(false), json!("already_seated"))
            ]
        );
        drop(client);
        server.wait_until_empty().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_with_the_request_is_heard() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = TestServer::start(&[]);
    let mut stream = server.connect().await;
    // The first frame in the same write as the request, masked with zeros.
    let text = Dialect::EngineIo3.write("hello", Some(&hello("hasty")));
    let mut bytes = format!(
        "GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        Dialect::EngineIo3.path()
    )
    .into_bytes();
    bytes.extend([0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0]);
    bytes.extend(text.as_bytes());
    stream.write_all(&bytes).await.unwrap();
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains(r#"42["hi""#) {
        let read = tokio::time::timeout(support::PATIENCE, stream.read_buf(&mut heard))
            .await
            .expect("no hi")
            .unwrap();
        assert!(read > 0, "closed: {}", String::from_utf8_lossy(&heard));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn drain_finishes_rounds_and_closes_properly() {
    let server = TestServer::start(&["--robot-wait", "20s", "--game-time", "2s"]);
    let address = server.address();
    let mut ann = Client::greet(&server, Dialect::EngineIo3, "ann").await;
    let mut ben = Polling::greet(&server, "ben").await;
    let mut idle = Client::greet(&server, Dialect::Native, "idle").await;
    let mut waiting = Client::greet(&server, Dialect::EngineIo4, "waiting").await;
    ann.say("join").await;
    ben.send("join", None).await;
    ann.event("start").await;
    ben.event("start").await;
    waiting.say("join").await;
    waiting.event("room").await;
    let (ending, ()) = tokio::join!(
        async {
            for client in [&mut idle, &mut waiting] {
                let delay = client.event("restart").await["delay"].as_u64().unwrap();
                assert!(delay <= 1000, "told to come back after {delay} ms");
            }
            assert_eq!(idle.closed().await, Some(1001));
            assert_eq!(waiting.closed().await, Some(1001));
            let refused = tokio::net::TcpStream::connect(address).await;
            assert!(refused.is_err(), "no new connection");
            // The polling client cannot be asked any more: its requests are new connections. The round counts all the same.
            let result = ann.event("result").await;
            assert_eq!(uids_of(&result).len(), 2);
            ann.event("restart").await;
            ann.closed().await
        },
        server.drain(),
    );
    assert_eq!(ending, Some(1001));
}

fn uids_of(result: &Value) -> Vec<&Value> {
    result["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| &line["uid"])
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nearby_counts_people_near_and_nobody_else() {
    let server = TestServer::start(&[]);
    let at = |uid: &str, lat: f64, lng: f64| {
        let mut hello = hello(uid);
        hello["cordinate"] = json!({"lat": lat, "lng": lng});
        hello
    };
    let mut nearby = Vec::new();
    let mut clients = Vec::new();
    for (uid, lat, lng) in [
        ("a", 0.0, 179.99),
        ("b", 0.0, -179.99),
        ("c", 10.0, 0.0),
        ("d", 0.01, 180.0),
    ] {
        let mut client = Client::open(&server, Dialect::Native).await;
        client.send("hello", at(uid, lat, lng)).await;
        nearby.push(client.event("hi").await["nearby"].as_u64().unwrap());
        clients.push(client);
    }
    assert_eq!(nearby, [0, 1, 0, 2]);
    let mut anywhere = Client::open(&server, Dialect::EngineIo4).await;
    anywhere.send("hello", hello("e")).await;
    assert_eq!(anywhere.event("hi").await["nearby"], 4);
    assert_eq!(server.count(Gauge::Person), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_2016_client_that_lost_is_seated_again_and_no_other() {
    let server = TestServer::start(&["--robot-wait", "100ms", "--game-time", "500ms"]);
    let mut old = Client::greet(&server, Dialect::EngineIo3, "old").await;
    let mut new = Client::greet(&server, Dialect::EngineIo4, "new").await;
    old.join().await;
    new.join().await;
    // Neither shows a hand: against a robot, which always does, both lose.
    old.event("result").await;
    new.event("result").await;
    old.event("start").await;
    old.event("result").await;
    let mut heard = Vec::new();
    let silence = tokio::time::timeout(Duration::from_millis(500), async {
        loop {
            heard.push(new.next().await);
        }
    });
    assert!(silence.await.is_err());
    assert!(
        !heard
            .iter()
            .any(|incoming| matches!(incoming, Incoming::Event(name, _) if name == "start")),
        "{heard:?}"
    );
}
