//! `wulin health`: asks the server on this machine whether it works, with nothing but this binary.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use rustls::pki_types::ServerName;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time;

use crate::cli::Health;
use crate::client::http;
use crate::client::tls::{ANY_VERSION, Recorder, Trust, connector, handshake};

/// How long the server may take in all.
const PATIENCE: Duration = Duration::from_secs(4);

/// The header of the PROXY protocol of somebody who speaks for nobody else.
const OWN: &[u8] = b"PROXY UNKNOWN\r\n";

/// Asks, and returns the server's own words.
pub async fn ask(flags: &Health) -> anyhow::Result<String> {
    let address = match flags.listen {
        Some(address) if !address.is_unspecified() => address,
        Some(_) | None => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let ports = match flags.port {
        Some(port) => vec![port],
        None => vec![443, 8443],
    };
    let mut result = Err(anyhow::anyhow!("no port to ask"));
    for port in ports {
        let target = SocketAddr::from((address, port));
        result = time::timeout(PATIENCE, ask_at(target, flags.proxy_protocol))
            .await
            .unwrap_or_else(|_| bail!("{target} does not answer"));
        if result.is_ok() {
            break;
        }
    }
    result
}

async fn ask_at(target: SocketAddr, introduce: bool) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(target)
        .await
        .with_context(|| format!("no server can be reached at {target}"))?;
    if introduce {
        stream.write_all(OWN).await?;
    }
    // This machine asks itself, by an address no certificate is for: whose it is does not matter.
    let connector = connector(&Trust::Anybody(Recorder::new()), ANY_VERSION)?;
    let stream = handshake(&connector, ServerName::from(target.ip()), stream)
        .await
        .with_context(|| format!("no TLS is spoken at {target}"))?;
    let answer = http::exchange(stream, "GET", "/healthz", "localhost", "").await?;
    let body = answer.words();
    if answer.status == 200 {
        Ok(body)
    } else {
        bail!("not well: {body}")
    }
}
