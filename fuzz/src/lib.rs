//! Every decoder that reads a stranger's bytes, as a function of bytes. What each must hold: it ends, nothing panics, and
//! what it accepts means the same when it is read again.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::Full;
use instant_acme::{
    Account, BodyWrapper, BytesResponse, Error, HttpClient, Identifier, NewAccount, NewOrder,
};
use serde_json::value::RawValue;

// All that is taken from the program; what moves there changes here alone.
use wulin::edge::acme::{explain, nonces_have_an_address, retry_after};
use wulin::edge::addresses::{Client, Proxies};
use wulin::edge::certificates::read_pair;
use wulin::edge::proxy;
use wulin::protocol::socketio::Version;
use wulin::protocol::{Command, native as native_frame, socketio};

/// A text frame of the native WebSocket.
pub fn native(bytes: &[u8]) {
    if let Ok(text) = str::from_utf8(bytes) {
        let _ = native_frame::read(text);
    }
}

/// A packet of Engine.IO, with what Socket.IO it carries.
pub fn engineio(bytes: &[u8]) {
    if let Ok(text) = str::from_utf8(bytes) {
        for version in [Version::V3, Version::V4] {
            let _ = socketio::read(version, "sid", text);
        }
    }
}

/// An event's name in the first line, and its payload behind it.
pub fn commands(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let (name, payload) = text.split_once('\n').unwrap_or((text, ""));
    let payload = serde_json::from_str::<&RawValue>(payload).ok();
    let _ = Command::read(name, payload);
}

/// The header of the PROXY protocol, version 1 or 2, and what is behind it.
pub fn proxy(bytes: &[u8]) {
    let mut rest = bytes;
    let read = proxy::read(&mut rest).now_or_never();
    let Some(Ok(heard)) = read else {
        // Bytes in memory are there at once: it may fail, but it never waits.
        assert!(read.is_some());
        return;
    };
    // What is behind the header is the client's, and none of it is taken.
    let header = &bytes[..bytes.len() - rest.len()];
    let mut again = header;
    let read: Option<io::Result<_>> = proxy::read(&mut again).now_or_never();
    assert_eq!(read.and_then(Result::ok), Some(heard));
    assert!(again.is_empty());
}

/// A PEM file with a chain and its key, as a folder or an authority has them.
pub fn pem(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match read_pair(Path::new("fuzz.pem"), &text, SystemTime::UNIX_EPOCH) {
        Ok(pair) => assert!(!pair.certified.cert.is_empty()),
        Err(problem) => assert!(!problem.to_string().is_empty()),
    }
}

/// Lines of `X-Forwarded-For`, from a proxy that is trusted.
pub fn forwarded(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(line) = HeaderValue::from_bytes(line) {
            headers.append("x-forwarded-for", line);
        }
    }
    let proxies = Proxies {
        networks: vec!["10.0.0.0/8".parse().expect("a network")].into(),
        introduce: false,
    };
    let near = Client {
        address: IpAddr::from([10, 0, 0, 1]),
        proxy: true,
    };
    let _ = near.behind(&headers, &proxies);
    // Whoever is no proxy is believed nothing.
    let stranger = Client {
        address: IpAddr::from([192, 0, 2, 1]),
        proxy: false,
    };
    assert_eq!(stranger.behind(&headers, &proxies), stranger.address);
}

/// What an authority answers to one request after the other: status and `Retry-After` in a line, then the body. A line that
/// is `--` parts them.
struct Script(Mutex<Vec<Response<String>>>);

impl Script {
    fn new(text: &str) -> Script {
        let answers = text.split("\n--\n").map(|answer| {
            let (head, body) = answer.split_once('\n').unwrap_or((answer, ""));
            let (status, wait) = head.split_once(' ').unwrap_or((head, ""));
            let status: u16 = status.parse().unwrap_or(200);
            let response = Response::builder()
                .status(status)
                .header("replay-nonce", "nonce")
                .header("location", "https://authority.example/it")
                .header("retry-after", wait);
            let response = response.body(body.to_owned());
            response.unwrap_or_else(|_| Response::new(body.to_owned()))
        });
        let mut answers: Vec<_> = answers.collect();
        answers.reverse();
        Script(Mutex::new(answers))
    }
}

impl HttpClient for Script {
    fn request(
        &self,
        _: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let next = self.0.lock().expect("nothing panics with it").pop();
        Box::pin(async move {
            let (parts, body) = next.ok_or(Error::Str("no more"))?.into_parts();
            let _ = retry_after(&parts);
            if !nonces_have_an_address(body.as_bytes()) {
                return Err(Error::Str("refused, as the program does"));
            }
            let body = Full::<Bytes>::from(body);
            Ok(BytesResponse::from(Response::from_parts(parts, body)))
        })
    }
}

/// A conversation with an authority: its directory, a nonce, an account, an order, its state and authorizations, the chain.
pub fn acme(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let conversation = async {
        let account = NewAccount {
            contact: &[],
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let (account, _) = Account::builder_with_http(Box::new(Script::new(&text)))
            .create(&account, "https://authority.example/dir".to_owned(), None)
            .await?;
        let domain = [Identifier::Dns("play.example".to_owned())];
        let mut order = account.new_order(&NewOrder::new(&domain)).await?;
        if let Some(authorization) = order.authorizations().next().await {
            let _ = authorization?.challenges.len();
        }
        order.refresh().await?;
        order.certificate().await
    };
    match conversation.now_or_never() {
        Some(Ok(Some(chain))) => pem(chain.as_bytes()),
        Some(Err(error)) => {
            let sentence = explain(error, "play.example", "the authority");
            assert!(!sentence.is_empty());
        }
        // It polls, and would wait.
        Some(Ok(None)) | None => {}
    }
}
