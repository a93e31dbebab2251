//! New certificates while the server runs: open connections go on, and new ones get the new certificate.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Instant;

use rustls::HandshakeKind;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::support::pair::{Pair, leaf};
use crate::support::server::{TestServer, Tls, trusting};
use crate::support::websocket::Dialect;
use crate::support::{Client, PATIENCE, write_pair};

async fn connect(server: &TestServer, tls: &TlsConnector) -> Tls {
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    tls.connect(name, stream).await.unwrap()
}

/// The certificate that a client without a TLS session gets; it trusts all of `known`.
async fn shown(server: &TestServer, known: &[CertificateDer<'static>]) -> CertificateDer<'static> {
    let tls = connect(server, &trusting(known.iter().cloned(), &[])).await;
    tls.get_ref().1.peer_certificates().unwrap()[0].clone()
}

/// Waits until the server has noticed the changed files by itself.
async fn wait_for(
    server: &TestServer,
    wanted: &CertificateDer<'static>,
    known: &[CertificateDer<'static>],
) {
    let deadline = Instant::now() + PATIENCE;
    while shown(server, known).await != *wanted {
        assert!(
            Instant::now() < deadline,
            "the old certificate is still served"
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Reads a whole answer, and with it the session ticket that the server sends after the handshake.
async fn ask(mut tls: Tls) {
    tls.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    tls.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_files_are_served_without_interruption() {
    let pair = Pair::new();
    let old = pair.leaf();
    let server = TestServer::start(&[&pair.flags()[..], &["--game-time", "8s"]].concat());
    let returning = trusting([old.clone()], &["http/1.1"]);
    ask(connect(&server, &returning).await).await;
    let mut ann = Client::greet(&server, Dialect::Native, "ann").await;
    let mut ben = Client::greet(&server, Dialect::EngineIo4, "ben").await;
    ann.say("join").await;
    ben.say("join").await;
    ann.event("start").await;

    pair.renew();
    let new = pair.leaf();
    wait_for(&server, &new, &[old, new.clone()]).await;

    // The round goes on, and a client from before can resume its TLS session.
    ann.send("choice", json!({"choice": 2})).await;
    assert_eq!(ben.event("movement").await["uid"], "ann");
    let back = connect(&server, &returning).await;
    assert_eq!(
        back.get_ref().1.handshake_kind(),
        Some(HandshakeKind::Resumed)
    );
    assert_eq!(ann.event("result").await, ben.event("result").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn unusable_files_leave_the_old_certificate_in_place() {
    let pair = Pair::new();
    let (cert, key) = (&pair.certificate, &pair.key);
    let old = pair.leaf();
    let flags = [
        "--tls-dir",
        pair.folder.path().to_str().unwrap(),
        "--domain",
        "localhost",
    ];
    let server = TestServer::start(&[&flags[..], &["--http-port", "0"]].concat());

    let elsewhere = tempfile::tempdir().unwrap();
    let whole = fs::read(cert).unwrap();
    write_pair(&["localhost"], &elsewhere.path().join("cert.pem"), key);
    let still_old = async |why: &str| {
        server.reload().await;
        let shown = shown(&server, std::slice::from_ref(&old)).await;
        assert_eq!(shown, old, "{why}");
    };
    still_old("a key of another certificate").await;
    fs::write(cert, &whole[..whole.len() / 2]).unwrap();
    still_old("half a certificate").await;
    write_pair(&["elsewhere.example"], cert, key);
    still_old("another domain").await;
    fs::remove_file(cert).unwrap();
    fs::remove_file(key).unwrap();
    still_old("an empty folder").await;

    pair.renew();
    let new = pair.leaf();
    server.reload().await;
    assert_eq!(shown(&server, &[old.clone(), new.clone()]).await, new);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_symbolic_link_is_noticed() {
    // As certbot does it: live/ holds symbolic links into archive/.
    let home = tempfile::tempdir().unwrap();
    let live = home.path().join("live");
    fs::create_dir(&live).unwrap();
    let pair = |n: u8| {
        let [cert, key] =
            ["fullchain", "privkey"].map(|name| home.path().join(format!("{name}{n}.pem")));
        write_pair(&["localhost"], &cert, &key);
        (cert, key)
    };
    let link = |(cert, key): &(std::path::PathBuf, std::path::PathBuf)| {
        for (target, name) in [(cert, "fullchain.pem"), (key, "privkey.pem")] {
            let _ = fs::remove_file(live.join(name));
            symlink(target, live.join(name)).unwrap();
        }
    };
    let (first, second) = (pair(1), pair(2));
    link(&first);
    let server = TestServer::start(&["--tls-dir", live.to_str().unwrap(), "--http-port", "0"]);
    let known = [leaf(&first.0), leaf(&second.0)];
    assert_eq!(shown(&server, &known).await, known[0]);
    link(&second);
    wait_for(&server, &known[1], &known).await;
}
