//! `wulin check` as a process, against a real server and against servers with one fault each.

mod addresses;
mod chains;
mod files;
mod scene;
#[path = "../support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use rustls::pki_types::CertificateDer;
use rustls::version;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use crate::scene::{BOTH, DOMAIN, Found, NAMES, Scene, TlsFront, WELCOME, free_port, run};
use crate::support::authority::{Authority, Issued, days, ders};

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_server_passes_and_a_round_is_played() {
    let scene = Scene::new();
    let http = free_port().to_string();
    let server = scene.server(&[
        "--http-port",
        &http,
        "--robot-wait",
        "100ms",
        "--game-time",
        "1s",
    ]);
    let found = scene
        .check(server.address(), &["--http-port", &http, "--play"])
        .await;
    assert_eq!(found.code, Some(0), "{:#}", found.report);
    // The only warning is the port, since WeChat requires 443.
    found.is("warning", &["port"]);
    found.is(
        "ok",
        &NAMES
            .into_iter()
            .filter(|name| *name != "port")
            .collect::<Vec<_>>(),
    );
    found.is("ok", &["round"]);
    found.says("round", &["rock", "robot"]);
    found.says("chain", &["2 certificates"]);
    found.says("expiry", &["88 days left"]);
    found.says("hello", &["ms"]);
    assert_eq!(found.report["outcome"], "warning");
    assert_eq!(
        found.report["verdict"],
        "A phone can play here, with one warning."
    );
    // The checks leave nothing behind on the server.
    server.wait_until_empty().await;

    let strict = scene.check(server.address(), &["--strict"]).await;
    assert_eq!(strict.code, Some(1), "a warning counts with --strict");
    let names: Vec<_> = strict.report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| check["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, NAMES);
}

/// Puts this chain in front of a real server, and asserts that the one check has this outcome and all others pass.
async fn fault(
    scene: &Scene,
    (chain, issued): (Vec<CertificateDer<'static>>, &Issued),
    (name, outcome): (&str, &str),
    words: &[&str],
) {
    let server = scene.server(&[]);
    let front = TlsFront::start(chain, issued, BOTH, Some(server.address())).await;
    let found = scene.check(front.address, &[]).await;
    found.is(outcome, &[name]);
    found.says(name, words);
    let code = i32::from(outcome == "failed");
    assert_eq!(found.code, Some(code), "{words:?}: {:#}", found.report);
    // For an incomplete chain, trust cannot be checked.
    let open = words.contains(&"fullchain").then_some("trust");
    // The game behind it is checked nevertheless.
    for other in NAMES[6..].iter().filter(|other| **other != name) {
        let expected = if Some(*other) == open {
            "skipped"
        } else {
            "ok"
        };
        found.is(expected, &[other]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_early_and_foreign_certificates_are_found() {
    let scene = Scene::new();
    let Scene { authority, .. } = &scene;
    let intermediate = authority.intermediate();
    let now = SystemTime::now();
    let between = |from, to| authority.issue_between(&[DOMAIN], from, to);
    let show = async |issued: &Issued, end: (&str, &str), words: &[&str]| {
        let chain = ders(&[&issued.leaf, &intermediate]);
        fault(&scene, (chain, issued), end, words).await;
    };
    let expired = between(now - days(90), now - days(3));
    show(&expired, ("expiry", "failed"), &["3 days ago", "Renew"]).await;
    let early = between(now + days(2), now + days(90));
    show(&early, ("expiry", "failed"), &["not valid before"]).await;
    let ending = between(now - days(80), now + days(5));
    show(&ending, ("expiry", "warning"), &["4 days left"]).await;
    let elsewhere = authority.issue(&["*.example.org"]);
    show(&elsewhere, ("domain", "failed"), &["*.example.org", DOMAIN]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn incomplete_unordered_and_untrusted_chains_are_found() {
    let scene = Scene::new();
    let Scene {
        authority, issued, ..
    } = &scene;
    let (leaf, root) = (&*issued.leaf, &*authority.root());
    let intermediate = &*authority.intermediate();
    let other = Authority::named("Other");
    let stranger = &*other.intermediate();
    let show = async |chain: &[&str], end: (&str, &str), words: &[&str]| {
        fault(&scene, (ders(chain), issued), end, words).await;
    };
    show(
        &[leaf],
        ("chain", "failed"),
        &["Test Intermediate", "fullchain"],
    )
    .await;
    show(
        &[intermediate, leaf],
        ("chain", "failed"),
        &["wrong order", "number 2 of 2"],
    )
    .await;
    show(
        &[leaf, root, intermediate],
        ("chain", "warning"),
        &["wrong order"],
    )
    .await;
    show(
        &[leaf, intermediate, stranger],
        ("chain", "warning"),
        &["1 of 3"],
    )
    .await;
    let strange = other.issue(&[DOMAIN]);
    let chain = ders(&[&strange.leaf, stranger]);
    fault(
        &scene,
        (chain, &strange),
        ("trust", "failed"),
        &["phones do not know"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_issued_by_the_root_needs_no_intermediate() {
    let scene = Scene::new();
    let issued = scene.authority.issue_by_root(&[DOMAIN]);
    let server = scene.server(&[]);
    let chain = ders(&[&issued.leaf]);
    let front = TlsFront::start(chain, &issued, BOTH, Some(server.address())).await;
    let found = scene.check(front.address, &[]).await;
    found.is("ok", &["chain", "trust", "domain", "expiry"]);
    found.says("chain", &["one certificate"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_certificate_is_found() {
    let scene = Scene::new();
    let other = scene.authority.issue(&[DOMAIN]);
    let chain = ders(&[&scene.issued.leaf, &scene.authority.intermediate()]);
    fault(
        &scene,
        (chain, &other),
        ("chain", "failed"),
        &["does not have the key"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_root_is_trusted_only_with_ca_file() {
    let scene = Scene::new();
    let server = scene.server(&[]);
    let arguments = [
        format!("https://{DOMAIN}:{}/", server.address().port()),
        "--address".into(),
        "127.0.0.1".into(),
        "--json".into(),
        "--http-port".into(),
        "0".into(),
    ];
    let home = scene.home.path().to_owned();
    let output = spawn_blocking(move || run(&home, &arguments))
        .await
        .unwrap();
    let found = Found::read(&output);
    assert_eq!(found.code, Some(1));
    found.is("failed", &["trust"]);
    found.is("ok", &["chain", "domain", "hello"]);
    found.is("skipped", &["redirect"]);
    let verdict = found.report["verdict"].as_str().unwrap();
    assert!(
        verdict.starts_with("A phone cannot play here."),
        "{verdict}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_tls_version_is_found() {
    let scene = Scene::new();
    let server = scene.server(&[]);
    let chain = || ders(&[&scene.issued.leaf, &scene.authority.intermediate()]);
    let behind = Some(server.address());
    let newer = TlsFront::start(chain(), &scene.issued, &[&version::TLS13], behind).await;
    let found = scene.check(newer.address, &[]).await;
    found.is("failed", &["tls_1_2"]);
    found.is("skipped", &["cipher_suite"]);
    found.is("ok", &["tls_1_3", "chain", "trust", "hello"]);
    assert_eq!(found.code, Some(1));

    let older = TlsFront::start(chain(), &scene.issued, &[&version::TLS12], behind).await;
    let found = scene.check(older.address, &[]).await;
    found.is("warning", &["tls_1_3"]);
    found.is(
        "ok",
        &["tls_1_2", "cipher_suite", "chain", "trust", "hello"],
    );
    assert_eq!(found.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_and_a_closed_port_are_told_apart() {
    let scene = Scene::new();
    let chain = ders(&[&scene.issued.leaf, &scene.authority.intermediate()]);
    let nginx = TlsFront::start(chain, &scene.issued, BOTH, None).await;
    let found = scene.check(nginx.address, &["--play"]).await;
    found.is(
        "ok",
        &["tls_1_3", "tls_1_2", "chain", "trust", "domain", "expiry"],
    );
    found.is(
        "failed",
        &["status", "websocket", "socketio_4", "socketio_3"],
    );
    found.is("warning", &["polling"]);
    found.is("skipped", &["hello", "round"]);
    found.says("status", &["Welcome to nginx"]);
    assert_eq!(found.code, Some(1));

    // Nothing listens: all later checks are skipped and say why.
    let nobody = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let found = scene.check(nobody, &["--play"]).await;
    found.is("failed", &["port"]);
    found.says("port", &["refused", "systemctl status wulin"]);
    found.is("skipped", &NAMES[3..]);
    found.says("hello", &["the port cannot be reached"]);
    assert_eq!(found.code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_server_times_out() {
    let scene = Scene::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let started = Instant::now();
    let address = listener.local_addr().unwrap();
    // The kernel accepts connections, and nothing ever reads them.
    let found = scene.check(address, &["--timeout", "500ms"]).await;
    assert!(started.elapsed() < Duration::from_secs(20));
    found.is("failed", &["tls_1_3"]);
    found.says("tls_1_3", &["no answer to the handshake"]);
    found.is("skipped", &["tls_1_2", "chain", "hello"]);
    assert_eq!(found.code, Some(1));
    drop(listener);
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_and_a_missing_redirect_are_found() {
    let scene = Scene::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(WELCOME).await;
            });
        }
    });
    let found = scene.check(plain, &[]).await;
    found.is("failed", &["tls_1_3"]);
    found.says("tls_1_3", &["plain HTTP"]);

    let server = scene.server(&[]);
    let port = plain.port().to_string();
    let found = scene.check(server.address(), &["--http-port", &port]).await;
    found.is("warning", &["redirect"]);
    found.says("redirect", &["200"]);
    assert_eq!(found.code, Some(0));
    task.abort();
    let _ = task.await;
    let found = scene.check(server.address(), &["--http-port", &port]).await;
    found.is("warning", &["redirect"]);
    found.says("redirect", &["refused"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_server_is_found_with_base_path() {
    let scene = Scene::new();
    let server = scene.server(&["--base-path", "/ws"]);
    let found = scene.check(server.address(), &[]).await;
    found.is("failed", &["status", "websocket"]);
    found.says("status", &["404", "--base-path"]);
    let found = scene.check(server.address(), &["--base-path", "/ws"]).await;
    assert_eq!(found.code, Some(0), "{:#}", found.report);
}
