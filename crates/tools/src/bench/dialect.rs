//! The frames of each protocol: how ours are written, and how the server's are told apart.
//!
//! The beginning of a frame is enough to tell what it is. Parsing all of its JSON would take more CPU time than the
//! server needs to write it, on the machine that is measured.

use std::borrow::Cow;

use serde_json::value::RawValue;
use serde_json::{Value, json};
use wulin_game::protocol::native::Frame;

use crate::bench::flags::Protocol;

/// What a frame of the server is.
#[derive(Debug, PartialEq)]
pub(super) enum Heard<'a> {
    /// An event, and its payload as JSON.
    Event(Name, &'a str),
    /// Engine.IO has opened the session. The payload has `pingInterval`.
    Opened(&'a str),
    /// Socket.IO has connected us to the namespace.
    Connected,
    /// A heartbeat of Engine.IO, to be answered with a pong.
    Ping,
    /// The server closes the session.
    Goodbye,
    /// A frame that needs no answer.
    Nothing,
}

/// The events that the bench acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    /// `hi`
    Hi,
    /// `start`
    Start,
    /// `movement`
    Movement,
    /// `result`
    Result,
    /// `fault`
    Fault,
    /// Any other.
    Other,
}

impl Name {
    fn of(text: &str) -> Name {
        match text {
            "hi" => Name::Hi,
            "start" => Name::Start,
            "movement" => Name::Movement,
            "result" => Name::Result,
            "fault" => Name::Fault,
            _ => Name::Other,
        }
    }
}

/// The path and query of the WebSocket.
pub(super) fn target(protocol: Protocol, base: &str) -> String {
    match protocol {
        Protocol::Native => base.to_owned(),
        Protocol::Eio3 => format!("{base}/socket.io/?EIO=3&transport=websocket"),
        Protocol::Eio4 => format!("{base}/socket.io/?EIO=4&transport=websocket"),
    }
}

/// An event as a text frame.
pub(super) fn write(protocol: Protocol, event: &str, data: Option<&Value>) -> String {
    match (protocol, data) {
        (Protocol::Native, None) => json!({ "event": event }).to_string(),
        (Protocol::Native, Some(data)) => json!({ "event": event, "data": data }).to_string(),
        (Protocol::Eio3 | Protocol::Eio4, None) => format!("42{}", json!([event])),
        (Protocol::Eio3 | Protocol::Eio4, Some(data)) => format!("42{}", json!([event, data])),
    }
}

/// Reads a text frame.
pub(super) fn read(protocol: Protocol, text: &str) -> Heard<'_> {
    match protocol {
        Protocol::Native => native(text),
        Protocol::Eio3 | Protocol::Eio4 => engineio(text),
    }
}

fn native(text: &str) -> Heard<'_> {
    let quick = text
        .strip_prefix(r#"{"event":""#)
        .and_then(|rest| rest.split_once('"'))
        .filter(|(name, _)| !name.contains('\\'));
    if let Some((name, rest)) = quick {
        if let Some(data) = rest
            .strip_prefix(r#","data":"#)
            .and_then(|data| data.strip_suffix('}'))
        {
            return Heard::Event(Name::of(name), data);
        }
        if rest == "}" {
            return Heard::Event(Name::of(name), "null");
        }
    }
    // Another server may order the fields otherwise, or write spaces between them.
    match serde_json::from_str::<Frame<'_>>(text) {
        Ok(Frame { event, data }) => {
            Heard::Event(Name::of(&event), data.map_or("null", RawValue::get))
        }
        Err(_) => Heard::Nothing,
    }
}

fn engineio(text: &str) -> Heard<'_> {
    let mut packets = text.chars();
    match (packets.next(), packets.clone().next()) {
        (Some('0'), _) => Heard::Opened(packets.as_str()),
        (Some('1'), _) | (Some('4'), Some('1')) => Heard::Goodbye,
        (Some('2'), _) => Heard::Ping,
        (Some('4'), Some('0')) => Heard::Connected,
        (Some('4'), Some('2')) => socketio(&text[2..]),
        _ => Heard::Nothing,
    }
}

