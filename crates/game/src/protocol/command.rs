//! What a client asks: the payloads of `hello`, `join`, `leave`, `choice` and `face`.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::fault::{Code, Fault};
use super::json::{Whole, mended, object, text};
use crate::{Face, Hand, Place, Profile, Token};
use wulin_text::{is_blank, visible};

/// The longest uid or name, in characters.
pub const NAME_CHARS: usize = 64;
/// The longest picture address, in characters.
pub const PICTURE_CHARS: usize = 512;

/// A message of a client that could be read.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Who I am and where.
    Hello(Box<Hello>),
    /// Give me a seat.
    Join,
    /// Give me a seat with a robot, now.
    JoinRobot,
    /// I leave my room or the queue.
    Leave,
    /// Show this hand.
    Choice(Hand),
    /// Show this hand, whatever comes.
    Lock(Hand),
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
            Command::Join | Command::JoinRobot => "join",
            Command::Leave => "leave",
            Command::Choice(_) | Command::Lock(_) => "choice",
            Command::Face(_) => "face",
        }
    }

    /// Reads the payload of an event. A payload is optional where none is needed, and then ignored.
    pub fn read(event: &str, payload: Option<&RawValue>) -> Result<Command, Fault> {
        let payload = mended(payload.map_or("null", RawValue::get));
        let command = match event {
            "hello" => hello(&payload).map(|hello| Command::Hello(Box::new(hello))),
            "join" => join(&payload),
            "leave" => Ok(Command::Leave),
            "choice" => choice(&payload).ok_or(Code::BadChoice),
            "face" => object(&payload)
                .and_then(|Pulled { face }| Face::from_number(face.0))
                .map(Command::Face)
                .ok_or(Code::BadFace),
            _ => Err(Code::UnknownEvent),
        };
        command.map_err(|code| Fault::new(event, code))
    }
}

/// What is no object asks for nothing in particular: clients may send something where nothing is needed.
fn join(payload: &str) -> Result<Command, Code> {
    let Some(Wanted { robot }) = object(payload) else {
        let says_it_twice = payload.trim_start().starts_with('{');
        return if says_it_twice {
            Err(Code::BadJoin)
        } else {
            Ok(Command::Join)
        };
    };
    match robot.map(|robot| serde_json::from_str(robot.get())) {
        None | Some(Ok(false)) => Ok(Command::Join),
        Some(Ok(true)) => Ok(Command::JoinRobot),
        Some(Err(_)) => Err(Code::BadJoin),
    }
}

fn choice(payload: &str) -> Option<Command> {
    let Chosen { choice, lock } = object(payload)?;
    let hand = Hand::from_number(choice.0)?;
    Some(match lock {
        Some(true) => Command::Lock(hand),
        Some(false) | None => Command::Choice(hand),
    })
}

#[derive(Deserialize)]
struct Wanted<'a> {
    #[serde(borrow, default)]
    robot: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Chosen {
    choice: Whole,
    #[serde(default)]
    lock: Option<bool>,
}

#[derive(Deserialize)]
struct Pulled {
    face: Whole,
}

/// Each part is read by itself, so that the fault says which one is wrong. `null` is as good as nothing.
#[derive(Deserialize)]
struct Introduction<'a> {
    #[serde(borrow, default)]
    user: Option<&'a RawValue>,
    #[serde(borrow, default)]
    cordinate: Option<&'a RawValue>,
    #[serde(borrow, default)]
    coordinate: Option<&'a RawValue>,
    #[serde(borrow, default)]
    token: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct User<'a> {
    #[serde(borrow, default)]
    uid: Option<&'a RawValue>,
    #[serde(borrow, default)]
    uname: Option<&'a RawValue>,
    #[serde(borrow, default)]
    uavatar: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Degrees {
    lat: f64,
    lng: f64,
}

fn hello(payload: &str) -> Result<Hello, Code> {
    let Introduction {
        user,
        cordinate,
        coordinate,
        token,
    } = object(payload).ok_or(Code::BadHello)?;
    let User {
        uid,
        uname,
        uavatar,
    } = user
        .and_then(|user| object(user.get()))
        .ok_or(Code::BadHello)?;
    let profile = Profile {
        uid: uid
            .and_then(|uid| text(uid.get()))
            .filter(|uid| fits(uid))
            .ok_or(Code::BadUid)?
            .into(),
        name: uname.and_then(name).ok_or(Code::BadName)?,
        picture: picture(uavatar).ok_or(Code::BadPicture)?,
    };
    let place = cordinate
        .or(coordinate)
        .map(|place| {
            let Degrees { lat, lng } = object(place.get())?;
            Place::new(lat, lng)
        })
        .map(|place| place.ok_or(Code::BadPlace))
        .transpose()?;
    let token = token
        .map(|token| text(token.get()).ok_or(Code::BadToken))
        .transpose()?;
    Ok(Hello {
        profile,
        place,
        // A string that is no token of ours proves nothing, as one that has been forgotten.
        token: token.and_then(|token| Token::parse(&token)),
    })
}

