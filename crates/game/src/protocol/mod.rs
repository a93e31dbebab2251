//! The wire protocol: text in, commands out; events in, text out. Like the rest of the crate it does no I/O.
//!
//! What is said is in [`command`], [`event`](mod@event) and [`fault`]; how it is framed is in [`native`] for the plain
//! WebSocket, in [`socketio`] for Engine.IO 3 and 4, and in [`payload`] for their polling.

pub mod command;
pub mod event;
pub mod fault;
pub mod json;
pub mod native;
pub mod payload;
pub mod socketio;

pub use command::Command;
pub use event::Message;
pub use fault::{Code, Fault};

/// A command as a client sent it, and the acknowledgement that the client asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What to do, or why the message could not be read.
    pub command: Result<Command, Fault>,
    /// The id of the acknowledgement, if the client asks for one.
    pub ack: Option<u64>,
}
