//! TLS as a client, with a verifier that can record certificates instead of refusing them.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature,
    verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedProtocolVersion,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// An encrypted connection to a server.
pub type SecureStream = TlsStream<TcpStream>;

/// Both versions that phones speak.
pub const ANY_VERSION: &[&SupportedProtocolVersion] =
    &[&rustls::version::TLS13, &rustls::version::TLS12];

/// Which servers are trusted.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Those whose certificate these roots vouch for.
    Roots(Arc<RootCertStore>),
    /// Any server; its certificates are recorded.
    Anybody(Arc<Recorder>),
}

/// The signature algorithms that are supported.
pub fn algorithms() -> WebPkiSupportedAlgorithms {
    aws_lc_rs::default_provider().signature_verification_algorithms
}

/// A client that speaks these versions of TLS, and HTTP/1.1.
pub fn connector(
    trust: &Trust,
    versions: &[&'static SupportedProtocolVersion],
) -> anyhow::Result<TlsConnector> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .context("choosing the versions of TLS")?;
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::Roots(roots) => WebPkiServerVerifier::builder_with_provider(roots.clone(), provider)
            .build()
            .context("preparing the roots")?,
        Trust::Anybody(recorder) => recorder.clone(),
    };
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // No session is resumed, so that the server sends its certificates each time.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config).into())
}

/// Does the handshake over a connection; `name` is the server that is asked for.
pub async fn handshake(
    connector: &TlsConnector,
    name: ServerName<'static>,
    stream: TcpStream,
) -> io::Result<SecureStream> {
    // No Nagle's algorithm: messages are small, and the server waits for each.
    stream.set_nodelay(true)?;
    connector.connect(name, stream).await
}

/// Records what a server presents and refuses nothing, so that `wulin check` can report everything wrong at once.
///
/// std's Mutex: rustls verifies in synchronous code, and it is held for a line.
#[derive(Debug)]
pub struct Recorder {
    provider: CryptoProvider,
    shown: Mutex<Presented>,
}

/// What a server presented.
#[derive(Debug, Clone, Default)]
pub struct Presented {
    /// The certificates in the order they came, the server's own first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Whether the handshake was signed with the key of the first one.
    pub signed: bool,
}

impl Recorder {
    /// A recorder that has seen nothing yet.
    pub fn new() -> Arc<Recorder> {
        Arc::new(Recorder {
            provider: aws_lc_rs::default_provider(),
            shown: Mutex::default(),
        })
    }

    /// What the last server presented.
    pub fn shown(&self) -> Presented {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Presented> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records whether a signature holds, and accepts it either way. A chain in the wrong order fails here first, and
    /// the check of the chain says so in better words.
    fn note(
        &self,
        verified: &Result<HandshakeSignatureValid, rustls::Error>,
    ) -> HandshakeSignatureValid {
        self.lock().signed = verified.is_ok();
        HandshakeSignatureValid::assertion()
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let all = std::iter::once(certificate).chain(others);
        *self.lock() = Presented {
            chain: all.map(|one| one.clone().into_owned()).collect(),
            signed: false,
        };
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        Ok(self.note(&verify_tls12_signature(
            message,
            certificate,
            signature,
            algorithms,
        )))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        Ok(self.note(&verify_tls13_signature(
            message,
            certificate,
            signature,
            algorithms,
        )))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
