//! What one stranger can have the server hold, and for how long, over HTTP/2.

mod support;

use axum::http::{Method, Request, StatusCode};
use futures_util::StreamExt;
use h2::client::Builder;
use support::http2::{Browser, read};
use support::server::TestServer;
use support::websocket::Dialect;
use support::{Client, PATIENCE};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time;
use wulin_server::runtime::Gauge;

#[tokio::test(flavor = "multi_thread")]
async fn each_websocket_has_a_place_of_its_own_in_the_limits() {
    let server = TestServer::start(&["--max-connections-per-ip", "2"]);
    let browser = Browser::open(&server).await;
    let (first, _first) = browser.connect("/applet/websocket", &[]).await;
    let (second, _second) = browser.connect("/applet/websocket", &[]).await;
    let (third, _third) = browser.connect("/applet/websocket", &[]).await;
    assert_eq!(first.status(), StatusCode::OK);
    assert_eq!(second.status(), StatusCode::OK);
    assert_eq!(third.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_have_little_under_way() {
    let server = TestServer::start(&[]);
    let browser = Browser::open(&server).await;
    assert_eq!(browser.requests.current_max_send_streams(), 16);
    let request =
        Request::post("https://localhost/applet/websocket/socket.io/?EIO=4&transport=polling");
    let mut requests = browser.requests.clone().ready().await.unwrap();
    let (_answer, mut body) = requests
        .send_request(request.body(()).unwrap(), false)
        .unwrap();
    body.reserve_capacity(1 << 20);
    let window = std::future::poll_fn(|cx| body.poll_capacity(cx)).await;
    let window = window.unwrap().unwrap();
    assert!(window <= 32 * 1024, "{window} bytes before anybody reads");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_one_address_has_many_connections_the_next_speak_http_1() {
    let server = TestServer::start(&["--request-timeout", "10m"]);
    let chosen = async || {
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let tls = server.tls(&["h2", "http/1.1"]);
        let name = "localhost".try_into().unwrap();
        let mut stream = tls.connect(name, stream).await.unwrap();
        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        if h2 {
            // The server speaks first: by then it counts what was chosen.
            stream.read_u8().await.unwrap();
        }
        (stream, h2)
    };
    let mut held = Vec::new();
    while let (stream, true) = chosen().await {
        held.push(stream);
        assert!(held.len() <= 256, "there is no limit");
    }
    assert_eq!(held.len(), 256);
    Client::greet(&server, Dialect::Native, "player").await;
    held.pop();
    let again = async { while !chosen().await.1 {} };
    time::timeout(PATIENCE, again).await.expect("still full");
}

/// A client that gives so little window for each answer.
fn unwilling(window: u32) -> Builder {
    let mut builder = Builder::new();
    builder.initial_window_size(window);
    builder
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_taken_is_given_up() {
    let server = TestServer::start(&["--write-timeout", "500ms"]);
    for window in [0, 1, 20] {
        let browser = Browser::with(&server, &unwilling(window)).await;
        let mut answers = Vec::new();
        for path in ["/", "/healthz", "/applet/websocket"]
            .into_iter()
            .cycle()
            .take(16)
        {
            answers.push(browser.ask(Method::GET, path, &[]).await);
        }
        for answer in answers {
            assert_eq!(answer.status(), StatusCode::OK);
            let mut body = answer.into_body();
            // What the window allows comes, nothing is given back, and then it is reset.
            let reset = loop {
                match time::timeout(PATIENCE, body.data()).await.expect("silence") {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => break error,
                    None => panic!("an answer of at least 20 bytes came through {window}"),
                }
            };
            assert_eq!(reset.reason(), Some(h2::Reason::CANCEL));
        }
        // The connection is as good as new.
        let head = browser.ask(Method::HEAD, "/healthz", &[]).await;
        assert_eq!(head.status(), StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_taken_bit_by_bit_comes_through() {
    let server = TestServer::start(&[]);
    let whole = support::engineio::request(&server, "GET /", "").await.1;
    assert!(whole.len() > 2000, "else it proves nothing");
    // The window is a fraction of the page, and opens as it is read.
    let browser = Browser::with(&server, &unwilling(500)).await;
    let page = browser.ask(Method::GET, "/", &[]).await;
    let length = page.headers()["content-length"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(length, whole.len().to_string());
    assert_eq!(read(page.into_body()).await.unwrap(), whole);
    // It ends with the last byte, and needs no window beyond it.
    let exact = u32::try_from(whole.len()).unwrap();
    let browser = Browser::with(&server, &unwilling(exact)).await;
    let mut body = browser.ask(Method::GET, "/", &[]).await.into_body();
    let mut taken = 0;
    while let Some(data) = time::timeout(PATIENCE, body.data()).await.expect("silence") {
        taken += data.unwrap().len();
    }
    assert_eq!(taken, whole.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_that_takes_nothing_is_let_go_and_so_is_its_stream() {
    let server = TestServer::start(&["--write-timeout", "500ms"]);
    let browser = Browser::with(&server, &unwilling(0)).await;
    let mut idle = Browser::open(&server)
        .await
        .greet(Dialect::Native, "idle")
        .await;
    let mut greedy = browser.play(Dialect::EngineIo3).await;
    for _ in 0..20 {
        // Each is answered.
        greedy.text("2").await;
    }
    server.wait_for(Gauge::EngineIo3, 0).await;
    let end = time::timeout(PATIENCE, greedy.socket.next())
        .await
        .expect("still open");
    assert!(!matches!(end, Some(Ok(_))), "{end:?}");
    // One that owes nothing is left alone: it still plays.
    idle.send("join", None).await;
    idle.event("room").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_requests_ends() {
    let server = TestServer::start(&["--request-timeout", "500ms"]);
    let mut player = Client::greet(&server, Dialect::Native, "player").await;
    // One that has asked something is told to go; one that never asks anything, or speaks no HTTP/2, is closed.
    let asked = Browser::open(&server).await;
    asked.ask(Method::GET, "/healthz", &[]).await;
    let silent = Browser::open(&server).await;
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let tls = server.tls(&["h2"]);
    let mut mute = tls
        .connect("localhost".try_into().unwrap(), stream)
        .await
        .unwrap();
    let told = time::timeout(PATIENCE, asked.connection)
        .await
        .expect("still open");
    told.unwrap().expect("it was told before");
    let _ = time::timeout(PATIENCE, silent.connection)
        .await
        .expect("still open");
    let _ = time::timeout(PATIENCE, mute.read_to_end(&mut Vec::new()))
        .await
        .expect("still open");
    server.wait_for(Gauge::Connection, 1).await;
    // A WebSocket is no idle stream, however little is said.
    let browser = Browser::open(&server).await;
    let mut quiet = browser.greet(Dialect::Native, "quiet").await;
    let other = Browser::open(&server).await;
    let _ = time::timeout(PATIENCE, other.connection)
        .await
        .expect("still open");
    quiet.send("join", None).await;
    quiet.event("room").await;
    player.say("join").await;
    player.event("room").await;
}
