//! The program, two players, and an attacker at another address.

#![allow(unreachable_pub)]

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::{Mutex, MutexGuard, Semaphore};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::support::port::Port;
use crate::support::program::{Running, wulin};
use crate::support::server::trusting;
use crate::support::websocket::{Client, Dialect};
use crate::support::{PATIENCE, hello, write_pair};

/// How much more memory the program may take while it is attacked: 64 MiB.
const MORE: u64 = 64 << 20;
/// How long an attack may take. The rest of it is dropped then.
const ATTACK: Duration = Duration::from_secs(15);
/// How long a round may take before the players count it as disturbed. Undisturbed it takes less than 1 s.
const NOTICED: Duration = Duration::from_secs(10);
/// The players' pause between two rounds.
const PACE: Duration = Duration::from_millis(150);
/// The players' address.
const PLAYERS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// The attacker's address.
const ATTACKER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Held during each attack: only one program may run at a time, since its memory is measured.
static ARENA: Mutex<()> = Mutex::const_new(());

pub type Tls = TlsStream<TcpStream>;

pub struct Scene {
    pub target: Target,
    running: Running,
    players: JoinHandle<()>,
    rounds: Arc<AtomicU32>,
    over: CancellationToken,
    idle: u64,
    _home: TempDir,
    _arena: MutexGuard<'static, ()>,
}

/// The ports of the program, seen from the attacker's address.
#[derive(Clone)]
pub struct Target {
    pub https: SocketAddr,
    pub http: SocketAddr,
    pub admin: SocketAddr,
    certificate: CertificateDer<'static>,
    http1: TlsConnector,
    http2: TlsConnector,
}

impl Target {
    pub async fn tcp(&self, to: SocketAddr) -> io::Result<TcpStream> {
        connect(ATTACKER, to, None).await
    }

    /// A connection with a receive buffer of 2 KiB, so that unread data soon blocks the server.
    pub async fn narrow(&self, to: SocketAddr) -> io::Result<TcpStream> {
        connect(ATTACKER, to, Some(2048)).await
    }

    pub async fn tls(&self) -> io::Result<Tls> {
        let stream = self.tcp(self.https).await?;
        secure(&self.http1, stream).await
    }

    pub async fn http2(&self, stream: TcpStream) -> io::Result<Tls> {
        secure(&self.http2, stream).await
    }

    pub async fn http1(&self, stream: TcpStream) -> io::Result<Tls> {
        secure(&self.http1, stream).await
    }
}

async fn connect(from: IpAddr, to: SocketAddr, buffer: Option<u32>) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(buffer) = buffer {
        socket.set_recv_buffer_size(buffer)?;
    }
    socket.bind((from, 0).into())?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn secure(connector: &TlsConnector, stream: TcpStream) -> io::Result<Tls> {
    let name = ServerName::try_from("localhost").unwrap();
    connector.connect(name, stream).await
}

impl Scene {
    pub async fn start() -> Scene {
        Scene::with(&[]).await
    }

    /// Starts the program and the two players. All limits have their defaults.
    pub async fn with(flags: &[&str]) -> Scene {
        let arena = ARENA.lock().await;
        let _ = rlimit::increase_nofile_limit(u64::MAX).unwrap();
        let home = tempfile::tempdir().unwrap();
        let certs = home.path().join("certs");
        fs::create_dir(&certs).unwrap();
        write_pair(&["localhost"], &certs.join("a.pem"), &certs.join("a.key"));
        let certificate = CertificateDer::from_pem_file(certs.join("a.pem")).unwrap();
        let (http, admin) = (Port::free(), Port::free());
        let at = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut command = wulin(home.path());
        command
            .args(["--listen", "127.0.0.1", "--port", "0"])
            .args(["--http-port", &http.number.to_string()])
            .args(["--admin", &at(admin.number).to_string()])
            .args([
                "--game-time",
                "400ms",
                "--robot-wait",
                "1h",
                "--log",
                "error",
            ])
            .args(flags);
        let running = Running::start(command);
        let target = Target {
            https: at(running.port),
            http: at(http.number),
            admin: at(admin.number),
            http1: trusting([certificate.clone()], &["http/1.1"]),
            http2: trusting([certificate.clone()], &["h2"]),
            certificate,
        };
        let rounds = Arc::new(AtomicU32::new(0));
        let over = CancellationToken::new();
        let players = {
            let (target, rounds, over) = (target.clone(), rounds.clone(), over.clone());
            // The players have a thread of their own, so that the attacker's load in this process does not slow them.
            tokio::task::spawn_blocking(move || {
                let runtime = Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(over.run_until_cancelled(play(target, rounds)));
            })
        };
        let mut scene = Scene {
            target,
            running,
            players,
            rounds,
            over,
            idle: 0,
            _home: home,
            _arena: arena,
        };
        scene.whole_rounds(0).await;
        scene.idle = scene.memory();
        scene
    }

    /// Resident memory in bytes.
    fn memory(&self) -> u64 {
        memory(self.running.child.id()).expect("the program has ended")
    }

    /// Waits for the end of the round that is running, and then for this many whole rounds.
    async fn whole_rounds(&mut self, count: u32) {
        let goal = self.rounds.load(Relaxed) + count + 1;
        while self.rounds.load(Relaxed) < goal {
            time::sleep(Duration::from_millis(20)).await;
            if self.players.is_finished() {
                (&mut self.players).await.expect("the players noticed");
            }
        }
    }

