//! `wulin play` as a process: reading and printing lines, and on a pseudo-terminal.

#[path = "../support/mod.rs"]
mod support;

mod friends;
mod window;

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};

use tokio::task::spawn_blocking;
use wulin_server::runtime::Gauge;

use crate::friends::FRIENDS;
use crate::support::authority::Authority;
use crate::support::program;
use crate::support::server::TestServer;
use crate::window::Window;

/// Short rounds, and robots that come at once.
const QUICK: [&str; 4] = ["--robot-wait", "100ms", "--game-time", "1s"];

fn wulin(server: &TestServer, arguments: &[&str]) -> Command {
    wulin_at(server.address(), arguments)
}

fn wulin_at(server: SocketAddr, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wulin"));
    command
        .arg("play")
        .arg(format!("localhost:{}", server.port()))
        .args(arguments)
        .env_clear()
        .env("LANG", "C.UTF-8");
    command
}

/// Runs the command with this text on its standard input.
async fn play(mut command: Command, typed: &'static str) -> Output {
    spawn_blocking(move || {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // The program may have ended before it has read everything.
        let _ = stdin.write_all(typed.as_bytes());
        drop(stdin);
        child.wait_with_output().unwrap()
    })
    .await
    .unwrap()
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_plays_a_round_against_a_robot() {
    let server = TestServer::start(&QUICK);
    let output = play(wulin(&server, &["--hand", "rock"]), "").await;
    let said = text(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("(Robot)") && said.contains("You: rock"),
        "{said}"
    );
    assert!(!said.contains('\x1b'), "no colours into a file: {said}");
    server.wait_until_empty().await;

    let output = play(wulin(&server, &["--hand", "random", "--rounds", "2"]), "").await;
    let said = text(&output);
    assert_eq!(said.matches("You: ").count(), 2, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_input_line_is_the_hand_of_one_round() {
    let server = TestServer::start(&QUICK);
    let output = play(wulin(&server, &[]), "paper\nnonsense\n1\n").await;
    let said = text(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let rounds: Vec<_> = said
        .lines()
        .filter(|line| line.starts_with("You: "))
        .collect();
    assert_eq!(rounds.len(), 2, "{said}");
    assert!(rounds[0].starts_with("You: paper"), "{said}");
    assert!(rounds[1].starts_with("You: scissors"), "{said}");

    let output = play(wulin(&server, &["--rounds", "2"]), "rock\n").await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("1 of 2 rounds"), "{}", text(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_programs_play_each_other() {
    // The time of a round is never up: it ends when both have locked their hands.
    let server = TestServer::start(&FRIENDS);
    let rounds = ["--rounds", "3", "--hand"];
    let with = |more: &[&str]| wulin(&server, &[&rounds, more].concat());
    let first = play(with(&["rock", "--name", "Ann"]), "");
    let second = play(with(&["paper", "--name", "Be\x1b[31mn"]), "");
    let (ann, ben) = tokio::join!(first, second);
    let (ann, ben) = (text(&ann), text(&ben));
    // A name's escape sequence does not reach the other player's terminal.
    assert!(ann.contains("You: rock, Be[31mn: paper. You lose"), "{ann}");
    assert!(ben.contains("You: paper, Ann: rock. You win! +1"), "{ben}");
    assert!(!ann.contains("Robot"), "{ann}");
    // Both ask again, and meet again.
    assert!(ann.contains(" · 0 : 3"), "{ann}");
    assert!(ben.contains(" in a row · 3 : 0"), "{ben}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chinese_locale_gives_chinese_output() {
    let server = TestServer::start(&QUICK);
    let mut command = wulin(&server, &["--hand", "rock"]);
    command.env("LC_ALL", "zh_CN.UTF-8");
    let said = text(&play(command, "").await);
    assert!(said.contains("我: 石头"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_or_untrusted_servers_are_errors() {
    let home = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    authority.write(&authority.issue(&["0.0.0.0"]), home.path());
    let at = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    let (chain, key) = (at("chain.pem"), at("key.pem"));
    let files = ["--tls-cert", &chain, "--tls-key", &key, "--http-port", "0"];
    let server = TestServer::start(&[&files[..], &QUICK].concat());
    // `localhost` needs no trusted certificate, so the server is reached as 0.0.0.0.
    let port = server.address().port();
    let elsewhere = format!("0.0.0.0:{port}");
    let run = async |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wulin"));
        command.arg("play").args(arguments).env_clear();
        play(command, "").await
    };
    let output = run(&[&elsewhere, "--hand", "rock"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("wulin check"), "{}", text(&output));
    let output = run(&[&elsewhere, "--hand", "rock", "--insecure"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let root = at("root.pem");
    let output = run(&[&elsewhere, "--hand", "rock", "--ca-file", &root]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let output = run(&[
        &elsewhere,
        "--hand",
        "rock",
        "--base-path",
        "/nowhere",
        "--insecure",
    ])
    .await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("/nowhere"), "{}", text(&output));
    // A robot's name is refused, and the program does not try again.
    let output = run(&[
        &elsewhere,
        "--hand",
        "rock",
        "--insecure",
        "--name",
        "木人·甲",
    ])
    .await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("name_reserved"), "{}", text(&output));
    server.drain().await;
    let output = run(&[&format!("localhost:{port}"), "--hand", "rock"]).await;
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_is_played_on_the_whole_screen() {
    let server = TestServer::start(&["--robot-wait", "100ms", "--game-time", "2s"]);
    let command = wulin(&server, &["--name", "Tester"]);
    spawn_blocking(move || {
        let mut window = Window::open(command, 80, 24);
        window.wait_for("\x1b[?1049h");
        window.wait_for("Tester · You");
        window.wait_for("Choose!");
        window.press("2");
        window.wait_for("You picked rock");
        window.wait_for("\x1b[7m 2 rock ");
        window.press("3a");
        window.wait_for("You picked paper");
        window.wait_for("(^o^) laughing");
        window.wait_for("play again");
        window.press("\r");
        window.wait_for("Choose!");
        // A new size is drawn anew.
        window.resize(40, 12);
        window.wait_for(&format!("\x1b[2m{}\x1b[0m", "─".repeat(40)));
        window.press("q");
        assert_eq!(window.end(), Some(0));
    })
    .await
    .unwrap();
    server.wait_for(Gauge::Person, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_ending_restores_the_terminal() {
    let server = TestServer::start(&QUICK);
    for end in ["\x03", "\x1b", "\x04"] {
        let command = wulin(&server, &[]);
        spawn_blocking(move || {
            let mut window = Window::open(command, 80, 24);
            window.wait_for("q \x1b[0m");
            window.press(end);
            assert_eq!(window.end(), Some(0), "{end:?}");
        })
        .await
        .unwrap();
    }
    for signal in ["TERM", "HUP", "INT"] {
        let command = wulin(&server, &[]);
        spawn_blocking(move || {
            let window = Window::open(command, 80, 24);
            window.wait_for("q \x1b[0m");
            program::signal(&window.child, signal);
            assert_eq!(window.end(), Some(0), "{signal}");
        })
        .await
        .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_shown_and_restored() {
    let server = TestServer::start(&QUICK);
    let port = server.address().port().to_string();
    let command = wulin(&server, &[]);
    let window = spawn_blocking(move || {
        let window = Window::open(command, 80, 24);
        window.wait_for("play again");
        window
    });
    let window = window.await.unwrap();
    server.drain().await;
    let window = spawn_blocking(move || {
        window.wait_for("Reconnecting");
        window
    });
    let mut window = window.await.unwrap();
    let again = TestServer::start(&[&QUICK[..], &["--port", &port]].concat());
    spawn_blocking(move || {
        window.wait_for("Nobody else online");
        window.press("\r");
        window.wait_for("Choose!");
        window.press("q");
        assert_eq!(window.end(), Some(0));
    })
    .await
    .unwrap();
    again.wait_for(Gauge::Person, 0).await;
}
