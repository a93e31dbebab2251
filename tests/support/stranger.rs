//! A hostile proxy in front of an authority: it passes on requests and changes single answers.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256,
    PublicKeyData, SignatureAlgorithm,
};
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use super::front::acceptor;
use super::pebble::Stage;
use super::port::Port;

/// A request to an authority.
pub struct Asked {
    pub method: String,
    pub path: String,
    /// The signed payload, if there is one.
    pub payload: Value,
}

/// The authority's answer, which a test can change.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    /// After this many bytes of the body the connection breaks.
    pub cut: Option<usize>,
}

impl Answer {
    pub fn is_chain(&self) -> bool {
        self.header("content-type")
            .is_some_and(|kind| kind.starts_with(b"application/pem-certificate-chain"))
    }

    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.remove(name);
        let value = value.as_ref().to_vec();
        self.headers.push((name.to_owned(), value));
    }

    pub fn remove(&mut self, name: &str) {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// Changes the body's JSON.
    pub fn edit(&mut self, edit: impl FnOnce(&mut Value)) {
        let mut body = serde_json::from_slice(&self.body).unwrap();
        edit(&mut body);
        self.body = body.to_string().into_bytes();
    }

    /// Replaces the answer with a problem document (RFC 7807).
    pub fn refuse(&mut self, status: u16, kind: &str, detail: &str) {
        self.status = status;
        self.set("Content-Type", "application/problem+json");
        let kind = format!("urn:ietf:params:acme:error:{kind}");
        let problem = serde_json::json!({"type": kind, "detail": detail});
        self.body = problem.to_string().into_bytes();
    }
}

type Trick = Box<dyn FnMut(&Asked, &mut Answer) + Send>;

/// A running hostile proxy.
pub struct Stranger {
    pub port: Port,
    trick: Arc<Mutex<Trick>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Stranger {
    /// Starts a proxy in front of the authority of this stage that changes answers by `trick`. It runs until the
    /// runtime ends.
    pub fn before(
        stage: &Stage,
        trick: impl FnMut(&Asked, &mut Answer) + Send + 'static,
    ) -> Stranger {
        let (acceptor, port) = (acceptor(stage), Port::free());
        let listener = TcpListener::from_std(port.listen()).unwrap();
        let (behind, tls) = (stage.acme.number, stage.trusting_authority());
        let trick: Arc<Mutex<Trick>> = Arc::new(Mutex::new(Box::new(trick)));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let stranger = Stranger {
            port,
            trick: trick.clone(),
            asked: asked.clone(),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, tls) = (acceptor.clone(), tls.clone());
                let (trick, asked) = (trick.clone(), asked.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let (head, body) = read(&mut stream).await;
                    let request = request(&head, &body);
                    let mut answer = pass_on(behind, &tls, &head, &body).await;
                    trick.lock().unwrap()(&request, &mut answer);
                    asked
                        .lock()
                        .unwrap()
                        .push(format!("{} {}", request.method, request.path));
                    let _ = stream.write_all(&written(&answer)).await;
                    if answer.cut.is_none() {
                        let _ = stream.shutdown().await;
                    }
                });
            }
        });
        stranger
    }

    /// Changes answers by another trick from now on.
    pub fn play(&self, trick: impl FnMut(&Asked, &mut Answer) + Send + 'static) {
        *self.trick.lock().unwrap() = Box::new(trick);
    }

    /// Passes on answers unchanged from now on.
    pub fn be_honest(&self) {
        self.play(|_, _| {});
    }

    /// Replaces certificates with forged ones for the same key, with these names and this validity. Returns the
    /// forger's root.
    pub fn forge(
        &self,
        names: &'static [&'static str],
        time: (SystemTime, SystemTime),
    ) -> CertificateDer<'static> {
        let forger = Forger::new();
        let root = forger.0.as_ref().der().clone();
        let mut asked = Value::Null;
        self.play(move |request, answer| {
            if request.path.starts_with("/finalize-order/") {
                asked = request.payload.clone();
            }
            if answer.is_chain() {
                answer.body = forger.sign(&asked, names, time);
            }
        });
        root
    }

    /// How many passed-on requests begin like this, for example `POST /order-plz`.
    pub fn count(&self, beginning: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .filter(|one| one.starts_with(beginning))
            .count()
    }

    pub fn orders(&self) -> usize {
        self.count("POST /order-plz")
    }

    pub fn downloads(&self) -> usize {
        self.count("POST /certZ/")
    }
}

