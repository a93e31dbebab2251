//! From an HTTP request to a WebSocket: the opening handshake of RFC 6455, section 4.2, and that of RFC 8441 over HTTP/2,
//! which [`super::connect`] has made look like it.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{
    CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version,
};
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::PAD;
use base64::{Engine, alphabet};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tracing::debug;

use super::Limits;
use super::pace::{Patient, Tunnel};
use super::session::Hall;
use super::websocket::{self, Entrance};

/// What a request over HTTP/2 lacks that is no extended CONNECT.
const OVER_HTTP2: &str =
    "Over HTTP/2 a WebSocket begins with CONNECT and :protocol = websocket (RFC 8441).\n";
/// The base64 of keys. Old clients made up all of its characters, also the bits of the last one that mean nothing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    PAD.with_decode_allow_trailing_bits(true),
);

/// Whether a request asks for a WebSocket, be it as it should or not.
pub fn is_tried(headers: &HeaderMap) -> bool {
    [UPGRADE, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION]
        .iter()
        .any(|header| headers.contains_key(header))
}

/// Whether a request asks for a WebSocket by name.
pub fn is_asked(headers: &HeaderMap) -> bool {
    names(headers, UPGRADE, "websocket")
}

/// What a request lacks to become a WebSocket, if it lacks it because of HTTP/2.
pub fn hint<B>(request: &Request<B>) -> Option<&'static str> {
    (request.version() == Version::HTTP_2).then(|| OVER_HTTP2.trim_end())
}

/// Whether the WebSocket that a request asks for shares its connection with another one, for which the connection is counted.
pub fn shares_connection<B>(request: &Request<B>) -> bool {
    let tunnel = request.extensions().get::<Arc<Tunnel>>();
    tunnel.is_some_and(|tunnel| !tunnel.is_seated())
}

/// The refusal of a request that is no opening handshake as RFC 6455 demands it in 4.2.1: 400 with a sentence on what is
/// wrong, or 426 for another version than 13. None if it is one.
pub fn refuse<B>(request: &Request<B>) -> Option<Response<Body>> {
    let headers = request.headers();
    let tunnelled = request.extensions().get::<Arc<Tunnel>>().is_some();
    let fault = if request.version() == Version::HTTP_2 && !tunnelled {
        Some(OVER_HTTP2)
    } else if request.version() < Version::HTTP_11 {
        Some("A WebSocket begins with a request of HTTP/1.1.\n")
    } else if request.method() != Method::GET {
        Some("A WebSocket begins with GET.\n")
    } else if only(headers, HOST).is_none_or(HeaderValue::is_empty) {
        Some("A WebSocket handshake has the header Host, once.\n")
    } else if !is_asked(headers) {
        Some(
            "A WebSocket handshake has the header Upgrade: websocket. A proxy in between must pass it on.\n",
        )
    } else if !names(headers, CONNECTION, "upgrade") {
        Some(
            "A WebSocket handshake has the header Connection: Upgrade. A proxy in between must pass it on.\n",
        )
    } else if !only(headers, SEC_WEBSOCKET_KEY).is_some_and(is_key) {
        Some("A WebSocket handshake has the header Sec-WebSocket-Key, once: 16 bytes in base64.\n")
    } else {
        None
    };
    if let Some(words) = fault {
        return Some(refusal(StatusCode::BAD_REQUEST, words));
    }
    if only(headers, SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13") {
        return None;
    }
    let mut refusal = refusal(
        StatusCode::UPGRADE_REQUIRED,
        "Only WebSocket version 13 is spoken here.\n",
    );
    let spoken = refusal.headers_mut();
    spoken.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    spoken.insert(UPGRADE, HeaderValue::from_static("websocket"));
    spoken.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    Some(refusal)
}

/// The subprotocol to answer with: the first that is offered. None means anything to the game, but a browser takes no answer
/// without one of those it has offered.
pub fn subprotocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let offered = elements(headers, SEC_WEBSOCKET_PROTOCOL);
    let first = offered.into_iter().find(|offered| is_token(offered))?;
    HeaderValue::from_str(first).ok()
}

