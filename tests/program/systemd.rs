//! The program under a service manager: its messages on `NOTIFY_SOCKET`, and sockets that are handed to it.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixDatagram};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support;
use crate::support::handed::{self, Service, handed, listener, wulin};
use crate::support::websocket::Dialect;
use crate::support::{Client, PATIENCE};

/// The service manager's end of the socket.
struct ServiceManager(UnixDatagram);

impl ServiceManager {
    fn new(socket: UnixDatagram) -> ServiceManager {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        ServiceManager(socket)
    }

    /// The lines of the next message.
    fn hear(&self) -> Vec<String> {
        let mut message = [0; 4096];
        let length = self.0.recv(&mut message).expect("the program says nothing");
        let text = std::str::from_utf8(&message[..length]).unwrap();
        text.lines().map(ToOwned::to_owned).collect()
    }

    /// The next message that is not for the watchdog.
    fn hear_state(&self) -> Vec<String> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let message = self.hear();
            if message != ["WATCHDOG=1"] {
                return message;
            }
        }
        panic!("the program says nothing but that it is alive");
    }
}

/// TLS over an open TCP connection.
async fn secure(home: &Path, stream: TcpStream) -> std::io::Result<support::server::Tls> {
    stream.set_nonblocking(true)?;
    handed::secure(home, tokio::net::TcpStream::from_std(stream)?).await
}

/// Asks for the health over HTTPS. Returns the status line.
async fn ask(home: &Path, stream: TcpStream) -> std::io::Result<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = secure(home, stream).await?;
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await?;
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

