//! How a session begins, and which handshakes are refused.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::support::server::TestServer;
use crate::wire::{Answer, ENGINES, Engine, PATH, Polled, Socket, ask, get};

fn keys(opened: &Value) -> Vec<&str> {
    let fields = opened.as_object().unwrap();
    let mut keys: Vec<&str> = fields.keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

const FIELDS: [&str; 5] = [
    "maxPayload",
    "pingInterval",
    "pingTimeout",
    "sid",
    "upgrades",
];

#[tokio::test(flavor = "multi_thread")]
async fn polling_opens_with_the_fields_of_the_protocol() {
    let flags = ["--ping-interval", "7s", "--ping-timeout", "3s"];
    let server = TestServer::start(&flags);
    let mut sids = HashSet::new();
    for engine in ENGINES {
        let answer = get(&server, &engine.target("polling")).await;
        assert_eq!(answer.status, 200);
        let kind = answer.header("content-type").unwrap().to_lowercase();
        assert_eq!(kind.replace(' ', ""), "text/plain;charset=utf-8");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        // All later packets come with a poll.
        assert_eq!(engine.packets(&answer.body).len(), 1, "{answer:?}");
        let opened = Polled::open(&server, engine).await.opened;
        assert_eq!(keys(&opened), FIELDS);
        assert_eq!(opened["upgrades"], json!(["websocket"]));
        assert_eq!(opened["pingInterval"], 7000);
        assert_eq!(opened["pingTimeout"], 3000);
        assert_eq!(opened["maxPayload"], 16384);
        let sid = opened["sid"].as_str().unwrap().to_owned();
        assert!(sid.len() >= 20, "nobody may guess it: {sid}");
        assert!(sids.insert(sid));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn websocket_opens_with_the_fields_of_the_protocol() {
    let flags = ["--ping-interval", "7s", "--ping-timeout", "3s"];
    let server = TestServer::start(&flags);
    for engine in ENGINES {
        let target = engine.target("websocket");
        let mut socket = Socket::open(&server, &target).await.unwrap();
        let open = socket.next().await.unwrap();
        let opened: Value = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
        assert_eq!(keys(&opened), FIELDS);
        assert_eq!(opened["upgrades"], json!([]));
        assert_eq!(opened["pingInterval"], 7000);
        assert_eq!(opened["pingTimeout"], 3000);
        assert_eq!(opened["maxPayload"], 16384);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_version_means_3() {
    let server = TestServer::start(&[]);
    let answer = get(&server, &format!("{PATH}?transport=polling")).await;
    assert_eq!(answer.status, 200);
    let packets = Engine::V3.packets(&answer.body);
    assert!(packets[0].starts_with("0{"), "{packets:?}");
    let mut socket = Socket::open(&server, &format!("{PATH}?transport=websocket"))
        .await
        .unwrap();
    assert!(socket.next().await.unwrap().starts_with("0{"));
    assert_eq!(socket.next().await.as_deref(), Some("40"));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_versions_are_refused() {
    let server = TestServer::start(&[]);
    let versions = [
        "", "0", "2", "5", "abc", "4=", "=4", "04", "4.0", "4 ", "34", "33", "+4", "-4", "4;",
    ];
    for version in versions {
        let version = version.replace(' ', "%20");
        for transport in ["polling", "websocket"] {
            let target = format!("{PATH}?EIO={version}&transport={transport}");
            assert_eq!(get(&server, &target).await.status, 400, "{target}");
            let upgraded = Socket::open(&server, &target).await;
            assert_eq!(upgraded.err(), Some(400), "{target}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_session_id_opens_a_session() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        let polling = format!("{}&sid=", engine.target("polling"));
        let answer = get(&server, &polling).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(engine.packets(&answer.body)[0].starts_with("0{"));
        let websocket = format!("{}&sid=", engine.target("websocket"));
        let mut socket = Socket::open(&server, &websocket).await.unwrap();
        assert!(socket.next().await.unwrap().starts_with("0{"));
    }
}

fn is_refused(answer: &Answer, code: u8, message: &str) {
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.json(), json!({"code": code, "message": message}));
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_transports_are_refused() {
    let server = TestServer::start(&[]);
    for engine in ["EIO=3", "EIO=4"] {
        for transport in [
            "",
            "&transport=",
            "&transport=abc",
            "&transport=webtransport",
            "&transport=Polling",
            "&transport=polling=",
        ] {
            let target = format!("{PATH}?{engine}{transport}");
            is_refused(&get(&server, &target).await, 0, "Transport unknown");
            let upgraded = Socket::open(&server, &target).await;
            assert_eq!(upgraded.err(), Some(400), "{target}");
        }
        // A request must use the transport that it names.
        let target = format!("{PATH}?{engine}&transport=websocket");
        is_refused(&get(&server, &target).await, 3, "Bad request");
        let target = format!("{PATH}?{engine}&transport=polling");
        let upgraded = Socket::open(&server, &target).await;
        assert_eq!(upgraded.err(), Some(400), "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_sessions_are_refused() {
    let server = TestServer::start(&[]);
    let known = Polled::open(&server, Engine::V4).await;
    let longer = format!("{}x", known.sid);
    let shorter = &known.sid[1..];
    for sid in ["x", "__proto__", "%00", shorter, &longer] {
        for engine in ENGINES {
            let target = format!("{}&sid={sid}", engine.target("polling"));
            get(&server, &target).await.is_unknown_session();
            let post = format!("POST {target}");
            ask(&server, &post, &engine.payload(&["40"]))
                .await
                .is_unknown_session();
            let target = format!("{}&sid={sid}", engine.target("websocket"));
            let upgraded = Socket::open(&server, &target).await;
            assert_eq!(upgraded.err(), Some(400), "{target}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_get_opens_a_session() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let request = format!("{method} {}", engine.target("polling"));
            let answer = ask(&server, &request, "").await;
            is_refused(&answer, 2, "Bad handshake method");
        }
        let mut session = Polled::open(&server, engine).await;
        for method in ["PUT", "DELETE", "PATCH"] {
            let request = format!("{method} {}", session.target("polling"));
            let status = ask(&server, &request, "").await.status;
            assert!([400, 405].contains(&status), "{status}");
        }
        // The refused requests have not ended the session.
        if engine == Engine::V4 {
            session.post(&["40"]).await;
        }
        let connected = session.next().await.unwrap();
        assert!(connected.starts_with("40"), "{connected}");
    }
}
