//! What the tests share: the real server on port 0, the program as a process, and clients that speak to them over real
//! TLS.

// Every test binary compiles all of this and uses a part of it.
#![allow(dead_code, unreachable_pub)]

pub mod authority;
pub mod engineio;
pub mod front;
pub mod handed;
pub mod http1;
pub mod http2;
pub mod http2_frames;
pub mod pair;
pub mod pebble;
pub mod port;
pub mod program;
pub mod server;
pub mod stranger;
pub mod websocket;

pub use pair::write_pair;
pub use websocket::{Client, Incoming};

use std::time::Duration;

use serde_json::{Value, json};

/// How long a test waits for something that must happen. It is generous, since it only ends tests that have failed.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The payload of a `hello`.
pub fn hello(uid: &str) -> Value {
    json!({"user": {"uid": uid, "uname": uid, "uavatar": ""}})
}
