//! What goes out over HTTP: TLS from the client's side, one request and its answer, the way through a proxy. Nothing else in this
//! program asks another server.

pub mod client;
pub mod exchange;
pub mod proxy;
pub mod tls;
