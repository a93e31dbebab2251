//! Our own clients against a hostile server: how much memory it can make them take, and what it can print on their
//! terminal.

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use rustls::crypto::aws_lc_rs;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::task::spawn_blocking;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::support::PATIENCE;
use crate::support::server::TestServer;

type Tls = StreamOwned<ServerConnection, TcpStream>;

/// How many bytes a server sends to a client that reads them all: 192 MiB.
const PUSH: usize = 192 << 20;
/// The same for pings, each of which is answered: 64 MiB, which is more than `MOST` if the answers are kept.
const PINGS: usize = 64 << 20;
/// How much memory the program may take in all: 56 MiB, in KiB. Against an honest server it takes about 20 MiB; without
/// limits it took hundreds.
const MOST: usize = 56 << 10;

/// A server that does the same to each client, in threads that end with the test's process.
struct HostileServer {
    address: SocketAddr,
    pushed: Arc<AtomicUsize>,
    came: Arc<AtomicUsize>,
}

impl HostileServer {
    fn start(attack: fn(&mut Tls, &AtomicUsize)) -> HostileServer {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let hostile = HostileServer {
            address: listener.local_addr().unwrap(),
            pushed: Arc::default(),
            came: Arc::default(),
        };
        let (pushed, came) = (hostile.pushed.clone(), hostile.came.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (pushed, came, config) = (pushed.clone(), came.clone(), config.clone());
                thread::spawn(move || {
                    let connection = ServerConnection::new(config).unwrap();
                    attack(&mut StreamOwned::new(connection, stream), &pushed);
                    came.fetch_add(1, SeqCst);
                });
            }
        });
        hostile
    }

    /// Whether the attack is over: one client has read everything, or three have left before.
    fn is_done(&self) -> bool {
        self.pushed.load(SeqCst) >= PUSH || self.came.load(SeqCst) >= 3
    }

    /// The most memory that `wulin` with these arguments took during the attack, in KiB. `PORT` stands for the server's
    /// port.
    fn memory_of(&self, arguments: &[&str]) -> usize {
        let port = self.address.port().to_string();
        let arguments = arguments.iter().map(|word| word.replace("PORT", &port));
        let mut child = Command::new(env!("CARGO_BIN_EXE_wulin"))
            .args(arguments)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (mut most, deadline) = (0, Instant::now() + 2 * PATIENCE);
        while child.try_wait().unwrap().is_none() && !self.is_done() {
            most = most.max(peak(&child));
            assert!(Instant::now() < deadline, "neither has enough");
            thread::sleep(Duration::from_millis(5));
        }
        most = most.max(peak(&child));
        let _ = child.kill();
        child.wait().unwrap();
        assert!(most > 0);
        most
    }
}

/// The most memory (`VmHWM`) that a process has taken so far, in KiB; 0 when it has ended.
fn peak(child: &Child) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
    let status = status.unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}

