//! What the admin listener tells of a server that has been played on: metrics and the state.

// Counts are whole numbers, exact in an f64.
#![allow(clippy::float_cmp)]

mod support;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Value, json};
use support::server::TestServer;
use support::websocket::Dialect;
use support::{Client, write_pair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wulin_server::runtime::Gauge;

const ADMIN: [&str; 2] = ["--admin", "127.0.0.1:0"];

/// The head and the body of an answer.
async fn ask(address: SocketAddr, request: &str, host: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

async fn get(server: &TestServer, path: &str) -> String {
    let address = server.admin_address().unwrap();
    let (head, body) = ask(address, &format!("GET {path}"), &address.to_string()).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    body
}

/// Every sample by its name and labels. Fails on what is not in the format.
fn samples(text: &str) -> BTreeMap<&str, f64> {
    let body = text.strip_suffix("# EOF\n").expect("it ends as it must");
    let lines = body.lines().filter(|line| !line.starts_with("# "));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name, value.parse().unwrap_or_else(|_| panic!("{line}")))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_is_counted_in_every_way() {
    let server = TestServer::start(&[&ADMIN[..], &["--robot-wait", "20s"]].concat());
    let mut ann = Client::greet(&server, Dialect::Native, "ann").await;
    let mut ben = Client::greet(&server, Dialect::EngineIo3, "ben").await;
    ann.say("join").await;
    ann.event("room").await;
    let waiting = get(&server, "/metrics").await;
    assert_eq!(samples(&waiting)["wulin_waiting"], 1.0);
    ben.say("join").await;
    ann.event("start").await;
    ben.event("start").await;
    ann.send("choice", json!({"choice": 1})).await;
    ben.event("movement").await;
    // None of our events, and nothing that may become a label.
    ann.text(r#"{"event": "evil\"} 1", "data": 1}"#).await;
    ann.event("fault").await;
    // No TLS.
    let mut stranger = TcpStream::connect(server.address()).await.unwrap();
    stranger
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let _ = stranger.read_to_end(&mut Vec::new()).await;
    ann.event("result").await;
    ben.event("result").await;
    server.wait_for(Gauge::Room, 0).await;
    server.wait_for(Gauge::Connection, 2).await;

    let text = get(&server, "/metrics").await;
    let samples = samples(&text);
    for (name, value) in [
        ("wulin_people", 2.0),
        ("wulin_waiting", 0.0),
        ("wulin_rooms", 0.0),
        ("wulin_connections", 2.0),
        (r#"wulin_clients{transport="native"}"#, 1.0),
        (r#"wulin_clients{transport="engineio3"}"#, 1.0),
        (r#"wulin_clients_opened_total{transport="native"}"#, 1.0),
        (r#"wulin_handshakes_total{version="1.3"}"#, 2.0),
        (r#"wulin_connections_refused_total{reason="not_tls"}"#, 1.0),
        (r#"wulin_messages_received_total{event="hello"}"#, 2.0),
        (r#"wulin_messages_received_total{event="choice"}"#, 1.0),
        (r#"wulin_messages_received_total{event="other"}"#, 1.0),
        (r#"wulin_messages_sent_total{event="start"}"#, 2.0),
        (r#"wulin_messages_sent_total{event="movement"}"#, 1.0),
        (r#"wulin_messages_sent_total{event="result"}"#, 2.0),
        (r#"wulin_messages_refused_total{code="unknown_event"}"#, 1.0),
        (r#"wulin_messages_refused_total{code="other"}"#, 0.0),
        ("wulin_rounds_total", 1.0),
        ("wulin_movement_latency_seconds_count", 1.0),
        ("wulin_result_lateness_seconds_count", 2.0),
        ("wulin_outbox_overflows_total", 0.0),
    ] {
        assert_eq!(samples.get(name), Some(&value), "{name}\n{text}");
    }
    assert!(samples["wulin_movement_latency_seconds_sum"] < 30.0);
    assert!(samples["process_resident_memory_bytes"] > 1e6);
    let expiry = samples
        .iter()
        .find(|(name, _)| name.starts_with("wulin_certificate_expiry_timestamp_seconds{"));
    let (name, expiry) = expiry.unwrap();
    assert!(
        name.contains("localhost") && *expiry > 1.7e9,
        "{name} {expiry}"
    );
    assert!(!text.contains("evil") && !text.contains("ann"), "{text}");

    let state: Value = serde_json::from_str(&get(&server, "/status").await).unwrap();
    assert_eq!(state["status"], "serving");
    assert_eq!(state["counts"]["people"], 2);
    assert_eq!(state["totals"]["rounds"], 1);
    assert!(state["rates"]["rounds"].as_f64().unwrap() > 0.0);
    assert_eq!(state["https"], json!(server.address()));
    assert!(state["certificates"][0]["days_left"].as_f64().unwrap() > 300.0);
}

/// A panel over a metric that does not exist stays empty, and nobody is told.
#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_asks_for_nothing_that_is_not_there() {
    let server = TestServer::start(&ADMIN);
    let text = get(&server, "/metrics").await;
    let dashboard: Value = serde_json::from_str(include_str!("../docs/grafana.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let queries = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap());
    let mut asked = 0;
    for query in queries {
        let query = query["expr"].as_str().unwrap();
        let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for name in words.filter(|word| word.starts_with("wulin_") || word.starts_with("process_"))
        {
            let there = text.lines().any(|line| {
                line.strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with(['{', ' ']))
            });
            assert!(there, "{name} in {query}");
            asked += 1;
        }
    }
    assert!(asked > 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_certificate_is_counted() {
    let home = tempfile::tempdir().unwrap();
    let (cert, key) = (home.path().join("cert.pem"), home.path().join("key.pem"));
    write_pair(&["localhost"], &cert, &key);
    let files = [
        "--tls-cert",
        cert.to_str().unwrap(),
        "--tls-key",
        key.to_str().unwrap(),
    ];
    let server = TestServer::start(&[&ADMIN[..], &files[..], &["--http-port", "0"]].concat());
    std::fs::write(&cert, "-----BEGIN CERTIFICATE-----").unwrap();
    server.reload().await;
    let text = get(&server, "/metrics").await;
    let refused = r#"wulin_certificate_reloads_total{outcome="refused"}"#;
    assert!(samples(&text)[refused] >= 1.0, "{text}");
    write_pair(&["localhost"], &cert, &key);
    server.reload().await;
    let text = get(&server, "/metrics").await;
    assert_eq!(
        samples(&text)[r#"wulin_certificate_reloads_total{outcome="served"}"#],
        1.0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_means_this_machine_is_answered() {
    let server = TestServer::start(&ADMIN);
    let address = server.admin_address().unwrap();
    for host in ["localhost", "127.0.0.1:9643", "[::1]:80"] {
        let (head, _) = ask(address, "GET /metrics", host).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{host}: {head}");
        assert!(head.contains("application/openmetrics-text"), "{head}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example:9643", ""] {
        let (head, _) = ask(address, "GET /status", host).await;
        assert!(head.starts_with("HTTP/1.1 403 "), "{host}: {head}");
    }
    // Players have no way to it.
    let mut tls = server.connect().await;
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    tls.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tls.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}
