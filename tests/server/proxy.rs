//! Behind a proxy, connections count for the address that a trusted proxy names, by PROXY header or X-Forwarded-For.
//! Other peers are not believed.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use wulin_server::runtime::Gauge;

use crate::support::server::{TestServer, Tls};
use crate::support::websocket::Dialect;
use crate::support::{Client, hello};

/// A connection that begins with these bytes.
async fn begin(server: &TestServer, header: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(header).await.unwrap();
    stream
}

async fn is_refused(mut stream: TcpStream) -> bool {
    // The client sends nothing more. The server would wait for its handshake if it had accepted the connection.
    matches!(stream.read(&mut [0]).await, Ok(0) | Err(_))
}

fn version2(source: [u8; 4]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend(source);
    header.extend([127, 0, 0, 1, 0x12, 0x67, 0x01, 0xbb]);
    header
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_count_for_the_address_in_the_proxy_header() {
    let server = TestServer::start(&[
        "--trusted-proxies",
        "127.0.0.0/8",
        "--proxy-protocol",
        "--max-connections-per-ip",
        "1",
    ]);
    let one = begin(&server, b"PROXY TCP4 192.0.2.1 127.0.0.1 4711 443\r\n").await;
    let one = server.secure(one).await;
    let mut ann = Client::over(one, Dialect::Native).await;
    ann.send("hello", hello("ann")).await;
    ann.event("hi").await;
    let other = begin(&server, &version2([192, 0, 2, 2])).await;
    let mut ben = Client::over(server.secure(other).await, Dialect::EngineIo4).await;
    ben.send("hello", hello("ben")).await;
    ben.event("hi").await;
    // The health check of the proxy itself.
    let own = begin(&server, b"PROXY UNKNOWN\r\n").await;
    drop(server.secure(own).await);

    // A second connection from an address that may have one; the header's version does not matter.
    let again = begin(&server, &version2([192, 0, 2, 1])).await;
    assert!(is_refused(again).await);
    // A TLS handshake without a header.
    let none = begin(&server, b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03random").await;
    assert!(is_refused(none).await);
    server.wait_for(Gauge::Connection, 2).await;
    drop(ann);
    server.wait_for(Gauge::Connection, 1).await;
    let free = begin(&server, b"PROXY TCP4 192.0.2.1 127.0.0.1 4711 443\r\n").await;
    server.secure(free).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn proxy_headers_from_untrusted_peers_are_refused() {
    let server = TestServer::start(&["--trusted-proxies", "192.0.2.0/24", "--proxy-protocol"]);
    let mut liar = begin(&server, b"PROXY TCP4 198.51.100.1 127.0.0.1 1 443\r\n").await;
    let mut answer = Vec::new();
    liar.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer.first(), Some(&21), "a TLS alert");
    drop(Client::greet(&server, Dialect::Native, "direct").await);
}

/// Opens a WebSocket with this X-Forwarded-For header; `Err` is the status it was refused with.
async fn forwarded(server: &TestServer, address: &str) -> Result<impl Sized, u16> {
    let stream: Tls = server.connect().await;
    let mut request = "wss://localhost/applet/websocket"
        .into_client_request()
        .unwrap();
    let headers = request.headers_mut();
    headers.insert("x-forwarded-for", address.parse().unwrap());
    match tokio_tungstenite::client_async(request, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn websockets_count_for_the_forwarded_address() {
    let limit = ["--max-connections-per-ip", "1"];
    let flags = [&["--trusted-proxies", "127.0.0.1"][..], &limit].concat();
    let server = TestServer::start(&flags);
    let first = forwarded(&server, "192.0.2.1").await.ok().unwrap();
    let second = forwarded(&server, "10.9.9.9, 192.0.2.2").await.ok();
    assert!(second.is_some());
    // Only the last address counts, which the proxy has added. The client may have written those before it.
    assert_eq!(
        forwarded(&server, "203.0.113.5, 192.0.2.1").await.err(),
        Some(429)
    );
    drop(first);
    server.wait_for(Gauge::Native, 1).await;
    assert!(forwarded(&server, "192.0.2.1").await.is_ok());

    // A peer that is no trusted proxy counts for its own address.
    let server = TestServer::start(&limit);
    let _first = forwarded(&server, "192.0.2.1").await.ok().unwrap();
    let stream = TcpStream::connect(server.address()).await.unwrap();
    assert!(is_refused(stream).await);
}
