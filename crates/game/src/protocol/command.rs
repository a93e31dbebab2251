//! What a client asks: the payloads of `hello`, `join`, `leave`, `choice` and `face`.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use wulin_text::{is_blank, visible};

use super::fault::{Code, Fault};
use super::json::{Whole, mended, object, text};
use crate::{Face, Hand, Place, Profile, Token};

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
                .and_then(|FacePayload { face }| Face::from_number(face.0))
                .map(Command::Face)
                .ok_or(Code::BadFace),
            _ => Err(Code::UnknownEvent),
        };
        command.map_err(|code| Fault::new(event, code))
    }
}

/// What is no object asks for nothing in particular: clients may send something where nothing is needed.
fn join(payload: &str) -> Result<Command, Code> {
    let Some(JoinPayload { robot }) = object(payload) else {
        return Ok(Command::Join);
    };
    match robot.map(|robot| serde_json::from_str(robot.get())) {
        None | Some(Ok(false)) => Ok(Command::Join),
        Some(Ok(true)) => Ok(Command::JoinRobot),
        Some(Err(_)) => Err(Code::BadJoin),
    }
}

fn choice(payload: &str) -> Option<Command> {
    let ChoicePayload { choice, lock } = object(payload)?;
    let hand = Hand::from_number(choice.0)?;
    Some(match lock {
        Some(true) => Command::Lock(hand),
        Some(false) | None => Command::Choice(hand),
    })
}

#[derive(Deserialize)]
struct JoinPayload<'a> {
    #[serde(borrow, default)]
    robot: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ChoicePayload {
    choice: Whole,
    #[serde(default)]
    lock: Option<bool>,
}

#[derive(Deserialize)]
struct FacePayload {
    face: Whole,
}

/// Each part is read by itself, so that the fault says which one is wrong. `null` is as good as nothing.
#[derive(Deserialize)]
struct HelloPayload<'a> {
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
struct HelloUser<'a> {
    #[serde(borrow, default)]
    uid: Option<&'a RawValue>,
    #[serde(borrow, default)]
    uname: Option<&'a RawValue>,
    #[serde(borrow, default)]
    uavatar: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct PlacePayload {
    lat: f64,
    lng: f64,
}

fn hello(payload: &str) -> Result<Hello, Code> {
    let HelloPayload {
        user,
        cordinate,
        coordinate,
        token,
    } = object(payload).ok_or(Code::BadHello)?;
    let HelloUser {
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
            let PlacePayload { lat, lng } = object(place.get())?;
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
mod tests;
