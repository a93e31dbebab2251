//! Requests in unusual but harmless forms are answered: those of health checks, load balancers and monitors, and paths
//! with extra slashes. No request can write control characters into the log.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::support::handed::secure;
use crate::support::http1::exchange;
use crate::support::port::Port;
use crate::support::program::Running;
use crate::support::server::{TestServer, Tls};
use crate::support::websocket::Dialect;
use crate::support::{Client, PATIENCE, handed, hello};

/// The answer to these bytes: its head in lower case, and its body.
async fn ask(stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> (String, String) {
    let (head, body) = exchange(stream, request.as_bytes()).await;
    (head.to_lowercase(), body)
}

/// A server that also listens at a plain HTTP port, and that port, which must be kept until the end of the test.
fn with_redirect(flags: &[&str]) -> (TestServer, Port) {
    let port = Port::free();
    let number = port.number.to_string();
    let server = TestServer::start(&[flags, &["--http-port", &number]].concat());
    (server, port)
}

async fn plain(server: &TestServer) -> TcpStream {
    TcpStream::connect(server.http_address().unwrap())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn health_checks_are_answered_in_any_spelling() {
    let (server, _port) = with_redirect(&["--domain", "game.example.com"]);
    for path in [
        "/healthz",
        "/readyz",
        "/healthz/",
        "//readyz",
        "//healthz//?a=1",
    ] {
        for end in [
            " HTTP/1.0\r\n\r\n",
            " HTTP/1.0\r\nHost: 10.0.0.9:80\r\n\r\n",
            " HTTP/1.1\r\nHost: my_host:\r\nConnection: close\r\n\r\n",
            " HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n",
        ] {
            for method in ["GET", "HEAD"] {
                let request = format!("{method} {path}{end}");
                let answers = [
                    ask(server.connect().await, &request).await,
                    ask(plain(&server).await, &request).await,
                ];
                for (head, body) in answers {
                    assert_eq!(head.split(' ').nth(1), Some("200"), "{request:?}: {head}");
                    assert_eq!(
                        body.contains(r#""status":"ok""#),
                        method == "GET",
                        "{request:?}: {body}"
                    );
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_redirect_leads_to_a_configured_domain() {
    let flags = [
        "--domain",
        "Game.example.com",
        "--domain",
        "www.example.com",
    ];
    let (server, _port) = with_redirect(&flags);
    let https = server.address().port();
    for (request, host) in [
        ("GET /x HTTP/1.0\r\n\r\n", "game.example.com"),
        (
            "GET /x HTTP/1.1\r\nHost: www.example.com\r\n",
            "www.example.com",
        ),
        (
            "GET /x HTTP/1.1\r\nHost: WWW.example.com.:80\r\n",
            "www.example.com",
        ),
        (
            "GET /x HTTP/1.1\r\nHost: www.example.com:\r\n",
            "www.example.com",
        ),
        (
            "GET /x HTTP/1.1\r\nHost: evil.example\r\n",
            "game.example.com",
        ),
        ("GET /x HTTP/1.1\r\nHost: \r\n", "game.example.com"),
        (
            "GET http://www.example.com/x HTTP/1.1\r\nHost: evil.example\r\n",
            "www.example.com",
        ),
        (
            "GET http://evil.example/x HTTP/1.1\r\nHost: www.example.com\r\n",
            "game.example.com",
        ),
    ] {
        let request = if request.ends_with("\r\n\r\n") {
            request.to_owned()
        } else {
            format!("{request}Connection: close\r\n\r\n")
        };
        let (head, _) = ask(plain(&server).await, &request).await;
        let location = format!("\r\nlocation: https://{host}:{https}/x");
        assert!(
            head.contains(" 301 ") && head.contains(&location),
            "{request:?}: {head}"
        );
    }
    let post =
        "POST /x HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert!(ask(plain(&server).await, post).await.0.contains(" 308 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_domain_the_redirect_uses_the_host_header() {
    let (server, _port) = with_redirect(&[]);
    let https = server.address().port();
    let (head, body) = ask(plain(&server).await, "GET /x HTTP/1.0\r\n\r\n").await;
    assert!(
        head.contains(" 400 ") && body.contains("Host"),
        "{head} {body}"
    );
    for host in ["LocalHost:80", "localhost.", "localhost:"] {
        let request = format!("GET /\u{6b66} HTTP/1.0\r\nHost: {host}\r\n\r\n");
        let (head, _) = ask(plain(&server).await, &request).await;
        let location = format!("\r\nlocation: https://localhost:{https}/%e6%ad%a6");
        assert!(head.contains(&location), "{head}");
    }
}

/// Opens a WebSocket at exactly this path.
async fn open(server: &TestServer, path: &str, dialect: Dialect) -> Client {
    let stream: Tls = server.connect().await;
    // The path is set afterwards, since the client's own parser would correct some of these.
    let mut request = "wss://localhost/".into_client_request().unwrap();
    *request.uri_mut() = format!("wss://localhost{path}").parse().unwrap();
    let (socket, _) = tokio_tungstenite::client_async(request, stream)
        .await
        .unwrap();
    Client { dialect, socket }
}

#[tokio::test(flavor = "multi_thread")]
async fn extra_slashes_lead_to_the_same_route() {
    let server = TestServer::start(&[]);
    for (number, path) in [
        "/applet/websocket/",
        "//applet/websocket",
        "//applet//websocket//",
    ]
    .into_iter()
    .enumerate()
    {
        let mut client = open(&server, path, Dialect::Native).await;
        client.send("hello", hello(&format!("n{number}"))).await;
        client.event("hi").await;
    }
    for (number, path) in [
        "//applet/websocket/socket.io/?EIO=3&transport=websocket",
        "/applet/websocket//socket.io/?EIO=3&transport=websocket",
        "//applet/ws/socket.io//?EIO=3&transport=websocket",
    ]
    .into_iter()
    .enumerate()
    {
        let mut client = open(&server, path, Dialect::EngineIo3).await;
        client.send("hello", hello(&format!("s{number}"))).await;
        client.event("hi").await;
    }
    let end = "HTTP/1.1\r\nHost: my_host:\r\nConnection: close\r\n\r\n";
    for (path, status) in [
        ("/applet/websocket/", "200"),
        ("//applet/websocket", "200"),
        ("//", "200"),
        ("///?a=b", "200"),
        // These are other paths.
        ("/icon.svg/", "404"),
        ("/applet/websocket/x/", "404"),
        ("/applet", "404"),
    ] {
        let (head, _) = ask(server.connect().await, &format!("GET {path} {end}")).await;
        assert_eq!(head.split(' ').nth(1), Some(status), "{path}: {head}");
    }
    // The page's policy names the host without the empty port.
    let (head, _) = ask(server.connect().await, &format!("GET / {end}")).await;
    assert!(
        head.contains("connect-src 'self' wss://my_host\r\n"),
        "{head}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_come_in_the_requested_format() {
    let server = TestServer::start(&["--admin", "127.0.0.1:0"]);
    let admin = server.admin_address().unwrap();
    let metrics = async |head: &str| {
        let stream = TcpStream::connect(admin).await.unwrap();
        ask(stream, &format!("GET /metrics{head}\r\n\r\n")).await
    };
    let prometheus =
        "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    for accept in [
        "text/plain",
        "*/*",
        "text/html",
        "application/openmetrics-text;q=0",
    ] {
        let (head, body) = metrics(&format!("/ HTTP/1.0\r\nAccept: {accept}")).await;
        assert!(
            head.contains("content-type: text/plain; version=0.0.4"),
            "{accept}: {head}"
        );
        assert!(
            body.contains("\n# TYPE wulin_rounds_total counter\nwulin_rounds_total 0"),
            "{body}"
        );
        assert!(body.contains("# HELP wulin_rounds_total "), "{body}");
        assert!(
            !body.contains("# EOF") && !body.contains("# UNIT"),
            "{body}"
        );
        is_classic(&body);
    }
    let (head, body) = metrics(&format!(" HTTP/1.0\r\nAccept: {prometheus}")).await;
    assert!(
        head.contains("content-type: application/openmetrics-text; version=1.0.0"),
        "{head}"
    );
    assert!(
        body.contains("\n# TYPE wulin_rounds counter\n") && body.ends_with("# EOF\n"),
        "{body}"
    );
    // A request without a Host header cannot come from a browser.
    for host in [
        "",
        "\r\nHost: LOCALHOST.",
        "\r\nHost: [::1]",
        "\r\nHost: 127.0.0.1:",
    ] {
        let (head, _) = metrics(&format!(" HTTP/1.0{host}")).await;
        assert!(head.contains(" 200 "), "{host}: {head}");
    }
    let (head, _) = metrics(" HTTP/1.0\r\nHost: localhost\r\nHost: evil.example").await;
    assert!(head.contains(" 403 "), "{head}");
}

/// Asserts the older text format (0.0.4): each sample belongs to the metric of the last TYPE line, and has the name of
/// that metric.
fn is_classic(body: &str) {
    let mut announced = ("", "");
    for line in body.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            announced = kind.split_once(' ').unwrap();
            assert!(
                ["counter", "gauge", "histogram"].contains(&announced.1),
                "{line}"
            );
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let name = name.split('{').next().unwrap();
            let of = name
                .strip_prefix(announced.0)
                .unwrap_or_else(|| panic!("{line} behind {announced:?}"));
            let endings: &[&str] = if announced.1 == "histogram" {
                &["_bucket", "_sum", "_count"]
            } else {
                &[""]
            };
            assert!(endings.contains(&of), "{line} behind {announced:?}");
            value.parse::<f64>().unwrap_or_else(|_| panic!("{line}"));
        }
    }
}

/// A PROXY header of version 2.
fn version2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [
        b"\r\n\r\n\0\r\nQUIT\n",
        &[0x20 | command, family][..],
        &length,
        rest,
    ]
    .concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_valid_proxy_header_is_accepted() {
    let flags = [
        "--trusted-proxies",
        "::ffff:127.0.0.0/104",
        "--proxy-protocol",
    ];
    let (server, _port) = with_redirect(&flags);
    let load_balancer = [&b"\x03\0\x04\xbc\xe5\x95\x1f\x04\0\x4a"[..], &[0; 74]].concat();
    for header in [
        version2(0, 0x11, b""),
        version2(0, 0x50, b""),
        version2(0, 0x11, &load_balancer),
        version2(0, 0xff, &vec![7; 65_535]),
        version2(1, 0x00, &load_balancer),
        version2(1, 0x31, &[0; 216]),
        b"PROXY UNKNOWN ffff::1 whatever 0 65536 \xff\r\n".to_vec(),
    ] {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(&header).await.unwrap();
        let (head, _) = ask(server.secure(stream).await, "GET /healthz HTTP/1.0\r\n\r\n").await;
        assert!(head.contains(" 200 "), "{header:?}: {head}");
        let mut stream = plain(&server).await;
        stream.write_all(&header).await.unwrap();
        let (head, _) = ask(stream, "GET /healthz HTTP/1.0\r\n\r\n").await;
        assert!(head.contains(" 200 "), "{header:?}: {head}");
    }
}

/// An IPv4 address counts as the same address when it is written as a mapped IPv6 address.
#[tokio::test(flavor = "multi_thread")]
async fn mapped_ipv4_addresses_count_as_ipv4() {
    let flags = [
        "--trusted-proxies",
        "127.0.0.1,10.0.0.0/8",
        "--proxy-protocol",
        "--max-connections-per-ip",
        "1",
    ];
    let server = TestServer::start(&flags);
    let mapped = [
        &b"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x07"[..],
        b"\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x01\x12\x67\x01\xbb",
    ]
    .concat();
    let mut first = TcpStream::connect(server.address()).await.unwrap();
    first.write_all(&version2(1, 0x21, &mapped)).await.unwrap();
    let _first = server.secure(first).await;
    for header in [
        version2(1, 0x21, &mapped),
        b"PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\n".to_vec(),
        b"PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n".to_vec(),
    ] {
        let mut again = TcpStream::connect(server.address()).await.unwrap();
        again.write_all(&header).await.unwrap();
        let read = time::timeout(PATIENCE, again.read(&mut [0]))
            .await
            .expect("it is let in");
        assert!(matches!(read, Ok(0) | Err(_)), "{header:?}");
    }
    // Another address, and the address of a trusted proxy, which is not limited.
    for header in [
        "PROXY TCP4 192.0.2.8 10.0.0.1 1 2\r\n",
        "PROXY TCP6 ::ffff:10.0.0.1 ::1 1 2\r\n",
    ] {
        let mut other = TcpStream::connect(server.address()).await.unwrap();
        other.write_all(header.as_bytes()).await.unwrap();
        server.secure(other).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_access_log_holds_no_control_characters() {
    use std::io::Read;

    for format in ["json", "human", "journald"] {
        let home = tempfile::tempdir().unwrap();
        let mut command = handed::wulin(home.path());
        command
            .args([
                "--listen",
                "127.0.0.1",
                "--port",
                "0",
                "--http-port",
                "0",
                "--admin",
                "off",
            ])
            .args(["--log-format", format, "--access-log", "--log-addresses"])
            .args(["--trusted-proxies", "127.0.0.1"])
            .stderr(Stdio::piped());
        let mut running = Running::start(command);
        let stream = TcpStream::connect(("127.0.0.1", running.port)).await;
        let stream = secure(home.path(), stream.unwrap()).await.unwrap();
        let request = "GET /before\u{9b}2J\u{202e}after HTTP/1.0\r\nHost: a\u{9b}\r\nUser-Agent: \u{202e}\r\n\
                       X-Forwarded-For: \u{9b}, ::ffff:192.0.2.7\r\n\r\n";
        ask(stream, request).await;
        running.signal("TERM");
        let mut log = String::new();
        running
            .child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        assert_eq!(running.exit_code(), Some(0));
        let line = log
            .lines()
            .find(|line| line.contains("/before"))
            .expect(&log);
        assert!(line.contains("/before2Jafter"), "{format}: {line:?}");
        assert!(
            line.contains("192.0.2.7") && !line.contains("ffff"),
            "{format}: {line:?}"
        );
        let steering = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!log.contains(steering), "{format}: {log:?}");
        if format == "json" {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["path"], "/before2Jafter");
        }
    }
}
