//! Maps by our own ids.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map by an id that is a number we count ourselves. No client can choose it, so it needs no keyed hash against collisions
/// made on purpose: what clients choose, such as a uid, belongs in a plain `HashMap`.
pub(super) type IdMap<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// Spreads one number over all bits of the hash: the map takes a bucket from the lowest and a tag from the highest.
#[derive(Debug, Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write_u64(&mut self, id: u64) {
        // 2^64 divided by the golden ratio: numbers in a row end up far apart.
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::{BuildHasher, BuildHasherDefault};

    use super::*;
    use crate::game::PlayerId;

    /// Ids come in rows, with gaps that may be regular.
    #[test]
    fn ids_in_a_row_share_neither_buckets_nor_tags() {
        const IDS: u64 = 1 << 12;
        let build = BuildHasherDefault::<IdHasher>::default();
        for gap in [1, 2, 10, 64, 1000, 1 << 20, 1 << 32] {
            let hashes: Vec<u64> = (0..IDS)
                .map(|id| build.hash_one(PlayerId(id * gap)))
                .collect();
            let buckets: HashSet<u64> = hashes.iter().map(|hash| hash % IDS).collect();
            let tags: HashSet<u64> = hashes.iter().map(|hash| hash >> 57).collect();
            // Thrown at random, 63 % of the buckets would be hit.
            assert!(buckets.len() as u64 > IDS / 2, "{gap}: {}", buckets.len());
            assert_eq!(tags.len(), 128, "{gap}");
        }
    }
}
