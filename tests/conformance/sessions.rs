//! Socket.IO's own sessions, in those of Engine.IO: how they begin and end.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{self, Instant};

use super::peer::{Peer, Transport, event, ways};
use super::support::server::TestServer;
use super::support::{Client, hello, websocket::Dialect};
use super::wire::Engine;
use wulin_server::runtime::Gauge;

const TRANSPORTS: [Transport; 2] = [Transport::Polling, Transport::WebSocket];

/// The session id in `40{"sid":"…"}`, which has nothing else in it.
fn sid(connected: &str) -> String {
    let json = connected.strip_prefix("40").unwrap();
    let json: Value = serde_json::from_str(json).unwrap_or_else(|_| panic!("{connected}"));
    assert_eq!(json.as_object().unwrap().len(), 1, "{json}");
    json["sid"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn version_4_asks_and_gets_a_session_id_of_its_own() {
    let server = TestServer::start(&[]);
    for transport in TRANSPORTS {
        for packet in ["40", r#"40{"token":"123"}"#, "40/,", "40{}"] {
            let mut peer = Peer::open(&server, Engine::V4, transport).await;
            peer.say(packet).await;
            let own = sid(&peer.next().await.unwrap());
            // Others may learn it, and the engine's is a secret: whoever knows that can take the session over.
            assert_ne!(own, peer.sid);
            assert!(!own.is_empty());
            peer.hello("tester").await;
            peer.say("1").await;
            server.wait_until_empty().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn version_3_is_connected_unasked() {
    let server = TestServer::start(&[]);
    for transport in TRANSPORTS {
        let mut peer = Peer::open(&server, Engine::V3, transport).await;
        assert_eq!(peer.next().await.as_deref(), Some("40"));
        peer.hello("tester").await;
        peer.say("1").await;
        server.wait_until_empty().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_namespace_is_served() {
    let server = TestServer::start(&[]);
    for (engine, transport) in ways() {
        for name in ["/x", "/random,", "/x/y,", "/x,{\"token\":\"123\"}"] {
            let mut peer = Peer::open(&server, engine, transport).await;
            if engine == Engine::V3 {
                assert_eq!(peer.next().await.as_deref(), Some("40"));
            }
            peer.say(&format!("40{name}")).await;
            let path = name.split(',').next().unwrap();
            let expected = match engine {
                Engine::V3 => format!(r#"44{path},"Invalid namespace""#),
                Engine::V4 => format!(r#"44{path},{{"message":"Invalid namespace"}}"#),
            };
            assert_eq!(peer.next().await, Some(expected));
            // It can still have the one there is.
            if engine == Engine::V4 {
                peer.connect().await;
            }
            peer.hello("tester").await;
            peer.say("1").await;
            server.wait_until_empty().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_before_the_connect_is_not_obeyed() {
    let server = TestServer::start(&[]);
    for transport in TRANSPORTS {
        for early in [
            event("hello", &hello("early")),
            format!("427{}", &event("hello", &hello("early"))[2..]),
            r#"42["nonsense"]"#.to_owned(),
            "430[]".to_owned(),
        ] {
            let mut peer = Peer::open(&server, Engine::V4, transport).await;
            peer.say(&early).await;
            assert_eq!(peer.last_words().await, [""; 0], "{early}");
            server.wait_until_empty().await;
        }
        // Nor what comes behind it in the same breath.
        let mut peer = Peer::open(&server, Engine::V4, transport).await;
        if transport == Transport::WebSocket {
            peer.say(r#"42["nonsense"]"#).await;
        } else {
            peer.say("42[\"nonsense\"]\u{1e}40").await;
        }
        assert_eq!(peer.last_words().await, [""; 0]);
    }
    // The 2016 client waits for nothing.
    let mut early = Client::greet(&server, Dialect::EngineIo3, "early").await;
    early.say("leave").await;
    assert_eq!(early.fault().await, "not_seated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_never_connects_ends() {
    // It answers every ping, so that nothing else can end it.
    let server = TestServer::start(&["--ping-interval", "1s"]);
    let mut polling = Peer::open(&server, Engine::V4, Transport::Polling).await;
    let mut websocket = Peer::open(&server, Engine::V4, Transport::WebSocket).await;
    let mut elsewhere = Peer::open(&server, Engine::V4, Transport::WebSocket).await;
    elsewhere.say("40/x,").await;
    let mut connected = Peer::greet(&server, (Engine::V4, Transport::WebSocket), "tester").await;
    let ended = async {
        tokio::join!(
            polling.last_words(),
            websocket.last_words(),
            elsewhere.last_words()
        )
    };
    let stays = async { while connected.next().await.is_some() {} };
    let bound = Instant::now() + Duration::from_mins(1);
    tokio::select! {
        words = time::timeout_at(bound, ended) => {
            let (polling, websocket, elsewhere) = words.expect("they stay");
            assert_eq!((polling.len(), websocket.len(), elsewhere.len()), (0, 0, 1));
        }
        () = stays => panic!("one that is connected was closed"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnect_ends_the_player_and_not_the_engine() {
    let server = TestServer::start(&["--ping-interval", "500ms"]);
    for transport in TRANSPORTS {
        let mut peer = Peer::open(&server, Engine::V4, transport).await;
        let first = sid(&peer.connect().await);
        peer.hello("tester").await;
        peer.say("41").await;
        server.wait_for(Gauge::Person, 0).await;
        // A client may come again over the same connection, as somebody else.
        let second = sid(&peer.connect().await);
        assert_ne!(first, second);
        peer.hello("another").await;
        server.wait_for(Gauge::Person, 1).await;
        // Without a session, events are not obeyed.
        peer.say("41").await;
        peer.say(&event("hello", &hello("ghost"))).await;
        assert_eq!(peer.last_words().await, [""; 0]);
        server.wait_until_empty().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_go_on_after_a_disconnect() {
    let server = TestServer::start(&["--ping-interval", "200ms"]);
    let target = Engine::V4.target("websocket");
    let mut socket = super::wire::Socket::open(&server, &target).await.unwrap();
    assert!(socket.next().await.unwrap().starts_with("0{"));
    socket.say("40").await;
    while !socket.next().await.unwrap().starts_with("40{") {}
    socket.say("41").await;
    for _ in 0..3 {
        assert_eq!(socket.next().await.as_deref(), Some("2"));
        socket.say("3").await;
    }
}

/// Over and over in one body: each takes the place of the one before, and none is left behind.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_come_and_go_at_once_leave_nothing() {
    let flags = ["--ping-interval", "1s", "--ping-timeout", "1s"];
    let server = TestServer::start(&flags);
    let many = "40\u{1e}41\u{1e}".repeat(40);
    for body in [
        "40\u{1e}1",
        "40\u{1e}41",
        "40\u{1e}41\u{1e}40\u{1e}41",
        "40\u{1e}41\u{1e}40\u{1e}1",
        &many[..many.len() - 1],
    ] {
        for _ in 0..30 {
            let mut peer = Peer::open(&server, Engine::V4, Transport::Polling).await;
            peer.say(body).await;
        }
    }
    server.wait_until_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnect_of_version_3_ends_the_player() {
    let server = TestServer::start(&[]);
    for transport in TRANSPORTS {
        let mut peer = Peer::greet(&server, (Engine::V3, transport), "tester").await;
        peer.say("41").await;
        server.wait_for(Gauge::Person, 0).await;
    }
}