/// Reads a request up to its empty line.
fn request(stream: &mut Tls) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count > 0) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Answers the upgrade request and sends `hi`, as a real server would.
fn upgrade(stream: &mut Tls) -> Option<()> {
    let request = request(stream);
    let key = request
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))?;
    let accept = derive_accept_key(key.trim().as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).ok()?;
    stream
        .write_all(&frame(0x81, br#"{"event":"hi","data":{}}"#))
        .ok()
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(length as u8),
        length @ 126..=0xffff => {
            frame.push(126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

/// Writes the same bytes over and over, until the client has read `PUSH` bytes or has left.
fn push(stream: &mut Tls, bytes: &[u8], pushed: &AtomicUsize) {
    while pushed.load(SeqCst) < PUSH && stream.write_all(bytes).is_ok() {
        pushed.fetch_add(bytes.len(), SeqCst);
    }
}

fn person(name: &str) -> String {
    format!(r#"{{"uid":"{name}","uname":"{name}","totalScore":1,"winStreak":1}}"#)
}

/// A `start` event with this many people, whose names have this many characters.
fn start(people: usize, name: usize) -> Vec<u8> {
    let users = vec![person(&"長".repeat(name)); people].join(",");
    let text = format!(r#"{{"event":"start","data":{{"gameTime":5,"roomUsers":[{users}]}}}}"#);
    text.into_bytes()
}

/// Runs `wulin play` against this attack and asserts that it takes little memory. Returns the server.
#[track_caller]
fn play_takes_little(attack: fn(&mut Tls, &AtomicUsize)) -> HostileServer {
    let hostile = HostileServer::start(attack);
    let most = hostile.memory_of(&PLAY);
    assert!(most < MOST, "{most} KiB");
    hostile
}

const PLAY: [&str; 4] = ["play", "localhost:PORT", "--hand", "rock"];

#[test]
fn play_does_not_buffer_huge_names() {
    play_takes_little(|stream, pushed| {
        if upgrade(stream).is_some() {
            let message = frame(0x81, &start(1, 2_500_000));
            push(stream, &message, pushed);
        }
    });
}

#[test]
fn play_does_not_buffer_endless_fragments() {
    play_takes_little(|stream, pushed| {
        if upgrade(stream).is_some() && stream.write_all(&frame(0x01, b"\"")).is_ok() {
            push(stream, &frame(0x00, &[b'x'; 16_384]), pushed);
        }
    });
}

#[test]
fn queued_rounds_of_many_people_take_little_memory() {
    play_takes_little(|stream, pushed| {
        if upgrade(stream).is_some() {
            let message = frame(0x81, &start(60, 500));
            push(stream, &message, pushed);
        }
    });
}

#[test]
fn unsent_pongs_do_not_pile_up() {
    let hostile = play_takes_little(|stream, pushed| {
        if upgrade(stream).is_some() {
            let pings = frame(0x89, &[b'x'; 125]).repeat(100);
            while pushed.load(SeqCst) < PINGS && stream.write_all(&pings).is_ok() {
                pushed.fetch_add(pings.len(), SeqCst);
            }
            if pushed.load(SeqCst) >= PINGS {
                pushed.fetch_max(PUSH, SeqCst);
            }
        }
    });
    assert!(hostile.pushed.load(SeqCst) >= PUSH, "it has read them all");
}

#[test]
fn play_leaves_a_server_that_floods_events() {
    let hostile = play_takes_little(|stream, pushed| {
        if upgrade(stream).is_some() {
            let event = br#"{"event":"movement","data":{"uid":"x","movement":"choice"}}"#;
            push(stream, &frame(0x81, event).repeat(100), pushed);
        }
    });
    assert!(hostile.pushed.load(SeqCst) < PUSH, "it has listened to all");
}

#[test]
fn endless_headers_bodies_and_chunks_are_not_buffered() {
    let attacks: [fn(&mut Tls, &AtomicUsize); 4] = [
        |stream, pushed| {
            request(stream);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
            push(stream, &b"a: b\r\n".repeat(1_000), pushed);
        },
        |stream, pushed| {
            request(stream);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            push(stream, &[b'x'; 16_384], pushed);
        },
        |stream, pushed| {
            request(stream);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            push(stream, &b"1\r\nx\r\n".repeat(1_000), pushed);
        },
        |stream, pushed| {
            request(stream);
            let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\na: ");
            push(stream, &[b'x'; 16_384], pushed);
        },
    ];
    for (number, attack) in attacks.into_iter().enumerate() {
        for arguments in [
            &PLAY[..],
            &["health", "--port", "PORT"],
            &["check", "localhost:PORT", "--http-port", "0", "--json"],
        ] {
            let hostile = HostileServer::start(attack);
            let most = hostile.memory_of(arguments);
            assert!(hostile.pushed.load(SeqCst) < PUSH, "{number} {arguments:?}");
            assert!(most < MOST, "{number} {arguments:?}: {most} KiB");
        }
    }
}

/// Control sequences of a terminal, of one and of several characters, and characters that change the direction of
/// writing.
const STEERS: &str = "\x1b[31mred\x1b[0m \u{9b}2J \x07 \u{202e}txt\u{2066} \r over";

/// A plain HTTP server that gives the same answer to each request, until it is dropped.
struct PlainServer {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
}

impl Drop for PlainServer {
    fn drop(&mut self) {
        self.ended.store(true, SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

impl PlainServer {
    fn start(status: u16, body: String) -> PlainServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let over = ended.clone();
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                if over.load(SeqCst) {
                    return;
                }
                let _ = stream.read(&mut [0; 4096]);
                let length = body.len();
                let answer =
                    format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}");
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        PlainServer { address, ended }
    }
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wulin"))
        .args(arguments)
        .env_clear()
        .output()
        .unwrap()
}

/// Asserts that a command printed no control characters but line ends, and returns what it printed.
#[track_caller]
fn text(output: &Output) -> String {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8(said).unwrap();
    let steers = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{2066}".contains(c);
    assert!(!said.contains(steers), "{said:?}");
    said
}

#[test]
fn admin_answers_print_no_control_characters() {
    for status in [200, 400] {
        let plain = PlainServer::start(status, format!("{STEERS}\nsecond line"));
        let admin = plain.address.to_string();
        for arguments in [
            &["log", "--admin", &admin][..],
            &["log", "debug", "--admin", &admin],
            &["status", "--json", "--admin", &admin],
            &["status", "--admin", &admin],
        ] {
            let output = run(arguments);
            let said = text(&output);
            if status == 400 || arguments[0] == "log" {
                assert!(said.contains("[31mred") && said.contains("over"), "{said}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_valid_status_prints_no_control_characters() {
    let server = TestServer::start(&["--admin", "127.0.0.1:0"]);
    let real = server.admin_address().unwrap().to_string();
    let real = spawn_blocking(move || run(&["status", "--json", "--admin", &real]));
    let mut state: serde_json::Value = serde_json::from_slice(&real.await.unwrap().stdout).unwrap();
    state["version"] = STEERS.into();
    state["status"] = STEERS.into();
    let names: Vec<_> = (0..500)
        .map(|number| format!("{STEERS}\n{number}"))
        .collect();
    state["certificates"][0]["names"] = names.into();
    state["certificates"][0]["until"] = STEERS.into();
    let certificate = state["certificates"][0].clone();
    state["certificates"] = vec![certificate; 2].into();
    let plain = PlainServer::start(200, state.to_string());
    let admin = plain.address.to_string();
    let shown = spawn_blocking(move || {
        let said = text(&run(&["status", "--admin", &admin]));
        // JSON strings write control characters as escapes, which are plain text.
        (said, text(&run(&["status", "--json", "--admin", &admin])))
    });
    let (said, json) = shown.await.unwrap();
    assert!(said.contains("[31mred"), "{said}");
    assert!(said.contains("and 480 more"), "{said}");
    assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
}

#[test]
fn game_answers_print_no_control_characters() {
    let answers: [fn(&mut Tls, &AtomicUsize); 3] = [
        |stream, _| {
            request(stream);
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nLocation: {STEERS}\r\n\r\n{STEERS}"
            );
            stream.conn.send_close_notify();
            let _ = stream.flush();
        },
        |stream, _| {
            if upgrade(stream).is_some() {
                let code = [&1000_u16.to_be_bytes()[..], STEERS.as_bytes()].concat();
                let _ = stream.write_all(&frame(0x88, &code));
                let _ = stream.flush();
            }
        },
        |stream, _| {
            if upgrade(stream).is_some() {
                let fault = serde_json::json!({"event": "fault", "data":
                    {"event": "hello", "code": "bad_name", "message": STEERS}});
                let _ = stream.write_all(&frame(0x81, fault.to_string().as_bytes()));
                let _ = stream.flush();
                let _ = stream.read(&mut [0; 4096]);
            }
        },
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        let hostile = HostileServer::start(answer);
        let port = hostile.address.port().to_string();
        let host = format!("localhost:{port}");
        // `health` does not trust another program's answer, so it prints nothing of it.
        text(&run(&["health", "--port", &port]));
        text(&run(&["check", &host, "--http-port", "0"]));
        text(&run(&["check", &host, "--http-port", "0", "--json"]));
        // `play` takes the close of the second server for a lost connection and would try again without end.
        if number != 1 {
            let said = text(&run(&["play", &host, "--hand", "rock"]));
            assert!(number == 0 || said.contains("[31mred"), "{said}");
        }
    }
}
