//! Why a request of Engine.IO over HTTP is refused, and the answer to it.

use axum::Json;
use axum::body::Body;
use axum::http::header::CACHE_CONTROL;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;

/// The answer to JSONP. It is plain text: a page that polls by a script tag cannot read a status or a code.
const NO_SCRIPTS: &str = "Answers as scripts (JSONP, the parameter j) are not given: poll by XMLHttpRequest or fetch, which any \
    origin may.\n";

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollingRefusal {
    /// `transport` is neither `polling` nor `websocket`.
    UnknownTransport,
    /// There is no session with this id, or it has ended.
    UnknownSession,
    /// A session is opened with another method than GET.
    BadMethod,
    /// The protocol does not allow this request here.
    BadRequest,
    /// `EIO` is neither 3 nor 4.
    UnsupportedVersion,
    /// `j` asks for an answer as a script.
    Jsonp,
    /// The body is longer than a message may be.
    TooLong,
    /// The body did not come in time.
    TooSlow,
    /// More new sessions a second from one address than the limit.
    TooFast,
    /// As many connections and sessions from one address as the limit allows.
    Crowded,
    /// As many connections and sessions as the server takes.
    Full,
    /// The system has no random numbers.
    NoRandom,
}

/// The JSON of a refusal. The codes up to 5 are those of engine.io's own server.
#[derive(Serialize)]
struct RefusalBody {
    code: u8,
    message: &'static str,
}

impl IntoResponse for PollingRefusal {
    fn into_response(self) -> Response<Body> {
        let (status, code, message) = match self {
            PollingRefusal::UnknownTransport => (StatusCode::BAD_REQUEST, 0, "Transport unknown"),
            PollingRefusal::UnknownSession => (StatusCode::BAD_REQUEST, 1, "Session ID unknown"),
            PollingRefusal::BadMethod => (StatusCode::BAD_REQUEST, 2, "Bad handshake method"),
            PollingRefusal::BadRequest => (StatusCode::BAD_REQUEST, 3, "Bad request"),
            PollingRefusal::UnsupportedVersion => {
                (StatusCode::BAD_REQUEST, 5, "Unsupported protocol version")
            }
            PollingRefusal::Jsonp => return (StatusCode::BAD_REQUEST, NO_SCRIPTS).into_response(),
            PollingRefusal::TooLong => (
                StatusCode::PAYLOAD_TOO_LARGE,
                3,
                "The body is longer than maxPayload",
            ),
            PollingRefusal::TooSlow => (
                StatusCode::REQUEST_TIMEOUT,
                3,
                "The body did not come in time",
            ),
            PollingRefusal::TooFast => (
                StatusCode::TOO_MANY_REQUESTS,
                3,
                "Too many new sessions from your address",
            ),
            PollingRefusal::Crowded => (
                StatusCode::TOO_MANY_REQUESTS,
                3,
                "Too many connections from your address",
            ),
            PollingRefusal::Full => (StatusCode::SERVICE_UNAVAILABLE, 3, "The server is full"),
            PollingRefusal::NoRandom => (
                StatusCode::INTERNAL_SERVER_ERROR,
                3,
                "The server has no random numbers",
            ),
        };
        let no_store = [(CACHE_CONTROL, "no-store")];
        (status, no_store, Json(RefusalBody { code, message })).into_response()
    }
}
