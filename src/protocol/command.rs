//! What a client asks: the payloads of `hello`, `join`, `leave`, `choice` and `face`.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::fault::{Code, Fault};
use crate::game::{Face, Hand, Place, Profile, Token};

/// The longest uid or name, in characters.
const NAME_CHARS: usize = 64;
/// The longest picture address, in characters.
const PICTURE_CHARS: usize = 512;

/// A message of a client that could be read.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Who I am and where.
    Hello(Box<Hello>),
    /// Give me a seat.
    Join,
    /// I leave my room or the queue.
    Leave,
    /// Show this hand.
    Choice(Hand),
    /// Pull this face.
    Face(Face),
}

/// The payload of `hello`.
#[derive(Debug, Clone, PartialEq)]
pub struct Hello {
    /// `user`
    pub profile: Profile,
    /// `cordinate`, or `coordinate`
    pub place: Option<Place>,
    /// `token`
    pub token: Option<Token>,
}

impl Command {
    /// The event's name on the wire.
    pub const fn name(&self) -> &'static str {
        match self {
            Command::Hello(_) => "hello",
            Command::Join => "join",
            Command::Leave => "leave",
            Command::Choice(_) => "choice",
            Command::Face(_) => "face",
        }
    }

    /// Reads the payload of an event. A payload is optional where none is needed, and then ignored.
    pub fn read(event: &str, payload: Option<&RawValue>) -> Result<Command, Fault> {
        let payload = payload.map_or("null", RawValue::get);
        let command = match event {
            "hello" => hello(payload).map(|hello| Command::Hello(Box::new(hello))),
            "join" => Ok(Command::Join),
            "leave" => Ok(Command::Leave),
            "choice" => match serde_json::from_str(payload) {
                Ok(Chosen { choice }) => Hand::from_number(choice)
                    .map(Command::Choice)
                    .ok_or(Code::BadChoice),
                Err(_) => Err(Code::BadChoice),
            },
            "face" => match serde_json::from_str(payload) {
                Ok(Pulled { face }) => Face::from_number(face)
                    .map(Command::Face)
                    .ok_or(Code::BadFace),
                Err(_) => Err(Code::BadFace),
            },
            _ => Err(Code::UnknownEvent),
        };
        command.map_err(|code| Fault::new(event, code))
    }
}

#[derive(Deserialize)]
struct Chosen {
    choice: i64,
}

#[derive(Deserialize)]
struct Pulled {
    face: i64,
}

fn hello(payload: &str) -> Result<Hello, Code> {
    let payload: Value = serde_json::from_str(payload).map_err(|_| Code::BadHello)?;
    let user = payload
        .get("user")
        .filter(|user| user.is_object())
        .ok_or(Code::BadHello)?;
    let profile = Profile {
        uid: name(user.get("uid")).ok_or(Code::BadUid)?,
        name: name(user.get("uname")).ok_or(Code::BadName)?,
        picture: picture(user.get("uavatar")).ok_or(Code::BadPicture)?,
    };
    let place = match payload
        .get("cordinate")
        .or_else(|| payload.get("coordinate"))
    {
        None | Some(Value::Null) => None,
        Some(value) => Some(place(value).ok_or(Code::BadPlace)?),
    };
    let token = match payload.get("token") {
        None | Some(Value::Null) => None,
        // A string that is no token of ours proves nothing, as one that has been forgotten.
        Some(Value::String(text)) => Token::parse(text),
        Some(_) => return Err(Code::BadToken),
    };
    Ok(Hello {
        profile,
        place,
        token,
    })
}

fn name(value: Option<&Value>) -> Option<Arc<str>> {
    let text = value?.as_str()?;
    let fits = !text.trim().is_empty() && text.chars().nth(NAME_CHARS).is_none();
    fits.then(|| text.into())
}

/// Nothing, null and the empty string mean that there is no picture: `WeChat` gives an empty one to people without.
fn picture(value: Option<&Value>) -> Option<Arc<str>> {
    let text = match value {
        None | Some(Value::Null) => "",
        Some(value) => value.as_str()?,
    };
    let fits = text.is_empty() || (is_http(text) && text.chars().nth(PICTURE_CHARS).is_none());
    fits.then(|| text.into())
}

/// `http://` or `https://`, something behind it, and nothing that could end an attribute or a header.
fn is_http(text: &str) -> bool {
    let rest = ["https://", "http://"].into_iter().find_map(|scheme| {
        let head = text.get(..scheme.len())?;
        head.eq_ignore_ascii_case(scheme)
            .then(|| &text[scheme.len()..])
    });
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with('/')
            && !rest.contains(|c: char| {
                c.is_whitespace() || c.is_control() || "\"<>\\^`{|}".contains(c)
            })
    })
}

