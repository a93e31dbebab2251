//! Corrects addresses with slashes too many, as people and programs write them: `//healthz`, `/healthz/`,
//! `/applet/websocket//socket.io/`.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Uri};
use tower::ServiceExt;

/// What to do with slashes at the end of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndSlashes {
    /// They are removed.
    Ignored,
    /// They are kept, since two of them are the signature of the 2016 Mini Program client.
    Kept,
}

/// Corrects the address before it is routed: repeated slashes become one, and those at the end are removed or kept as
/// `known` says for the address without them. An address that `known` does not know stays as it is.
pub fn tidied(
    router: Router,
    known: impl Fn(&str) -> Option<EndSlashes> + Clone + Send + Sync + 'static,
) -> Router {
    Router::new().fallback_service(router.map_request(move |mut request: Request<Body>| {
        if let Some(uri) = tidy(request.uri(), &known) {
            *request.uri_mut() = uri;
        }
        request
    }))
}

/// The corrected address; none if it needs no correction or is not known.
fn tidy(uri: &Uri, known: impl Fn(&str) -> Option<EndSlashes>) -> Option<Uri> {
    let path = uri.path();
    if !path.contains("//") && (path == "/" || !path.ends_with('/')) {
        return None;
    }
    let bare = path.trim_end_matches('/');
    let mut meant = String::with_capacity(path.len());
    for c in bare.chars() {
        if !(c == '/' && meant.ends_with('/')) {
            meant.push(c);
        }
    }
    if meant.is_empty() {
        meant.push('/');
    }
    match known(&meant)? {
        EndSlashes::Ignored => {}
        EndSlashes::Kept => meant.push_str(&path[bare.len()..]),
    }
    if meant == path {
        return None;
    }
    if let Some(query) = uri.query() {
        meant.push('?');
        meant.push_str(query);
    }
    // An address of HTTP/2 has the host in it, which must stay.
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(meant.try_into().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn superfluous_slashes_are_removed() {
        let known = |path: &str| match path {
            "/" | "/healthz" | "/applet/websocket" => Some(EndSlashes::Ignored),
            "/applet/websocket/socket.io" => Some(EndSlashes::Kept),
            _ => None,
        };
        for (written, meant) in [
            ("//", "/"),
            ("///?a=//", "/?a=//"),
            ("/healthz/", "/healthz"),
            ("//healthz//?a=1", "/healthz?a=1"),
            ("//applet/websocket", "/applet/websocket"),
            ("/applet//websocket/", "/applet/websocket"),
            (
                "https://a.example:8443//healthz/",
                "https://a.example:8443/healthz",
            ),
            (
                "/applet/websocket//socket.io/?EIO=3",
                "/applet/websocket/socket.io/?EIO=3",
            ),
            (
                "//applet/websocket/socket.io//",
                "/applet/websocket/socket.io//",
            ),
        ] {
            let uri = tidy(&written.parse().unwrap(), known).unwrap();
            assert_eq!(uri, meant, "{written}");
        }
        for written in [
            "/",
            "/?a=//",
            "/healthz",
            "/icon.svg/",
            "//icon.svg",
            "//\u{9b}//x",
            "/applet/websocket/socket.io//?EIO=3",
            "*",
            "https://a.example/healthz",
        ] {
            assert_eq!(tidy(&written.parse().unwrap(), known), None, "{written}");
        }
    }
}
