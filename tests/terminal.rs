//! `wulin play`, the program itself: in lines, and on a terminal of its own.

mod support;

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};
use support::PATIENCE;
use support::authority::Authority;
use support::server::TestServer;
use tokio::task::spawn_blocking;
use wulin_server::runtime::Gauge;

/// Rounds that are soon over, and robots that come at once.
const QUICK: [&str; 4] = ["--robot-wait", "100ms", "--game-time", "1s"];

fn wulin(server: &TestServer, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wulin"));
    command
        .arg("play")
        .arg(format!("localhost:{}", server.address().port()))
        .args(arguments)
        .env_clear()
        .env("LANG", "C.UTF-8");
    command
}

/// Runs it with this on its standard input.
async fn play(mut command: Command, typed: &'static str) -> Output {
    spawn_blocking(move || {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // It may have ended before it has read all of it.
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
async fn each_line_is_the_hand_of_one_round() {
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
async fn two_of_them_play_each_other() {
    let server = TestServer::start(&["--robot-wait", "1h", "--game-time", "1s"]);
    let first = play(wulin(&server, &["--hand", "rock", "--name", "Ann"]), "");
    let second = play(
        wulin(&server, &["--hand", "paper", "--name", "Be\x1b[31mn"]),
        "",
    );
    let (ann, ben) = tokio::join!(first, second);
    let (ann, ben) = (text(&ann), text(&ben));
    // A name cannot colour another one's terminal.
    assert!(ann.contains("You: rock, Be[31mn: paper. You lose"), "{ann}");
    assert!(ben.contains("You: paper, Ann: rock. You win! +1"), "{ben}");
    assert!(!ann.contains("Robot"), "{ann}");
}

#[tokio::test(flavor = "multi_thread")]
async fn chinese_is_spoken_where_the_locale_says_so() {
    let server = TestServer::start(&QUICK);
    let mut command = wulin(&server, &["--hand", "rock"]);
    command.env("LC_ALL", "zh_CN.UTF-8");
    let said = text(&play(command, "").await);
    assert!(said.contains("我: 石头"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_reached_or_trusted_is_said_and_fails() {
    let home = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    authority.write(&authority.issue(&["0.0.0.0"]), home.path());
    let at = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    let (chain, key) = (at("chain.pem"), at("key.pem"));
    let files = ["--tls-cert", &chain, "--tls-key", &key, "--http-port", "0"];
    let server = TestServer::start(&[&files[..], &QUICK].concat());
    // Only this machine's own names need no trust, so the machine gets another one.
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
    // A name that is a robot's is refused, and asking again would not help.
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

/// A terminal with the program in it.
struct Window {
    child: Child,
    master: File,
    shown: Arc<Mutex<String>>,
    before: String,
}

impl Window {
    fn open(mut command: Command, columns: u16, rows: u16) -> Window {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap();
        let path = Path::new(path.to_str().unwrap()).to_owned();
        let side = || -> OwnedFd {
            let file = OpenOptions::new().read(true).write(true).open(&path);
            file.unwrap().into()
        };
        let before = settings(&tcgetattr(&master).unwrap());
        let child = command
            .stdin(side())
            .stdout(side())
            .stderr(side())
            .spawn()
            .unwrap();
        let master = File::from(master);
        let shown = Arc::new(Mutex::new(String::new()));
        let (mut reader, all) = (master.try_clone().unwrap(), shown.clone());
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            let mut pending = Vec::new();
            // Ends with an error when the program has closed the other side.
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                pending.extend(&bytes[..count]);
                let whole = match std::str::from_utf8(&pending) {
                    Ok(text) => text.len(),
                    Err(error) => error.valid_up_to(),
                };
                let text: Vec<u8> = pending.drain(..whole).collect();
                all.lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&text));
            }
        });
        let window = Window {
            child,
            master,
            shown,
            before,
        };
        window.resize(columns, rows);
        window
    }

    fn resize(&self, columns: u16, rows: u16) {
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&self.master, size).unwrap();
    }

    fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until this is shown, by anything that is written from now on or has been since the last look.
    #[track_caller]
    fn wait_for(&self, wanted: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut shown = self.shown.lock().unwrap();
            if let Some(at) = shown.find(wanted) {
                shown.drain(..at);
                return;
            }
            assert!(Instant::now() < deadline, "{wanted:?} is not in {shown:?}");
            drop(shown);
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for its end, and returns the exit code. The terminal must be as it was.
    #[track_caller]
    fn end(mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            thread::sleep(Duration::from_millis(10));
        };
        self.wait_for("\x1b[?25h\x1b[?1049l");
        assert_eq!(settings(&tcgetattr(&self.master).unwrap()), self.before);
        status.code()
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What of a terminal's settings raw mode changes.
fn settings(termios: &Termios) -> String {
    format!(
        "{:?} {:?} {:?}",
        termios.input_modes, termios.output_modes, termios.local_modes
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_on_the_whole_screen() {
    let server = TestServer::start(&["--robot-wait", "100ms", "--game-time", "2s"]);
    let command = wulin(&server, &["--name", "Tester"]);
    spawn_blocking(move || {
        let mut window = Window::open(command, 80, 24);
        window.wait_for("\x1b[?1049h");
        window.wait_for("Tester · You");
        window.wait_for("Choose!");
        window.press("2");
        window.wait_for("You show rock");
        window.wait_for("\x1b[7m 2 rock ");
        window.press("3a");
        window.wait_for("You show paper");
        window.wait_for("(^o^) laughing");
        window.wait_for("play again");
        window.press("\r");
        window.wait_for("Choose!");
        // Another size is another picture.
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
async fn the_terminal_is_given_back_however_it_ends() {
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
            let id = window.child.id().to_string();
            let sent = Command::new("kill").args(["-s", signal, &id]).status();
            assert!(sent.unwrap().success());
            assert_eq!(window.end(), Some(0), "{signal}");
        })
        .await
        .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_said_and_comes_back() {
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
