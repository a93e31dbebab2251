//! Polling from browsers: pages of other origins (CORS), preflight requests, and features that are no longer served.

use crate::support::server::TestServer;
use crate::wire::{Answer, Asked, ENGINES, PATH, Polled, get};

const ORIGIN: &str = "https://game.example:8443";

fn is_shared(answer: &Answer) {
    let allowed = answer.header("access-control-allow-origin");
    assert_eq!(allowed, Some(ORIGIN), "{answer:?}");
    let credentials = answer.header("access-control-allow-credentials");
    assert_eq!(credentials, Some("true"));
    // The answer depends on the origin, so no cache may give it to another origin.
    let vary = answer.header("vary").unwrap_or_default().to_lowercase();
    assert!(vary.split(',').any(|name| name.trim() == "origin"));
}

async fn asked(server: &TestServer, request: &str, body: &str) -> Answer {
    let headers = [
        ("Origin", ORIGIN),
        ("Content-Type", "text/plain;charset=UTF-8"),
    ];
    let mut asked = Asked::send(server, request, &headers, body.as_bytes()).await;
    asked.answer().await
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_any_origin_may_read_the_answers() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        let opening = format!("GET {}", engine.target("polling"));
        let answer = asked(&server, &opening, "").await;
        assert_eq!(answer.status, 200);
        is_shared(&answer);
        let session = Polled::open(&server, engine).await;
        let target = session.target("polling");
        let answer = asked(&server, &format!("POST {target}"), &engine.payload(&["1"])).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
        is_shared(&answer);
        let session = Polled::open(&server, engine).await;
        if engine == crate::wire::Engine::V4 {
            session.post(&["40"]).await;
        }
        let target = session.target("polling");
        let answer = asked(&server, &format!("GET {target}"), "").await;
        assert_eq!(answer.status, 200);
        is_shared(&answer);
    }
}

/// Without these headers a page could not tell a refusal from a broken network.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_any_origin_may_read_the_refusals() {
    let server = TestServer::start(&[]);
    let session = Polled::open(&server, crate::wire::Engine::V4).await;
    let target = session.target("polling");
    let long = "x".repeat(20_000);
    for (request, body) in [
        (
            format!("GET {PATH}?EIO=4&transport=polling&sid=unknown"),
            "",
        ),
        (
            format!("POST {PATH}?EIO=4&transport=polling&sid=unknown"),
            "40",
        ),
        (format!("GET {PATH}?EIO=9&transport=polling"), ""),
        (format!("GET {PATH}?EIO=4&transport=abc"), ""),
        (format!("GET {PATH}?EIO=4&transport=websocket"), ""),
        (format!("GET {PATH}?EIO=3&transport=polling&j=0"), ""),
        (format!("PUT {target}"), ""),
        (format!("POST {target}"), long.as_str()),
        (format!("POST {target}"), "abc"),
    ] {
        let answer = asked(&server, &request, body).await;
        assert!((400..500).contains(&answer.status), "{request}: {answer:?}");
        is_shared(&answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn preflight_requests_allow_posts() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        let session = Polled::open(&server, engine).await;
        for target in [engine.target("polling"), session.target("polling")] {
            let headers = [
                ("Origin", ORIGIN),
                ("Access-Control-Request-Method", "POST"),
                (
                    "Access-Control-Request-Headers",
                    "content-type,x-requested-with",
                ),
            ];
            let request = format!("OPTIONS {target}");
            let mut asked = Asked::send(&server, &request, &headers, b"").await;
            let answer = asked.answer().await;
            assert!([200, 204].contains(&answer.status), "{answer:?}");
            is_shared(&answer);
            let list = |name: &str| {
                let list = answer.header(name).unwrap_or_default().to_lowercase();
                list.split(',')
                    .map(|one| one.trim().to_owned())
                    .collect::<Vec<_>>()
            };
            let methods = list("access-control-allow-methods");
            for method in ["get", "post"] {
                assert!(methods.iter().any(|one| one == method), "{methods:?}");
            }
            let allowed = list("access-control-allow-headers");
            for header in ["content-type", "x-requested-with"] {
                assert!(allowed.iter().any(|one| one == header), "{allowed:?}");
            }
        }
    }
}

fn is_a_sentence(text: &str) {
    let text = text.trim_end();
    assert!(text.contains(' ') && text.ends_with('.'), "{text:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn jsonp_is_refused_with_the_reason() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        for index in ["0", "7", ""] {
            let target = format!("{}&j={index}", engine.target("polling"));
            let answer = get(&server, &target).await;
            assert_eq!(answer.status, 400, "{answer:?}");
            is_a_sentence(&answer.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_for_the_client_library_are_404_with_advice() {
    let server = TestServer::start(&[]);
    for file in [
        "socket.io.js",
        "socket.io.min.js",
        "socket.io.js.map",
        "socket.io.esm.min.js",
        "socket.io.msgpack.min.js",
    ] {
        for path in [PATH, "/applet/ws/socket.io/"] {
            let answer = get(&server, &format!("{path}{file}")).await;
            assert_eq!(answer.status, 404);
            is_a_sentence(&answer.body);
            assert!(answer.body.contains("socket.io-client"), "{answer:?}");
        }
    }
    let other = get(&server, &format!("{PATH}nothing.js")).await;
    assert_eq!(other.status, 404);
    assert!(!other.body.contains("socket.io-client"));
}
