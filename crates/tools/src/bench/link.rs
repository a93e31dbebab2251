//! One person's connection: opened, greeted, and read with as little work as there is.

use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use tokio::time::{self, Instant};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message as Frame, Utf8Bytes};

use super::dialect::{self, Heard, Name};
use super::way::Way;
use crate::bench::flags::Protocol;
use wulin_client::websocket::limits;
use wulin_http::tls::Stream;
use wulin_text::harmless;

/// The first read buffer in bytes; it grows with a message.
const READ_BUFFER: usize = 512;

/// An open connection whose person is known to the server.
pub(super) struct Link {
    socket: WebSocketStream<Stream>,
    protocol: Protocol,
    /// How often we ping, and when next: Engine.IO 3 leaves it to the client.
    pings: Option<(Duration, Instant)>,
}

/// Who says hello.
pub(super) struct Person {
    /// Which of all.
    pub(super) number: u32,
    /// Their uid.
    pub(super) uid: String,
    /// What proves the uid is theirs, once the server has given it.
    pub(super) token: Option<String>,
}

/// What `hi` and the opening of a session say.
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
    /// From nothing to `hi`. With `keep_token`, the person can come back while the server still has them.
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

    /// Opens the session, as the libraries do before they say anything.
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
                    // It becomes a row of the report: there are to be few of them.
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

    /// The next text frame; pings are answered here, and sent where that is our part. Safe to cancel, but that a pong may
    /// get lost where the server does not read.
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
                // Pings of the WebSocket are answered below.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }

    /// Leaves with the goodbye of the protocol. Whether it arrives does not matter.
    pub(super) async fn close(mut self) {
        let _ = self.socket.close(None).await;
    }
}
