//! The scores of people who are offline: kept for a while, for whoever shows the token.
//!
//! Whoever makes up people by the thousand must not push out the rest. So what is worth something is dropped for nothing but
//! what is worth something as well, which takes rounds won, and nobody's address has more than a share of the room.

use std::collections::hash_map::{Entry, RandomState};
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::event::Missed;
use super::ids::{IdMap, shrink};
use super::player::{Origin, Standing, Token};

/// The part of all memories that one address may have of each worth: a sixteenth. Of the default that is some six thousand
/// people behind one carrier's address who went within the hour.
const SHARES: usize = 16;
/// So many results are kept at most for people who missed them. One is some 100 bytes for each who played.
pub const MOST_MISSED: usize = 4096;

/// What somebody will find again who comes back.
#[derive(Debug)]
struct Memory {
    token: Token,
    /// When it fades. No two have the same, so that it stands for the order as well.
    due: Instant,
    standing: Standing,
    /// Stands for the address it came from: 32 bits, which fit into what would be a gap.
    origin: Option<NonZeroU32>,
    /// Whether a result is kept beside it.
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
        // Rounds that were lost are nothing to lose: anybody can have them by the thousand.
        if standing.total == 0 {
            Worth::Nothing
        } else {
            Worth::Something
        }
    }
}

/// Stands for a uid. Small pieces of text that outlive their people would hold on to the pages of memory they lie in, most of
/// which is free. Two uids that share one, once in 2^64, lose a score, and gain none: there is the token.
type Fingerprint = u64;

/// What is kept of one worth.
#[derive(Debug, Default)]
struct Shelf {
    /// In the order they fade. What is taken back leaves at once: coming and going costs nobody else a place.
    fading: BTreeMap<Instant, Fingerprint>,
    /// How many are from where.
    shares: HashMap<NonZeroU32, u32>,
}

/// Everybody's who is offline, up to a number and an age.
#[derive(Debug)]
pub struct Memories {
    age: Duration,
    most: usize,
    fingerprints: RandomState,
    kept: IdMap<Fingerprint, Memory>,
    worthless: Shelf,
    worthy: Shelf,
    /// Results that people have not heard of, and how many are from where.
    missed: IdMap<Fingerprint, Missed>,
    missed_shares: HashMap<NonZeroU32, u32>,
    last_due: Option<Instant>,
}

