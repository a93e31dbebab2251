//! From an address to a WebSocket that has said hello.

use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wulin_http::tls::{ANY_VERSION, Trust, connector, handshake};

use super::address::Address;
use super::websocket::{Identity, Socket};

/// How long a connection may take to open.
const PATIENCE: Duration = Duration::from_secs(10);

/// How to reach the server.
#[derive(Debug, Clone)]
pub struct Dialer {
    /// Where it is.
    pub address: Address,
    /// Where its native WebSocket is.
    pub path: String,
    /// Whom to believe.
    pub trust: Trust,
}

impl Dialer {
    /// Opens a connection and says hello.
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
