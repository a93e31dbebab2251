//! The plain HTTP port: redirects to HTTPS.

use std::fmt::Write;
use std::future::ready;
use std::net::Ipv6Addr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode};
use axum::response::IntoResponse;
use wulin_certs::acme::Challenges;
use wulin_certs::matches;

use super::host;

/// Where HTTPS is served.
#[derive(Debug, Clone)]
pub struct Https {
    /// Its port.
    pub port: u16,
    /// The domains that are served. If empty, the host of a request is taken as it is.
    pub domains: Arc<[String]>,
}

/// Answers the challenges of an ACME authority, and redirects everything else to HTTPS.
pub fn router(https: Https, challenges: Option<Arc<Challenges>>) -> Router {
    let answer = move |request: Request<Body>| {
        let shown = challenges
            .as_ref()
            .and_then(|challenges| challenges.answer(request.uri().path()));
        ready(match shown {
            // Without this header, axum would declare text.
            Some(proof) => ([(CONTENT_TYPE, "application/octet-stream")], proof).into_response(),
            None => https.redirect(&request),
        })
    };
    Router::new().fallback(answer)
}

impl Https {
    /// The redirect of a request to the same address over HTTPS.
    pub fn redirect(&self, request: &Request<Body>) -> Response<Body> {
        let Some(host) = self.host(request) else {
            let sentence = "Say in one Host header which host you mean: this port only leads to HTTPS at the same host.\n";
            return (StatusCode::BAD_REQUEST, sentence).into_response();
        };
        let mut location = format!("https://{host}");
        if self.port != 443 {
            let _ = write!(location, ":{}", self.port);
        }
        let path = request.uri().path_and_query().map(PathAndQuery::as_str);
        // `*`, and the target of CONNECT, are no paths.
        escape(
            path.filter(|path| path.starts_with('/')).unwrap_or("/"),
            &mut location,
        );
        let Ok(location) = HeaderValue::try_from(location) else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        // 308 keeps the method. 301 is understood by older clients too.
        let get = matches!(*request.method(), Method::GET | Method::HEAD);
        let mut response = Response::new(Body::empty());
        *response.status_mut() = if get {
            StatusCode::MOVED_PERMANENTLY
        } else {
            StatusCode::PERMANENT_REDIRECT
        };
        response.headers_mut().insert(LOCATION, location);
        response
    }

    /// The host of a request if it is one of ours, else our first domain. A redirect to any host a client names could
    /// be used to lead caches and monitors elsewhere. None if the host is not known.
    fn host(&self, request: &Request<Body>) -> Option<String> {
        let asked = host::asked(request).and_then(host::split);
        let asked = asked.map(|(name, _)| name.strip_suffix('.').unwrap_or(name));
        let asked = asked.filter(|name| !name.is_empty());
        let asked = asked.map(str::to_ascii_lowercase);
        if self.domains.is_empty() {
            return asked;
        }
        let ours = asked.filter(|name| {
            let bare = name.trim_start_matches('[').trim_end_matches(']');
            self.domains.iter().any(|domain| matches(domain, bare))
        });
        let first = || {
            let mut domains = self.domains.iter();
            domains.find_map(|domain| written(domain))
        };
        ours.or_else(first)
    }
}

/// A domain as an address contains it; none if it is a wildcard.
fn written(domain: &str) -> Option<String> {
    if domain.parse::<Ipv6Addr>().is_ok() {
        return Some(format!("[{domain}]"));
    }
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let (name, _) = host::split(domain)?;
    Some(name.to_ascii_lowercase())
}

