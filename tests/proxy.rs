//! Behind a proxy: whom it speaks for is whose connections are counted, and only a trusted one is believed.

mod support;

use support::server::{TestServer, Tls};
use support::websocket::Dialect;
use support::{Client, hello};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use wulin_server::runtime::Gauge;

/// A connection that begins with these bytes, and whether the server answers on it.
async fn begin(server: &TestServer, header: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(header).await.unwrap();
    stream
}

async fn is_refused(mut stream: TcpStream) -> bool {
    // No handshake is begun: whoever is let in would be waited for.
    matches!(stream.read(&mut [0]).await, Ok(0) | Err(_))
}

fn version2(source: [u8; 4]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend(source);
    header.extend([127, 0, 0, 1, 0x12, 0x67, 0x01, 0xbb]);
    header
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_protocol_says_who_it_is() {
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
    // The proxy's own health check.
    let own = begin(&server, b"PROXY UNKNOWN\r\n").await;
    drop(server.secure(own).await);

    // A second one from an address that may have one, whichever version says so.
    let again = begin(&server, &version2([192, 0, 2, 1])).await;
    assert!(is_refused(again).await);
    // No header at all.
    let none = begin(&server, b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03random").await;
    assert!(is_refused(none).await);
    server.wait_for(Gauge::Connection, 2).await;
    drop(ann);
    server.wait_for(Gauge::Connection, 1).await;
    let free = begin(&server, b"PROXY TCP4 192.0.2.1 127.0.0.1 4711 443\r\n").await;
    server.secure(free).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_from_anybody_else_is_no_tls() {
    let server = TestServer::start(&["--trusted-proxies", "192.0.2.0/24", "--proxy-protocol"]);
    let mut liar = begin(&server, b"PROXY TCP4 198.51.100.1 127.0.0.1 1 443\r\n").await;
    let mut answer = Vec::new();
    liar.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer.first(), Some(&21), "a TLS alert");
    drop(Client::greet(&server, Dialect::Native, "direct").await);
}

/// Opens a WebSocket that was forwarded for this address; the status if it was refused.
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
async fn forwarded_requests_count_where_they_are_from() {
    let limit = ["--max-connections-per-ip", "1"];
    let flags = [&["--trusted-proxies", "127.0.0.1"][..], &limit].concat();
    let server = TestServer::start(&flags);
    let first = forwarded(&server, "192.0.2.1").await.ok().unwrap();
    let second = forwarded(&server, "10.9.9.9, 192.0.2.2").await.ok();
    assert!(second.is_some());
    // What a client says of itself is not believed: the proxy has added the last one.
    assert_eq!(
        forwarded(&server, "203.0.113.5, 192.0.2.1").await.err(),
        Some(429)
    );
    drop(first);
    server.wait_for(Gauge::Native, 1).await;
    assert!(forwarded(&server, "192.0.2.1").await.is_ok());

    // Whoever is no proxy is counted by where it is.
    let server = TestServer::start(&limit);
    let _first = forwarded(&server, "192.0.2.1").await.ok().unwrap();
    let stream = TcpStream::connect(server.address()).await.unwrap();
    assert!(is_refused(stream).await);
}
