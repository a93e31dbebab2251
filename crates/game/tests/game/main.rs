//! The whole game under random commands, disconnects and time.

mod memories;
mod rematch;
mod resume;
mod stories;
mod world;

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use wulin_game::{Face, Hand};

use world::{PEOPLE, Step, World};

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let place = prop_oneof![
        Just(None),
        (-1.0..1.0, 179.0..181.0_f64)
            .prop_map(|(lat, lng)| Some((lat, if lng > 180.0 { lng - 360.0 } else { lng }))),
        Just(Some((39.9, 116.4))),
    ];
    let hand = prop::sample::select(Hand::ALL.to_vec());
    let face = prop::sample::select(Face::ALL.to_vec());
    let step = prop_oneof![
        3 => (any::<Index>(), 0..PEOPLE, place, any::<bool>())
            .prop_map(|(connection, uid, place, prove)| Step::Hello { connection, uid, place, prove }),
        5 => any::<Index>().prop_map(Step::Join),
        1 => any::<Index>().prop_map(Step::JoinRobot),
        1 => any::<Index>().prop_map(Step::Leave),
        2 => (any::<Index>(), hand.clone()).prop_map(|(who, hand)| Step::Lock(who, hand)),
        4 => (any::<Index>(), hand).prop_map(|(who, hand)| Step::Choose(who, hand)),
        1 => (any::<Index>(), face).prop_map(|(who, face)| Step::Pull(who, face)),
        2 => any::<Index>().prop_map(Step::Disconnect),
        3 => (0..2000_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..120)
}

fn play(seats: usize, steps: Vec<Step>) -> World {
    let mut world = World::new(seats);
    for step in steps {
        world.step(&step);
    }
    // Everybody who waits plays with robots in the end, and every room ends.
    world.wait(Duration::from_secs(30));
    let online = world.lobby.online();
    for (player, connection) in &world.lines {
        let is_here = world.connections.iter().any(|(one, _)| one == connection);
        if let Some(nearby) = world.nearby.get(player).filter(|_| is_here) {
            assert_eq!(*nearby, online - 1, "{player} believes in others");
        }
    }
    let connections: Vec<_> = world
        .connections
        .iter()
        .map(|(connection, _)| *connection)
        .collect();
    for connection in connections {
        world.disconnect(connection);
    }
    world.wait(Duration::from_secs(200));
    world
}

/// Random courses per number of seats.
const CASES: u32 = 400;

fn assert_empty(world: &World) {
    assert!(world.rounds.is_empty());
    assert!(world.seats.is_empty());
    assert!(world.lines.is_empty(), "{:?} are still there", world.lines);
    assert_eq!(world.lobby.online(), 0);
    assert_eq!(world.lobby.remembered(), 0);
    assert_eq!(
        world.lobby.deadline(),
        None,
        "something is still to come, though nobody is there"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, ..ProptestConfig::default() })]

    #[test]
    fn rooms_of_two_keep_the_rules_whatever_happens(steps in steps()) {
        assert_empty(&play(2, steps));
    }

    #[test]
    fn rooms_of_three_keep_the_rules_whatever_happens(steps in steps()) {
        assert_empty(&play(3, steps));
    }

    #[test]
    fn rooms_of_five_keep_the_rules_whatever_happens(steps in steps()) {
        assert_empty(&play(5, steps));
    }
}
