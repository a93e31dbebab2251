//! A client of the game: the address of a server, a WebSocket to it, and the events it sends.

pub mod address;
pub mod dialer;
pub mod websocket;
pub mod wire;

use std::fmt;
use std::fmt::Write as _;

use anyhow::anyhow;
use rustls::crypto::aws_lc_rs;

/// The token that proves that a uid is a player's own. It is a secret, so `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct PlayerToken(String);

impl PlayerToken {
    /// Wraps the text of a token.
    pub fn new(text: impl Into<String>) -> PlayerToken {
        PlayerToken(text.into())
    }

    /// The text, to be sent to the server.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PlayerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlayerToken(..)")
    }
}

/// A unique uid: `who`, a hyphen and 64 random bits in hexadecimal.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_are_unique() {
        let (one, two) = (random_uid("a").unwrap(), random_uid("a").unwrap());
        assert!(one.starts_with("a-") && one.len() == 18, "{one}");
        assert_ne!(one, two);
    }
}
