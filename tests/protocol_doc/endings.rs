//! How connections and requests end: close codes, and refusals over HTTP.

use axum::body::to_bytes;
use axum::response::IntoResponse;
use serde_json::Value;

use crate::all;
use crate::code::{Close, Farewell, PollingRefusal};
use crate::document::{Document, bare};

#[test]
fn closes_are_those_of_the_code() {
    let document = Document::read();
    let mut told = document.section("Closes").table().pairs("code", "reason");
    let farewells = all![Farewell: GoingAway, Replaced, TooFast, TooSlow, Silent, Mute];
    let closes = all![Close: Done, NoPacket, TooLong, NotUtf8, BrokenFrame];
    let farewells = farewells.map(|farewell| (farewell.close_code(), farewell.reason()));
    let closes = closes.map(|close| (close.code(), close.reason()));
    let all = farewells.into_iter().chain(closes);
    let mut all: Vec<_> = all
        .map(|(code, reason)| (code.to_string(), reason.to_owned()))
        .collect();
    told.sort();
    all.sort();
    assert_eq!(told, all);
}

/// The status of a refusal, and the code and the message of its body if that is JSON.
async fn told(refusal: PollingRefusal) -> [String; 3] {
    let response = refusal.into_response();
    let status = response.status().as_u16().to_string();
    let body = to_bytes(response.into_body(), 1024).await.unwrap();
    match serde_json::from_slice::<Value>(&body) {
        Ok(told) => {
            let message = told["message"].as_str().expect("words").to_owned();
            [status, told["code"].to_string(), message]
        }
        Err(_) => [status, "none".to_owned(), "none".to_owned()],
    }
}

#[tokio::test]
async fn refusals_over_http_are_those_of_the_code() {
    let refusals = all![PollingRefusal:
        UnknownTransport,
        UnknownSession,
        BadMethod,
        BadRequest,
        UnsupportedVersion,
        Jsonp,
        TooLong,
        TooSlow,
        TooFast,
        Crowded,
        Full,
        NoRandom,
    ];
    let mut all = Vec::new();
    for refusal in refusals {
        all.push(told(refusal).await);
    }
    let document = Document::read();
    let tables = document.tables(&["status", "code", "message"]);
    let [table] = tables[..] else {
        panic!("there is one table of refusals");
    };
    let rows = table.rows.iter();
    let mut rows: Vec<_> = rows
        .map(|row| ["status", "code", "message"].map(|column| bare(&row[column]).to_owned()))
        .collect();
    rows.sort();
    all.sort();
    assert_eq!(rows, all);
}
