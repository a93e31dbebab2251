//! `wulin play` as a process: reading and printing lines, and on a pseudo-terminal.

mod support;

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};
use serde_json::{Value, json};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{block_in_place, spawn_blocking};
use wulin_server::runtime::Gauge;

use crate::support::authority::Authority;
use crate::support::program;
use crate::support::server::TestServer;
use crate::support::websocket::Dialect;
use crate::support::{Client, PATIENCE, hello};

/// Short rounds, and robots that come at once.
const QUICK: [&str; 4] = ["--robot-wait", "100ms", "--game-time", "1s"];

/// No robot comes, and a round ends when all have locked their hands.
const FRIENDS: [&str; 6] = [
    "--robot-wait",
    "1h",
    "--rematch-wait",
    "1h",
    "--game-time",
    "1h",
];

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

/// A pseudo-terminal with the program in it.
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
            // Reading fails when the program has closed its side.
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

    /// Waits until `wanted` is printed, in what has come since the last match.
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

    /// Waits until the program ends, asserts that the terminal is as it was before, and returns the exit code.
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

/// The settings of a terminal that raw mode changes.
fn settings(termios: &Termios) -> String {
    format!(
        "{:?} {:?} {:?}",
        termios.input_modes, termios.output_modes, termios.local_modes
    )
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

/// A connection to a server that can be cut. It runs until the runtime ends.
struct Cable {
    address: SocketAddr,
    /// Where it leads; nowhere while it is cut.
    end: watch::Sender<Option<SocketAddr>>,
}

impl Cable {
    async fn to(server: &TestServer) -> Cable {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, seen) = watch::channel(Some(server.address()));
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut seen = seen.clone();
                let Some(address) = *seen.borrow_and_update() else {
                    continue;
                };
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(address).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = seen.changed() => {}
                    }
                });
            }
        });
        Cable { address, end }
    }

    fn cut(&self) {
        self.end.send_replace(None);
    }

    fn mend(&self, server: &TestServer) {
        self.end.send_replace(Some(server.address()));
    }
}

/// A person who plays by hand.
struct Ben {
    client: Client,
    token: Value,
}

impl Ben {
    async fn greet(server: &TestServer, token: Value) -> Ben {
        let mut client = Client::open(server, Dialect::Native).await;
        let mut greeting = hello("ben");
        if token.is_string() {
            greeting["token"] = token;
        }
        client.send("hello", greeting).await;
        let token = client.event("hi").await["token"].clone();
        Ben { client, token }
    }

    async fn lock(&mut self, hand: u8) {
        let choice = json!({ "choice": hand, "lock": true });
        self.client.send("choice", choice).await;
    }

