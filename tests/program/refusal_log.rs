//! Connections that a setting refuses are logged, with the flag that changes the setting, at most once a minute for
//! each reason.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

use crate::support::handed::secure;
use crate::support::port::Port;
use crate::support::program::Running;
use crate::support::server::{TestServer, Tls};
use crate::support::{PATIENCE, handed};

/// The first bytes of a TLS handshake.
const HELLO: &[u8] = b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03random";
const VERSION_2: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\x7f\0\0\x01\x12\x67\x01\xbb";
const PROXY: [&str; 3] = ["--trusted-proxies", "127.0.0.0/8", "--proxy-protocol"];

/// The program, and the lines of its log as they come.
struct LoggingProgram {
    home: PathBuf,
    running: Running,
    lines: Receiver<String>,
}

impl LoggingProgram {
    fn start(home: &Path, flags: &[&str]) -> LoggingProgram {
        let mut command = handed::wulin(home);
        command
            .args([
                "--listen",
                "127.0.0.1",
                "--port",
                "0",
                "--admin",
                "off",
                "--log-format",
                "json",
            ])
            .args(flags)
            .stderr(Stdio::piped());
        if !flags.contains(&"--http-port") {
            command.args(["--http-port", "0"]);
        }
        let mut running = Running::start(command);
        let log = BufReader::new(running.child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        LoggingProgram {
            home: home.to_owned(),
            running,
            lines,
        }
    }

    /// The next line about refused connections.
    fn hear(&self) -> Value {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("silence");
            if let Some(line) = turned_away(&line) {
                return line;
            }
        }
    }

    /// Ends the program. Returns the lines about refused connections that are left.
    fn end(self) -> Vec<Value> {
        self.running.signal("TERM");
        assert_eq!(self.running.exit_code(), Some(0));
        self.lines
            .iter()
            .filter_map(|line| turned_away(&line))
            .collect()
    }

    fn connect(&self) -> TcpStream {
        connect(self.running.port)
    }

    /// Sends these bytes and waits until the server closes the connection.
    fn refused(&self, bytes: &[u8]) {
        refused(self.connect(), bytes);
    }
}

fn turned_away(line: &str) -> Option<Value> {
    let line: Value = serde_json::from_str(line).unwrap();
    let words = line["message"].as_str()?;
    words.contains("turned away").then_some(line)
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn refused(mut stream: TcpStream, bytes: &[u8]) {
    let _ = stream.write_all(bytes);
    // The server may also reset the connection.
    if let Err(error) = stream.read_to_end(&mut Vec::new()) {
        assert_ne!(
            error.kind(),
            std::io::ErrorKind::WouldBlock,
            "it is not hung up on"
        );
    }
}

/// Asserts that the first refusal is logged at once, and all later ones in a single line at the end of the program,
/// with their count. (It comes after a minute if the program runs on.)
fn is_logged_once_a_minute(
    flags: &[&str],
    flag: &str,
    count: u64,
    turn_away: impl Fn(&LoggingProgram),
) {
    let home = tempfile::tempdir().unwrap();
    let program = LoggingProgram::start(home.path(), flags);
    turn_away(&program);
    let first = program.hear();
    assert_eq!(
        (&first["level"], &first["count"]),
        (&"WARN".into(), &1.into()),
        "{first}"
    );
    assert!(first["message"].as_str().unwrap().contains(flag), "{first}");
    for _ in 0..count {
        turn_away(&program);
    }
    let rest = program.end();
    assert_eq!(rest.len(), 1, "{rest:?}");
    assert_eq!(
        (&rest[0]["message"], &rest[0]["count"]),
        (&first["message"], &count.into())
    );
    for line in [&first, &rest[0]] {
        assert!(
            !line.to_string().contains("127.0.0.1"),
            "no address: {line}"
        );
    }
}

#[test]
fn the_limit_per_address_is_logged() {
    let held = std::cell::OnceCell::new();
    is_logged_once_a_minute(
        &["--max-connections-per-ip", "1", "--request-timeout", "1h"],
        "--max-connections-per-ip",
        5,
        |program| {
            held.get_or_init(|| holding(program));
            program.refused(b"");
        },
    );
}

#[test]
fn the_limit_of_all_connections_is_logged() {
    let held = std::cell::OnceCell::new();
    is_logged_once_a_minute(
        &["--max-connections", "1", "--request-timeout", "1h"],
        "--max-connections ",
        3,
        |program| {
            held.get_or_init(|| holding(program));
            program.refused(b"");
        },
    );
}

/// A connection that the server has accepted and that stays open, with the runtime it needs.
fn holding(program: &LoggingProgram) -> (Runtime, Tls) {
    let runtime = Runtime::new().unwrap();
    let stream = runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", program.running.port)).await;
        secure(&program.home, stream.unwrap()).await.unwrap()
    });
    (runtime, stream)
}