/// Whether a uid or a name is neither too long nor nothing to look at.
fn fits(text: &str) -> bool {
    text.chars().nth(NAME_CHARS).is_none() && !is_blank(text)
}

/// A name without what cannot be seen, as controls, which people do not know that they typed.
fn name(json: &RawValue) -> Option<Arc<str>> {
    let name = text(json.get()).filter(|name| fits(name))?;
    Some(visible(&name).into())
}

/// The address of a picture, or nothing where there is none that others could see. `WeChat` gives an empty one to people
/// without, and what its developer tools give leads into the machine they run on. Only what is no text at all is refused:
/// clients of 2016 read no fault.
fn picture(json: Option<&RawValue>) -> Option<Arc<str>> {
    let address = match json {
        None => return Some("".into()),
        Some(json) => text(json.get())?,
    };
    let shows = is_public(&address) && address.chars().nth(PICTURE_CHARS).is_none();
    Some(if shows { (&*address).into() } else { "".into() })
}

/// `http://` or `https://`, something behind it that others can reach, and nothing that could end an attribute or a header.
fn is_public(address: &str) -> bool {
    let behind = |scheme: &str| {
        let head = address.get(..scheme.len())?;
        head.eq_ignore_ascii_case(scheme)
            .then(|| &address[scheme.len()..])
    };
    let (rest, is_plain) = match (behind("https://"), behind("http://")) {
        (Some(rest), _) => (rest, false),
        (None, Some(rest)) => (rest, true),
        (None, None) => return false,
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = host(authority).to_ascii_lowercase();
    let loops = host == "localhost" || host == "[::1]" || host.starts_with("127.");
    // `http://tmp/…`, `http://usr/…` and `http://127.0.0.1:PORT/__tmp__/…` are files of the developer tools.
    let is_theirs = if loops {
        path.starts_with("/__")
    } else {
        is_plain && !host.contains(['.', ':'])
    };
    !host.is_empty()
        && !is_theirs
        && !address
            .contains(|c: char| c.is_whitespace() || c.is_control() || "\"<>\\^`{|}".contains(c))
}

/// The host of `user@host:port`.
fn host(authority: &str) -> &str {
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.rfind(':') {
        Some(colon) if !host[colon..].contains(']') => &host[..colon],
        _ => host,
    }
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
        for two in ["2", "2.0", "2e0", "0.2E1"] {
            let payload = format!(r#"{{"choice":{two},"face":{two}}}"#);
            assert_eq!(read("choice", &payload), Ok(Command::Choice(Hand::Rock)));
            assert_eq!(read("face", &payload), Ok(Command::Face(Face::Crying)));
        }
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
            r#"{"choice":"2.0"}"#,
            r#"{"choice":true}"#,
            r#"{"choice":[2]}"#,
            r#"{"choice":2,"choice":2}"#,
            r#"{"choice":1e999}"#,
            "2",
            "[]",
            "[2]",
            "[[2]]",
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
    fn a_join_may_ask_for_a_robot() {
        for payload in [
            "null",
            "{}",
            "7",
            "[true]",
            r#"{"robot":false}"#,
            r#"{"robot":null}"#,
        ] {
            assert_eq!(read("join", payload), Ok(Command::Join), "{payload}");
        }
        assert_eq!(read("join", r#"{"robot":true}"#), Ok(Command::JoinRobot));
        for robot in ["1", r#""true""#, "[]", "[true]", "{}"] {
            let payload = format!(r#"{{"robot":{robot}}}"#);
            assert_eq!(read("join", &payload), Err(Code::BadJoin), "{payload}");
        }
        // Others who read the same JSON may take the other one.
        for twice in [
            r#"{"robot":true,"robot":true}"#,
            r#"{"robot":false,"robot":true}"#,
        ] {
            assert_eq!(read("join", twice), Err(Code::BadJoin), "{twice}");
        }
    }

    #[test]
    fn a_choice_may_be_locked() {
        let rock = |lock| format!(r#"{{"choice":2,"lock":{lock}}}"#);
        assert_eq!(read("choice", &rock("true")), Ok(Command::Lock(Hand::Rock)));
        for lock in ["false", "null"] {
            assert_eq!(read("choice", &rock(lock)), Ok(Command::Choice(Hand::Rock)));
        }
        for lock in ["1", r#""true""#, "[]", "{}"] {
            assert_eq!(read("choice", &rock(lock)), Err(Code::BadChoice), "{lock}");
        }
        assert_eq!(
            read("choice", r#"{"choice":4,"lock":true}"#),
            Err(Code::BadChoice)
        );
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
            r#"{"lat":1,"lng":0,"lng":0}"#,
            "[]",
            "[1,2]",
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
        for payload in [
            "null",
            "7",
            "[]",
            r#"[{"uid":"u","uname":"n"}]"#,
            r#"{"user":7}"#,
            r#"{"user":null}"#,
            r#"{"user":["u","n"]}"#,
            r#"{"user":{"uid":"u","uname":"n","uname":"m"}}"#,
            r#"{"user":{"uid":"u","uname":"n"},"user":{"uid":"v","uname":"n"}}"#,
        ] {
            assert_eq!(read("hello", payload), Err(Code::BadHello), "{payload}");
        }
        let long = "x".repeat(65);
        for uid in [
            "null",
            "7",
            r#"["u"]"#,
            r#""""#,
            r#""  ""#,
            r#""\u0007\n""#,
            r#""\u200b\ufeff""#,
            r#""\u0301""#,
            "\"\u{2800}\u{3164}\"",
            &format!("\"{long}\""),
        ] {
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
        for picture in ["7", "true", "[]", "{}", r#"["https://a.b/c.png"]"#] {
            let user = format!(r#"{{"uid":"u","uname":"n","uavatar":{picture}}}"#);
            assert_eq!(hello_with(&user, ""), Err(Code::BadPicture), "{picture}");
        }
        assert_eq!(
            hello_with(r#"{"uid":"u","uname":"n"}"#, r#","token":7"#),
            Err(Code::BadToken)
        );
    }

    fn greeted(user: &str) -> Profile {
        match hello_with(user, "") {
            Ok(Command::Hello(hello)) => hello.profile,
            other => panic!("{user}: {other:?}"),
        }
    }

    #[test]
    fn a_picture_that_others_cannot_see_is_none() {
        let shown = |picture: &str| {
            let user = format!(r#"{{"uid":"u","uname":"n","uavatar":{picture}}}"#);
            greeted(&user).picture
        };
        let far = format!(r#""https://a.b/{}""#, "x".repeat(501));
        for picture in [
            "null",
            r#""""#,
            r#""javascript:alert(1)""#,
            r#""ftp://a.b""#,
            r#""https://""#,
            r#""https://:443/x""#,
            r#""http:///x""#,
            r#""https://a.b/\"c""#,
            r#""https://a.b/\u202f""#,
            r#""wxfile://tmp_0f3a.jpg""#,
            r#""http://tmp/0f3a.jpeg""#,
            r#""HTTP://TMP/0f3a.jpeg""#,
            r#""http://usr/0f3a.jpeg""#,
            r#""http://store/0f3a.jpeg""#,
            r#""http://127.0.0.1:45931/__tmp__/0f3a.jpeg""#,
            r#""http://localhost:45931/__usr__/0f3a.jpeg""#,
            r#""data:image/png;base64,AAAA""#,
            r#""cloud://prod-1.7072/avatar.png""#,
            r#""blob:https://a.b/0f3a""#,
            r#""//a.b/c.png""#,
            r#""/images/me.png""#,
            r#""me.png""#,
            r#""\ud800""#,
            &far,
        ] {
            assert_eq!(&*shown(picture), "", "{picture}");
        }
        for picture in [
            "http://a.b/c?d=e",
            "HTTPS://A",
            "https://thirdwx.qlogo.cn/mmopen/vi_32/x/132",
            "https://127.0.0.1:8443/avatars/fox.svg",
            "https://localhost/avatars/fox.svg",
            "http://[2001:db8::1]:80/x.png",
            &far[1..513],
        ] {
            assert_eq!(&*shown(&format!("\"{picture}\"")), picture);
        }
    }

    #[test]
    fn what_cannot_be_seen_is_taken_out_of_names_and_uids_stay_as_they_are() {
        for (typed, kept) in [
            (r"\u0007Li\u0000 Lei\u009b\n", "Li Lei"),
            (r"\u202eLi\u200b Lei\ufeff", "Li Lei"),
            (r"Li\u2028Lei", "Li\u{2028}Lei"),
            (r"\ud800", "\u{fffd}"),
            ("👨\u{200d}👩\u{200d}👧", "👨\u{200d}👩\u{200d}👧"),
        ] {
            let user = format!(r#"{{"uid":"{typed}","uname":"{typed}"}}"#);
            let profile = greeted(&user);
            assert_eq!(&*profile.name, kept, "{typed}");
            let uid: String = serde_json::from_str(&mended(&format!("\"{typed}\""))).unwrap();
            assert_eq!(*profile.uid, *uid, "a client finds itself by it");
        }
    }

    #[test]
    fn half_a_character_is_a_replacement_in_every_text() {
        let hello = r#"{"user":{"uid":"\ud83d","uname":"\udc04x"},"token":"\ud800","\ud800":1}"#;
        let Ok(Command::Hello(hello)) = read("hello", hello) else {
            panic!("refused");
        };
        assert_eq!(
            (&*hello.profile.uid, &*hello.profile.name),
            ("\u{fffd}", "\u{fffd}x")
        );
        assert_eq!(hello.token, None);
    }
}
