//! From an HTTP request to a WebSocket: the opening handshake of RFC 6455, section 4.2.

use axum::body::Body;
use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tracing::debug;

use super::session::Hall;
use super::websocket::{self, Dialect};

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
    dialect: Dialect,
    legacy: bool,
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
    let serving = serve::<S>(upgrade, dialect, legacy, hall.clone());
    hall.tasks.spawn(async move {
        serving.await;
        drop(kept);
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(UPGRADE, "websocket")
        .header(CONNECTION, "Upgrade")
        .header(SEC_WEBSOCKET_ACCEPT, accept)
        .body(Body::empty())
        .expect("our headers are sound")
}

async fn serve<S>(upgrade: hyper::upgrade::OnUpgrade, dialect: Dialect, legacy: bool, hall: Hall)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => {
            debug!(%error, "upgrade failed");
            return;
        }
    };
    // The stream itself, without hyper's wrapping and its read buffer: that is most of what an idle client costs.
    match downcast::<TokioIo<S>>(upgraded) {
        Ok(parts) => {
            // What the client said in the same instant as it asked. Copied: the buffer behind it is 8 KiB.
            let early = parts.read_buf.to_vec();
            websocket::serve(parts.io.into_inner(), early, dialect, legacy, hall).await;
        }
        Err(upgraded) => {
            websocket::serve(TokioIo::new(upgraded), Vec::new(), dialect, legacy, hall).await;
        }
    }
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