    /// Loses the connection and comes back when `seen` is done.
    async fn leave_and_return(self, server: &TestServer, seen: impl FnOnce()) -> Ben {
        let Ben { client, token } = self;
        drop(client);
        block_in_place(seen);
        Ben::greet(server, token).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_in_a_round_costs_nothing() {
    let server = TestServer::start(&FRIENDS);
    let cable = Cable::to(&server).await;
    let mut ben = Ben::greet(&server, Value::Null).await;
    let mut window = Window::open(wulin_at(cable.address, &["--name", "Ann"]), 80, 24);
    ben.client.join().await;
    block_in_place(|| window.wait_for("You can switch until time runs out."));
    window.press("2");
    ben.client.event("movement").await;
    cable.cut();
    ben.client.event("away").await;
    block_in_place(|| {
        window.wait_for("Reconnecting");
        window.wait_for("and your seat is kept");
        window.press("3");
        window.wait_for("You picked paper");
        window.wait_for("it will be sent if it is back in time");
    });
    cable.mend(&server);
    ben.client.event("back").await;
    assert_eq!(ben.client.event("movement").await["movement"], "choice");
    block_in_place(|| window.wait_for("You can still switch"));
    window.press("\r");
    assert_eq!(ben.client.event("movement").await["locked"], true);
    block_in_place(|| window.wait_for("Locked: no more switching."));

    // The round ends while Ann is away, with the hand that she has locked.
    cable.cut();
    ben.client.event("away").await;
    block_in_place(|| window.wait_for("Reconnecting"));
    ben.lock(2).await;
    ben.client.event("result").await;
    cable.mend(&server);
    block_in_place(|| {
        window.wait_for("1 : 0");
        window.wait_for("You win!");
        window.wait_for("It ended while you were away.");
        window.press("q");
        assert_eq!(window.end(), Some(0));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn friends_meet_again_or_take_others() {
    let server = TestServer::start(&FRIENDS);
    let mut ben = Ben::greet(&server, Value::Null).await;
    let mut window = Window::open(wulin(&server, &["--name", "Ann"]), 80, 24);
    ben.client.join().await;
    block_in_place(|| window.wait_for("Choose!"));
    ben.lock(1).await;
    block_in_place(|| window.wait_for("has locked a hand"));
    window.press("22");
    ben.client.event("result").await;
    block_in_place(|| window.wait_for("1 : 0"));
    ben.client.say("join").await;
    block_in_place(|| {
        window.wait_for("ben wants a rematch");
        window.wait_for("accept");
        window.press("\r");
    });
    ben.client.event("start").await;
    let away = || window.wait_for("is away");
    let mut ben = ben.leave_and_return(&server, away).await;
    ben.lock(3).await;
    block_in_place(|| window.wait_for("has locked a hand"));
    window.press("22");
    ben.client.event("result").await;
    block_in_place(|| {
        window.wait_for("1 : 1");
        window.wait_for("Paper wraps rock.");
    });
    // Ann asks first, and then takes a robot. Ben is told both.
    window.press("\r");
    assert!(ben.client.event("room").await["rematch"].is_string());
    block_in_place(|| {
        window.wait_for("You want a rematch with ben");
        window.press("n");
        window.wait_for("Finding an opponent");
        window.press("r");
        window.wait_for("Robot");
        window.press("33");
        window.wait_for("play again");
        window.press("q");
        assert_eq!(window.end(), Some(0));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_lines_tell_the_same() {
    let server = TestServer::start(&FRIENDS);
    let cable = Cable::to(&server).await;
    let mut ben = Ben::greet(&server, Value::Null).await;
    let mut window = Window::open(wulin_at(cable.address, &["--plain"]), 80, 24);
    ben.client.join().await;
    block_in_place(|| window.wait_for("Against ben."));
    window.press("rock\n");
    block_in_place(|| window.wait_for("You picked rock. You can still switch"));
    window.press("rock\n");
    block_in_place(|| window.wait_for("Locked"));
    ben.lock(1).await;
    block_in_place(|| window.wait_for("You win! +1 · Score 1 · 1 : 0"));
    ben.client.say("join").await;
    block_in_place(|| window.wait_for("ben wants a rematch"));
    window.press("\n");
    ben.client.event("start").await;
    let away = || window.wait_for("ben is away");
    let mut ben = ben.leave_and_return(&server, away).await;
    block_in_place(|| window.wait_for("ben is back"));
    cable.cut();
    block_in_place(|| {
        window.wait_for("Reconnecting");
        window.press("paper\n");
        window.wait_for("it will be sent if it is back in time");
    });
    cable.mend(&server);
    ben.client.event("movement").await;
    block_in_place(|| {
        window.wait_for("The round goes on.");
        window.wait_for("You picked paper");
    });
    ben.lock(2).await;
    block_in_place(|| window.wait_for("ben has locked a hand"));
    cable.cut();
    block_in_place(|| {
        window.wait_for("Reconnecting");
        window.press("\n");
        window.wait_for("it will be sent if it is back in time");
    });
    cable.mend(&server);
    block_in_place(|| window.wait_for("2 : 0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_of_a_server_that_died_is_lost() {
    let server = TestServer::start(&FRIENDS);
    let cable = Cable::to(&server).await;
    let mut ben = Ben::greet(&server, Value::Null).await;
    let script = play(wulin_at(cable.address, &["--hand", "rock"]), "");
    let script = tokio::spawn(script);
    ben.client.join().await;
    ben.client.event("movement").await;
    let another = TestServer::start(&FRIENDS);
    cable.mend(&another);
    let output = script.await.unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("Reconnecting"), "{said}");
    assert!(said.contains("no longer knows that round"), "{said}");
}
