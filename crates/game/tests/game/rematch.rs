//! Rematches: partners who meet again, and what happens when one of them does not want to, or cannot.

use std::time::Duration;

use wulin_game::{ConnectionId, Event, Face, Movement, Rejected};

use super::stories::{company, hello, join, return_as};
use super::world::{REMATCH_WAIT, ROUND_TIME, World};

const NOBODY: [&str; 0] = [];
const BEIJING: Option<(f64, f64)> = Some((39.90, 116.40));
const SECOND: Duration = Duration::from_secs(1);

/// Two people who have just played together, with connections 1 and 2, and a third person nearby.
fn friends(legacy: bool) -> World {
    let mut world = World::new(2);
    hello(&mut world, 1, "a", None, false);
    hello(&mut world, 2, "b", BEIJING, legacy);
    join(&mut world, 1);
    join(&mut world, 2);
    assert_eq!(company(&world, 1), ["a", "b"]);
    world.wait(ROUND_TIME);
    hello(&mut world, 3, "c", BEIJING, false);
    world.told.clear();
    world
}

fn robot(world: &mut World, who: u64) {
    let by = ConnectionId(who);
    world.lobby.join_robot(by, world.now).unwrap();
    world.carry_out();
}

/// Who waits for this uid, according to the last event that it was sent.
fn invitation(world: &World, uid: &str) -> Option<String> {
    let mut told = world.told.iter().rev();
    told.find_map(|(player, event)| match event {
        Event::RoomChanged { rematch, .. } if *world.uids[player] == *uid => {
            Some(rematch.as_deref().map(ToOwned::to_owned))
        }
        _ => None,
    })
    .flatten()
}

#[test]
fn players_who_ask_again_within_eight_seconds_meet_again() {
    for (first, second) in [(1, 2), (2, 1)] {
        for pause in [0, 2_000, 60_000] {
            for delay in (0..8_000).step_by(250).chain([7_999]) {
                let mut world = friends(false);
                world.wait(Duration::from_millis(pause));
                join(&mut world, first);
                world.wait(Duration::from_millis(delay / 2));
                // Another person asks, who is nearer.
                join(&mut world, 3);
                world.wait(Duration::from_millis(delay - delay / 2));
                join(&mut world, second);
                assert_eq!(
                    company(&world, 1),
                    ["a", "b"],
                    "{delay} ms after {pause} ms"
                );
            }
        }
    }
}

#[test]
fn partners_are_invited_except_clients_from_2016() {
    for legacy in [false, true] {
        let mut world = friends(legacy);
        join(&mut world, 1);
        let expected = (!legacy).then(|| "a".to_owned());
        assert_eq!(invitation(&world, "b"), expected);
        assert_eq!(company(&world, 2), NOBODY, "told, not seated");
    }
}

#[test]
fn after_the_rematch_wait_come_strangers_then_robots() {
    let mut world = friends(false);
    join(&mut world, 1);
    world.wait(REMATCH_WAIT);
    assert_eq!(company(&world, 1), NOBODY);
    world.wait(Duration::from_millis(999));
    assert_eq!(company(&world, 1), NOBODY, "anybody first");
    world.wait(Duration::from_millis(1));
    assert_eq!(company(&world, 1).len(), 2);
    assert_eq!(invitation(&world, "b"), None, "it is no longer waited for");
}

#[test]
fn absent_partners_are_not_waited_for() {
    let leaves: fn(&mut World) = |world| {
        world.lobby.leave(ConnectionId(2)).unwrap();
        world.carry_out();
        assert_eq!(world.lobby.leave(ConnectionId(2)), Err(Rejected::NotSeated));
    };
    let is_offline: fn(&mut World) = |world| world.disconnect(ConnectionId(2));
    let plays: fn(&mut World) = |world| robot(world, 2);
    for gone in [leaves, is_offline, plays] {
        for before in [true, false] {
            let mut world = friends(false);
            if before {
                gone(&mut world);
            }
            join(&mut world, 1);
            if !before {
                world.wait(SECOND);
                gone(&mut world);
            }
            world.wait(SECOND);
            assert_eq!(company(&world, 1).len(), 2, "a robot after a second");
        }
    }
}

#[test]
fn asking_again_withdraws_a_refusal() {
    let mut world = friends(false);
    world.lobby.leave(ConnectionId(2)).unwrap();
    join(&mut world, 2);
    world.wait(Duration::from_secs(5));
    join(&mut world, 1);
    assert_eq!(company(&world, 1), ["a", "b"]);
}

#[test]
fn asking_twice_accepts_anybody() {
    let mut world = friends(false);
    join(&mut world, 1);
    join(&mut world, 3);
    assert_eq!(company(&world, 1), NOBODY);
    join(&mut world, 1);
    world.wait(Duration::ZERO);
    assert_eq!(company(&world, 1), ["a", "c"]);
    assert_eq!(invitation(&world, "b"), None);

    // As long as nobody else waits, the partner can still come.
    let mut world = friends(false);
    join(&mut world, 1);
    join(&mut world, 1);
    world.wait(Duration::ZERO);
    assert_eq!(
        world.lobby.join(ConnectionId(1), world.now),
        Err(Rejected::AlreadySeated)
    );
    world.wait(Duration::from_millis(500));
    join(&mut world, 2);
    assert_eq!(company(&world, 1), ["a", "b"]);
}

