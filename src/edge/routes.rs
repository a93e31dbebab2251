//! Which address leads where.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    ALLOW, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router, middleware};
use rustls::crypto::SecureRandom;
use serde::Serialize;
use tokio::time;
use tower::ServiceExt;

use super::access::{self, AccessLog};
use super::addresses::{Addresses, Client, Presence, Proxies};
use super::gate::Stream;
use super::page;
use crate::protocol::socketio::Version;
use crate::runtime::census::Counts;
use crate::transport::session::Hall;
use crate::transport::socketio::Polling;
use crate::transport::upgrade;
use crate::transport::websocket::Dialect;

/// How long the lobby may take to say that it lives.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the body of a polling client's message may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// One year, as browsers ask for it.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// What the routes lead to.
pub struct Site {
    /// The way to the game.
    pub hall: Hall,
    /// The base path: the native WebSocket, and Socket.IO below it.
    pub base_path: String,
    /// Every path that leads to Socket.IO, the one below the base path first.
    pub socketio_paths: Vec<String>,
    /// Serves the Socket.IO clients that begin with polling, at the first of those paths.
    pub polling: Polling,
    /// Where session ids come from.
    pub random: &'static dyn SecureRandom,
    /// How many come from where, and whom proxies speak for.
    pub addresses: Arc<Addresses>,
    /// The proxies that are believed.
    pub proxies: Proxies,
    /// The access log, if one is kept.
    pub access: Option<AccessLog>,
    /// Whether browsers are told to come by HTTPS only, which a certificate that nobody trusts would turn into a trap.
    pub hsts: Arc<AtomicBool>,
}

/// All routes of the HTTPS listener.
pub fn router(site: Site) -> Router {
    let site = Arc::new(site);
    let mut router = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz));
    for file in page::files(&site.base_path) {
        let file = Arc::new(file);
        let address = file.address.clone();
        let answer = move |request: Request<Body>| ready(file.answer(&request));
        router = router.route(&address, get(answer));
    }
    let router = router
        .fallback(transports)
        .layer(middleware::map_response_with_state(site.clone(), headers));
    let router = match site.access.clone() {
        Some(log) => router.layer(middleware::from_fn_with_state(Arc::new(log), access::log)),
        None => router,
    };
    router.with_state(site)
}

/// Whether a path lies where the server has addresses that are no transport.
pub fn is_taken(path: &str) -> bool {
    let first = path.split('/').nth(1).unwrap_or_default();
    ["healthz", "readyz"].contains(&first) || page::owns(first)
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
struct Report {
    status: &'static str,
    service: &'static str,
    version: &'static str,
    #[serde(flatten)]
    counts: Counts,
}

/// What is told where the native WebSocket is.
#[derive(Serialize)]
struct Alive {
    #[serde(flatten)]
    report: Report,
    /// What a request over HTTP/2 lacks to become one.
    #[serde(skip_serializing_if = "Option::is_none")]
    websocket: Option<&'static str>,
}

fn status(site: &Site, status: &'static str) -> Json<Report> {
    let counts = site.hall.census.counts();
    Json(Report {
        status,
        service: "wulin",
        version: env!("CARGO_PKG_VERSION"),
        counts,
    })
}

/// Whether the process works: the lobby answers.
async fn healthz(State(site): State<Arc<Site>>) -> Response<Body> {
    match time::timeout(HEALTH_TIMEOUT, site.hall.lobby.answers()).await {
        Ok(true) => status(&site, "ok").into_response(),
        Ok(false) | Err(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, status(&site, "stuck")).into_response()
        }
    }
}

/// Whether new players are welcome.
async fn readyz(State(site): State<Arc<Site>>) -> Response<Body> {
    if site.hall.draining.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, status(&site, "draining")).into_response();
    }
    status(&site, "ok").into_response()
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
        Some(rest) if rest.bytes().all(|byte| byte == b'/') => {
            let twice = rest == "//";
            socketio(&site, twice, request).await
        }
        Some(_) | None => (StatusCode::NOT_FOUND, "There is nothing here.\n").into_response(),
    }
}

fn native(site: &Site, request: Request<Body>) -> Response<Body> {
    if upgrade::is_tried(request.headers()) {
        return upgrade(site, request, Dialect::Native, false);
    }
    match *request.method() {
        Method::GET | Method::HEAD => Json(Alive {
            report: status(site, "ok").0,
            websocket: upgrade::hint(&request),
        })
        .into_response(),
        _ => (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD")]).into_response(),
    }
}

fn upgrade(site: &Site, request: Request<Body>, dialect: Dialect, legacy: bool) -> Response<Body> {
    match site.presence(&request) {
        Ok(presence) => {
            upgrade::accept::<Stream, _>(request, dialect, legacy, &site.hall, presence)
        }
        Err(response) => response.into_response(),
    }
}

impl Site {
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

async fn socketio(site: &Site, twice: bool, mut request: Request<Body>) -> Response<Body> {
    let query = request.uri().query().unwrap_or_default();
    let direct =
        parameter(query, "transport") == Some("websocket") && parameter(query, "sid").is_none();
    let version = match parameter(query, "EIO") {
        Some("3") => Some(Version::V3),
        Some("4") => Some(Version::V4),
        Some(_) | None => None,
    };
    if let Some(version) = version.filter(|_| direct && upgrade::is_asked(request.headers())) {
        // Two slashes are the signature of the 2016 Mini Program client.
        let legacy = twice && version == Version::V3;
        let Some(sid) = session_id(site.random) else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        return upgrade(site, request, Dialect::SocketIo { version, sid }, legacy);
    }
    // However the client spells the path, socketioxide knows it by one name.
    let path = format!("{}/?{query}", site.socketio_paths[0]);
    match Uri::try_from(path) {
        Ok(uri) => *request.uri_mut() = uri,
        Err(_) => return StatusCode::BAD_REQUEST.into_response(),
    }
    let posts = *request.method() == Method::POST;
    let answer = site.polling.clone().oneshot(request);
    let answer = if posts {
        match time::timeout(BODY_TIMEOUT, answer).await {
            Ok(answer) => answer,
            Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
        }
    } else {
        answer.await
    };
    match answer {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// The first value of a query parameter, as it stands.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// 128 random bits.
fn session_id(random: &dyn SecureRandom) -> Option<String> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes).ok()?;
    Some(format!("{:032x}", u128::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_parameters_are_found_by_their_whole_name() {
        let query = "EIO=3&transport=websocket&xsid=1&t=";
        assert_eq!(parameter(query, "EIO"), Some("3"));
        assert_eq!(parameter(query, "transport"), Some("websocket"));
        assert_eq!(parameter(query, "sid"), None);
        assert_eq!(parameter(query, "t"), Some(""));
        assert_eq!(parameter("", "EIO"), None);
    }
}
