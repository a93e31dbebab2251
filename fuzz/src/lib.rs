//! Every decoder that reads bytes of strangers, as a function of bytes. Each must end, must not panic, and what it accepts must
//! mean the same when it is read again.

use std::net::IpAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use http_body_util::Full;
use instant_acme::{
    Account, BodyWrapper, BytesResponse, Error, HttpClient, Identifier, NewAccount, NewOrder,
};
use rcgen::KeyPair;
use serde_json::value::RawValue;

// All that is taken from the program; what moves there changes here alone.
use wulin_certs::acme::answer::{Noted, examine};
use wulin_certs::acme::chain::{IssuedChain, rewritten};
use wulin_certs::acme::explain;
use wulin_server::edge::addresses::{Caller, Proxies};
use wulin_certs::read_pair;
use wulin_server::edge::proxy;
use wulin_game::protocol::payload::{Packets, encode};
use wulin_game::protocol::socketio::{Dialogue, Sid, Version};
use wulin_game::protocol::{Command, native as native_frame};

const VERSIONS: [Version; 2] = [Version::V3, Version::V4];
/// The longest time that an authority may ask to wait: a week.
const LONGEST_WAIT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A text frame of the native WebSocket.
pub fn native(bytes: &[u8]) {
    if let Ok(text) = str::from_utf8(bytes) {
        let _ = native_frame::read(text);
    }
}

/// Packets of Engine.IO with what Socket.IO they carry, as one client's side of a talk. They are separated as in a payload of
/// revision 4.
pub fn engineio(bytes: &[u8]) {
    if let Ok(text) = str::from_utf8(bytes) {
        for version in VERSIONS {
            let mut dialogue = Dialogue::new(version, Sid::new([7; 16]));
            for packet in text.split('\u{1e}') {
                let _ = dialogue.read(packet);
            }
        }
    }
}

/// The packets of a request's body; none if it is no payload.
fn packets(version: Version, body: &[u8]) -> Option<Vec<String>> {
    let mut packets = Packets::new(version, body);
    let mut all = Vec::new();
    while let Some(packet) = packets.next_packet() {
        let Ok(packet) = packet else {
            assert!(packets.next_packet().is_none());
            return None;
        };
        all.push(packet.into_owned());
        // Each packet takes at least one byte, the separator before it included.
        assert!(all.len() <= body.len() + 1);
    }
    assert!(!all.is_empty());
    Some(all)
}

/// The body of a polling request.
pub fn payload(bytes: &[u8]) {
    for version in VERSIONS {
        let Some(read) = packets(version, bytes) else {
            continue;
        };
        let body = encode(version, &read);
        let again = packets(version, body.as_bytes()).expect("a payload");
        assert_eq!(again.len(), read.len());
        for (again, read) in again.iter().zip(&read) {
            // What is not ASCII is escaped for revision 3, which means the same only within JSON.
            assert!(again == read || version == Version::V3 && !read.is_ascii());
        }
        let json = read
            .iter()
            .map(|text| serde_json::to_string(text).expect("a string"));
        let body = encode(version, json);
        assert!(version == Version::V4 || body.is_ascii());
        let again = packets(version, body.as_bytes()).expect("a payload");
        let again = again
            .iter()
            .map(|json| serde_json::from_str(json).expect("a string"));
        assert_eq!(again.collect::<Vec<String>>(), read);
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
    let read = proxy::read(&mut again).now_or_never();
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
    let near = Caller {
        address: IpAddr::from([10, 0, 0, 1]),
        proxy: true,
    };
    let _ = near.behind(&headers, &proxies);
    // A peer that is no trusted proxy is not believed.
    let stranger = Caller {
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
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let next = self.0.lock().expect("nothing panics with it").pop();
        let asked = request.uri().clone();
        Box::pin(async move {
            let (parts, body) = next.ok_or(Error::Str("no more"))?.into_parts();
            let (_, passed) = examine(&asked, parts, body.into(), SystemTime::UNIX_EPOCH);
            let (parts, body) = passed?;
            let body = Full::new(body);
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
        Some(Ok(Some(text))) => chain(text.as_bytes()),
        Some(Err(error)) => {
            let sentence = explain(error, "play.example", "the authority");
            assert!(!sentence.is_empty());
        }
        // The library would poll here, and wait.
        Some(Ok(None)) | None => {}
    }
}

/// One answer of an authority: its status in the first line, then headers up to an empty line, then the body.
pub fn answer(bytes: &[u8]) {
    let at = bytes.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = match at {
        Some(at) => (&bytes[..at], &bytes[at + 2..]),
        None => (bytes, &b""[..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let status = lines.next().and_then(|line| str::from_utf8(line).ok());
    let status: u16 = status.and_then(|line| line.parse().ok()).unwrap_or(200);
    let mut response = Response::builder().status(status);
    for line in lines {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        if let (Some(name), Some(value)) = (parts.next(), parts.next()) {
            response = response.header(name, value);
        }
    }
    let Ok(response) = response.body(()) else {
        return;
    };
    let (parts, ()) = response.into_parts();
    let body = Bytes::copy_from_slice(body);
    let asked = Uri::from_static("https://authority.example:14000/it");
    let judge = |parts, body| examine(&asked, parts, body, SystemTime::UNIX_EPOCH);
    let (Noted { wait, .. }, passed) = judge(parts, body);
    assert!(wait.unwrap_or_default() <= LONGEST_WAIT);
    match passed {
        Ok((parts, body)) => {
            // What the library gets is what it would get if it were examined once more.
            let headers = parts.headers.clone();
            if let Some(wait) = headers.get(RETRY_AFTER) {
                let seconds = wait.to_str().ok().and_then(|wait| wait.parse().ok());
                assert!(Duration::from_secs(seconds.expect("seconds")) <= LONGEST_WAIT);
            }
            let (parts, again) = judge(parts, body.clone()).1.expect("passes again");
            assert_eq!((parts.headers, again), (headers, body));
        }
        Err(refusal) => {
            let sentence = explain(refusal.into(), "play.example", "the authority");
            assert!(!sentence.is_empty() && !sentence.contains(char::is_control));
        }
    }
}

/// The chain an authority sends for a key and a domain of ours.
pub fn chain(bytes: &[u8]) {
    const DOMAIN: &str = "fuzz.example";
    static KEY: LazyLock<KeyPair> = LazyLock::new(|| {
        KeyPair::from_pem(include_str!("../seeds/pem/key")).expect("the key of the seeds")
    });
    let text = String::from_utf8_lossy(bytes);
    match IssuedChain::read(&text, &KEY, DOMAIN) {
        Ok(chain) => {
            let kept = chain.with_key(&KEY);
            assert_eq!(kept.matches("PRIVATE KEY").count(), 2);
            assert_eq!(rewritten(&kept, DOMAIN).as_ref(), Some(&kept));
            pem(kept.as_bytes());
        }
        Err(unfit) => assert!(!unfit.to_string().contains(char::is_control)),
    }
    if let Some(kept) = rewritten(&text, DOMAIN) {
        assert_eq!(rewritten(&kept, DOMAIN), Some(kept));
    }
}
