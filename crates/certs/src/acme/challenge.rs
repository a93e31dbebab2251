//! Answers challenges (RFC 8555, 8): to validate that a domain is ours, the authority connects to it and asks for
//! something that only this server can know.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use instant_acme::{ChallengeType, KeyAuthorization};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::PrivatePkcs8KeyDer;

use crate::Resolver;

/// The protocol that an authority offers, and nothing else, when it asks for the certificate of a challenge (RFC 8737).
pub const PROTOCOL: &[u8] = b"acme-tls/1";

/// The path at which it asks over plain HTTP (RFC 8555, 8.3).
const PATH: &str = "/.well-known/acme-challenge/";

/// A validation method, as RFC 8657 calls it: how an authority checks that a domain is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValidationMethod {
    /// tls-alpn-01, on the HTTPS port.
    TlsAlpn,
    /// http-01, on the HTTP port.
    Http,
}

impl ValidationMethod {
    /// Its type in instant-acme.
    pub(super) fn kind(self) -> ChallengeType {
        match self {
            ValidationMethod::TlsAlpn => ChallengeType::TlsAlpn01,
            ValidationMethod::Http => ChallengeType::Http01,
        }
    }

    /// Its name in ACME.
    pub(super) fn name(self) -> &'static str {
        match self {
            ValidationMethod::TlsAlpn => "tls-alpn-01",
            ValidationMethod::Http => "http-01",
        }
    }

    /// The port an authority connects to.
    pub(super) fn port(self) -> u16 {
        match self {
            ValidationMethod::TlsAlpn => 443,
            ValidationMethod::Http => 80,
        }
    }
}

/// The challenge that can be answered at the moment: at most one, since domains are validated one after the other.
///
/// std's Mutex: it is held for a few lines, never across an `.await`, and a handshake picks its certificate in
/// synchronous code.
#[derive(Debug, Default)]
pub struct Challenges(Mutex<Option<Proof>>);

#[derive(Debug)]
enum Proof {
    Certificate {
        domain: String,
        certified: Arc<CertifiedKey>,
    },
    Text {
        token: String,
        text: String,
    },
}

/// Answers a challenge for as long as it lives.
#[derive(Debug)]
#[must_use]
pub(super) struct Offer(Arc<Challenges>);

impl Challenges {
    /// Answers a challenge until the returned offer is dropped.
    pub(super) fn offer(
        self: &Arc<Challenges>,
        method: ValidationMethod,
        domain: &str,
        token: &str,
        authorization: &KeyAuthorization,
    ) -> anyhow::Result<Offer> {
        let proof = match method {
            ValidationMethod::TlsAlpn => Proof::Certificate {
                domain: domain.to_owned(),
                certified: Arc::new(certificate(domain, authorization.digest().as_ref())?),
            },
            ValidationMethod::Http => Proof::Text {
                token: token.to_owned(),
                text: authorization.as_str().to_owned(),
            },
        };
        *self.proof() = Some(proof);
        Ok(Offer(self.clone()))
    }

    /// The answer to a request for this path over plain HTTP, as `application/octet-stream`, if it belongs to a
    /// challenge (RFC 8555, 8.3).
    pub fn answer(&self, path: &str) -> Option<String> {
        let asked = path.strip_prefix(PATH)?;
        match &*self.proof() {
            Some(Proof::Text { token, text }) if token == asked => Some(text.clone()),
            _ => None,
        }
    }

    fn certificate(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        match &*self.proof() {
            Some(Proof::Certificate { domain, certified })
                if name.is_some_and(|name| name.eq_ignore_ascii_case(domain)) =>
            {
                Some(certified.clone())
            }
            _ => None,
        }
    }

    fn proof(&self) -> std::sync::MutexGuard<'_, Option<Proof>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        *self.0.proof() = None;
    }
}

/// The certificate that answers tls-alpn-01 (RFC 8737, 3).
fn certificate(domain: &str, digest: &[u8]) -> anyhow::Result<CertifiedKey> {
    let mut params = CertificateParams::new([domain.to_owned()])
        .context("making the certificate of a challenge")?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate().context("making the key of a challenge")?;
    let certificate = params
        .self_signed(&key)
        .context("signing the certificate of a challenge")?;
    let key = any_supported_type(&PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .context("reading the key of a challenge")?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], key))
}

/// Picks the certificate of a handshake: that of a challenge if an authority asks for it, else one of `certificates`.
#[derive(Debug)]
pub(super) struct ChallengeResolver {
    challenges: Arc<Challenges>,
    certificates: Arc<Resolver>,
}

impl ChallengeResolver {
    /// Answers challenges, and leaves all other handshakes to `certificates`.
    pub(super) fn new(
        challenges: Arc<Challenges>,
        certificates: Arc<Resolver>,
    ) -> ChallengeResolver {
        ChallengeResolver {
            challenges,
            certificates,
        }
    }
}

impl ResolvesServerCert for ChallengeResolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let mut protocols = hello.alpn().into_iter().flatten();
        if protocols.next() == Some(PROTOCOL) && protocols.next().is_none() {
            // Without a challenge the handshake fails, as RFC 8737 demands.
            return self.challenges.certificate(hello.server_name());
        }
        self.certificates.resolve(hello)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_answers_only_the_current_token() {
        let challenges = Arc::new(Challenges::default());
        *challenges.proof() = Some(Proof::Text {
            token: "token".to_owned(),
            text: "token.print".to_owned(),
        });
        let offer = Offer(challenges.clone());
        let answered = |path: &str| challenges.answer(path).is_some();
        assert!(answered("/.well-known/acme-challenge/token"));
        assert!(!answered("/.well-known/acme-challenge/"));
        assert!(!answered("/.well-known/acme-challenge/other"));
        assert!(!answered("/token"));
        assert!(challenges.certificate(Some("token")).is_none());
        drop(offer);
        assert!(!answered("/.well-known/acme-challenge/token"));
    }

    #[test]
    fn challenge_certificate_is_for_its_domain_only() {
        let challenges = Arc::new(Challenges::default());
        *challenges.proof() = Some(Proof::Certificate {
            domain: "game.example".to_owned(),
            certified: Arc::new(certificate("game.example", &[7; 32]).unwrap()),
        });
        assert!(challenges.certificate(Some("Game.Example")).is_some());
        assert!(challenges.certificate(Some("other.example")).is_none());
        assert!(challenges.certificate(None).is_none());
    }
}
