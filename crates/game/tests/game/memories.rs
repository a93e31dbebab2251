//! What is remembered of people who went, under those who would like to see it forgotten.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use wulin_game::memories::Memories;
use wulin_game::{Origin, Standing, Token};

const AGE: Duration = Duration::from_mins(1);
const MOST: usize = 64;
/// What one address may have of each worth: a sixteenth.
const SHARE: usize = 4;
const WON: Standing = Standing {
    total: 1,
    streak: 1,
    best_streak: 1,
    rounds: 1,
    wins: 1,
};

fn address(last: u8) -> Origin {
    Origin::of(Ipv4Addr::new(203, 0, 113, last).into())
}

fn tokens(seed: u64) -> impl FnMut() -> Token {
    let mut rng = StdRng::seed_from_u64(seed);
    move || Token::random(&mut rng)
}

#[test]
fn passers_by_with_nothing_to_lose_cost_nobody_a_score() {
    let (mut token, now) = (tokens(1), Instant::now());
    for origin in [None, Some(address(1))] {
        let mut memories = Memories::new(AGE, MOST);
        let mine = token();
        memories.keep("owner", mine, WON, Some(address(2)), now);
        for number in 0..100_000 {
            memories.keep(
                &format!("x{number}"),
                token(),
                Standing::default(),
                origin,
                now,
            );
        }
        assert!(memories.is_owner("owner", Some(mine), now));
        assert!(memories.len() <= MOST);
        assert_eq!(memories.recall("owner", Some(mine), now), Some((mine, WON)));
    }
}

#[test]
fn passers_by_from_one_address_do_not_push_out_those_from_others() {
    let (mut token, now) = (tokens(2), Instant::now());
    let mut memories = Memories::new(AGE, MOST);
    let mine = token();
    memories.keep("owner", mine, Standing::default(), Some(address(2)), now);
    // All addresses of a network of 64 bits are one.
    for number in 0..100_000_u128 {
        let origin = Origin::of(IpAddr::V6(Ipv6Addr::from_bits(
            0x2001_0db8_u128 << 96 | number,
        )));
        let uid = format!("x{number}");
        memories.keep(&uid, token(), Standing::default(), Some(origin), now);
        memories.keep(&format!("y{number}"), token(), WON, Some(origin), now);
    }
    assert_eq!(memories.len(), 1 + 2 * SHARE);
    assert!(memories.is_owner("owner", Some(mine), now));
}

#[test]
fn who_comes_and_goes_costs_nobody_else_a_place() {
    let (mut token, now) = (tokens(3), Instant::now());
    for standing in [Standing::default(), WON] {
        let mut memories = Memories::new(AGE, MOST);
        let (mine, restless) = (token(), token());
        memories.keep("owner", mine, standing, None, now);
        for _ in 0..10 * MOST {
            memories.keep("restless", restless, standing, None, now);
            // With its score or another, by its token or without anybody having asked.
            memories.keep("restless", restless, WON, None, now);
            assert!(memories.recall("restless", Some(restless), now).is_some());
        }
        assert!(memories.is_owner("owner", Some(mine), now));
        assert_eq!(memories.len(), 1);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Keep {
        uid: usize,
        won: bool,
        origin: Option<u8>,
    },
    Recall(usize),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..200_usize, any::<bool>(), prop::option::of(0..30_u8))
            .prop_map(|(uid, won, origin)| Step::Keep { uid, won, origin }),
        2 => (0..200_usize).prop_map(Step::Recall),
        1 => (0..20_000_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..600)
}

proptest! {
    /// Whatever happens, the room and the shares are kept to, and what is worth something stays until it fades, unless all of
    /// the room is taken by such.
    #[test]
    fn what_is_worth_something_goes_only_for_its_like(steps in steps()) {
        let (mut token, mut now) = (tokens(4), Instant::now());
        let tokens: Vec<_> = (0..200).map(|_| token()).collect();
        let mut memories = Memories::new(AGE, MOST);
        // Those that are worth something and cannot have been refused, the oldest first.
        let mut worthy: VecDeque<(usize, Instant, Option<u8>)> = VecDeque::new();
        for step in steps {
            match step {
                Step::Keep { uid, won, origin } => {
                    worthy.retain(|(other, ..)| *other != uid);
                    let mut shares: HashMap<Option<u8>, usize> = HashMap::new();
                    for (_, _, origin) in &worthy {
                        *shares.entry(*origin).or_default() += 1;
                    }
                    let standing = if won { WON } else { Standing::default() };
                    memories.keep(&uid.to_string(), tokens[uid], standing, origin.map(address), now);
                    if won && (origin.is_none() || shares.get(&origin).is_none_or(|share| *share < SHARE)) {
                        worthy.push_back((uid, now, origin));
                        if worthy.len() > MOST {
                            worthy.pop_front();
                        }
                    }
                }
                Step::Recall(uid) => {
                    let kept = worthy.iter().position(|(other, ..)| *other == uid);
                    let recalled = memories.recall(&uid.to_string(), Some(tokens[uid]), now);
                    prop_assert_eq!(kept.is_some(), recalled.is_some_and(|(_, standing)| standing == WON));
                    kept.map(|at| worthy.remove(at));
                }
                Step::Wait(millis) => {
                    now += Duration::from_millis(millis);
                    // A memory may outlive its age by as many nanoseconds as there are memories.
                    memories.fade(now + Duration::from_micros(1));
                    worthy.retain(|(_, then, _)| *then + AGE > now);
                }
            }
            prop_assert!(memories.len() <= MOST);
            prop_assert!(memories.len() >= worthy.len());
            for (uid, ..) in &worthy {
                prop_assert!(memories.is_owner(&uid.to_string(), Some(tokens[*uid]), now));
            }
        }
        memories.fade(now + AGE + Duration::from_micros(1));
        prop_assert!(memories.is_empty());
        prop_assert_eq!(memories.deadline(), None);
    }
}