/// Answers the opening handshake and serves the client in a task of its own, which keeps `kept` until it ends. `S` is the
/// stream the connection runs over.
///
/// Refused with 400 or 426 when the handshake is none, see [`refuse`].
pub fn accept<S, K>(
    mut request: Request<Body>,
    entrance: Entrance,
    hall: &Hall,
    kept: K,
) -> Response<Body>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    K: Send + 'static,
{
    if let Some(refusal) = refuse(&request) {
        return refusal;
    }
    let headers = request.headers();
    let accept = derive_accept_key(headers[SEC_WEBSOCKET_KEY].as_bytes());
    let subprotocol = subprotocol(headers);
    let tunnel = request.extensions_mut().remove::<Arc<Tunnel>>();
    let upgrade = hyper::upgrade::on(&mut request);
    drop(request);
    let hall = hall.clone();
    let tasks = hall.tasks.clone();
    match tunnel {
        Some(tunnel) => tasks.spawn(serve_tunnel(upgrade, entrance, hall, tunnel, kept)),
        None => tasks.spawn(serve::<S, K>(upgrade, entrance, hall, kept)),
    };
    let mut response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(UPGRADE, "websocket")
        .header(CONNECTION, "Upgrade")
        .header(SEC_WEBSOCKET_ACCEPT, accept)
        .body(Body::empty())
        .expect("our headers are sound");
    if let Some(subprotocol) = subprotocol {
        let headers = response.headers_mut();
        headers.insert(SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    response
}

async fn serve<S, K>(upgrade: OnUpgrade, entrance: Entrance, hall: Hall, _kept: K)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // In a box of its own: what it takes to get there is several times what a client costs from then on.
    match Box::pin(open::<S>(upgrade, &hall.limits)).await {
        Ok(Opened::Bare(socket)) => websocket::serve(socket, entrance, hall).await,
        Ok(Opened::Wrapped(socket)) => {
            Box::pin(websocket::serve(socket, entrance, hall)).await;
        }
        Err(error) => debug!(%error, "upgrade failed"),
    }
}

/// The same over a stream of HTTP/2.
async fn serve_tunnel<K>(
    upgrade: OnUpgrade,
    entrance: Entrance,
    hall: Hall,
    tunnel: Arc<Tunnel>,
    _kept: K,
) {
    let upgraded = match upgrade.await {
        Ok(upgraded) => TokioIo::new(upgraded),
        Err(error) => return debug!(%error, "upgrade failed"),
    };
    let stream: Patient<_> = tunnel.guard(upgraded);
    let socket = websocket::open(stream, Vec::new(), &hall.limits).await;
    websocket::serve(socket, entrance, hall).await;
}

/// A WebSocket, over the stream itself or over what hyper has wrapped it in.
enum Opened<S> {
    Bare(Box<WebSocketStream<S>>),
    Wrapped(Box<WebSocketStream<TokioIo<Upgraded>>>),
}

/// Waits until the answer is out and takes the stream, without hyper's wrapping and its read buffer: that is most of what
/// an idle client would cost.
async fn open<S>(upgrade: OnUpgrade, limits: &Limits) -> hyper::Result<Opened<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    Ok(match upgrade.await?.downcast::<TokioIo<S>>() {
        Ok(parts) => {
            // What the client said in the same instant as it asked. Copied: the buffer behind it is 8 KiB.
            let early = parts.read_buf.to_vec();
            Opened::Bare(websocket::open(parts.io.into_inner(), early, limits).await)
        }
        Err(upgraded) => {
            Opened::Wrapped(websocket::open(TokioIo::new(upgraded), Vec::new(), limits).await)
        }
    })
}

/// Whether a header that is a comma-separated list has this element.
fn names(headers: &HeaderMap, header: HeaderName, element: &str) -> bool {
    elements(headers, header)
        .iter()
        .any(|value| value.eq_ignore_ascii_case(element))
}

