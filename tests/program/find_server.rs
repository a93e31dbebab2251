//! `wulin health`, `status` and `log` find the server of this user by its notice, however it was started, and never
//! mistake another one for it.

use std::fs;
use std::net::TcpListener as Listener;
use std::path::Path;
use std::process::{Output, Stdio};

use rustls::ServerConfig;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use wulin_command::notice::{Notice, network, settled};

use crate::support;
use crate::support::program::{Running, wulin};
use crate::support::server::TestServer;

/// Starts a server with its state below `home`, on a free port, with these flags.
fn start(home: &Path, flags: &[&str]) -> Running {
    let mut command = wulin(home);
    command.args(["--port", "0"]);
    if !flags.contains(&"--admin") {
        command.args(["--admin", "127.0.0.1:0"]);
    }
    if !flags.contains(&"--listen") {
        command.args(["--listen", "127.0.0.1"]);
    }
    command.args(flags).stderr(Stdio::null());
    Running::start(command)
}

fn ask(home: &Path, environment: &[(&str, &str)], line: &[&str]) -> Output {
    let mut command = wulin(home);
    command.envs(environment.iter().copied()).args(line);
    command.output().unwrap()
}

#[track_caller]
fn is_well(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let body: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&body["status"], &body["service"]),
        (&"ok".into(), &"wulin".into())
    );
}

#[track_caller]
fn is_not(output: &Output, word: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(said.contains(word), "{word:?} is not in {said}");
}

fn stop(running: Running) {
    running.signal("TERM");
    assert_eq!(running.exit_code(), Some(0));
}

/// How many notices there are below `home`.
fn notices(home: &Path) -> usize {
    let folder = fs::read_dir(home.join("wulin/running"));
    folder.map_or(0, Iterator::count)
}

#[test]
fn health_finds_the_server_whatever_its_flags() {
    let ipv6 = Listener::bind("[::1]:0").is_ok();
    let proxied = ["--trusted-proxies", "127.0.0.0/8,::1", "--proxy-protocol"];
    for flags in [
        &[][..],
        &["--base-path", "/ws"],
        &["--listen", "::1"],
        &["--listen", "127.0.0.2"],
        &["--listen", "0.0.0.0"],
        &proxied,
        &["--trusted-proxies", "192.0.2.0/24", "--proxy-protocol"],
        &["--state-dir", "elsewhere"],
        &["--admin", "off"],
    ] {
        if flags.contains(&"::1") && !ipv6 {
            println!("SKIPPED: this machine has no IPv6");
            continue;
        }
        let home = tempfile::tempdir().unwrap();
        let running = start(home.path(), flags);
        is_well(&ask(home.path(), &[], &["health"]));
        // Variables that name another port and address do not mislead the command: the server's own flags override
        // them, as its notice says.
        is_well(&ask(
            home.path(),
            &[("WULIN_PORT", "1"), ("WULIN_LISTEN", "192.0.2.1")],
            &["health"],
        ));
        let port = running.port.to_string();
        is_well(&ask(home.path(), &[], &["health", "--port", &port]));
        is_not(&ask(home.path(), &[], &["health", "--port", "1"]), &port);
        stop(running);
        is_not(&ask(home.path(), &[], &["health"]), "no server");
        assert_eq!(
            notices(home.path()),
            0,
            "a clean stop takes the notice down"
        );
    }
}

#[test]
fn health_works_without_admin_and_without_a_state_folder() {
    let home = tempfile::tempdir().unwrap();
    // A file where the state folder would be, so that not even root can create it: the notice goes to the temporary
    // folder instead.
    fs::write(home.path().join("wulin"), "").unwrap();
    let temporary = home.path().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let environment = [("TMPDIR", temporary.to_str().unwrap())];
    let mut command = wulin(home.path());
    command.envs(environment);
    command.args(["--port", "0", "--listen", "127.0.0.1", "--admin", "off"]);
    let running = Running::start(command);
    is_well(&ask(home.path(), &environment, &["health"]));
    is_not(&ask(home.path(), &environment, &["status"]), "--admin off");
    stop(running);
    is_not(&ask(home.path(), &environment, &["health"]), "no server");
}

#[test]
fn two_servers_on_one_machine_are_told_apart() {
    let home = tempfile::tempdir().unwrap();
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = start(one.path(), &[]);
    let second = start(other.path(), &[]);
    let (first_port, second_port) = (first.port.to_string(), second.port.to_string());
    is_well(&ask(one.path(), &[], &["health", "--port", &first_port]));
    is_well(&ask(other.path(), &[], &["health", "--port", &second_port]));
    // A command asks only its own server, even when `--port` names the other.
    is_not(
        &ask(one.path(), &[], &["health", "--port", &second_port]),
        &first_port,
    );
    // The state folder, by variable or flag, chooses the server from any home.
    for (folder, port) in [(one.path(), &first_port), (other.path(), &second_port)] {
        let folder = folder.join("wulin");
        let folder = folder.to_str().unwrap();
        for (environment, flags) in [
            (&[("WULIN_STATE_DIR", folder)][..], &[][..]),
            (&[], &["--state-dir", folder]),
        ] {
            is_well(&ask(
                home.path(),
                environment,
                &[&["health"], flags].concat(),
            ));
            let status = ask(
                home.path(),
                environment,
                &[&["status", "--json"], flags].concat(),
            );
            let status: Value = serde_json::from_slice(&status.stdout).unwrap();
            assert_eq!(status["https"], format!("127.0.0.1:{port}"));
        }
    }
    // The first has ended and the other one has the port that is asked for, but it is not this home's server.
    stop(first);
    for line in [&["health"][..], &["health", "--port", &second_port]] {
        is_not(
            &ask(one.path(), &[("WULIN_PORT", &second_port)], line),
            "no server",
        );
    }
    is_well(&ask(other.path(), &[], &["health"]));
    stop(second);
}

