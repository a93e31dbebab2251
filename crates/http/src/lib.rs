//! What goes out over HTTP: TLS as a client, one request and its answer, proxies. Nothing else in this program asks
//! another server.

pub mod client;
pub mod exchange;
pub mod proxy;
pub mod tls;