impl Memories {
    /// Keeps scores until they are of this age, and so many at most: the oldest go first, and before them those who have
    /// nothing to lose.
    pub fn new(age: Duration, most: usize) -> Memories {
        Memories {
            age,
            most,
            fingerprints: RandomState::new(),
            kept: IdMap::default(),
            worthless: Shelf::default(),
            worthy: Shelf::default(),
            missed: IdMap::default(),
            missed_shares: HashMap::new(),
            last_due: None,
        }
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Somebody went. Who had the uid only while its owner was away leaves nothing behind, nor does who comes from where too
    /// many are remembered already, or has nothing to lose when there is no room but that of people who have.
    pub fn keep(
        &mut self,
        uid: &str,
        token: Token,
        standing: Standing,
        origin: Option<Origin>,
        now: Instant,
    ) {
        let uid = self.fingerprints.hash_one(uid);
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
        let place = self.shelf(worth);
        place.fading.insert(due, uid);
        if let Some(origin) = memory.origin {
            *place.shares.entry(origin).or_default() += 1;
        }
        self.kept.insert(uid, memory);
    }

    /// Keeps a result for somebody who went, if there is room and its score is kept as well.
    pub fn keep_missed(&mut self, uid: &str, token: Token, missed: Missed) {
        let uid = self.fingerprints.hash_one(uid);
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

    /// The result kept for this uid, for whoever is about to [`recall`](Self::recall) its score.
    pub fn missed(&self, uid: &str, token: Option<Token>, now: Instant) -> Option<Missed> {
        self.is_owner(uid, token, now)
            .then(|| self.missed.get(&self.fingerprints.hash_one(uid)).cloned())
            .flatten()
    }

    /// How many results are kept.
    pub fn missed_len(&self) -> usize {
        self.missed.len()
    }

    /// Whether this is the token of the uid's owner, who went.
    pub fn is_owner(&self, uid: &str, token: Option<Token>, now: Instant) -> bool {
        self.kept
            .get(&self.fingerprints.hash_one(uid))
            .is_some_and(|memory| token == Some(memory.token) && now <= memory.due)
    }

    /// Somebody comes with this uid. Without its token there is nothing to be had, and nothing to be lost for its owner.
    pub fn recall(
        &mut self,
        uid: &str,
        token: Option<Token>,
        now: Instant,
    ) -> Option<(Token, Standing)> {
        if !self.is_owner(uid, token, now) {
            return None;
        }
        let memory = self.forget(self.fingerprints.hash_one(uid))?;
        Some((memory.token, memory.standing))
    }

    /// When [`fade`](Self::fade) is due.
    pub fn deadline(&self) -> Option<Instant> {
        let first = |shelf: &Shelf| shelf.fading.first_key_value().map(|(due, _)| *due);
        [first(&self.worthless), first(&self.worthy)]
            .into_iter()
            .flatten()
            .min()
    }

    /// Drops what is too old at `now`.
    pub fn fade(&mut self, now: Instant) {
        for worth in [Worth::Nothing, Worth::Something] {
            while let Some((due, uid)) = self.shelf(worth).fading.first_key_value()
                && *due <= now
            {
                let uid = *uid;
                self.forget(uid);
            }
        }
    }

    fn shelf(&mut self, worth: Worth) -> &mut Shelf {
        match worth {
            Worth::Nothing => &mut self.worthless,
            Worth::Something => &mut self.worthy,
        }
    }

    /// Fewer bits than an address has. Two that share one, once in 2^32, share what they may have; nobody can choose whom
    /// with, since the hash is seeded.
    fn stand_in(&self, origin: Origin) -> NonZeroU32 {
        NonZeroU32::new(self.fingerprints.hash_one(origin) as u32).unwrap_or(NonZeroU32::MIN)
    }

    fn is_share_taken(&mut self, worth: Worth, origin: Option<NonZeroU32>) -> bool {
        let most = (self.most / SHARES).max(1);
        let shares = &self.shelf(worth).shares;
        let taken = origin.and_then(|origin| shares.get(&origin));
        taken.is_some_and(|taken| *taken as usize >= most)
    }

    /// Drops the oldest if all places are taken, of those with nothing to lose as long as there are any. `false` if that
    /// would be at the cost of somebody who has more to lose than what it is for.
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

    fn forget(&mut self, uid: Fingerprint) -> Option<Memory> {
        let memory = self.kept.remove(&uid)?;
        shrink(&mut self.kept);
        let place = self.shelf(memory.worth());
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

/// One less is from there.
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
    fn a_score_is_for_whoever_shows_its_token_and_only_once() {
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
    fn whoever_has_the_uid_while_its_owner_is_away_leaves_no_trace() {
        let (mut memories, [mine, other], now) = (Memories::new(AGE, 9), tokens(), Instant::now());
        memories.keep("a", mine, STANDING, None, now);
        memories.keep("a", other, Standing::default(), None, now);
        assert!(memories.is_owner("a", Some(mine), now));
        assert!(!memories.is_owner("a", Some(other), now));
        // Once the owner is forgotten the uid is anybody's.
        let later = now + AGE + Duration::from_secs(1);
        memories.keep("a", other, STANDING, None, later);
        assert!(memories.is_owner("a", Some(other), later));
    }

    #[test]
    fn a_score_fades_with_its_own_age_though_its_owner_was_back_meanwhile() {
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
    fn the_oldest_go_when_there_are_too_many() {
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
    fn a_memory_is_small() {
        // Two words more for its place among the others.
        assert!(size_of::<(Fingerprint, Memory)>() <= 80);
    }

    fn missed() -> Missed {
        Missed {
            room: RoomId(1),
            standings: [].into(),
        }
    }

    #[test]
    fn a_result_is_for_whoever_shows_the_token_and_goes_with_the_score() {
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
    fn results_are_bounded_in_all_and_for_each_address() {
        let [mine, _] = tokens();
        let now = Instant::now();
        let mut memories = Memories::new(AGE, 1 << 20);
        for number in 0..2 * MOST_MISSED as u32 {
            let uid = number.to_string();
            // Eight from each network of 256 addresses, then all from one.
            let last = number as usize >= MOST_MISSED;
            let address = if last { 7 } else { (number / 8) << 8 };
            let origin = Origin::of(std::net::Ipv4Addr::from_bits(address).into());
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
            let origin = Origin::of(std::net::Ipv4Addr::LOCALHOST.into());
            let uid = number.to_string();
            memories.keep(&uid, mine, STANDING, Some(origin), now);
            memories.keep_missed(&uid, mine, missed());
        }
        assert_eq!(memories.missed_len(), MOST_MISSED / SHARES);
    }
}
