//! How many connections there are from where, and whom a proxy speaks for.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// Connections at a time from each IPv4 address or IPv6 network of 64 bits.
#[derive(Debug)]
pub struct Addresses {
    most: usize,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

impl Addresses {
    /// Nobody is there yet, and no more than `most` may come from one address.
    pub fn new(most: usize) -> Arc<Addresses> {
        Arc::new(Addresses {
            most,
            counts: Mutex::default(),
        })
    }

    /// Counts one more from there until the presence is dropped; none if there are too many.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Presence> {
        let network = network(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let here = counts.entry(network).or_default();
        if *here >= self.most {
            return None;
        }
        *here += 1;
        Some(Presence {
            network,
            addresses: self.clone(),
        })
    }
}

/// Keeps somebody counted at an address.
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

/// Whom an address stands for: whoever has one IPv6 address usually has all 2^64 of its network.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & (u128::MAX << 64)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// The proxies that may say for whom they speak.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// Where they are.
    pub networks: Arc<[IpNet]>,
    /// Whether each of their connections begins with a header of the PROXY protocol.
    pub introduce: bool,
}

impl Proxies {
    /// Whether one of them is at this address.
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|net| net.contains(&address))
    }
}

/// Whom a connection is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// The address.
    pub address: IpAddr,
    /// Whether it is a proxy's, whose requests say for whom they are.
    pub proxy: bool,
}

impl Client {
    /// For whom a request is, as `X-Forwarded-For` has it: each proxy has added the address it was called from at the end,
    /// so the last one that is no proxy of ours is the client's. Whoever is no proxy is believed nothing.
    pub fn behind(self, headers: &HeaderMap, proxies: &Proxies) -> IpAddr {
        if !self.proxy {
            return self.address;
        }
        let mut address = self.address;
        let hops = headers.get_all("x-forwarded-for").iter().rev();
        let hops = hops.flat_map(|hops| hops.to_str().unwrap_or_default().rsplit(','));
        for hop in hops {
            let Some(hop) = read_hop(hop.trim()) else {
                break;
            };
            address = hop;
            if !proxies.trusts(hop) {
                break;
            }
        }
        address
    }
}

/// An address, alone or with a port: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`.
fn read_hop(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let host = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None => text.split(':').next()?,
    };
    host.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_full_until_somebody_goes() {
        let addresses = Addresses::new(2);
        let first = addresses.enter(ip("2001:db8::1")).unwrap();
        let _second = addresses.enter(ip("2001:db8::2")).unwrap();
        assert!(addresses.enter(ip("2001:db8::3")).is_none());
        assert!(addresses.enter(ip("2001:db8:0:1::3")).is_some());
        drop(first);
        assert!(addresses.enter(ip("2001:db8::3")).is_some());
    }

    #[test]
    fn only_proxies_are_believed_and_only_what_they_have_seen() {
        let proxies = Proxies {
            networks: ["10.0.0.0/8".parse().unwrap()].into(),
            introduce: false,
        };
        let from = |address: &str, hops: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for hop in hops {
                headers.append("x-forwarded-for", hop.parse().unwrap());
            }
            let address = ip(address);
            let proxy = proxies.trusts(address);
            Client { address, proxy }
                .behind(&headers, &proxies)
                .to_string()
        };
        assert_eq!(from("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(from("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(
            from("10.0.0.1", &["203.0.113.9, 198.51.100.7, 10.0.0.2"]),
            "198.51.100.7"
        );
        assert_eq!(
            from("::ffff:10.0.0.1", &["203.0.113.9", "[2001:db8::7]:80"]),
            "2001:db8::7"
        );
        assert_eq!(from("10.0.0.1", &["198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(from("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &["198.51.100.7, nonsense"]), "10.0.0.1");
    }
}
