//! HTTP/2 as a client meets it: WebSockets by extended CONNECT (RFC 8441), and what bounds whoever takes nothing.

mod support;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use futures_util::{SinkExt, StreamExt};
use h2::client::{Builder, SendRequest};
use h2::ext::Protocol;
use h2::{RecvStream, SendStream};
use serde_json::{Value, json};
use support::server::TestServer;
use support::websocket::{DIALECTS, Dialect};
use support::{Client, PATIENCE, hello};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use wulin::runtime::Kind;

/// One connection of HTTP/2.
struct Browser {
    requests: SendRequest<Bytes>,
    /// Ends with the connection.
    connection: JoinHandle<Result<(), h2::Error>>,
}

impl Browser {
    async fn open(server: &TestServer) -> Browser {
        Browser::with(server, &Builder::new()).await
    }

    async fn with(server: &TestServer, builder: &Builder) -> Browser {
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let tls = server.tls(&["h2"]);
        let stream = tls.connect("localhost".try_into().unwrap(), stream);
        let (requests, mut connection) = builder.handshake(stream.await.unwrap()).await.unwrap();
        let mut pings = connection.ping_pong().unwrap();
        let connection = tokio::spawn(connection);
        // After the answer to a ping its settings are known.
        pings.ping(h2::Ping::opaque()).await.unwrap();
        Browser {
            requests,
            connection,
        }
    }

    async fn send(
        &self,
        request: Request<()>,
        end: bool,
    ) -> (Response<RecvStream>, SendStream<Bytes>) {
        let mut requests = self.requests.clone().ready().await.unwrap();
        let (response, body) = requests.send_request(request, end).unwrap();
        let response = time::timeout(PATIENCE, response).await.expect("no answer");
        (response.unwrap(), body)
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Response<RecvStream> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("https://localhost{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(()).unwrap(), true).await.0
    }

    async fn connect(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (Response<RecvStream>, SendStream<Bytes>) {
        let mut request = Request::builder()
            .method(Method::CONNECT)
            .uri(format!("https://localhost{path}"))
            .extension(Protocol::from_static("websocket"))
            .header("sec-websocket-version", "13");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(()).unwrap(), false).await
    }

    async fn play(&self, dialect: Dialect) -> Player {
        let (response, send) = self.connect(dialect.path(), &[]).await;
        assert_eq!(response.status(), StatusCode::OK);
        let tunnel = Tunnel {
            send,
            receive: response.into_body(),
            rest: Bytes::new(),
        };
        let socket = WebSocketStream::from_raw_socket(tunnel, Role::Client, None).await;
        let mut player = Player { dialect, socket };
        if dialect == Dialect::EngineIo4 {
            player.text("40").await;
        }
        player
    }

    async fn greet(&self, dialect: Dialect, uid: &str) -> Player {
        let mut player = self.play(dialect).await;
        player.send("hello", Some(&hello(uid))).await;
        player.event("hi").await;
        player
    }
}

/// All of a body; an error if the stream is reset.
async fn read(mut body: RecvStream) -> Result<String, h2::Error> {
    let mut all = Vec::new();
    while let Some(data) = time::timeout(PATIENCE, body.data()).await.expect("silence") {
        let data = data?;
        body.flow_control().release_capacity(data.len()).unwrap();
        all.extend(data);
    }
    Ok(String::from_utf8(all).unwrap())
}

/// A stream of HTTP/2, as a stream of bytes.
struct Tunnel {
    send: SendStream<Bytes>,
    receive: RecvStream,
    rest: Bytes,
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            match ready!(self.receive.poll_data(cx)) {
                Some(data) => self.rest = data.map_err(io::Error::other)?,
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = self.rest.len().min(buffer.remaining());
        buffer.put_slice(&self.rest.split_to(length));
        let flow = self.receive.flow_control();
        flow.release_capacity(length).map_err(io::Error::other)?;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let data = Bytes::copy_from_slice(bytes);
        let sent = self.send.send_data(data, false);
        Poll::Ready(sent.map(|()| bytes.len()).map_err(io::Error::other))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = self.send.send_data(Bytes::new(), true);
        Poll::Ready(sent.map_err(io::Error::other))
    }
}

/// Somebody who plays over such a stream.
struct Player {
    dialect: Dialect,
    socket: WebSocketStream<Tunnel>,
}

impl Player {
    async fn text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    async fn send(&mut self, event: &str, payload: Option<&Value>) {
        let text = self.dialect.write(event, payload);
        self.text(&text).await;
    }

    async fn next(&mut self) -> Message {
        time::timeout(PATIENCE, self.socket.next())
            .await
            .expect("silence")
            .expect("the end")
            .unwrap()
    }

