//! HTTP/2: rounds over extended CONNECT (RFC 8441), upgrades, wrong requests, and the drain.

use axum::http::{HeaderMap, Method, Request, StatusCode};
use h2::client::Builder;
use h2::ext::Protocol;
use serde_json::{Value, json};
use tokio::time;
use tokio_tungstenite::tungstenite::Message;
use wulin_server::runtime::Gauge;

use crate::support::PATIENCE;
use crate::support::http2::{Browser, read};
use crate::support::server::TestServer;
use crate::support::websocket::{DIALECTS, Dialect};

#[tokio::test(flavor = "multi_thread")]
async fn two_players_share_one_http2_connection() {
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
        // A message of almost the greatest length fits through the flow-control window.
        ann.send(&"x".repeat(16_000), None).await;
        ann.event("fault").await;
        ann.socket.close(None).await.unwrap();
        ben.socket.close(None).await.unwrap();
        server.wait_for(Gauge::Person, 0).await;
        drop((ann, ben, browser));
        server.wait_until_empty().await;
    }
}

/// A client that speaks HTTP/1.1 as well is to open a new connection for its WebSocket: over HTTP/2 a browser would
/// reuse the page's connection, and wait for its timeout if that one had stalled.
#[tokio::test(flavor = "multi_thread")]
async fn extended_connect_is_enabled_only_for_http2_alone() {
    let server = TestServer::start(&[]);
    for (protocols, carries) in [(&["h2"][..], true), (&["h2", "http/1.1"], false)] {
        let browser = Browser::offering(&server, &Builder::new(), protocols).await;
        let enabled = browser.requests.is_extended_connect_protocol_enabled();
        assert_eq!(enabled, carries, "{protocols:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_polling_session_can_upgrade_over_http2() {
    let server = TestServer::start(&[]);
    let browser = Browser::open(&server).await;
    let path = "/applet/websocket/socket.io/?EIO=4&transport=polling";
    let open = read(browser.ask(Method::GET, path, &[]).await.into_body())
        .await
        .unwrap();
    let open: Value = serde_json::from_str(&open[1..]).unwrap();
    let sid = open["sid"].as_str().unwrap();
    let path = format!("/applet/websocket/socket.io/?EIO=4&transport=websocket&sid={sid}");
    let mut player = browser.play_at(&path, Dialect::EngineIo4).await;
    player.text("2probe").await;
    assert_eq!(player.next().await, Message::text("3probe"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offered_subprotocol_is_chosen() {
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
async fn wrong_websocket_requests_are_told_the_right_form() {
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
    // A plain GET answers that the route works, and how to open a WebSocket.
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
    // The connection still works.
    browser.greet(Dialect::Native, "ann").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_closes_websockets_and_the_connection() {
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
