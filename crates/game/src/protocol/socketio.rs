//! Socket.IO inside Engine.IO 3 and 4: what a packet means, and which answer it needs at once.
//!
//! A state machine without I/O, the same for a WebSocket and for polling, whose bodies [`payload`](super::payload)
//! splits into packets. Sources: the Engine.IO protocol, revisions 3 and 4, and the Socket.IO protocol, revisions 4 and
//! 5.
//!
//! With Engine.IO 3 events are accepted from the first packet on, because the 2016 client sends `hello` without waiting
//! for anything.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::Request;
use super::command::Command;
use super::event::{self, Message};
use super::fault::{Code, Fault};
use super::json::{mended, text};

/// Which Engine.IO a client speaks; the Socket.IO version follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// `EIO=3`: Socket.IO 1.x and 2.x. The client pings.
    V3,
    /// `EIO=4`: Socket.IO 3.x and 4.x. The server pings.
    V4,
}

/// The id of a session: 128 random bits. It is a secret, because a request that carries it speaks for the client.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sid(u128);

impl Sid {
    /// The id made of these random bytes.
    pub const fn new(random: [u8; 16]) -> Sid {
        Sid(u128::from_be_bytes(random))
    }

    /// Reads what [`Display`](fmt::Display) wrote; `None` for anything else.
    pub fn parse(text: &str) -> Option<Sid> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex.then(|| u128::from_str_radix(text, 16).ok().map(Sid))?
    }
}

/// Writes it as on the wire: 32 hexadecimal digits.
impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Hides the secret, so that it cannot get into a log.
impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sid")
    }
}

/// What the open packet tells a client that connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The id of the Engine.IO session.
    pub sid: Sid,
    /// Whether the session can move from polling to a WebSocket.
    pub upgradable: bool,
    /// How often one side pings.
    pub ping_interval: Duration,
    /// How long it waits for the answer.
    pub ping_timeout: Duration,
    /// The longest message in bytes.
    pub max_payload: usize,
}

/// What a packet of the client means.
#[derive(Debug, Clone, PartialEq)]
pub enum Received {
    /// An event.
    Request(Request),
    /// This packet is sent back, and nothing else happens.
    Reply(String),
    /// The client closes the Engine.IO session.
    Close,
    /// The client leaves the default namespace. It may connect to it again over the same connection, as another person.
    Disconnect,
    /// Nothing to do, except that the client is alive.
    Nothing,
    /// The packet is malformed, or not allowed now: the connection is closed.
    Broken,
}

/// The packet that asks an Engine.IO 4 client whether it is alive.
pub const PING: &str = "2";
/// The first packet over a WebSocket to which a polling client wants to move.
pub const PROBE: &str = "2probe";
/// The answer to [`PROBE`].
pub const PROBE_ANSWER: &str = "3probe";
/// The packet by which a polling client moves to the WebSocket over which it sends it.
pub const UPGRADE: &str = "5";
/// The packet without a meaning, which only ends a poll.
pub const NOOP: &str = "6";
/// The packet that ends the Engine.IO session.
pub const CLOSE: &str = "1";
/// The packet that ends the Socket.IO session.
pub const DISCONNECT: &str = "41";
/// The packet that connects an Engine.IO 3 client to the default namespace, unasked.
pub const CONNECTED: &str = "40";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OpenPayload<'a> {
    sid: String,
    upgrades: &'a [&'a str],
    ping_interval: u128,
    ping_timeout: u128,
    max_payload: usize,
}

#[derive(Serialize)]
struct ConnectPayload {
    sid: String,
}

#[derive(Serialize)]
struct ConnectErrorPayload {
    message: &'static str,
}

/// The packet that opens an Engine.IO session.
pub fn open(handshake: &Handshake) -> String {
    let open = OpenPayload {
        sid: handshake.sid.to_string(),
        upgrades: if handshake.upgradable {
            &["websocket"]
        } else {
            &[]
        },
        ping_interval: handshake.ping_interval.as_millis(),
        ping_timeout: handshake.ping_timeout.as_millis(),
        max_payload: handshake.max_payload,
    };
    format!("0{}", event::json(&open))
}

