//! What an operator sees and changes: the log, the status, the settings.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{ChildStderr, Output, Stdio};

use serde_json::Value;

use crate::support::program::{Running, wulin};

/// A running program with an admin listener, and its log.
struct Watched {
    running: Running,
    log: Lines<BufReader<ChildStderr>>,
    admin: String,
}

impl Watched {
    fn start(home: &Path, format: &str, flags: &[&str]) -> Watched {
        let mut command = wulin(home);
        command
            .args([
                "--port",
                "0",
                "--listen",
                "127.0.0.1",
                "--admin",
                "127.0.0.1:0",
            ])
            .args(["--log-format", format])
            .args(flags)
            .stderr(Stdio::piped());
        let mut running = Running::start(command);
        let mut watched = Watched {
            log: BufReader::new(running.child.stderr.take().unwrap()).lines(),
            running,
            admin: String::new(),
        };
        let line = watched.hear("listening");
        let (_, rest) = line.split_once("admin").unwrap();
        let address = rest.trim_start_matches(|c: char| !c.is_ascii_digit());
        let end = address.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':');
        address[..end.unwrap_or(address.len())].clone_into(&mut watched.admin);
        watched
    }

    /// The next line of the log that contains `wanted`.
    fn hear(&mut self, wanted: &str) -> String {
        let mut lines = self.log.by_ref().map_while(Result::ok);
        let line = lines.find(|line| line.contains(wanted));
        line.unwrap_or_else(|| panic!("the log ended without {wanted:?}"))
    }

    /// Runs another command of the program against this one.
    fn command(&self, home: &Path, arguments: &[&str]) -> Output {
        let mut command = wulin(home);
        command.args(arguments).args(["--admin", &self.admin]);
        command.output().unwrap()
    }

    fn health(&self, home: &Path) {
        let port = self.running.port.to_string();
        let health = wulin(home).args(["health", "--port", &port]).output();
        assert!(health.unwrap().status.success());
    }

    fn end(self) {
        self.running.signal("TERM");
        assert_eq!(self.running.exit_code(), Some(0));
    }
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn status_prints_a_page_or_json_and_can_watch() {
    let home = tempfile::tempdir().unwrap();
    let server = Watched::start(home.path(), "human", &[]);
    let page = said(&server.command(home.path(), &["status"]));
    let port = server.running.port.to_string();
    for word in ["serving", &port, "0 online", "localhost", "364 days"] {
        assert!(page.contains(word), "{word} is missing:\n{page}");
    }
    let json = said(&server.command(home.path(), &["status", "--json"]));
    let state: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(state["https"], format!("127.0.0.1:{port}"));

    // `--watch` prints again and again until the server is gone, and then says that.
    let mut watching = wulin(home.path())
        .args(["status", "--watch", "200ms", "--admin", &server.admin])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pages = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut pages = pages.map_while(Result::ok);
    for _ in 0..3 {
        assert!(pages.any(|line| line.starts_with("people")));
    }
    let admin = server.admin.clone();
    server.end();
    let ending = watching.wait_with_output().unwrap();
    assert_eq!(ending.status.code(), Some(1));
    let sentence = String::from_utf8(ending.stderr).unwrap();
    assert!(sentence.contains(&admin), "{sentence}");
}

#[test]
fn log_changes_the_level_and_sighup_restores_it() {
    let home = tempfile::tempdir().unwrap();
    let mut server = Watched::start(home.path(), "human", &[]);
    assert_eq!(said(&server.command(home.path(), &["log"])).trim(), "info");
    let level = said(&server.command(home.path(), &["log", "info,wulin=debug"]));
    assert!(level.contains("wulin=debug"), "{level}");
    server.hear("has been changed");
    let wrong = server.command(home.path(), &["log", "loud"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("Write a level"));
    server.running.signal("HUP");
    server.hear("SIGHUP");
    // The level changes some time after the log says SIGHUP.
    while said(&server.command(home.path(), &["log"])).trim() != "info" {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    server.end();
}

#[test]
fn the_access_log_holds_no_addresses_by_default() {
    let home = tempfile::tempdir().unwrap();
    let mut server = Watched::start(home.path(), "json", &["--access-log"]);
    server.health(home.path());
    let line: Value = serde_json::from_str(&server.hear("/healthz")).unwrap();
    assert_eq!(line["target"], "access");
    assert_eq!(
        (&line["method"], &line["status"]),
        (&"GET".into(), &200.into())
    );
    assert!(line.get("address").is_none(), "{line}");
    server.end();

    let flags = ["--access-log", "--log-addresses"];
    let mut server = Watched::start(home.path(), "json", &flags);
    server.health(home.path());
    let line: Value = serde_json::from_str(&server.hear("/healthz")).unwrap();
    assert_eq!(line["address"], "127.0.0.1");
    server.end();
}

#[test]
fn journald_lines_have_priorities_and_no_time() {
    let home = tempfile::tempdir().unwrap();
    let mut command = wulin(home.path());
    command
        .args(["--port", "0", "--listen", "127.0.0.1", "--admin", "off"])
        .env("JOURNAL_STREAM", "8:1234")
        .stderr(Stdio::piped());
    let mut running = Running::start(command);
    let lines = BufReader::new(running.child.stderr.take().unwrap()).lines();
    let mut lines = lines.map_while(Result::ok);
    let warning = lines.next().unwrap();
    assert!(
        warning.starts_with("<4>No certificate was given"),
        "{warning}"
    );
    let listening = lines.next().unwrap();
    assert!(listening.starts_with("<6>listening"), "{listening}");
    running.signal("TERM");
    assert_eq!(running.exit_code(), Some(0));
}

#[test]
fn print_config_prints_the_settings_and_exits() {
    let home = tempfile::tempdir().unwrap();
    let output = wulin(home.path())
        .env("WULIN_SEATS", "3")
        .args(["serve", "--print-config", "--game-time", "7s"])
        .output()
        .unwrap();
    let table = said(&output);
    let row = |flag: &str| {
        let row = table.lines().find(|line| line.starts_with(flag)).unwrap();
        row.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(row("--seats"), ["--seats", "3", "WULIN_SEATS"]);
    assert_eq!(
        row("--game-time"),
        ["--game-time", "7s", "the", "command", "line"]
    );
    assert_eq!(row("--log "), ["--log", "info", "default"]);
    assert!(table.contains("self-signed.pem: for localhost"), "{table}");
    // Invalid settings end it as they would end the server's start.
    let output = wulin(home.path())
        .args(["--print-config", "--proxy-protocol"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--trusted-proxies"));
}

#[test]
fn health_works_when_the_proxy_protocol_is_required() {
    let home = tempfile::tempdir().unwrap();
    let flags = ["--trusted-proxies", "127.0.0.1", "--proxy-protocol"];
    let server = Watched::start(home.path(), "human", &flags);
    let port = server.running.port.to_string();
    // The server's notice says whether it needs the header, whatever the variable says: a container's health check has
    // the variable, a shell on the host has not.
    for variable in ["1", "0", ""] {
        let mut command = wulin(home.path());
        command.args(["health", "--port", &port]);
        command.env("WULIN_PROXY_PROTOCOL", variable);
        assert_eq!(command.output().unwrap().status.code(), Some(0));
    }
    server.end();
}
