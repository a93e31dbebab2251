//! TLS from the client's side, with a verifier that takes note instead of refusing.

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

/// Who is believed to be who they say.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Whoever shows a certificate these roots vouch for.
    Roots(Arc<RootCertStore>),
    /// Anybody; what was shown is noted.
    Anybody(Arc<Recorder>),
}

/// The algorithms a signature may be of.
pub fn algorithms() -> WebPkiSupportedAlgorithms {
    aws_lc_rs::default_provider().signature_verification_algorithms
}

/// A client that speaks these versions, and HTTP/1.1.
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
    // Each connection is a first one, so that the certificate is shown each time.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config).into())
}

/// Does the handshake over a connection; `name` is who is asked for.
pub async fn handshake(
    connector: &TlsConnector,
    name: ServerName<'static>,
    stream: TcpStream,
) -> io::Result<SecureStream> {
    // Small messages, each of which somebody waits for.
    stream.set_nodelay(true)?;
    connector.connect(name, stream).await
}

/// Notes what a server shows of itself and refuses nothing, so that everything wrong can be told at once.
#[derive(Debug)]
pub struct Recorder {
    provider: CryptoProvider,
    shown: Mutex<Presented>,
}

/// What a server showed.
#[derive(Debug, Clone, Default)]
pub struct Presented {
    /// The certificates in the order they came, the server's own first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Whether the handshake was signed with the key of the first one.
    pub signed: bool,
}

impl Recorder {
    /// One that has seen nothing yet.
    pub fn new() -> Arc<Recorder> {
        Arc::new(Recorder {
            provider: aws_lc_rs::default_provider(),
            shown: Mutex::default(),
        })
    }

    /// What was shown last.
    pub fn shown(&self) -> Presented {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Presented> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets it pass either way: a chain in the wrong order fails here first, and has its own words elsewhere.
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
