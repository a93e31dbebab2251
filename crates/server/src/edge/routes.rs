//! Which address leads where.

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

use super::access::{self};
use super::addresses::{Client, Presence};
use super::gate::Stream;
use super::site::Site;
use super::tidy::{End, tidied};
use super::{page, socketio};
use crate::transport::session::{Hall, Visitor};
use crate::transport::upgrade;
use crate::transport::websocket::Entrance;
use wulin_command::state::Counts;
use wulin_game::Origin;

/// How long the lobby may take to say that it lives.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);
/// Where it says how it is: whether it works, and whether players are welcome.
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];
/// One year, as browsers ask for it.
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
    let router = router.fallback(transports).with_state(site.clone());
    let (base_path, socketio_paths) = (site.base_path.clone(), site.socketio_paths.clone());
    // Files of the page are asked for by the page itself, as they are called.
    let known = move |path: &str| {
        if path == "/" || path == base_path || HEALTH.contains(&path) {
            return Some(End::Idle);
        }
        let socketio = socketio_paths.iter().any(|known| known == path);
        socketio.then_some(End::Kept)
    };
    let router = tidied(router.merge(health(site.hall.clone())), known)
        .layer(middleware::map_response_with_state(site.clone(), headers));
    match site.access.clone() {
        Some(log) => router.layer(middleware::from_fn_with_state(Arc::new(log), access::log)),
        None => router,
    }
}

/// How the server is, for whoever looks after it. A health check asks as plainly as can be: HTTP/1.0, no host, either port.
pub fn health(hall: Hall) -> Router {
    Router::new()
        .route(HEALTH[0], get(healthz))
        .route(HEALTH[1], get(readyz))
        .with_state(hall)
}

/// The routes of the plain HTTP listener: how the server is, and for everything else the way to HTTPS.
pub fn plain(hall: Hall, redirect: Router) -> Router {
    let known = |path: &str| HEALTH.contains(&path).then_some(End::Idle);
    tidied(health(hall).merge(redirect), known)
}

/// Whether a path lies where the server has addresses that are no transport.
pub fn is_taken(path: &str) -> bool {
    let first = path.split('/').nth(1).unwrap_or_default();
    HEALTH.iter().any(|path| path[1..] == *first) || page::owns(first)
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
struct Report<'a> {
    status: &'static str,
    service: &'static str,
    version: &'static str,
    instance: &'a str,
    #[serde(flatten)]
    counts: Counts,
}

/// What is told where the native WebSocket is.
#[derive(Serialize)]
struct Alive<'a> {
    #[serde(flatten)]
    report: Report<'a>,
    /// What a request over HTTP/2 lacks to become one.
    #[serde(skip_serializing_if = "Option::is_none")]
    websocket: Option<&'static str>,
}

fn status<'a>(hall: &'a Hall, status: &'static str) -> Json<Report<'a>> {
    let counts = hall.figures.counts();
    Json(Report {
        status,
        service: "wulin",
        version: env!("CARGO_PKG_VERSION"),
        instance: &hall.instance,
        counts,
    })
}

/// Whether the process works: the lobby answers.
async fn healthz(State(hall): State<Hall>) -> Response<Body> {
    match time::timeout(HEALTH_TIMEOUT, hall.lobby.answers()).await {
        Ok(true) => status(&hall, "ok").into_response(),
        Ok(false) | Err(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, status(&hall, "stuck")).into_response()
        }
    }
}

/// Whether new players are welcome.
async fn readyz(State(hall): State<Hall>) -> Response<Body> {
    if hall.draining.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, status(&hall, "draining")).into_response();
    }
    status(&hall, "ok").into_response()
}

/// The base path and what is below it.
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
        Method::GET | Method::HEAD => Json(Alive {
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
            Ok(presence) => upgrade::accept::<Stream, _>(request, entrance, &self.hall, presence),
            Err(response) => response.into_response(),
        }
    }

    /// Whom a request is from, whoever has passed it on.
    pub(super) fn address(&self, request: &Request<Body>) -> Option<IpAddr> {
        let client = request.extensions().get::<Client>()?;
        Some(client.behind(request.headers(), &self.proxies))
    }

    /// Who asks. `legacy` if it has the 2016 client's signature.
    pub(super) fn visitor(&self, request: &Request<Body>, legacy: bool) -> Visitor {
        Visitor {
            legacy,
            origin: self.address(request).map(Origin::of),
        }
    }

    /// Counts a client in that comes by a proxy, or shares its connection with another WebSocket; others were counted with
    /// their connection.
    fn presence(
        &self,
        request: &Request<Body>,
    ) -> Result<Option<Presence>, (StatusCode, &'static str)> {
        let shares = upgrade::shares_connection(request);
        let client = request.extensions().get::<Client>();
        let Some(client) = client.filter(|client| client.proxy || shares) else {
            return Ok(None);
        };
        let address = client.behind(request.headers(), &self.proxies);
        match self.addresses.enter(address) {
            Some(presence) => Ok(Some(presence)),
            None => Err((
                StatusCode::TOO_MANY_REQUESTS,
                "Too many connections from your address.\n",
            )),
        }
    }
}
