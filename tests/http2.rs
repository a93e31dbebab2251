//! HTTP/2 as a client meets it: the game over it, and what whoever asks in the wrong way is told.

mod support;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use h2::client::Builder;
use h2::ext::Protocol;
use serde_json::{Value, json};
use support::PATIENCE;
use support::http2::{Browser, Player, Tunnel, read};
use support::server::TestServer;
use support::websocket::{DIALECTS, Dialect};
use tokio::time;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use wulin_server::runtime::Gauge;

#[tokio::test(flavor = "multi_thread")]
async fn a_round_is_played_over_one_connection() {
    let server = TestServer::start(&["--robot-wait", "20s"]);
    for dialect in DIALECTS {
        let browser = Browser::open(&server).await;
        assert!(browser.requests.is_extended_connect_protocol_enabled());
        let mut ann = browser.greet(dialect, "ann").await;
        let mut ben = browser.greet(Dialect::Native, "ben").await;
        assert_eq!(server.count(Gauge::Connection), 1);
        ann.send("join", None).await;
        ben.send("join", None).await;
        ann.event("start").await;
        ben.event("start").await;
        ann.send("choice", Some(&json!({"choice": 2}))).await;
        ben.send("choice", Some(&json!({"choice": 1}))).await;
        let result = ann.event("result").await;
        assert_eq!(result, ben.event("result").await);
        let won = result["result"].as_array().unwrap();
        assert!(
            won.iter()
                .any(|line| line["uid"] == "ann" && line["roundScore"] == 1)
        );
        // A message as long as messages may be comes through the window.
        ann.send(&"x".repeat(16_000), None).await;
        ann.event("fault").await;
        ann.socket.close(None).await.unwrap();
        ben.socket.close(None).await.unwrap();
        server.wait_for(Gauge::Person, 0).await;
        drop((ann, ben, browser));
        server.wait_until_empty().await;
    }
}

/// A browser would otherwise wait for a stalled connection of its page to be found dead before it opens another.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_http_1_as_well_opens_a_connection_for_its_websocket() {
    let server = TestServer::start(&[]);
    for (protocols, carries) in [(&["h2"][..], true), (&["h2", "http/1.1"], false)] {
        let browser = Browser::offering(&server, &Builder::new(), protocols).await;
        let enabled = browser.requests.is_extended_connect_protocol_enabled();
        assert_eq!(enabled, carries, "{protocols:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_began_with_polling_can_upgrade() {
    let server = TestServer::start(&[]);
    let browser = Browser::open(&server).await;
    let path = "/applet/websocket/socket.io/?EIO=4&transport=polling";
    let open = read(browser.ask(Method::GET, path, &[]).await.into_body())
        .await
        .unwrap();
    let open: Value = serde_json::from_str(&open[1..]).unwrap();
    let sid = open["sid"].as_str().unwrap();
    let path = format!("/applet/websocket/socket.io/?EIO=4&transport=websocket&sid={sid}");
    let (response, send) = browser.connect(&path, &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    let tunnel = Tunnel {
        send,
        receive: response.into_body(),
        rest: Bytes::new(),
    };
    let socket = WebSocketStream::from_raw_socket(tunnel, Role::Client, None).await;
    let mut player = Player {
        dialect: Dialect::EngineIo4,
        socket,
    };
    player.text("2probe").await;
    assert_eq!(player.next().await, Message::text("3probe"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subprotocol_is_answered_if_one_is_offered() {
    let server = TestServer::start(&[]);
    let browser = Browser::open(&server).await;
    for (offered, answered) in [
        (&[][..], None),
        (
            &[("sec-websocket-protocol", "v2.game, game")],
            Some("v2.game"),
        ),
    ] {
        let (response, _send) = browser.connect("/applet/websocket", offered).await;
        let headers: &HeaderMap = response.headers();
        assert_eq!(response.status(), StatusCode::OK);
        let answer = headers.get("sec-websocket-protocol");
        assert_eq!(answer.map(|answer| answer.to_str().unwrap()), answered);
        assert!(!headers.contains_key("sec-websocket-accept"), "{headers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_in_the_wrong_way_is_told_the_right_one() {
    let server = TestServer::start(&[]);
    let browser = Browser::open(&server).await;
    let words = "CONNECT and :protocol = websocket (RFC 8441).";
    let handshake = [
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
    ];
    let refusal = browser
        .ask(Method::GET, "/applet/websocket", &handshake)
        .await;
    assert_eq!(refusal.status(), StatusCode::BAD_REQUEST);
    let refusal = read(refusal.into_body()).await.unwrap();
    assert!(
        refusal.contains(words) && refusal.lines().count() == 1,
        "{refusal}"
    );
    // Somebody looks whether the route is alive.
    let alive = browser.ask(Method::GET, "/applet/websocket", &[]).await;
    assert_eq!(alive.status(), StatusCode::OK);
    let alive: Value = serde_json::from_str(&read(alive.into_body()).await.unwrap()).unwrap();
    assert_eq!(alive["status"], "ok");
    assert!(
        alive["websocket"].as_str().unwrap().ends_with(words),
        "{alive}"
    );
    let head = browser.ask(Method::HEAD, "/applet/websocket", &[]).await;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(read(head.into_body()).await.unwrap(), "");
    let (nothing, _) = browser.connect("/nothing", &[]).await;
    assert_eq!(nothing.status(), StatusCode::NOT_FOUND);
    let (old, _) = browser
        .connect("/applet/websocket", &[("sec-websocket-version", "8")])
        .await;
    assert_eq!(old.status(), StatusCode::UPGRADE_REQUIRED);
    for (protocol, status) in [
        (None, StatusCode::METHOD_NOT_ALLOWED),
        (Some("connect-udp"), StatusCode::NOT_IMPLEMENTED),
    ] {
        let mut request = Request::builder().method(Method::CONNECT);
        request = match protocol {
            Some(protocol) => request
                .uri("https://localhost/applet/websocket")
                .extension(Protocol::from_static(protocol)),
            None => request.uri("localhost:443"),
        };
        let (answer, _) = browser.send(request.body(()).unwrap(), false).await;
        assert_eq!(answer.status(), status, "{protocol:?}");
    }
    // None of this has harmed the connection.
    browser.greet(Dialect::Native, "ann").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_says_goodbye() {
    let server = TestServer::start(&[]);
    let browser = Browser::open(&server).await;
    let mut player = browser.greet(Dialect::Native, "player").await;
    let farewell = async {
        player.event("restart").await;
        loop {
            if let Message::Close(close) = player.next().await {
                return close.map(|close| u16::from(close.code));
            }
        }
    };
    let (code, ()) = tokio::join!(farewell, async {
        time::timeout(PATIENCE, server.drain())
            .await
            .expect("the drain goes on");
    });
    assert_eq!(code, Some(1001));
    let ended = time::timeout(PATIENCE, browser.connection)
        .await
        .expect("still open");
    ended.unwrap().expect("a proper end");
}
