//! A fast map keyed by the server's own ids, and maps that give memory back when they empty.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};

/// A map keyed by an id that the server counts up itself.
///
/// Clients cannot choose these ids, so they cannot provoke collisions, and the keyed (slower) hash of the standard
/// library is not needed. Keys that clients choose, such as a uid, belong in a plain `HashMap`.
pub(crate) type IdMap<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// Spreads one number over all bits of the hash. The standard map picks a bucket by the lowest bits and compares tags
/// made of the highest seven, so both ends must vary.
#[derive(Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write_u64(&mut self, id: u64) {
        // Fibonacci hashing: the constant is 2^64 divided by the golden ratio, which puts consecutive numbers far
        // apart.
        let spread = u128::from(self.0 ^ id) * 0x9E37_79B9_7F4A_7C15;
        self.0 = (spread as u64) ^ (spread >> 64) as u64;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A map with a capacity up to this is never shrunk.
const SPARE: usize = 256;

/// Gives memory back when less than a quarter of a map's capacity is used; call it after removing entries.
///
/// The map shrinks to twice its entries. It therefore takes many more removals until it shrinks again, and the cost of
/// moving entries stays constant per removal.
pub fn shrink<K: Eq + Hash, V, S: BuildHasher>(map: &mut HashMap<K, V, S>) {
    if map.capacity() > SPARE && map.len() < map.capacity() / 4 {
        map.shrink_to((map.len() * 2).max(SPARE / 2));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::PlayerId;

    #[test]
    fn emptied_maps_shrink() {
        let mut map: IdMap<PlayerId, u64> = (0..10_000).map(|id| (PlayerId(id), id)).collect();
        let (full, mut shrunk) = (map.capacity(), 0);
        for id in 0..10_000 {
            map.remove(&PlayerId(id));
            let before = map.capacity();
            shrink(&mut map);
            shrunk += usize::from(map.capacity() < before);
            assert!(
                (id + 1..10_000)
                    .step_by(997)
                    .all(|id| map.contains_key(&PlayerId(id)))
            );
        }
        assert!(map.capacity() <= 2 * SPARE && map.capacity() < full / 16);
        assert!(shrunk <= 8, "{shrunk} times");
    }

    /// Ids are consecutive, or have regular gaps when some kinds of them are removed.
    #[test]
    fn consecutive_ids_spread_over_buckets_and_tags() {
        const IDS: u64 = 1 << 12;
        let build = BuildHasherDefault::<IdHasher>::default();
        for gap in [1, 2, 10, 64, 1000, 1 << 20, 1 << 32] {
            let hashes: Vec<u64> = (0..IDS)
                .map(|id| build.hash_one(PlayerId(id * gap)))
                .collect();
            let buckets: HashSet<u64> = hashes.iter().map(|hash| hash % IDS).collect();
            let tags: HashSet<u64> = hashes.iter().map(|hash| hash >> 57).collect();
            // Random hashes would hit 63 % of the buckets (1 - 1/e).
            assert!(buckets.len() as u64 > IDS / 2, "{gap}: {}", buckets.len());
            assert_eq!(tags.len(), 128, "{gap}");
        }
    }
}
