//! Certificates by ACME, fetched by the real program from a real authority (pebble).

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod chains;
mod orders;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use support::front::{Conduct, Front};
use support::pebble::{Habits, Stage, ends};
use support::server::trusting;
use support::websocket::Dialect;
use support::{Client, hello, write_pair};
use tokio::net::{TcpListener, TcpStream};
use x509_parser::extensions::ParsedExtension;

const DOMAIN: &str = "game.example";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn first_certificate_comes_by_tls_alpn_01_and_is_private() {
    let stage = Stage::set(Habits::default());
    let authority = stage.authority().await;
    let mut server = stage.server(&[DOMAIN], &[]);
    // The client trusts the root alone, so the chain must be complete.
    let shown = server.served(DOMAIN, &authority.root, None).await;
    let said = server.hear("a new certificate is served").await;
    assert!(said.contains("tls-alpn-01"), "{said}");
    assert!(said.contains("https://game.example:"), "{said}");

    let (account, pair) = (
        stage.store().join("account.json"),
        stage.store().join("game.example.pem"),
    );
    assert_eq!(CertificateDer::from_pem_file(&pair).unwrap(), shown);
    let acme = stage.state().join("acme");
    let modes = [&stage.state(), &acme, &stage.store(), &account, &pair].map(|path| mode(path));
    assert_eq!(modes, [0o700, 0o700, 0o700, 0o600, 0o600]);
    let kept = fs::read_dir(stage.store()).unwrap().count();
    assert_eq!(kept, 2, "nothing unfinished is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn acme_tls_protocol_is_refused_without_a_challenge() {
    let stage = Stage::set(Habits::default());
    let authority = stage.authority().await;
    let server = stage.server(&[DOMAIN], &[]);
    server.served(DOMAIN, &authority.root, None).await;
    let shake = async |protocols: &[&str]| {
        let stream = TcpStream::connect(("127.0.0.1", server.port))
            .await
            .unwrap();
        let name = ServerName::try_from(DOMAIN).unwrap();
        let tls = trusting([authority.root.clone()], protocols)
            .connect(name, stream)
            .await;
        tls.map(|tls| tls.get_ref().1.alpn_protocol().map(<[u8]>::to_vec))
    };
    let both = shake(&["acme-tls/1", "http/1.1"]).await.unwrap();
    assert_eq!(both.as_deref(), Some(&b"http/1.1"[..]));
    assert!(
        shake(&["acme-tls/1"]).await.is_err(),
        "there is no challenge"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn http_01_is_used_if_https_is_unreachable() {
    let stage = Stage::set(Habits {
        misses_https: true,
        ..Habits::default()
    });
    let authority = stage.authority().await;
    let mut server = stage.server(&[DOMAIN, "www.game.example"], &[]);
    server.served(DOMAIN, &authority.root, None).await;
    server
        .served("www.game.example", &authority.root, None)
        .await;
    let said = server.hear("domain=\"www.game.example\"").await;
    for words in [
        "port 443 of game.example must lead here",
        "Now it is tried by http-01.",
        "by=\"http-01\"",
    ] {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
    // The method that worked is tried first for the second domain.
    assert_eq!(said.matches("Now it is tried by").count(), 1, "{said}");
    assert_eq!(authority.orders(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_nonces_are_retried() {
    let stage = Stage::set(Habits {
        nonces_refused: 20,
        ..Habits::default()
    });
    let authority = stage.authority().await;
    let server = stage.server(&[DOMAIN, "www.game.example"], &[]);
    for domain in [DOMAIN, "www.game.example"] {
        server.served(domain, &authority.root, None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn renewal_does_not_disturb_open_connections() {
    let stage = Stage::set(Habits {
        validity: Duration::from_secs(18),
        ..Habits::default()
    });
    let authority = stage.authority().await;
    let server = stage.server(&[DOMAIN], &["--game-time", "1h"]);
    let old = server.served(DOMAIN, &authority.root, None).await;
    let tls = server.connect(DOMAIN, &authority.root).await.unwrap();
    let mut player = Client::over(tls, Dialect::Native).await;
    player.send("hello", hello("player")).await;
    player.event("hi").await;
    player.join().await;

    let new = server.served(DOMAIN, &authority.root, Some(&old)).await;
    assert!(ends(&new) > ends(&old));
    assert!(
        SystemTime::now() < ends(&old),
        "the old one has ended before"
    );
    player.send("hello", hello("player")).await;
    player.event("hi").await;
    assert_eq!(authority.accounts(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_certificate_stays_and_its_expiry_is_an_error() {
    let stage = Stage::set(Habits {
        validity: Duration::from_secs(12),
        ..Habits::default()
    });
    let authority = stage.authority().await;
    let mut server = stage.server(&[DOMAIN], &[]);
    let old = server.served(DOMAIN, &authority.root, None).await;
    let root = authority.root.clone();
    drop(authority);
    let said = server.hear("It is tried again in").await;
    assert!(
        said.contains("The old one is served and good until"),
        "{said}"
    );
    if SystemTime::now() < ends(&old) {
        assert_eq!(server.served(DOMAIN, &root, None).await, old);
    }
    let said = server.hear("The old one ended at").await;
    assert!(said.contains("ERROR No new certificate for"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_serves_the_stored_certificate_without_an_order() {
    let stage = Stage::set(Habits::default());
    let authority = stage.authority().await;
    let server = stage.server(&[DOMAIN], &[]);
    let first = server.served(DOMAIN, &authority.root, None).await;
    assert_eq!(server.stop(), Some(0));

    // The e-mail address is new, and the authority is told.
    let flags = [
        "--log",
        "info,wulin=debug",
        "--acme-email",
        "a@game.example",
    ];
    let mut server = stage.server(&[DOMAIN], &flags);
    server.hear("listening").await;
    let tls = server.connect(DOMAIN, &authority.root).await.unwrap();
    let shown = tls.get_ref().1.peer_certificates().unwrap()[0].clone();
    assert_eq!(shown, first, "at once");
    let answer = server.get(DOMAIN, &authority.root, "/healthz").await;
    assert!(answer.contains("strict-transport-security"), "{answer}");
    let said = server.hear("renewal planned").await;
    assert!(!said.contains("no certificate for"), "{said}");
    assert_eq!((authority.orders(), authority.accounts()), (1, 1));
    let account = fs::read_to_string(stage.store().join("account.json")).unwrap();
    assert!(account.contains("a@game.example"), "{account}\n{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn server_starts_without_the_authority_and_orders_later() {
    let stage = Stage::set(Habits::default());
    let mut server = stage.server(&[DOMAIN], &[]);
    let said = server.hear("It is tried again in").await;
    assert!(said.contains("cannot be reached"), "{said}");
    let own = stage.state().join("self-signed.pem");
    let own = CertificateDer::from_pem_file(own).unwrap();
    let answer = server.get(DOMAIN, &own, "/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(!answer.contains("strict-transport-security"), "{answer}");

    let authority = stage.authority().await;
    server.served(DOMAIN, &authority.root, None).await;
    let answer = server.get(DOMAIN, &authority.root, "/healthz").await;
    assert!(answer.contains("strict-transport-security"), "{answer}");
    // For a name without another certificate, the self-signed one is still served.
    assert!(server.connect("localhost", &own).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn external_account_is_bound_with_the_right_key() {
    const KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    let stage = Stage::set(Habits {
        accounts: vec![("kid-1", KEY)],
        ..Habits::default()
    });
    let authority = stage.authority().await;
    let mut server = stage.server(&[DOMAIN], &[]);
    server.hear("give --acme-eab-kid and --acme-eab-key").await;
    assert_eq!(server.stop(), Some(0));
    let wrong = ["--acme-eab-kid", "kid-1", "--acme-eab-key", "AAAA"];
    let mut server = stage.server(&[DOMAIN], &wrong);
    let said = server.hear("It is tried again in").await;
    assert!(said.contains("--acme-eab-key"), "{said}");
    assert_eq!(server.stop(), Some(0));

    let file = stage.file("eab.key");
    fs::write(&file, format!("{KEY}\n")).unwrap();
    let right = [
        "--acme-eab-kid",
        "kid-1",
        "--acme-eab-key-file",
        file.to_str().unwrap(),
        "--acme-email",
        "somebody@game.example",
    ];
    let server = stage.server(&[DOMAIN], &right);
    server.served(DOMAIN, &authority.root, None).await;
    assert!(!server.said().contains(KEY));
    let account = fs::read_to_string(stage.store().join("account.json")).unwrap();
    assert!(account.contains("somebody@game.example"), "{account}");
}

#[tokio::test(flavor = "multi_thread")]
async fn misdirected_domain_is_explained_and_retried_on_sighup() {
    let stage = Stage::set(Habits::default());
    let authority = stage.authority().await;
    authority.point(DOMAIN, "127.0.0.2").await;
    let mut server = stage.server(&[DOMAIN], &[]);
    let said = server.hear("or at once on SIGHUP").await;
    for words in [
        "port 443 of game.example must lead here",
        "port 80 of game.example must lead here",
        // What the authority found, in its own words.
        "127.0.0.2",
        "It is tried again in 1",
    ] {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
    authority.point(DOMAIN, "127.0.0.1").await;
    server.signal("HUP");
    server.served(DOMAIN, &authority.root, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_domain_does_not_affect_the_others() {
    let stage = Stage::set(Habits {
        blocked: vec!["blocked.example"],
        ..Habits::default()
    });
    let authority = stage.authority().await;
    let mut server = stage.server(&["blocked.example", DOMAIN], &[]);
    server.served(DOMAIN, &authority.root, None).await;
    let said = server.hear("No new certificate for blocked.example").await;
    assert!(
        said.contains("It gives no certificate for blocked.example"),
        "{said}"
    );
    let answer = server.get(DOMAIN, &authority.root, "/healthz").await;
    assert!(
        !answer.contains("strict-transport-security"),
        "one is missing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn given_pair_serves_until_the_fetched_one_arrives() {
    let stage = Stage::set(Habits::default());
    let (cert, key) = (stage.file("given.pem"), stage.file("given.key"));
    write_pair(&[DOMAIN, "other.example"], &cert, &key);
    let given = CertificateDer::from_pem_file(&cert).unwrap();
    let flags = ["--tls-cert", "given.pem", "--tls-key", "given.key"];
    let mut server = stage.server(&[DOMAIN], &flags);
    server.hear("cannot be reached").await;
    assert!(server.connect(DOMAIN, &given).await.is_ok());

    let authority = stage.authority().await;
    server.served(DOMAIN, &authority.root, None).await;
    assert!(server.connect("other.example", &given).await.is_ok());
    // The given pair is still reread when it changes, and the fetched one stays.
    write_pair(&[DOMAIN, "other.example"], &cert, &key);
    let given = CertificateDer::from_pem_file(&cert).unwrap();
    server.served("other.example", &given, None).await;
    assert!(server.connect(DOMAIN, &authority.root).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_account_is_replaced() {
    let stage = Stage::set(Habits::default());
    let authority = stage.authority().await;
    let server = stage.server(&[DOMAIN], &[]);
    server.served(DOMAIN, &authority.root, None).await;
    assert_eq!(server.stop(), Some(0));
    // A new pebble knows no accounts.
    drop(authority);
    let authority = stage.authority().await;
    fs::remove_file(stage.store().join("game.example.pem")).unwrap();
    let account = fs::read(stage.store().join("account.json")).unwrap();
    let server = stage.server(&[DOMAIN], &[]);
    server.served(DOMAIN, &authority.root, None).await;
    assert_ne!(
        fs::read(stage.store().join("account.json")).unwrap(),
        account
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn untrusted_authority_gets_no_request() {
    let stage = Stage::set(Habits::default());
    let authority = stage.authority().await;
    let [root, key] = ["root.pem", "root.key"].map(|name| stage.file(name));
    write_pair(&["elsewhere.example"], &root, &key);
    let mut server = stage.server(&[DOMAIN], &[]);
    let said = server.hear("It is tried again in").await;
    assert!(said.contains("its certificate is not trusted"), "{said}");
    assert!(said.contains("--acme-ca-file"), "{said}");
    assert_eq!((authority.accounts(), authority.orders()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn open_order_does_not_delay_shutdown() {
    let stage = Stage::set(Habits::default());
    // It accepts every connection and says nothing.
    let silent = TcpListener::from_std(stage.listen_as_authority()).unwrap();
    let mut server = stage.server(&[DOMAIN], &["--drain-timeout", "1h"]);
    server.hear("listening").await;
    let _connection = silent.accept().await.unwrap();
    let asked = Instant::now();
    assert_eq!(server.stop(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(20));
}

#[test]
fn impossible_acme_flags_exit_with_78() {
    let home = tempfile::tempdir().unwrap();
    for (variable, flags, words) in [
        ("", &["--acme"][..], "--domain"),
        ("1", &[], "--domain"),
        ("true", &["--domain", "*.game.example"], "wildcard"),
        ("", &["--acme-eab-kid", "me"], "without --acme"),
        ("0", &["--acme-eab-kid", "me"], "without --acme"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_wulin"))
            .env_clear()
            .env("WULIN_ACME", variable)
            .env("WULIN_STATE_DIR", home.path())
            .current_dir(home.path())
            .args(flags)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{said}");
        assert!(said.contains(words), "{said}");
    }
}

/// The identifier of a certificate in requests for advice (RFC 9773, 4.1).
fn id(certificate: &CertificateDer<'_>) -> String {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).unwrap();
    let issuer =
        certificate
            .iter_extensions()
            .find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::AuthorityKeyIdentifier(issuer) => issuer.key_identifier.clone(),
                _ => None,
            });
    let issuer = BASE64_URL_SAFE_NO_PAD.encode(issuer.unwrap().0);
    let serial = BASE64_URL_SAFE_NO_PAD.encode(certificate.raw_serial());
    format!("{issuer}.{serial}")
}

#[tokio::test(flavor = "multi_thread")]
async fn renewal_follows_the_authoritys_advice() {
    let stage = Stage::set(Habits::default());
    let authority = stage.authority().await;
    let front = Front::before(&stage, Conduct::default());
    let flags = ["--log", "info,wulin=debug"];
    let mut server = stage.server_by(&front.port, &[DOMAIN], &flags);
    let first = server.served(DOMAIN, &authority.root, None).await;
    // The advice is to renew in a month; without it, a certificate of 90 days is renewed after two months.
    let said = server.hear("renewal planned").await;
    let planned = said.split("renewal planned").nth(1).unwrap();
    let planned = planned.split("at=").nth(1).unwrap().split_whitespace();
    let planned = humantime::parse_rfc3339(planned.clone().next().unwrap()).unwrap();
    let days = planned.duration_since(SystemTime::now()).unwrap() / 24 / 3600;
    assert!((29..=32).contains(&days.as_secs()), "{said}");
    assert_eq!(server.stop(), Some(0));

    front.conduct.lock().unwrap().overdue.push(id(&first));
    let mut server = stage.server_by(&front.port, &[DOMAIN], &flags);
    server.served(DOMAIN, &authority.root, Some(&first)).await;
    server.hear("a new certificate is served").await;
    let replaced = front.conduct.lock().unwrap().replaced.clone();
    assert_eq!(replaced, [None, Some(id(&first))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn impatient_advice_causes_no_repeated_orders() {
    let stage = Stage::set(Habits::default());
    let authority = stage.authority().await;
    let conduct = Conduct {
        impatient: true,
        ..Conduct::default()
    };
    let front = Front::before(&stage, conduct);
    let flags = ["--log", "info,wulin=debug"];
    let mut server = stage.server_by(&front.port, &[DOMAIN], &flags);
    server.served(DOMAIN, &authority.root, None).await;
    let said = server.hear("renewal planned").await;
    // The authority is asked again in six hours, as it said, and there is no order before.
    assert!(
        ["look=2159", "look=21600"]
            .iter()
            .any(|look| said.contains(look)),
        "{said}"
    );
    assert_eq!(authority.orders(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn requested_wait_of_a_rate_limit_is_kept() {
    let stage = Stage::set(Habits::default());
    let authority = stage.authority().await;
    let conduct = Conduct {
        limited: (1, Duration::from_hours(30)),
        ..Conduct::default()
    };
    let front = Front::before(&stage, conduct);
    let mut server = stage.server_by(&front.port, &[DOMAIN], &[]);
    let said = server.hear("or at once on SIGHUP").await;
    for words in [
        "too many certificates for this domain",
        "waiting is the remedy",
        "It is tried again in 1day",
    ] {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
    server.signal("HUP");
    server.served(DOMAIN, &authority.root, None).await;
}
