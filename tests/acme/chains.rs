//! The chain is untrusted text: what cannot be our chain is neither stored nor served, and costs no other order.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::time::sleep;

use super::DOMAIN;
use super::support::pebble::{Authority, Habits, Program, Stage};
use super::support::stranger::{Answer, Stranger};
use super::support::{PATIENCE, write_pair};

/// All files of a folder, as one text.
fn all_in(folder: &Path) -> String {
    let files = fs::read_dir(folder).unwrap();
    files
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect()
}

/// A server with an empty state folder, as after its installation.
fn first_start(stage: &Stage, stranger: &Stranger) -> Program {
    let _ = fs::remove_dir_all(stage.state());
    stage.server_by(&stranger.port, &[DOMAIN], &[])
}

async fn set() -> (Stage, Authority, Stranger) {
    let stage = Stage::set(Habits::default());
    let authority = stage.authority().await;
    let stranger = Stranger::before(&stage, |_, _| {});
    (stage, authority, stranger)
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_spellings_of_a_chain_are_served_and_encoded_anew() {
    type Change = fn(&mut String);
    let (stage, authority, stranger) = set().await;
    let odd: [(&str, Change); 6] = [
        ("no line end at its end", |text| {
            text.truncate(text.trim_end().len());
        }),
        ("other line ends", |text| *text = text.replace('\n', "\r\n")),
        ("old line ends", |text| *text = text.replace('\n', "\r")),
        ("words around it", |text| {
            *text = format!("\u{feff}subject=CN = {DOMAIN}\r\n{text}\r\n\r\nthe end");
        }),
        ("sections on one line", |text| {
            *text = text.replace("-----\n-----", "----------");
        }),
        ("the issuer first", |text| {
            let at = text.rfind("-----BEGIN").unwrap();
            *text = format!("{}{}", &text[at..], &text[..at]);
        }),
    ];
    for (name, change) in odd {
        let before = stranger.orders();
        stranger.play(move |_, answer| {
            if answer.is_chain() {
                let mut text = String::from_utf8(answer.body.clone()).unwrap();
                change(&mut text);
                answer.body = text.into_bytes();
            }
        });
        let server = first_start(&stage, &stranger);
        let shown = server.served(DOMAIN, &authority.root, None).await;
        assert_eq!(server.stop(), Some(0));
        assert_eq!(stranger.orders() - before, 1, "{name}");
        let file = stage.store_of(&stranger.port).join("game.example.pem");
        let kept = fs::read_to_string(&file).unwrap();
        assert_eq!(CertificateDer::from_pem_file(&file).unwrap(), shown);
        assert!(kept.starts_with("-----BEGIN CERTIFICATE-----\n"), "{kept}");
        assert_eq!(kept.matches("-----BEGIN PRIVATE KEY-----\n").count(), 1);
        assert!(kept.is_ascii() && !kept.contains('\r'), "{kept}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unfit_chain_is_downloaded_again_without_a_new_order() {
    type Change = Box<dyn Fn(&mut Answer) + Send>;
    let (stage, authority, stranger) = set().await;
    let [evil, evil_key] = ["evil.crt", "evil.key"].map(|name| stage.file(name));
    write_pair(&[DOMAIN], &evil, &evil_key);
    let stray = fs::read_to_string(&evil_key).unwrap();
    let pair = stray.clone() + &fs::read_to_string(&evil).unwrap();
    let evil = CertificateDer::from_pem_file(&evil).unwrap();
    let body = |text: &str| -> Change {
        let bytes = text.as_bytes().to_vec();
        Box::new(move |answer| answer.body.clone_from(&bytes))
    };
    let (behind, before) = (stray.clone(), pair.clone());
    let cases: Vec<(&str, Change)> = vec![
        (
            "there is a private key in it",
            Box::new(move |answer| answer.body.extend_from_slice(behind.as_bytes())),
        ),
        (
            "there is a private key in it",
            Box::new(move |answer| {
                answer.body = [before.as_bytes(), &answer.body].concat();
            }),
        ),
        ("there is a private key in it", body(&pair)),
        (
            "none of its certificates is for the key",
            body(&fs::read_to_string(stage.file("evil.crt")).unwrap()),
        ),
        ("it is empty", body("")),
        ("it is a page in HTML", body("<html>\x1b[2Jwait</html>")),
        ("there is no certificate in it", body("\u{202e}later")),
        (
            "more than 12 certificates",
            Box::new(|answer| answer.body = answer.body.repeat(9)),
        ),
        ("UTF-8", Box::new(|answer| answer.body.insert(0, 0xff))),
        (
            "a section `X509 CERTIFICATE`",
            Box::new(|answer| {
                let text = String::from_utf8(answer.body.clone()).unwrap();
                answer.body = text.replace("N CERT", "N X509 CERT").into_bytes();
            }),
        ),
        (
            "number 2 is damaged or cut",
            Box::new(|answer| answer.body.truncate(answer.body.len() - 60)),
        ),
        (
            "its answer cannot be read",
            Box::new(|answer| answer.cut = Some(700)),
        ),
        (
            "cannot be read",
            Box::new(|answer| answer.body = vec![b'\n'; 600_000]),
        ),
        (
            "it is not where the order says",
            Box::new(|answer| answer.refuse(404, "malformed", "what?")),
        ),
        (
            "answered with 502",
            Box::new(|answer| {
                answer.status = 502;
                answer.set("Content-Type", "text/html");
            }),
        ),
    ];
    for (words, change) in cases {
        let (orders, downloads) = (stranger.orders(), stranger.downloads());
        stranger.play(move |_, answer| {
            if answer.is_chain() {
                change(answer);
            }
        });
        let mut server = first_start(&stage, &stranger);
        let said = server.hear("It is tried again in").await;
        assert!(said.contains(words), "{words:?} is not in {said}");
        assert!(!said.contains(['\x1b', '\u{202e}']), "{said}");
        assert!(server.connect(DOMAIN, &evil).await.is_err());
        let store = stage.store_of(&stranger.port);
        assert!(!store.join("game.example.pem").exists(), "{words}");
        assert!(!all_in(&store).contains(&stray), "{words}");

        stranger.be_honest();
        server.signal("HUP");
        server.served(DOMAIN, &authority.root, None).await;
        assert_eq!(server.stop(), Some(0));
        assert_eq!(stranger.orders() - orders, 1, "{words}");
        assert!(stranger.downloads() - downloads >= 2, "{words}");
        assert!(!store.join("game.example.order.json").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_for_other_names_or_times_is_not_served() {
    let day = Duration::from_hours(24);
    let now = SystemTime::now();
    let (good, over) = ((now - day, now + day), (now - day * 9, now - day * 2));
    let (stage, authority, stranger) = set().await;
    for (names, time, words) in [
        (
            &["elsewhere.example"][..],
            good,
            "is for elsewhere.example, not for game.example",
        ),
        (
            &["\x1b[2Jx.example"],
            good,
            "is for [2Jx.example, not for game.example",
        ),
        (&[], good, "is for no name, not for game.example"),
        (&[DOMAIN], over, "expired"),
    ] {
        let orders = stranger.orders();
        stranger.forge(names, time);
        let mut server = first_start(&stage, &stranger);
        let said = server.hear("It is tried again in").await;
        assert!(said.contains(words), "{words:?} is not in {said}");
        stranger.be_honest();
        server.signal("HUP");
        server.served(DOMAIN, &authority.root, None).await;
        assert_eq!(server.stop(), Some(0));
        assert_eq!(stranger.orders() - orders, 1, "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_order_follows_after_eight_unfit_downloads() {
    let (stage, authority, stranger) = set().await;
    stranger.play(|_, answer| {
        if answer.is_chain() {
            answer.body.clear();
        }
    });
    let mut server = first_start(&stage, &stranger);
    server.hear("It is downloaded again").await;
    // A restart does not start the count anew.
    assert_eq!(server.stop(), Some(0));
    let mut server = stage.server_by(&stranger.port, &[DOMAIN], &[]);
    for download in 2..=8 {
        assert_eq!(stranger.orders(), 1);
        let deadline = Instant::now() + PATIENCE;
        while server.said().matches("it is empty").count() < download - 1 {
            assert!(Instant::now() < deadline, "{download}: {}", server.said());
            sleep(Duration::from_millis(10)).await;
        }
        if download < 8 {
            server.signal("HUP");
        }
    }
    let said = server.hear("is given up after so many tries").await;
    let last = said.rsplit("It is tried again in ").next().unwrap();
    assert!(last.starts_with(|c: char| c.is_ascii_digit()), "{said}");
    assert!(last.split(',').next().unwrap().contains('h'), "{said}");
    stranger.be_honest();
    server.signal("HUP");
    server.served(DOMAIN, &authority.root, None).await;
    assert_eq!((stranger.orders(), stranger.downloads()), (2, 9));
}
