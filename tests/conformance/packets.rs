//! What is no packet of Socket.IO ends the session; what is one but means nothing to the game does not.

use serde_json::json;

use super::peer::{Peer, Transport, event, ways};
use super::support::hello;
use super::support::server::TestServer;
use super::wire::Engine;
use wulin_server::runtime::Gauge;

/// Text that is no packet, in either version, whoever says it.
const NONSENSE: [&str; 29] = [
    "",
    "9",
    "7",
    "x",
    "武",
    "{}",
    "[\"join\"]",
    "4",
    "4x",
    "4abc",
    "47",
    "49",
    "4-1",
    "4[\"join\"]",
    "42",
    "421",
    "42[",
    "42[]",
    "42{}",
    "42null",
    "42\"join\"",
    "42[\"join\"",
    "42[\"join\"]x",
    "42[\"join\",]",
    "42abc[\"join\"]",
    "42-1[\"join\"]",
    "421.5[\"join\"]",
    "42/,",
    "430{}",
];

/// The beginning of an event whose rest would follow in binary.
const ATTACHED: [&str; 7] = [
    r#"451-["choice",{"_placeholder":true,"num":0}]"#,
    r#"451-7["choice",{"_placeholder":true,"num":0}]"#,
    r#"450-["join"]"#,
    r#"4599999999-["choice",{"_placeholder":true,"num":0}]"#,
    r#"45["choice"]"#,
    "45",
    r#"461-7[{"_placeholder":true,"num":0}]"#,
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_packet_ends_the_session() {
    let server = TestServer::start(&[]);
    for way in ways() {
        for text in NONSENSE.into_iter().chain(ATTACHED) {
            let mut peer = Peer::greet(&server, way, "tester").await;
            peer.say(text).await;
            let words = peer.last_words().await;
            let answered = words.iter().any(|word| word.starts_with("42[\"room\""));
            assert!(!answered, "{text:?} was obeyed: {words:?}");
            server.wait_for(Gauge::Person, 0).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_end_the_session() {
    let server = TestServer::start(&[]);
    for way in ways() {
        let mut peer = Peer::greet(&server, way, "tester").await;
        peer.say_bytes().await;
        peer.last_words().await;
        server.wait_for(Gauge::Person, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_a_packet_but_no_message_is_a_fault_and_costs_nothing() {
    let server = TestServer::start(&[]);
    for way in ways() {
        let mut peer = Peer::open(&server, way.0, way.1).await;
        peer.connect().await;
        for (packet, code) in [
            (r#"42["nonsense"]"#, "unknown_event"),
            (r#"42["nonsense",1,"2",{"3":[true]}]"#, "unknown_event"),
            (r#"42 ["nonsense"] "#, "unknown_event"),
            (r#"42/,["nonsense"]"#, "unknown_event"),
            (r#"42[""]"#, "unknown_event"),
            (r#"42["__proto__"]"#, "unknown_event"),
            (r#"42["hello"]"#, "bad_hello"),
            (r#"42["hello",[]]"#, "bad_hello"),
            (r#"42["hello",{"user":7}]"#, "bad_hello"),
            (r#"42["hello",{"user":["u","n","p"]}]"#, "bad_hello"),
            (r#"42["join"]"#, "hello_first"),
        ] {
            peer.say(packet).await;
            assert_eq!(peer.event("fault").await["code"], code, "{packet}");
        }
        peer.hello("tester").await;
        for payload in [json!([2]), json!(2), json!("2"), json!({"choice": [2]})] {
            peer.say(&event("choice", &payload)).await;
            assert_eq!(peer.event("fault").await["code"], "bad_choice", "{payload}");
        }
        // Acknowledgements nobody waits for.
        for packet in ["430[]", "437[1]"] {
            peer.say(packet).await;
        }
        peer.hello("tester").await;
        peer.say("1").await;
        server.wait_until_empty().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_is_answered_by_its_number() {
    let server = TestServer::start(&[]);
    for way in ways() {
        let mut peer = Peer::open(&server, way.0, way.1).await;
        peer.connect().await;
        for id in ["0", "456", "9007199254740991"] {
            peer.say(&format!(r#"42{id}["nonsense"]"#)).await;
            let answer = loop {
                let packet = peer.next().await.expect("closed");
                if packet.starts_with("43") {
                    break packet;
                }
            };
            let expected = format!(r#"43{id}[{{"ok":false,"#);
            assert!(answer.starts_with(&expected), "{answer}");
        }
        let greeting = event("hello", &hello("tester"));
        peer.say(&format!("427{}", &greeting[2..])).await;
        let (mut welcomed, mut acknowledged) = (false, false);
        while !(welcomed && acknowledged) {
            let packet = peer.next().await.expect("closed");
            welcomed |= packet.starts_with(r#"42["hi""#);
            acknowledged |= packet == r#"437[{"ok":true}]"#;
        }
        peer.say("1").await;
        server.wait_until_empty().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connect_that_is_none_ends_the_session() {
    let server = TestServer::start(&[]);
    for transport in [Transport::Polling, Transport::WebSocket] {
        for text in ["4abc", "40[]", "40{", "40\"x\"", "40null", "4"] {
            let mut peer = Peer::open(&server, Engine::V4, transport).await;
            peer.say(text).await;
            assert_eq!(
                peer.last_words().await,
                [""; 0],
                "{text:?} by {transport:?}"
            );
        }
    }
    server.wait_until_empty().await;
}
