//! Our Engine.IO and Socket.IO compared with another implementation, socketioxide: both get the same bytes and must
//! read the same packets.
//!
//! Nothing is compared where they differ on purpose. The reference
//!
//! - refuses a namespace of revision 3 with an object, where Socket.IO 2 and this server send a string;
//! - answers 200 to a body with valid Engine.IO and invalid Socket.IO, and closes then; this server answers 400;
//! - ignores a separator or a length with nothing behind it, and data of a `40` that is not JSON; this server closes;
//! - closes at an acknowledgement without an id and at the packet `0`, which engine.io's server and this one ignore;
//! - cannot read ids of acknowledgements beyond 63 bits;
//! - does not read escapes in the name of an event, and closes;
//! - waits for announced binary attachments, where this server closes;
//! - cannot read text that is encoded twice, as Socket.IO 1.x sends it;
//! - answers a pending poll with an empty body when its session ends, and each poll with a noop while an upgrade is
//!   under way.

use std::collections::VecDeque;
use std::future::ready;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use serde_json::{Value, json};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Event, SocketRef};
use tokio::net::{TcpListener, TcpStream};
use tokio::time;

use self::Server::{Ours, Reference};
use crate::support::PATIENCE;
use crate::support::http1::{exchange, status};
use crate::support::server::TestServer;
use crate::wire::Engine::{self, V3, V4};
use crate::wire::{ENGINES, PATH};

#[derive(Clone, Copy)]
enum Server<'a> {
    Ours(&'a TestServer),
    Reference(SocketAddr),
}