/// The elements of a header that is a comma-separated list.
fn elements(headers: &HeaderMap, header: HeaderName) -> Vec<&str> {
    let lists = headers.get_all(header).into_iter();
    let lists = lists.filter_map(|list| list.to_str().ok());
    lists
        .flat_map(|list| list.split(',').map(str::trim))
        .collect()
}

/// The value of a header that may be there once only.
fn only(headers: &HeaderMap, header: HeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(header).into_iter();
    values.next().filter(|_| values.next().is_none())
}

fn is_key(key: &HeaderValue) -> bool {
    let mut bytes = [0; 18];
    BASE64.decode_slice(key, &mut bytes) == Ok(16)
}

/// Whether a word may stand in a header by itself (RFC 9110, 5.6.2).
fn is_token(word: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !word.is_empty() && word.bytes().all(sound)
}

fn refusal(status: StatusCode, words: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(words));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::DuplexStream;
    use tokio_util::sync::CancellationToken;
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::runtime::{Figures, lobby};
    use crate::transport::session::Visitor;
    use wulin_game::lobby::{Lobby, Rules};
    use wulin_game::matchmaking::Patience;
    use wulin_game::room::Format;

    fn hall() -> Hall {
        let rules = Rules {
            format: Format {
                seats: 2,
                round_time: Duration::from_secs(5),
            },
            patience: Patience {
                robot_wait: Duration::from_secs(1),
                rematch_wait: Duration::from_secs(8),
                nearby_km: 10.0,
            },
            memory: Duration::from_secs(1),
            memories: 1,
        };
        let limits = Limits {
            message_size: 1024,
            messages_per_second: 1,
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_hours(1),
            outbox: 8,
        };
        let (figures, tasks) = (Arc::<Figures>::default(), TaskTracker::new());
        let lobby = lobby::spawn(Lobby::new(rules, [0; 32]), figures.clone(), &tasks);
        let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
        let draining = CancellationToken::new();
        Hall::new(lobby, limits, figures, draining, tasks, random, "".into())
    }

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let lines = lines.iter();
        lines
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn a_key_is_16_bytes_of_base64() {
        for key in [
            "dGhlIHNhbXBsZSBub25jZQ==",
            "AAAAAAAAAAAAAAAAAAAAAA==",
            "abcdefghijklmnopqrstuv==",
        ] {
            assert!(is_key(&HeaderValue::from_static(key)), "{key}");
        }
        for key in [
            "",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25jZQ=",
            "dGhlIHNhbXBsZSBub25jZSE=",
            "dGhlIHNhbXBsZSBub24=",
            "dGhlIHNhbXBsZSBub25jZQ==AAAA",
            "dGhlIHNhbXBsZSBub25jZ!==",
            "!!!!!!!!!!!!!!!!!!!!!!!!",
        ] {
            assert!(!is_key(&HeaderValue::from_static(key)), "{key}");
        }
    }

    #[test]
    fn the_first_subprotocol_is_taken_that_can_be_one() {
        let offer = "sec-websocket-protocol";
        for (offered, answered) in [
            (vec![], None),
            (vec![(offer, "wamp")], Some("wamp")),
            (vec![(offer, "b, a")], Some("b")),
            (vec![(offer, " , \"x\", chat.v2")], Some("chat.v2")),
            (vec![(offer, "two"), (offer, "one")], Some("two")),
            (vec![(offer, "")], None),
        ] {
            let answer = subprotocol(&headers(&offered));
            assert_eq!(
                answer,
                answered.map(HeaderValue::from_static),
                "{offered:?}"
            );
        }
    }

    /// The task of a client is what most of them cost most of the time. What is needed for a moment is in boxes.
    #[tokio::test]
    async fn the_task_of_a_client_is_small() {
        let upgrade = hyper::upgrade::on(Request::new(Body::empty()));
        let task =
            serve::<DuplexStream, _>(upgrade, Entrance::Native(Visitor::default()), hall(), ());
        let bytes = size_of_val(&task);
        assert!(bytes <= 2048, "{bytes} bytes");
    }
}
