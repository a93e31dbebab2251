//! The program as a process: what it prints, its signals, its certificates from files, its exit codes.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support;
use crate::support::program::{Running, wulin};
use crate::support::websocket::Dialect;
use crate::support::write_pair;

#[test]
fn sighup_reloads_the_certificates() {
    let home = tempfile::tempdir().unwrap();
    let certs = home.path().join("certs");
    std::fs::create_dir(&certs).unwrap();
    write_pair(&["localhost"], &certs.join("a.pem"), &certs.join("a.key"));
    let mut command = wulin(home.path());
    command
        .args(["--port", "0", "--http-port", "0", "--listen", "127.0.0.1"])
        .stderr(Stdio::piped());
    let mut running = Running::start(command);
    let mut said = BufReader::new(running.child.stderr.take().unwrap()).lines();
    let mut hear = |wanted: &str| {
        let line = said
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.contains(wanted));
        assert!(line.is_some(), "the log ended without {wanted:?}");
    };
    // An unusable certificate is logged and the old one is kept; the next usable one is served.
    std::fs::write(certs.join("a.pem"), "-----BEGIN CERTIFICATE-----").unwrap();
    running.signal("HUP");
    hear("SIGHUP");
    hear("the old one is still served");
    write_pair(&["localhost"], &certs.join("a.pem"), &certs.join("a.key"));
    running.signal("HUP");
    hear("a new certificate is served");
    running.signal("TERM");
    assert_eq!(running.exit_code(), Some(0));
}

#[test]
fn the_program_prints_its_address_and_stops_on_a_signal() {
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
fn a_second_signal_ends_the_drain() {
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
    // A player in a round of one hour keeps the drain from ending.
    let mut player = running.openssl_client();
    let mut request = b"GET /applet/websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".to_vec();
    for (event, payload) in [("hello", Some(support::hello("player"))), ("join", None)] {
        let text = Dialect::Native.write(event, payload.as_ref());
        // The mask is zero.
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
    // The drain has begun when the listener is closed: only then does INT count as the second signal.
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
fn startup_errors_have_a_reason_and_an_exit_code() {
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
fn a_flag_overrides_the_environment() {
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
