//! The native WebSocket's framing: each text frame is `{"event": NAME, "data": PAYLOAD}`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::command::Command;
use super::event::Message;
use super::fault::{self, Fault};
use super::json::{mended, object};

/// A frame of either side, whose payload is not read yet.
#[derive(Deserialize)]
pub struct Frame<'a> {
    /// The event's name.
    #[serde(borrow)]
    pub event: Cow<'a, str>,
    /// The payload.
    #[serde(borrow, default)]
    pub data: Option<&'a RawValue>,
}

/// Reads one text frame.
pub fn read(text: &str) -> Result<Command, Fault> {
    let text = mended(text);
    match object(&text) {
        Some(Frame { event, data }) => Command::read(&event, data),
        None => Err(Fault::new("", fault::malformed(&text))),
    }
}

/// Writes one text frame.
pub fn write(message: &Message) -> String {
    let Message { name, json, .. } = message;
    // Event names need no escaping. Every event for every player is written here, and `format!` takes twice as long as
    // `concat`.
    [r#"{"event":""#, name, r#"","data":"#, json, "}"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Code;
    use crate::{Event, Hand};

    #[test]
    fn frames_are_objects_with_an_event() {
        assert_eq!(read(r#"{"event":"join"}"#), Ok(Command::Join));
        assert_eq!(
            read(r#" {"data":{"choice":2},"event":"choice","id":9}"#),
            Ok(Command::Choice(Hand::Rock))
        );
        assert_eq!(
            read(r#"{"event":"jo\u0069n","data":null}"#),
            Ok(Command::Join)
        );
    }

    #[test]
    fn text_that_is_no_frame_is_a_fault() {
        let code = |text| read(text).map_err(|fault| fault.code);
        for text in ["", "{", "nonsense", "{'event':'join'}", "42[\"join\"]"] {
            assert_eq!(code(text), Err(Code::BadJson), "{text}");
        }
        for text in [
            "[]",
            "7",
            "null",
            r#"["join"]"#,
            "{}",
            r#"{"event":7}"#,
            r#"{"event":null}"#,
            r#"{"data":1}"#,
            r#"{"event":"join","event":"leave"}"#,
        ] {
            assert_eq!(code(text), Err(Code::BadMessage), "{text}");
        }
        assert_eq!(code(r#"{"event":"error"}"#), Err(Code::UnknownEvent));
    }

    #[test]
    fn unpaired_surrogates_do_not_change_a_frames_meaning() {
        assert_eq!(
            read(r#"{"\udead":"\ud800","event":"join"}"#),
            Ok(Command::Join)
        );
        let fault = read(r#"{"event":"join\ud83d"}"#).unwrap_err();
        assert_eq!(fault, Fault::new("join\u{fffd}", Code::UnknownEvent));
        let hello = r#"{"event":"hello","data":{"user":{"uid":"\uDC00","uname":"n\ud83d"}}}"#;
        let Ok(Command::Hello(hello)) = read(hello) else {
            panic!("refused");
        };
        assert_eq!(&*hello.profile.uid, "\u{fffd}");
        assert_eq!(&*hello.profile.name, "n\u{fffd}");
    }

    #[test]
    fn deep_nesting_does_not_overflow_the_stack() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let join = format!(r#"{{"event":"join","data":{deep}}}"#);
        assert_eq!(read(&join), Ok(Command::Join));
        for data in [&deep, &format!(r#"{{"choice":{deep}}}"#)] {
            let fault = read(&format!(r#"{{"event":"choice","data":{data}}}"#)).unwrap_err();
            assert_eq!(fault.code, Code::BadChoice);
        }
        assert_eq!(read(&deep).unwrap_err().code, Code::BadMessage);
    }

    #[test]
    fn written_frames_are_escaped_json() {
        let text = write(&Message::from(&Event::Left {
            uid: "a\"\u{2028}".into(),
        }));
        assert_eq!(text, r#"{"event":"leave","data":{"uid":"a\"\u2028"}}"#);
    }
}
