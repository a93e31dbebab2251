//! What goes out over HTTP: TLS from the client's side, one request and its answer, the way through a proxy.

pub mod exchange;
pub mod proxy;
pub mod tls;