    /// The payload of the next event of this name.
    async fn event(&mut self, name: &str) -> Value {
        loop {
            let Message::Text(text) = self.next().await else {
                continue;
            };
            if self.dialect == Dialect::Native {
                let frame: Value = serde_json::from_str(&text).unwrap();
                if frame["event"] == name {
                    return frame["data"].clone();
                }
            } else if let Some(event) = text.strip_prefix("42") {
                let frame: Value = serde_json::from_str(event).unwrap();
                if frame[0] == name {
                    return frame[1].clone();
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_is_played_over_one_connection() {
    let server = TestServer::start(&["--robot-wait", "20s"]);
    for dialect in DIALECTS {
        let browser = Browser::open(&server).await;
        assert!(browser.requests.is_extended_connect_protocol_enabled());
        let mut ann = browser.greet(dialect, "ann").await;
        let mut ben = browser.greet(Dialect::Native, "ben").await;
        assert_eq!(server.count(Kind::Connection), 1);
        ann.send("join", None).await;
        ben.send("join", None).await;
        ann.event("start").await;
        ben.event("start").await;
        ann.send("choice", Some(&json!({"choice": 2}))).await;
        ben.send("choice", Some(&json!({"choice": 1}))).await;
        let result = ann.event("result").await;
        assert_eq!(result, ben.event("result").await);
        let won = result["result"].as_array().unwrap();
        assert!(
            won.iter()
                .any(|line| line["uid"] == "ann" && line["roundScore"] == 1)
        );
        // A message as long as messages may be comes through the window.
        let long = format!("{}{}", "x".repeat(16_000), "\n");
        ann.text(&long).await;
        ann.event("fault").await;
        ann.socket.close(None).await.unwrap();
        ben.socket.close(None).await.unwrap();
        server.wait_for(Kind::Person, 0).await;
        drop((ann, ben, browser));
        server.wait_until_empty().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_began_with_polling_can_upgrade() {
    let server = TestServer::start(&[]);
    let browser = Browser::open(&server).await;
    let path = "/applet/websocket/socket.io/?EIO=4&transport=polling";
    let open = read(browser.ask(Method::GET, path, &[]).await.into_body())
        .await
        .unwrap();
    let open: Value = serde_json::from_str(&open[1..]).unwrap();
    let sid = open["sid"].as_str().unwrap();
    let path = format!("/applet/websocket/socket.io/?EIO=4&transport=websocket&sid={sid}");
    let (response, send) = browser.connect(&path, &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    let tunnel = Tunnel {
        send,
        receive: response.into_body(),
        rest: Bytes::new(),
    };
    let socket = WebSocketStream::from_raw_socket(tunnel, Role::Client, None).await;
    let mut player = Player {
        dialect: Dialect::EngineIo4,
        socket,
    };
    player.text("2probe").await;
    assert_eq!(player.next().await, Message::text("3probe"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subprotocol_is_answered_if_one_is_offered() {
    let server = TestServer::start(&[]);
    let browser = Browser::open(&server).await;
    for (offered, answered) in [
        (&[][..], None),
        (
            &[("sec-websocket-protocol", "v2.game, game")],
            Some("v2.game"),
        ),
    ] {
        let (response, _send) = browser.connect("/applet/websocket", offered).await;
        let headers: &HeaderMap = response.headers();
        assert_eq!(response.status(), StatusCode::OK);
        let answer = headers.get("sec-websocket-protocol");
        assert_eq!(answer.map(|answer| answer.to_str().unwrap()), answered);
        assert!(!headers.contains_key("sec-websocket-accept"), "{headers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_in_the_wrong_way_is_told_the_right_one() {
    let server = TestServer::start(&[]);
    let browser = Browser::open(&server).await;
    let words = "CONNECT and :protocol = websocket (RFC 8441).";
    let handshake = [
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
    ];
    let refusal = browser
        .ask(Method::GET, "/applet/websocket", &handshake)
        .await;
    assert_eq!(refusal.status(), StatusCode::BAD_REQUEST);
    let refusal = read(refusal.into_body()).await.unwrap();
    assert!(
        refusal.contains(words) && refusal.lines().count() == 1,
        "{refusal}"
    );
    // Somebody looks whether the route is alive.
    let alive = browser.ask(Method::GET, "/applet/websocket", &[]).await;
    assert_eq!(alive.status(), StatusCode::OK);
    let alive: Value = serde_json::from_str(&read(alive.into_body()).await.unwrap()).unwrap();
    assert_eq!(alive["status"], "ok");
    assert!(
        alive["websocket"].as_str().unwrap().ends_with(words),
        "{alive}"
    );
    let head = browser.ask(Method::HEAD, "/applet/websocket", &[]).await;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(read(head.into_body()).await.unwrap(), "");
    let (nothing, _) = browser.connect("/nothing", &[]).await;
    assert_eq!(nothing.status(), StatusCode::NOT_FOUND);
    let (old, _) = browser
        .connect("/applet/websocket", &[("sec-websocket-version", "8")])
        .await;
    assert_eq!(old.status(), StatusCode::UPGRADE_REQUIRED);
    for (protocol, status) in [
        (None, StatusCode::METHOD_NOT_ALLOWED),
        (Some("connect-udp"), StatusCode::NOT_IMPLEMENTED),
    ] {
        let mut request = Request::builder().method(Method::CONNECT);
        request = match protocol {
            Some(protocol) => request
                .uri("https://localhost/applet/websocket")
                .extension(Protocol::from_static(protocol)),
            None => request.uri("localhost:443"),
        };
        let (answer, _) = browser.send(request.body(()).unwrap(), false).await;
        assert_eq!(answer.status(), status, "{protocol:?}");
    }
    // None of this has harmed the connection.
    browser.greet(Dialect::Native, "ann").await;
}

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
    server.wait_for(Kind::EngineIo3, 0).await;
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
    server.wait_for(Kind::Connection, 1).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_says_goodbye() {
    let server = TestServer::start(&[]);
    let browser = Browser::open(&server).await;
    let mut player = browser.greet(Dialect::Native, "player").await;
    let farewell = async {
        player.event("restart").await;
        loop {
            if let Message::Close(close) = player.next().await {
                return close.map(|close| u16::from(close.code));
            }
        }
    };
    let (code, ()) = tokio::join!(farewell, async {
        time::timeout(PATIENCE, server.drain())
            .await
            .expect("the drain goes on");
    });
    assert_eq!(code, Some(1001));
    let ended = time::timeout(PATIENCE, browser.connection)
        .await
        .expect("still open");
    ended.unwrap().expect("a proper end");
}
