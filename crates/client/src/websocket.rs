//! A WebSocket to the server: its opening, and the game's messages over it.

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};

use super::wire::{self, ServerEvent};
use wulin_http::tls::Stream;
use wulin_text::harmless;

use super::PlayerToken;

/// The longest part of what a server said that is repeated to people, in characters.
const EXCERPT: usize = 80;
/// Pongs and messages that wait for a server that does not read, in bytes. It pings as often as it likes, and each pong would
/// be kept.
const UNREAD: usize = 64 * 1024;
/// The first read buffer in bytes; it grows with a message.
const READ_BUFFER: usize = 4096;

/// How a client reads and writes a WebSocket: no more than a Wulin would say is taken into memory.
pub fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(UNREAD)
        .max_message_size(Some(wire::LONGEST))
        .max_frame_size(Some(wire::LONGEST))
}

/// The beginning of what a server said, for people to read.
pub fn excerpt(text: &str) -> String {
    let start: String = text.chars().take(EXCERPT).collect();
    format!("{:?}", harmless(&start))
}

/// Who we say we are.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Ours alone.
    pub uid: String,
    /// What others see.
    pub name: String,
    /// What proves the uid is ours, once the server has given it.
    pub token: Option<PlayerToken>,
}

/// An open WebSocket.
#[derive(Debug)]
pub struct Socket(WebSocketStream<Stream>);

impl Socket {
    /// Opens a WebSocket as a phone does: without an `Origin`. `authority` is host and port, `target` path and query.
    pub async fn open(stream: Stream, authority: &str, target: &str) -> anyhow::Result<Socket> {
        let request = format!("wss://{authority}{target}")
            .into_client_request()
            .context("writing the request")?;
        // Boxed: the state of the handshake is large, and every caller's future would be as well.
        let opening = tokio_tungstenite::client_async_with_config(request, stream, Some(limits()));
        let (socket, _) = Box::pin(opening).await?;
        Ok(Socket(socket))
    }

    /// Sends a text frame.
    pub async fn send_text(&mut self, text: String) -> anyhow::Result<()> {
        Ok(self.0.send(Frame::text(text)).await?)
    }

    /// The next text frame. Safe to cancel: a frame is either returned or still to come.
    pub async fn next_text(&mut self) -> anyhow::Result<String> {
        loop {
            match self.0.next().await {
                Some(Ok(Frame::Text(text))) => return Ok(text.as_str().to_owned()),
                Some(Ok(Frame::Close(Some(CloseFrame { code, reason })))) => {
                    bail!("closed by the server with {code} {}", harmless(&reason))
                }
                Some(Ok(Frame::Close(None))) | None => bail!("closed by the server"),
                // Pings are answered below.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }

    /// Says an event of the native protocol.
    pub async fn say(&mut self, event: &str, data: Value) -> anyhow::Result<()> {
        let message = match data {
            Value::Null => json!({ "event": event }),
            data => json!({ "event": event, "data": data }),
        };
        self.send_text(message.to_string()).await
    }

    /// Says who we are.
    pub async fn hello(&mut self, identity: &Identity) -> anyhow::Result<()> {
        let Identity { uid, name, token } = identity;
        let mut hello = json!({ "user": { "uid": uid, "uname": name, "uavatar": "" } });
        if let Some(token) = token {
            hello["token"] = token.reveal().into();
        }
        self.say("hello", hello).await
    }

    /// The server's next event. Safe to cancel.
    pub async fn next(&mut self) -> anyhow::Result<ServerEvent> {
        let text = self.next_text().await?;
        wire::read(&text).with_context(|| excerpt(&text))
    }

    /// Closes with the goodbye of the protocol. Whether it arrives does not matter any more.
    pub async fn close(mut self) {
        let _ = self.0.close(None).await;
    }
}