fn place(value: &Value) -> Option<Place> {
    Place::new(value.get("lat")?.as_f64()?, value.get("lng")?.as_f64()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(event: &str, payload: &str) -> Result<Command, Code> {
        let payload = RawValue::from_string(payload.to_owned()).expect("JSON");
        Command::read(event, Some(&payload)).map_err(|fault| fault.code)
    }

    fn hello_with(user: &str, rest: &str) -> Result<Command, Code> {
        read("hello", &format!(r#"{{"user":{user}{rest}}}"#))
    }

    #[test]
    fn hands_and_faces_are_whole_numbers_in_their_range() {
        assert_eq!(
            read("choice", r#"{"choice":3}"#),
            Ok(Command::Choice(Hand::Paper))
        );
        assert_eq!(
            read("face", r#"{"face":4,"extra":[]}"#),
            Ok(Command::Face(Face::Smirking))
        );
        for payload in [
            "null",
            "{}",
            r#"{"choice":null}"#,
            r#"{"choice":99}"#,
            r#"{"choice":"2"}"#,
            r#"{"choice":-1}"#,
            r#"{"choice":{}}"#,
            r#"{"choice":0}"#,
            r#"{"choice":1.5}"#,
            "2",
            "[]",
            r#"{"choice":99999999999999999999}"#,
        ] {
            assert_eq!(read("choice", payload), Err(Code::BadChoice), "{payload}");
            assert_eq!(
                read("face", &payload.replace("choice", "face")),
                Err(Code::BadFace),
                "{payload}"
            );
        }
        assert_eq!(
            Command::read("choice", None).map_err(|fault| fault.code),
            Err(Code::BadChoice)
        );
    }

    #[test]
    fn join_and_leave_need_no_payload_and_mind_none() {
        assert_eq!(Command::read("join", None), Ok(Command::Join));
        assert_eq!(read("leave", r"[1,2]"), Ok(Command::Leave));
    }

    #[test]
    fn unknown_events_are_named_and_shortened() {
        assert_eq!(
            Command::read("error", None),
            Err(Fault::new("error", Code::UnknownEvent))
        );
        let fault = Command::read(&"長".repeat(1000), None).unwrap_err();
        assert_eq!(fault.event.chars().count(), 64);
    }

    #[test]
    fn hello_takes_both_spellings_of_a_place() {
        let user = r#"{"uid":"a","uname":"阿","uavatar":"https://example.com/a.png"}"#;
        for spelling in ["cordinate", "coordinate"] {
            let Ok(Command::Hello(hello)) = hello_with(
                user,
                &format!(r#","{spelling}":{{"lat":39.9,"lng":116.4}}"#),
            ) else {
                panic!("{spelling}");
            };
            assert_eq!(hello.place, Place::new(39.9, 116.4));
            assert_eq!(&*hello.profile.name, "阿");
        }
        assert!(hello_with(user, r#","cordinate":null"#).is_ok());
        for bad in [
            r#"{"lat":91,"lng":0}"#,
            r#"{"lat":0,"lng":-180.5}"#,
            r#"{"lat":"1","lng":0}"#,
            r#"{"lat":1}"#,
            "[]",
            "1",
            "{}",
        ] {
            assert_eq!(
                hello_with(user, &format!(r#","cordinate":{bad}"#)),
                Err(Code::BadPlace),
                "{bad}"
            );
        }
    }

    #[test]
    fn hello_refuses_what_could_not_be_shown_to_the_others() {
        assert_eq!(
            Command::read("hello", None).map_err(|fault| fault.code),
            Err(Code::BadHello)
        );
        for payload in ["null", "7", "[]", r#"{"user":7}"#, r#"{"user":null}"#] {
            assert_eq!(read("hello", payload), Err(Code::BadHello), "{payload}");
        }
        let long = "x".repeat(65);
        for uid in ["null", "7", r#""""#, r#""  ""#, &format!("\"{long}\"")] {
            assert_eq!(
                hello_with(&format!(r#"{{"uid":{uid},"uname":"n"}}"#), ""),
                Err(Code::BadUid),
                "{uid}"
            );
            assert_eq!(
                hello_with(&format!(r#"{{"uid":"u","uname":{uid}}}"#), ""),
                Err(Code::BadName),
                "{uid}"
            );
        }
        let far = format!(r#""https://{}""#, "x".repeat(505));
        for picture in [
            "7",
            r#""javascript:alert(1)""#,
            r#""ftp://a""#,
            r#""https://""#,
            r#""http:///x""#,
            r#""https://a\"b""#,
            &far,
        ] {
            let user = format!(r#"{{"uid":"u","uname":"n","uavatar":{picture}}}"#);
            assert_eq!(hello_with(&user, ""), Err(Code::BadPicture), "{picture}");
        }
        for picture in ["null", r#""""#, r#""http://a.b/c?d=e""#, r#""HTTPS://A""#] {
            let user = format!(r#"{{"uid":"u","uname":"n","uavatar":{picture}}}"#);
            assert!(hello_with(&user, "").is_ok(), "{picture}");
        }
        assert_eq!(
            hello_with(r#"{"uid":"u","uname":"n"}"#, r#","token":7"#),
            Err(Code::BadToken)
        );
    }
}
