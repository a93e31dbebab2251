//! Checks an authority's answer before instant-acme reads it.
//!
//! An answer is untrusted text, but instant-acme trusts it: it panics on an entry of the directory that is no address
//! and on a `Retry-After` beyond the end of time, and it connects to whatever address an order has. What passes here is
//! safe to give to it.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Uri, response};
use instant_acme::Problem;
use serde_json::{Map, Value};

use super::quote::quoted;
use super::schedule::LONGEST_WAIT;

/// The longest address, in bytes; those of real authorities have about a hundred.
const LONGEST_ADDRESS: usize = 2048;
/// When to ask again for advice on renewals, in seconds, if the authority does not say (RFC 9773, 4.3.3).
const LOOK_AGAIN: HeaderValue = HeaderValue::from_static("21600");
const REPLAY_NONCE: HeaderName = HeaderName::from_static("replay-nonce");

/// What an answer says that instant-acme does not pass on.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Noted {
    /// How long it asks to wait (`Retry-After`).
    pub wait: Option<Duration>,
    /// When the order in it expires.
    pub expires: Option<SystemTime>,
}

/// Why an answer is not given to instant-acme.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The authority refuses, with a problem document (RFC 7807).
    #[error(transparent)]
    Problem(Problem),
    /// The answer is not from ACME but from a gateway before it; the end of a sentence.
    #[error("{0}")]
    Other(String),
    /// The answer breaks ACME; a clause.
    #[error("{0}")]
    Strange(String),
}

/// Checks the answer to a request for `asked`, and removes what would do harm.
pub fn examine(
    asked: &Uri,
    mut parts: response::Parts,
    body: Bytes,
    now: SystemTime,
) -> (Noted, Result<(response::Parts, Bytes), AnswerError>) {
    let mut noted = Noted {
        wait: retry_after(&parts.headers, now),
        expires: None,
    };
    match noted.wait {
        Some(wait) => parts.headers.insert(RETRY_AFTER, wait.as_secs().into()),
        None => parts.headers.remove(RETRY_AFTER),
    };
    // A nonce that is not base64url must be ignored (RFC 8555, 6.5.1); instant-acme then asks for another one.
    let nonces = parts.headers.get_all(REPLAY_NONCE);
    if !nonces.iter().all(|nonce| is_base64url(nonce.as_bytes())) {
        parts.headers.remove(REPLAY_NONCE);
    }
    if !parts.status.is_success() {
        let passed = refused(&parts, &body).map(|()| (parts, body));
        return (noted, passed);
    }
    let passed = locate(asked, &mut parts.headers).and_then(|()| {
        if let Ok(Value::Object(fields)) = serde_json::from_slice(&body) {
            check_addresses(&fields)?;
            if fields.contains_key("finalize") {
                noted.expires = moment(fields.get("expires"));
            }
            if fields.contains_key("suggestedWindow") && noted.wait.is_none() {
                parts.headers.insert(RETRY_AFTER, LOOK_AGAIN);
            }
        }
        Ok((parts, body))
    });
    (noted, passed)
}

/// Whether this is base64url of at most 512 bytes; nonces and tokens are much shorter.
pub(super) fn is_base64url(text: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    (1..=512).contains(&text.len()) && text.iter().all(letter)
}

/// Makes an error of an answer without success. badNonce is passed on, since instant-acme repeats the request by
/// itself.
fn refused(parts: &response::Parts, body: &[u8]) -> Result<(), AnswerError> {
    let status = parts.status;
    if status.is_redirection() {
        return Err(AnswerError::Other(format!(
            "it answered with {status}, and nobody is followed elsewhere; --acme-directory must name the right address"
        )));
    }
    // An answer without a problem document (RFC 7807) does not come from ACME.
    let kind = parts.headers.get(CONTENT_TYPE);
    let kind = kind.map_or(&b""[..], HeaderValue::as_bytes);
    let is_problem = kind
        .to_ascii_lowercase()
        .starts_with(b"application/problem+json");
    match problem(body).filter(|_| is_problem) {
        Some(problem) if status == 400 && of_nonce(&problem) => Ok(()),
        Some(mut problem) => {
            problem.status = Some(status.as_u16());
            Err(AnswerError::Problem(problem))
        }
        None => Err(AnswerError::Other(format!("it answered with {status}"))),
    }
}

