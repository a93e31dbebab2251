//! What one stranger can have the server hold, and for how long, over TLS and HTTP/1.

mod support;

use std::net::SocketAddr;

use support::server::TestServer;
use support::websocket::Dialect;
use support::{Client, PATIENCE};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time;
use wulin_server::runtime::Gauge;

/// Waits until the server has closed a connection, and returns what it said before.
async fn closed(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut said = Vec::new();
    let _ = time::timeout(PATIENCE, stream.read_to_end(&mut said))
        .await
        .expect("still open");
    String::from_utf8_lossy(&said).into_owned()
}

async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    closed(&mut stream).await
}

/// A server with a plain HTTP port, on an address where no other test takes it.
fn with_http(address: &str, flags: &[&str]) -> TestServer {
    // Port 0 would mean none.
    let free = std::net::TcpListener::bind((address, 0)).unwrap();
    let http = free.local_addr().unwrap().port().to_string();
    drop(free);
    TestServer::start(&[&["--listen", address, "--http-port", &http], flags].concat())
}

/// A part of a TLS handshake message, as a record of its own.
fn record(fragment: &[u8]) -> Vec<u8> {
    let length = u16::try_from(fragment.len()).unwrap().to_be_bytes();
    [&[0x16, 3, 1, length[0], length[1]], fragment].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hello_that_does_not_end_is_not_kept() {
    // Time is not what ends it.
    let server = TestServer::start(&["--tls-timeout", "10m"]);
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    // A ClientHello of 60,000 bytes, of which a quarter comes.
    let mut hello = vec![1, 0, 0xea, 0x60, 3, 3];
    hello.resize(15_000, 0);
    for part in hello.chunks(3000) {
        if stream.write_all(&record(part)).await.is_err() {
            break;
        }
    }
    closed(&mut stream).await;
    server.wait_for(Gauge::Connection, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_hello_that_ends_is_fine_and_so_is_a_full_record_behind_it() {
    let server = TestServer::start(&[]);
    let protocols: Vec<String> = (0..50).map(|number| format!("{number:064}")).collect();
    let mut protocols: Vec<&str> = protocols.iter().map(String::as_str).collect();
    protocols.push("http/1.1");
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let mut stream = server
        .tls(&protocols)
        .connect("localhost".try_into().unwrap(), stream)
        .await
        .unwrap();
    let body = "x".repeat(100_000);
    let request = format!(
        "POST /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    // The answer may come before the body is read.
    let _ = stream.write_all(request.as_bytes()).await;
    assert!(closed(&mut stream).await.starts_with("HTTP/1.1 405 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plain_port_speaks_http_1_only_and_waits_for_nobody() {
    let server = with_http("127.0.0.8", &["--request-timeout", "300ms"]);
    let http = server.http_address().unwrap();
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let said = ask(http, preface).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 "), "{said:?}");
    // Nothing at all; half a request; one request and no other.
    assert_eq!(ask(http, "").await, "");
    assert!(!ask(http, "GET / HTTP/1.1\r\nHo").await.contains(" 301 "));
    let said = ask(http, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 301 "), "{said}");
    server.wait_for(Gauge::Connection, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_without_tls_are_no_proxy_and_take_no_long_headers() {
    let flags = ["--admin", "127.0.0.1:0"];
    let server = with_http("127.0.0.9", &flags);
    for port in [server.http_address(), server.admin_address()] {
        let connect =
            "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\nConnection: close\r\n\r\n";
        let said = ask(port.unwrap(), connect).await;
        assert!(!said.starts_with("HTTP/1.1 2"), "{said}");
        assert!(said.ends_with("This is no proxy.\n"), "{said}");
        let long = "x".repeat(9 * 1024);
        let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: {long}\r\n\r\n");
        let said = ask(port.unwrap(), &request).await;
        assert!(said.starts_with("HTTP/1.1 431 "), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_connections_without_tls_end_with_the_server_and_hold_no_drain_up() {
    let flags = [
        "--admin",
        "127.0.0.1:0",
        "--request-timeout",
        "10m",
        "--drain-timeout",
        "10m",
    ];
    let server = with_http("127.0.0.10", &flags);
    let mut kept = Vec::new();
    for port in [server.http_address(), server.admin_address()] {
        let mut stream = TcpStream::connect(port.unwrap()).await.unwrap();
        let request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        assert!(stream.read(&mut [0; 512]).await.unwrap() > 0);
        kept.push(stream);
    }
    time::timeout(PATIENCE, server.drain())
        .await
        .expect("the drain goes on");
    for mut stream in kept {
        closed(&mut stream).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_port_waits_for_nobody() {
    let server = TestServer::start(&["--admin", "127.0.0.1:0", "--request-timeout", "300ms"]);
    let admin = server.admin_address().unwrap();
    assert_eq!(ask(admin, "").await, "");
    assert!(
        !ask(admin, "GET /status HTTP/1.1\r\nHo")
            .await
            .contains(" 200 ")
    );
    let said = ask(admin, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(!said.contains("\0\0"), "{said:?}");
    let said = ask(admin, "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    let slow = "PUT /log HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\ninf";
    let said = ask(admin, slow).await;
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
    let long = "x".repeat(20_000);
    let said = ask(
        admin,
        &format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    )
    .await;
    assert!(said.starts_with("HTTP/1.1 4"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_only_so_many_connections_to_the_admin_port() {
    let server = TestServer::start(&["--admin", "127.0.0.1:0", "--request-timeout", "10m"]);
    let admin = server.admin_address().unwrap();
    let mut held = Vec::new();
    // Each is let in before the next is made: it has been answered.
    for _ in 0..64 {
        let mut stream = TcpStream::connect(admin).await.unwrap();
        let request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        assert!(stream.read(&mut [0; 512]).await.unwrap() > 0);
        held.push(stream);
    }
    assert_eq!(ask(admin, "").await, "", "one too many is closed at once");
    // Players are not counted among them.
    Client::greet(&server, Dialect::Native, "player").await;
    held.clear();
    let welcome = async {
        let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        while !ask(admin, request).await.starts_with("HTTP/1.1 200 ") {}
    };
    time::timeout(PATIENCE, welcome).await.expect("still full");
}

/// Asks for the page again and again and reads nothing, until the server has enough.
async fn ask_and_never_read(stream: impl AsyncRead + AsyncWrite) {
    let (unread, mut stream) = tokio::io::split(stream);
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100);
    while stream.write_all(request.as_bytes()).await.is_ok() {}
    drop(unread);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_reads_end_the_connection() {
    let server = TestServer::start(&["--write-timeout", "300ms"]);
    let mut player = Client::greet(&server, Dialect::Native, "player").await;
    let greedy = ask_and_never_read(server.connect().await);
    time::timeout(PATIENCE, greedy).await.expect("still open");
    server.wait_for(Gauge::Connection, 1).await;
    player.say("join").await;
    player.event("room").await;
}
