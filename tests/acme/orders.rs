//! No order and no certificate is wasted: an order is continued by its address, whatever status it has.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::support::PATIENCE;
use super::support::pebble::{Authority, Habits, Program, Stage};
use super::support::stranger::{Answer, Asked, Stranger};
use super::{DOMAIN, mode};

type Change = Box<dyn Fn(&Asked, &mut Answer) + Send>;

async fn set() -> (Stage, Authority, Stranger) {
    let stage = Stage::set(Habits::default());
    let authority = stage.authority().await;
    let stranger = Stranger::before(&stage, |_, _| {});
    (stage, authority, stranger)
}

fn start(stage: &Stage, stranger: &Stranger) -> Program {
    stage.server_by(&stranger.port, &[DOMAIN], &[])
}

fn kept(stage: &Stage, stranger: &Stranger, name: &str) -> PathBuf {
    stage.store_of(&stranger.port).join(name)
}

/// Keeps orders at this status, with a `Retry-After` of an hour.
fn keep_at(status: &'static str) -> impl Fn(&Asked, &mut Answer) + Send {
    move |asked, answer| {
        let ended = asked.path.starts_with("/finalize-order/");
        if asked.path.starts_with("/my-order/") || (ended && status == "processing") {
            answer.edit(|order| {
                order["status"] = json!(status);
                order.as_object_mut().unwrap().remove("certificate");
            });
            answer.set("Retry-After", "3600");
        }
    }
}

