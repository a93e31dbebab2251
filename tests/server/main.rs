//! The server in this process, on port 0, spoken to over real TLS by HTTP/1, HTTP/2 and WebSocket clients.
//!
//! One binary, since linking takes longer than most of these tests. Tests that need the whole machine (`tests/load.rs`,
//! `tests/crowd.rs`) or measure memory stay alone.

mod abuse;
mod admin;
mod edge;
mod http2;
mod http2_floods;
mod http2_limits;
mod identity;
mod lenient_requests;
mod limits;
mod message_floods;
mod page;
mod proxy;
mod renewal;
mod resume;
mod rounds;
#[path = "../support/mod.rs"]
mod support;
mod websocket_handshake;
