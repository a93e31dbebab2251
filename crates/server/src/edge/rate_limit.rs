//! How often an address may begin something: a token bucket for each IPv4 address or IPv6 network of 64 bits.

use std::collections::HashMap;
use std::mem;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::addresses::network;

/// How many seconds' worth an address may begin at once, after it has begun nothing for that long.
const AT_ONCE: u32 = 2;
/// After this time without a new beginning a bucket is full again, so it can be forgotten.
const MEMORY: Duration = Duration::from_secs(AT_ONCE as u64);
/// How many addresses are kept in each of the two generations: about 1 MB for both. The documentation of [`RateLimit`]
/// names their sum.
const MOST: usize = 8192;

/// The same rate for every address, each by itself.
///
/// It keeps at most 16,384 addresses. If more come within two seconds, it forgets those it has not seen for the
/// longest, whose buckets are full again then: nobody is refused because of others. Such a crowd is bounded by the
/// limit on all connections together.
///
/// A bucket is one instant, from which on it is full: each beginning moves it by 1/rate. Two generations of maps make
/// forgetting cheap: the old one is dropped as a whole, and no timer or list of ages is needed.
#[derive(Debug)]
pub struct RateLimit {
    per_second: u32,
    buckets: Mutex<Buckets>,
}

/// From when on the bucket of each address is full again. An address is in one of the two maps, and moves to `young`
/// when it is seen.
#[derive(Debug, Default)]
struct Buckets {
    young: HashMap<IpAddr, Instant>,
    old: HashMap<IpAddr, Instant>,
    /// When `young` was begun.
    since: Option<Instant>,
}

impl RateLimit {
    /// So many a second from each address, and twice as many at once. A rate of 0 sets no limit.
    pub fn new(per_second: u32) -> RateLimit {
        RateLimit {
            per_second,
            buckets: Mutex::default(),
        }
    }

    /// An address begins something. If that is too soon, nothing is counted, and the error says after how long it may
    /// try again.
    pub fn admit(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        if self.per_second == 0 {
            return Ok(());
        }
        let each = Duration::from_secs(1) / self.per_second;
        let network = network(address);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.age(now);
        let full = buckets.young.get(&network).or(buckets.old.get(&network));
        let full = full.map_or(now, |full| (*full).max(now));
        let early = (full + each - now).saturating_sub(MEMORY);
        let admitted = early.is_zero();
        // Refused addresses are remembered too: a crowd must not make the server forget an address that keeps trying.
        buckets.remember(network, if admitted { full + each } else { full }, now);
        if admitted { Ok(()) } else { Err(early) }
    }
}

impl Buckets {
    /// Forgets addresses that were not seen for [`MEMORY`].
    fn age(&mut self, now: Instant) {
        let age = self.since.map(|since| now.saturating_duration_since(since));
        if age.is_some_and(|age| age >= MEMORY) {
            self.turn(now);
            if age.is_some_and(|age| age >= MEMORY * 2) {
                self.old = HashMap::new();
            }
        }
    }

    /// Begins a new generation: drops the old one, and makes the young one old.
    fn turn(&mut self, now: Instant) {
        self.old = mem::take(&mut self.young);
        self.since = Some(now);
    }

