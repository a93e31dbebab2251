//! What the log of the program never says, however much it is to say: tokens and places.

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};
use support::Client;
use support::program::{Running, wulin};
use support::websocket::{DIALECTS, Dialect};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use wulin_http::exchange as http;
use wulin_http::tls::{ANY_VERSION, Recorder, SecureStream, Trust, connector, handshake};

const LATITUDE: &str = "31.2304168";
const LONGITUDE: &str = "121.4737018";

/// The program with an admin listener, and all that it logs.
struct Logged {
    running: Running,
    log: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Logged {
    fn start(home: &Path, level: &str) -> Logged {
        let mut command = wulin(home);
        command
            .args(["--port", "0", "--listen", "127.0.0.1"])
            .args(["--robot-wait", "100ms", "--game-time", "1s"])
            .args(["--admin", "127.0.0.1:0", "--access-log"])
            .args(["--log-format", "human", "--log", level])
            .stderr(Stdio::piped());
        let mut running = Running::start(command);
        let log = Arc::new(Mutex::new(String::new()));
        let (mut lines, all) = (
            BufReader::new(running.child.stderr.take().unwrap()),
            log.clone(),
        );
        let reader = thread::spawn(move || {
            let mut line = Vec::new();
            while lines
                .read_until(b'\n', &mut line)
                .is_ok_and(|count| count > 0)
            {
                all.lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        Logged {
            running,
            log,
            reader,
        }
    }

    async fn connect(&self) -> SecureStream {
        let connector = connector(&Trust::Anybody(Recorder::new()), ANY_VERSION).unwrap();
        let stream = TcpStream::connect(("127.0.0.1", self.running.port));
        let stream = stream.await.unwrap();
        let name = "localhost".try_into().unwrap();
        handshake(&connector, name, stream).await.unwrap()
    }

    /// Ends it, and returns all that it logged.
    async fn end(self) -> String {
        let Logged {
            running,
            log,
            reader,
        } = self;
        spawn_blocking(move || {
            running.signal("TERM");
            assert_eq!(running.exit_code(), Some(0));
            reader.join().unwrap();
            Arc::try_unwrap(log).unwrap().into_inner().unwrap()
        })
        .await
        .unwrap()
    }

    /// The address behind a word of the log.
    async fn admin(&self) -> String {
        loop {
            let log = self.log.lock().unwrap().clone();
            let listening = log.lines().find(|line| line.contains("listening"));
            if let Some((_, rest)) = listening.and_then(|line| line.split_once("admin")) {
                let from = rest.find("127").unwrap();
                let rest = &rest[from..];
                let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':');
                return rest[..end.unwrap_or(rest.len())].to_owned();
            }
            tokio::task::yield_now().await;
        }
    }
}

fn hello(uid: &str, token: Option<&str>) -> Value {
    let mut hello = json!({
        "user": {"uid": uid, "uname": uid, "uavatar": ""},
        "cordinate": {
            "lat": LATITUDE.parse::<f64>().unwrap(),
            "lng": LONGITUDE.parse::<f64>().unwrap(),
        },
    });
    if let Some(token) = token {
        hello["token"] = token.into();
    }
    hello
}

/// Says who it is, plays a round, and shows its token over a second connection; returns the token.
async fn play(server: &Logged, dialect: Dialect, uid: &str) -> String {
    let mut client = Client::over(server.connect().await, dialect).await;
    client.send("hello", hello(uid, None)).await;
    let hi = client.event("hi").await;
    let token = hi["token"].as_str().unwrap().to_owned();
    client.join().await;
    client.send("choice", json!({"choice": 2})).await;
    client.event("result").await;
    // Refused, for a word of the log on that as well.
    client.send("hello", hello("", Some(&token))).await;
    client.event("fault").await;
    let mut again = Client::over(server.connect().await, dialect).await;
    again.send("hello", hello(uid, Some(&token))).await;
    assert_eq!(again.event("hi").await["token"], *token);
    client.closed().await;
    token
}

/// The same by polling.
async fn poll(server: &Logged, uid: &str) -> String {
    let target = "/applet/websocket/socket.io/?EIO=4&transport=polling";
    let ask = async |method: &str, target: &str, body: &str| {
        let stream = server.connect().await;
        let request = http::request(method, target, "localhost", body).unwrap();
        let answer = http::exchange(stream, request, 64 * 1024).await;
        answer.unwrap().text()
    };
    let open = ask("GET", target, "").await;
    let open: Value = serde_json::from_str(&open[1..]).unwrap();
    let mine = format!("{target}&sid={}", open["sid"].as_str().unwrap());
    ask("POST", &mine, "40").await;
    let packet = format!("42{}", json!(["hello", hello(uid, None)]));
    ask("POST", &mine, &packet).await;
    loop {
        let heard = ask("GET", &mine, "").await;
        assert!(!heard.is_empty());
        let hi = heard
            .split('\u{1e}')
            .find_map(|packet| packet.strip_prefix("42"));
        if let Some(hi) = hi {
            let hi: Value = serde_json::from_str(hi).unwrap();
            return hi[1]["token"].as_str().unwrap().to_owned();
        }
    }
}

/// Plays in every way there is; returns what must not be logged.
async fn play_all(server: &Logged, who: &str) -> Vec<String> {
    let mut secrets = vec![LATITUDE.to_owned(), LONGITUDE.to_owned()];
    for dialect in DIALECTS {
        let uid = format!("{who}-{dialect:?}");
        secrets.push(play(server, dialect, &uid).await);
    }
    secrets.push(poll(server, &format!("{who}-polling")).await);
    secrets
}

#[tokio::test(flavor = "multi_thread")]
async fn no_level_logs_a_token_or_a_place() {
    for level in ["debug", "trace"] {
        let home = tempfile::tempdir().unwrap();
        let server = Logged::start(home.path(), level);
        let secrets = play_all(&server, level).await;
        let log = server.end().await;
        assert!(log.contains("client connected"), "it logs nothing: {log}");
        for secret in secrets {
            let line = log.lines().find(|line| line.contains(&secret));
            assert_eq!(line, None, "{level}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_does_a_level_that_changes_while_it_runs() {
    let home = tempfile::tempdir().unwrap();
    let server = Logged::start(home.path(), "debug");
    let admin = server.admin().await;
    let set = async |level: &str| {
        let mut command = wulin(home.path());
        command.args(["log", level, "--admin", &admin]);
        let output = spawn_blocking(move || command.output().unwrap());
        String::from_utf8(output.await.unwrap().stdout).unwrap()
    };
    assert_eq!(set("trace").await.trim(), "trace", "as it was asked for");
    let mut secrets = play_all(&server, "changed").await;
    server.running.signal("HUP");
    while !server.log.lock().unwrap().contains("SIGHUP") {
        tokio::task::yield_now().await;
    }
    secrets.extend(play_all(&server, "reset").await);
    let before = server.log.lock().unwrap().len();
    // Whoever names the libraries means it.
    set("info,socketioxide=trace,engineioxide=trace,tungstenite=trace").await;
    play_all(&server, "named").await;
    let log = server.end().await;
    assert!(log[before..].contains(LATITUDE), "nothing was named");
    for secret in secrets {
        let line = log[..before].lines().find(|line| line.contains(&secret));
        assert_eq!(line, None);
    }
}
