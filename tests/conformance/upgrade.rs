//! The upgrade from polling to a WebSocket, and upgrades that fail or stop half-way.

use serde_json::Value;

use crate::peer::event;
use crate::support::hello;
use crate::support::server::TestServer;
use crate::wire::{Answer, ENGINES, Engine, Polled, Socket};

async fn probed(session: &Polled<'_>) -> Socket {
    let mut socket = session.beside().await.unwrap();
    socket.say("2probe").await;
    assert_eq!(socket.next().await.as_deref(), Some("3probe"));
    socket
}

async fn upgraded(session: &Polled<'_>) -> Socket {
    let mut socket = probed(session).await;
    socket.say("5").await;
    answers(&mut socket).await;
    socket
}

/// Asserts that the session works over the WebSocket.
async fn answers(socket: &mut Socket) {
    socket.say(r#"427["nonsense"]"#).await;
    while let Some(packet) = socket.next().await {
        if packet.starts_with("437[") {
            return;
        }
    }
    panic!("closed");
}

/// Asserts that the session works by polling.
async fn greets(session: &mut Polled<'_>, uid: &str) {
    let answer = session.post(&[&event("hello", &hello(uid))]).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
    while let Some(packet) = session.next().await {
        if packet.starts_with(r#"42["hi""#) {
            return;
        }
    }
    panic!("over");
}

fn is_refused(answer: &Answer) {
    assert_eq!(answer.status, 400, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pending_poll_ends_and_the_websocket_takes_over() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        let session = Polled::connected(&server, engine).await;
        let mut poll = session.begin_poll().await;
        let mut socket = probed(&session).await;
        // The poll ends with a noop, whether it arrived before the probe or after it.
        assert_eq!(poll.answer().await.body, engine.payload(&["6"]));
        // Some clients poll once more before they send `5`.
        let answer = session.poll().await;
        assert_eq!(answer.body, engine.payload(&["6"]));
        socket.say("5").await;
        socket.say(&event("hello", &hello("upgraded"))).await;
        let hi = socket.next().await.unwrap();
        assert!(hi.starts_with(r#"42["hi""#), "{hi}");
        socket.say("1").await;
        socket.is_over().await;
        server.wait_until_empty().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_upgrade_polling_is_refused() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        let session = Polled::connected(&server, engine).await;
        let mut socket = upgraded(&session).await;
        is_refused(&session.poll().await);
        is_refused(&session.post(&[r#"42["nonsense"]"#]).await);
        is_refused(&session.post(&["1"]).await);
        is_refused(&session.post_text("abc").await);
        answers(&mut socket).await;
        if engine == Engine::V3 {
            socket.say("2").await;
            assert_eq!(socket.next().await.as_deref(), Some("3"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_websocket_of_a_session_is_refused() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        let session = Polled::connected(&server, engine).await;
        let mut first = probed(&session).await;
        for again in [false, true] {
            // It may be refused, or opened and closed at once: the documents allow both.
            if let Ok(mut second) = session.beside().await {
                second.is_over().await;
            }
            if !again {
                first.say("5").await;
            }
            answers(&mut first).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn websocket_sessions_allow_no_second_transport() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        let target = engine.target("websocket");
        let mut first = Socket::open(&server, &target).await.unwrap();
        let open = first.next().await.unwrap();
        let open: Value = serde_json::from_str(&open[1..]).unwrap();
        let sid = open["sid"].as_str().unwrap();
        if engine == Engine::V4 {
            first.say("40").await;
        }
        if let Ok(mut second) = Socket::open(&server, &format!("{target}&sid={sid}")).await {
            second.is_over().await;
        }
        let target = format!("{}&sid={sid}", engine.target("polling"));
        is_refused(&crate::wire::get(&server, &target).await);
        answers(&mut first).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_upgrade_leaves_polling_working() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        // The sessions of the first version still exist during the second, so each has its own uid.
        let [silent_uid, probed_uid] = ["silent", "probed"].map(|uid| format!("{uid} {engine:?}"));
        // The WebSocket sends nothing at all.
        let mut session = Polled::connected(&server, engine).await;
        let silent = session.beside().await.unwrap();
        greets(&mut session, &silent_uid).await;
        drop(silent);
        greets(&mut session, &silent_uid).await;
        // The WebSocket sends only the probe.
        let mut session = Polled::connected(&server, engine).await;
        let probed = probed(&session).await;
        greets(&mut session, &probed_uid).await;
        drop(probed);
        greets(&mut session, &probed_uid).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_upgrade_leaves_polling_working() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        let mut session = Polled::connected(&server, engine).await;
        for (number, packet) in ["", "4", r#"42["nonsense"]"#, "9", "2", "2prob", "x"]
            .into_iter()
            .enumerate()
        {
            let mut socket = session.beside().await.unwrap();
            socket.say(packet).await;
            socket.is_over().await;
            greets(&mut session, "failed").await;
            let mut socket = probed(&session).await;
            if number % 2 == 0 {
                socket.say("4nonsense").await;
            } else {
                socket.say_bytes(&[4, 1, 2]).await;
            }
            socket.is_over().await;
        }
        // The next upgrade may succeed.
        upgraded(&session).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_ends_with_its_session() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        let session = Polled::connected(&server, engine).await;
        let mut silent = session.beside().await.unwrap();
        assert_eq!(session.post(&["1"]).await.status, 200);
        silent.is_over().await;
        let session = Polled::connected(&server, engine).await;
        let mut probed = probed(&session).await;
        assert_eq!(session.post(&["1"]).await.status, 200);
        probed.is_over().await;
    }
    server.wait_until_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_upgrades_time_out() {
    let flags = ["--ping-interval", "100ms", "--ping-timeout", "100ms"];
    let server = TestServer::start(&flags);
    for engine in ENGINES {
        let session = Polled::connected(&server, engine).await;
        let mut silent = session.beside().await.unwrap();
        silent.is_over().await;
    }
    server.wait_until_empty().await;
}

/// The numbers of the acknowledgements among these packets.
fn acknowledged(packets: impl IntoIterator<Item = String>) -> Vec<u32> {
    let ids = packets.into_iter().filter_map(|packet| {
        let (id, _) = packet.strip_prefix("43")?.split_once('[')?;
        id.parse().ok()
    });
    ids.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_during_an_upgrade_arrive_once_and_in_order() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        let asked = |id: u32| format!(r#"42{id}["nonsense"]"#);
        for turn in 0..6 {
            let session = Polled::connected(&server, engine).await;
            let mut heard = Vec::new();
            for id in 0..10 {
                session.post(&[&asked(id)]).await;
            }
            let mut socket = session.beside().await.unwrap();
            for id in 10..15 {
                session.post(&[&asked(id)]).await;
            }
            socket.say("2probe").await;
            assert_eq!(socket.next().await.as_deref(), Some("3probe"));
            // A poll during the upgrade returns the packets there are, or a noop. A client may also have no poll then.
            if turn % 2 == 0 {
                heard.extend(acknowledged(engine.packets(&session.poll().await.body)));
            }
            for id in 15..20 {
                session.post(&[&asked(id)]).await;
            }
            if turn % 3 == 0 {
                heard.extend(acknowledged(engine.packets(&session.poll().await.body)));
            }
            socket.say("5").await;
            for id in 20..30 {
                socket.say(&asked(id)).await;
            }
            while heard.last() != Some(&29) {
                let packet = socket.next().await.expect("closed");
                heard.extend(acknowledged([packet]));
            }
            assert_eq!(heard, (0..30).collect::<Vec<_>>(), "turn {turn}");
        }
    }
}
