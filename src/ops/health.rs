//! `wulin health`: asks the server on this machine whether it works, with nothing but this binary.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time;
use tokio_rustls::TlsConnector;

use crate::cli::Health;

/// How long the server may take in all.
const PATIENCE: Duration = Duration::from_secs(4);
/// The longest answer that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

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
        result = time::timeout(PATIENCE, ask_at(target))
            .await
            .unwrap_or_else(|_| bail!("{target} does not answer"));
        if result.is_ok() {
            break;
        }
    }
    result
}

async fn ask_at(target: SocketAddr) -> anyhow::Result<String> {
    let stream = TcpStream::connect(target)
        .await
        .with_context(|| format!("no server can be reached at {target}"))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector
        .connect(ServerName::from(target.ip()), stream)
        .await
        .with_context(|| format!("no TLS is spoken at {target}"))?;
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await?;
    let mut answer = Vec::new();
    // A server that closes without TLS's goodbye has still said what it had to say.
    let _ = stream.take(LONGEST).read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .context("the answer is no HTTP")?;
    if head.starts_with("HTTP/1.1 200 ") {
        Ok(body.trim().to_owned())
    } else {
        bail!("not well: {}", body.trim())
    }
}

/// This machine asks itself, by an address no certificate is for: whose it is does not matter, that its holder has the key
/// does.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
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
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
