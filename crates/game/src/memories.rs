//! The scores of people who are offline, kept for a while for those who show the token.
//!
//! Their number is bounded, and an attacker can invent people by the thousand. Two rules keep the others' memories safe
//! from that. A memory with a score is only ever dropped for another one with a score, which takes a round won. And one
//! address may only have a share of the places.

use std::collections::hash_map::{Entry, RandomState};
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use crate::event::Missed;
use crate::ids::{IdMap, shrink};
use crate::player::{Origin, Standing, Token};

/// One address may have a sixteenth of all memories of each worth. With the default limit that is some six thousand
/// people who share one address of a mobile carrier and went offline within the hour.
const SHARES: usize = 16;
/// How many missed results are kept at most. One takes some 100 bytes for each player of the round.
pub const MOST_MISSED: usize = 4096;

/// What a person gets back when it returns.
#[derive(Debug)]
struct Memory {
    token: Token,
    /// When it is dropped. No two memories have the same instant, so it also identifies the memory in the order.
    due: Instant,
    standing: Standing,
    /// A hash of the address it came from. 32 bits fit where the compiler would otherwise put padding.
    origin: Option<NonZeroU32>,
    /// Whether a missed result is kept with it.
    has_missed: bool,
}

impl Memory {
    fn worth(&self) -> Worth {
        Worth::of(self.standing)
    }
}

/// Whether a memory holds more than the right to a uid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worth {
    Nothing,
    Something,
}

impl Worth {
    fn of(standing: Standing) -> Worth {
        // Lost rounds count for nothing here, because they can be produced without any effort.
        if standing.total == 0 {
            Worth::Nothing
        } else {
            Worth::Something
        }
    }
}

/// The hash of a uid, kept instead of the uid. Many small strings that outlive their neighbours would each keep a
/// mostly free page of memory from going back to the system. If two uids share a hash, which happens once in 2^64, one
/// loses its score; it cannot get the other's, since that needs the token.
type UidHash = u64;

/// The memories of one worth, by age and by address.
#[derive(Debug, Default)]
struct WorthGroup {
    /// The oldest first. A memory that is taken back leaves at once, so that a person who comes and goes takes only one
    /// place.
    fading: BTreeMap<Instant, UidHash>,
    /// How many memories each address has.
    shares: HashMap<NonZeroU32, u32>,
}

/// The memories of all people who are offline, bounded by number and by age.
#[derive(Debug)]
pub struct Memories {
    age: Duration,
    most: usize,
    hasher: RandomState,
    kept: IdMap<UidHash, Memory>,
    worthless: WorthGroup,
    worthy: WorthGroup,
    /// Results that people have missed.
    missed: IdMap<UidHash, Missed>,
    /// How many missed results each address has.
    missed_shares: HashMap<NonZeroU32, u32>,
    last_due: Option<Instant>,
}