/// Percent-encodes bytes that a header cannot hold, which some clients send unencoded.
fn escape(path: &str, location: &mut String) {
    for byte in path.bytes() {
        if byte.is_ascii_graphic() {
            location.push(byte.into());
        } else {
            let _ = write!(location, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::HOST;

    use super::*;

    /// Where a request with these hosts is redirected to; none if it is refused.
    fn location(https: &Https, uri: &str, hosts: &[&str]) -> Option<String> {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        let response = https.redirect(&request.body(Body::empty()).unwrap());
        let Some(location) = response.headers().get(LOCATION) else {
            assert_eq!(response.status(), StatusCode::BAD_REQUEST);
            return None;
        };
        assert_eq!(response.status(), StatusCode::MOVED_PERMANENTLY);
        Some(location.to_str().unwrap().to_owned())
    }

    fn https(port: u16, domains: &[&str]) -> Https {
        Https {
            port,
            domains: domains.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn redirect_keeps_host_path_and_query() {
        for (port, host, uri, expected) in [
            (443, "a.example", "/x?y=1", "https://a.example/x?y=1"),
            (8443, "a.example:80", "/", "https://a.example:8443/"),
            (443, "A.Example.:", "/", "https://a.example/"),
            (443, "my_host", "/", "https://my_host/"),
            (443, "[::1]:80", "/", "https://[::1]/"),
            (
                443,
                "a.example",
                "//b.example/",
                "https://a.example//b.example/",
            ),
            (
                443,
                "a.example",
                "http://b.example:80/x",
                "https://b.example/x",
            ),
            (443, "a.example", "http://b.example", "https://b.example/"),
            (443, "a.example", "*", "https://a.example/"),
            (
                443,
                "a.example",
                "/武?林",
                "https://a.example/%E6%AD%A6?%E6%9E%97",
            ),
            (
                443,
                "a.example",
                "/\u{9b}\u{202e}",
                "https://a.example/%C2%9B%E2%80%AE",
            ),
        ] {
            let found = location(&https(port, &[]), uri, &[host]);
            assert_eq!(found.as_deref(), Some(expected), "{host} {uri}");
        }
    }

    #[test]
    fn requests_without_a_valid_host_are_refused() {
        let https = https(443, &[]);
        for host in ["", ".", "a b", "a/b", "[::1", "a@b", "武"] {
            assert_eq!(location(&https, "/", &[host]), None, "{host}");
        }
        assert_eq!(location(&https, "/", &[]), None);
        assert_eq!(location(&https, "/", &["a.example", "b.example"]), None);
    }

    #[test]
    fn redirect_leads_only_to_configured_domains() {
        let domains = [
            "Game.example.com",
            "www.example.com",
            "*.play.example",
            "2001:db8::1",
        ];
        let https = https(443, &domains);
        for (host, expected) in [
            ("game.example.com", "https://game.example.com/x"),
            ("WWW.Example.com.:80", "https://www.example.com/x"),
            ("www.example.com:", "https://www.example.com/x"),
            ("a.play.example", "https://a.play.example/x"),
            ("[2001:db8::1]:80", "https://[2001:db8::1]/x"),
            ("play.example", "https://game.example.com/x"),
            ("evil.example", "https://game.example.com/x"),
            (
                "game.example.com.evil.example",
                "https://game.example.com/x",
            ),
            ("192.0.2.1", "https://game.example.com/x"),
            ("[::1]", "https://game.example.com/x"),
            ("a b", "https://game.example.com/x"),
            ("", "https://game.example.com/x"),
        ] {
            let found = location(&https, "/x", &[host]);
            assert_eq!(found.as_deref(), Some(expected), "{host}");
        }
        let first = Some("https://game.example.com/x".to_owned());
        assert_eq!(location(&https, "/x", &[]), first);
        assert_eq!(
            location(&https, "http://evil.example/x", &["www.example.com"]),
            first
        );
        assert_eq!(
            location(&https, "/x", &["www.example.com", "evil.example"]),
            first
        );
    }

    #[test]
    fn redirect_never_leads_to_a_wildcard() {
        let found = |domains: &[&str], host| location(&https(443, domains), "/", &[host]);
        assert_eq!(found(&["*.a.example"], "evil.example"), None);
        assert_eq!(
            found(&["*.a.example"], "b.a.example").unwrap(),
            "https://b.a.example/"
        );
        let both = ["*.a.example", "a.example"];
        assert_eq!(found(&both, "evil.example").unwrap(), "https://a.example/");
        assert_eq!(
            found(&["2001:db8::1"], "evil.example").unwrap(),
            "https://[2001:db8::1]/"
        );
    }
}