#[test]
fn servers_sharing_a_state_folder_are_chosen_by_port() {
    let home = tempfile::tempdir().unwrap();
    let first = start(home.path(), &[]);
    let second = start(home.path(), &[]);
    let output = ask(home.path(), &[], &["health"]);
    is_not(&output, "--port");
    for running in [&first, &second] {
        is_not(&output, &running.port.to_string());
        let port = running.port.to_string();
        is_well(&ask(home.path(), &[], &["health", "--port", &port]));
        is_well(&ask(home.path(), &[("WULIN_PORT", &port)], &["health"]));
    }
    stop(first);
    is_well(&ask(home.path(), &[], &["health"]));
    stop(second);
}

#[test]
fn the_notice_of_a_killed_server_is_removed() {
    let home = tempfile::tempdir().unwrap();
    let mut killed = start(home.path(), &[]);
    assert_eq!(notices(home.path()), 1);
    killed.child.kill().unwrap();
    killed.child.wait().unwrap();
    assert_eq!(notices(home.path()), 1);
    is_not(&ask(home.path(), &[], &["health"]), "no server");
    assert_eq!(notices(home.path()), 0);
    let running = start(home.path(), &[]);
    is_well(&ask(home.path(), &[], &["health"]));
    stop(running);
}

/// Writes and locks a notice of a server that is gone, while another one has its port.
fn forge(
    home: &Path,
    https: std::net::SocketAddr,
    admin: Option<std::net::SocketAddr>,
) -> fs::File {
    let state_dir = settled(&home.join("wulin"));
    let notice = Notice {
        instance: "f0".repeat(16),
        pid: std::process::id(),
        https,
        admin,
        proxies: Vec::new(),
        state_dir: Some(state_dir.clone()),
        usual: Some(state_dir.clone()),
        network: network(),
    };
    let folder = state_dir.join("running");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("forged.json");
    fs::write(&file, serde_json::to_vec(&notice).unwrap()).unwrap();
    let file = fs::File::open(file).unwrap();
    file.lock().unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_at_the_address_is_recognized() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("wulin")).unwrap();
    let other = TestServer::start(&["--admin", "127.0.0.1:0"]);
    let held = forge(home.path(), other.address(), other.admin_address());
    for line in [&["health"][..], &["status"], &["log", "debug"]] {
        is_not(&ask(home.path(), &[], line), "another server");
    }
    drop(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_program_that_answers_200_is_recognized() {
    let home = tempfile::tempdir().unwrap();
    let (certificate, key) = (home.path().join("a.pem"), home.path().join("a.key"));
    support::write_pair(&["localhost"], &certificate, &key);
    let pair = wulin_certs::load_pair(&certificate, &key, std::time::SystemTime::now());
    let pair = pair.unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(std::sync::Arc::new(rustls::sign::SingleCertAndKey::from(
            (*pair.certified).clone(),
        )));
    let acceptor = TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let _ = stream.read(&mut [0; 4096]).await;
            let body = r#"{"status":"ok","service":"wulin"}"#;
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    let held = forge(home.path(), address, None);
    is_not(&ask(home.path(), &[], &["health"]), "another server");
    drop(held);
    task.abort();
}

#[test]
fn status_and_log_find_the_admin_listener() {
    let home = tempfile::tempdir().unwrap();
    let running = start(home.path(), &[]);
    let status = ask(home.path(), &[], &["status"]);
    assert_eq!(status.status.code(), Some(0), "{status:?}");
    let page = String::from_utf8_lossy(&status.stdout);
    assert!(
        page.contains(&format!("127.0.0.1:{}", running.port)),
        "{page}"
    );
    // Variables that the server's flags override.
    for admin in ["127.0.0.1:1", "off", "127.0.0.1:0"] {
        let environment = [("WULIN_ADMIN", admin)];
        let status = ask(home.path(), &environment, &["status"]);
        assert_eq!(status.status.code(), Some(0), "{admin}: {status:?}");
        let log = ask(home.path(), &environment, &["log", "warn"]);
        assert_eq!(String::from_utf8_lossy(&log.stdout).trim(), "warn");
    }
    stop(running);
}

#[test]
fn a_second_signal_removes_the_notice() {
    let home = tempfile::tempdir().unwrap();
    let running = start(home.path(), &["--drain-timeout", "1h"]);
    // An idle connection keeps the drain from ending.
    let mut idle = running.openssl_client();
    running.signal("TERM");
    running.signal("INT");
    let _ = running.exit_code();
    assert_eq!(notices(home.path()), 0);
    let _ = idle.kill();
    let _ = idle.wait();
}
