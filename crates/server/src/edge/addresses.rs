//! How many connections each address has, and the address of the client behind a proxy.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;
use ipnet::IpNet;

use super::turned_away::{Reason, TurnedAway};

/// Counts the connections from each IPv4 address or IPv6 network of 64 bits, and limits them.
#[derive(Debug)]
pub struct Addresses {
    most: usize,
    counts: Mutex<HashMap<IpAddr, usize>>,
    turned_away: Option<Arc<TurnedAway>>,
}

impl Addresses {
    /// At most `most` connections may come from one address. `turned_away` records those that are refused; none where
    /// they are served in another way.
    pub fn new(most: usize, turned_away: Option<Arc<TurnedAway>>) -> Arc<Addresses> {
        Arc::new(Addresses {
            most,
            counts: Mutex::default(),
            turned_away,
        })
    }

    /// Counts a connection from this address until the guard is dropped; none if there are too many.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Presence> {
        let network = network(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let here = counts.entry(network).or_default();
        if *here >= self.most {
            if let Some(turned_away) = &self.turned_away {
                turned_away.add(Reason::Address, address);
            }
            return None;
        }
        *here += 1;
        Some(Presence {
            network,
            addresses: self.clone(),
        })
    }
}

/// Keeps a connection counted at its address until it is dropped.
#[derive(Debug)]
pub struct Presence {
    network: IpAddr,
    addresses: Arc<Addresses>,
}

impl Drop for Presence {
    fn drop(&mut self) {
        let counts = &self.addresses.counts;
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut here) = counts.entry(self.network) {
            *here.get_mut() -= 1;
            if *here.get() == 0 {
                here.remove();
            }
        }
    }
}

/// The address that is counted. A client with one IPv6 address usually has all 2^64 of its network.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & (u128::MAX << 64)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// The proxies that may say for whom they connect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// Their networks.
    pub networks: Arc<[IpNet]>,
    /// Whether their connections begin with a header of the PROXY protocol.
    pub introduce: bool,
}

impl Proxies {
    /// Whether one of them has this address. An IPv4 address and its IPv6-mapped form are the same here, and so are the
    /// networks.
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let mapped = match address {
            IpAddr::V4(address) => Some(IpAddr::V6(address.to_ipv6_mapped())),
            IpAddr::V6(_) => None,
        };
        self.networks.iter().any(|network| {
            network.contains(&address)
                || (is_mapped(network) && mapped.is_some_and(|mapped| network.contains(&mapped)))
        })
    }
}

/// Whether a network is an IPv6-mapped one of IPv4, such as `::ffff:10.0.0.0/104`.
fn is_mapped(network: &IpNet) -> bool {
    matches!(network, IpNet::V6(network)
        if network.prefix_len() >= 96 && network.addr().to_ipv4_mapped().is_some())
}

/// The other end of a connection: a client, or a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Its address.
    pub address: IpAddr,
    /// Whether it is a trusted proxy. Then each request says for whom it is.
    pub proxy: bool,
}

impl Caller {
    /// The caller at this address. An IPv6-mapped address is stored as IPv4.
    pub fn at(address: IpAddr, proxies: &Proxies) -> Caller {
        Caller {
            address: address.to_canonical(),
            proxy: proxies.trusts(address),
        }
    }

    /// The address of the client behind this caller, by `X-Forwarded-For`. Each proxy appends the address it was called
    /// from, so the last address that is no trusted proxy is the client's. A caller that is no trusted proxy is not
    /// believed.
    ///
    /// The lines are read from the end, byte by byte, so that nothing a client has put at the front can spoil what a
    /// proxy has appended. If a proxy has appended something that is no address, such as `unknown`, the request counts
    /// for that proxy. Skipping the word and believing the one before it would let every client choose for whom it
    /// counts.
    pub fn behind(self, headers: &HeaderMap, proxies: &Proxies) -> IpAddr {
        if !self.proxy {
            return self.address.to_canonical();
        }
        let mut address = self.address;
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        for hop in hops.map(<[u8]>::trim_ascii) {
            // A list may have empty elements, which are ignored (RFC 9110, 5.6.1).
            if hop.is_empty() {
                continue;
            }
            let Some(hop) = std::str::from_utf8(hop).ok().and_then(read_hop) else {
                break;
            };
            address = hop;
            if !proxies.trusts(hop) {
                break;
            }
        }
        address.to_canonical()
    }
}

