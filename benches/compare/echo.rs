//! The floor of a machine: TLS and WebSocket by the same libraries as Wulin's, and no more. Each text frame goes back as it
//! came; only `hello` is answered by a `hi`, so that the same load generator counts who comes and who stays.
//!
//! `echo CHAIN KEY` prints its port.

use std::env;
use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::bail;
use futures_util::{SinkExt, StreamExt};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

const HI: &str = r#"{"event":"hi","data":{"message":"welcome","nearby":0,"token":"00000000000000000000000000000000","totalScore":0,"winStreak":0}}"#;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    _ = aws_lc_rs::default_provider().install_default();
    // As many as the system allows.
    _ = rlimit::increase_nofile_limit(u64::MAX);
    let mut files = env::args().skip(1);
    match (files.next(), files.next()) {
        (Some(chain), Some(key)) => serve(&chain, &key).await,
        _ => bail!("echo CHAIN KEY"),
    }
}

/// Small buffers, as Wulin has them. With the default of 128 KiB for each connection the comparison would be unfair.
fn websocket() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(4096)
}

async fn serve(chain: &str, key: &str) -> anyhow::Result<()> {
    let chain = CertificateDer::pem_file_iter(chain)?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let listener: TcpListener = socket.listen(4096)?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (stream, _) = listener.accept().await?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // The client has gone, and nobody is left to be told.
            _ = echo(acceptor, stream).await;
        });
    }
}

async fn echo(acceptor: TlsAcceptor, stream: TcpStream) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let stream = acceptor.accept(stream).await?;
    let mut socket = accept_async_with_config(stream, Some(websocket())).await?;
    while let Some(message) = socket.next().await {
        match message? {
            Message::Text(text) if text.contains(r#""hello""#) => {
                socket.send(Message::text(HI)).await?;
            }
            message @ Message::Text(_) => socket.send(message).await?,
            _ => socket.flush().await?,
        }
    }
    Ok(())
}