#[test]
fn requested_robots_come_at_once() {
    let mut world = friends(false);
    robot(&mut world, 3);
    assert_eq!(company(&world, 3).len(), 2, "out of nowhere");
    assert_eq!(
        world.lobby.join_robot(ConnectionId(3), world.now),
        Err(Rejected::AlreadySeated)
    );
    join(&mut world, 1);
    assert_eq!(invitation(&world, "b").as_deref(), Some("a"));
    robot(&mut world, 1);
    assert_eq!(company(&world, 1).len(), 2, "instead of a rematch");
    assert_eq!(invitation(&world, "b"), None);
    join(&mut world, 2);
    robot(&mut world, 2);
    assert_eq!(company(&world, 2).len(), 2, "instead of anybody");
    assert_eq!(world.lobby.waiting(), 0);
}

#[test]
fn partners_meet_again_despite_a_lost_connection() {
    // The player who waits loses its connection before the other asks.
    let mut world = friends(false);
    join(&mut world, 1);
    world.wait(SECOND);
    world.disconnect(ConnectionId(1));
    world.wait(SECOND);
    join(&mut world, 2);
    world.wait(2 * SECOND);
    assert_eq!(company(&world, 2), NOBODY);
    return_as(&mut world, 20, "a");
    assert_eq!(company(&world, 20), ["a", "b"]);

    // It never comes back.
    let mut world = friends(false);
    join(&mut world, 1);
    world.disconnect(ConnectionId(1));
    assert_eq!(invitation(&world, "b").as_deref(), Some("a"));
    join(&mut world, 2);
    world.wait(6 * SECOND);
    assert_eq!(company(&world, 2).len(), 2, "a robot");

    // It never comes back, and the other has not asked.
    let mut world = friends(false);
    join(&mut world, 1);
    world.disconnect(ConnectionId(1));
    world.wait(5 * SECOND);
    assert_eq!(invitation(&world, "b"), None);

    // The player who is waited for asks over another connection, which took over by token.
    let mut world = friends(false);
    join(&mut world, 1);
    world.told.clear();
    return_as(&mut world, 20, "b");
    assert_eq!(invitation(&world, "b").as_deref(), Some("a"));
    join(&mut world, 20);
    assert_eq!(company(&world, 20), ["a", "b"]);
}

#[test]
fn partners_meet_again_after_a_reconnect_before_either_asks() {
    for first in [1, 20] {
        let mut world = friends(false);
        world.disconnect(ConnectionId(2));
        world.wait(2 * SECOND);
        return_as(&mut world, 20, "b");
        join(&mut world, first);
        world.wait(7 * SECOND);
        join(&mut world, 21 - first);
        assert_eq!(company(&world, 1), ["a", "b"]);
    }
}

#[test]
fn asking_after_a_reconnect_still_waits_for_the_partner() {
    let mut world = friends(false);
    join(&mut world, 1);
    world.disconnect(ConnectionId(1));
    return_as(&mut world, 20, "a");
    assert_eq!(
        world.lobby.join(ConnectionId(20), world.now),
        Err(Rejected::AlreadySeated)
    );
    world.wait(3 * SECOND);
    join(&mut world, 2);
    assert_eq!(company(&world, 20), ["a", "b"]);
}

/// Whoever was told of a face since the last call, by uid.
fn saw(world: &mut World, who: u64) -> Vec<String> {
    world.told.clear();
    let pulled = world.lobby.pull(ConnectionId(who), Face::Crying);
    world.carry_out();
    let saw: Vec<String> = world
        .told
        .iter()
        .filter(|(_, event)| {
            matches!(
                event,
                Event::Moved {
                    movement: Movement::Face(Face::Crying),
                    ..
                }
            )
        })
        .map(|(player, _)| world.uids[player].to_string())
        .collect();
    assert_eq!(
        pulled.is_ok(),
        !saw.is_empty(),
        "refused where nobody sees it"
    );
    saw
}

#[test]
fn a_face_after_the_result_is_seen_by_who_was_in_the_round() {
    let mut world = friends(false);
    assert_eq!(saw(&mut world, 1), ["b"]);
    assert_eq!(saw(&mut world, 2), ["a"]);
    assert_eq!(saw(&mut world, 3), NOBODY, "it has played no round");
    join(&mut world, 1);
    assert_eq!(saw(&mut world, 2), ["a"], "who waits still looks");
    world.lobby.leave(ConnectionId(2)).unwrap();
    assert_eq!(saw(&mut world, 2), NOBODY, "who has left looks no more");

    let mut world = friends(false);
    robot(&mut world, 2);
    assert_eq!(saw(&mut world, 1), NOBODY, "who plays looks elsewhere");
    let mut world = friends(false);
    world.disconnect(ConnectionId(2));
    assert_eq!(saw(&mut world, 1), NOBODY, "nor who is offline");
    let mut world = friends(true);
    assert_eq!(saw(&mut world, 1), NOBODY, "2016 shows none there");
}
