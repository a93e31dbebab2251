//! WebSockets over HTTP/2 (RFC 8441). An extended CONNECT is rewritten to the HTTP/1.1 handshake it stands for, and the
//! answer is rewritten back. So the rest of the server knows only one kind of handshake.

use axum::body::Body;
use axum::http::header::{CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode};
use axum::response::IntoResponse;
use hyper::ext::Protocol;

/// The key of a rewritten handshake, which had none. Its value does not matter: the answer to it is removed again.
const KEY: HeaderValue = HeaderValue::from_static("AAAAAAAAAAAAAAAAAAAAAA==");

/// Whether a request is a CONNECT. WebSockets are the only kind that is served.
pub fn is_connect<B>(request: &Request<B>) -> bool {
    request.method() == Method::CONNECT
}

/// Rewrites an extended CONNECT to a handshake of HTTP/1.1. Returns the refusal of any other CONNECT.
pub fn as_handshake<B>(request: &mut Request<B>) -> Option<Response<Body>> {
    match request.extensions().get::<Protocol>() {
        Some(protocol) if protocol.as_str().eq_ignore_ascii_case("websocket") => {}
        Some(_) => {
            let words = "Only :protocol = websocket is spoken here.\n";
            return Some((StatusCode::NOT_IMPLEMENTED, words).into_response());
        }
        None => return Some(no_proxy()),
    }
    *request.method_mut() = Method::GET;
    let authority = request.uri().authority().map(ToString::to_string);
    let authority = authority.and_then(|authority| HeaderValue::try_from(authority).ok());
    let headers = request.headers_mut();
    if let Some(authority) = authority {
        headers.insert(HOST, authority);
    }
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(SEC_WEBSOCKET_KEY, KEY);
    None
}

/// Rewrites the answer to such a handshake for HTTP/2.
pub fn as_answer<B>(response: &mut Response<B>) {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        *response.status_mut() = StatusCode::OK;
    }
    for header in [UPGRADE, CONNECTION, SEC_WEBSOCKET_ACCEPT] {
        response.headers_mut().remove(header);
    }
}

/// The answer to a CONNECT that wants to use the server as a proxy.
pub fn no_proxy() -> Response<Body> {
    let words = "This is no proxy.\n";
    (StatusCode::METHOD_NOT_ALLOWED, [("allow", "GET")], words).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(protocol: Option<&'static str>) -> Request<()> {
        let mut request = Request::builder()
            .method(Method::CONNECT)
            .uri("https://game.example:8443/applet/websocket?x=1")
            .body(())
            .unwrap();
        if let Some(protocol) = protocol {
            let protocol = Protocol::from_static(protocol);
            request.extensions_mut().insert(protocol);
        }
        request
    }

    #[test]
    fn extended_connect_becomes_a_handshake() {
        let mut request = connect(Some("websocket"));
        assert!(as_handshake(&mut request).is_none());
        assert_eq!(request.method(), Method::GET);
        assert_eq!(request.headers()[HOST], "game.example:8443");
        assert_eq!(request.headers()[UPGRADE], "websocket");
        assert_eq!(request.uri().path(), "/applet/websocket");
    }

    #[test]
    fn other_connects_are_refused() {
        for (protocol, status) in [
            (None, StatusCode::METHOD_NOT_ALLOWED),
            (Some("connect-udp"), StatusCode::NOT_IMPLEMENTED),
        ] {
            let refusal = as_handshake(&mut connect(protocol)).unwrap();
            assert_eq!(refusal.status(), status, "{protocol:?}");
        }
    }

    #[test]
    fn answer_has_no_headers_of_http_1() {
        let mut response = Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header(UPGRADE, "websocket")
            .header("sec-websocket-protocol", "game")
            .body(())
            .unwrap();
        as_answer(&mut response);
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers().len(), 1);
    }
}