    fn remember(&mut self, network: IpAddr, full: Instant, now: Instant) {
        if self.young.len() >= MOST && !self.young.contains_key(&network) {
            self.turn(now);
        }
        self.since.get_or_insert(now);
        self.old.remove(&network);
        self.young.insert(network, full);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn v6(network: u64) -> IpAddr {
        IpAddr::V6((u128::from(network) << 64 | 1).into())
    }

    /// How many of a hundred tries in the same instant are admitted.
    fn admitted(limit: &RateLimit, address: IpAddr, now: Instant) -> usize {
        (0..100)
            .filter(|_| limit.admit(address, now).is_ok())
            .count()
    }

    fn held(limit: &RateLimit) -> usize {
        let buckets = limit.buckets.lock().unwrap();
        buckets.young.len() + buckets.old.len()
    }

    #[test]
    fn burst_is_two_seconds_worth_and_then_the_rate_holds() {
        let (limit, start) = (RateLimit::new(10), Instant::now());
        let ann = ip("192.0.2.1");
        assert_eq!(admitted(&limit, ann, start), 20);
        assert_eq!(limit.admit(ann, start), Err(Duration::from_millis(100)));
        assert_eq!(
            admitted(&limit, ann, start + Duration::from_millis(99)),
            0,
            "who is refused owes nothing for it, and has earned nothing yet"
        );
        assert_eq!(admitted(&limit, ann, start + Duration::from_millis(100)), 1);
        assert_eq!(admitted(&limit, ann, start + Duration::from_secs(1)), 9);
        assert_eq!(admitted(&limit, ann, start + Duration::from_hours(1)), 20);
    }

    #[test]
    fn rate_holds_over_a_long_time() {
        let (limit, start) = (RateLimit::new(10), Instant::now());
        let tries = (0..10_000).map(|step| start + Duration::from_millis(step));
        let begun = tries.filter(|now| limit.admit(v6(1), *now).is_ok()).count();
        assert_eq!(begun, 20 + 99);
    }

    #[test]
    fn each_ipv4_address_and_ipv6_network_has_its_own_bucket() {
        let (limit, now) = (RateLimit::new(1), Instant::now());
        assert_eq!(admitted(&limit, ip("192.0.2.1"), now), 2);
        assert_eq!(admitted(&limit, ip("192.0.2.2"), now), 2);
        assert_eq!(admitted(&limit, ip("::ffff:192.0.2.2"), now), 0);
        assert_eq!(admitted(&limit, ip("2001:db8::1"), now), 2);
        assert_eq!(admitted(&limit, ip("2001:db8::2"), now), 0);
        assert_eq!(admitted(&limit, ip("2001:db8:0:1::2"), now), 2);
    }

    #[test]
    fn earlier_instants_do_no_harm() {
        let (limit, start) = (RateLimit::new(10), Instant::now() + Duration::from_mins(1));
        assert_eq!(admitted(&limit, v6(1), start), 20);
        let before = start.checked_sub(Duration::from_secs(30)).unwrap();
        assert_eq!(admitted(&limit, v6(1), before), 0);
        assert_eq!(admitted(&limit, v6(2), before), 20);
    }

    #[test]
    fn idle_addresses_are_forgotten() {
        let (limit, start) = (RateLimit::new(10), Instant::now());
        for network in 0..1000 {
            limit.admit(v6(network), start).unwrap();
        }
        assert_eq!(held(&limit), 1000);
        limit.admit(v6(0), start + MEMORY).unwrap();
        assert_eq!(held(&limit), 1000, "they may still owe something");
        limit.admit(v6(0), start + MEMORY * 2).unwrap();
        assert_eq!(held(&limit), 1);
        limit.admit(v6(1), start + Duration::from_mins(1)).unwrap();
        assert_eq!(held(&limit), 1);
    }

    #[test]
    fn many_addresses_stay_in_bounded_memory() {
        let (limit, now) = (RateLimit::new(10), Instant::now());
        for network in 0..100_000 {
            assert_eq!(limit.admit(v6(network), now), Ok(()));
        }
        assert!(held(&limit) <= MOST * 2);
        assert_eq!(admitted(&limit, ip("192.0.2.1"), now), 20);
        // An address that keeps trying among many new ones is not forgotten.
        for network in 200_000..230_000 {
            limit.admit(v6(network), now).unwrap();
            assert!(limit.admit(ip("192.0.2.1"), now).is_err(), "{network}");
        }
        assert!(held(&limit) <= MOST * 2);
    }

    #[test]
    fn rate_of_zero_admits_everything_and_remembers_nothing() {
        let (limit, now) = (RateLimit::new(0), Instant::now());
        assert_eq!(admitted(&limit, v6(1), now), 100);
        assert_eq!(held(&limit), 0);
    }
}
