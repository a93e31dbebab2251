//! The TLS configuration of the server.

use std::sync::Arc;

use anyhow::Context;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ResolvesServerCert, ServerSessionMemoryCache};
use rustls::{ServerConfig, version};

use super::acme;

/// How many TLS 1.2 sessions are kept in memory for resumption. TLS 1.3 needs none: its sessions are in tickets, which
/// the clients keep.
const SESSIONS: usize = 10_000;

/// TLS 1.2 and 1.3 with HTTP/2 and HTTP/1.1 and with resumption. With `challenges`, the protocol by which authorities
/// validate is offered too (RFC 8737). It comes last, so only a client that offers nothing else gets it.
pub fn server_config(
    certificates: Arc<dyn ResolvesServerCert>,
    challenges: bool,
) -> anyhow::Result<Arc<ServerConfig>> {
    let mut config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .context("choosing TLS 1.2 and 1.3")?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    if challenges {
        config.alpn_protocols.push(acme::PROTOCOL.to_vec());
    }
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    config.ticketer = aws_lc_rs::Ticketer::new().context("making the key for session tickets")?;
    // One ticket instead of rustls's two is enough: a phone comes back with one connection.
    config.send_tls13_tickets = 1;
    Ok(Arc::new(config))
}
