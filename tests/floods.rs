//! Frames of HTTP/2 that nobody sends who means well. Each flood ends with its connection, and costs no player anything.

mod support;

use support::server::TestServer;
use support::websocket::Dialect;
use support::{Client, PATIENCE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time;
use wulin_server::runtime::Gauge;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

/// `GET /healthz` of `localhost`, in literals that no table keeps.
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

/// Sends frames, made from their number, until the server has enough. Reads the answers or leaves them.
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
async fn a_flood_ends_with_its_connection() {
    let server = TestServer::start(&["--write-timeout", "500ms"]);
    let mut player = Client::greet(&server, Dialect::Native, "player").await;
    // Requests that are taken back at once.
    flood(&server, true, |number| {
        let stream = number * 2 + 1;
        let taken_back = frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
        let asked = frame(HEADERS, END_STREAM | END_HEADERS, stream, &request());
        [asked, taken_back].concat()
    })
    .await;
    // Headers that do not end.
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
    // What has to be answered, without taking the answer.
    flood(&server, false, |_| frame(PING, 0, 0, &[7; 8])).await;
    flood(&server, false, |_| frame(SETTINGS, 0, 0, &[])).await;
    server.wait_for(Gauge::Connection, 1).await;
    player.say("join").await;
    player.event("room").await;
}
