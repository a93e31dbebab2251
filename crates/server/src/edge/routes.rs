//! The routes: which address leads where.

use std::future::ready;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    ALLOW, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router, middleware};
use serde::Serialize;
use tokio::time;
use wulin_command::state::Counts;
use wulin_game::Origin;

use super::access;
use super::addresses::{Caller, Presence};
use super::guarded::SecureStream;
use super::site::Site;
use super::tidy::{EndSlashes, tidied};
use super::{identity, page, socketio};
use crate::transport::hall::Hall;
use crate::transport::session::Visitor;
use crate::transport::upgrade;
use crate::transport::websocket::Entrance;

/// How long the lobby may take to answer a health check.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);
/// The health checks: whether the server works, and whether it accepts new players.
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];
/// One year, in seconds.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// All routes of the HTTPS listener.
pub fn router(site: Site) -> Router {
    let site = Arc::new(site);
    let mut router = Router::new();
    for file in page::files(&site.base_path) {
        let file = Arc::new(file);
        let address = file.address.clone();
        let answer = move |request: Request<Body>| ready(file.answer(&request));
        router = router.route(&address, get(answer));
    }
    let router = router
        .route(identity::PATH, identity::route())
        .fallback(transports)
        .with_state(site.clone());
    let (base_path, socketio_paths) = (site.base_path.clone(), site.socketio_paths.clone());
    // Addresses of the page's files are not listed here: the page itself asks for them, and spells them right.
    let known = move |path: &str| {
        if path == "/" || path == base_path || HEALTH.contains(&path) {
            return Some(EndSlashes::Ignored);
        }
        let socketio = socketio_paths.iter().any(|known| known == path);
        socketio.then_some(EndSlashes::Kept)
    };
    let router = tidied(router.merge(health(site.hall.clone())), known)
        .layer(middleware::map_response_with_state(site.clone(), headers));
    match site.access.clone() {
        Some(log) => router.layer(middleware::from_fn_with_state(Arc::new(log), access::log)),
        None => router,
    }
}

/// The health checks. They are answered even to HTTP/1.0 without a host, on either port, because a monitor may send no
/// more.
pub fn health(hall: Hall) -> Router {
    Router::new()
        .route(HEALTH[0], get(healthz))
        .route(HEALTH[1], get(readyz))
        .with_state(hall)
}

/// The routes of the plain HTTP listener: health checks, and the redirect for everything else.
pub fn plain(hall: Hall, redirect: Router) -> Router {
    let known = |path: &str| HEALTH.contains(&path).then_some(EndSlashes::Ignored);
    tidied(health(hall).merge(redirect), known)
}

/// Whether a path collides with a route that is no transport.
pub fn is_taken(path: &str) -> bool {
    let first = path.split('/').nth(1).unwrap_or_default();
    let own = HEALTH.iter().chain([&identity::PATH]);
    own.into_iter().any(|path| path[1..] == *first) || page::owns(first)
}

async fn headers(State(site): State<Arc<Site>>, mut response: Response<Body>) -> Response<Body> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return response;
    }
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if site.hsts.load(Ordering::Relaxed) {
        headers.insert(STRICT_TRANSPORT_SECURITY, HSTS);
    }
    response
}

#[derive(Serialize)]
struct HealthReport<'a> {
    status: &'static str,
    service: &'static str,
    version: &'static str,
    instance: &'a str,
    #[serde(flatten)]
    counts: Counts,
}

/// The answer to a GET of the address where the native WebSocket is.
#[derive(Serialize)]
struct SocketReport<'a> {
    #[serde(flatten)]
    report: HealthReport<'a>,
    /// What is missing in a request over HTTP/2 to become a WebSocket.
    #[serde(skip_serializing_if = "Option::is_none")]
    websocket: Option<&'static str>,
}

fn status<'a>(hall: &'a Hall, status: &'static str) -> Json<HealthReport<'a>> {
    let counts = hall.figures.counts();
    Json(HealthReport {
        status,
        service: "wulin",
        version: env!("CARGO_PKG_VERSION"),
        instance: &hall.instance,
        counts,
    })
}

/// Whether the server works: the lobby answers.
async fn healthz(State(hall): State<Hall>) -> Response<Body> {
    match time::timeout(HEALTH_TIMEOUT, hall.lobby.answers()).await {
        Ok(true) => status(&hall, "ok").into_response(),
        Ok(false) | Err(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, status(&hall, "stuck")).into_response()
        }
    }
}

/// Whether the server accepts new players.
async fn readyz(State(hall): State<Hall>) -> Response<Body> {
    if hall.draining.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, status(&hall, "draining")).into_response();
    }
    status(&hall, "ok").into_response()
}

/// Serves the base path and what lies below it.
async fn transports(State(site): State<Arc<Site>>, request: Request<Body>) -> Response<Body> {
    let path = request.uri().path();
    if path == site.base_path {
        return native(&site, request);
    }
    let rest = site
        .socketio_paths
        .iter()
        .find_map(|prefix| path.strip_prefix(prefix.as_str()));
    match rest {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            let rest = rest.to_owned();
            socketio::answer(&site, &rest, request).await
        }
        Some(_) | None => (StatusCode::NOT_FOUND, "There is nothing here.\n").into_response(),
    }
}

fn native(site: &Site, request: Request<Body>) -> Response<Body> {
    if upgrade::is_tried(request.headers()) {
        let visitor = site.visitor(&request, false);
        return site.upgrade(request, Entrance::Native(visitor));
    }
    match *request.method() {
        Method::GET | Method::HEAD => Json(SocketReport {
            report: status(&site.hall, "ok").0,
            websocket: upgrade::hint(&request),
        })
        .into_response(),
        _ => (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD")]).into_response(),
    }
}

impl Site {
    /// Answers the handshake of a WebSocket.
    pub(super) fn upgrade(&self, request: Request<Body>, entrance: Entrance) -> Response<Body> {
        match self.presence(&request) {
            Ok(presence) => {
                upgrade::accept::<SecureStream, _>(request, entrance, &self.hall, presence)
            }
            Err(response) => response.into_response(),
        }
    }

    /// The address of the client, also behind a proxy.
    pub(super) fn address(&self, request: &Request<Body>) -> Option<IpAddr> {
        let caller = request.extensions().get::<Caller>()?;
        Some(caller.behind(request.headers(), &self.proxies))
    }

    /// What is known about the client of a request. `legacy` says whether it has the signature of the 2016 client.
    pub(super) fn visitor(&self, request: &Request<Body>, legacy: bool) -> Visitor {
        Visitor {
            legacy,
            origin: self.address(request).map(Origin::of),
        }
    }

    /// Counts a client that comes through a proxy, or whose WebSocket shares its connection with another one. Other
    /// clients were counted with their connection.
    fn presence(
        &self,
        request: &Request<Body>,
    ) -> Result<Option<Presence>, (StatusCode, &'static str)> {
        let shares = upgrade::shares_connection(request);
        let caller = request.extensions().get::<Caller>();
        let Some(caller) = caller.filter(|caller| caller.proxy || shares) else {
            return Ok(None);
        };
        let address = caller.behind(request.headers(), &self.proxies);
        match self.addresses.enter(address) {
            Some(presence) => Ok(Some(presence)),
            None => Err((
                StatusCode::TOO_MANY_REQUESTS,
                "Too many connections from your address.\n",
            )),
        }
    }
}
