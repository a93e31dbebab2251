//! Clients that send more messages or frames than they may: they are told, and then disconnected.

use tokio_tungstenite::tungstenite::Message;

use crate::support::Client;
use crate::support::engineio::Polling;
use crate::support::server::TestServer;
use crate::support::websocket::{DIALECTS, Dialect};

#[tokio::test(flavor = "multi_thread")]
async fn message_floods_get_faults_and_then_a_close() {
    let server = TestServer::start(&["--messages-per-second", "20"]);
    for dialect in DIALECTS {
        let mut client = Client::greet(&server, dialect, "flood").await;
        for _ in 0..60 {
            client.say("leave").await;
        }
        let mut codes = Vec::new();
        while codes.len() < 60 {
            codes.push(client.fault().await);
        }
        let heard = codes.iter().filter(|code| *code == "not_seated").count();
        // `hello` was one message, and so was the packet that connects Engine.IO 4.
        let before = 1 + usize::from(dialect == Dialect::EngineIo4);
        assert!(
            heard >= 40 - before,
            "two seconds' worth at once: {codes:?}"
        );
        assert!(codes.iter().any(|code| code == "too_fast"), "{codes:?}");
        for _ in 0..2000 {
            if client
                .socket_try(Message::text(dialect.write("leave", None)))
                .await
                .is_err()
            {
                break;
            }
        }
        assert_eq!(client.closed().await, Some(1008));
        drop(client);
        server.wait_until_empty().await;
    }
}

/// Frames without a message, such as pings, cost the server as much as messages, so a flood of them ends the connection
/// too.
#[tokio::test(flavor = "multi_thread")]
async fn control_frames_count_toward_the_message_limit() {
    let server = TestServer::start(&["--messages-per-second", "20"]);
    // Each ping is answered by a pong of its length, and this client reads none of them before it has sent all: the
    // answers must fit into the socket's buffers.
    let long = format!("2{}", "x".repeat(1000));
    let control = [Message::Ping, Message::Pong].map(|frame| frame(vec![7; 125].into()));
    for dialect in DIALECTS {
        let mut frames = control.to_vec();
        if dialect != Dialect::Native {
            frames.extend(["3", "6", "40/x,", "41/x,", "430[]", &long].map(Message::text));
        }
        for frame in frames {
            let mut client = Client::greet(&server, dialect, "flood").await;
            // Messages for two seconds are accepted, and those for five are tolerated before the close. Few more are
            // sent, so that the server can read all of them before its close arrives.
            for _ in 0..300 {
                if client.socket_try(frame.clone()).await.is_err() {
                    break;
                }
            }
            let shown = format!("{dialect:?} {frame:?}");
            assert_eq!(client.closed().await, Some(1008), "{shown}");
            drop(client);
            server.wait_until_empty().await;
        }
    }
    let mut client = Polling::greet(&server, "flood").await;
    let body = vec!["3"; 200].join("\u{1e}");
    assert_eq!(client.post(&body).await, 200);
    while client.next().await.is_some() {}
    server.wait_until_empty().await;
}
