//! Checks of the game's connections: the native WebSocket, Socket.IO over WebSocket and over polling, and `hello`.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use serde_json::Value;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite;
use wulin_client::random_uid;
use wulin_client::websocket::{Identity, Socket, excerpt};
use wulin_client::wire::ServerEvent;

use super::finding::Finding;
use super::network::millis;
use super::tls::Target;

/// The remedy if an upgrade to WebSocket fails, but the same path answers a plain request.
const UPGRADE: &str = "A proxy or a CDN in front does not pass WebSockets on: switch that on (Upgrade and Connection \
                       headers), or let phones reach Wulin itself.";

/// Opens a WebSocket. `resource` is its path and query.
pub(super) async fn open(target: &Target, resource: &str) -> anyhow::Result<Socket> {
    let authority = target.address.to_string();
    let opened = async {
        let stream = target.open().await?;
        Socket::open(stream, &authority, resource).await
    };
    within(target.patience, opened).await
}

/// The result of `work`, or an error if it takes longer than `patience`.
pub(super) async fn within<T>(
    patience: Duration,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    timeout(patience, work)
        .await
        .unwrap_or_else(|_| bail!("no answer within {patience:?}"))
}

/// Whether the native WebSocket opens without an `Origin` header, which phones do not send. Returns the open socket.
pub(super) async fn websocket(target: &Target, base_path: &str) -> (Option<Socket>, Finding) {
    match open(target, base_path).await {
        Ok(socket) => (
            Some(socket),
            Finding::ok(format!("opens at wss://{}{base_path}", target.address)),
        ),
        Err(error) => (None, refused(base_path, &error)),
    }
}

/// Whether Socket.IO connects over a WebSocket. `version` is that of Engine.IO, 3 or 4.
pub(super) async fn socketio(target: &Target, base_path: &str, version: u8) -> Finding {
    let resource = format!("{base_path}/socket.io/?EIO={version}&transport=websocket");
    let greeted = async {
        let mut socket = open(target, &resource).await?;
        let greeting = greeting(&mut socket, version).await;
        socket.close().await;
        greeting
    };
    match within(target.patience, greeted).await {
        Ok(()) => Finding::ok(format!("greets over a WebSocket (EIO={version})")),
        Err(error) => refused(&resource, &error),
    }
}

/// Opens the session and connects to the default namespace.
async fn greeting(socket: &mut Socket, version: u8) -> anyhow::Result<()> {
    let open = socket.next_text().await?;
    session(&open)?;
    // With Engine.IO 4 the client asks for the namespace; with 3 the server connects it unasked.
    if version == 4 {
        socket.send_text("40".to_owned()).await?;
    }
    let connected = socket.next_text().await?;
    if connected.starts_with("40") {
        Ok(())
    } else {
        Err(anyhow!(
            "{} came in place of the namespace",
            excerpt(&connected)
        ))
    }
}

/// The session id in an Engine.IO `open` packet.
fn session(open: &str) -> anyhow::Result<String> {
    let unexpected = || format!("{} is no greeting of Socket.IO", excerpt(open));
    let packet = open.strip_prefix('0').with_context(unexpected)?;
    let packet: Value = serde_json::from_str(packet).with_context(unexpected)?;
    packet["sid"]
        .as_str()
        .map(str::to_owned)
        .with_context(unexpected)
}

/// Whether Socket.IO connects over polling, with which its client libraries begin by default.
pub(super) async fn polling(target: &Target, base_path: &str) -> Finding {
    let resource = format!("{base_path}/socket.io/?EIO=4&transport=polling");
    let greeted = async {
        let opened = target.ask("GET", &resource, "").await?;
        if opened.status != 200 {
            bail!("{} at the first request: {}", opened.status, opened.words());
        }
        let sid = session(&opened.text())?;
        let mine = format!("{resource}&sid={sid}");
        let posted = target.ask("POST", &mine, "40").await?;
        if posted.status != 200 {
            bail!(
                "{} at the second request: {}",
                posted.status,
                posted.words()
            );
        }
        // A ping may come first, in an answer of its own or in the same one. U+001E separates packets.
        let mut heard = target.ask("GET", &mine, "").await?;
        if heard.body == "2" {
            heard = target.ask("GET", &mine, "").await?;
        }
        if !heard
            .text()
            .split('\u{1e}')
            .any(|packet| packet.starts_with("40"))
        {
            bail!("{} at the third request: {}", heard.status, heard.words());
        }
        // Closes the session, which would otherwise stay open until the server's ping timeout.
        let _ = target.ask("POST", &mine, "1").await;
        anyhow::Ok(())
    };
    // Twice the time: it takes four or five requests, each on a connection of its own.
    match within(target.patience * 2, Box::pin(greeted)).await {
        Ok(()) => Finding::ok("greets over HTTP (EIO=4)"),
        // Only a warning: Mini Programs never poll, and other clients can be told not to.
        Err(error) => Finding::warning(
            format!("Socket.IO over polling fails: {error:#}"),
            "Clients that begin with polling stay out; transports: ['websocket'] helps them. With several servers behind \
             one address, each session must stay at one of them.",
        ),
    }
}

/// Says `hello`. The finding says how long the `hi` took, or what came instead.
pub(super) async fn hello(socket: &mut Socket, patience: Duration) -> Finding {
    let started = Instant::now();
    let asked = async {
        let identity = Identity {
            uid: random_uid("check")?,
            name: "wulin check".to_owned(),
            token: None,
        };
        socket.hello(&identity).await?;
        loop {
            match socket.next().await? {
                ServerEvent::Hi(hi) => return Ok(hi),
                ServerEvent::Fault(fault) => bail!("refused: {} ({})", fault.message, fault.code),
                _ => {}
            }
        }
    };
    match within(patience, asked).await {
        Ok(hi) => Finding::ok(format!(
            "answered in {}; {} online",
            millis(started.elapsed()),
            match hi.nearby {
                0 => "nobody else".to_owned(),
                1 => "1 other".to_owned(),
                more => format!("{more} others"),
            }
        )),
        Err(error) => Finding::failed(
            format!("hello is not answered: {error:#}"),
            "What is behind the WebSocket is no Wulin, or it is stuck: `wulin health` on the machine, and its log.",
        ),
    }
}

fn refused(resource: &str, error: &anyhow::Error) -> Finding {
    let path = resource.split('?').next().unwrap_or(resource);
    if let Some(tungstenite::Error::Http(response)) = error.downcast_ref() {
        let status = response.status().as_u16();
        let detail = format!("{path} answers with {status} in place of a WebSocket");
        return Finding::failed(
            detail,
            match status {
                404 => {
                    "Give the server's path with --base-path; if it is this one, a proxy in front leads elsewhere."
                }
                403 => {
                    "Something in front refuses clients without an Origin, which is what phones are. Wulin itself does not."
                }
                _ => UPGRADE,
            },
        );
    }
    Finding::failed(format!("no WebSocket at {path}: {error:#}"), UPGRADE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greeting_must_have_a_session_id() {
        assert_eq!(session(r#"0{"sid":"x","upgrades":[]}"#).unwrap(), "x");
        for text in ["", "0", "1{}", "0{}", r#"{"sid":"x"}"#, r#"0{"sid":7}"#] {
            assert!(session(text).is_err(), "{text}");
        }
    }
}
