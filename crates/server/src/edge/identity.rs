//! A cookie that brings players back whose browser has deleted what the page kept.
//!
//! Safari deletes what scripts have stored, cookies that scripts set included, after seven days without a visit; not so the
//! cookies that a server sets. So the page sends who plays on this device (uid, token, name), in an encoding of its own, and
//! gets it back as a cookie of the whole site, which it reads at the next visit. The server neither reads nor keeps it.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, put};
use tokio::time;

/// Where the page sends it.
pub(super) const PATH: &str = "/identity";

/// The longest value in bytes. A cookie comes with every request, and the headers of one have 8 KiB.
const LONGEST: usize = 1024;
/// How long the body of a request may take, so that slow ones do not pile up.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// 400 days in seconds, the longest that browsers keep a cookie (RFC 6265bis, section 5.5).
const MAX_AGE: u32 = 400 * 24 * 60 * 60;

/// PUT sets the cookie to the body, DELETE removes it.
pub(super) fn route<S: Clone + Send + Sync + 'static>() -> MethodRouter<S> {
    put(keep).delete(forget)
}

async fn keep(request: Request<Body>) -> Response {
    if is_from_elsewhere(&request) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let body = time::timeout(BODY_TIMEOUT, to_bytes(request.into_body(), LONGEST)).await;
    let value = match body {
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Ok(Ok(value)) => value,
    };
    // Base64url: letters that need no quotes in a cookie, and cannot end one.
    let is_encoded = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    match std::str::from_utf8(&value) {
        Ok(text) if !text.is_empty() && value.iter().all(is_encoded) => set(text, MAX_AGE),
        Ok(_) | Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn forget(request: Request<Body>) -> Response {
    if is_from_elsewhere(&request) {
        return StatusCode::FORBIDDEN.into_response();
    }
    set("", 0)
}

/// Whether a browser says that another site asks. That site could make somebody another player.
fn is_from_elsewhere(request: &Request<Body>) -> bool {
    let site = request.headers().get("sec-fetch-site");
    site.is_some_and(|site| site != "same-origin")
}

fn set(value: &str, max_age: u32) -> Response {
    let cookie = format!("wulin={value}; Path=/; Max-Age={max_age}; Secure; SameSite=Lax");
    let Ok(cookie) = HeaderValue::try_from(cookie) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let no_store = HeaderValue::from_static("no-store");
    let headers = [(SET_COOKIE, cookie), (CACHE_CONTROL, no_store)];
    (StatusCode::NO_CONTENT, headers).into_response()
}
