//! How a session ends, and that it is unknown afterwards.

use std::time::Duration;

use tokio::time;

use crate::support::PATIENCE;
use crate::support::server::TestServer;
use crate::wire::{Answer, Asked, ENGINES, Engine, Polled, Socket, get};

/// How long to wait until a poll has arrived. If it comes after the end of the session it is refused, which is correct;
/// then the next try waits longer.
const TRIES: [Duration; 3] = [
    Duration::from_millis(50),
    Duration::from_millis(500),
    Duration::from_secs(3),
];

/// Does something to a session while a poll is pending. Returns the answer to the poll.
async fn while_polling(
    server: &TestServer,
    engine: Engine,
    happens: impl AsyncFn(&mut Polled<'_>),
) -> Answer {
    for pause in TRIES {
        let mut session = Polled::open(server, engine).await;
        if engine == Engine::V3 {
            assert_eq!(session.next().await.as_deref(), Some("40"));
        }
        let mut poll = session.begin_poll().await;
        time::sleep(pause).await;
        happens(&mut session).await;
        let answer = poll.answer().await;
        session.poll().await.is_unknown_session();
        if answer.status == 200 {
            return answer;
        }
    }
    panic!("the poll was never answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_packet_ends_the_session_and_the_pending_poll() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        let answer = while_polling(&server, engine, async |session| {
            let answer = session.post(&["1"]).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
        })
        .await;
        assert_eq!(answer.body, engine.payload(&["6"]));
    }
    server.wait_until_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_packet_ends_a_session_without_a_poll() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        // Packets behind it in the same body are ignored.
        for packets in [&["1"][..], &["40", "1"], &["1", "40"], &["40", "41", "1"]] {
            let mut session = Polled::open(&server, engine).await;
            let packets: Vec<&str> = packets
                .iter()
                .filter(|packet| engine == Engine::V4 || **packet == "1")
                .copied()
                .collect();
            let answer = session.post(&packets).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
            session.is_over().await;
        }
    }
    server.wait_until_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_payload_ends_the_pending_poll() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        let answer = while_polling(&server, engine, async |session| {
            assert_eq!(session.post_text("abc").await.status, 400);
        })
        .await;
        let said = engine.packets(&answer.body);
        assert!(said == ["1"] || said == ["6"], "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_packet_closes_the_websocket() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        let target = engine.target("websocket");
        let mut socket = Socket::open(&server, &target).await.unwrap();
        socket.next().await.unwrap();
        socket.say("1").await;
        socket.is_over().await;
    }
    server.wait_until_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_polls_at_once_end_the_session() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        let mut session = Polled::open(&server, engine).await;
        if engine == Engine::V3 {
            assert_eq!(session.next().await.as_deref(), Some("40"));
        }
        let (mut one, mut two) = tokio::join!(session.begin_poll(), session.begin_poll());
        let (one, two) = tokio::join!(one.answer(), two.answer());
        // The poll that arrived first gets the close packet.
        let (told, refused) = if one.status == 200 {
            (one, two)
        } else {
            (two, one)
        };
        assert_eq!(told.status, 200, "{told:?}");
        assert_eq!(told.body, engine.payload(&["1"]));
        assert_eq!(refused.status, 400, "{refused:?}");
        session.is_over().await;
    }
    server.wait_until_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_posts_at_once_end_the_session() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        let mut session = Polled::open(&server, engine).await;
        let request = format!("POST {}", session.target("polling"));
        // Neither body is complete, so both requests are pending at the same time.
        let begin = || Asked::begin(&server, &request, &[], b"4", 100);
        let (mut one, mut two) = tokio::join!(begin(), begin());
        let (one, two) = tokio::join!(one.answer(), two.answer());
        // The request that arrived second is refused; the other one may be cut off.
        let statuses = [one.status, two.status];
        assert!(statuses.contains(&400), "{statuses:?}");
        assert!(!statuses.contains(&200), "{statuses:?}");
        session.is_over().await;
    }
}

/// A client that gives up a poll cannot know which packets were in its answer, so the session cannot go on.
#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_poll_ends_the_session() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        let mut session = Polled::open(&server, engine).await;
        if engine == Engine::V3 {
            assert_eq!(session.next().await.as_deref(), Some("40"));
        }
        let poll = session.begin_poll().await;
        // A request may not be served at all if its connection ends at once. This round trip lets it arrive.
        assert_eq!(session.post(&["6"]).await.status, 200);
        drop(poll);
        // If this poll arrives before the other one is given up, there are two at once, which ends the session as well.
        let next = time::timeout(PATIENCE, session.poll()).await;
        assert!(next.is_ok(), "the session goes on");
        session.is_over().await;
    }
    server.wait_until_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_session_is_unknown_to_every_transport() {
    let server = TestServer::start(&[]);
    for engine in ENGINES {
        let session = Polled::open(&server, engine).await;
        assert_eq!(session.post(&["1"]).await.status, 200);
        let target = session.target("websocket");
        assert_eq!(Socket::open(&server, &target).await.err(), Some(400));
        get(&server, &session.target("polling"))
            .await
            .is_unknown_session();
    }
}
