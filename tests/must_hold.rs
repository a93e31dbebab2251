//! What a realtime server must withstand: crowds, silence, floods, clients that stop reading or vanish.

mod support;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use socket2::{Domain, SockRef, Socket, Type};
use support::engineio::Polling;
use support::server::TestServer;
use support::websocket::{DIALECTS, Dialect};
use support::{Client, Incoming, PATIENCE};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{self, Instant};
use tokio_tungstenite::tungstenite::Message;
use wulin_server::runtime::Gauge;

/// A TCP connection that takes in next to nothing unless it is read.
fn narrow(server: &TestServer) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(2048).unwrap();
    socket.connect(&server.address().into()).unwrap();
    socket.set_nonblocking(true).unwrap();
    TcpStream::from_std(socket.into()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_clients_that_speak_at_once_are_all_answered() {
    const CLIENTS: usize = 5000;
    let server = Arc::new(TestServer::start(&["--max-connections-per-ip", "6000"]));
    let at_once = Arc::new(Semaphore::new(100));
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let (server, at_once) = (server.clone(), at_once.clone());
        clients.spawn(async move {
            let turn = at_once.acquire_owned().await.unwrap();
            // Says hello in the instant the upgrade completes, and waits for nothing: neither `0{...}` nor `40`.
            let mut client =
                Client::greet(&server, Dialect::EngineIo3, &format!("u{number}")).await;
            drop(turn);
            // Stays until everybody has been answered.
            while server.count(Gauge::Person) < CLIENTS {
                if let Ok(Incoming::Closed(code)) =
                    time::timeout(Duration::from_millis(100), client.next()).await
                {
                    panic!("closed: {code:?}")
                }
            }
            client
        });
    }
    let all = time::timeout(Duration::from_mins(5), clients.join_all())
        .await
        .expect("not all were answered");
    assert_eq!(all.len(), CLIENTS);
    assert_eq!(server.count(Gauge::EngineIo3), CLIENTS);
    drop(all);
    server.wait_until_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_client_from_2016_still_plays_after_many_pings() {
    let flags = [
        "--ping-interval",
        "100ms",
        "--ping-timeout",
        "5s",
        "--idle-timeout",
        "1h",
        "--robot-wait",
        "50ms",
    ];
    let server = TestServer::start(&flags);
    // One whose library answers the WebSocket's pings while it says nothing.
    let mut answering = Client::greet(&server, Dialect::EngineIo3, "answering").await;
    // One that does not even read while it sits there.
    let mut asleep = Client::greet(&server, Dialect::EngineIo3, "asleep").await;
    let mut pings = 0;
    while pings < 30 {
        let frame = time::timeout(PATIENCE, answering.socket.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        pings += usize::from(frame.is_ping());
        answering.socket.flush().await.unwrap();
    }
    assert_eq!(server.count(Gauge::EngineIo3), 2, "nobody was cut off");
    answering.join().await;
    asleep.join().await;
    answering.event("result").await;
    asleep.event("result").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_nothing_at_all_goes_after_the_idle_limit() {
    let server = TestServer::start(&[
        "--ping-interval",
        "100ms",
        "--ping-timeout",
        "100ms",
        "--idle-timeout",
        "1s",
    ]);
    let asleep = Client::greet(&server, Dialect::EngineIo3, "asleep").await;
    server.wait_for(Gauge::EngineIo3, 0).await;
    drop(asleep);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_peer_is_noticed_though_no_fin_comes() {
    let server = TestServer::start(&["--ping-interval", "200ms", "--ping-timeout", "300ms"]);
    for dialect in DIALECTS {
        let mut client = Client::greet(&server, dialect, "doomed").await;
        // It lives, and proves it once.
        loop {
            let frame = time::timeout(PATIENCE, client.socket.next())
                .await
                .unwrap()
                .unwrap()
                .unwrap();
            client.socket.flush().await.unwrap();
            if frame.is_ping() {
                break;
            }
            if frame == Message::text("2") {
                client.text("3").await;
                break;
            }
        }
        // From here on nobody reads or writes; the connection stays open.
        let started = Instant::now();
        server.wait_for(Gauge::Connection, 0).await;
        assert!(started.elapsed() < Duration::from_secs(10));
        assert_eq!(server.count(Gauge::Person), 0);
        drop(client);
    }
    // One that polls, and then polls no more.
    let polling = Polling::greet(&server, "doomed").await;
    server.wait_for(Gauge::Polling, 0).await;
    drop(polling);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_choices_arrive_in_order() {
    const CHOICES: u64 = 10_000;
    let server = TestServer::start(&["--robot-wait", "50ms", "--game-time", "60s"]);
    for dialect in [Dialect::EngineIo3, Dialect::EngineIo4] {
        let mut client = Client::greet(&server, dialect, "hasty").await;
        client.join().await;
        for id in 0..CHOICES {
            let text = format!(r#"42{id}["choice",{{"choice":{}}}]"#, id % 3 + 1);
            client.socket.feed(Message::text(text)).await.unwrap();
        }
        client.socket.flush().await.unwrap();
        // The room acknowledges each as it takes it.
        let mut expected = 0;
        while expected < CHOICES {
            if let Incoming::Acknowledge(id, answer) = client.next().await {
                assert_eq!((id, &answer["ok"]), (expected, &json!(true)));
                expected += 1;
            }
        }
        client.say("leave").await;
        client.socket.close(None).await.unwrap();
        server.wait_until_empty().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn choices_over_polling_arrive_in_order() {
    const CHOICES: u64 = 10_000;
    const AT_ONCE: u64 = 100;
    let server = TestServer::start(&["--robot-wait", "50ms", "--game-time", "120s"]);
    let mut client = Polling::greet(&server, "hasty").await;
    client.send("join", None).await;
    client.event("start").await;
    let mut expected = 0;
    while expected < CHOICES {
        let packets: Vec<_> = (expected..expected + AT_ONCE)
            .map(|id| format!(r#"42{id}["choice",{{"choice":{}}}]"#, id % 3 + 1))
            .collect();
        assert_eq!(client.post(&packets.join("\u{1e}")).await, 200);
        let end = expected + AT_ONCE;
        while expected < end {
            let packet = client.next().await.expect("open");
            if let Some(rest) = packet.strip_prefix("43") {
                assert_eq!(rest, format!(r#"{expected}[{{"ok":true}}]"#));
                expected += 1;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_reading_is_let_go_within_ten_seconds_and_nobody_waits_for_it() {
    let server = TestServer::start(&["--robot-wait", "60s", "--game-time", "15s"]);
    for dialect in DIALECTS {
        let stream = server.secure(narrow(&server)).await;
        let mut deaf = Client::over(stream, dialect).await;
        deaf.send("hello", support::hello("deaf")).await;
        deaf.event("hi").await;
        let mut ann = Client::greet(&server, Dialect::Native, "ann").await;
        deaf.say("join").await;
        deaf.event("room").await;
        ann.join().await;
        // It hears nothing from now on, and there is plenty to hear.
        let started = Instant::now();
        let mut gone = false;
        while !gone {
            for _ in 0..200 {
                ann.send("face", json!({"face": 1})).await;
            }
            // Whoever is left in the room is told at once.
            while let Ok(heard) = time::timeout(Duration::from_millis(20), ann.next()).await {
                gone |= heard == Incoming::Event("away".to_owned(), json!({"uid": "deaf"}));
            }
            assert!(
                started.elapsed() < Duration::from_secs(10),
                "{dialect:?} is still taken for a reader"
            );
        }
        server.wait_for(Gauge::Connection, 1).await;
        ann.socket.close(None).await.unwrap();
        drop((deaf, ann));
        server.wait_until_empty().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgraded_client_that_stops_reading_is_let_go_too() {
    let server = TestServer::start(&[
        "--robot-wait",
        "60s",
        "--game-time",
        "60s",
        "--write-timeout",
        "2s",
    ]);
    let stream = server.secure(narrow(&server)).await;
    let mut deaf = Polling::greet(&server, "deaf").await.upgrade(stream).await;
    deaf.say("join").await;
    deaf.event("room").await;
    let mut ann = Client::greet(&server, Dialect::Native, "ann").await;
    ann.join().await;
    let started = Instant::now();
    while server.count(Gauge::Polling) > 0 || server.count(Gauge::Connection) > 1 {
        for _ in 0..200 {
            ann.send("face", json!({"face": 1})).await;
        }
        assert!(started.elapsed() < Duration::from_secs(10), "still there");
        while time::timeout(Duration::from_millis(20), ann.next())
            .await
            .is_ok()
        {}
    }
}

/// Closes with a reset instead of a goodbye.
fn reset(stream: &TcpStream) {
    SockRef::from(stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_five_thousand_resets_nothing_is_left_behind() {
    const RESETS: usize = 5000;
    let flags = [
        "--ping-interval",
        "1s",
        "--ping-timeout",
        "1s",
        "--robot-wait",
        "10ms",
        "--game-time",
        "300ms",
    ];
    let server = Arc::new(TestServer::start(&flags));
    let at_once = Arc::new(Semaphore::new(50));
    let mut clients = JoinSet::new();
    for number in 0..RESETS {
        let (server, turn) = (
            server.clone(),
            at_once.clone().acquire_owned().await.unwrap(),
        );
        clients.spawn(async move {
            let _turn = turn;
            let tcp = TcpStream::connect(server.address()).await.unwrap();
            reset(&tcp);
            // At every stage of a connection's life, in turn.
            let stage = number % 8;
            if stage == 0 {
                return;
            }
            let mut stream = server.secure(tcp).await;
            let dialect = DIALECTS[number % 3];
            match stage {
                1 => {}
                2 | 3 => {
                    // Gone before the answer to the upgrade is written.
                    let request = format!(
                        "GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                        dialect.path()
                    );
                    stream.write_all(request.as_bytes()).await.unwrap();
                    stream.flush().await.unwrap();
                }
                4 => {
                    let request = "GET /applet/websocket/socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: localhost\r\n\r\n";
                    stream.write_all(request.as_bytes()).await.unwrap();
                    stream.flush().await.unwrap();
                }
                5 => {
                    Client::over(stream, dialect).await;
                }
                6 => {
                    let mut client = Client::over(stream, dialect).await;
                    client.send("hello", support::hello(&format!("u{number}"))).await;
                }
                _ => {
                    let mut client = Client::over(stream, dialect).await;
                    client.send("hello", support::hello(&format!("u{number}"))).await;
                    client.say("join").await;
                    client.event("start").await;
                }
            }
        });
    }
    clients.join_all().await;
    server.wait_until_empty().await;
}