/// Starts the reference with the intervals and limits of our handshake. Like ours it answers each event with a refusing
/// acknowledgement and a `fault` that has the event's name.
async fn reference(opened: &Value) -> SocketAddr {
    let millis = |name: &str| Duration::from_millis(opened[name].as_u64().unwrap());
    let (service, io) = SocketIo::builder()
        .req_path(PATH.trim_end_matches('/'))
        .ping_interval(millis("pingInterval"))
        .ping_timeout(millis("pingTimeout"))
        .max_payload(opened["maxPayload"].as_u64().unwrap())
        .build_svc();
    io.ns("/", |socket: SocketRef| {
        socket.on_fallback(|socket: SocketRef, Event(name): Event, ack: AckSender| {
            socket.emit("fault", &json!({ "event": name })).unwrap();
            let _ = ack.send(&json!({"ok": false}));
            ready(())
        });
        ready(())
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new().fallback_service(service);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

impl Server<'_> {
    /// One request on a connection of its own.
    async fn ask(self, request: &str, body: &[u8]) -> (u16, String) {
        let kind = match body.first() {
            Some(0 | 1) => "application/octet-stream",
            _ => "text/plain;charset=UTF-8",
        };
        let length = body.len();
        let head = format!(
            "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
        );
        let all = [head.as_bytes(), body].concat();
        let (head, body) = match self {
            Ours(server) => exchange(server.connect().await, &all).await,
            Reference(to) => exchange(TcpStream::connect(to).await.unwrap(), &all).await,
        };
        assert!(!head.contains("chunked"), "{head}");
        (status(&head), body)
    }
}

/// A packet without its session id and its texts, in which the servers may differ.
fn plain(packet: &str) -> String {
    let (kind, json) = packet.split_at(packet.find(['[', '{']).unwrap_or(packet.len()));
    match (kind, serde_json::from_str::<Value>(json)) {
        ("0" | "40", Ok(mut told)) => {
            assert!(told["sid"].take().is_string());
            format!("{kind}{told}")
        }
        // The code and message of a fault belong to the game, so only the event's name is compared.
        ("42", Ok(told)) if told[0] == "fault" => format!("42 {} {}", told[0], told[1]["event"]),
        (_, Ok(told)) if kind.starts_with("43") => format!("{kind} {}", told[0]["ok"]),
        (_, Ok(told)) => format!("{kind}{told}"),
        (_, Err(_)) => packet.to_owned(),
    }
}

struct Session<'a> {
    server: Server<'a>,
    version: Engine,
    target: String,
    opened: String,
    heard: VecDeque<String>,
}

impl<'a> Session<'a> {
    async fn open(server: Server<'a>, version: Engine) -> Session<'a> {
        let mut target = version.target("polling");
        let (status, body) = server.ask(&format!("GET {target}"), b"").await;
        assert_eq!(status, 200, "{body}");
        let mut heard = VecDeque::from(version.packets(&body));
        let opened = heard.pop_front().unwrap();
        let told: Value = serde_json::from_str(&opened[1..]).unwrap();
        target.extend(["&sid=", told["sid"].as_str().unwrap()]);
        Session {
            server,
            version,
            target,
            opened,
            heard,
        }
    }

    /// Opens a session and connects to the default namespace.
    async fn connected(server: Server<'a>, version: Engine) -> Session<'a> {
        let mut session = Session::open(server, version).await;
        if version == V4 {
            assert_eq!(session.post(b"40").await, (200, "ok".to_owned()));
        }
        let connected = session.next().await.expect("closed");
        assert!(connected.starts_with("40"), "{connected}");
        session
    }

    async fn post(&self, body: &[u8]) -> (u16, String) {
        let request = format!("POST {}", self.target);
        self.server.ask(&request, body).await
    }

    /// The packets up to this many acknowledgements.
    async fn hear(&mut self, acknowledgements: usize) -> Vec<String> {
        let (mut heard, mut left) = (Vec::new(), acknowledgements);
        while left > 0 {
            let packet = self.next().await.expect("closed");
            left -= usize::from(packet.starts_with("43"));
            heard.push(plain(&packet));
        }
        heard
    }

    /// The next packet of Socket.IO, `None` when the session is over.
    async fn next(&mut self) -> Option<String> {
        loop {
            match self.heard.pop_front().as_deref() {
                // Heartbeats come at any time, so they are not compared.
                Some("2" | "3" | "6" | "") => {}
                Some("1") => return None,
                Some(packet) => return Some(packet.to_owned()),
                None => {
                    let poll = format!("GET {}", self.target);
                    let (status, body) = self.server.ask(&poll, b"").await;
                    if status != 200 {
                        return None;
                    }
                    self.heard = self.version.packets(&body).into();
                }
            }
        }
    }
}

/// Both servers, with the same limits.
async fn both(server: &TestServer) -> [Server<'_>; 2] {
    let ours = Ours(server);
    let opened = Session::open(ours, V4).await.opened;
    let opened = serde_json::from_str(&opened[1..]).unwrap();
    [ours, Reference(reference(&opened).await)]
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_have_the_same_fields() {
    let ours = TestServer::start(&[]);
    let [ours, reference] = both(&ours).await;
    for version in ENGINES {
        let opened = Session::open(ours, version).await.opened;
        let expected = Session::open(reference, version).await.opened;
        assert_eq!(plain(&opened), plain(&expected));
    }
}

/// A body as it goes over the wire: in this file `~` stands for the separator of version 4, 0x1e.
fn separated(body: &[u8]) -> Vec<u8> {
    let separated = |byte: &u8| if *byte == b'~' { 0x1e } else { *byte };
    body.iter().map(separated).collect()
}

/// Valid bodies, and how many acknowledgements each asks for.
const SOUND: [(Engine, &[u8], usize); 12] = [
    (V4, br#"421["a"]~3~422["b",{}]~42["c"]~423["d"]"#, 3),
    (V4, r#"421["武🀄"]"#.as_bytes(), 1),
    (V4, br#"42007["a",1,[2]]"#, 1),
    (V4, br#"431[]~421["b"]"#, 1),
    (V4, br#"40/x,~421["b"]"#, 1),
    (V4, br#"40/x,{"token":"t"}~421["b"]"#, 1),
    (V4, br#"40/x~421["b"]"#, 1),
    (V3, br#"8:421["a"]1:211:422["b",{}]"#, 2),
    (V3, r#"10:421["武🀄"]8:422["x"]"#.as_bytes(), 2),
    (V3, r#"9:421["🀄"]9:422["🀄"]1:28:423["x"]"#.as_bytes(), 3),
    (V3, r#"6:431[1]10:423["é é"]"#.as_bytes(), 1),
    (
        V3,
        b"\0\x08\xff421[\"a\"]\0\x01\xff2\0\x01\x01\xff422[\"b\",{}]",
        2,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn both_servers_read_the_same_packets() {
    let ours = TestServer::start(&[]);
    let servers = both(&ours).await;
    for (version, body, asked) in SOUND {
        let mut heard = Vec::new();
        for server in servers {
            let mut session = Session::connected(server, version).await;
            let answer = session.post(&separated(body)).await;
            assert_eq!(answer, (200, "ok".to_owned()));
            let hear = time::timeout(PATIENCE, session.hear(asked));
            heard.push(hear.await.expect("silence"));
        }
        assert_eq!(heard[0], heard[1], "{:?}", String::from_utf8_lossy(body));
    }
}

/// Bodies that end a session, separated by spaces.
const UNSOUND_4: &[u8] =
    b"1 abc 7 9 x ~ 3~abc 3~~3 4 49 4x 42 44 45 42x 42[] 42{} 42[{}] 42[1 42[\"a\" 4\xff";
const UNSOUND_3: &[u8] =
    b"1:1 abc 40 :40 2:4 4:40 2:40x 2:402 -2:40 1:9 1:x 1:4 2:42 2:44 2:49 4:42[] 4:42[1 \
    2:4\xff \0\x02\xff4 \x02\x01\xff4 \0\x01\xff9";

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bodies_end_a_session_on_both_servers() {
    let ours = TestServer::start(&[]);
    let servers = both(&ours).await;
    for (version, bodies) in [(V4, UNSOUND_4), (V3, UNSOUND_3)] {
        for body in bodies.split(|byte| *byte == b' ') {
            for server in servers {
                let mut session = Session::connected(server, version).await;
                let (status, _) = session.post(&separated(body)).await;
                assert!([200, 400].contains(&status), "{status}");
                let next = time::timeout(PATIENCE, session.next()).await;
                let text = String::from_utf8_lossy(body);
                assert_eq!(next.expect("silence"), None, "{version:?} {text:?}");
            }
        }
    }
}
