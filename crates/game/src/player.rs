//! Who plays: ids, profiles, standings and the token that proves a uid.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::sync::Arc;

use rand::{CryptoRng, RngExt};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

id!(
    /// One connection of one client. Never used twice in a process.
    ConnectionId,
    "c"
);
id!(
    /// Somebody who plays, person or robot. A person keeps it when another connection takes over.
    PlayerId,
    "p"
);
id!(
    /// A room, from the first person who waits in it to its result.
    RoomId,
    "r"
);

/// How a player presents itself to the others; all of it is public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Unique among those online: 1 to 64 characters.
    pub uid: Arc<str>,
    /// 1 to 64 characters.
    pub name: Arc<str>,
    /// An http(s) address of at most 512 characters, or empty for none.
    pub picture: Arc<str>,
}

/// What a player has reached so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// The sum of all round scores.
    pub total: u64,
    /// Rounds won in a row.
    pub streak: u32,
    /// The most rounds ever won in a row.
    pub best_streak: u32,
    /// Rounds played, those left included.
    pub rounds: u32,
    /// Rounds won.
    pub wins: u32,
}

/// Where a client comes from: its IPv4 address, or its IPv6 network of 64 bits, since whoever has one address there usually has
/// them all. It is for counting; it does not print, as addresses are personal data.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin(NonZeroU64);

impl Origin {
    /// Where this address is.
    pub fn of(address: IpAddr) -> Origin {
        let bits = match address.to_canonical() {
            // Where no network of IPv6 is: those that begin with 64 zeros, of which the last 32 are meant, are mapped IPv4.
            IpAddr::V4(address) => 0xffff << 32 | u64::from(address.to_bits()),
            IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
        };
        // The network of `::1` is all zeros.
        Origin(NonZeroU64::new(bits).unwrap_or(NonZeroU64::MIN))
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Origin(..)")
    }
}

/// The secret that proves a uid is mine: 128 random bits, on the wire as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token(u128);

impl Token {
    /// A token nobody can guess.
    pub fn random(rng: &mut impl CryptoRng) -> Token {
        Token(rng.random())
    }

    /// Reads what [`Display`](fmt::Display) wrote; `None` for anything that cannot be a token of ours.
    pub fn parse(text: &str) -> Option<Token> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        digits
            .then(|| u128::from_str_radix(text, 16).ok().map(Token))
            .flatten()
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A token is a secret: it stays out of logs.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn an_origin_is_an_ipv4_address_or_an_ipv6_network_of_64_bits() {
        let of = |text: &str| Origin::of(text.parse().unwrap());
        assert_eq!(of("203.0.113.7"), of("::ffff:203.0.113.7"));
        assert_ne!(of("203.0.113.7"), of("203.0.113.8"));
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::9"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_eq!(of("::1"), of("::1"));
        assert_eq!(format!("{:?}", of("203.0.113.7")), "Origin(..)");
    }

    #[test]
    fn token_survives_the_wire_and_nothing_else_passes_for_one() {
        let token = Token::random(&mut StdRng::seed_from_u64(7));
        assert_eq!(Token::parse(&token.to_string()), Some(token));
        for text in [
            "",
            "0",
            "+0000000000000000000000000000001",
            "zz",
            &"f".repeat(33),
        ] {
            assert_eq!(Token::parse(text), None, "{text}");
        }
        assert!(!format!("{token:?}").contains(&token.to_string()));
    }
}
