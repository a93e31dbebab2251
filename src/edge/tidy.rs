//! Addresses that people and programs write a little wrong, led to where they mean: `//healthz`, `/healthz/`,
//! `/applet/websocket//socket.io/`.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Uri};
use tower::ServiceExt;

/// The routes, behind whatever writes addresses: of slashes that follow each other one is left, and one at the end is
/// passed over where `ends` knows the address without it.
///
/// At the end of others slashes stay as they are: two of them are the signature of the 2016 Mini Program client.
pub fn tidied(
    router: Router,
    ends: impl Fn(&str) -> bool + Clone + Send + Sync + 'static,
) -> Router {
    Router::new().fallback_service(router.map_request(move |mut request: Request<Body>| {
        if let Some(uri) = tidy(request.uri(), &ends) {
            *request.uri_mut() = uri;
        }
        request
    }))
}

/// The address as it is meant; none if it is written so already.
fn tidy(uri: &Uri, ends: impl Fn(&str) -> bool) -> Option<Uri> {
    let path = uri.path();
    // Nothing else is amiss in any other.
    if !path.contains("//") && !(path.len() > 1 && path.ends_with('/')) {
        return None;
    }
    let bare = path.trim_end_matches('/');
    let mut meant = String::with_capacity(path.len());
    for c in bare.chars() {
        if !(c == '/' && meant.ends_with('/')) {
            meant.push(c);
        }
    }
    let tail = &path[bare.len()..];
    if meant.is_empty() {
        meant.push('/');
    } else if !ends(&meant) {
        meant.push_str(tail);
    }
    if meant == path {
        return None;
    }
    if let Some(query) = uri.query() {
        meant.push('?');
        meant.push_str(query);
    }
    Uri::try_from(meant).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_too_many_change_nothing() {
        let ends = |path: &str| ["/healthz", "/applet/websocket"].contains(&path);
        for (written, meant) in [
            ("//", "/"),
            ("///?a=//", "/?a=//"),
            ("/healthz/", "/healthz"),
            ("//healthz//?a=1", "/healthz?a=1"),
            ("//applet/websocket", "/applet/websocket"),
            ("/applet//websocket/", "/applet/websocket"),
            ("//icon.svg", "/icon.svg"),
            (
                "/applet/websocket//socket.io/?EIO=3",
                "/applet/websocket/socket.io/?EIO=3",
            ),
            (
                "//applet/websocket/socket.io//",
                "/applet/websocket/socket.io//",
            ),
        ] {
            let uri = tidy(&written.parse().unwrap(), ends).unwrap();
            assert_eq!(uri, meant, "{written}");
        }
        for written in [
            "/",
            "/?a=//",
            "/healthz",
            "/icon.svg/",
            "/applet/websocket/socket.io//?EIO=3",
            "*",
            "https://a.example/healthz",
        ] {
            assert_eq!(tidy(&written.parse().unwrap(), ends), None, "{written}");
        }
    }
}
