//! Refused messages: stable codes, and what to do about them in words.

use serde::de::IgnoredAny;
use serde::{Serialize, Serializer};

use crate::Rejected;

/// The longest part of an event's name that a fault repeats.
pub const EVENT_CHARS: usize = 64;

/// Why a message was refused. On the wire it is the snake-case name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The text is not JSON.
    BadJson,
    /// JSON, but not a message.
    BadMessage,
    /// A binary frame.
    BinaryMessage,
    /// A Socket.IO namespace other than `/`.
    UnknownNamespace,
    /// No event of this protocol.
    UnknownEvent,
    /// `hello` without an object as payload or `user`.
    BadHello,
    /// The uid is no string of 1 to 64 characters, or nothing of it can be seen.
    BadUid,
    /// The name is no string of 1 to 64 characters, or nothing of it can be seen.
    BadName,
    /// The picture is no string.
    BadPicture,
    /// The place is not a pair of degrees on earth.
    BadPlace,
    /// The token is not a string.
    BadToken,
    /// `join` asks for a robot with neither true nor false.
    BadJoin,
    /// The choice is not 1, 2 or 3.
    BadChoice,
    /// The face is not 1, 2, 3 or 4.
    BadFace,
    /// More messages than the limit.
    TooFast,
    /// Anything but `hello` came first.
    HelloFirst,
    /// The uid is in use.
    UidTaken,
    /// The uid is a robot's.
    UidReserved,
    /// The name is a robot's.
    NameReserved,
    /// Another uid than this connection said hello with.
    UidFixed,
    /// `join` while in a room.
    AlreadySeated,
    /// `leave` or `face` while in none.
    NotSeated,
    /// `choice` of another hand than the one that is locked.
    HandLocked,
    /// `choice` while no round runs.
    NoRound,
    /// `join` while the server closes.
    Closing,
    /// Another connection showed the token and took over.
    Replaced,
}

impl Code {
    /// Every code as it is on the wire, in the order of the variants.
    pub const NAMES: [&'static str; Code::Replaced as usize + 1] = [
        "bad_json",
        "bad_message",
        "binary_message",
        "unknown_namespace",
        "unknown_event",
        "bad_hello",
        "bad_uid",
        "bad_name",
        "bad_picture",
        "bad_place",
        "bad_token",
        "bad_join",
        "bad_choice",
        "bad_face",
        "too_fast",
        "hello_first",
        "uid_taken",
        "uid_reserved",
        "name_reserved",
        "uid_fixed",
        "already_seated",
        "not_seated",
        "hand_locked",
        "no_round",
        "closing",
        "replaced",
    ];

    /// The code as it is on the wire.
    pub const fn name(self) -> &'static str {
        Code::NAMES[self as usize]
    }

    /// What went wrong and what to do, for the developer of a client.
    pub const fn advice(self) -> &'static str {
        match self {
            Code::BadJson => "This is not JSON. Send one JSON text per message.",
            Code::BadMessage => "A message is an event name and at most one payload.",
            Code::BinaryMessage => "Binary messages are not understood. Send text.",
            Code::UnknownNamespace => "There is only the default namespace, /.",
            Code::UnknownEvent => {
                "There is no such event. Send hello, join, leave, choice or face."
            }
            Code::BadHello => "hello needs {user: {uid, uname, uavatar}}.",
            Code::BadUid => "user.uid must be a string of 1 to 64 characters that can be seen.",
            Code::BadName => "user.uname must be a string of 1 to 64 characters that can be seen.",
            Code::BadPicture => {
                "user.uavatar must be a string: an http or https address of at most 512 characters, or empty."
            }
            Code::BadPlace => {
                "cordinate must be {lat, lng} in degrees: lat within 90, lng within 180 of zero."
            }
            Code::BadToken => "token must be the string that an earlier hi brought.",
            Code::BadJoin => "robot, if given, must be true or false.",
            Code::BadChoice => {
                "choice must be the number 1 for scissors, 2 for rock or 3 for paper; lock, if given, true or false."
            }
            Code::BadFace => "face must be the number 1 laughing, 2 crying, 3 angry or 4 smirking.",
            Code::TooFast => {
                "Too many messages: this one was dropped. Slow down, or the connection is closed."
            }
            Code::HelloFirst => "Say hello before anything else.",
            Code::UidTaken => {
                "Somebody with this uid is online. If it is you, send the token of your hi; else take another uid."
            }
            Code::UidReserved => "This uid is kept for robots. Take another.",
            Code::NameReserved => "This name is kept for robots. Take another.",
            Code::UidFixed => {
                "This connection already has a uid. Open another connection for another uid."
            }
            Code::AlreadySeated => {
                "You are in a room already. Wait for its result, or leave first."
            }
            Code::NotSeated => "You are in no room. Send join first.",
            Code::HandLocked => "The hand is locked and stays until the round ends.",
            Code::NoRound => "No round is running. Wait for start.",
            Code::Closing => "The server is about to restart. Connect again in a moment.",
            Code::Replaced => "You have connected from somewhere else; this connection is let go.",
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl From<Rejected> for Code {
    fn from(rejected: Rejected) -> Code {
        match rejected {
            Rejected::HelloFirst => Code::HelloFirst,
            Rejected::UidTaken => Code::UidTaken,
            Rejected::UidReserved => Code::UidReserved,
            Rejected::NameReserved => Code::NameReserved,
            Rejected::UidFixed => Code::UidFixed,
            Rejected::AlreadySeated => Code::AlreadySeated,
            Rejected::NotSeated => Code::NotSeated,
            Rejected::HandLocked => Code::HandLocked,
            Rejected::NoRound => Code::NoRound,
            Rejected::Closing => Code::Closing,
        }
    }
}

/// Why a text that could not be read as a message is none: it is not JSON, or JSON of another shape.
pub(super) fn malformed(text: &str) -> Code {
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(IgnoredAny) => Code::BadMessage,
        Err(_) => Code::BadJson,
    }
}

/// A refused message: which, and why. Nothing else has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The event that was refused; empty when none could be read.
    pub event: Box<str>,
    /// Why.
    pub code: Code,
}

impl Fault {
    /// A fault about the event of this name, which is shortened when it is absurdly long.
    pub fn new(event: &str, code: Code) -> Fault {
        let end = event
            .char_indices()
            .nth(EVENT_CHARS)
            .map_or(event.len(), |(end, _)| end);
        Fault {
            event: event[..end].into(),
            code,
        }
    }
}
