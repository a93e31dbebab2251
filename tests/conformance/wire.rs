//! Requests and frames of an Engine.IO client, one at a time: nothing is sent unless a test asks for it.

#![allow(unreachable_pub)]

use std::collections::VecDeque;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::time;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::PATIENCE;
use crate::support::http1::{read_answer, status, unchunk};
use crate::support::server::{TestServer, Tls};

/// The path of Socket.IO.
pub const PATH: &str = "/applet/websocket/socket.io/";
/// The separator of packets in a payload of version 4.
const SEPARATOR: &str = "\u{1e}";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    V3,
    V4,
}

pub const ENGINES: [Engine; 2] = [Engine::V3, Engine::V4];

impl Engine {
    /// Path and query of a handshake over this transport.
    pub fn target(self, transport: &str) -> String {
        let version = match self {
            Engine::V3 => 3,
            Engine::V4 => 4,
        };
        format!("{PATH}?EIO={version}&transport={transport}")
    }

    pub fn payload(self, packets: &[&str]) -> String {
        match self {
            Engine::V3 => packets.iter().fold(String::new(), |payload, packet| {
                let length = packet.encode_utf16().count();
                payload + &format!("{length}:{packet}")
            }),
            Engine::V4 => packets.join(SEPARATOR),
        }
    }

    pub fn packets(self, payload: &str) -> Vec<String> {
        if self == Engine::V4 {
            return payload.split(SEPARATOR).map(str::to_owned).collect();
        }
        let mut packets = Vec::new();
        let mut rest = payload.encode_utf16().collect::<Vec<_>>();
        while !rest.is_empty() {
            let colon = rest.iter().position(|unit| *unit == u16::from(b':'));
            let colon = colon.unwrap_or_else(|| panic!("no payload: {payload:?}"));
            let length: usize = String::from_utf16(&rest[..colon]).unwrap().parse().unwrap();
            let packet = &rest[colon + 1..colon + 1 + length];
            packets.push(String::from_utf16(packet).unwrap());
            rest.drain(..=colon + length);
        }
        packets
    }
}

/// The answer to a request.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Asserts the answer that engine.io's server gives for an unknown session.
    #[track_caller]
    pub fn is_unknown_session(&self) {
        assert_eq!(self.status, 400, "{self:?}");
        let said = json!({"code": 1, "message": "Session ID unknown"});
        assert_eq!(self.json(), said);
    }
}

/// A request that has been sent, on a connection of its own.
pub struct Asked {
    stream: Tls,
}

impl Asked {
    /// Sends a request such as `GET /path` with these headers, and all of its body.
    pub async fn send(
        server: &TestServer,
        request: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Asked {
        Asked::begin(server, request, headers, body, body.len()).await
    }

    /// Sends a request that announces a body of `length` bytes, and the beginning of that body.
    pub async fn begin(
        server: &TestServer,
        request: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        length: usize,
    ) -> Asked {
        let mut stream = server.connect().await;
        let mut head = format!(
            "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n"
        );
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        let bytes = [head.as_bytes(), b"\r\n", body].concat();
        stream.write_all(&bytes).await.unwrap();
        stream.flush().await.unwrap();
        Asked { stream }
    }

    pub async fn answer(&mut self) -> Answer {
        let (head, body) = read_answer(&mut self.stream).await;
        let status = status(&head);
        let mut answer = Answer { status, head, body };
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = unchunk(&answer.body);
        }
        answer
    }
}

pub async fn get(server: &TestServer, target: &str) -> Answer {
    ask(server, &format!("GET {target}"), "").await
}

pub async fn ask(server: &TestServer, request: &str, body: &str) -> Answer {
    let text = [("Content-Type", "text/plain;charset=UTF-8")];
    let mut asked = Asked::send(server, request, &text, body.as_bytes()).await;
    asked.answer().await
}

/// A session that was opened by polling.
pub struct Polled<'a> {
    server: &'a TestServer,
    pub engine: Engine,
    pub sid: String,
    /// The JSON of the handshake.
    pub opened: Value,
    heard: VecDeque<String>,
}

