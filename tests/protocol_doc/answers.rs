//! What a real server answers at the addresses, and with which status.

use std::collections::BTreeMap;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::document::{Document, bare};
use crate::support::server::TestServer;

/// The headers that open a WebSocket, with this version.
fn upgrade(version: u32) -> String {
    format!(
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: {version}\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )
}

/// The status with which a request is answered.
async fn status(server: &TestServer, request: &str, headers: &str) -> String {
    let mut stream = server.connect().await;
    let text = format!("{request} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut line = [0; "HTTP/1.1 200".len()];
    stream.read_exact(&mut line).await.unwrap();
    String::from_utf8_lossy(&line["HTTP/1.1 ".len()..]).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_answer() {
    let server = TestServer::start(&[]);
    let document = Document::read();
    let tables = document.tables(&["address", "what answers"]);
    for row in tables.iter().flat_map(|table| &table.rows) {
        let (scheme, address) = bare(&row["address"]).split_once("://HOST").unwrap();
        let is_socketio = address.ends_with("/socket.io/");
        let (expected, headers, transport) = match scheme {
            "wss" => ("101", upgrade(13), "websocket"),
            "https" => ("200", String::new(), "polling"),
            other => panic!("{other}"),
        };
        let query = if is_socketio {
            format!("?EIO=4&transport={transport}")
        } else {
            String::new()
        };
        let answer = status(&server, &format!("GET {address}{query}"), &headers).await;
        assert_eq!(answer, expected, "{row:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_status_is_answered_to_its_example() {
    let server = TestServer::start(&[]);
    let base = "GET /applet/websocket";
    let long = format!("X: {}\r\n", "x".repeat(9000));
    let requests = BTreeMap::from([
        ("101", (base, upgrade(13))),
        ("200", (base, String::new())),
        (
            "204",
            ("OPTIONS /applet/websocket/socket.io/", String::new()),
        ),
        ("400", (base, "Upgrade: websocket\r\n".to_owned())),
        (
            "404",
            (
                "GET /applet/websocket/socket.io/socket.io.js",
                String::new(),
            ),
        ),
        ("405", ("DELETE /applet/websocket", String::new())),
        ("426", (base, upgrade(12))),
        ("431", (base, long)),
    ]);
    // These need a proxy, many connections, HTTP/2, time or another port: tests/server has them (edge, proxy, http2, limits).
    let elsewhere = ["301, 308", "408", "429", "501", "503"];
    let document = Document::read();
    let mut told = Vec::new();
    for table in document.tables(&["HTTP status", "when"]) {
        told.extend(table.column("HTTP status"));
    }
    let mut expected: Vec<_> = requests.keys().copied().chain(elsewhere).collect();
    expected.sort_unstable();
    assert_eq!(told, expected);
    for (expected, (request, headers)) in requests {
        let answer = status(&server, request, &headers).await;
        assert_eq!(answer, expected, "{request}");
    }
}
