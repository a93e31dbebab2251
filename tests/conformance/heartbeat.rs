//! Heartbeats: which side sends pings in which version, and that silent sessions end.

use crate::support::server::TestServer;
use crate::wire::{ENGINES, Engine, Polled, Socket};

/// Frequent pings, with enough time for the answer on a busy machine.
const OFTEN: [&str; 4] = ["--ping-interval", "100ms", "--ping-timeout", "20s"];
/// Silent sessions end soon.
const STRICT: [&str; 4] = ["--ping-interval", "100ms", "--ping-timeout", "100ms"];

#[tokio::test(flavor = "multi_thread")]
async fn the_server_pings_version_4() {
    let server = TestServer::start(&OFTEN);
    let session = Polled::open(&server, Engine::V4).await;
    for _ in 0..3 {
        let answer = session.poll().await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "2"));
        let answer = session.post(&["3"]).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
    }
    let target = Engine::V4.target("websocket");
    let mut socket = Socket::open(&server, &target).await.unwrap();
    assert!(socket.next().await.unwrap().starts_with("0{"));
    for _ in 0..3 {
        assert_eq!(socket.next().await.as_deref(), Some("2"));
        socket.say("3").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn version_3_pings_the_server() {
    let server = TestServer::start(&[]);
    let session = Polled::open(&server, Engine::V3).await;
    let mut connected = session.poll().await;
    for (ping, pong) in [("2", "3"), ("2probe", "3probe"), ("2", "3")] {
        assert_eq!(connected.status, 200);
        assert_eq!(session.post(&[ping]).await.body, "ok");
        connected = session.poll().await;
        assert_eq!(connected.body, Engine::V3.payload(&[pong]));
    }
    let target = Engine::V3.target("websocket");
    let mut socket = Socket::open(&server, &target).await.unwrap();
    assert!(socket.next().await.unwrap().starts_with("0{"));
    assert_eq!(socket.next().await.as_deref(), Some("40"));
    for (ping, pong) in [("2", "3"), ("2武", "3武"), ("2", "3")] {
        socket.say(ping).await;
        assert_eq!(socket.next().await.as_deref(), Some(pong));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_sessions_end() {
    let server = TestServer::start(&STRICT);
    for engine in ENGINES {
        let mut silent = Polled::open(&server, engine).await;
        // The test sends no request meanwhile, since that might keep the session alive.
        server.wait_until_empty().await;
        silent.is_over().await;
    }
    let target = Engine::V4.target("websocket");
    let mut silent = Socket::open(&server, &target).await.unwrap();
    silent.is_over().await;
    server.wait_until_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn polls_without_pongs_do_not_keep_a_session() {
    let server = TestServer::start(&STRICT);
    let session = Polled::open(&server, Engine::V4).await;
    loop {
        let answer = session.poll().await;
        if answer.status != 200 {
            answer.is_unknown_session();
            break;
        }
        assert!(
            ["2", "1", "6"].contains(&answer.body.as_str()),
            "{answer:?}"
        );
    }
    server.wait_until_empty().await;
}

/// The authors' server answers such a poll with an empty body. Only that it is answered matters.
#[tokio::test(flavor = "multi_thread")]
async fn the_poll_of_a_timed_out_session_is_answered() {
    let server = TestServer::start(&STRICT);
    let mut session = Polled::open(&server, Engine::V3).await;
    assert_eq!(session.next().await.as_deref(), Some("40"));
    assert_eq!(session.next().await, None);
    session.is_over().await;
    server.wait_until_empty().await;
}