fn of_nonce(problem: &Problem) -> bool {
    problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:badNonce")
}

/// Reads a problem document. Fields of a wrong type are left out.
fn problem(body: &[u8]) -> Option<Problem> {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
        return None;
    };
    let said = |fields: &Value, name: &str| fields.get(name).and_then(Value::as_str).map(quoted);
    let fields = Value::Object(fields);
    // The subproblems mostly say the same, so the first is enough.
    let below = fields.get("subproblems").and_then(|all| all.get(0));
    let below = below.and_then(|one| said(one, "detail"));
    Some(Problem {
        r#type: said(&fields, "type"),
        detail: said(&fields, "detail")
            .or(below)
            .or_else(|| said(&fields, "title")),
        status: None,
        subproblems: Vec::new(),
    })
}

/// Completes a `Location` that is a path alone, and checks it.
fn locate(asked: &Uri, headers: &mut HeaderMap) -> Result<(), AnswerError> {
    let Some(location) = headers.get(LOCATION) else {
        return Ok(());
    };
    let said = String::from_utf8_lossy(location.as_bytes()).into_owned();
    let whole = match asked.authority() {
        Some(host) if said.starts_with('/') && !said.starts_with("//") => {
            format!("https://{host}{said}")
        }
        _ => said,
    };
    check_address("Location", &whole)?;
    let whole = HeaderValue::try_from(whole).map_err(|_| not_an_address("Location", ""))?;
    headers.insert(LOCATION, whole);
    Ok(())
}

/// The fields of directories, orders, authorizations and challenges whose address is requested next.
const ADDRESSES: [&str; 10] = [
    "newNonce",
    "newAccount",
    "newOrder",
    "newAuthz",
    "revokeCert",
    "keyChange",
    "renewalInfo",
    "finalize",
    "certificate",
    "url",
];

fn check_addresses(fields: &Map<String, Value>) -> Result<(), AnswerError> {
    for name in ADDRESSES {
        if let Some(address) = fields.get(name).and_then(Value::as_str) {
            check_address(name, address)?;
        }
    }
    for address in list(fields, "authorizations") {
        if let Some(address) = address.as_str() {
            check_address("authorizations", address)?;
        }
    }
    for challenge in list(fields, "challenges") {
        if let Some(address) = challenge.get("url").and_then(Value::as_str) {
            check_address("url", address)?;
        }
    }
    Ok(())
}

fn list<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    fields
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Accepts HTTPS on any host: large authorities use several, and TLS verifies each. Anything else is refused.
fn check_address(name: &str, address: &str) -> Result<(), AnswerError> {
    let sound = address.len() <= LONGEST_ADDRESS
        && address.parse::<Uri>().is_ok_and(|uri| {
            uri.scheme_str() == Some("https")
                && uri.host().is_some_and(|host| !host.is_empty())
                && uri
                    .authority()
                    .is_some_and(|host| !host.as_str().contains('@'))
        });
    if sound {
        Ok(())
    } else {
        Err(not_an_address(name, address))
    }
}

fn not_an_address(name: &str, address: &str) -> AnswerError {
    AnswerError::Strange(format!(
        "it gives '{}' as {name}, which is no https:// address",
        quoted(address)
    ))
}

/// `Retry-After` in seconds or as a date (RFC 9110, 10.2.3), at most [`LONGEST_WAIT`].
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number too large for 64 bits counts as the largest one.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        httpdate::parse_http_date(value)
            .ok()?
            .duration_since(now)
            .ok()?
    };
    Some(wait.min(LONGEST_WAIT))
}

fn moment(value: Option<&Value>) -> Option<SystemTime> {
    humantime::parse_rfc3339(value?.as_str()?).ok()
}

#[cfg(test)]
mod tests;