fn request(head: &str, body: &[u8]) -> Asked {
    let mut words = head.split(' ');
    let signed: Value = serde_json::from_slice(body).unwrap_or_default();
    let payload = signed["payload"].as_str().unwrap_or_default();
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap();
    Asked {
        method: words.next().unwrap().to_owned(),
        path: words.next().unwrap().to_owned(),
        payload: serde_json::from_slice(&payload).unwrap_or_default(),
    }
}

/// Reads one message with a body of the announced length.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> (String, Vec<u8>) {
    let mut all = Vec::new();
    loop {
        if let Some(end) = all.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(all[..end].to_vec()).unwrap();
            let lower = head.to_ascii_lowercase();
            let length = lower.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
            if all.len() >= end + 4 + length.unwrap_or(0) {
                return (head, all.split_off(end + 4));
            }
        }
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).await.unwrap_or(0);
        assert_ne!(count, 0, "half a request: {all:?}");
        all.extend_from_slice(&bytes[..count]);
    }
}

async fn pass_on(port: u16, tls: &TlsConnector, head: &str, body: &[u8]) -> Answer {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = tls.connect(name, stream).await.unwrap();
    // The Host header stays, since the authority builds its addresses from it.
    let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(b"\r\n\r\n").await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all).await;
    let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let body = all.split_off(end + 4);
    let head = String::from_utf8(all).unwrap();
    let mut lines = head.trim_end().lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        Some((name.to_owned(), value.as_bytes().to_vec()))
    });
    let mut answer = Answer {
        status: status.parse().unwrap(),
        headers: headers.collect(),
        body,
        cut: None,
    };
    for name in ["Content-Length", "Connection", "Transfer-Encoding"] {
        answer.remove(name);
    }
    answer
}

fn written(answer: &Answer) -> Vec<u8> {
    let mut all = format!("HTTP/1.1 {} X\r\n", answer.status).into_bytes();
    for (name, value) in &answer.headers {
        all.extend_from_slice(name.as_bytes());
        all.extend_from_slice(b": ");
        all.extend_from_slice(value);
        all.extend_from_slice(b"\r\n");
    }
    let length = answer.body.len();
    all.extend_from_slice(
        format!("Connection: close\r\nContent-Length: {length}\r\n\r\n").as_bytes(),
    );
    let count = answer.cut.unwrap_or(length);
    all.extend_from_slice(&answer.body[..count]);
    all
}

/// A root that signs certificates with any names and any validity.
struct Forger(CertifiedIssuer<'static, KeyPair>);

impl Forger {
    fn new() -> Forger {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Forger(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// A chain for the key in a certificate signing request, which is the payload that finalizes an order.
    fn sign(
        &self,
        finalize: &Value,
        names: &[&str],
        (from, until): (SystemTime, SystemTime),
    ) -> Vec<u8> {
        let request = finalize["csr"].as_str().unwrap();
        let request = BASE64_URL_SAFE_NO_PAD.decode(request).unwrap();
        let (_, request) = X509CertificationRequest::from_der(&request).unwrap();
        let key = &request.certification_request_info.subject_pki;
        let key = Public(key.subject_public_key.data.to_vec());
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = from.into();
        params.not_after = until.into();
        let leaf = params.signed_by(&key, &self.0).unwrap();
        (leaf.pem() + &self.0.as_ref().pem()).into_bytes()
    }
}

/// A public key without its private key.
struct Public(Vec<u8>);

impl PublicKeyData for Public {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}
