//! Single courses of events, told to the second.

use std::time::Duration;

use wulin_game::lobby::{Hello, LobbyEffect};
use wulin_game::room::{Action, Settlement};
use wulin_game::{ConnectionId, Event, Hand, Place, Profile, Standing, Token};

use super::world::{REMATCH_WAIT, ROUND_TIME, World};

pub(super) fn hello(
    world: &mut World,
    who: u64,
    uid: &str,
    place: Option<(f64, f64)>,
    legacy: bool,
) {
    greet(world, who, uid, place, legacy, None);
}

/// Another connection of somebody who has the token.
pub(super) fn return_as(world: &mut World, who: u64, uid: &str) {
    let token = world.tokens[uid];
    greet(world, who, uid, None, false, Some(token));
}

fn greet(
    world: &mut World,
    who: u64,
    uid: &str,
    place: Option<(f64, f64)>,
    legacy: bool,
    token: Option<Token>,
) {
    let hello = Hello {
        profile: Profile {
            uid: uid.into(),
            name: uid.into(),
            picture: "".into(),
        },
        place: place.and_then(|(lat, lng)| Place::new(lat, lng)),
        token,
        legacy,
        origin: None,
    };
    world.hello(ConnectionId(who), hello).unwrap();
}

pub(super) fn join(world: &mut World, who: u64) {
    let player = world.player(ConnectionId(who));
    world.asked.extend(player);
    world.lobby.join(ConnectionId(who), world.now).unwrap();
    world.carry_out();
}

pub(super) fn choose(world: &mut World, who: u64, hand: Hand) {
    let player = world.player(ConnectionId(who)).unwrap();
    let room = world.seats[&player];
    world.command(player, room, Action::Choose(hand)).unwrap();
}

/// The uids that play with this connection now, its own included, sorted.
pub(super) fn company(world: &World, who: u64) -> Vec<String> {
    let player = world.player(ConnectionId(who)).unwrap();
    let Some(room) = world.seats.get(&player) else {
        return Vec::new();
    };
    let mut uids: Vec<_> = world.rounds[room]
        .seats
        .iter()
        .map(|seat| seat.profile.uid.to_string())
        .collect();
    uids.sort();
    uids
}

const BEIJING: Option<(f64, f64)> = Some((39.90, 116.40));
const NEXT_DOOR: Option<(f64, f64)> = Some((39.91, 116.41));
const TIANJIN: Option<(f64, f64)> = Some((39.13, 117.20));
const CHICAGO: Option<(f64, f64)> = Some((41.88, -87.63));

#[test]
fn the_nearest_who_waits_is_met_first() {
    let mut world = World::new(2);
    hello(&mut world, 1, "tianjin", TIANJIN, false);
    hello(&mut world, 2, "next door", NEXT_DOOR, false);
    hello(&mut world, 3, "beijing", BEIJING, false);
    join(&mut world, 1);
    join(&mut world, 2);
    join(&mut world, 3);
    assert_eq!(company(&world, 3), ["beijing", "next door"]);
    assert_eq!(company(&world, 1), Vec::<String>::new());
}

#[test]
fn the_longer_the_wait_the_further_away_the_partner() {
    let mut world = World::new(2);
    hello(&mut world, 1, "beijing", BEIJING, false);
    hello(&mut world, 2, "chicago", CHICAGO, false);
    join(&mut world, 1);
    join(&mut world, 2);
    world.wait(Duration::from_millis(600));
    assert_eq!(company(&world, 1), Vec::<String>::new(), "not yet anybody");
    world.wait(Duration::from_millis(200));
    assert_eq!(company(&world, 1), ["beijing", "chicago"]);
}

#[test]
fn the_second_stage_reaches_the_next_city() {
    let mut world = World::new(2);
    hello(&mut world, 1, "beijing", BEIJING, false);
    hello(&mut world, 2, "60 km away", Some((39.4, 116.6)), false);
    join(&mut world, 1);
    join(&mut world, 2);
    assert_eq!(company(&world, 1), Vec::<String>::new());
    world.wait(Duration::from_millis(520));
    assert_eq!(company(&world, 1), ["60 km away", "beijing"]);
}

#[test]
fn who_has_no_place_plays_with_anybody_at_once() {
    let mut world = World::new(2);
    hello(&mut world, 1, "chicago", CHICAGO, false);
    hello(&mut world, 2, "nowhere", None, false);
    join(&mut world, 1);
    join(&mut world, 2);
    assert_eq!(company(&world, 1), ["chicago", "nowhere"]);
}

#[test]
fn who_waits_alone_gets_a_robot_after_the_wait() {
    let mut world = World::new(2);
    hello(&mut world, 1, "alone", BEIJING, false);
    join(&mut world, 1);
    world.wait(Duration::from_millis(999));
    assert_eq!(company(&world, 1), Vec::<String>::new());
    world.wait(Duration::from_millis(1));
    assert_eq!(company(&world, 1).len(), 2);
}

#[test]
fn partners_who_both_ask_again_meet_again_though_others_are_nearer() {
    let mut world = World::new(2);
    hello(&mut world, 1, "a", BEIJING, false);
    hello(&mut world, 2, "b", None, false);
    hello(&mut world, 3, "c", NEXT_DOOR, false);
    join(&mut world, 1);
    join(&mut world, 2);
    world.wait(ROUND_TIME);
    join(&mut world, 1);
    world.wait(Duration::from_millis(100));
    join(&mut world, 3);
    world.wait(Duration::from_millis(100));
    join(&mut world, 2);
    assert_eq!(company(&world, 1), ["a", "b"]);
}

