//! The dialects that are spoken over a WebSocket: how frames are read and written, and how the client is pinged.

use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message as Frame;
use wulin_game::protocol::socketio::{self, Dialogue, Handshake, Received, Sid, Version};
use wulin_game::protocol::{Code, Fault, Request, native};

use super::Limits;
use super::hall::Hall;
use super::pulse::{Heartbeat, Pulse};
use super::session::Outgoing;
use crate::runtime::Gauge;

/// What a client speaks over its WebSocket.
#[derive(Debug)]
pub(super) enum Dialect {
    /// Our own: `{"event", "data"}`.
    Native,
    /// Engine.IO and Socket.IO.
    SocketIo(Dialogue),
}

impl Dialect {
    pub(super) fn gauge(&self) -> Gauge {
        match self.version() {
            None => Gauge::Native,
            Some(Version::V3) => Gauge::EngineIo3,
            Some(Version::V4) => Gauge::EngineIo4,
        }
    }

    pub(super) fn version(&self) -> Option<Version> {
        match self {
            Dialect::Native => None,
            Dialect::SocketIo(dialogue) => Some(dialogue.version()),
        }
    }

    pub(super) fn read(&mut self, text: &str) -> Received {
        match self {
            Dialect::Native => Received::Request(Request {
                command: native::read(text),
                ack: None,
            }),
            Dialect::SocketIo(dialogue) => dialogue.read(text),
        }
    }

    /// Neither dialect uses binary frames. In Socket.IO they would be attachments, and no event of ours has one.
    pub(super) fn read_bytes(&self) -> Received {
        match self {
            Dialect::Native => Received::Request(Request {
                command: Err(Fault::new("", Code::BinaryMessage)),
                ack: None,
            }),
            Dialect::SocketIo(_) => Received::Broken,
        }
    }

    pub(super) fn write(&self, outgoing: &Outgoing) -> Option<String> {
        match self {
            Dialect::Native => match outgoing {
                Outgoing::Message(message) => Some(native::write(message)),
                Outgoing::Acknowledge(..) => None,
            },
            Dialect::SocketIo(_) => Some(outgoing.packet()),
        }
    }

    /// The ping that asks whether the client lives. Engine.IO 4 has a packet for it. The others get a ping frame, which
    /// every WebSocket library answers by itself.
    pub(super) fn ping(&self) -> Frame {
        match self.version() {
            Some(Version::V4) => Frame::text(socketio::PING),
            None | Some(Version::V3) => Frame::Ping(Vec::new().into()),
        }
    }

    pub(super) fn pulse(&self) -> Pulse {
        let now = Instant::now();
        match self.version() {
            Some(Version::V4) => Pulse::new(Heartbeat::Strict, true, now),
            None | Some(Version::V3) => Pulse::new(Heartbeat::Lenient, false, now),
        }
    }

    /// Whether the client uses its session: a native client does with its first message, a Socket.IO client once it has
    /// connected to the namespace.
    pub(super) fn is_under_way(&self) -> bool {
        match self {
            Dialect::Native => true,
            Dialect::SocketIo(dialogue) => dialogue.is_connected(),
        }
    }

    pub(super) fn renew(&mut self, hall: &Hall) {
        // If the system has no random numbers, the client keeps its id.
        if let (Dialect::SocketIo(dialogue), Some(sid)) = (self, hall.sid()) {
            dialogue.renew(sid);
        }
    }

    pub(super) fn goodbye(&self) -> Option<Frame> {
        match self {
            Dialect::Native => None,
            Dialect::SocketIo(_) => Some(Frame::text(socketio::DISCONNECT)),
        }
    }
}

/// The packets that open an Engine.IO session over a WebSocket.
pub(super) fn opening(version: Version, sid: Sid, limits: &Limits) -> impl Iterator<Item = String> {
    let open = socketio::open(&Handshake {
        sid,
        upgradable: false,
        ping_interval: limits.ping_interval,
        ping_timeout: limits.ping_timeout,
        max_payload: limits.message_size,
    });
    let connected = (version == Version::V3).then(|| socketio::CONNECTED.to_owned());
    [open].into_iter().chain(connected)
}
