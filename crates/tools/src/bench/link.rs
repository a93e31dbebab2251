//! One person's connection. It does as little work for a frame as possible, since the bench shares the machine with the
//! server it measures.

use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use tokio::time::{self, Instant};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message as Frame, Utf8Bytes};
use wulin_client::websocket::limits;
use wulin_http::tls::SecureStream;
use wulin_text::harmless;

use super::dialect::{self, Heard, Name};
use super::way::Way;
use crate::bench::flags::Protocol;

/// The first read buffer in bytes; it grows with a message. It is small since each person has one: 10,000 people take 5
/// MB.
const READ_BUFFER: usize = 512;

/// An open connection whose person was greeted with `hi`.
pub(super) struct Link {
    socket: WebSocketStream<SecureStream>,
    protocol: Protocol,
    /// How often to ping, and when next. Only in Engine.IO 3 does the client send the pings.
    pings: Option<(Duration, Instant)>,
}

/// Who says `hello` over a connection.
pub(super) struct Person {
    /// The number within the crowd.
    pub(super) number: u32,
    /// The uid.
    pub(super) uid: String,
    /// The token that proves the uid is theirs, once the server has given one.
    pub(super) token: Option<String>,
}

/// The payload of an Engine.IO `open` packet.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OpenPayload {
    ping_interval: u64,
}

#[derive(Deserialize)]
struct HiToken {
    token: Option<String>,
}

impl Link {
    /// Connects and says `hello`, up to the `hi`. With `keep_token` the person keeps the token of the `hi`, and can
    /// come back with it while the server still knows them.
    pub(super) async fn open(
        way: &Way,
        protocol: Protocol,
        person: &mut Person,
        keep_token: bool,
    ) -> anyhow::Result<Link> {
        let stream = way.connect(person.number).await?;
        let request = format!("wss://{}{}", way.address, way.target)
            .into_client_request()
            .context("writing the request")?;
        let config = limits().read_buffer_size(READ_BUFFER);
        let opening = tokio_tungstenite::client_async_with_config(request, stream, Some(config));
        let (socket, _) = opening.await.context("no WebSocket")?;
        let mut link = Link {
            socket,
            protocol,
            pings: None,
        };
        link.enter().await.context("no session of Socket.IO")?;
        link.greet(person, keep_token).await.context("no hi")?;
        Ok(link)
    }

    /// Opens the session of Socket.IO, as its client libraries do.
    async fn enter(&mut self) -> anyhow::Result<()> {
        if self.protocol == Protocol::Native {
            return Ok(());
        }
        loop {
            let text = self.next().await?;
            match dialect::read(self.protocol, &text) {
                Heard::Opened(session) if self.protocol == Protocol::Eio3 => {
                    let OpenPayload { ping_interval } = serde_json::from_str(session)?;
                    let every = Duration::from_millis(ping_interval.max(100));
                    self.pings = Some((every, Instant::now() + every));
                }
                Heard::Opened(_) => self.say("40".to_owned()).await?,
                Heard::Connected => return Ok(()),
                Heard::Event(..) | Heard::Ping | Heard::Goodbye | Heard::Nothing => {}
            }
        }
    }

    async fn greet(&mut self, person: &mut Person, keep_token: bool) -> anyhow::Result<()> {
        let Person { number, uid, token } = &*person;
        let mut hello = json!({
            "user": { "uid": uid, "uname": format!("Bench {number}"), "uavatar": "" }
        });
        if let Some(token) = token {
            hello["token"] = token.as_str().into();
        }
        self.say(dialect::write(self.protocol, "hello", Some(&hello)))
            .await?;
        loop {
            let text = self.next().await?;
            match dialect::read(self.protocol, &text) {
                Heard::Event(Name::Hi, payload) if keep_token => {
                    let HiToken { token } = serde_json::from_str(payload)?;
                    person.token = token;
                    return Ok(());
                }
                Heard::Event(Name::Hi, _) => return Ok(()),
                Heard::Event(Name::Fault, payload) => {
                    let code = dialect::text_of(payload, "code").unwrap_or(payload);
                    // Each different text is a row of the report, so it is cut.
                    bail!(
                        "refused: {}",
                        harmless(code).chars().take(64).collect::<String>()
                    )
                }
                _ => {}
            }
        }
    }

    /// Sends a text frame.
    pub(super) async fn say(&mut self, text: String) -> anyhow::Result<()> {
        Ok(self.socket.send(Frame::text(text)).await?)
    }

    /// The next text frame. Heartbeats are answered here, and sent in Engine.IO 3. Safe to cancel, except that a pong
    /// may be lost if the server does not read.
    pub(super) async fn next(&mut self) -> anyhow::Result<Utf8Bytes> {
        loop {
            let frame = match self.pings {
                None => self.socket.next().await,
                Some((every, at)) => tokio::select! {
                    frame = self.socket.next() => frame,
                    () = time::sleep_until(at) => {
                        self.pings = Some((every, at + every));
                        self.say("2".to_owned()).await?;
                        continue;
                    }
                },
            };
            match frame {
                Some(Ok(Frame::Text(text))) => match dialect::read(self.protocol, &text) {
                    Heard::Ping => self.say("3".to_owned()).await?,
                    Heard::Goodbye => bail!("sent away by the server"),
                    _ => return Ok(text),
                },
                Some(Ok(Frame::Close(Some(close)))) => {
                    bail!("closed by the server with {}", u16::from(close.code))
                }
                Some(Ok(Frame::Close(None))) | None => bail!("closed by the server"),
                // The library answers pings of the WebSocket by itself.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }

    /// Closes with a close frame. Whether that arrives does not matter.
    pub(super) async fn close(mut self) {
        let _ = self.socket.close(None).await;
    }
}
