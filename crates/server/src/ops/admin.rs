//! The admin listener: metrics, the state of the server and the level of the log, over plain HTTP. It is meant for this
//! machine alone.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{CONTENT_TYPE, HOST, VARY};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json};
use axum::routing::get;
use tokio::time;
use tracing::info;
use wulin_text::harmless;

use super::exposition::TextFormat;
use super::logs;
use super::metrics::Metrics;
use super::observer::Observer;
use crate::edge::host;
use crate::edge::tidy::{EndSlashes, tidied};

/// The longest request body in bytes. The only body is a list of log levels.
const BODY: usize = 4096;

/// What the admin listener shows.
#[derive(Debug)]
pub struct AdminSources {
    /// The metrics.
    pub metrics: Metrics,
    /// The state.
    pub observer: Arc<Observer>,
}

/// The routes of the listener at `address`. A request may take `patience`, its body included.
pub fn router(admin: AdminSources, address: SocketAddr, patience: Duration) -> Router {
    let router = Router::new()
        .route("/", get(async || "/metrics /status /log\n"))
        .route("/metrics", get(tell_metrics))
        .route("/status", get(tell_state))
        .route("/log", get(tell_level).put(set_level))
        .layer(DefaultBodyLimit::max(BODY))
        .layer(middleware::from_fn_with_state(patience, in_time))
        .with_state(Arc::new(admin));
    let router = tidied(router, |_| Some(EndSlashes::Ignored));
    if address.ip().is_loopback() {
        router.layer(middleware::from_fn(only_local))
    } else {
        router
    }
}

/// Ends a request that takes too long, such as one whose body never comes.
async fn in_time(
    State(patience): State<Duration>,
    request: Request<Body>,
    next: Next,
) -> Response<Body> {
    match time::timeout(patience, next.run(request)).await {
        Ok(response) => response,
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}

/// Refuses requests whose host is a foreign name. A page in a browser on this machine can make any name lead to the
/// loopback address (DNS rebinding). It cannot choose the host it names, so only an address or `localhost` is accepted;
/// a request without any host is too, since no browser sends one.
async fn only_local(request: Request<Body>, next: Next) -> Response<Body> {
    let named = request.uri().authority().is_some() || request.headers().contains_key(HOST);
    let name = host::asked(&request).and_then(host::split);
    let name = name.map(|(name, _)| name.strip_suffix('.').unwrap_or(name));
    let meant = name.is_some_and(|name| {
        let address = name.trim_start_matches('[').trim_end_matches(']');
        name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
    });
    if meant || !named {
        next.run(request).await
    } else {
        (
            StatusCode::FORBIDDEN,
            "Call this machine by its address, or as localhost.\n",
        )
            .into_response()
    }
}

async fn tell_metrics(
    State(admin): State<Arc<AdminSources>>,
    headers: HeaderMap,
) -> Response<Body> {
    let format = TextFormat::wanted(&headers);
    match admin.metrics.text(format) {
        Ok(text) => {
            let headers = [(CONTENT_TYPE, format.content_type()), (VARY, "accept")];
            (headers, text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn tell_state(State(admin): State<Arc<AdminSources>>) -> Response<Body> {
    Json(admin.observer.state()).into_response()
}

async fn tell_level() -> String {
    format!("{}\n", logs::level())
}

async fn set_level(filter: String) -> Result<String, (StatusCode, String)> {
    let filter = filter.trim();
    match logs::set_level(filter) {
        Ok(()) => {
            info!(
                now = harmless(filter),
                "the level of the log has been changed"
            );
            Ok(tell_level().await)
        }
        Err(problem) => Err((StatusCode::BAD_REQUEST, format!("{problem}\n"))),
    }
}
