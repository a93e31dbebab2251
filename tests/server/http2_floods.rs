//! Floods of HTTP/2 frames that no honest client sends. The server closes the connection of each flood, and players do
//! not notice.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time;
use wulin_server::runtime::Gauge;

use crate::support::http2_frames::{
    CONTINUATION, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, frame,
};
use crate::support::server::TestServer;
use crate::support::websocket::Dialect;
use crate::support::{Client, PATIENCE};

/// `GET /healthz` at `localhost`, in HPACK literals that are not put into the table (RFC 7541, 6.2.2).
fn request() -> Vec<u8> {
    let fields = [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", "/healthz"),
    ];
    let literal = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let fields = fields.map(|(name, value)| [vec![0], literal(name), literal(value)].concat());
    fields.concat()
}

/// Sends the frames that `frames` makes from a running number, until the server closes the connection. `reads` says
/// whether answers are read.
async fn flood(server: &TestServer, reads: bool, frames: impl Fn(u32) -> Vec<u8>) {
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let tls = server.tls(&["h2"]);
    let name = "localhost".try_into().unwrap();
    let stream = tls.connect(name, stream).await.unwrap();
    let (mut answers, mut stream) = tokio::io::split(stream);
    let reader = tokio::spawn(async move {
        let mut some = [0; 4096];
        while reads && answers.read(&mut some).await.is_ok_and(|read| read > 0) {}
        answers
    });
    let sending = async {
        let hello = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
        stream.write_all(&hello).await?;
        let mut number = 0;
        loop {
            let many: Vec<u8> = (number..number + 100).flat_map(&frames).collect();
            stream.write_all(&many).await?;
            number += 100;
        }
    };
    let sent: Result<(), std::io::Error> = time::timeout(PATIENCE, sending)
        .await
        .expect("the flood goes on");
    assert!(sent.is_err());
    drop(reader.await);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_flood_closes_only_its_own_connection() {
    let server = TestServer::start(&["--write-timeout", "500ms"]);
    let mut player = Client::greet(&server, Dialect::Native, "player").await;
    // Requests that are reset at once (CVE-2023-44487).
    flood(&server, true, |number| {
        let stream = number * 2 + 1;
        let taken_back = frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
        let asked = frame(HEADERS, END_STREAM | END_HEADERS, stream, &request());
        [asked, taken_back].concat()
    })
    .await;
    // Headers that never end.
    flood(&server, true, |number| match number {
        0 => frame(HEADERS, END_STREAM, 1, &request()),
        _ => frame(CONTINUATION, 0, 1, &[0, 1, b'x', 1, b'y'].repeat(100)),
    })
    .await;
    flood(&server, true, |number| match number {
        0 => frame(HEADERS, END_STREAM, 1, &request()),
        _ => frame(CONTINUATION, 0, 1, &[]),
    })
    .await;
    // Frames that must be answered, whose answers are not read.
    flood(&server, false, |_| frame(PING, 0, 0, &[7; 8])).await;
    flood(&server, false, |_| frame(SETTINGS, 0, 0, &[])).await;
    server.wait_for(Gauge::Connection, 1).await;
    player.say("join").await;
    player.event("room").await;
}
