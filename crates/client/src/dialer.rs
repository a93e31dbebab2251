//! Connects to a server: TCP, TLS, WebSocket, `hello`.

use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wulin_http::tls::{ANY_VERSION, Trust, connector, handshake};

use super::address::Address;
use super::websocket::{Identity, Socket};

/// How long all of that may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How to reach a server.
#[derive(Debug, Clone)]
pub struct Dialer {
    /// Its address.
    pub address: Address,
    /// The path of its native WebSocket.
    pub path: String,
    /// Which certificates to trust.
    pub trust: Trust,
}

impl Dialer {
    /// Opens a connection and sends `hello`. It does not wait for the `hi`.
    pub async fn dial(&self, identity: &Identity) -> anyhow::Result<Socket> {
        timeout(PATIENCE, self.open(identity))
            .await
            .unwrap_or_else(|_| Err(anyhow!("no answer within {PATIENCE:?}")))
    }

    async fn open(&self, identity: &Identity) -> anyhow::Result<Socket> {
        let Address { host, port, .. } = &self.address;
        let stream = TcpStream::connect((&**host, *port))
            .await
            .context("it cannot be reached")?;
        let connector = connector(&self.trust, ANY_VERSION)?;
        let stream = handshake(&connector, self.address.server_name(), stream)
            .await
            .context("it is not trusted, or speaks no TLS")?;
        let authority = self.address.to_string();
        let mut socket = Socket::open(stream, &authority, &self.path)
            .await
            .with_context(|| format!("there is no WebSocket at {}", self.path))?;
        socket.hello(identity).await?;
        Ok(socket)
    }
}
