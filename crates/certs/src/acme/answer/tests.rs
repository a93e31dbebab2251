//! Answers of authorities, as they should be and as they should not.

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
    let order = json!({"finalize": "https://acme.example/f", "expires": "1970-01-02T00:00:00Z"});
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
