//! The other side of the wire: how `check`, `play` and `health` reach a server and talk to it.

pub mod address;
pub mod http;
pub mod tls;
pub mod websocket;
pub mod wire;

use std::fmt::Write as _;

use anyhow::anyhow;
use rustls::crypto::aws_lc_rs;

/// A uid nobody else has: 64 random bits behind a word that says who asks.
pub fn random_uid(who: &str) -> anyhow::Result<String> {
    let mut bytes = [0; 8];
    aws_lc_rs::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| anyhow!("the system gives no random numbers"))?;
    let mut uid = format!("{who}-");
    for byte in bytes {
        let _ = write!(uid, "{byte:02x}");
    }
    Ok(uid)
}
