//! A proxy in front of pebble that adds what pebble lacks of a large authority: advice on renewals (RFC 9773) and rate
//! limits. It passes on all requests and changes single answers.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::pebble::{Stage, exchange};
use super::port::Port;

/// What the proxy is to do, and what it has seen.
#[derive(Default)]
pub struct Conduct {
    /// The ids of certificates that are to be renewed at once; all others in a month.
    pub overdue: Vec<String>,
    /// Whether every certificate is to be renewed at once, even a new one.
    pub impatient: bool,
    /// How many orders are refused for now, and how long the client is told to wait.
    pub limited: (usize, Duration),
    /// The `replaces` field of each order.
    pub replaced: Vec<Option<String>>,
}

/// A running proxy.
pub struct Front {
    pub port: Port,
    pub conduct: Arc<Mutex<Conduct>>,
}

#[derive(Clone)]
struct Behind {
    port: u16,
    tls: TlsConnector,
}

impl Front {
    /// Starts a proxy in front of the authority of this stage. It runs until the runtime ends.
    pub fn before(stage: &Stage, conduct: Conduct) -> Front {
        let acceptor = acceptor(stage);
        let port = Port::free();
        let listener = TcpListener::from_std(port.listen()).unwrap();
        let behind = Behind {
            port: stage.acme.number,
            tls: stage.trusting_authority(),
        };
        let conduct = Arc::new(Mutex::new(conduct));
        let number = port.number;
        let shared = conduct.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, behind, conduct) =
                    (acceptor.clone(), behind.clone(), shared.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let request = read(&mut stream).await;
                    let answer = answer(&request, number, &behind, &conduct).await;
                    stream.write_all(answer.as_bytes()).await.unwrap();
                    let _ = stream.shutdown().await;
                });
            }
        });
        Front { port, conduct }
    }
}

/// The server side of TLS, with the authority's certificate.
pub fn acceptor(stage: &Stage) -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_file(stage.file("authority.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(stage.file("authority.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Reads one request with its body.
async fn read(stream: &mut tokio_rustls::server::TlsStream<TcpStream>) -> String {
    let mut text = String::new();
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).await.unwrap();
        assert_ne!(count, 0, "half a request: {text}");
        text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
    }
}

async fn answer(request: &str, port: u16, behind: &Behind, conduct: &Mutex<Conduct>) -> String {
    let path = request.split(' ').nth(1).unwrap();
    if let Some(id) = path.strip_prefix("/renewal/") {
        let conduct = conduct.lock().unwrap();
        let overdue = conduct.overdue.iter().any(|one| one == id);
        return advice(overdue || conduct.impatient);
    }
    let replaces = (path == "/order-plz").then(|| replaces(request));
    if let Some(replaces) = replaces.clone() {
        let mut conduct = conduct.lock().unwrap();
        conduct.replaced.push(replaces);
        if conduct.limited.0 > 0 {
            conduct.limited.0 -= 1;
            return limit(conduct.limited.1);
        }
    }
    let stream = TcpStream::connect(("127.0.0.1", behind.port))
        .await
        .unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = behind.tls.connect(name, stream).await.unwrap();
    // Pebble builds its addresses from the Host header, so they lead back to this proxy.
    let request = request.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    let answer = exchange(&mut stream, &request).await;
    if path == "/dir" {
        let address = format!("https://127.0.0.1:{port}/renewal");
        return with(&answer, "renewalInfo", &json!(address));
    }
    match replaces {
        Some(Some(id)) if answer.starts_with("HTTP/1.1 201") => {
            with(&answer, "replaces", &json!(id))
        }
        _ => answer,
    }
}

/// The `replaces` field of an order.
fn replaces(request: &str) -> Option<String> {
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    let signed: Value = serde_json::from_str(body).unwrap();
    let payload = BASE64_URL_SAFE_NO_PAD
        .decode(signed["payload"].as_str().unwrap())
        .unwrap();
    let order: Value = serde_json::from_slice(&payload).unwrap();
    order["replaces"].as_str().map(str::to_owned)
}

fn advice(overdue: bool) -> String {
    let day = Duration::from_hours(24);
    let now = SystemTime::now();
    let (start, end) = if overdue {
        (now - day * 2, now - day)
    } else {
        (now + day * 30, now + day * 32)
    };
    let moment = |at| humantime::format_rfc3339_seconds(at).to_string();
    let window = json!({"suggestedWindow": {"start": moment(start), "end": moment(end)}});
    response(
        "200 OK",
        "Content-Type: application/json\r\nRetry-After: 21600",
        &window,
    )
}

fn limit(wait: Duration) -> String {
    let problem = json!({
        "type": "urn:ietf:params:acme:error:rateLimited",
        "detail": "too many certificates for this domain",
    });
    let head = format!(
        "Content-Type: application/problem+json\r\nRetry-After: {}",
        wait.as_secs()
    );
    response("429 Too Many Requests", &head, &problem)
}

fn response(status: &str, head: &str, body: &Value) -> String {
    let body = body.to_string();
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// The same answer with one more field in its JSON.
fn with(answer: &str, name: &str, value: &Value) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut body: Value = serde_json::from_str(body).unwrap();
    body[name] = value.clone();
    let (status, head) = head.split_once("\r\n").unwrap();
    let head: Vec<_> = head
        .lines()
        .filter(|line| !line.to_ascii_lowercase().starts_with("content-length"))
        .collect();
    let status = status.strip_prefix("HTTP/1.1 ").unwrap();
    response(status, &head.join("\r\n"), &body)
}
