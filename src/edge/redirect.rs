//! The plain HTTP port: it only ever points to HTTPS.

use std::future::ready;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::{HOST, LOCATION};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode};

use super::acme::Challenges;

/// An authority is shown what it asks for, everybody else the way to HTTPS on `port`.
pub fn router(port: u16, challenges: Option<Arc<Challenges>>) -> Router {
    let answer = move |request: Request<Body>| {
        let shown = challenges
            .as_ref()
            .and_then(|challenges| challenges.answer(&request));
        ready(shown.unwrap_or_else(|| redirect(&request, port)))
    };
    Router::new().fallback(answer)
}

/// Where a request to plain HTTP is sent: the same address over HTTPS on `port`.
pub fn redirect(request: &Request<Body>, port: u16) -> Response<Body> {
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .and_then(host_name);
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let location = host.and_then(|host| {
        let port = if port == 443 {
            String::new()
        } else {
            format!(":{port}")
        };
        HeaderValue::from_str(&format!("https://{host}{port}{path}")).ok()
    });
    let mut response = Response::new(Body::empty());
    match location {
        Some(location) => {
            // 308 keeps the method; 301 is what everything older understands.
            let get = matches!(*request.method(), Method::GET | Method::HEAD);
            *response.status_mut() = if get {
                StatusCode::MOVED_PERMANENTLY
            } else {
                StatusCode::PERMANENT_REDIRECT
            };
            response.headers_mut().insert(LOCATION, location);
        }
        None => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    response
}

/// The host without its port; none if it is nothing a host can be called.
fn host_name(host: &str) -> Option<&str> {
    let name = match host.strip_prefix('[') {
        Some(rest) => &host[..rest.find(']')? + 2],
        None => host.split(':').next()?,
    };
    let sound = |c: char| c.is_ascii_alphanumeric() || "-._[]:".contains(c);
    (!name.is_empty() && name.chars().all(sound)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(host: &str, uri: &str, port: u16) -> Option<String> {
        let request = Request::builder()
            .uri(uri)
            .header(HOST, host)
            .body(Body::empty())
            .unwrap();
        let response = redirect(&request, port);
        Some(
            response
                .headers()
                .get(LOCATION)?
                .to_str()
                .unwrap()
                .to_owned(),
        )
    }

    #[test]
    fn the_same_address_over_https() {
        assert_eq!(
            location("a.example", "/x?y=1", 443).unwrap(),
            "https://a.example/x?y=1"
        );
        assert_eq!(
            location("a.example:80", "/", 8443).unwrap(),
            "https://a.example:8443/"
        );
        assert_eq!(location("[::1]:80", "/", 443).unwrap(), "https://[::1]/");
    }

    #[test]
    fn a_host_that_is_none_is_refused() {
        for host in ["", "a b", "a/b", "[::1", "a@b", "武"] {
            let request = Request::builder()
                .header(HOST, host)
                .body(Body::empty())
                .unwrap();
            assert_eq!(
                redirect(&request, 443).status(),
                StatusCode::BAD_REQUEST,
                "{host}"
            );
        }
    }
}