    /// Runs an attack and, while its connections are still open, lets the two players finish one more round. Then
    /// asserts that the memory has grown by no more than `MORE`.
    pub async fn withstands<T>(&mut self, attack: &str, unfolding: impl Future<Output = T>) -> T {
        let most = Arc::new(AtomicU64::new(0));
        let watching = tokio::spawn(watch(self.running.child.id(), most.clone()));
        let began = time::Instant::now();
        let built = unfolding.await;
        let took = began.elapsed();
        self.whole_rounds(1).await;
        watching.abort();
        let more = most.load(Relaxed).max(self.memory());
        let more = more.saturating_sub(self.idle);
        println!(
            "{attack}: {:.1} MiB at first, {:.1} MiB more in {:.1} s",
            mib(self.idle),
            mib(more),
            took.as_secs_f64()
        );
        assert!(more <= MORE, "{attack} takes {:.1} MiB", mib(more));
        built
    }

    /// Waits until only the two players are connected.
    pub async fn is_deserted(&mut self) {
        let deadline = time::Instant::now() + PATIENCE;
        loop {
            let counts = self.counts().await;
            let others = ["engineio3", "engineio4", "polling"];
            let gone = others.iter().all(|kind| counts[*kind] == 0);
            if gone && counts["native"] == 2 && counts["people"] == 2 {
                break;
            }
            assert!(time::Instant::now() < deadline, "{counts}");
            time::sleep(Duration::from_millis(100)).await;
        }
        self.whole_rounds(1).await;
    }

    /// Asserts that the server closes each of these connections by itself.
    pub async fn hangs_up(&self, connections: Vec<impl AsyncRead + Unpin>) {
        let ends = connections.into_iter().map(|mut connection| async move {
            let mut bytes = [0; 512];
            while !matches!(connection.read(&mut bytes).await, Ok(0) | Err(_)) {}
        });
        let ends = futures_util::future::join_all(ends);
        assert!(time::timeout(PATIENCE, ends).await.is_ok(), "some stay");
    }

    /// The counts of `/healthz`, asked from the players' address, since the attacker may have reached its limits.
    async fn counts(&self) -> Value {
        let stream = connect(PLAYERS, self.target.https, None).await.unwrap();
        let mut stream = secure(&self.target.http1, stream).await.unwrap();
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.over.cancel();
        let _ = self.running.child.kill();
        let _ = self.running.child.wait();
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Resident memory of a process in bytes.
fn memory(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line?.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib << 10)
}

async fn watch(process: u32, most: Arc<AtomicU64>) {
    while let Some(bytes) = memory(process) {
        most.fetch_max(bytes, Relaxed);
        time::sleep(Duration::from_millis(20)).await;
    }
}

async fn play(target: Target, rounds: Arc<AtomicU32>) {
    // A TLS client of their own: the players must not resume the attacker's TLS sessions.
    let tls = trusting([target.certificate.clone()], &["http/1.1"]);
    let mut players = Vec::new();
    for uid in ["ann", "ben"] {
        let stream = connect(PLAYERS, target.https, None).await.unwrap();
        let stream = secure(&tls, stream).await.unwrap();
        let mut player = Client::over(stream, Dialect::Native).await;
        player.send("hello", hello(uid)).await;
        player.event("hi").await;
        players.push(player);
    }
    loop {
        let round = async {
            for player in &mut players {
                player.say("join").await;
            }
            for player in &mut players {
                player.event("start").await;
            }
            for (player, hand) in players.iter_mut().zip([1, 2]) {
                player
                    .send("choice", json!({"choice": hand, "lock": true}))
                    .await;
            }
            for player in &mut players {
                let result = player.event("result").await;
                let played = |uid: &str| {
                    let entries = result["result"].as_array().unwrap();
                    entries.iter().any(|entry| entry["uid"] == uid)
                };
                assert!(played("ann") && played("ben"), "{result}");
            }
        };
        time::timeout(NOTICED, round)
            .await
            .expect("no result in time");
        rounds.fetch_add(1, Relaxed);
        // Two messages a round stay far below the limit.
        time::sleep(PACE).await;
    }
}

/// Attacks this target `count` times, `at_once` of them at the same time, for at most `ATTACK`. Attempts that the server
/// refuses are not repeated.
pub async fn many<T, F>(
    target: Target,
    count: usize,
    at_once: usize,
    one: impl Fn(Target, usize) -> F,
) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = Option<T>> + Send + 'static,
{
    let turns = Arc::new(Semaphore::new(at_once));
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let turns = turns.clone();
        let one = one(target.clone(), number);
        tasks.spawn(async move {
            let _turn = turns.acquire_owned().await;
            one.await
        });
    }
    let mut done = Vec::new();
    let deadline = time::Instant::now() + ATTACK;
    while let Ok(Some(one)) = time::timeout_at(deadline, tasks.join_next()).await {
        done.extend(one.unwrap());
    }
    done
}

/// Ends an attack after `ATTACK`.
pub async fn bounded<T>(attack: impl Future<Output = T>) -> Option<T> {
    time::timeout(ATTACK, attack).await.ok()
}
