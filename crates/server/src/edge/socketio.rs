//! The addresses of Socket.IO: which request is a handshake, which belongs to a session, and whom browsers let read the
//! answer.

use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ORIGIN,
    VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use axum::response::IntoResponse;

use super::site::Site;
use super::turned_away::Reason;
use crate::runtime::{Gauge, now};
use crate::transport::polling::Refusal;
use crate::transport::upgrade;
use crate::transport::websocket::Entrance;
use wulin_game::protocol::socketio::{Dialogue, Version};

/// How long a browser may remember whom it may send to, in seconds.
const PREFLIGHT_AGE: HeaderValue = HeaderValue::from_static("86400");
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, OPTIONS");
const TRUE: HeaderValue = HeaderValue::from_static("true");
/// The client library is not ours to ship.
const NO_LIBRARY: &str = "Wulin does not serve the client library. Bundle the npm package socket.io-client with your page, or \
    copy its dist/socket.io.min.js there.\n";

/// Answers a request to a Socket.IO path; `rest` is what follows it.
pub(super) async fn answer(site: &Site, rest: &str, request: Request<Body>) -> Response<Body> {
    let slashes = rest.bytes().all(|byte| byte == b'/');
    // Two slashes are the signature of the 2016 Mini Program client.
    let twice = rest == "//";
    if rest.starts_with("/socket.io.") {
        return (StatusCode::NOT_FOUND, NO_LIBRARY).into_response();
    }
    if !slashes {
        return (StatusCode::NOT_FOUND, "There is nothing here.\n").into_response();
    }
    let asked = request.headers();
    let origin = asked.get(ORIGIN).cloned();
    let wanted = asked.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let preflight = request.method() == Method::OPTIONS;
    let mut response = if preflight {
        StatusCode::NO_CONTENT.into_response()
    } else {
        let answer = serve(site, twice, request).await;
        answer.unwrap_or_else(IntoResponse::into_response)
    };
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let headers = response.headers_mut();
        share(headers, origin);
        if preflight {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            headers.insert(ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE);
            if let Some(wanted) = wanted {
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted);
            }
        }
    }
    response
}

/// Pages of any origin may read the answer, errors included, as with engine.io's own server. It gives nothing away: there is no
/// cookie, and who a client is stands in what it sends itself.
fn share(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
    }
}

async fn serve(
    site: &Site,
    twice: bool,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let query = request.uri().query().unwrap_or_default();
    if parameter(query, "j").is_some() {
        return Err(Refusal::Jsonp);
    }
    let version = match parameter(query, "EIO") {
        // engine.io takes a client that does not say for one of revision 3.
        None | Some("3") => Version::V3,
        Some("4") => Version::V4,
        Some(_) => return Err(Refusal::UnsupportedVersion),
    };
    let sid = parameter(query, "sid").filter(|sid| !sid.is_empty());
    let upgrades = upgrade::is_asked(request.headers());
    match (parameter(query, "transport"), sid) {
        // What a request names and what it asks for must be the same.
        (Some("polling"), _) if upgrades => Err(Refusal::BadRequest),
        (Some("websocket"), _) if !upgrades => match upgrade::hint(&request) {
            Some(missing) => Ok((StatusCode::BAD_REQUEST, missing).into_response()),
            None => Err(Refusal::BadRequest),
        },
        (Some("polling"), Some(sid)) => {
            let sid = sid.to_owned();
            site.polling.answer(&sid, request).await
        }
        (Some("polling"), None) => open(site, version, &request),
        (Some("websocket"), Some(sid)) => {
            let probe = site.polling.probe(sid)?;
            Ok(site.upgrade(request, Entrance::Upgrade(probe)))
        }
        (Some("websocket"), None) => {
            let ids = (site.hall.sid(), site.hall.sid());
            let (Some(sid), Some(socketio_sid)) = ids else {
                return Err(Refusal::NoRandom);
            };
            let entrance = Entrance::Direct {
                dialogue: Dialogue::new(version, socketio_sid),
                sid,
                visitor: site.visitor(&request, twice && version == Version::V3),
            };
            Ok(site.upgrade(request, entrance))
        }
        _ => Err(Refusal::UnknownTransport),
    }
}

/// Opens a session that polls. It outlives its connection, so it holds a slot of its own until it ends.
fn open(site: &Site, version: Version, request: &Request<Body>) -> Result<Response<Body>, Refusal> {
    if request.method() != Method::GET {
        return Err(Refusal::BadMethod);
    }
    let address = site.address(request).ok_or(Refusal::BadRequest)?;
    if site.pace.admit(address, now()).is_err() {
        site.turned_away.add(Reason::Sessions, address);
        return Err(Refusal::TooFast);
    }
    let held = site.hall.figures.count(Gauge::Connection) + site.polling.count();
    if held >= site.most_connections {
        site.turned_away.add(Reason::Connections, address);
        return Err(Refusal::Full);
    }
    let presence = site.addresses.enter(address).ok_or(Refusal::Crowded)?;
    let visitor = site.visitor(request, false);
    site.polling.open(version, visitor, presence)
}

/// The first value of a query parameter, as it stands.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
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