impl Memories {
    /// Keeps scores up to this age, and up to this number: those worth nothing are dropped first, then the oldest.
    #[expect(
        clippy::disallowed_methods,
        reason = "the seed only decides which uids share a hash, and attackers must not know it"
    )]
    pub fn new(age: Duration, most: usize) -> Memories {
        Memories {
            age,
            most,
            hasher: RandomState::new(),
            kept: IdMap::default(),
            worthless: WorthGroup::default(),
            worthy: WorthGroup::default(),
            missed: IdMap::default(),
            missed_shares: HashMap::new(),
            last_due: None,
        }
    }

    /// How many memories there are.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Keeps the score of a person who went offline.
    ///
    /// Keeps nothing for a person who had the uid only while its owner was away, nor when its address has used up its
    /// share, nor when it has no score and all places are taken by people who have one.
    pub fn keep(
        &mut self,
        uid: &str,
        token: Token,
        standing: Standing,
        origin: Option<Origin>,
        now: Instant,
    ) {
        let uid = self.hasher.hash_one(uid);
        if let Some(memory) = self.kept.get(&uid) {
            if memory.token != token && now <= memory.due {
                return;
            }
            self.forget(uid);
        }
        let after_last = self.last_due.map(|last| last + Duration::from_nanos(1));
        let due = after_last.unwrap_or(now).max(now + self.age);
        let memory = Memory {
            token,
            due,
            standing,
            origin: origin.map(|origin| self.stand_in(origin)),
            has_missed: false,
        };
        let worth = memory.worth();
        if self.is_share_taken(worth, memory.origin) || !self.make_room(worth) {
            return;
        }
        self.last_due = Some(due);
        let place = self.group(worth);
        place.fading.insert(due, uid);
        if let Some(origin) = memory.origin {
            *place.shares.entry(origin).or_default() += 1;
        }
        self.kept.insert(uid, memory);
    }

    /// Keeps a result that a person missed, if there is room and its score is kept as well.
    pub fn keep_missed(&mut self, uid: &str, token: Token, missed: Missed) {
        let uid = self.hasher.hash_one(uid);
        let Some(memory) = self.kept.get_mut(&uid) else {
            return;
        };
        let most = MOST_MISSED.min(self.most);
        let share = memory
            .origin
            .and_then(|origin| self.missed_shares.get(&origin))
            .map_or(0, |share| *share as usize);
        let is_full = self.missed.len() >= most || share >= (most / SHARES).max(1);
        if memory.token != token || memory.has_missed || is_full {
            return;
        }
        memory.has_missed = true;
        if let Some(origin) = memory.origin {
            *self.missed_shares.entry(origin).or_default() += 1;
        }
        self.missed.insert(uid, missed);
    }

    /// The missed result of this uid, for the owner of the token. Ask before [`recall`](Self::recall), which drops it.
    pub fn missed(&self, uid: &str, token: Option<Token>, now: Instant) -> Option<Missed> {
        self.is_owner(uid, token, now)
            .then(|| self.missed.get(&self.hasher.hash_one(uid)).cloned())
            .flatten()
    }

    /// How many missed results are kept.
    pub fn missed_len(&self) -> usize {
        self.missed.len()
    }

    /// Whether this is the token of the uid's owner, who is offline.
    pub fn is_owner(&self, uid: &str, token: Option<Token>, now: Instant) -> bool {
        self.kept
            .get(&self.hasher.hash_one(uid))
            .is_some_and(|memory| token == Some(memory.token) && now <= memory.due)
    }

    /// Takes back the score of this uid. Without its token the result is `None`, and the memory stays for its owner.
    pub fn recall(
        &mut self,
        uid: &str,
        token: Option<Token>,
        now: Instant,
    ) -> Option<(Token, Standing)> {
        if !self.is_owner(uid, token, now) {
            return None;
        }
        let memory = self.forget(self.hasher.hash_one(uid))?;
        Some((memory.token, memory.standing))
    }

    /// When [`fade`](Self::fade) is due.
    pub fn deadline(&self) -> Option<Instant> {
        let first = |group: &WorthGroup| group.fading.first_key_value().map(|(due, _)| *due);
        [first(&self.worthless), first(&self.worthy)]
            .into_iter()
            .flatten()
            .min()
    }

    /// Drops the memories that are too old at `now`.
    pub fn fade(&mut self, now: Instant) {
        for worth in [Worth::Nothing, Worth::Something] {
            while let Some((due, uid)) = self.group(worth).fading.first_key_value()
                && *due <= now
            {
                let uid = *uid;
                self.forget(uid);
            }
        }
    }

    fn group(&mut self, worth: Worth) -> &mut WorthGroup {
        match worth {
            Worth::Nothing => &mut self.worthless,
            Worth::Something => &mut self.worthy,
        }
    }

    /// The hash of an address. If two addresses share a hash, which happens once in 2^32, they have one share together.
    /// Nobody can bring that about on purpose, because the hash is seeded.
    fn stand_in(&self, origin: Origin) -> NonZeroU32 {
        NonZeroU32::new(self.hasher.hash_one(origin) as u32).unwrap_or(NonZeroU32::MIN)
    }

    fn is_share_taken(&mut self, worth: Worth, origin: Option<NonZeroU32>) -> bool {
        let most = (self.most / SHARES).max(1);
        let shares = &self.group(worth).shares;
        let taken = origin.and_then(|origin| shares.get(&origin));
        taken.is_some_and(|taken| *taken as usize >= most)
    }

    /// Makes a place free for a memory of this worth: drops the oldest one worth nothing, or else the oldest of all.
    /// `false` if something of more worth would have to go.
    fn make_room(&mut self, worth: Worth) -> bool {
        while self.kept.len() >= self.most {
            let oldest = self.worthless.fading.first_key_value();
            let oldest = match worth {
                Worth::Nothing => oldest,
                Worth::Something => oldest.or_else(|| self.worthy.fading.first_key_value()),
            };
            let Some(uid) = oldest.map(|(_, uid)| *uid) else {
                return false;
            };
            self.forget(uid);
        }
        true
    }

    fn forget(&mut self, uid: UidHash) -> Option<Memory> {
        let memory = self.kept.remove(&uid)?;
        shrink(&mut self.kept);
        let place = self.group(memory.worth());
        place.fading.remove(&memory.due);
        give_back(&mut place.shares, memory.origin);
        if memory.has_missed {
            self.missed.remove(&uid);
            shrink(&mut self.missed);
            give_back(&mut self.missed_shares, memory.origin);
        }
        Some(memory)
    }
}

