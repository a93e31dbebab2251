//! The floor of a machine: TLS and WebSocket by the same libraries as Wulin's, and no more. Each text frame goes back as it
//! came; only `hello` is answered by a `hi`, so that the same load generator counts who comes and who stays.
//!
//! `echo serve CHAIN KEY` prints its port. `echo ask PORT CONNECTIONS SECONDS` has so many connections send a frame every
//! 500 ms and prints, as JSON, how long the echoes took. Where an echo comes only after the next frame was due, that one's time
//! counts from when it was due, so that a stall hides nothing; what our own alarms are late does not count.

use std::env;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{accept_async_with_config, client_async_with_config};

const CHOICE: &str = r#"{"event":"choice","data":{"choice":2}}"#;
const HI: &str = r#"{"event":"hi","data":{"message":"welcome","nearby":0,"token":"00000000000000000000000000000000","totalScore":0,"winStreak":0}}"#;
const EVERY: Duration = Duration::from_millis(500);
/// Connections that come from one address of the loopback network: far below its number of ports.
const OF_ONE_ADDRESS: u32 = 1000;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    _ = aws_lc_rs::default_provider().install_default();
    // As many as the system allows.
    _ = rlimit::increase_nofile_limit(u64::MAX);
    let words: Vec<String> = env::args().skip(1).collect();
    match &words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", chain, key] => serve(chain, key).await,
        ["ask", port, connections, seconds] => {
            let seconds = Duration::from_secs(seconds.parse().context("SECONDS")?);
            ask(port.parse()?, connections.parse()?, seconds).await
        }
        _ => bail!("echo serve CHAIN KEY, or echo ask PORT CONNECTIONS SECONDS"),
    }
}

/// Small buffers: the default of 128 KiB for each connection is another floor.
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
            // Whoever breaks off is gone: there is nobody to tell.
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

async fn ask(port: u16, connections: u32, time: Duration) -> anyhow::Result<()> {
    let config = ClientConfig::builder()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    // Everybody is there before the first frame counts.
    let begin = Instant::now() + Duration::from_millis(u64::from(connections) * 2 + 1000);
    let mut tasks = JoinSet::new();
    for number in 0..connections {
        let connector = connector.clone();
        let first = begin + EVERY.mul_f64(f64::from(number) / f64::from(connections));
        tasks.spawn(async move { one(&connector, port, number, first, begin + time).await });
        if number % 32 == 31 {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
    let mut took = Vec::new();
    while let Some(times) = tasks.join_next().await {
        took.extend(times??);
    }
    took.sort_unstable();
    let at = |share: f64| {
        let index = (took.len() as f64 * share) as usize;
        took.get(index.min(took.len().saturating_sub(1)))
            .map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    };
    println!(
        r#"{{"connections":{connections},"echoes":{},"echo_ms":{{"p50":{:.3},"p95":{:.3},"p99":{:.3},"p99.9":{:.3},"max":{:.3}}}}}"#,
        took.len(),
        at(0.5),
        at(0.95),
        at(0.99),
        at(0.999),
        at(1.0)
    );
    Ok(())
}

/// One connection, from its first frame to the end; how long each echo took.
async fn one(
    connector: &TlsConnector,
    port: u16,
    number: u32,
    first: Instant,
    end: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    let source = Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + number / OF_ONE_ADDRESS);
    socket.bind((source, 0).into())?;
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = socket.connect(peer).await?;
    stream.set_nodelay(true)?;
    let stream = connector
        .connect(ServerName::try_from("localhost")?, stream)
        .await?;
    let (mut socket, _) =
        client_async_with_config("wss://localhost/", stream, Some(websocket())).await?;
    let mut due = first;
    let mut took = Vec::new();
    while due < end {
        let held_up = Instant::now() > due;
        sleep_until(due).await;
        let from = if held_up { due } else { Instant::now() };
        socket.send(Message::text(CHOICE)).await?;
        socket.next().await.context("no echo")??;
        took.push(from.elapsed());
        due += EVERY;
    }
    Ok(took)
}

/// The certificate is the one made for the run, and the server is on this machine.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
