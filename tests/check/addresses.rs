//! A name with several addresses: each is checked in full, and differences are named.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::scene::{BOTH, DOMAIN, Found, NAMES, Scene, TlsFront, WELCOME, free_port, run};
use crate::support::authority::ders;
use crate::support::server::TestServer;

const FIRST: &str = "127.0.0.1";
const SECOND: &str = "127.0.0.2";

/// The report on a server's address and on the same port at `SECOND`.
async fn both(scene: &Scene, server: &TestServer, more: &[&str]) -> Found {
    let first = SocketAddr::from(([127, 0, 0, 1], server.address().port()));
    let second = [&["--address", SECOND][..], more].concat();
    scene.check(first, &second).await
}

/// The neighbour of a server: the same port at the next address.
fn neighbour(server: &TestServer) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 2], server.address().port()))
}

/// Asserts that the first address passes, and that the second fails in this check with these words.
#[track_caller]
fn second_fails(found: &Found, name: &str, words: &[&str]) {
    assert_eq!(found.code, Some(1), "{:#}", found.report);
    let failed = found.at(SECOND, name);
    assert_eq!(failed["outcome"], "failed", "{failed:#}");
    for word in words {
        assert!(failed.to_string().contains(word), "{word}: {failed:#}");
    }
    for name in NAMES
        .iter()
        .filter(|name| !["name", "port", "redirect"].contains(name))
    {
        assert_eq!(
            found.at(FIRST, name)["outcome"],
            "ok",
            "{name}: {:#}",
            found.report
        );
        // Each check of the second address is in the report too, done or skipped.
        found.at(SECOND, name);
    }
    let verdict = found.report["verdict"].as_str().unwrap();
    assert!(
        verdict.starts_with("A phone that is led to 127.0.0.2 cannot play here."),
        "{verdict}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_at_two_addresses_passes() {
    let scene = Scene::new();
    let server = scene.server(&[
        "--listen",
        "0.0.0.0",
        "--game-time",
        "1s",
        "--robot-wait",
        "100ms",
    ]);
    let found = both(&scene, &server, &["--play"]).await;
    assert_eq!(found.code, Some(0), "{:#}", found.report);
    for name in NAMES
        .iter()
        .chain(&["round"])
        .filter(|name| **name != "name")
    {
        let outcome = match *name {
            "port" => "warning",
            "redirect" => "skipped",
            _ => "ok",
        };
        for address in [FIRST, SECOND] {
            assert_eq!(
                found.at(address, name)["outcome"],
                outcome,
                "{name} {address}"
            );
        }
    }
    found.is("ok", &["addresses"]);
    found.says("addresses", &["one server"]);
    // The port is not 443 at both addresses, which is one warning, not two.
    assert_eq!(
        found.report["verdict"],
        "A phone can play here, with one warning."
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_at_the_second_address_is_found() {
    let scene = Scene::new();
    let server = scene.server(&[]);
    let chain = || ders(&[&scene.issued.leaf, &scene.authority.intermediate()]);
    let address = neighbour(&server);
    let stranger = TlsFront::start_at(address, chain(), &scene.issued, BOTH, None).await;
    let found = both(&scene, &server, &[]).await;
    second_fails(&found, "status", &["Welcome to nginx"]);
    found.is("warning", &["addresses"]);
    found.says("addresses", &["127.0.0.2 is not Wulin"]);
    drop(stranger);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untrusted_certificate_at_the_second_address_is_found() {
    let scene = Scene::new();
    let server = scene.server(&[]);
    let other = crate::support::authority::Authority::named("Other");
    let strange = other.issue(&[DOMAIN]);
    let chain = ders(&[&strange.leaf, &other.intermediate()]);
    let behind = Some(server.address());
    let _front = TlsFront::start_at(neighbour(&server), chain, &strange, BOTH, behind).await;
    let found = both(&scene, &server, &[]).await;
    second_fails(&found, "trust", &["phones do not know"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_port_at_the_second_address_is_found() {
    let scene = Scene::new();
    let server = scene.server(&[]);
    let found = both(&scene, &server, &[]).await;
    second_fails(&found, "port", &["refused"]);
    assert_eq!(found.at(SECOND, "hello")["outcome"], "skipped");
}

/// Accepts TCP connections and sends `answer` to each after its first bytes. With an empty answer it stays silent.
async fn speaks(address: SocketAddr, answer: &'static [u8]) -> JoinHandle<()> {
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            if answer.is_empty() {
                kept.push(stream);
                continue;
            }
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(answer).await;
            });
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_address_without_tls_is_found() {
    let scene = Scene::new();
    for (answer, words) in [
        (&b""[..], &["no answer to the handshake"][..]),
        (b"SSH-2.0-OpenSSH\r\n", &["no TLS"]),
        (WELCOME, &["plain HTTP"]),
    ] {
        let server = scene.server(&[]);
        let task = speaks(neighbour(&server), answer).await;
        let found = both(&scene, &server, &["--timeout", "2s"]).await;
        second_fails(&found, "tls_1_3", words);
        task.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn differing_certificates_and_servers_are_named() {
    let scene = Scene::new();
    let server = scene.server(&[]);
    let other = scene.authority.issue(&[DOMAIN]);
    let chain = ders(&[&other.leaf, &scene.authority.intermediate()]);
    let behind = Some(server.address());
    let front = TlsFront::start_at(neighbour(&server), chain, &other, BOTH, behind).await;
    let found = both(&scene, &server, &[]).await;
    assert_eq!(found.code, Some(0), "{:#}", found.report);
    found.is("warning", &["addresses"]);
    found.says(
        "addresses",
        &["127.0.0.2 shows another certificate than 127.0.0.1"],
    );
    drop(front);
    assert_eq!(both(&scene, &server, &["--strict"]).await.code, Some(1));

    // The same certificate on a second server.
    let port = server.address().port().to_string();
    let twin = scene.server(&["--listen", SECOND, "--port", &port]);
    let found = both(&scene, &server, &[]).await;
    assert_eq!(found.code, Some(0), "{:#}", found.report);
    found.says("addresses", &["on 2 servers"]);
    drop(twin);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_redirect_names_its_address() {
    let scene = Scene::new();
    let server = scene.server(&["--listen", "0.0.0.0", "--http-port", "0"]);
    let elsewhere =
        b"HTTP/1.1 301 Moved\r\nLocation: https://other.example/\r\nContent-Length: 0\r\n\r\n";
    let port = free_port();
    let task = speaks(SocketAddr::from(([127, 0, 0, 2], port)), elsewhere).await;
    let found = both(&scene, &server, &["--http-port", &port.to_string()]).await;
    assert!(found.at(FIRST, "redirect").to_string().contains("refused"));
    assert!(
        found
            .at(SECOND, "redirect")
            .to_string()
            .contains("other.example")
    );
    task.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_report_names_the_addresses() {
    let scene = Scene::new();
    let server = scene.server(&[]);
    let arguments = [
        &format!("{DOMAIN}:{}", server.address().port()),
        "--address=127.0.0.1,127.0.0.2",
        "--http-port=0",
        "--ca-file=root.pem",
    ];
    let arguments = arguments.map(str::to_owned);
    let home = scene.home.path().to_owned();
    let output = spawn_blocking(move || run(&home, &arguments))
        .await
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for line in [
        "warning  Port          127.0.0.1 answers at",
        "FAILED   Port          127.0.0.2: nothing listens",
        "ok       Hello         127.0.0.1: answered in",
        "skipped  13 others     127.0.0.2: the port cannot be reached",
        "A phone that is led to 127.0.0.2 cannot play here.",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
}

/// A machine without a route to an address family cannot tell anything about a server there.
#[tokio::test(flavor = "multi_thread")]
async fn addresses_without_a_route_are_skipped() {
    const DOCUMENTATION: &str = "2001:db8::1";
    let ip: IpAddr = DOCUMENTATION.parse().unwrap();
    let routed = UdpSocket::bind("[::]:0").and_then(|socket| socket.connect((ip, 9)));
    if routed.is_ok() {
        println!("SKIPPED: this machine has a way to IPv6 addresses");
        return;
    }
    let scene = Scene::new();
    let server = scene.server(&[]);
    let found = scene
        .check(server.address(), &["--address", DOCUMENTATION])
        .await;
    assert_eq!(found.code, Some(0), "{:#}", found.report);
    for name in NAMES.iter().filter(|name| **name != "name") {
        let check = found.at(DOCUMENTATION, name);
        assert_eq!(check["outcome"], "skipped");
        assert!(
            check["detail"].to_string().contains("not asked"),
            "{check:#}"
        );
    }
    let verdict = found.report["verdict"].as_str().unwrap();
    assert!(verdict.ends_with("2001:db8::1 was not asked."), "{verdict}");
}