/// Writes an event.
pub fn write(message: &Message) -> String {
    let Message { name, json, .. } = message;
    // As in `native::write`: `format!` takes twice as long.
    [r#"42[""#, name, r#"","#, json, "]"].concat()
}

/// Writes an acknowledgement.
pub fn acknowledge(id: u64, json: &str) -> String {
    format!("43{id}[{json}]")
}

/// The state of one client's session, advanced packet by packet.
#[derive(Debug)]
pub struct Dialogue {
    version: Version,
    /// The id of the Socket.IO session, which differs from that of the Engine.IO session.
    sid: Sid,
    connected: bool,
}

impl Dialogue {
    /// The state for a client that has just opened an Engine.IO session.
    pub const fn new(version: Version, sid: Sid) -> Dialogue {
        Dialogue {
            version,
            sid,
            // Clients of Socket.IO 1.x and 2.x are connected to the default namespace unasked.
            connected: matches!(version, Version::V3),
        }
    }

    /// Which version of Engine.IO the client speaks.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Whether the client is connected to the default namespace. Events before that break the connection.
    pub const fn is_connected(&self) -> bool {
        self.connected
    }

    /// Reads one packet of the client.
    pub fn read(&mut self, text: &str) -> Received {
        let mut chars = text.chars();
        match chars.next() {
            Some('1') => Received::Close,
            Some('2') => Received::Reply(format!("3{}", chars.as_str())),
            Some('4') => self.packet(chars.as_str()),
            // Open, pong, upgrade and noop need no answer.
            Some('0' | '3' | '5' | '6') => Received::Nothing,
            Some(_) | None => Received::Broken,
        }
    }

    /// Reads the Socket.IO packet inside an Engine.IO message: type, namespace, acknowledgement id, JSON.
    fn packet(&mut self, text: &str) -> Received {
        let mut chars = text.chars();
        let kind = chars.next();
        let (namespace, rest) = namespace(chars.as_str());
        match kind {
            Some('0') if !rest.is_empty() && !is_json(rest, '{') => Received::Broken,
            Some('0') => match namespace {
                Some(namespace) => self.no_such(namespace),
                None => self.connect(),
            },
            Some('1') if !rest.is_empty() => Received::Broken,
            // A disconnect from a namespace that does not exist.
            Some('1') if namespace.is_some() => Received::Nothing,
            Some('1') => {
                self.connected = false;
                Received::Disconnect
            }
            Some('2') if self.connected => event(namespace, rest),
            // An acknowledgement. The server never asks for one, so it is ignored.
            Some('3') if self.connected && is_json(split_id(rest).1, '[') => Received::Nothing,
            // Type 4 is an error, which only servers send. Types 5 and 6 announce binary attachments, which are not
            // supported.
            Some(_) | None => Received::Broken,
        }
    }

    /// Gives the Socket.IO session a new id, for a client that connects to the namespace again.
    pub const fn renew(&mut self, sid: Sid) {
        self.sid = sid;
    }

    fn connect(&mut self) -> Received {
        self.connected = true;
        match self.version {
            Version::V3 => Received::Nothing,
            Version::V4 => {
                let sid = self.sid.to_string();
                Received::Reply(format!("40{}", event::json(&ConnectPayload { sid })))
            }
        }
    }

    /// Refuses a namespace, in the form that the client's version expects.
    fn no_such(&self, namespace: &str) -> Received {
        let error = ConnectErrorPayload {
            message: "Invalid namespace",
        };
        let error = match self.version {
            Version::V3 => event::json(&error.message),
            Version::V4 => event::json(&error),
        };
        Received::Reply(format!("44{namespace},{error}"))
    }
}

/// Splits off the namespace; `None` is the default namespace.
fn namespace(text: &str) -> (Option<&str>, &str) {
    if !text.starts_with('/') {
        return (None, text);
    }
    let (namespace, rest) = text.split_once(',').unwrap_or((text, ""));
    let path = namespace.split('?').next().unwrap_or_default();
    ((path != "/").then_some(path), rest)
}

/// Splits off the acknowledgement's id: its digits, and the rest.
fn split_id(text: &str) -> (&str, &str) {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    text.split_at(digits)
}

/// Whether this is JSON that begins with `first`, which selects an object or an array.
fn is_json(text: &str, first: char) -> bool {
    text.starts_with(first) && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Reads an event: an optional acknowledgement id, and an array that begins with the event's name. The protocol allows
/// a string or a number as a name; no event of the game has a number.
fn event(namespace: Option<&str>, rest: &str) -> Received {
    let (digits, json) = split_id(rest);
    let ack = match digits.parse() {
        Ok(ack) => Some(ack),
        Err(_) if digits.is_empty() => None,
        Err(_) => return Received::Broken,
    };
    let json = mended(json);
    let Ok(parts) = serde_json::from_str::<Vec<&RawValue>>(&json) else {
        return Received::Broken;
    };
    let command = match parts.first().map(|name| name.get()) {
        Some(_) if namespace.is_some() => Err(Fault::new("", Code::UnknownNamespace)),
        Some(name) if name.starts_with('"') => match text(name) {
            Some(name) => Command::read(&name, parts.get(1).copied()),
            None => Err(Fault::new("", Code::BadMessage)),
        },
        Some(name) if name.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
            Err(Fault::new("", Code::BadMessage))
        }
        Some(_) | None => return Received::Broken,
    };
    Received::Request(Request { command, ack })
}

#[cfg(test)]
mod tests;
