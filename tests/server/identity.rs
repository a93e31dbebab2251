//! The cookie that brings players back whose browser has deleted what the page kept.

use wulin_http::exchange::{Answer, exchange, request};

use crate::support::server::TestServer;

/// The answer to a request with this body; `site` is what a browser says about who asks.
async fn ask(server: &TestServer, method: &str, body: &str, site: Option<&str>) -> Answer {
    let mut request = request(method, "/identity", "localhost", body).unwrap();
    if let Some(site) = site {
        let site = site.try_into().unwrap();
        request.headers_mut().insert("sec-fetch-site", site);
    }
    let answer = exchange(server.connect().await, request, 4096).await;
    answer.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_comes_back_as_a_cookie_until_it_is_deleted() {
    let server = TestServer::start(&[]);
    let longest = "x".repeat(1024);
    for value in ["eyJ1aWQiOiJhIn0", "-_", &longest] {
        for site in [None, Some("same-origin")] {
            let answer = ask(&server, "PUT", value, site).await;
            assert_eq!(answer.status, 204);
            let cookie = format!("wulin={value}; Path=/; Max-Age=34560000; Secure; SameSite=Lax");
            assert_eq!(answer.header("set-cookie"), Some(&*cookie));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
    let answer = ask(&server, "DELETE", "", Some("same-origin")).await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("wulin=; ") && cookie.contains("Max-Age=0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_no_identity_or_from_another_site_sets_nothing() {
    let server = TestServer::start(&[]);
    let too_long = "x".repeat(1025);
    for (method, value, site, status) in [
        ("PUT", "", None, 400),
        ("PUT", "a; Domain=example.com", None, 400),
        ("PUT", "a\r\nSet-Cookie: b=c", None, 400),
        ("PUT", "武", None, 400),
        ("PUT", &too_long, None, 413),
        ("PUT", "abc", Some("cross-site"), 403),
        ("PUT", "abc", Some("same-site"), 403),
        ("PUT", "abc", Some("none"), 403),
        ("DELETE", "", Some("cross-site"), 403),
        ("POST", "abc", None, 405),
        ("GET", "", None, 405),
    ] {
        let answer = ask(&server, method, value, site).await;
        assert_eq!(answer.status, status, "{method} {value:?} {site:?}");
        assert_eq!(answer.header("set-cookie"), None);
    }
}
