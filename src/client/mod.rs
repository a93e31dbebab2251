//! The other side of the wire: how `check`, `play` and `health` reach a server and talk to it.

pub mod address;
pub mod http;
pub mod tls;
pub mod websocket;
pub mod wire;

use std::fmt::Write as _;

use anyhow::anyhow;
use rustls::crypto::aws_lc_rs;

/// A text from elsewhere as it may be shown: without what steers a terminal or turns the direction of writing.
pub fn harmless(text: &str) -> String {
    let steers = |c: &char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().filter(|c| !steers(c)).collect()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(harmless("\x1b[2J武\u{202e}林\r\n\u{9b}"), "[2J武林");
    }

    #[test]
    fn no_two_uids_are_alike() {
        let (one, two) = (random_uid("a").unwrap(), random_uid("a").unwrap());
        assert!(one.starts_with("a-") && one.len() == 18, "{one}");
        assert_ne!(one, two);
    }
}