/// Changes orders in the answers to polls.
fn with_orders(change: impl Fn(&mut Value) + Send) -> impl Fn(&Asked, &mut Answer) + Send {
    move |asked, answer| {
        if asked.path.starts_with("/my-order/") && answer.status == 200 {
            answer.edit(&change);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_order_is_continued_on_sighup_and_after_a_restart() {
    for (status, words) in [
        ("pending", "still calls the order pending"),
        ("processing", "still works on the certificate"),
    ] {
        let (stage, authority, stranger) = set().await;
        let order = kept(&stage, &stranger, "game.example.order.json");
        stranger.play(keep_at(status));
        let mut server = start(&stage, &stranger);
        let said = server.hear("It is tried again in").await;
        assert!(said.contains(words), "{words:?} is not in {said}");
        assert!(said.contains("no other one is made"), "{said}");
        // The wait is as long as the authority asked for.
        assert!(said.contains("tried again in 1h"), "{said}");
        assert_eq!(mode(&order), 0o600);

        server.signal("HUP");
        server.hear("an order is taken up again").await;
        assert_eq!(server.stop(), Some(0));
        let mut server = start(&stage, &stranger);
        server.hear("It is tried again in").await;
        stranger.be_honest();
        server.signal("HUP");
        let shown = server.served(DOMAIN, &authority.root, None).await;
        assert_eq!(stranger.orders(), 1, "{status}");
        assert!(!order.exists());
        let pair = kept(&stage, &stranger, "game.example.pem");
        assert_eq!(CertificateDer::from_pem_file(pair).unwrap(), shown);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn order_is_continued_after_the_process_is_killed() {
    let (stage, authority, stranger) = set().await;
    // The process is killed at each step of an order, and the next one continues there.
    for (step, times) in [
        ("POST /authZ/", 0),
        ("POST /my-order/", 2),
        ("POST /finalize-order/", 0),
    ] {
        stranger.play(stop_at(step));
        let server = start(&stage, &stranger);
        let before = stranger.count(step);
        let deadline = Instant::now() + PATIENCE;
        while stranger.count(step) <= before + times {
            assert!(Instant::now() < deadline, "{step}: {}", server.said());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Killed, and not asked to end.
        drop(server);
    }
    stranger.be_honest();
    let server = start(&stage, &stranger);
    server.served(DOMAIN, &authority.root, None).await;
    assert_eq!((stranger.orders(), authority.accounts()), (1, 1));
}

/// Stops orders at a step.
fn stop_at(step: &'static str) -> impl Fn(&Asked, &mut Answer) + Send {
    move |asked, answer| {
        if asked.path.starts_with("/my-order/") && step == "POST /my-order/" {
            answer.edit(|order| order["status"] = json!("pending"));
        }
        let here = format!("{} {}", asked.method, asked.path).starts_with(step);
        if here && step != "POST /my-order/" {
            answer.cut = Some(0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_or_expired_order_is_replaced() {
    let gone = |asked: &Asked, answer: &mut Answer| {
        if asked.path.starts_with("/my-order/") {
            answer.refuse(404, "malformed", "no such order");
        }
    };
    let invalid = with_orders(|order| order["status"] = json!("invalid"));
    let expired = with_orders(|order| {
        order["status"] = json!("pending");
        order["expires"] = json!("2020-01-01T00:00:00Z");
    });
    let changes: [Change; 3] = [Box::new(gone), Box::new(invalid), Box::new(expired)];
    let (stage, authority, stranger) = set().await;
    for change in changes {
        let _ = fs::remove_dir_all(stage.state());
        let orders = stranger.orders();
        stranger.play(keep_at("pending"));
        let mut server = start(&stage, &stranger);
        server.hear("It is tried again in").await;
        assert_eq!(server.stop(), Some(0));
        // The stored order is polled once with the change; what follows is honest.
        let looks = AtomicUsize::new(0);
        stranger.play(move |asked, answer| {
            if asked.path.starts_with("/my-order/") && looks.fetch_add(1, Ordering::Relaxed) == 0 {
                change(asked, answer);
            }
        });
        let mut server = start(&stage, &stranger);
        server.served(DOMAIN, &authority.root, None).await;
        let said = server.hear("is none any more").await;
        assert!(!said.contains("It is tried again"), "{said}");
        assert_eq!(server.stop(), Some(0));
        assert_eq!(stranger.orders() - orders, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn order_that_ends_without_a_reason_is_reported() {
    let (stage, authority, stranger) = set().await;
    stranger.play(|asked, answer| {
        if asked.path.starts_with("/my-order/") {
            answer.edit(|order| {
                order["status"] = json!("invalid");
                order.as_object_mut().unwrap().remove("error");
            });
        }
    });
    let mut server = start(&stage, &stranger);
    let said = server.hear("It is tried again in").await;
    assert!(said.contains("and gave no reason"), "{said}");
    stranger.be_honest();
    server.signal("HUP");
    server.served(DOMAIN, &authority.root, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn order_needs_exactly_one_authorization() {
    let (stage, authority, stranger) = set().await;
    for (count, words) in [(0, "it wants 0 proofs"), (300, "it wants 300 proofs")] {
        let _ = fs::remove_dir_all(stage.state());
        stranger.play(move |asked, answer| {
            if asked.path == "/order-plz" {
                answer.edit(|order| {
                    let one = order["authorizations"][0].clone();
                    order["authorizations"] = vec![one; count].into();
                });
            }
        });
        let (orders, looks) = (stranger.orders(), stranger.count("POST /authZ/"));
        let mut server = start(&stage, &stranger);
        let said = server.hear("It is tried again in").await;
        assert!(said.contains(words), "{said}");
        assert_eq!(stranger.count("POST /authZ/"), looks);
        server.signal("HUP");
        server.served(DOMAIN, &authority.root, None).await;
        assert_eq!(stranger.orders() - orders, 1, "it was good all the same");
        assert_eq!(server.stop(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_token_is_not_offered() {
    let (stage, _authority, stranger) = set().await;
    for token in ["../../etc/passwd", "", "a/b", "a=", "\u{1b}[2J", "ä"] {
        let _ = fs::remove_dir_all(stage.state());
        stranger.play(move |asked, answer| {
            if asked.path.starts_with("/authZ/") {
                answer.edit(|authorization| {
                    for challenge in authorization["challenges"].as_array_mut().unwrap() {
                        challenge["token"] = json!(token);
                    }
                });
            }
        });
        let (proofs, mut server) = (stranger.count("POST /chalZ/"), start(&stage, &stranger));
        let said = server.hear("It is tried again in").await;
        assert!(said.contains("is not base64url"), "{said}");
        assert!(!said.contains('\x1b'), "{said}");
        assert_eq!(stranger.count("POST /chalZ/"), proofs, "{token:?}");
        assert_eq!(server.stop(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_for_later_is_stored_while_the_old_one_serves() {
    let (stage, _authority, stranger) = set().await;
    let now = SystemTime::now();
    let hours = Duration::from_hours;
    // A certificate that the next process renews at once.
    let old_root = stranger.forge(&[DOMAIN], (now - hours(20), now + hours(2)));
    let server = start(&stage, &stranger);
    server.served(DOMAIN, &old_root, None).await;
    assert_eq!(server.stop(), Some(0));
    let root = stranger.forge(&[DOMAIN], (now + hours(2), now + hours(2000)));
    let orders = stranger.orders();

    let mut server = start(&stage, &stranger);
    let said = server.hear("is valid only from").await;
    assert!(
        said.contains("which is in 2 hours by this machine's clock"),
        "{said}"
    );
    assert!(server.connect(DOMAIN, &old_root).await.is_ok());
    let next = kept(&stage, &stranger, "game.example.next.pem");
    assert_eq!(mode(&next), 0o600);
    // Neither a restart nor SIGHUP makes another order.
    server.signal("HUP");
    assert_eq!(server.stop(), Some(0));
    let mut server = start(&stage, &stranger);
    server.hear("is valid only from").await;
    server.signal("HUP");
    assert!(server.connect(DOMAIN, &old_root).await.is_ok());
    assert!(server.connect(DOMAIN, &root).await.is_err());
    assert_eq!(server.stop(), Some(0));
    assert_eq!(stranger.orders() - orders, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_for_later_is_served_once_valid() {
    let (stage, _authority, stranger) = set().await;
    let now = SystemTime::now();
    let begin = now + Duration::from_secs(6);
    let root = stranger.forge(&[DOMAIN], (begin, now + Duration::from_hours(2000)));
    let mut server = start(&stage, &stranger);
    let said = server.hear("is valid only from").await;
    assert!(said.contains("by this machine's clock"), "{said}");
    server.served(DOMAIN, &root, None).await;
    assert!(SystemTime::now() >= begin - Duration::from_secs(1));
    server.hear("a new certificate is served").await;
    assert_eq!(stranger.orders(), 1);
    let (pair, next) = (
        kept(&stage, &stranger, "game.example.pem"),
        kept(&stage, &stranger, "game.example.next.pem"),
    );
    assert!(pair.exists() && !next.exists());
}
