//! The edge over real sockets: routes, redirect, limits, TLS, and the program itself with its exit codes.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;
use support::engineio::request;
use support::websocket::Dialect;
use support::{Client, PATIENCE, TestServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time;
use wulin::runtime::Kind;

async fn get(server: &TestServer, path: &str) -> (u16, String) {
    request(server, &format!("GET {path}"), "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers() {
    let server = TestServer::start(&[]);
    let (status, page) = get(&server, "/").await;
    assert_eq!(status, 200);
    assert!(
        page.contains("It works") && page.contains("<code>/applet/websocket</code>"),
        "{page}"
    );
    for path in ["/applet/websocket", "/healthz", "/readyz"] {
        server.wait_for(Kind::Connection, 0).await;
        let (status, body) = get(&server, path).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &body["status"]), (200, &"ok".into()), "{path}");
        assert_eq!(body["connections"], 1, "the server counts what is there");
    }
    for path in [
        "/nothing",
        "/applet/websocket/",
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
    server.wait_for(Kind::Connection, 1).await;
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
    server.wait_for(Kind::Connection, 2).await;
    Client::greet(&server, Dialect::Native, "welcome").await;
}

/// The program, with nothing of this machine's settings.
fn wulin(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wulin"));
    command
        .env_clear()
        .env("XDG_STATE_HOME", home)
        .current_dir(home);
    command
}

/// A certificate for `names` that a server can use, and its key, in the files given.
fn write_pair(names: &[&str], certificate: &Path, key: &Path) {
    let signer = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let issued = CertificateParams::new(names)
        .unwrap()
        .self_signed(&signer)
        .unwrap();
    std::fs::write(certificate, issued.pem()).unwrap();
    std::fs::write(key, signer.serialize_pem()).unwrap();
}

/// A running program and the port it said it is at.
struct Running {
    child: std::process::Child,
    said: Vec<String>,
    port: u16,
}

impl Running {
    fn start(mut command: Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said: Vec<String> = (0..2).map_while(|_| lines.next()?.ok()).collect();
        let port = said
            .first()
            .and_then(|line| line.rsplit(':').next()?.parse().ok());
        let Some(port) = port else {
            let _ = child.kill();
            panic!("said no port: {said:?}");
        };
        Running { child, said, port }
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    fn exit_code(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

#[test]
fn the_program_says_where_it_is_answers_health_and_stops_when_told() {
    let home = tempfile::tempdir().unwrap();
    for signal in ["TERM", "INT"] {
        let mut command = wulin(home.path());
        command.args(["--port", "0", "--listen", "127.0.0.1"]);
        let running = Running::start(command);
        assert!(
            running.said[0].contains("https://localhost:"),
            "{:?}",
            running.said
        );
        assert!(
            running.said[1].contains("/applet/websocket"),
            "{:?}",
            running.said
        );
        let health = wulin(home.path())
            .args(["health", "--port", &running.port.to_string()])
            .output()
            .unwrap();
        assert!(health.status.success(), "{health:?}");
        let body: Value = serde_json::from_slice(&health.stdout).unwrap();
        assert_eq!(body["status"], "ok");
        running.signal(signal);
        assert_eq!(running.exit_code(), Some(0));
    }
    let kept = home.path().join("wulin/self-signed.pem");
    assert!(
        kept.exists(),
        "the self-made certificate is kept for the next start"
    );
    let health = wulin(home.path())
        .args(["health", "--port", "1"])
        .output()
        .unwrap();
    assert_eq!(health.status.code(), Some(1));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let home = tempfile::tempdir().unwrap();
    let mut command = wulin(home.path());
    command.args(["--port", "0", "--listen", "127.0.0.1"]);
    command.args([
        "--drain-timeout",
        "1h",
        "--game-time",
        "1h",
        "--robot-wait",
        "0",
    ]);
    let running = Running::start(command);
    // A round that would take an hour.
    let mut player = Command::new("openssl")
        .args([
            "s_client",
            "-quiet",
            "-connect",
            &format!("127.0.0.1:{}", running.port),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut request = b"GET /applet/websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".to_vec();
    for (event, payload) in [("hello", Some(support::hello("player"))), ("join", None)] {
        let text = Dialect::Native.write(event, payload.as_ref());
        // Masked with zeros.
        request.extend([0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0]);
        request.extend(text.as_bytes());
    }
    player.stdin.as_mut().unwrap().write_all(&request).unwrap();
    let mut heard = Vec::new();
    let mut output = player.stdout.take().unwrap();
    while !String::from_utf8_lossy(&heard).contains(r#""event":"start""#) {
        let mut byte = [0];
        assert_eq!(
            output.read(&mut byte).unwrap(),
            1,
            "closed: {}",
            String::from_utf8_lossy(&heard)
        );
        heard.extend(byte);
    }
    running.signal("TERM");
    // The listener is closed while it drains: only then is the second signal a second one.
    while std::net::TcpStream::connect(("127.0.0.1", running.port)).is_ok() {
        std::thread::sleep(Duration::from_millis(10));
    }
    running.signal("INT");
    assert_eq!(running.exit_code(), Some(1));
    let _ = player.wait();
}

#[test]
fn every_way_to_give_certificates_works() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("bundle");
    std::fs::create_dir(&folder).unwrap();
    let (certificate, key) = (
        folder.join("1_game.example_bundle.crt"),
        folder.join("2_game.example.key"),
    );
    write_pair(&["game.example", "*.game.example"], &certificate, &key);
    let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let ways = [
        vec![
            "--tls-cert".to_owned(),
            text(&certificate),
            "--tls-key".to_owned(),
            text(&key),
        ],
        vec!["--tls-dir".to_owned(), text(&folder)],
        vec![
            "--tls-dir".to_owned(),
            text(&folder),
            "--domain".to_owned(),
            "a.game.example".to_owned(),
        ],
    ];
    for way in ways {
        let mut command = wulin(home.path());
        command
            .args(["--port", "0", "--http-port", "0", "--listen", "127.0.0.1"])
            .args(&way);
        let running = Running::start(command);
        assert!(
            running.said[0].contains("game.example"),
            "{:?}",
            running.said
        );
        let output = Command::new("openssl")
            .args([
                "s_client",
                "-servername",
                "game.example",
                "-connect",
                &format!("127.0.0.1:{}", running.port),
            ])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        let served = shown
            .split("-----BEGIN CERTIFICATE-----")
            .nth(1)
            .unwrap()
            .split("-----END")
            .next()
            .unwrap()
            .to_owned();
        assert!(
            std::fs::read_to_string(&certificate)
                .unwrap()
                .contains(served.trim()),
            "{shown}"
        );
        running.signal("TERM");
        assert_eq!(running.exit_code(), Some(0));
    }
}

#[test]
fn what_cannot_work_is_said_in_words_and_in_the_exit_code() {
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    write_pair(
        &["a.example"],
        Path::new(&file("a.crt")),
        Path::new(&file("a.key")),
    );
    write_pair(
        &["b.example"],
        Path::new(&file("b.crt")),
        Path::new(&file("b.key")),
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let cases: [(&[&str], i32, &[&str]); 7] = [
        (
            &["--tls-cert", "a.crt", "--tls-key", "b.key"],
            78,
            &["b.key", "a.example"],
        ),
        (
            &["--tls-cert", "missing.crt", "--tls-key", "a.key"],
            78,
            &["missing.crt"],
        ),
        (&["--tls-dir", "nowhere"], 78, &["nowhere"]),
        (
            &[
                "--tls-cert",
                "a.crt",
                "--tls-key",
                "a.key",
                "--domain",
                "c.example",
            ],
            78,
            &["c.example", "a.example"],
        ),
        (&["--base-path", "oops"], 78, &["oops"]),
        (&["--no-such-flag"], 2, &["--no-such-flag"]),
        (
            &["--listen", "127.0.0.1", "--port", &port],
            1,
            &[&port, "in use"],
        ),
    ];
    for (arguments, code, words) in cases {
        let output = wulin(home.path()).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{word:?} is not in {said:?}");
        }
    }
}

#[test]
fn flag_beats_environment_beats_default() {
    let home = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut command = wulin(home.path());
    command
        .env("WULIN_PORT", &port)
        .args(["--listen", "127.0.0.1"])
        .stderr(Stdio::piped());
    let mut said = String::new();
    let mut child = command.spawn().unwrap();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{said}");
    assert!(said.contains(&port), "{said}");
    let mut command = wulin(home.path());
    command
        .env("WULIN_PORT", &port)
        .args(["--listen", "127.0.0.1", "--port", "0"]);
    let running = Running::start(command);
    assert_ne!(running.port.to_string(), port);
    running.signal("TERM");
    assert_eq!(running.exit_code(), Some(0));
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
