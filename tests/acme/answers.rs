//! Whatever an authority answers does no harm: it is named in the log, and the next good answer is used.

use std::fs;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::DOMAIN;
use super::support::pebble::{Habits, Stage};
use super::support::stranger::{Answer, Asked, Stranger};

type Change = Box<dyn Fn(&Asked, &mut Answer) + Send>;

/// Changes the answers to requests for this path, and for paths below it if it ends with a slash.
fn at(path: &'static str, change: impl Fn(&mut Answer) + Send + 'static) -> Change {
    Box::new(move |asked, answer| {
        if asked.path == path || (path.ends_with('/') && asked.path.starts_with(path)) {
            change(answer);
        }
    })
}

/// Puts a text in the place of an address.
fn address(path: &'static str, name: &'static str, address: &'static str) -> Change {
    at(path, move |answer| {
        answer.edit(|body| body[name] = json!(address));
    })
}

const STRANGE: &str = "does not keep to ACME";

/// Makes one change after the other, each before a new server, which must log it and then use an honest answer.
async fn logs_and_recovers(cases: Vec<(&str, Change)>) {
    let stage = Stage::set(Habits::default());
    let authority = stage.authority().await;
    let stranger = Stranger::before(&stage, |_, _| {});
    for (words, change) in cases {
        let _ = fs::remove_dir_all(stage.state());
        stranger.play(change);
        let mut server = stage.server_by(&stranger.port, &[DOMAIN], &[]);
        let said = server.hear("It is tried again in").await;
        assert!(said.contains(words), "{words:?} is not in {said}");
        assert!(said.len() < 8000, "{} letters", said.len());
        let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!said.contains(steers), "{said:?}");
        assert!(!said.contains("panicked"), "{said}");
        stranger.be_honest();
        server.signal("HUP");
        server.served(DOMAIN, &authority.root, None).await;
        assert_eq!(server.stop(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_directory_is_logged_and_a_good_one_used_next() {
    logs_and_recovers(vec![
        (
            "gives 'http://127.0.0.1/x' as newNonce",
            address("/dir", "newNonce", "http://127.0.0.1/x"),
        ),
        (
            "gives 'https://a b/' as newNonce",
            address("/dir", "newNonce", "https://a b/"),
        ),
        ("gives '' as newNonce", address("/dir", "newNonce", "")),
        (
            "gives 'file:///etc/passwd' as newOrder",
            address("/dir", "newOrder", "file:///etc/passwd"),
        ),
        (
            "gives '[2J' as newAccount",
            address("/dir", "newAccount", "\x1b[2J\u{202e}"),
        ),
        (STRANGE, at("/dir", |answer| answer.body = b"[]".to_vec())),
        (
            STRANGE,
            at("/dir", |answer| answer.body = b"<html>".to_vec()),
        ),
        (
            STRANGE,
            at("/dir", |answer| answer.body = b"\xff\xfe\0".to_vec()),
        ),
        (
            "answered with 302",
            at("/dir", |answer| {
                answer.status = 302;
                answer.set("Location", "/dir");
            }),
        ),
        (
            "cannot be read",
            at("/dir", |answer| answer.body = vec![b' '; 600_000]),
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_answer_is_logged_and_a_good_one_used_next() {
    logs_and_recovers(vec![
        (
            "gives 'http://x/' as finalize",
            address("/order-plz", "finalize", "http://x/"),
        ),
        (
            STRANGE,
            at("/order-plz", |answer| answer.body = b"{}".to_vec()),
        ),
        (
            STRANGE,
            at("/authZ/", |answer| {
                answer.edit(|body| body["challenges"] = json!(5));
            }),
        ),
        (
            STRANGE,
            at("/my-order/", |answer| {
                answer.edit(|body| body["status"] = json!("\x1b[2J"));
            }),
        ),
        (
            "no order URL found",
            at("/order-plz", |answer| answer.remove("Location")),
        ),
        (
            STRANGE,
            at("/sign-me-up", |answer| answer.remove("Location")),
        ),
        (
            "as Location",
            at("/order-plz", |answer| {
                answer.set("Location", "http://127.0.0.1/o");
            }),
        ),
        (
            "answered with 307",
            at("/order-plz", |answer| {
                answer.status = 307;
                answer.set("Location", "/order-plz");
            }),
        ),
        (
            "answered with 418",
            at("/order-plz", |answer| {
                answer.status = 418;
                answer.body = b"\x1b[2Jhello".to_vec();
            }),
        ),
        (
            "its answer cannot be read",
            at("/order-plz", |answer| answer.cut = Some(9)),
        ),
        (
            "still calls the order pending",
            at("/my-order/", |answer| {
                answer.edit(|body| body["status"] = json!("pending"));
                answer.set("Retry-After", "18446744073709551615");
            }),
        ),
        (
            "[2Jwait",
            at("/order-plz", |answer| {
                let long = "x".repeat(400_000);
                answer.refuse(
                    403,
                    "unauthorized",
                    &format!("\x1b[2Jwait\u{202e}\r\n\0{long}"),
                );
            }),
        ),
        (
            "nothing about the reason",
            at("/order-plz", |answer| {
                answer.refuse(400, "x", "");
                answer.body = br#"{"type": 5, "detail": ["x"], "status": "y"}"#.to_vec();
            }),
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_headers_are_ignored() {
    let stage = Stage::set(Habits::default());
    let authority = stage.authority().await;
    let stranger = Stranger::before(&stage, |_, _| {});
    let set = |name: &'static str, value: &'static [u8]| -> Change {
        Box::new(move |asked, answer| {
            // The answer to newNonce stays as it is, so that requests can be signed at all.
            if asked.method == "POST" {
                answer.set(name, value);
            }
        })
    };
    let changes: Vec<Change> = vec![
        set("Replay-Nonce", b"\xff\xfe\x80"),
        set("Replay-Nonce", b"not a nonce"),
        set("Retry-After", b"-5"),
        set("Retry-After", b"Sun, 06 Nov 1994 08:49:37 GMT"),
        set("Retry-After", b"\xff"),
        set("Content-Type", b"text/html"),
        // A path alone, on the host of the request.
        at("/order-plz", |answer| {
            let location = answer.header("Location").unwrap().to_vec();
            let location = String::from_utf8(location).unwrap();
            let path = location.splitn(4, '/').nth(3).unwrap();
            answer.set("Location", format!("/{path}"));
        }),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let _ = fs::remove_dir_all(stage.state());
        let orders = stranger.orders();
        stranger.play(change);
        let server = stage.server_by(&stranger.port, &[DOMAIN], &[]);
        server.served(DOMAIN, &authority.root, None).await;
        assert_eq!(stranger.orders() - orders, 1, "{number}");
        assert_eq!(server.stop(), Some(0));
    }
}

/// A proxy that connects to any target, with the requests it has had.
async fn proxy() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let heard = heard.clone();
            tokio::spawn(async move {
                let mut bytes = Vec::new();
                while !bytes.ends_with(b"\r\n\r\n") {
                    bytes.push(stream.read_u8().await.unwrap());
                }
                let request = String::from_utf8(bytes).unwrap();
                let target = request.split(' ').nth(1).unwrap().to_owned();
                let welcome = request.contains("Proxy-Authorization: Basic bWU6c2VjcmV0\r\n");
                heard.lock().unwrap().push(request);
                if !welcome {
                    let no = b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n";
                    stream.write_all(no).await.unwrap();
                    return;
                }
                let mut there = TcpStream::connect(target).await.unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut there).await;
            });
        }
    });
    (port, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn authority_is_reached_through_the_proxy_of_the_environment() {
    let stage = Stage::set(Habits::default());
    let authority = stage.authority().await;
    let (port, asked) = proxy().await;
    let start = |variables: &[(&str, String)]| {
        let _ = fs::remove_dir_all(stage.state());
        let mut command = stage.command_by(&stage.acme, &[DOMAIN], &[]);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        stage.run(&mut command)
    };
    let through = format!("http://me:secret@127.0.0.1:{port}");
    let server = start(&[("HTTPS_PROXY", through.clone())]);
    server.served(DOMAIN, &authority.root, None).await;
    let said = server.said();
    assert!(!said.contains("secret"), "{said}");
    assert_eq!(server.stop(), Some(0));
    let target = format!("CONNECT 127.0.0.1:{} HTTP/1.1\r\n", stage.acme.number);
    let count = asked.lock().unwrap().len();
    assert!(count > 5, "every request of an order");
    assert!(
        asked
            .lock()
            .unwrap()
            .iter()
            .all(|head| head.starts_with(&target))
    );

    // Excepted hosts are reached without it.
    let server = start(&[
        ("https_proxy", through),
        ("NO_PROXY", "localhost,127.0.0.0/8".to_owned()),
    ]);
    server.served(DOMAIN, &authority.root, None).await;
    assert_eq!(server.stop(), Some(0));
    assert_eq!(asked.lock().unwrap().len(), count);

    // A proxy that refuses is named, without the password.
    let mut server = start(&[(
        "ALL_PROXY",
        format!("http://me:wrong-one@127.0.0.1:{port}/"),
    )]);
    let said = server.hear("It is tried again in").await;
    for words in [
        &format!("the proxy 127.0.0.1:{port} of ALL_PROXY does not lead there"),
        "it wants a name and a password",
    ] {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
    assert!(!said.contains("wrong-one"), "{said}");
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn unsupported_proxy_is_reported_as_unused() {
    let stage = Stage::set(Habits::default());
    let mut command = stage.command_by(&stage.acme, &[DOMAIN], &[]);
    let mut server = stage.run(command.env("ALL_PROXY", "socks5://me:secret@127.0.0.1:9"));
    let said = server.hear("It is tried again in").await;
    for words in [
        "connecting failed",
        "ALL_PROXY is set, but is not used",
        "no http:// proxy",
    ] {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
    assert!(!said.contains("secret"), "{said}");
}
