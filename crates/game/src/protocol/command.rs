//! What a client asks: the payloads of `hello`, `join`, `leave`, `choice` and `face`, checked.
//!
//! The wire structs (`…Payload`) hold what a stranger sent; a [`Command`] only ever holds what has been checked.

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

/// A client's message, read and checked.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// The client says who it is and where.
    Hello(Box<Hello>),
    /// The client asks for a seat.
    Join,
    /// The client asks for a round with robots at once.
    JoinRobot,
    /// The client leaves its room or the queue.
    Leave,
    /// The client chooses this hand.
    Choice(Hand),
    /// The client chooses this hand for good.
    Lock(Hand),
    /// The client pulls this face.
    Face(Face),
}

/// The payload of `hello`.
#[derive(Debug, Clone, PartialEq)]
pub struct Hello {
    /// `user`.
    pub profile: Profile,
    /// `cordinate`, as the clients of 2016 spell it, or `coordinate`.
    pub place: Option<Place>,
    /// `token`.
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

    /// Reads the payload of an event. Where no payload is needed, any is ignored.
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

/// Anything but an object is a plain `join`, since clients may send any payload where none is needed. The only object
/// that cannot be read is one with `robot` twice.
fn join(payload: &str) -> Result<Command, Code> {
    let Some(JoinPayload { robot }) = object(payload) else {
        let has_duplicates = payload.trim_start().starts_with('{');
        return if has_duplicates {
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

/// Each field is read later by itself, so that the fault can say which one is wrong. `null` counts as absent.
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
        // Any other string proves nothing, like a token that the server no longer remembers.
        token: token.and_then(|token| Token::parse(&token)),
    })
}

/// Whether a uid or a name is short enough and has at least one visible character.
fn fits(text: &str) -> bool {
    text.chars().nth(NAME_CHARS).is_none() && !is_blank(text)
}

/// A name without its invisible characters, such as controls, which people type without noticing.
fn name(json: &RawValue) -> Option<Arc<str>> {
    let name = text(json.get()).filter(|name| fits(name))?;
    Some(visible(&name).into())
}

/// The address of a picture, or an empty one if the other players could not load it. `WeChat` gives an empty address to
/// people without a picture, and its developer tools give addresses on the developer's own machine. Only a value that
/// is no text is refused: clients of 2016 do not read faults, so a refused `hello` would leave them without a game.
fn picture(json: Option<&RawValue>) -> Option<Arc<str>> {
    let address = match json {
        None => return Some("".into()),
        Some(json) => text(json.get())?,
    };
    let shows = is_public(&address) && address.chars().nth(PICTURE_CHARS).is_none();
    Some(if shows { (&*address).into() } else { "".into() })
}

/// Whether this is an `http://` or `https://` address of a host that others can reach, without characters that could
/// end an HTML attribute or an HTTP header.
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
    // WeChat's developer tools name local files `http://tmp/…`, `http://usr/…` and `http://127.0.0.1:PORT/__tmp__/…`.
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
