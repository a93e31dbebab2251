//! The scores of people who are offline: kept for a while, for whoever shows the token.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::{Duration, Instant};

use super::ids::{IdMap, shrink};
use super::player::{Standing, Token};

/// What somebody will find again who comes back.
#[derive(Debug)]
struct Memory {
    token: Token,
    standing: Standing,
    /// When it fades; tells it from a later one of the same uid.
    due: Instant,
}

/// Stands for a uid. Small pieces of text that outlive their people would hold on to the pages of memory they lie in, most of
/// which is free. Two uids that share one, once in 2^64, lose a score, and gain none: there is the token.
type Fingerprint = u64;

/// Everybody's who is offline, up to a number and an age.
#[derive(Debug)]
pub struct Memories {
    age: Duration,
    most: usize,
    fingerprints: RandomState,
    kept: IdMap<Fingerprint, Memory>,
    /// In the order they fade; those whose owners are back are passed over.
    fading: VecDeque<(Instant, Fingerprint)>,
}

impl Memories {
    /// Keeps scores until they are of this age, and so many at most: the oldest go first.
    pub fn new(age: Duration, most: usize) -> Memories {
        Memories {
            age,
            most,
            fingerprints: RandomState::new(),
            kept: IdMap::default(),
            fading: VecDeque::new(),
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

    /// Somebody went. Who had the uid only while its owner was away leaves nothing behind.
    pub fn keep(&mut self, uid: &str, token: Token, standing: Standing, now: Instant) {
        let uid = self.fingerprints.hash_one(uid);
        if self
            .kept
            .get(&uid)
            .is_some_and(|memory| memory.token != token && now <= memory.due)
        {
            return;
        }
        let due = now + self.age;
        self.fading.push_back((due, uid));
        self.kept.insert(
            uid,
            Memory {
                token,
                standing,
                due,
            },
        );
        if self.fading.len() > self.most {
            self.drop_oldest();
        }
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
        let memory = self.kept.remove(&self.fingerprints.hash_one(uid))?;
        shrink(&mut self.kept);
        Some((memory.token, memory.standing))
    }

    /// When [`fade`](Self::fade) is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.fading.front().map(|(due, _)| *due)
    }

    /// Drops what is too old at `now`.
    pub fn fade(&mut self, now: Instant) {
        while self.deadline().is_some_and(|due| due <= now) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((due, uid)) = self.fading.pop_front()
            && self.kept.get(&uid).is_some_and(|memory| memory.due == due)
        {
            self.kept.remove(&uid);
            shrink(&mut self.kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    const AGE: Duration = Duration::from_mins(1);
    const STANDING: Standing = Standing {
        total: 7,
        streak: 2,
    };

    fn tokens() -> [Token; 2] {
        let mut rng = StdRng::seed_from_u64(1);
        [Token::random(&mut rng), Token::random(&mut rng)]
    }

    #[test]
    fn a_score_is_for_whoever_shows_its_token_and_only_once() {
        let (mut memories, [mine, other], now) = (Memories::new(AGE, 9), tokens(), Instant::now());
        memories.keep("a", mine, STANDING, now);
        assert_eq!(
            memories.recall("a", Some(mine), now + AGE),
            Some((mine, STANDING))
        );
        assert_eq!(memories.recall("a", Some(mine), now), None);
        memories.keep("a", mine, STANDING, now);
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
        memories.keep("a", mine, STANDING, now);
        memories.keep("a", other, Standing::default(), now);
        assert!(memories.is_owner("a", Some(mine), now));
        assert!(!memories.is_owner("a", Some(other), now));
        // Once the owner is forgotten the uid is anybody's.
        let later = now + AGE + Duration::from_secs(1);
        memories.keep("a", other, STANDING, later);
        assert!(memories.is_owner("a", Some(other), later));
    }

    #[test]
    fn a_score_fades_with_its_own_age_though_its_owner_was_back_meanwhile() {
        let (mut memories, [mine, _], start) = (Memories::new(AGE, 9), tokens(), Instant::now());
        memories.keep("a", mine, STANDING, start);
        memories.recall("a", Some(mine), start);
        memories.keep("a", mine, STANDING, start + AGE / 2);
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
            memories.keep(uid, mine, STANDING, now);
        }
        assert_eq!(memories.len(), 2);
        assert_eq!(memories.recall("a", Some(mine), now), None);
        assert_eq!(
            memories.recall("c", Some(mine), now),
            Some((mine, STANDING))
        );
    }
}
