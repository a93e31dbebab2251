//! Five hundred people play without a pause: a new certificate drops no connection, and a restart interrupts no round.

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use rustls::pki_types::ServerName;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{self, Instant};
use tokio_rustls::TlsConnector;

use crate::support::handed::{Service, handed, listener};
use crate::support::pair::{Pair, leaf};
use crate::support::server::{TestServer, trusting};
use crate::support::websocket::Dialect;
use crate::support::{Client, Incoming, PATIENCE, hello};

const PEOPLE: usize = 500;

/// How all of them connect, and what they have counted.
struct Crowd {
    address: SocketAddr,
    tls: TlsConnector,
    /// Results received, counted by each player.
    results: AtomicUsize,
    /// How often a player was told to come back later, and waited for that.
    returns: AtomicUsize,
    over: AtomicBool,
}

impl Crowd {
    fn new(address: SocketAddr, tls: TlsConnector) -> Arc<Crowd> {
        Arc::new(Crowd {
            address,
            tls,
            results: AtomicUsize::new(0),
            returns: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        })
    }

    /// Starts all players. One that fails panics, which `results` and `end` find.
    fn gather(self: &Arc<Self>) -> JoinSet<()> {
        (0..PEOPLE)
            .map(|number| self.clone().live(format!("p{number}")))
            .collect()
    }

    /// Plays round after round, through restarts of the server, until `over` is set.
    async fn live(self: Arc<Self>, uid: String) {
        loop {
            let mut client = self.connect().await;
            client.send("hello", hello(&uid)).await;
            client.event("hi").await;
            let Some(delay) = self.play(&mut client).await else {
                return;
            };
            assert_eq!(client.closed().await, Some(1001), "{uid}");
            time::sleep(delay).await;
            self.returns.fetch_add(1, Relaxed);
        }
    }

    async fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).await.expect("refused");
        stream.set_nodelay(true).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = self.tls.connect(name, stream).await.expect("cut off");
        Client::over(stream, Dialect::Native).await
    }

    /// Plays until `over` is set, or until the server says when to come back.
    async fn play(&self, client: &mut Client) -> Option<Duration> {
        let mut playing = false;
        client.say("join").await;
        loop {
            let Incoming::Event(event, data) = client.next().await else {
                panic!("the connection is gone, in a round: {playing}");
            };
            match event.as_str() {
                "start" => {
                    playing = true;
                    client.send("choice", json!({"choice": 1})).await;
                }
                "result" => {
                    playing = false;
                    self.results.fetch_add(1, Relaxed);
                    if self.over.load(Relaxed) {
                        return None;
                    }
                    client.say("join").await;
                }
                "restart" => {
                    assert!(!playing, "a round in progress is finished first");
                    return Some(Duration::from_millis(data["delay"].as_u64().unwrap()));
                }
                // A `join` while the server was closing, or a choice that came after the round on a busy machine.
                "fault" => {
                    assert!(["closing", "no_round"].contains(&data["code"].as_str().unwrap()));
                }
                _ => {}
            }
        }
    }

    /// Waits until this many more results have been received.
    async fn results(&self, people: &mut JoinSet<()>, more: usize) {
        let enough = self.results.load(Relaxed) + more;
        let deadline = Instant::now() + 2 * PATIENCE;
        while self.results.load(Relaxed) < enough {
            assert!(Instant::now() < deadline, "nobody plays any more");
            if let Some(gone) = people.try_join_next() {
                gone.expect("somebody has lost the connection");
            }
            time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn end(&self, mut people: JoinSet<()>) {
        self.over.store(true, Relaxed);
        while let Some(gone) = people.join_next().await {
            gone.expect("somebody has lost the connection");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_drops_no_connection() {
    let pair = Pair::new();
    let server = TestServer::start(&[&pair.flags()[..], &["--game-time", "1s"]].concat());
    let crowd = Crowd::new(server.address(), trusting([pair.leaf()], &[]));
    let mut people = crowd.gather();
    for _ in 0..5 {
        crowd.results(&mut people, PEOPLE).await;
        pair.renew();
        server.reload().await;
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let newcomer = trusting([pair.leaf()], &[]).connect(name, stream).await;
        newcomer.expect("the new certificate is not served");
    }
    crowd.results(&mut people, PEOPLE).await;
    crowd.end(people).await;
    assert_eq!(crowd.returns.load(Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_interrupts_no_round() {
    let home = tempfile::tempdir().unwrap();
    let (socket, address) = listener();
    let start = || {
        let socket = socket.try_clone().unwrap().into();
        let mut command = handed(home.path(), "https", [Some(socket), None]);
        command.args(["--game-time", "1s", "--admin", "off", "--log", "warn"]);
        Service::start(command)
    };
    let mut running = start();
    let trust = trusting([leaf(&home.path().join("certs/a.pem"))], &[]);
    let crowd = Crowd::new(address, trust);
    let mut people = crowd.gather();
    for restart in 1..=2 {
        crowd.results(&mut people, PEOPLE).await;
        running.signal("TERM");
        assert_eq!(running.exit_code(), Some(0));
        running = start();
        crowd.results(&mut people, PEOPLE).await;
        assert!(crowd.returns.load(Relaxed) <= restart * PEOPLE);
    }
    crowd.end(people).await;
    assert!(crowd.returns.load(Relaxed) >= PEOPLE);
}