impl<'a> Polled<'a> {
    pub async fn open(server: &'a TestServer, engine: Engine) -> Polled<'a> {
        let answer = get(server, &engine.target("polling")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let mut heard = VecDeque::from(engine.packets(&answer.body));
        let open = heard.pop_front().unwrap();
        let opened: Value = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
        Polled {
            server,
            engine,
            sid: opened["sid"].as_str().unwrap().to_owned(),
            opened,
            heard,
        }
    }

    /// Opens a session and connects it to the default namespace. It has no pending poll.
    pub async fn connected(server: &'a TestServer, engine: Engine) -> Polled<'a> {
        let mut session = Polled::open(server, engine).await;
        if engine == Engine::V4 {
            assert_eq!(session.post(&["40"]).await.status, 200);
        }
        assert!(session.next().await.unwrap().starts_with("40"));
        session
    }

    /// Path and query of the session's requests over this transport.
    pub fn target(&self, transport: &str) -> String {
        format!("{}&sid={}", self.engine.target(transport), self.sid)
    }

    pub async fn poll(&self) -> Answer {
        get(self.server, &self.target("polling")).await
    }

    /// Sends a poll whose answer the caller reads later.
    pub async fn begin_poll(&self) -> Asked {
        let request = format!("GET {}", self.target("polling"));
        Asked::send(self.server, &request, &[], b"").await
    }

    pub async fn post(&self, packets: &[&str]) -> Answer {
        self.post_text(&self.engine.payload(packets)).await
    }

    /// Posts this text, whether it is a payload or not.
    pub async fn post_text(&self, body: &str) -> Answer {
        let request = format!("POST {}", self.target("polling"));
        ask(self.server, &request, body).await
    }

    pub async fn post_bytes(&self, body: &[u8]) -> Answer {
        let request = format!("POST {}", self.target("polling"));
        let binary = [("Content-Type", "application/octet-stream")];
        let mut asked = Asked::send(self.server, &request, &binary, body).await;
        asked.answer().await
    }

    /// The next packet, `None` when the session is over. Noops are skipped and pings of version 4 answered.
    pub async fn next(&mut self) -> Option<String> {
        time::timeout(PATIENCE, self.hear()).await.expect("silence")
    }

    async fn hear(&mut self) -> Option<String> {
        loop {
            match self.heard.pop_front() {
                Some(packet) if packet == "6" => {}
                Some(packet) if packet == "2" && self.engine == Engine::V4 => {
                    self.post(&["3"]).await;
                }
                Some(packet) if packet == "1" => return None,
                Some(packet) => return Some(packet),
                None => {
                    let answer = self.poll().await;
                    if answer.status != 200 {
                        answer.is_unknown_session();
                        return None;
                    }
                    self.heard.extend(self.engine.packets(&answer.body));
                }
            }
        }
    }

    /// Opens a second transport, the WebSocket to which the session can upgrade.
    pub async fn beside(&self) -> Result<Socket, u16> {
        Socket::open(self.server, &self.target("websocket")).await
    }

    /// Waits until the session is over, and asserts that the server no longer knows it.
    pub async fn is_over(&mut self) {
        while self.next().await.is_some() {}
        self.poll().await.is_unknown_session();
        self.post(&["3"]).await.is_unknown_session();
    }
}

/// A WebSocket; packets are text frames.
pub struct Socket {
    inner: WebSocketStream<Tls>,
}

impl Socket {
    /// Opens a WebSocket; `Err` is the status it was refused with.
    pub async fn open(server: &TestServer, target: &str) -> Result<Socket, u16> {
        let request = format!("wss://localhost{target}")
            .into_client_request()
            .unwrap();
        let stream = server.connect().await;
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((inner, _)) => Ok(Socket { inner }),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{target}: {error}"),
        }
    }

    pub async fn say(&mut self, packet: &str) {
        self.inner.send(Message::text(packet)).await.unwrap();
    }

    pub async fn say_bytes(&mut self, bytes: &[u8]) {
        let frame = Message::binary(bytes.to_vec());
        self.inner.send(frame).await.unwrap();
    }

    /// The next packet, `None` when it is closed.
    pub async fn next(&mut self) -> Option<String> {
        time::timeout(PATIENCE, self.hear()).await.expect("silence")
    }

    async fn hear(&mut self) -> Option<String> {
        loop {
            match self.inner.next().await {
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(other)) => panic!("{other:?}"),
            }
        }
    }

    /// Waits until it is closed.
    pub async fn is_over(&mut self) {
        while self.next().await.is_some() {}
    }
}
