//! A Socket.IO client over HTTP polling, Engine.IO 4, request by request.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::http1::{exchange, status, unchunk};
use super::server::{TestServer, Tls};
use super::websocket::Dialect;
use super::{Client, Incoming, hello};

/// Separates the packets of one payload.
const SEPARATOR: char = '\u{1e}';

pub struct Polling<'a> {
    server: &'a TestServer,
    sid: String,
    heard: Vec<String>,
}

/// Sends one HTTP/1.1 request on a connection of its own. Returns the status and the decoded body.
pub async fn request(server: &TestServer, head: &str, body: &str) -> (u16, String) {
    let (head, body) = answer(server, head, body).await;
    let body = if head.to_lowercase().contains("transfer-encoding: chunked") {
        unchunk(&body)
    } else {
        body
    };
    (status(&head), body)
}

/// Sends one request on a connection of its own. Returns the head and the body of the answer as they came.
pub async fn answer(server: &TestServer, head: &str, body: &str) -> (String, String) {
    let length = body.len();
    let text = format!(
        "{head} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    exchange(server.connect().await, text.as_bytes()).await
}

impl<'a> Polling<'a> {
    pub async fn open(server: &'a TestServer) -> Polling<'a> {
        let (status, body) = request(
            server,
            "GET /applet/websocket/socket.io/?EIO=4&transport=polling",
            "",
        )
        .await;
        assert_eq!(status, 200, "{body}");
        let open: Value = serde_json::from_str(&body[1..]).unwrap();
        let sid = open["sid"].as_str().unwrap().to_owned();
        let mut client = Polling {
            server,
            sid,
            heard: Vec::new(),
        };
        assert_eq!(client.post("40").await, 200);
        client
    }

    pub async fn greet(server: &'a TestServer, uid: &str) -> Polling<'a> {
        let mut client = Polling::open(server).await;
        client.send("hello", Some(hello(uid))).await;
        client.event("hi").await;
        client
    }

    /// Path and query of the session's requests.
    pub fn target(&self) -> String {
        format!(
            "/applet/websocket/socket.io/?EIO=4&transport=polling&sid={}",
            self.sid
        )
    }

    /// Upgrades to a WebSocket over this stream, as socket.io-client does.
    pub async fn upgrade(self, stream: Tls) -> Client {
        let target = format!(
            "wss://localhost/applet/websocket/socket.io/?EIO=4&transport=websocket&sid={}",
            self.sid
        );
        let request = target.into_client_request().unwrap();
        let (socket, _) = tokio_tungstenite::client_async(request, stream)
            .await
            .unwrap();
        let mut client = Client {
            dialect: Dialect::EngineIo4,
            socket,
        };
        client.text("2probe").await;
        assert_eq!(client.next().await, Incoming::Frame("3probe".to_owned()));
        client.text("5").await;
        client
    }

    /// Posts one packet; returns the status.
    pub async fn post(&mut self, packet: &str) -> u16 {
        request(self.server, &format!("POST {}", self.target()), packet)
            .await
            .0
    }

    pub async fn send(&mut self, event: &str, payload: Option<Value>) {
        let packet = match payload {
            Some(payload) => format!("42{}", json!([event, payload])),
            None => format!("42{}", json!([event])),
        };
        assert_eq!(self.post(&packet).await, 200);
    }

    /// The next packet; the engine's pings are answered.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            if !self.heard.is_empty() {
                let packet = self.heard.remove(0);
                if packet == "2" {
                    self.post("3").await;
                    continue;
                }
                return Some(packet);
            }
            let (status, body) = request(self.server, &format!("GET {}", self.target()), "").await;
            if status != 200 {
                return None;
            }
            self.heard
                .extend(body.split(SEPARATOR).map(ToOwned::to_owned));
        }
    }

    pub async fn event(&mut self, name: &str) -> Value {
        loop {
            let packet = self
                .next()
                .await
                .unwrap_or_else(|| panic!("closed while waiting for {name}"));
            if let Some(rest) = packet.strip_prefix("42") {
                let event: Value = serde_json::from_str(rest).unwrap();
                if event[0] == name {
                    return event[1].clone();
                }
            }
        }
    }
}