/// Reads an address, with or without a port and quotes: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`,
/// `[2001:db8::1]:4711`, `"[2001:db8::1]"`.
fn read_hop(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let text = bare.unwrap_or(text).trim_ascii();
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        // Only IPv6 addresses stand in brackets, and only they have colons.
        (host.contains(':').then_some(host)?, rest)
    } else if text.bytes().filter(|byte| *byte == b':').count() == 1 {
        text.split_at(text.find(':')?)
    } else {
        (text, "")
    };
    let sound = port.is_empty()
        || port
            .strip_prefix(':')?
            .bytes()
            .all(|byte| byte.is_ascii_digit());
    // A link-local address may name the interface.
    let host = match host.split_once('%') {
        Some((address, zone)) if address.contains(':') && !zone.is_empty() => address,
        Some(_) | None => host,
    };
    host.parse().ok().filter(|_| sound)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn full_address_admits_again_after_one_leaves() {
        let addresses = Addresses::new(2, None);
        let first = addresses.enter(ip("2001:db8::1")).unwrap();
        let _second = addresses.enter(ip("2001:db8::2")).unwrap();
        assert!(addresses.enter(ip("2001:db8::3")).is_none());
        assert!(addresses.enter(ip("2001:db8:0:1::3")).is_some());
        drop(first);
        assert!(addresses.enter(ip("2001:db8::3")).is_some());
    }

    fn proxies(networks: &[&str]) -> Proxies {
        let networks = networks.iter().map(|network| network.parse().unwrap());
        Proxies {
            networks: networks.collect(),
            introduce: false,
        }
    }

    /// For whom a request counts that comes from `address` with these lines of `X-Forwarded-For`.
    fn from(address: &str, lines: &[&[u8]]) -> String {
        let proxies = proxies(&["10.0.0.0/8", "2001:db8:f::/48"]);
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(line).unwrap());
        }
        Caller::at(ip(address), &proxies)
            .behind(&headers, &proxies)
            .to_string()
    }

    #[test]
    fn forwarded_for_counts_only_from_trusted_proxies() {
        assert_eq!(from("192.0.2.1", &[b"198.51.100.7"]), "192.0.2.1");
        assert_eq!(from("10.0.0.1", &[b"198.51.100.7"]), "198.51.100.7");
        assert_eq!(
            from("10.0.0.1", &[b"203.0.113.9, 198.51.100.7, 10.0.0.2"]),
            "198.51.100.7"
        );
        assert_eq!(
            from("::ffff:10.0.0.1", &[b"203.0.113.9", b"[2001:db8::7]:80"]),
            "2001:db8::7"
        );
        assert_eq!(from("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(
            from("10.0.0.1", &[b"198.51.100.7", b"2001:db8:f::2"]),
            "198.51.100.7"
        );
        assert_eq!(from("10.0.0.1", &[b"10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }

    #[test]
    fn malformed_hops_in_front_are_ignored() {
        for before in [
            b"\xff".as_slice(),
            b"\xff\xfe, \xc3\x28",
            b"unknown",
            b"_hidden",
            b"\"",
            b"\"203.0.113.5",
            b"203.0.113.5, nonsense",
            b"",
            b",,,",
            b"\t",
        ] {
            let joined = [before, b", 203.0.113.9"].concat();
            assert_eq!(from("10.0.0.1", &[&joined]), "203.0.113.9", "{joined:?}");
            assert_eq!(from("10.0.0.1", &[before, b"203.0.113.9"]), "203.0.113.9");
            let deeper = [before, b"\xff,203.0.113.9,10.0.0.2"].concat();
            assert_eq!(from("10.0.0.1", &[&deeper]), "203.0.113.9");
        }
    }

    #[test]
    fn hops_are_read_in_every_notation() {
        for (hop, address) in [
            ("198.51.100.7", "198.51.100.7"),
            ("198.51.100.7:4711", "198.51.100.7"),
            ("198.51.100.7:", "198.51.100.7"),
            (" \t198.51.100.7\t ", "198.51.100.7"),
            ("\"198.51.100.7\"", "198.51.100.7"),
            ("\"198.51.100.7:4711\"", "198.51.100.7"),
            ("2001:DB8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("\"[2001:db8::7]\"", "2001:db8::7"),
            ("\"[2001:db8::7]:4711\"", "2001:db8::7"),
            ("\"2001:db8::7\"", "2001:db8::7"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
            ("[::ffff:c633:6407]:4711", "198.51.100.7"),
            ("fe80::7%eth0", "fe80::7"),
            ("198.51.100.7,", "198.51.100.7"),
            ("198.51.100.7, , ", "198.51.100.7"),
            ("198.51.100.7, ::ffff:10.0.0.2", "198.51.100.7"),
        ] {
            assert_eq!(from("10.0.0.1", &[hop.as_bytes()]), address, "{hop}");
        }
    }

    #[test]
    fn unreadable_last_hop_counts_for_the_proxy() {
        for hop in [
            b"unknown".as_slice(),
            b"_hidden",
            b"nonsense",
            b"\xff",
            b"198.51.100.7\xff",
            b"198.51.100.256",
            b"198.51.100.7:port",
            b"198.51.100.7:1:2",
            b"[198.51.100.7]",
            b"[2001:db8::7",
            b"[2001:db8::7]4711",
            b"2001:db8::7]",
            b"\"198.51.100.7",
            b"198.51.100.7\"",
            b"\"",
            b"198.51.100.7%eth0",
            b"198.51.100.7;for=1",
            b"unix:",
            b"0x7f.1",
        ] {
            let line = [b"203.0.113.9, ", hop].concat();
            assert_eq!(from("10.0.0.1", &[&line]), "10.0.0.1", "{line:?}");
            // The nearest proxy whose address is known.
            let line = [b"203.0.113.9, ", hop, b", 10.0.0.2"].concat();
            assert_eq!(from("10.0.0.1", &[&line]), "10.0.0.2", "{line:?}");
        }
    }

    #[test]
    fn mapped_ipv4_addresses_match_ipv4_networks() {
        for network in ["10.0.0.0/8", "::ffff:10.0.0.0/104", "::ffff:a00:0/104"] {
            let proxies = proxies(&[network]);
            for (address, trusted) in [
                ("10.1.2.3", true),
                ("::ffff:10.1.2.3", true),
                ("11.0.0.1", false),
                ("::ffff:11.0.0.1", false),
                ("::10.1.2.3", false),
            ] {
                assert_eq!(proxies.trusts(ip(address)), trusted, "{network} {address}");
            }
        }
        // A network of all IPv6 addresses does not hold the IPv4 ones.
        let six = proxies(&["::/0"]);
        assert!(six.trusts(ip("2001:db8::1")));
        assert!(!six.trusts(ip("192.0.2.1")) && !six.trusts(ip("::ffff:192.0.2.1")));
        let caller = Caller::at(ip("::ffff:192.0.2.1"), &six);
        assert_eq!(caller.address, ip("192.0.2.1"));
    }
}
