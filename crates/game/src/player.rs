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
    /// One connection of one client. An id is never reused within a process.
    ConnectionId,
    "c"
);
id!(
    /// One person, while it is online or has a seat. It keeps its id when another connection takes over by token.
    PlayerId,
    "p"
);
id!(
    /// A room, from the table where its first person waits until the result of its round.
    RoomId,
    "r"
);

/// How a player presents itself to the others. All of it is public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The client's own id, unique among the people online: 1 to 64 characters.
    pub uid: Arc<str>,
    /// 1 to 64 characters.
    pub name: Arc<str>,
    /// The address of an avatar, http or https, of at most 512 characters; empty for none.
    pub picture: Arc<str>,
}

/// What a player has reached so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// The sum of all round scores.
    pub total: u64,
    /// Rounds won in a row.
    pub streak: u32,
    /// The longest streak so far.
    pub best_streak: u32,
    /// Rounds played, including those the player left.
    pub rounds: u32,
    /// Rounds won.
    pub wins: u32,
}

/// Where a client comes from: its IPv4 address, or its IPv6 network of 64 bits, because a provider usually gives one
/// customer at least that many addresses.
///
/// It only serves for counting how many come from one place. It does not print, because addresses are personal data.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin(NonZeroU64);

impl Origin {
    /// The origin of a client with this address.
    pub fn of(address: IpAddr) -> Origin {
        let bits = match address.to_canonical() {
            // No client's IPv6 network begins like this: 0000::/8 is reserved (IANA, IPv6 Address Space).
            IpAddr::V4(address) => 0xffff << 32 | u64::from(address.to_bits()),
            IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
        };
        // The network of `::1` is all zeros, which `NonZeroU64` cannot hold.
        Origin(NonZeroU64::new(bits).unwrap_or(NonZeroU64::MIN))
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Origin(..)")
    }
}

/// The secret that proves the ownership of a uid: 128 random bits, on the wire 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token(u128);

impl Token {
    /// A new token. Nobody can guess it, provided `rng` is seeded from the operating system.
    pub fn random(rng: &mut impl CryptoRng) -> Token {
        Token(rng.random())
    }

    /// Reads what [`Display`](fmt::Display) wrote; `None` for anything else.
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

/// Hides the secret, so that it cannot get into a log.
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
    fn origins_are_ipv4_addresses_or_ipv6_networks_of_64_bits() {
        let of = |text: &str| Origin::of(text.parse().unwrap());
        assert_eq!(of("203.0.113.7"), of("::ffff:203.0.113.7"));
        assert_ne!(of("203.0.113.7"), of("203.0.113.8"));
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::9"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_eq!(of("::1"), of("::1"));
        assert_eq!(format!("{:?}", of("203.0.113.7")), "Origin(..)");
    }

    #[test]
    fn tokens_round_trip_and_other_text_is_refused() {
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
