//! `wulin bench`, small, against a real server: what it counts adds up, and whoever gets lost is told.

mod support;

use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use support::server::TestServer;
use wulin_server::runtime::Gauge;

const PROTOCOLS: [&str; 3] = ["native", "eio3", "eio4"];
const PEOPLE: u64 = 20;

/// The program, about to load this server with twenty people.
fn bench(address: SocketAddr, arguments: &[&str]) -> Command {
    let mut command = crowd(address, "20");
    command.arg("--json").args(arguments);
    command
}

fn crowd(address: SocketAddr, people: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wulin"));
    command
        .env_clear()
        .args(["bench", &address.to_string(), "--people", people]);
    command
}

/// What a run that was to succeed has to tell.
fn sound(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    let report = report(output);
    assert_eq!(output.status.code(), Some(0), "{said} {report:#}");
    assert_eq!(report["ok"], true);
    assert_eq!(report["people"]["came"], PEOPLE);
    assert_eq!(report["people"]["lost"], 0);
    assert_eq!(report["arrival"]["ms"]["count"], PEOPLE);
    assert_eq!(report["refused"], serde_json::json!({}));
    report
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_comes_and_leaves_in_every_protocol() {
    let server = TestServer::start(&[]);
    for protocol in PROTOCOLS {
        let arguments = ["--protocol", protocol, "--at-once", "7", "--admin", "off"];
        let report = sound(&bench(server.address(), &arguments).output().unwrap());
        assert_eq!(report["asked"]["protocol"], protocol);
        assert!(number(&report["arrival"]["per_second"]) > 0.0);
        assert!(report["server"]["unknown"].is_string());
        server.wait_until_empty().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_held_answers_pings_and_the_server_is_weighed() {
    // Engine.IO 4 would be cut off after little more than a second without its answers.
    let flags = ["--ping-interval", "200ms", "--ping-timeout", "1s"];
    let server = TestServer::start(&flags);
    let pid = std::process::id().to_string();
    for protocol in PROTOCOLS {
        let arguments = ["--mode", "hold", "--protocol", protocol, "--time", "3s"];
        let mut command = bench(server.address(), &arguments);
        let report = sound(&command.args(["--pid", &pid]).output().unwrap());
        let cost = &report["server"];
        for name in [
            "resident_bytes_before",
            "resident_bytes_with_people",
            "resident_bytes_after",
        ] {
            assert!(number(&cost[name]) > 1e6, "{name}: {cost}");
        }
        assert!(number(&cost["cpu_ms_per_arrival"]) >= 0.0);
        let names: Vec<_> = report["stages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|stage| &stage["name"])
            .collect();
        assert_eq!(names, ["arrival", "hold", "departure"]);
        server.wait_until_empty().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cost_is_asked_of_the_right_server() {
    let server = TestServer::start(&["--admin", "127.0.0.1:0"]);
    let other = TestServer::start(&[]);
    let admin = server.admin_address().unwrap().to_string();
    let cost = |server: &TestServer| {
        let output = bench(server.address(), &["--admin", &admin]).output();
        sound(&output.unwrap())["server"].clone()
    };
    assert!(number(&cost(&server)["resident_bytes_before"]) > 1e6);
    let unknown = cost(&other);
    assert!(unknown["resident_bytes_before"].is_null());
    assert!(unknown["unknown"].as_str().unwrap().contains("at port"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rounds_are_played_and_every_choice_is_seen() {
    let server = TestServer::start(&["--game-time", "1s", "--robot-wait", "20s"]);
    for protocol in PROTOCOLS {
        let arguments = [
            "--mode",
            "play",
            "--protocol",
            protocol,
            "--time",
            "4s",
            "--warm-up",
            "500ms",
            "--think",
            "200ms",
            "--choice-every",
            "200ms",
            "--admin",
            "off",
        ];
        let report = sound(&bench(server.address(), &arguments).output().unwrap());
        let play = &report["play"];
        assert!(number(&play["rounds"]) >= 1.0, "{play:#}");
        assert_eq!(play["rounds_with_others"], 0);
        assert_eq!(play["missing_movements"], 0);
        assert!(number(&play["choices"]) > 0.0);
        for times in ["movement_ms", "movement_from_sending_ms", "sending_ms"] {
            assert_eq!(play[times]["count"], play["choices"], "{times}");
        }
        // What was due counts from earlier than what was sent.
        assert!(
            number(&play["movement_ms"]["mean"])
                >= number(&play["movement_from_sending_ms"]["mean"])
        );
        assert!(number(&play["result_late_ms"]["count"]) > 0.0);
        server.wait_until_empty().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_are_timed_until_something_comes_back() {
    // Whoever chooses outside a round is told so, frame by frame: as good as an echo.
    let server = TestServer::start(&["--admin", "127.0.0.1:0"]);
    let admin = server.admin_address().unwrap().to_string();
    let arguments = ["--mode", "echo", "--time", "1s", "--warm-up", "100ms"];
    let mut command = bench(server.address(), &arguments);
    let output = command
        .args(["--choice-every", "200ms", "--admin", &admin])
        .output();
    let report = sound(&output.unwrap());
    let echo = &report["echo"];
    assert!(number(&echo["echo_ms"]["count"]) > 0.0, "{echo:#}");
    for times in ["echo_from_sending_ms", "sending_ms"] {
        assert_eq!(echo[times]["count"], echo["echo_ms"]["count"], "{times}");
    }
    assert!(number(&echo["echo_ms"]["mean"]) >= number(&echo["echo_from_sending_ms"]["mean"]));
    assert!(number(&echo["echo_from_sending_ms"]["min"]) > 0.0);
    assert!(number(&report["server"]["cpu_us_per_message"]) >= 0.0);
    assert!(report["play"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_plays_robots_is_counted_apart() {
    let server = TestServer::start(&["--game-time", "1s", "--robot-wait", "0"]);
    let output = crowd(server.address(), "1")
        .args(["--mode", "play", "--time", "3s", "--warm-up", "100ms"])
        .args(["--think", "100ms", "--admin", "off", "--json"])
        .output()
        .unwrap();
    let report = report(&output);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    let play = &report["play"];
    assert!(number(&play["rounds"]) >= 1.0, "{play:#}");
    assert!((number(&play["rounds"]) - number(&play["rounds_with_others"])).abs() < 1e-9);
    assert_eq!(play["movement_ms"]["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_comes_back_after_a_storm() {
    let server = TestServer::start(&[]);
    for protocol in PROTOCOLS {
        let arguments = ["--mode", "storm", "--protocol", protocol, "--admin", "off"];
        let report = sound(&bench(server.address(), &arguments).output().unwrap());
        assert_eq!(report["storm"]["ms"]["count"], PEOPLE);
        server.wait_until_empty().await;
    }
}

/// A run that is under way, with everybody there.
async fn under_way(server: &TestServer, arguments: &[&str]) -> Child {
    let child = bench(server.address(), arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    server.wait_for(Gauge::Person, PEOPLE as usize).await;
    child
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_is_told_as_loss() {
    for mode in ["hold", "play"] {
        let server = TestServer::start(&["--game-time", "1s"]);
        // Longer than any test: it must end by itself.
        let arguments = ["--mode", mode, "--time", "1h", "--admin", "off"];
        let child = under_way(&server, &arguments).await;
        server.drain().await;
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{mode}");
        let report = report(&output);
        assert_eq!(report["ok"], false);
        assert_eq!(report["people"]["came"], PEOPLE);
        assert_eq!(report["people"]["lost"], PEOPLE, "{report:#}");
    }
}

#[test]
fn a_server_that_is_not_there_loses_everybody() {
    // Bound and not listening: nobody else can take the port meanwhile.
    let port = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    port.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    let address = port.local_addr().unwrap().as_socket().unwrap();
    let output = bench(address, &["--admin", "off"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report = report(&output);
    assert_eq!(report["people"]["came"], 0);
    assert_eq!(report["people"]["lost"], PEOPLE);
    assert_eq!(report["people"]["why"].as_object().unwrap().len(), 1);
}

#[test]
fn what_should_not_be_loaded_or_does_not_fit_is_refused() {
    let refused = |mut command: Command| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    };
    let elsewhere = SocketAddr::from(([192, 0, 2, 1], 443));
    let said = refused(bench(elsewhere, &[]));
    assert!(
        said.contains("192.0.2.1") && said.contains("--anywhere"),
        "{said}"
    );

    let here = SocketAddr::from(([127, 0, 0, 1], 1));
    let said = refused(bench(here, &["--pid", "4000000000"]));
    assert!(said.contains("process 4000000000"), "{said}");

    let mut few_files = Command::new("sh");
    few_files.arg("-c").arg(format!(
        "ulimit -n 100 && exec '{}' bench {here} --mode hold --people 200",
        env!("CARGO_BIN_EXE_wulin")
    ));
    let said = refused(few_files);
    assert!(
        said.contains("100 open files") && said.contains("not for 200"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn people_get_a_table_and_a_picture() {
    let server = TestServer::start(&[]);
    let home = tempfile::tempdir().unwrap();
    let output = crowd(server.address(), "5")
        .current_dir(home.path())
        .args(["--plot", "run.svg", "--admin", "off"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    // No terminal, no line of progress.
    assert!(output.stderr.is_empty());
    let table = String::from_utf8(output.stdout).unwrap();
    for word in [
        "5 of 5 came, 0 lost",
        "p99.9",
        "from connecting to hi",
        "unknown: ",
    ] {
        assert!(table.contains(word), "{word}: {table}");
    }
    let svg = std::fs::read_to_string(home.path().join("run.svg")).unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains("connecting to hi (5)"));
}
