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
mod tests {
    use http::Response;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const ASKED: &str = "https://acme.example:14000/order";
    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn answered(status: u16, headers: &[(&str, &[u8])], body: &[u8]) -> (response::Parts, Bytes) {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, HeaderValue::from_bytes(value).unwrap());
        }
        let (parts, ()) = response.body(()).unwrap().into_parts();
        (parts, Bytes::copy_from_slice(body))
    }

    type Examined = (Noted, Result<(response::Parts, Bytes), AnswerError>);

    fn examined(status: u16, headers: &[(&str, &[u8])], body: &[u8]) -> Examined {
        let (parts, body) = answered(status, headers, body);
        examine(&ASKED.parse().unwrap(), parts, body, NOW)
    }

    fn waits(value: &str) -> Option<Duration> {
        examined(200, &[("retry-after", value.as_bytes())], b"")
            .0
            .wait
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_bounded() {
        assert_eq!(waits("120"), Some(Duration::from_mins(2)));
        assert_eq!(
            waits("Thu, 01 Jan 1970 00:01:00 GMT"),
            Some(Duration::from_mins(1))
        );
        assert_eq!(waits("Sun, 06 Nov 1960 08:49:37 GMT"), None);
        for absurd in [
            "99999999",
            "18446744073709551615",
            "99999999999999999999999",
            "Fri, 31 Dec 9999 23:59:59 GMT",
        ] {
            assert_eq!(waits(absurd), Some(LONGEST_WAIT), "{absurd}");
        }
        for none in ["soon", "-5", "", "1.5", "+3", "0x10"] {
            assert_eq!(waits(none), None, "{none}");
        }
        // instant-acme gets the bounded value.
        let passed = examined(200, &[("retry-after", b"18446744073709551615")], b"").1;
        assert_eq!(passed.unwrap().0.headers[RETRY_AFTER], "604800");
        let passed = examined(
            200,
            &[("retry-after", b"-5")],
            br#"{"suggestedWindow": {}}"#,
        )
        .1;
        assert_eq!(passed.unwrap().0.headers[RETRY_AFTER], "21600");
    }

    #[test]
    fn nonces_that_are_not_base64url_are_removed() {
        for (nonce, good) in [
            (&b"oFvnlFP1wIhRlYS2jTaXbA"[..], true),
            (b"a-_Z", true),
            (b"a=", false),
            (b"\xff\xfe", false),
            (b"a\tb", false),
            (b"", false),
            (&[b'a'; 513], false),
        ] {
            let (parts, _) = examined(200, &[("replay-nonce", nonce)], b"").1.unwrap();
            assert_eq!(parts.headers.contains_key(REPLAY_NONCE), good, "{nonce:?}");
        }
    }

    #[test]
    fn addresses_are_https_and_relative_locations_completed() {
        let strange = |body: Value| match examined(200, &[], body.to_string().as_bytes()).1 {
            Err(AnswerError::Strange(why)) => why,
            other => panic!("{body}: {other:?}"),
        };
        for bad in [
            "http://acme.example/x",
            "file:///etc/passwd",
            "https://",
            "https:///x",
            "https://exa mple/x",
            "https://name:word@acme.example/",
            "/x",
            "",
            "\u{202e}\u{1b}[2J",
            &format!("https://acme.example/{}", "x".repeat(3000)),
        ] {
            for body in [
                json!({"newNonce": bad}),
                json!({"newOrder": bad}),
                json!({"finalize": bad}),
                json!({"certificate": bad}),
                json!({"authorizations": ["https://acme.example/1", bad]}),
                json!({"challenges": [{"url": bad}]}),
            ] {
                let why = strange(body);
                assert!(why.len() < 600 && !why.contains('\u{1b}'), "{why}");
            }
            if HeaderValue::from_str(bad).is_ok() && bad != "/x" {
                let passed = examined(201, &[("location", bad.as_bytes())], b"{}").1;
                assert!(matches!(passed, Err(AnswerError::Strange(_))), "{bad}");
            }
        }
        let elsewhere =
            json!({"newNonce": "https://other.example/nonce", "meta": {"website": "http://x"}});
        assert!(
            examined(200, &[], elsewhere.to_string().as_bytes())
                .1
                .is_ok()
        );
        let (parts, _) = examined(201, &[("location", b"/order/1")], b"{}")
            .1
            .unwrap();
        assert_eq!(
            parts.headers[LOCATION],
            "https://acme.example:14000/order/1"
        );
    }

    #[test]
    fn problem_documents_are_reduced_to_harmless_fields() {
        let kind = (
            "content-type",
            &b"Application/Problem+JSON; charset=utf-8"[..],
        );
        let problem =
            |status, body: &Value| match examined(status, &[kind], body.to_string().as_bytes()).1 {
                Err(AnswerError::Problem(problem)) => problem,
                other => panic!("{other:?}"),
            };
        let said = problem(
            403,
            &json!({"type": "urn:x", "detail": "\u{1b}[2J\u{202e}no\r\nmore"}),
        );
        assert_eq!(said.detail.as_deref(), Some("[2Jnomore"));
        assert_eq!(
            (said.status, said.r#type.as_deref()),
            (Some(403), Some("urn:x"))
        );
        let long = problem(
            500,
            &json!({"detail": "x".repeat(400_000), "type": 5, "status": "?"}),
        );
        assert!(long.detail.unwrap().len() < 600 && long.r#type.is_none());
        let below = problem(400, &json!({"subproblems": [{"detail": "of one name"}]}));
        assert_eq!(below.detail.as_deref(), Some("of one name"));
        let nonce = json!({"type": "urn:ietf:params:acme:error:badNonce"}).to_string();
        assert!(examined(400, &[kind], nonce.as_bytes()).1.is_ok());
        for (status, headers, body) in [
            (502, &[][..], &b"{}"[..]),
            (400, &[kind], b"<html>"),
            (400, &[kind], b"[]"),
            (101, &[], b""),
            (302, &[("location", &b"http://x/"[..])], b""),
        ] {
            let other = examined(status, headers, body).1;
            let Err(AnswerError::Other(why)) = other else {
                panic!("{status}: {other:?}")
            };
            assert!(why.contains(&status.to_string()), "{why}");
        }
    }

    #[test]
    fn expiry_of_an_order_is_noted() {
        let order =
            json!({"finalize": "https://acme.example/f", "expires": "1970-01-02T00:00:00Z"});
        let (noted, _) = examined(200, &[], order.to_string().as_bytes());
        assert_eq!(noted.expires, Some(NOW + Duration::from_hours(24)));
        let other = json!({"expires": "1970-01-02T00:00:00Z"});
        assert_eq!(
            examined(200, &[], other.to_string().as_bytes()).0,
            Noted::default()
        );
    }

    proptest! {
        #[test]
        fn no_answer_causes_a_panic(
            status in 100_u16..600,
            name in "retry-after|replay-nonce|location|content-type",
            value in prop::collection::vec(any::<u8>(), 0..60),
            body in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            if HeaderValue::from_bytes(&value).is_ok() {
                let _ = examined(status, &[(&name, &value)], &body);
            }
        }

        #[test]
        fn no_wait_is_longer_than_a_week(value in "[0-9]{0,40}|[ -~]{0,40}") {
            prop_assert!(waits(&value).unwrap_or_default() <= LONGEST_WAIT);
        }

        #[test]
        fn problem_details_are_short_and_without_controls(detail in "\\PC{0,900}", odd in any::<char>()) {
            let body = json!({"detail": format!("{odd}{detail}")}).to_string();
            let said = problem(body.as_bytes()).unwrap().detail.unwrap();
            prop_assert!(said.chars().count() <= 501);
            prop_assert!(!said.chars().any(char::is_control));
        }
    }
}
