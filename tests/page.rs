//! The page over real sockets: what is embedded, and how it is handed out.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use support::PATIENCE;
use support::server::TestServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time;

/// What a phone on a slow network has to fetch before it sees the game, in bytes.
const FIRST_LOAD: usize = 40 * 1024;
/// Each name of `Accept-Encoding` and the ending of what is packed so.
const ENCODINGS: [(&str, &str); 3] = [("br", ".br"), ("gzip", ".gz"), ("identity", "")];

struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// One request with these header lines, on a connection of its own.
async fn ask(server: &TestServer, request: &str, lines: &[&str]) -> Answer {
    let mut stream = server.connect().await;
    let mut head = format!("{request} HTTP/1.1\r\nConnection: close\r\n");
    if !lines.iter().any(|line| line.starts_with("Host:")) {
        head.push_str("Host: localhost\r\n");
    }
    for line in lines {
        head.push_str(line);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = time::timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("no answer");
    let end = answer
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .expect("no head");
    let head = std::str::from_utf8(&answer[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers = lines.map(|line| line.split_once(": ").unwrap());
    let headers: Vec<_> = headers.collect();
    let named: BTreeMap<_, _> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    assert_eq!(named.len(), headers.len(), "a header is there twice");
    Answer {
        status: status.parse().unwrap(),
        headers: named,
        body: answer[end + 4..].to_vec(),
    }
}

async fn get(server: &TestServer, path: &str, lines: &[&str]) -> Answer {
    ask(server, &format!("GET {path}"), lines).await
}

fn dist() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("web/dist")
}

/// Every file below the folder, by its path within.
fn names(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            let below = self::names(&entry.path());
            names.extend(below.into_iter().map(|below| format!("{name}/{below}")));
        } else {
            names.push(name);
        }
    }
    names
}

