//! The edge over real sockets: routes, redirect, limits and TLS.

mod support;

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::engineio::{Polling, answer, request};
use support::server::TestServer;
use support::websocket::Dialect;
use support::{Client, PATIENCE, write_pair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time;
use wulin_server::runtime::Gauge;

async fn get(server: &TestServer, path: &str) -> (u16, String) {
    request(server, &format!("GET {path}"), "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers() {
    let server = TestServer::start(&[]);
    let (status, page) = get(&server, "/").await;
    assert_eq!(status, 200);
    assert!(
        page.contains(r#"<meta name="wulin-socket" content="/applet/websocket">"#),
        "{page}"
    );
    for path in ["/applet/websocket", "/healthz", "/readyz"] {
        server.wait_for(Gauge::Connection, 0).await;
        let (status, body) = get(&server, path).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &body["status"]), (200, &"ok".into()), "{path}");
        assert_eq!(body["connections"], 1, "the server counts what is there");
    }
    for path in [
        "/nothing",
        "/applet/websocket/x",
        "/applet/websocket/socket.io/x",
        "/applet/websocketsocket.io/",
    ] {
        assert_eq!(get(&server, path).await.0, 404, "{path}");
    }
    assert_eq!(request(&server, "POST /applet/websocket", "").await.0, 405);
    // A handshake that is none is refused, and nobody is left waiting.
    let upgrade = "GET /applet/websocket HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version:";
    assert_eq!(
        request(&server, &format!("{upgrade} 13\r\nX:"), "").await.0,
        400
    );
    assert_eq!(
        request(
            &server,
            &format!("{upgrade} 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX:"),
            ""
        )
        .await
        .0,
        426
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn socketio_is_at_every_name_it_has() {
    let server = TestServer::start(&["--base-path", "/game", "--socketio-alias", "/old/io"]);
    for path in [
        "/game/socket.io/",
        "/game/socket.io",
        "/game/socket.io//",
        "/old/io/",
    ] {
        for version in ["3", "4"] {
            let (status, body) =
                get(&server, &format!("{path}?EIO={version}&transport=polling")).await;
            assert_eq!(status, 200, "{path}");
            assert!(body.contains(r#""sid""#), "{body}");
        }
    }
    assert_eq!(get(&server, "/applet/websocket").await.0, 404);
    assert_eq!(
        get(&server, "/game/socket.io/?EIO=9&transport=polling")
            .await
            .0,
        400
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn http_leads_to_https() {
    // Port 0 would mean none, so a free one is looked for, on an address where no other test can take it meanwhile.
    const ADDRESS: &str = "127.0.0.7";
    let free = std::net::TcpListener::bind((ADDRESS, 0)).unwrap();
    let http = free.local_addr().unwrap().port().to_string();
    drop(free);
    let server = TestServer::start(&["--listen", ADDRESS, "--http-port", &http]);
    let mut stream = TcpStream::connect(server.http_address().unwrap())
        .await
        .unwrap();
    stream
        .write_all(b"GET /x?y=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let location = format!(
        "location: https://localhost:{}/x?y=1\r\n",
        server.address().port()
    );
    assert!(
        answer.starts_with("HTTP/1.1 301 ") && answer.contains(&location),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_real_certificate_pins_browsers_to_https() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    write_pair(&["localhost"], &certificate, &key);
    let pair = [
        "--tls-cert",
        certificate.to_str().unwrap(),
        "--tls-key",
        key.to_str().unwrap(),
        "--http-port",
        "0",
    ];
    for (flags, pinned) in [(&pair[..], true), (&[], false)] {
        let server = TestServer::start(flags);
        let (head, _) = answer(&server, "GET /", "").await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let pins = head
            .lines()
            .any(|line| line == "strict-transport-security: max-age=31536000");
        assert_eq!(pins, pinned, "{head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_of_tls_and_of_http_are_spoken() {
    let server = TestServer::start(&[]);
    for (protocol, expected) in [("h2", "h2"), ("http/1.1", "http/1.1")] {
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let stream = server
            .tls(&[protocol])
            .connect("localhost".try_into().unwrap(), stream)
            .await
            .unwrap();
        assert_eq!(
            stream.get_ref().1.alpn_protocol(),
            Some(expected.as_bytes())
        );
        assert_eq!(
            stream.get_ref().1.protocol_version(),
            Some(rustls::ProtocolVersion::TLSv1_3)
        );
    }
    for (flag, works) in [("-tls1_3", true), ("-tls1_2", true), ("-tls1_1", false)] {
        let output = Command::new("openssl")
            .args(["s_client", "-connect", &server.address().to_string(), flag])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            text.contains("Cipher is TLS_") || text.contains("Cipher is ECDHE"),
            works,
            "{flag}: {text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_dawdles_is_sent_away_and_costs_nobody_anything() {
    let server = TestServer::start(&["--tls-timeout", "300ms", "--request-timeout", "300ms"]);
    let mut player = Client::greet(&server, Dialect::Native, "player").await;
    // No TLS handshake; half a handshake; TLS and no request; half a header; a request, and then half of another.
    let mut nothing = TcpStream::connect(server.address()).await.unwrap();
    let mut half = TcpStream::connect(server.address()).await.unwrap();
    half.write_all(&[0x16, 0x03, 0x01, 0x02]).await.unwrap();
    let mut mute = server.connect().await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\nHost: lo").await.unwrap();
    let mut again = server.connect().await;
    again
        .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT")
        .await
        .unwrap();
    let mut rest = Vec::new();
    for stream in [
        &mut nothing as &mut (dyn tokio::io::AsyncRead + Unpin + Send),
        &mut half,
        &mut mute,
        &mut slow,
        &mut again,
    ] {
        let _ = time::timeout(PATIENCE, stream.read_to_end(&mut rest))
            .await
            .expect("still open");
    }
    server.wait_for(Gauge::Connection, 1).await;
    player.say("join").await;
    player.event("room").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_only_so_many_connections() {
    let server = TestServer::start(&["--max-connections-per-ip", "3"]);
    let mut clients = Vec::new();
    for number in 0..3 {
        clients.push(Client::greet(&server, Dialect::Native, &format!("u{number}")).await);
    }
    let mut refused = TcpStream::connect(server.address()).await.unwrap();
    assert_eq!(
        time::timeout(PATIENCE, refused.read(&mut [0; 1]))
            .await
            .expect("still open")
            .unwrap_or(0),
        0
    );
    clients.pop();
    server.wait_for(Gauge::Connection, 2).await;
    Client::greet(&server, Dialect::Native, "welcome").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_never_takes_longer_than_it_may() {
    let server = TestServer::start(&[
        "--drain-timeout",
        "1s",
        "--game-time",
        "60s",
        "--robot-wait",
        "10ms",
    ]);
    let mut player = Client::greet(&server, Dialect::Native, "player").await;
    player.join().await;
    time::timeout(Duration::from_secs(20), server.drain())
        .await
        .expect("the drain goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_of_a_client_that_has_left_the_game_does_not_hold_the_drain_up() {
    let server = TestServer::start(&["--drain-timeout", "5m", "--ping-interval", "5m"]);
    let mut leaver = Polling::greet(&server, "leaver").await;
    let mut poll = server.connect().await;
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        leaver.target()
    );
    poll.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(leaver.post("41").await, 200);
    server.wait_for(Gauge::Person, 0).await;
    drop(leaver);
    time::timeout(PATIENCE, server.drain())
        .await
        .expect("the drain waits for the poll");
    let mut answer = Vec::new();
    let _ = poll.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.starts_with("HTTP/1.1 "),
        "every request is answered: {answer:?}"
    );
}
