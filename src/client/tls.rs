//! TLS from the client's side, with a verifier that takes note instead of refusing.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
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

use crate::edge::certificates::read_roots;

/// An encrypted connection to a server.
pub type Stream = TlsStream<TcpStream>;

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

/// The roots Mozilla lists, which are those of phones and browsers, and those in `extra` (PEM) beside them.
pub fn roots(extra: Option<&Path>) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let Some(file) = extra else {
        return Ok(roots);
    };
    let bytes = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let before = roots.len();
    for certificate in read_roots(file, &bytes)? {
        roots.add(certificate).with_context(|| {
            format!(
                "{} holds a certificate that cannot be a root",
                file.display()
            )
        })?;
    }
    if roots.len() == before {
        bail!("{} holds no certificate in PEM", file.display());
    }
    Ok(roots)
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
) -> io::Result<Stream> {
    // Small messages, each of which somebody waits for.
    stream.set_nodelay(true)?;
    connector.connect(name, stream).await
}

/// Notes what a server shows of itself and refuses nothing, so that everything wrong can be told at once.
#[derive(Debug)]
pub struct Recorder {
    provider: CryptoProvider,
    shown: Mutex<Shown>,
}

/// What a server showed.
#[derive(Debug, Clone, Default)]
pub struct Shown {
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
    pub fn shown(&self) -> Shown {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shown> {
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
        *self.lock() = Shown {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether there is a root whose name has these words.
    fn knows(roots: &RootCertStore, name: &str) -> bool {
        roots.roots.iter().any(|root| {
            let subject = String::from_utf8_lossy(root.subject.as_ref());
            subject.contains(name)
        })
    }

    #[test]
    fn the_roots_are_those_that_clouds_and_certbot_issue_under() {
        let roots = roots(None).unwrap();
        for name in [
            "ISRG Root X1",
            "DigiCert Global Root G2",
            "GlobalSign",
            "Sectigo",
        ] {
            assert!(knows(&roots, name), "{name}");
        }
    }

    #[test]
    fn a_file_adds_a_root_and_must_hold_one() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("root.pem");
        let sentence = || format!("{:#}", roots(Some(&file)).unwrap_err());
        assert!(sentence().contains("cannot be read"));
        fs::write(&file, "nothing").unwrap();
        assert!(sentence().contains("holds no certificate"));
        let root = rcgen::generate_simple_self_signed(["root.example".to_owned()]).unwrap();
        fs::write(&file, root.cert.pem()).unwrap();
        let added = roots(Some(&file)).unwrap().len();
        assert_eq!(added, roots(None).unwrap().len() + 1);
    }
}