#[test]
fn a_missing_proxy_header_is_logged() {
    for bytes in [HELLO, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
        is_logged_once_a_minute(&PROXY, "--proxy-protocol", 2, |program| {
            program.refused(bytes);
        });
    }
}

#[test]
fn a_late_proxy_header_is_logged() {
    let flags = [&PROXY[..], &["--tls-timeout", "200ms"]].concat();
    for bytes in [b"".as_slice(), b"PROXY TC"] {
        is_logged_once_a_minute(&flags, "--proxy-protocol", 2, |program| {
            program.refused(bytes);
        });
    }
}

#[test]
fn an_invalid_proxy_header_is_logged() {
    for bytes in [
        b"PROXY TCP4 nowhere 10.0.0.1 1 2\r\n".as_slice(),
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\0",
    ] {
        is_logged_once_a_minute(&PROXY, "--proxy-protocol", 2, |program| {
            program.refused(bytes);
        });
    }
}

#[test]
fn an_unexpected_proxy_header_is_logged() {
    let bytes = [
        b"PROXY TCP4 192.0.2.1 127.0.0.1 4711 443\r\n".as_slice(),
        VERSION_2,
    ];
    for (bytes, flags) in bytes.into_iter().zip([
        &[][..],
        &["--trusted-proxies", "192.0.2.0/24", "--proxy-protocol"],
    ]) {
        is_logged_once_a_minute(flags, "--trusted-proxies", 2, |program| {
            program.refused(&[bytes, HELLO].concat());
        });
    }
    // A second header behind the expected one.
    let twice = [VERSION_2, VERSION_2, HELLO].concat();
    is_logged_once_a_minute(&PROXY, "--trusted-proxies", 2, |program| {
        program.refused(&twice);
    });

    let port = Port::free();
    let number = port.number.to_string();
    is_logged_once_a_minute(&["--http-port", &number], "--trusted-proxies", 2, |_| {
        let bytes =
            b"PROXY TCP4 192.0.2.1 127.0.0.1 4711 80\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        refused(connect(port.number), bytes);
    });
}

#[test]
fn log_addresses_shows_the_refused_address() {
    let home = tempfile::tempdir().unwrap();
    let flags = [&PROXY[..], &["--access-log", "--log-addresses"]].concat();
    let program = LoggingProgram::start(home.path(), &flags);
    program.refused(HELLO);
    assert_eq!(program.hear()["last"], "127.0.0.1");
    program.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_per_forwarded_address_is_logged() {
    let home = tempfile::tempdir().unwrap();
    let flags = [
        "--trusted-proxies",
        "127.0.0.1",
        "--max-connections-per-ip",
        "1",
        "--access-log",
        "--log-addresses",
    ];
    let program = LoggingProgram::start(home.path(), &flags);
    let mut streams = Vec::new();
    for status in ["HTTP/1.1 101", "HTTP/1.1 429"] {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", program.running.port))
            .await
            .unwrap();
        let mut stream = secure(home.path(), stream).await.unwrap();
        let request = "GET /applet/websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                       X-Forwarded-For: 203.0.113.9, ::ffff:192.0.2.7\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(std::str::from_utf8(&answer).unwrap(), status);
        streams.push(stream);
    }
    let line = program.hear();
    assert_eq!(line["last"], "192.0.2.7");
    assert!(
        line["message"]
            .as_str()
            .unwrap()
            .contains("--max-connections-per-ip"),
        "{line}"
    );
    drop(streams);
    assert_eq!(program.end(), Vec::<Value>::new());
}

/// Load balancers open and close a connection to see whether the port is open, which is no fault.
#[tokio::test(flavor = "multi_thread")]
async fn a_bare_port_check_is_not_counted_as_a_bad_proxy() {
    let server = TestServer::start(&[&PROXY[..], &["--admin", "127.0.0.1:0"]].concat());
    drop(
        tokio::net::TcpStream::connect(server.address())
            .await
            .unwrap(),
    );
    let closed = r#"wulin_connections_refused_total{reason="closed"} 1"#;
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let mut admin = tokio::net::TcpStream::connect(server.admin_address().unwrap())
            .await
            .unwrap();
        admin
            .write_all(b"GET /metrics HTTP/1.0\r\n\r\n")
            .await
            .unwrap();
        let mut text = String::new();
        admin.read_to_string(&mut text).await.unwrap();
        if text.contains(closed) {
            assert!(
                text.contains(r#"wulin_connections_refused_total{reason="proxy"} 0"#),
                "{text}"
            );
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{text}");
    }
}
