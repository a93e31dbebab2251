//! Close codes: why a WebSocket is closed.

use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::session::Farewell;

/// Why a WebSocket ends that the server did not want to close: the client says goodbye, or breaks the protocol. Where
/// the server dismisses a client, the reason is a [`Farewell`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// The client said goodbye in its dialect.
    Done,
    /// A frame that is not a packet of Engine.IO or Socket.IO.
    NoPacket,
    /// A message over the limit.
    TooLong,
    /// A text frame whose bytes are not UTF-8.
    NotUtf8,
    /// A frame that RFC 6455 does not allow.
    BrokenFrame,
}

impl Close {
    /// The close code (RFC 6455, 7.4.1).
    pub const fn code(self) -> u16 {
        match self {
            Close::Done => 1000,
            Close::NoPacket | Close::BrokenFrame => 1002,
            Close::NotUtf8 => 1007,
            Close::TooLong => 1009,
        }
    }

    /// The reason that goes with the code.
    pub const fn reason(self) -> &'static str {
        match self {
            Close::Done => "",
            Close::NoPacket => "no packet of Engine.IO or Socket.IO",
            Close::TooLong => "message too long",
            Close::NotUtf8 => "text is not UTF-8",
            Close::BrokenFrame => "broken frame",
        }
    }
}

impl From<Close> for CloseFrame {
    fn from(close: Close) -> CloseFrame {
        CloseFrame {
            code: close.code().into(),
            reason: close.reason().into(),
        }
    }
}

impl From<Farewell> for CloseFrame {
    fn from(farewell: Farewell) -> CloseFrame {
        CloseFrame {
            code: farewell.close_code().into(),
            reason: farewell.reason().into(),
        }
    }
}
