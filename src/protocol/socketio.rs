//! Socket.IO over one WebSocket, Engine.IO 3 and 4: what a frame means and what is answered at once.
//!
//! A state machine without I/O. It serves clients that open the WebSocket directly; polling, and the upgrade from it, need
//! HTTP and are served elsewhere. Sources: the Engine.IO protocol, revisions 3 and 4, and the Socket.IO protocol,
//! revisions 4 and 5.
//!
//! Events are understood from the first frame on: the 2016 client says `hello` without waiting for anything.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;

use super::Request;
use super::command::Command;
use super::event::{self, Message};
use super::fault::{self, Code, Fault};

/// Which Engine.IO a client speaks; the Socket.IO version follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// `EIO=3`: Socket.IO 1.x and 2.x. The client pings.
    V3,
    /// `EIO=4`: Socket.IO 3.x and 4.x. The server pings.
    V4,
}

/// What a client is told when it connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The session id.
    pub sid: String,
    /// How often one side pings.
    pub ping_interval: Duration,
    /// How long it waits for the pong.
    pub ping_timeout: Duration,
    /// The longest message in bytes.
    pub max_payload: usize,
}

/// What a frame of the client means.
#[derive(Debug, Clone, PartialEq)]
pub enum Received {
    /// An event.
    Request(Request),
    /// Nothing but this frame to send back.
    Reply(String),
    /// The client says goodbye.
    Close,
    /// Nothing to do; the client lives.
    Nothing,
}

/// The text frame that asks an Engine.IO 4 client whether it lives.
pub const PING: &str = "2";
/// The text frame that ends the Socket.IO session.
pub const DISCONNECT: &str = "41";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Open<'a> {
    sid: &'a str,
    upgrades: [&'a str; 0],
    ping_interval: u128,
    ping_timeout: u128,
    max_payload: usize,
}

#[derive(Serialize)]
struct Connected<'a> {
    sid: &'a str,
}

#[derive(Serialize)]
struct ConnectError {
    message: &'static str,
}

/// The frames that open a session, in order.
pub fn open(version: Version, handshake: &Handshake) -> Vec<String> {
    let open = Open {
        sid: &handshake.sid,
        upgrades: [],
        ping_interval: handshake.ping_interval.as_millis(),
        ping_timeout: handshake.ping_timeout.as_millis(),
        max_payload: handshake.max_payload,
    };
    let open = format!("0{}", event::json(&open));
    match version {
        // Socket.IO 1.x and 2.x are connected to the default namespace without asking.
        Version::V3 => vec![open, "40".to_owned()],
        Version::V4 => vec![open],
    }
}

/// Reads one text frame of a client.
pub fn read(version: Version, sid: &str, text: &str) -> Received {
    let mut chars = text.chars();
    match chars.next() {
        Some('1') => Received::Close,
        Some('2') => Received::Reply(format!("3{}", chars.as_str())),
        Some('4') => packet(version, sid, chars.as_str()),
        // Open, pong, upgrade and noop ask for nothing.
        Some('0' | '3' | '5' | '6') => Received::Nothing,
        Some(_) | None => refuse("", Code::BadMessage, None),
    }
}

