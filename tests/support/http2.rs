//! An HTTP/2 client: requests, and WebSockets by extended CONNECT (RFC 8441).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Bytes;
use axum::http::{Method, Request, Response, StatusCode};
use futures_util::{SinkExt, StreamExt};
use h2::client::{Builder, SendRequest};
use h2::ext::Protocol;
use h2::{RecvStream, SendStream};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::server::TestServer;
use super::websocket::Dialect;
use super::{PATIENCE, hello};

/// One HTTP/2 connection.
pub struct Browser {
    pub requests: SendRequest<Bytes>,
    /// Ends with the connection.
    pub connection: JoinHandle<Result<(), h2::Error>>,
}

impl Browser {
    pub async fn open(server: &TestServer) -> Browser {
        Browser::with(server, &Builder::new()).await
    }

    pub async fn with(server: &TestServer, builder: &Builder) -> Browser {
        Browser::offering(server, builder, &["h2"]).await
    }

    /// Opens a connection that offers these protocols by ALPN.
    pub async fn offering(server: &TestServer, builder: &Builder, protocols: &[&str]) -> Browser {
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let tls = server.tls(protocols);
        let stream = tls.connect("localhost".try_into().unwrap(), stream);
        let (requests, mut connection) = builder.handshake(stream.await.unwrap()).await.unwrap();
        let mut pings = connection.ping_pong().unwrap();
        let connection = tokio::spawn(connection);
        // Once a ping is answered, the server's settings have arrived.
        pings.ping(h2::Ping::opaque()).await.unwrap();
        Browser {
            requests,
            connection,
        }
    }

    pub async fn send(
        &self,
        request: Request<()>,
        end: bool,
    ) -> (Response<RecvStream>, SendStream<Bytes>) {
        let mut requests = self.requests.clone().ready().await.unwrap();
        let (response, body) = requests.send_request(request, end).unwrap();
        let response = time::timeout(PATIENCE, response).await.expect("no answer");
        (response.unwrap(), body)
    }

    pub async fn ask(
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

    pub async fn connect(
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

    /// Opens a WebSocket at this path and sends nothing.
    pub async fn play_at(&self, path: &str, dialect: Dialect) -> Player {
        let (response, send) = self.connect(path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK);
        let tunnel = Tunnel {
            send,
            receive: response.into_body(),
            rest: Bytes::new(),
        };
        let socket = WebSocketStream::from_raw_socket(tunnel, Role::Client, None).await;
        Player { dialect, socket }
    }

    pub async fn play(&self, dialect: Dialect) -> Player {
        let mut player = self.play_at(dialect.path(), dialect).await;
        if dialect == Dialect::EngineIo4 {
            player.text("40").await;
        }
        player
    }

    pub async fn greet(&self, dialect: Dialect, uid: &str) -> Player {
        let mut player = self.play(dialect).await;
        player.send("hello", Some(&hello(uid))).await;
        player.event("hi").await;
        player
    }
}

/// Reads a whole body. `Err` if the stream is reset.
pub async fn read(mut body: RecvStream) -> Result<String, h2::Error> {
    let mut all = Vec::new();
    while let Some(data) = time::timeout(PATIENCE, body.data()).await.expect("silence") {
        let data = data?;
        body.flow_control().release_capacity(data.len()).unwrap();
        all.extend(data);
    }
    Ok(String::from_utf8(all).unwrap())
}

/// An HTTP/2 stream as a stream of bytes.
pub struct Tunnel {
    pub send: SendStream<Bytes>,
    pub receive: RecvStream,
    pub rest: Bytes,
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

/// A player on a WebSocket over an HTTP/2 stream.
pub struct Player {
    pub dialect: Dialect,
    pub socket: WebSocketStream<Tunnel>,
}

impl Player {
    pub async fn text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub async fn send(&mut self, event: &str, payload: Option<&Value>) {
        let text = self.dialect.write(event, payload);
        self.text(&text).await;
    }

    pub async fn next(&mut self) -> Message {
        time::timeout(PATIENCE, self.socket.next())
            .await
            .expect("silence")
            .expect("the end")
            .unwrap()
    }

    /// The payload of the next event of this name; others before it are skipped.
    pub async fn event(&mut self, name: &str) -> Value {
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