#[test]
fn a_partner_who_does_not_ask_again_is_not_waited_for_long() {
    let mut world = World::new(2);
    hello(&mut world, 4, "d", BEIJING, false);
    hello(&mut world, 1, "a", BEIJING, false);
    hello(&mut world, 2, "b", BEIJING, false);
    hello(&mut world, 3, "c", BEIJING, false);
    join(&mut world, 1);
    join(&mut world, 2);
    world.wait(ROUND_TIME);
    join(&mut world, 1);
    join(&mut world, 3);
    world.wait(Duration::from_millis(999));
    assert_eq!(company(&world, 3), Vec::<String>::new(), "kept for b");
    world.wait(Duration::from_millis(1));
    assert_eq!(company(&world, 3).len(), 2, "a robot by now");
    world.wait(Duration::from_secs(7));
    join(&mut world, 4);
    assert_eq!(company(&world, 1), ["a", "d"]);
}

#[test]
fn a_client_from_2016_that_lost_is_seated_when_its_partner_asks() {
    let mut world = World::new(2);
    hello(&mut world, 1, "winner", None, false);
    hello(&mut world, 2, "loser", None, true);
    join(&mut world, 1);
    join(&mut world, 2);
    choose(&mut world, 1, Hand::Rock);
    choose(&mut world, 2, Hand::Scissors);
    world.wait(ROUND_TIME + Duration::from_millis(300));
    assert_eq!(company(&world, 2), Vec::<String>::new());
    join(&mut world, 1);
    assert_eq!(company(&world, 2), ["loser", "winner"]);
}

#[test]
fn a_client_from_2016_that_lost_is_seated_after_three_seconds_and_nobody_else_is() {
    let mut world = World::new(2);
    hello(&mut world, 1, "a", None, false);
    hello(&mut world, 2, "old", None, true);
    join(&mut world, 1);
    join(&mut world, 2);
    choose(&mut world, 1, Hand::Rock);
    world.wait(ROUND_TIME + Duration::from_millis(2999));
    assert!(world.joined_by_itself.is_empty());
    world.wait(Duration::from_millis(1));
    assert_eq!(world.joined_by_itself.len(), 1);
    world.wait(REMATCH_WAIT + Duration::from_secs(1));
    assert_eq!(company(&world, 2).len(), 2, "with a robot by now");
    assert_eq!(
        company(&world, 1),
        Vec::<String>::new(),
        "the winner never asked"
    );
}

#[test]
fn a_client_from_2016_that_won_or_drew_asks_for_itself() {
    let mut world = World::new(2);
    hello(&mut world, 1, "a", None, true);
    hello(&mut world, 2, "b", None, true);
    join(&mut world, 1);
    join(&mut world, 2);
    choose(&mut world, 1, Hand::Rock);
    choose(&mut world, 2, Hand::Rock);
    world.wait(ROUND_TIME + Duration::from_secs(5));
    assert!(world.joined_by_itself.is_empty());
}

#[test]
fn a_score_outlives_a_crowd_of_passers_by_and_is_its_owners_again() {
    let mut world = World::new(2);
    let now = world.now;
    let greet = |world: &mut World, who: u64, uid: &str, token| {
        let hello = Hello {
            profile: Profile {
                uid: uid.into(),
                name: uid.into(),
                picture: "".into(),
            },
            place: None,
            token,
            legacy: false,
            origin: None,
        };
        world.lobby.hello(ConnectionId(who), hello, now)
    };
    let welcome = |world: &mut World| {
        let mut welcomed = None;
        while let Some(effect) = world.lobby.poll_effect() {
            if let LobbyEffect::Send(
                _,
                Event::Welcomed {
                    token, standing, ..
                },
            ) = effect
            {
                welcomed = Some((token, standing));
            }
        }
        welcomed.expect("a welcome")
    };
    let won = Standing {
        total: 1,
        streak: 1,
        best_streak: 1,
        rounds: 1,
        wins: 1,
    };

    // The owner wins a round and goes.
    greet(&mut world, 100, "owner", None).unwrap();
    let (mine, _) = welcome(&mut world);
    world.lobby.join(ConnectionId(100), now).unwrap();
    world.lobby.handle_timeout(now + Duration::from_secs(2));
    let mut opened = None;
    while let Some(effect) = world.lobby.poll_effect() {
        if let LobbyEffect::Opened(room, people) = effect {
            opened = Some((room.id(), people[0]));
        }
    }
    let (room, player) = opened.expect("a room");
    let settlement = Settlement {
        player,
        standing: won,
        lost: false,
    };
    world.lobby.settled(room, &[].into(), &[settlement], now);
    world.lobby.disconnect(ConnectionId(100), now);

    // More come and go than are remembered, and then somebody takes the uid.
    for who in 1_000..2_000 {
        greet(&mut world, who, &format!("x{who}"), None).unwrap();
        world.lobby.disconnect(ConnectionId(who), now);
    }
    greet(&mut world, 3_000, "owner", None).unwrap();
    let (theirs, standing) = welcome(&mut world);
    assert_eq!(standing, Standing::default());
    assert_ne!(theirs, mine);

    // The owner's token is worth more than having come first.
    greet(&mut world, 3_001, "owner", Some(mine)).unwrap();
    let mut replaced = false;
    while let Some(effect) = world.lobby.poll_effect() {
        match effect {
            LobbyEffect::Replaced(_) => replaced = true,
            LobbyEffect::Send(
                _,
                Event::Welcomed {
                    token, standing, ..
                },
            ) => {
                assert_eq!((token, standing), (mine, won));
            }
            _ => {}
        }
    }
    assert!(replaced);
}
