//! A WebSocket to the server, and the native protocol over it.

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use wulin_http::tls::SecureStream;
use wulin_text::harmless;

use super::PlayerToken;
use super::wire::{self, ServerEvent};

/// The longest excerpt of a frame in a message to people, in characters.
const EXCERPT: usize = 80;
/// The most bytes that wait to be sent to a server that does not read. Without a bound, such a server could fill the
/// memory with pongs by sending pings.
const UNREAD: usize = 64 * 1024;
/// The first read buffer in bytes; it grows with a message.
const READ_BUFFER: usize = 4096;

/// The limits of a client's WebSocket: frames longer than a Wulin server sends are refused, so they take no memory.
pub fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(UNREAD)
        .max_message_size(Some(wire::LONGEST))
        .max_frame_size(Some(wire::LONGEST))
}

/// The beginning of a frame in quotes and without control characters, for messages to people.
pub fn excerpt(text: &str) -> String {
    let start: String = text.chars().take(EXCERPT).collect();
    format!("{:?}", harmless(&start))
}

/// The player that `hello` names.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The uid, which nobody else has.
    pub uid: String,
    /// The name that others see.
    pub name: String,
    /// The token that proves that the uid is ours, once the server has given one.
    pub token: Option<PlayerToken>,
}

/// An open WebSocket.
#[derive(Debug)]
pub struct Socket(WebSocketStream<SecureStream>);

impl Socket {
    /// Opens a WebSocket as a phone does, without an `Origin` header. `authority` is host and port, `target` is path
    /// and query.
    pub async fn open(
        stream: SecureStream,
        authority: &str,
        target: &str,
    ) -> anyhow::Result<Socket> {
        let request = format!("wss://{authority}{target}")
            .into_client_request()
            .context("writing the request")?;
        // Boxed: the future of the handshake is large, and would make the futures of all callers as large.
        let opening = tokio_tungstenite::client_async_with_config(request, stream, Some(limits()));
        let (socket, _) = Box::pin(opening).await?;
        Ok(Socket(socket))
    }

    /// Sends a text frame.
    pub async fn send_text(&mut self, text: String) -> anyhow::Result<()> {
        Ok(self.0.send(Frame::text(text)).await?)
    }

    /// Waits for the next text frame. Safe to cancel: no frame is lost.
    pub async fn next_text(&mut self) -> anyhow::Result<String> {
        loop {
            match self.0.next().await {
                Some(Ok(Frame::Text(text))) => return Ok(text.as_str().to_owned()),
                Some(Ok(Frame::Close(Some(CloseFrame { code, reason })))) => {
                    bail!("closed by the server with {code} {}", harmless(&reason))
                }
                Some(Ok(Frame::Close(None))) | None => bail!("closed by the server"),
                // The library answers pings by itself.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }

    /// Sends an event of the native protocol. `Null` means that it has no payload.
    pub async fn say(&mut self, event: &str, data: Value) -> anyhow::Result<()> {
        let message = match data {
            Value::Null => json!({ "event": event }),
            data => json!({ "event": event, "data": data }),
        };
        self.send_text(message.to_string()).await
    }

    /// Sends `hello`.
    pub async fn hello(&mut self, identity: &Identity) -> anyhow::Result<()> {
        let Identity { uid, name, token } = identity;
        let mut hello = json!({ "user": { "uid": uid, "uname": name, "uavatar": "" } });
        if let Some(token) = token {
            hello["token"] = token.reveal().into();
        }
        self.say("hello", hello).await
    }

    /// Waits for the next event of the server. Safe to cancel.
    pub async fn next(&mut self) -> anyhow::Result<ServerEvent> {
        let text = self.next_text().await?;
        wire::read(&text).with_context(|| excerpt(&text))
    }

    /// Closes with a close frame. Whether that arrives does not matter.
    pub async fn close(mut self) {
        let _ = self.0.close(None).await;
    }
}