/// Counts one less for this address.
fn give_back(shares: &mut HashMap<NonZeroU32, u32>, origin: Option<NonZeroU32>) {
    if let Some(origin) = origin
        && let Entry::Occupied(mut share) = shares.entry(origin)
    {
        *share.get_mut() -= 1;
        if *share.get() == 0 {
            share.remove();
        }
    }
    shrink(shares);
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::RoomId;

    const AGE: Duration = Duration::from_mins(1);
    const STANDING: Standing = Standing {
        total: 7,
        streak: 2,
        best_streak: 2,
        rounds: 4,
        wins: 3,
    };

    fn tokens() -> [Token; 2] {
        let mut rng = StdRng::seed_from_u64(1);
        [Token::random(&mut rng), Token::random(&mut rng)]
    }

    #[test]
    fn scores_are_recalled_once_and_only_by_token() {
        let (mut memories, [mine, other], now) = (Memories::new(AGE, 9), tokens(), Instant::now());
        memories.keep("a", mine, STANDING, None, now);
        assert_eq!(
            memories.recall("a", Some(mine), now + AGE),
            Some((mine, STANDING))
        );
        assert_eq!(memories.recall("a", Some(mine), now), None);
        memories.keep("a", mine, STANDING, None, now);
        assert_eq!(memories.recall("a", Some(other), now), None);
        assert_eq!(memories.recall("a", None, now), None);
        assert_eq!(
            memories.recall("a", Some(mine), now),
            Some((mine, STANDING)),
            "nobody else can make it go away"
        );
    }

    #[test]
    fn another_holder_of_the_uid_cannot_replace_the_memory() {
        let (mut memories, [mine, other], now) = (Memories::new(AGE, 9), tokens(), Instant::now());
        memories.keep("a", mine, STANDING, None, now);
        memories.keep("a", other, Standing::default(), None, now);
        assert!(memories.is_owner("a", Some(mine), now));
        assert!(!memories.is_owner("a", Some(other), now));
        // Once the owner's memory is dropped, the uid is free.
        let later = now + AGE + Duration::from_secs(1);
        memories.keep("a", other, STANDING, None, later);
        assert!(memories.is_owner("a", Some(other), later));
    }

    #[test]
    fn recalled_scores_get_a_new_age() {
        let (mut memories, [mine, _], start) = (Memories::new(AGE, 9), tokens(), Instant::now());
        memories.keep("a", mine, STANDING, None, start);
        memories.recall("a", Some(mine), start);
        memories.keep("a", mine, STANDING, None, start + AGE / 2);
        memories.fade(start + AGE);
        assert_eq!(memories.len(), 1);
        memories.fade(start + AGE + AGE / 2);
        assert!(memories.is_empty());
        assert_eq!(memories.deadline(), None);
    }

    #[test]
    fn oldest_memories_are_dropped_at_the_limit() {
        let (mut memories, [mine, _], now) = (Memories::new(AGE, 2), tokens(), Instant::now());
        for uid in ["a", "b", "c"] {
            memories.keep(uid, mine, STANDING, None, now);
        }
        assert_eq!(memories.len(), 2);
        assert_eq!(memories.recall("a", Some(mine), now), None);
        assert_eq!(
            memories.recall("c", Some(mine), now),
            Some((mine, STANDING))
        );
    }

    #[test]
    fn memories_take_at_most_80_bytes() {
        // The entry in `fading` takes another 16 bytes.
        assert!(size_of::<(UidHash, Memory)>() <= 80);
    }

    fn missed() -> Missed {
        Missed {
            room: RoomId(1),
            standings: [].into(),
        }
    }

    #[test]
    fn missed_results_need_the_token_and_go_with_the_score() {
        let (mut memories, [mine, other], now) = (Memories::new(AGE, 9), tokens(), Instant::now());
        memories.keep_missed("a", mine, missed());
        assert_eq!(memories.missed_len(), 0, "nobody went");
        memories.keep("a", mine, STANDING, None, now);
        memories.keep_missed("a", other, missed());
        memories.keep_missed("a", mine, missed());
        assert_eq!(memories.missed("a", Some(mine), now), Some(missed()));
        assert_eq!(memories.missed("a", Some(other), now), None);
        assert_eq!(memories.missed("a", None, now), None);
        memories.recall("a", Some(mine), now);
        assert_eq!(memories.missed_len(), 0);
        memories.keep("a", mine, STANDING, None, now);
        memories.keep_missed("a", mine, missed());
        memories.fade(now + AGE + Duration::from_secs(1));
        assert_eq!(memories.missed_len(), 0);
    }

    #[test]
    fn missed_results_are_bounded_in_total_and_per_address() {
        let [mine, _] = tokens();
        let now = Instant::now();
        let mut memories = Memories::new(AGE, 1 << 20);
        for number in 0..2 * MOST_MISSED as u32 {
            let uid = number.to_string();
            // Eight from each network of 256 addresses, then all from one.
            let last = number as usize >= MOST_MISSED;
            let address = if last { 7 } else { (number / 8) << 8 };
            let origin = Origin::of(Ipv4Addr::from_bits(address).into());
            memories.keep(&uid, mine, STANDING, Some(origin), now);
            memories.keep_missed(&uid, mine, missed());
        }
        assert_eq!(memories.missed_len(), MOST_MISSED);
        memories.fade(now + AGE + Duration::from_secs(1));
        assert_eq!(
            (memories.missed_len(), memories.missed_shares.len()),
            (0, 0)
        );
        for number in 0..MOST_MISSED as u32 {
            let origin = Origin::of(Ipv4Addr::LOCALHOST.into());
            let uid = number.to_string();
            memories.keep(&uid, mine, STANDING, Some(origin), now);
            memories.keep_missed(&uid, mine, missed());
        }
        assert_eq!(memories.missed_len(), MOST_MISSED / SHARES);
    }
}