fn socketio(json: &str) -> Heard<'_> {
    let quick = json
        .strip_prefix("[\"")
        .and_then(|rest| rest.split_once('"'))
        .filter(|(name, _)| !name.contains('\\'));
    if let Some((name, rest)) = quick {
        if let Some(data) = rest
            .strip_prefix(',')
            .and_then(|data| data.strip_suffix(']'))
        {
            return Heard::Event(Name::of(name), data);
        }
        if rest == "]" {
            return Heard::Event(Name::of(name), "null");
        }
    }
    let parts = serde_json::from_str::<Vec<&RawValue>>(json).unwrap_or_default();
    let name = parts
        .first()
        .and_then(|name| serde_json::from_str::<Cow<'_, str>>(name.get()).ok());
    match name {
        Some(name) => Heard::Event(
            Name::of(&name),
            parts.get(1).copied().map_or("null", RawValue::get),
        ),
        None => Heard::Nothing,
    }
}

/// The text of the first field with this name. It is right only for flat payloads whose texts have no escapes.
pub(super) fn text_of<'a>(payload: &'a str, field: &str) -> Option<&'a str> {
    let (_, rest) = payload.split_once(field)?;
    let rest = rest.strip_prefix("\":")?.trim_start().strip_prefix('"')?;
    rest.split_once('"').map(|(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_in_every_spelling() {
        let payload = r#"{"uid":"a","movement":"choice"}"#;
        for text in [
            format!(r#"{{"event":"movement","data":{payload}}}"#),
            format!(r#"{{"data":{payload},"event":"movement"}}"#),
            format!(r#" {{ "event" : "mo\u0076ement", "data": {payload} }}"#),
        ] {
            assert_eq!(
                read(Protocol::Native, &text),
                Heard::Event(Name::Movement, payload),
                "{text}"
            );
        }
        for text in [
            format!(r#"42["movement",{payload}]"#),
            format!(r#"42[ "movement", {payload} ]"#),
        ] {
            assert_eq!(
                read(Protocol::Eio3, &text),
                Heard::Event(Name::Movement, payload),
                "{text}"
            );
        }
        assert_eq!(text_of(payload, "uid"), Some("a"));
        assert_eq!(text_of(payload, "name"), None);
    }

    #[test]
    fn events_without_payload_or_known_name_are_read() {
        assert_eq!(
            read(Protocol::Native, r#"{"event":"hi"}"#),
            Heard::Event(Name::Hi, "null")
        );
        assert_eq!(
            read(Protocol::Eio4, r#"42["weather"]"#),
            Heard::Event(Name::Other, "null")
        );
    }

    #[test]
    fn engineio_packets_are_told_apart() {
        for (text, heard) in [
            (r#"0{"sid":"a"}"#, Heard::Opened(r#"{"sid":"a"}"#)),
            (r#"40{"sid":"a"}"#, Heard::Connected),
            ("40", Heard::Connected),
            ("2", Heard::Ping),
            ("3", Heard::Nothing),
            ("41", Heard::Goodbye),
            ("1", Heard::Goodbye),
            ("", Heard::Nothing),
            ("武", Heard::Nothing),
        ] {
            assert_eq!(read(Protocol::Eio4, text), heard, "{text}");
        }
        assert_eq!(read(Protocol::Native, "42[]"), Heard::Nothing);
    }

    #[test]
    fn server_reads_every_frame_we_write() {
        use wulin_game::protocol::socketio::{Dialogue, Received, Sid, Version};
        use wulin_game::protocol::{Command, native};

        let choice = json!({ "choice": 2 });
        let data = Some(&choice);
        let chosen = native::read(&write(Protocol::Native, "choice", data)).unwrap();
        assert_eq!(chosen.name(), "choice");
        assert_eq!(
            native::read(&write(Protocol::Native, "join", None)),
            Ok(Command::Join)
        );
        for (protocol, version) in [(Protocol::Eio3, Version::V3), (Protocol::Eio4, Version::V4)] {
            let text = write(protocol, "choice", data);
            let mut dialogue = Dialogue::new(version, Sid::new([0; 16]));
            dialogue.read("40");
            let Received::Request(request) = dialogue.read(&text) else {
                panic!("{text}");
            };
            assert_eq!(request.command, Ok(chosen.clone()));
        }
    }
}
