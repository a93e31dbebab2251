//! The real server on port 0, and clients that speak to it over real TLS.

// Every test binary compiles this and uses its own part of it.
#![allow(dead_code, unreachable_pub)]

pub mod engineio;
pub mod server;
pub mod websocket;

pub use server::TestServer;
pub use websocket::{Client, Incoming};

use std::time::Duration;

use serde_json::{Value, json};

/// How long anything may take that happens at all. Generous: it only ends tests that have failed.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The payload of a `hello`.
pub fn hello(uid: &str) -> Value {
    json!({"user": {"uid": uid, "uname": uid, "uavatar": ""}})
}