/// A whole life cycle: ready, the count of people, reloading, ready, stopping, in this order, with watchdog messages
/// all the time.
async fn live(notify: &str, manager: &ServiceManager) {
    let home = tempfile::tempdir().unwrap();
    let (socket, address) = listener();
    let mut command = handed(home.path(), "https", [Some(socket.into()), None]);
    command
        .env("NOTIFY_SOCKET", notify)
        .env("WATCHDOG_USEC", "1000000");
    let running = Service::start(command);
    let first = manager.hear();
    assert_eq!(first, ["READY=1", "STATUS=0 people online, 0 rounds"]);

    // Once it is ready, it answers.
    let stream = secure(home.path(), TcpStream::connect(address).unwrap()).await;
    let mut player = Client::over(stream.unwrap(), Dialect::Native).await;
    player.send("hello", support::hello("player")).await;
    player.event("hi").await;
    // The messages may come in any order, and the count of 0 may come again if it was taken before the hello.
    let wanted = "STATUS=1 person online, 0 rounds";
    let (mut alive, mut counted) = (0, false);
    let started = Instant::now();
    while alive < 3 || !counted {
        assert!(started.elapsed() < PATIENCE, "{alive} {counted}");
        match &manager.hear()[..] {
            [line] if line == "WATCHDOG=1" => alive += 1,
            [line] if line == wanted => counted = true,
            [line] if line == "STATUS=0 people online, 0 rounds" => {}
            other => panic!("{other:?}"),
        }
    }

    running.signal("HUP");
    let reloading = manager.hear_state();
    assert_eq!(reloading[0], "RELOADING=1");
    let moment = reloading[1].strip_prefix("MONOTONIC_USEC=").unwrap();
    assert!(moment.parse::<u64>().unwrap() > 0);
    let ready = manager.hear_state();
    assert_eq!(ready, ["READY=1", "STATUS=1 person online, 0 rounds"]);

    running.signal("TERM");
    assert_eq!(manager.hear_state(), ["STOPPING=1"]);
    assert_eq!(running.exit_code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_manager_hears_the_whole_life_cycle() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = ServiceManager::new(UnixDatagram::bind(&path).unwrap());
    live(path.to_str().unwrap(), &manager).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notify_works_over_an_abstract_socket() {
    let name = format!("wulin-test-{}", std::process::id());
    let address = UnixAddress::from_abstract_name(&name).unwrap();
    let manager = ServiceManager::new(UnixDatagram::bind_addr(&address).unwrap());
    live(&format!("@{name}"), &manager).await;
}

#[test]
fn a_missing_service_manager_is_ignored() {
    let home = tempfile::tempdir().unwrap();
    let (socket, address) = listener();
    let mut command = handed(home.path(), "https", [Some(socket.into()), None]);
    command.env("NOTIFY_SOCKET", home.path().join("nobody"));
    command.env("WATCHDOG_USEC", "1000000");
    let running = Service::start(command);
    assert!(healthy(home.path(), address));
    running.signal("TERM");
    assert_eq!(running.exit_code(), Some(0));
}

/// Whether it answers `wulin health` within `PATIENCE`.
fn healthy(home: &Path, address: SocketAddr) -> bool {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        let asked = wulin(home)
            .args(["health", "--port", &address.port().to_string()])
            .output()
            .unwrap();
        if asked.status.success() {
            return true;
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_made_before_the_start_are_answered() {
    let home = tempfile::tempdir().unwrap();
    let (https, https_address) = listener();
    let (http, plain_address) = listener();
    let early = TcpStream::connect(https_address).unwrap();
    let mut plain = TcpStream::connect(plain_address).unwrap();
    plain
        .write_all(b"GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();

    // The names of the sockets count, not their order. The ports are those of the sockets, whatever the flags say.
    let sockets = [Some(http.into()), Some(https.into())];
    let mut command = handed(home.path(), "http:https", sockets);
    command
        .env("WULIN_PORT", "1")
        .env("WULIN_HTTP_PORT", "2")
        .stderr(Stdio::piped());
    let mut running = Service::start(command);
    assert_eq!(ask(home.path(), early).await.unwrap(), "HTTP/1.1 200 OK");
    let mut redirect = String::new();
    plain.read_to_string(&mut redirect).unwrap();
    let location = format!("location: https://localhost:{}/a\r\n", https_address.port());
    assert!(redirect.contains(&location), "{redirect}");

    let mut said = running.0.stderr.take().unwrap();
    running.signal("TERM");
    assert_eq!(running.exit_code(), Some(0));
    let mut text = String::new();
    said.read_to_string(&mut text).unwrap();
    let open = format!(
        "Wulin is open at https://localhost:{}",
        https_address.port()
    );
    assert!(text.contains(&open), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_restart_under_load_refuses_no_connection() {
    const RESTARTS: usize = 4;
    const CLIENTS: usize = 8;
    let home = tempfile::tempdir().unwrap();
    let (socket, address) = listener();
    let start = || {
        let socket = socket.try_clone().unwrap().into();
        Service::start(handed(home.path(), "https", [Some(socket), None]))
    };
    let mut running = start();
    assert!(healthy(home.path(), address));

    let load = Arc::new(Load {
        home: home.path().to_owned(),
        address,
        answered: AtomicUsize::new(0),
        over: AtomicBool::new(false),
    });
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| tokio::spawn(load.clone().connect()))
        .collect();
    for _ in 0..RESTARTS {
        // Clients connect before, during and after each restart.
        load.wait_for(5 * CLIENTS).await;
        running.signal("TERM");
        assert_eq!(running.exit_code(), Some(0));
        running = start();
    }
    load.wait_for(5 * CLIENTS).await;
    load.over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("a client was refused or cut off");
    }
}

/// Clients that connect, send one request and connect again.
struct Load {
    home: PathBuf,
    address: SocketAddr,
    answered: AtomicUsize,
    over: AtomicBool,
}

impl Load {
    async fn connect(self: Arc<Load>) {
        while !self.over.load(Ordering::Relaxed) {
            let stream = tokio::net::TcpStream::connect(self.address)
                .await
                .expect("refused");
            let answer = ask(&self.home, stream.into_std().unwrap()).await;
            assert_eq!(answer.expect("cut off"), "HTTP/1.1 200 OK");
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until this many more requests have been answered.
    async fn wait_for(&self, more: usize) {
        let enough = self.answered.load(Ordering::Relaxed) + more;
        let started = Instant::now();
        while self.answered.load(Ordering::Relaxed) < enough {
            assert!(started.elapsed() < PATIENCE, "nobody is answered any more");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[test]
fn unusable_handed_sockets_are_refused_with_the_reason() {
    let home = tempfile::tempdir().unwrap();
    let null = || File::open("/dev/null").unwrap().into();
    let udp = || UdpSocket::bind("127.0.0.1:0").unwrap().into();
    let tcp = || listener().0.into();
    let silent = || {
        let kind = socket2::Type::STREAM;
        socket2::Socket::new(socket2::Domain::IPV4, kind, None)
            .unwrap()
            .into()
    };
    let cases: [(&str, [Option<OwnedFd>; 2], &str); 6] = [
        ("https", [Some(null()), None], "ListenStream="),
        ("https", [Some(udp()), None], "ListenStream="),
        ("https", [Some(silent()), None], "does not listen"),
        ("https:http", [Some(tcp()), Some(null())], "\"http\""),
        ("https:https", [Some(tcp()), Some(tcp())], "Two sockets"),
        ("https:admin", [Some(tcp()), Some(tcp())], "\"admin\""),
    ];
    for (names, sockets, words) in cases {
        let Output { status, stderr, .. } = handed(home.path(), names, sockets)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&stderr);
        assert_eq!(status.code(), Some(78), "{names}: {said}");
        assert!(said.contains(words), "{words:?} is not in {said:?}");
    }
}

#[test]
fn sockets_for_another_process_are_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let output = wulin(home.path())
        .env("LISTEN_FDS", "1")
        .env("LISTEN_PID", "1")
        .args(["--listen", "192.0.2.1", "--port", "0"])
        .output()
        .unwrap();
    // It tried to open a port itself, on an address that no machine has.
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("192.0.2.1 is no address"), "{said}");
}
