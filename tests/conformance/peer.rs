//! A Socket.IO client over either transport, for rules that hold on both.

#![allow(unreachable_pub)]

use serde_json::{Value, json};

use crate::support::hello;
use crate::support::server::TestServer;
use crate::wire::{ENGINES, Engine, Polled, Socket};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Polling,
    WebSocket,
}

/// Each version over each transport.
pub fn ways() -> impl Iterator<Item = (Engine, Transport)> {
    ENGINES
        .into_iter()
        .flat_map(|engine| [(engine, Transport::Polling), (engine, Transport::WebSocket)])
}

enum Connection<'a> {
    Polled(Polled<'a>),
    Socket(Box<Socket>),
}

pub struct Peer<'a> {
    connection: Connection<'a>,
    pub engine: Engine,
    /// The session id of the engine.
    pub sid: String,
}

/// An event as a packet.
pub fn event(name: &str, payload: &Value) -> String {
    format!("42{}", json!([name, payload]))
}

impl<'a> Peer<'a> {
    /// Opens the session and sends nothing.
    pub async fn open(server: &'a TestServer, engine: Engine, transport: Transport) -> Peer<'a> {
        match transport {
            Transport::Polling => {
                let polled = Polled::open(server, engine).await;
                let sid = polled.sid.clone();
                let connection = Connection::Polled(polled);
                Peer {
                    connection,
                    engine,
                    sid,
                }
            }
            Transport::WebSocket => {
                let target = engine.target("websocket");
                let mut socket = Socket::open(server, &target).await.unwrap();
                let open = socket.next().await.unwrap();
                let open: Value = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
                let sid = open["sid"].as_str().unwrap().to_owned();
                let connection = Connection::Socket(Box::new(socket));
                Peer {
                    connection,
                    engine,
                    sid,
                }
            }
        }
    }

    /// Connects to the default namespace in the way of the version. Returns the server's connect packet.
    pub async fn connect(&mut self) -> String {
        if self.engine == Engine::V4 {
            self.say("40").await;
        }
        self.next().await.expect("closed instead of connected")
    }

    /// Opens the session, connects and sends `hello`.
    pub async fn greet(
        server: &'a TestServer,
        (engine, transport): (Engine, Transport),
        uid: &str,
    ) -> Peer<'a> {
        let mut peer = Peer::open(server, engine, transport).await;
        peer.connect().await;
        peer.hello(uid).await;
        peer
    }

    pub async fn hello(&mut self, uid: &str) {
        self.say(&event("hello", &hello(uid))).await;
        self.event("hi").await;
    }

    /// Sends one packet, which may end the session.
    pub async fn say(&mut self, packet: &str) {
        match &mut self.connection {
            Connection::Polled(polled) => {
                let answer = polled.post(&[packet]).await;
                assert!([200, 400].contains(&answer.status), "{answer:?}");
            }
            Connection::Socket(socket) => socket.say(packet).await,
        }
    }

    /// Sends binary data in the form of the transport and the version.
    pub async fn say_bytes(&mut self) {
        match (&mut self.connection, self.engine) {
            (Connection::Polled(polled), Engine::V3) => {
                let _ = polled.post(&["b4AQID"]).await;
            }
            (Connection::Polled(polled), Engine::V4) => {
                let _ = polled.post(&["bAQID"]).await;
            }
            (Connection::Socket(socket), Engine::V3) => socket.say_bytes(&[4, 1, 2, 3]).await,
            (Connection::Socket(socket), Engine::V4) => socket.say_bytes(&[1, 2, 3]).await,
        }
    }

    /// The next packet, `None` when the session is over.
    pub async fn next(&mut self) -> Option<String> {
        match &mut self.connection {
            Connection::Polled(polled) => polled.next().await,
            Connection::Socket(socket) => loop {
                match socket.next().await {
                    Some(ping) if ping == "2" && self.engine == Engine::V4 => {
                        socket.say("3").await;
                    }
                    other => return other,
                }
            },
        }
    }

    /// The payload of the next event of this name; packets before it are skipped.
    pub async fn event(&mut self, name: &str) -> Value {
        loop {
            let packet = self.next().await;
            let packet = packet.unwrap_or_else(|| panic!("closed while waiting for {name}"));
            if let Some(json) = packet.strip_prefix("42") {
                let event: Value = serde_json::from_str(json).unwrap();
                if event[0] == name {
                    return event[1].clone();
                }
            }
        }
    }

    /// Waits for the end of the session and returns the packets before it.
    pub async fn last_words(&mut self) -> Vec<String> {
        let mut words = Vec::new();
        while let Some(packet) = self.next().await {
            words.push(packet);
        }
        if let Connection::Polled(polled) = &mut self.connection {
            polled.is_over().await;
        }
        words
    }
}
