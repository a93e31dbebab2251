//! From an HTTP request to a WebSocket: the opening handshake of RFC 6455, section 4.2.

use axum::body::Body;
use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Version};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tracing::debug;

use super::Limits;
use super::session::Hall;
use super::websocket::{self, Entrance};

/// Whether a request asks for a WebSocket at all.
pub fn is_asked(headers: &HeaderMap) -> bool {
    names(headers, UPGRADE, "websocket")
}

/// Answers the opening handshake and serves the client in a task of its own, which keeps `kept` until it ends. `S` is the
/// stream the connection runs over.
///
/// Refused with 400 or 426 when the handshake is not one of RFC 6455 in version 13.
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
    let headers = request.headers();
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| key.len() == 24);
    let version = headers
        .get(SEC_WEBSOCKET_VERSION)
        .is_some_and(|version| version == "13");
    let sound = request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && is_asked(headers)
        && names(headers, CONNECTION, "upgrade");
    let Some(key) = key.filter(|_| sound) else {
        return refusal(
            StatusCode::BAD_REQUEST,
            "This is no WebSocket handshake as RFC 6455 describes it.\n",
        );
    };
    if !version {
        let mut refusal = refusal(
            StatusCode::UPGRADE_REQUIRED,
            "Only WebSocket version 13 is spoken here.\n",
        );
        refusal.headers_mut().insert(
            SEC_WEBSOCKET_VERSION,
            "13".parse().expect("digits are a header"),
        );
        return refusal;
    }
    let accept = derive_accept_key(key.as_bytes());
    let upgrade = hyper::upgrade::on(&mut request);
    drop(request);
    hall.tasks
        .spawn(serve::<S, K>(upgrade, entrance, hall.clone(), kept));
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(UPGRADE, "websocket")
        .header(CONNECTION, "Upgrade")
        .header(SEC_WEBSOCKET_ACCEPT, accept)
        .body(Body::empty())
        .expect("our headers are sound")
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
    Ok(match downcast::<TokioIo<S>>(upgrade.await?) {
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
    headers
        .get_all(header)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(element))
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
    use crate::game::lobby::{Lobby, Rules};
    use crate::game::matchmaking::Patience;
    use crate::game::room::Format;
    use crate::runtime::{Census, lobby};
    use crate::transport::session::Visitor;

    fn hall() -> Hall {
        let rules = Rules {
            format: Format {
                seats: 2,
                round_time: Duration::from_secs(5),
            },
            patience: Patience {
                robot_wait: Duration::from_secs(1),
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
        let (census, tasks) = (std::sync::Arc::<Census>::default(), TaskTracker::new());
        let lobby = lobby::spawn(Lobby::new(rules, [0; 32]), census.clone(), &tasks);
        let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
        Hall::new(
            lobby,
            limits,
            census,
            CancellationToken::new(),
            tasks,
            random,
            "".into(),
        )
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
