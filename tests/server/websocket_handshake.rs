//! The opening handshake of a WebSocket over HTTP/1.1 (RFC 6455, 4.2.1), and unusual methods.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time;

use crate::support::PATIENCE;
use crate::support::server::TestServer;

const NATIVE: &str = "GET /applet/websocket HTTP/1.1";
const HOST: &str = "Host: localhost";
const UPGRADE: &str = "Upgrade: websocket";
const CONNECTION: &str = "Connection: Upgrade";
const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const VERSION: &str = "Sec-WebSocket-Version: 13";

/// The head and the body of the answer to a request of these lines.
async fn answer(server: &TestServer, lines: &[&str]) -> (String, String) {
    let mut stream = server.connect().await;
    let request = format!("{}\r\n\r\n", lines.join("\r\n"));
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let whole = async {
        while stream.read_buf(&mut answer).await.unwrap_or(0) > 0 {
            let text = String::from_utf8_lossy(&answer);
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let length = header(head, "content-length").and_then(|length| length.parse().ok());
            let bodyless = lines[0].starts_with("HEAD ") || head.contains(" 101 ");
            if bodyless || body.len() >= length.unwrap_or(0) {
                return (head.to_owned(), body.to_owned());
            }
        }
        panic!("no answer to {lines:?}: {answer:?}");
    };
    time::timeout(PATIENCE, whole).await.expect("no answer")
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn valid_handshakes_succeed_in_any_spelling() {
    let server = TestServer::start(&[]);
    for lines in [
        [NATIVE, HOST, UPGRADE, CONNECTION, KEY, VERSION],
        [
            NATIVE,
            "host: example",
            "upgrade: WebSocket",
            "connection: keep-alive, UPGRADE",
            // A key of 22 characters of which the last has bits beyond the 16 bytes: some clients make their key of
            // random letters.
            "sec-websocket-key: abcdefghijklmnopqrstuv==",
            VERSION,
        ],
        [
            NATIVE,
            HOST,
            "Upgrade: h2c, websocket",
            CONNECTION,
            KEY,
            VERSION,
        ],
    ] {
        let (head, _) = answer(&server, &lines).await;
        assert_eq!(status(&head), 101, "{lines:?}: {head}");
        assert_eq!(header(&head, "sec-websocket-protocol"), None);
    }
}

/// A valid handshake in which one line is replaced by another, by several, or by none.
fn spoilt(line: &str, by: &str) -> Vec<String> {
    let sound = [NATIVE, HOST, UPGRADE, CONNECTION, KEY, VERSION];
    assert!(sound.contains(&line));
    let lines = sound.map(|sound| if sound == line { by } else { sound });
    let lines = lines.iter().flat_map(|line| line.split("\r\n"));
    lines
        .filter(|line| !line.is_empty())
        .map(ToOwned::to_owned)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_handshakes_are_refused_with_the_reason() {
    let server = TestServer::start(&[]);
    let twice = |line: &str| format!("{line}\r\n{line}");
    for (line, by, words) in [
        (NATIVE, "GET /applet/websocket HTTP/1.0", "HTTP/1.1"),
        (NATIVE, "POST /applet/websocket HTTP/1.1", "GET"),
        (HOST, "", "Host"),
        (HOST, "Host:", "Host"),
        (HOST, &twice(HOST), "Host"),
        (UPGRADE, "", "Upgrade: websocket"),
        (UPGRADE, "Upgrade: h2c", "Upgrade: websocket"),
        (UPGRADE, "Upgrade: websockets", "Upgrade: websocket"),
        (CONNECTION, "", "Connection: Upgrade"),
        (CONNECTION, "Connection: close", "Connection: Upgrade"),
        (KEY, "", "Sec-WebSocket-Key"),
        (KEY, &twice(KEY), "Sec-WebSocket-Key"),
        (
            KEY,
            "Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!!!",
            "16 bytes",
        ),
        // As long as a key, but 17 and 18 bytes when decoded; then 15 bytes.
        (
            KEY,
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSE=",
            "16 bytes",
        ),
        (
            KEY,
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSEh",
            "16 bytes",
        ),
        (KEY, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j", "16 bytes"),
    ] {
        let lines = spoilt(line, by);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (head, body) = answer(&server, &lines).await;
        assert_eq!(status(&head), 400, "{lines:?}: {head}");
        assert!(
            body.contains(words) && body.ends_with(".\n"),
            "{lines:?}: {body}"
        );
    }
    let (head, _) = answer(&server, &[NATIVE, HOST, "Upgrade: h2c", CONNECTION]).await;
    assert_eq!(status(&head), 400, "{head}");
    for by in ["", "Sec-WebSocket-Version: 8", &twice(VERSION)] {
        let lines = spoilt(VERSION, by);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (head, _) = answer(&server, &lines).await;
        assert_eq!(status(&head), 426, "{lines:?}: {head}");
        assert_eq!(header(&head, "sec-websocket-version"), Some("13"));
        assert_eq!(header(&head, "upgrade"), Some("websocket"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_offered_subprotocol_is_chosen() {
    let server = TestServer::start(&[]);
    for path in [
        "/applet/websocket",
        "/applet/websocket/socket.io/?EIO=4&transport=websocket",
    ] {
        let first = format!("GET {path} HTTP/1.1");
        for (offered, answered) in [
            ("Sec-WebSocket-Protocol: game", "game"),
            ("Sec-WebSocket-Protocol: v2.game, game", "v2.game"),
            (
                "Sec-WebSocket-Protocol: b\r\nSec-WebSocket-Protocol: a",
                "b",
            ),
        ] {
            let lines = [&*first, HOST, UPGRADE, CONNECTION, KEY, VERSION, offered];
            let (head, _) = answer(&server, &lines).await;
            assert_eq!(status(&head), 101, "{lines:?}: {head}");
            assert_eq!(
                header(&head, "sec-websocket-protocol"),
                Some(answered),
                "{path}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unusual_methods_get_the_right_status() {
    let server = TestServer::start(&[]);
    for (line, expected) in [
        ("HEAD /", 200),
        ("HEAD /healthz", 200),
        ("HEAD /applet/websocket", 200),
        ("OPTIONS /", 405),
        ("OPTIONS /applet/websocket", 405),
        ("TRACE /healthz", 405),
        ("TRACE /applet/websocket", 405),
        ("DELETE /", 405),
        ("BREW /applet/websocket", 405),
        ("CONNECT localhost:443", 405),
        ("CONNECT /applet/websocket", 405),
        ("OPTIONS *", 404),
        ("TRACE /nothing", 404),
    ] {
        let first = format!("{line} HTTP/1.1");
        let (head, body) = answer(&server, &[&first, HOST, "Content-Length: 0"]).await;
        assert_eq!(status(&head), expected, "{line}: {head}");
        if expected == 405 {
            assert!(header(&head, "allow").is_some(), "{line}: {head}");
        }
        assert!(
            !line.starts_with("HEAD ") || body.is_empty(),
            "{line}: {body}"
        );
        // No answer repeats the request's headers: TRACE would show scripts what they may not see.
        assert!(!body.contains(HOST), "{line}: {body}");
    }
}