/// Writes an event.
pub fn write(message: &Message) -> String {
    let Message { name, json, .. } = message;
    // As in `native`: `format!` takes twice as long.
    [r#"42[""#, name, r#"","#, json, "]"].concat()
}

/// Writes an acknowledgement.
pub fn acknowledge(id: u64, json: &str) -> String {
    format!("43{id}[{json}]")
}

/// Reads the Socket.IO packet inside an Engine.IO message: type, namespace, acknowledgement id, JSON.
fn packet(version: Version, sid: &str, text: &str) -> Received {
    let mut chars = text.chars();
    let kind = chars.next();
    let (namespace, rest) = namespace(chars.as_str());
    match kind {
        Some('0') if namespace.is_some() => {
            let error = ConnectError {
                message: "Invalid namespace",
            };
            let error = match version {
                Version::V3 => event::json(&error.message),
                Version::V4 => event::json(&error),
            };
            Received::Reply(format!("44{},{error}", namespace.unwrap_or_default()))
        }
        Some('0') => match version {
            Version::V3 => Received::Nothing,
            Version::V4 => Received::Reply(format!("40{}", event::json(&Connected { sid }))),
        },
        Some('1') if namespace.is_none() => Received::Close,
        Some('2') => {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (id, json) = rest.split_at(digits);
            let ack = id.parse().ok();
            match namespace {
                Some(_) => refuse("", Code::UnknownNamespace, None),
                None => Received::Request(Request {
                    command: event_packet(json),
                    ack,
                }),
            }
        }
        // The event would follow in binary frames.
        Some('5' | '6') => refuse("", Code::BinaryMessage, None),
        // A disconnect from a namespace that is not there, an acknowledgement we never asked for, an error report.
        Some('1' | '3' | '4') => Received::Nothing,
        Some(_) | None => refuse("", Code::BadMessage, None),
    }
}

/// Splits the namespace off; `None` for the default one.
fn namespace(text: &str) -> (Option<&str>, &str) {
    if !text.starts_with('/') {
        return (None, text);
    }
    let (namespace, rest) = text.split_once(',').unwrap_or((text, ""));
    let path = namespace.split('?').next().unwrap_or_default();
    ((path != "/").then_some(path), rest)
}

fn event_packet(json: &str) -> Result<Command, Fault> {
    let parts = serde_json::from_str::<Vec<&RawValue>>(json)
        .map_err(|_| Fault::new("", fault::malformed(json)))?;
    let name = parts
        .first()
        .and_then(|name| serde_json::from_str::<Cow<'_, str>>(name.get()).ok());
    let Some(name) = name else {
        return Err(Fault::new("", Code::BadMessage));
    };
    Command::read(&name, parts.get(1).copied())
}

fn refuse(event: &str, code: Code, ack: Option<u64>) -> Received {
    Received::Request(Request {
        command: Err(Fault::new(event, code)),
        ack,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::game::{Event, Face};

    fn handshake() -> Handshake {
        Handshake {
            sid: "s1".to_owned(),
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            max_payload: 16384,
        }
    }

    fn request(text: &str) -> (Result<Command, Code>, Option<u64>) {
        match read(Version::V3, "s1", text) {
            Received::Request(Request { command, ack }) => {
                (command.map_err(|fault| fault.code), ack)
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn version_3_is_connected_without_asking_and_version_4_when_it_asks() {
        let open = r#"0{"sid":"s1","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":16384}"#;
        assert_eq!(super::open(Version::V3, &handshake()), [open, "40"]);
        assert_eq!(super::open(Version::V4, &handshake()), [open]);
        assert_eq!(
            read(Version::V4, "s1", r#"40{"auth":1}"#),
            Received::Reply(r#"40{"sid":"s1"}"#.to_owned())
        );
        assert_eq!(read(Version::V3, "s1", "40"), Received::Nothing);
    }

    #[test]
    fn events_carry_a_payload_and_an_acknowledgement_or_neither() {
        assert_eq!(request(r#"42["join"]"#), (Ok(Command::Join), None));
        assert_eq!(
            request(r#"427["face",{"face":1}]"#),
            (Ok(Command::Face(Face::Laughing)), Some(7))
        );
        assert_eq!(
            request(r#"42/,3["join",null,1]"#),
            (Ok(Command::Join), Some(3))
        );
        assert_eq!(
            request(r#"420["nonsense"]"#),
            (Err(Code::UnknownEvent), Some(0))
        );
    }

    #[test]
    fn a_malformed_event_is_a_fault() {
        for text in [
            "42[",
            "42",
            "42[\"join\"",
            "42[\"join\"]x",
            "42{",
            "42nonsense",
            "4299999999999999999999",
        ] {
            assert_eq!(request(text).0, Err(Code::BadJson), "{text}");
        }
        for text in [
            "42[]",
            "42[1]",
            "42[null]",
            "42{}",
            "42\"join\"",
            "421",
            "4",
            "47",
            "9",
            "",
            "x",
            "武",
        ] {
            assert!(
                matches!(request(text).0, Err(Code::BadMessage | Code::BadJson)),
                "{text}"
            );
        }
        assert_eq!(
            request("451-[\"choice\",{\"_placeholder\":true,\"num\":0}]").0,
            Err(Code::BinaryMessage)
        );
        assert_eq!(
            request(r#"42/chat,["join"]"#).0,
            Err(Code::UnknownNamespace)
        );
    }

    #[test]
    fn pings_are_answered_with_what_they_brought() {
        assert_eq!(
            read(Version::V3, "s1", "2"),
            Received::Reply("3".to_owned())
        );
        assert_eq!(
            read(Version::V3, "s1", "2probe"),
            Received::Reply("3probe".to_owned())
        );
        assert_eq!(read(Version::V4, "s1", "3"), Received::Nothing);
    }

    #[test]
    fn unknown_namespaces_are_refused_in_the_words_of_each_version() {
        let reply = |version| read(version, "s1", "40/chat?a=1,");
        assert_eq!(
            reply(Version::V3),
            Received::Reply(r#"44/chat,"Invalid namespace""#.to_owned())
        );
        assert_eq!(
            reply(Version::V4),
            Received::Reply(r#"44/chat,{"message":"Invalid namespace"}"#.to_owned())
        );
    }

    #[test]
    fn both_goodbyes_close() {
        assert_eq!(read(Version::V3, "s1", "1"), Received::Close);
        assert_eq!(read(Version::V4, "s1", "41"), Received::Close);
        assert_eq!(read(Version::V4, "s1", "41/chat,"), Received::Nothing);
    }

    #[test]
    fn what_the_2016_parser_sees_is_two_digits_and_one_line_of_json() {
        let text = write(&Message::from(&Event::Left {
            uid: "\u{2029}".into(),
        }));
        assert_eq!(text, r#"42["leave",{"uid":"\u2029"}]"#);
        assert_eq!(acknowledge(12, &event::accepted()), r#"4312[{"ok":true}]"#);
    }

    proptest::proptest! {
        #[test]
        fn no_text_brings_the_codec_down(text in "[0-6]{0,3}(/[a-z?]*,)?[0-9]{0,22}.{0,40}") {
            for version in [Version::V3, Version::V4] {
                let _ = read(version, "s1", &text);
            }
        }
    }
}