/// The addresses in a document's links, scripts and pictures.
fn links(document: &str) -> Vec<&str> {
    let from = |attribute| document.split(attribute).skip(1);
    let links = from(" href=\"").chain(from(" src=\""));
    links.map(|rest| rest.split('"').next().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_is_handed_out_as_it_was_built() {
    let server = TestServer::start(&[]);
    let names = names(&dist());
    let packed = |name: &str| matches!(name.rsplit('.').next(), Some("br" | "gz"));
    assert!(names.iter().any(|name| name == "index.html"));
    for name in names.iter().filter(|name| !packed(name)) {
        let path = match name.as_str() {
            "index.html" => "/".to_owned(),
            name => format!("/{name}"),
        };
        let media_type = match name.rsplit('.').next().unwrap() {
            "html" => "text/html; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            "png" => "image/png",
            "ico" => "image/x-icon",
            "txt" => "text/plain; charset=utf-8",
            "webmanifest" => "application/manifest+json",
            other => panic!("what is {other}?"),
        };
        let caching = match name.as_str() {
            "index.html" | "offline.html" | "robots.txt" | "sw.js" => "no-cache",
            name if name.starts_with("assets/") => "public, max-age=31536000, immutable",
            _ => "public, max-age=86400",
        };
        let mut tags = BTreeSet::new();
        let mut codings = 0;
        for (encoding, ending) in ENCODINGS {
            let accept = format!("Accept-Encoding: {encoding}");
            let answer = get(&server, &path, &[&accept]).await;
            let variant = dist().join(format!("{name}{ending}"));
            let built = variant.exists();
            let expected = if built { variant } else { dist().join(name) };
            let expected = std::fs::read(expected).unwrap();
            assert_eq!(answer.status, 200, "{path}");
            assert!(answer.body == expected, "{path} as {encoding}");
            let coded = (built && !ending.is_empty()).then_some(encoding);
            assert_eq!(answer.header("content-encoding"), coded, "{path}");
            let length = expected.len().to_string();
            assert_eq!(answer.header("content-length"), Some(length.as_str()));
            assert_eq!(answer.header("content-type"), Some(media_type), "{path}");
            assert_eq!(answer.header("cache-control"), Some(caching), "{path}");
            assert_eq!(answer.header("vary"), Some("accept-encoding"));
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
            codings += usize::from(built);
            let tag = answer.header("etag").unwrap().to_owned();
            assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");

            let mut head = ask(&server, &format!("HEAD {path}"), &[&accept]).await;
            assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
            let date = answer.headers["date"].clone();
            head.headers.insert("date".to_owned(), date);
            assert_eq!(head.headers, answer.headers, "{path}");
            tags.insert(tag);
        }
        assert_eq!(tags.len(), codings, "{path}: every encoding has its tag");
    }
    for name in names.iter().filter(|name| packed(name)) {
        assert_eq!(get(&server, &format!("/{name}"), &[]).await.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_browser_has_is_not_sent_again() {
    let server = TestServer::start(&[]);
    let whole = get(&server, "/", &["Accept-Encoding: br, gzip"]).await;
    let tag = whole.header("etag").unwrap();
    for known in [
        tag.to_owned(),
        format!("W/{tag}"),
        format!("\"other\", W/\"more\", {tag}"),
        "*".to_owned(),
    ] {
        let condition = format!("If-None-Match: {known}");
        for method in ["GET", "HEAD"] {
            let lines = ["Accept-Encoding: br, gzip", condition.as_str()];
            let answer = ask(&server, &format!("{method} /"), &lines).await;
            assert_eq!((answer.status, answer.body.len()), (304, 0), "{known}");
            for name in ["etag", "cache-control", "vary"] {
                assert_eq!(answer.header(name), whole.header(name), "{name}");
            }
            assert!(answer.header("date").is_some());
            for name in [
                "content-length",
                "content-type",
                "content-encoding",
                "transfer-encoding",
            ] {
                assert_eq!(answer.header(name), None, "{name}");
            }
        }
        // The version is that of another encoding, so this one is not known.
        let answer = get(&server, "/", &["Accept-Encoding: gzip", &condition]).await;
        let expected = if known == "*" { 304 } else { 200 };
        assert_eq!(answer.status, expected, "{known}");
    }
    let other = get(&server, "/", &["If-None-Match: \"other\""]).await;
    assert_eq!(other.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_encoding_is_one_the_client_takes() {
    let server = TestServer::start(&[]);
    for (accepted, expected) in [
        ("gzip, deflate, br, zstd", Some("br")),
        ("gzip, br;q=0", Some("gzip")),
        ("gzip;q=0.9, br;q=0.1", Some("gzip")),
        ("deflate", None),
        ("", None),
    ] {
        let answer = get(&server, "/", &[&format!("Accept-Encoding: {accepted}")]).await;
        assert_eq!(answer.status, 200, "{accepted}");
        assert_eq!(answer.header("content-encoding"), expected, "{accepted}");
    }
    let unasked = get(&server, "/", &[]).await;
    assert_eq!(unasked.header("content-encoding"), None);
    let refused = get(&server, "/", &["Accept-Encoding: *;q=0"]).await;
    assert_eq!(refused.status, 406);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_needs_is_there_and_small() {
    let server = TestServer::start(&[]);
    let document = get(&server, "/", &[]).await;
    let links: BTreeSet<_> = links(document.text()).into_iter().collect();
    assert!(links.len() >= 3, "{links:?}");
    let mut sum = 0;
    for path in links.into_iter().chain(["/"]) {
        assert!(path.starts_with('/'), "{path} is on another server");
        let answer = get(&server, path, &["Accept-Encoding: br"]).await;
        assert_eq!(answer.status, 200, "{path}");
        sum += answer.body.len();
    }
    assert!(sum < FIRST_LOAD, "{sum} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_closed_off() {
    let server = TestServer::start(&[]);
    for (host, sources) in [
        ("localhost:8443", "'self' wss://localhost:8443"),
        ("game.example.com", "'self' wss://game.example.com"),
        ("[::1]:8443", "'self'"),
        ("a;script-src 'unsafe-inline'", "'self'"),
    ] {
        let answer = get(&server, "/", &[&format!("Host: {host}")]).await;
        let policy = answer.header("content-security-policy").unwrap();
        let mut policy: BTreeSet<_> = policy.split("; ").collect();
        assert!(policy.remove(format!("connect-src {sources}").as_str()));
        let rest = [
            "base-uri 'none'",
            "default-src 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "img-src 'self' data:",
            "manifest-src 'self'",
            "script-src 'self'",
            "style-src 'self'",
        ];
        assert!(policy.into_iter().eq(rest), "{host}");
        for (name, value) in [
            ("cross-origin-opener-policy", "same-origin"),
            (
                "permissions-policy",
                "geolocation=(self), camera=(), microphone=()",
            ),
        ] {
            assert_eq!(answer.header(name), Some(value));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_there_can_be_had_and_only_read() {
    let server = TestServer::start(&[]);
    for path in ["/", "/icon.svg", "/manifest.webmanifest"] {
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let answer = ask(&server, &format!("{method} {path}"), &[]).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), Some("GET,HEAD"));
        }
    }
    for path in [
        "/index.html",
        "/favicon.png",
        "/assets",
        "/assets/",
        "/assets/page.js",
        "/assets/../icon.svg",
        "/avatars/",
        "/avatars/..%2ficon.svg",
        "//icon.svg",
        "/icon.svg/",
        "/ICON.svg",
    ] {
        assert_eq!(get(&server, path, &[]).await.status, 404, "{path}");
    }
    assert_eq!(get(&server, "/icon.svg?v=2", &[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_finds_a_socket_that_is_elsewhere() {
    let (usual, moved) = (
        TestServer::start(&[]),
        TestServer::start(&["--base-path", "/game"]),
    );
    let accept = "Accept-Encoding: br, gzip";
    let usual = get(&usual, "/", &[]).await;
    let there = get(&moved, "/", &[accept]).await;
    let meta = |path| format!(r#"<meta name="wulin-socket" content="{path}">"#);
    assert_eq!(there.header("content-encoding"), None);
    assert!(there.text().contains(&meta("/game")));
    assert_eq!(
        there
            .text()
            .replace(&meta("/game"), &meta("/applet/websocket")),
        usual.text()
    );
    let tag = there.header("etag").unwrap();
    assert_ne!(Some(tag), usual.header("etag"));
    let condition = format!("If-None-Match: {tag}");
    assert_eq!(get(&moved, "/", &[accept, &condition]).await.status, 304);
}
