//! Rounds from start to result, with values and no clock.

use std::collections::BTreeSet;
use std::iter;

use super::*;

const ALICE: PlayerId = PlayerId(1);
const BOB: PlayerId = PlayerId(2);
const CAROL: PlayerId = PlayerId(3);
const ROUND_TIME: Duration = Duration::from_secs(5);
const RETURN: Action = Action::Return { legacy: false };

fn entrant(player: PlayerId) -> Entrant {
    let profile = Profile {
        uid: player.to_string().into(),
        name: "somebody".into(),
        picture: "".into(),
    };
    Entrant {
        player,
        profile,
        standing: Standing::default(),
        legacy: false,
    }
}

fn open_room(people: &[PlayerId], seats: usize) -> (Room, Instant) {
    open_room_of(people.iter().copied().map(entrant).collect(), seats)
}

/// A room where the first `old_clients` people have clients from 2016.
fn open_legacy_room(old_clients: usize, people: &[PlayerId]) -> (Room, Instant) {
    let mut entrants: Vec<_> = people.iter().copied().map(entrant).collect();
    for entrant in &mut entrants[..old_clients] {
        entrant.legacy = true;
    }
    open_room_of(entrants, people.len())
}

fn open_room_of(people: Vec<Entrant>, seats: usize) -> (Room, Instant) {
    let start = Instant::now();
    let format = Format {
        seats,
        round_time: ROUND_TIME,
    };
    let mut room = Room::start(RoomId(1), people, format, 7, start);
    drain(&mut room);
    (room, start)
}

fn drain(room: &mut Room) -> Vec<RoomEffect> {
    iter::from_fn(|| room.poll_effect()).collect()
}

fn result(effects: &[RoomEffect]) -> Vec<RoundStanding> {
    let ends: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            RoomEffect::Send(Recipient::All, Event::RoundEnded { standings, .. }) => {
                Some(standings.to_vec())
            }
            _ => None,
        })
        .collect();
    assert_eq!(ends.len(), 1, "exactly one result in {effects:?}");
    ends.concat()
}

#[test]
fn silent_player_loses_at_the_deadline() {
    let (mut room, start) = open_room(&[ALICE, BOB], 2);
    room.handle(ALICE, Action::Choose(Hand::Rock), start)
        .unwrap();
    assert_eq!(room.deadline(), Some(start + ROUND_TIME));
    room.handle_timeout(start + ROUND_TIME);
    let effects = drain(&mut room);
    let Some(RoomEffect::Settled(_, settlements)) = effects
        .iter()
        .find(|effect| matches!(effect, RoomEffect::Settled(..)))
    else {
        panic!("not settled: {effects:?}");
    };
    assert_eq!(
        settlements[0].standing,
        Standing {
            total: 1,
            streak: 1,
            best_streak: 1,
            rounds: 1,
            wins: 1
        }
    );
    assert!(settlements[1].lost);
    let lines = result(&effects);
    assert_eq!((lines[0].hand, lines[0].round_score), (Some(Hand::Rock), 1));
    assert_eq!((lines[1].hand, lines[1].round_score), (None, 0));
    assert_eq!(room.deadline(), None);
}

#[test]
fn the_last_choice_counts_and_no_movement_tells_the_hand() {
    let (mut room, start) = open_room(&[ALICE, BOB], 2);
    for hand in [Hand::Paper, Hand::Scissors] {
        room.handle(ALICE, Action::Choose(hand), start).unwrap();
    }
    let moved = Event::Moved {
        uid: "p1".into(),
        movement: Movement::Choice,
    };
    assert_eq!(
        drain(&mut room),
        vec![RoomEffect::Send(Recipient::Others(ALICE), moved); 2]
    );
    room.handle_timeout(start + ROUND_TIME);
    assert_eq!(result(&drain(&mut room))[0].hand, Some(Hand::Scissors));
}

#[test]
fn leavers_stay_in_the_result_and_lose() {
    let (mut room, start) = open_room(&[ALICE, BOB], 2);
    room.handle(ALICE, Action::Choose(Hand::Rock), start)
        .unwrap();
    room.handle(BOB, Action::Choose(Hand::Scissors), start)
        .unwrap();
    drain(&mut room);
    room.handle(ALICE, Action::Leave, start).unwrap();
    let effects = drain(&mut room);
    assert_eq!(
        effects[..2],
        [
            RoomEffect::Left(ALICE),
            RoomEffect::Send(Recipient::All, Event::Left { uid: "p1".into() })
        ]
    );
    assert_eq!(room.audience(Recipient::All).collect::<Vec<_>>(), [BOB]);
    assert_eq!(room.deadline(), None, "there is nobody to wait for");
    assert_eq!(
        room.handle(ALICE, Action::Choose(Hand::Rock), start),
        Err(Rejected::NoRound)
    );
    let lines = result(&effects);
    assert_eq!(
        (&*lines[0].uid, lines[0].hand, lines[0].round_score),
        ("p1", None, 0)
    );
    assert_eq!(
        (&*lines[1].uid, lines[1].hand, lines[1].round_score),
        ("p2", Some(Hand::Scissors), 1)
    );
}

#[test]
fn the_room_ends_with_its_last_person() {
    let (mut room, start) = open_room(&[ALICE], 2);
    room.handle(ALICE, Action::Leave, start).unwrap();
    assert_eq!(
        drain(&mut room),
        [
            RoomEffect::Left(ALICE),
            RoomEffect::Settled(Arc::new([]), vec![])
        ]
    );
    assert_eq!(room.deadline(), None);
    room.handle_timeout(start + ROUND_TIME);
    assert_eq!(drain(&mut room), []);
}

#[test]
fn a_robot_moves_several_times_and_shows_a_hand() {
    for seed in 0..50 {
        let start = Instant::now();
        let format = Format {
            seats: 2,
            round_time: ROUND_TIME,
        };
        let mut room = Room::start(RoomId(1), vec![entrant(ALICE)], format, seed, start);
        let mut effects = drain(&mut room);
        while let Some(deadline) = room.deadline() {
            room.handle_timeout(deadline);
            effects.extend(drain(&mut room));
        }
        let moves = effects
            .iter()
            .filter(|effect| {
                matches!(
                    effect,
                    RoomEffect::Send(
                        _,
                        Event::Moved {
                            movement: Movement::Choice,
                            ..
                        }
                    )
                )
            })
            .count();
        assert!((2..=8).contains(&moves), "{moves} moves with seed {seed}");
        assert!(result(&effects)[1].hand.is_some());
    }
}

#[test]
fn choices_at_or_after_the_deadline_do_not_count() {
    let (mut room, start) = open_room(&[ALICE, BOB], 2);
    let late = Action::Choose(Hand::Rock);
    assert_eq!(
        room.handle(ALICE, late, start + ROUND_TIME),
        Err(Rejected::NoRound)
    );
    room.handle_timeout(start + ROUND_TIME);
    assert_eq!(
        room.handle(ALICE, late, start + ROUND_TIME),
        Err(Rejected::NoRound)
    );
    assert_eq!(result(&drain(&mut room))[0].hand, None);
}

#[test]
fn three_seats_with_one_person_hold_two_robots() {
    let (room, _) = open_room(&[CAROL], 3);
    assert_eq!(room.robots(), 2);
    let uids: BTreeSet<_> = room.cards.iter().map(|card| &card.profile.uid).collect();
    assert_eq!(uids.len(), 3, "no two equal uids");
    assert!(robot::owns_uid(&room.cards[1].profile.uid));
}

#[test]
fn returning_players_are_told_the_remaining_time() {
    let (mut room, start) = open_room(&[ALICE, BOB], 2);
    room.handle(ALICE, Action::Choose(Hand::Paper), start)
        .unwrap();
    room.handle(BOB, Action::Lock(Hand::Rock), start).unwrap();
    drain(&mut room);
    for (who, own) in [(ALICE, (Hand::Paper, false)), (BOB, (Hand::Rock, true))] {
        room.handle(who, RETURN, start + Duration::from_secs(2))
            .unwrap();
        let effects = drain(&mut room);
        let [
            RoomEffect::Send(
                Recipient::One(told),
                Event::RoundStarted {
                    round_time,
                    seats,
                    own: Some(OwnHand { hand, locked }),
                },
            ),
        ] = &effects[..]
        else {
            panic!("{effects:?}")
        };
        assert_eq!((*told, *round_time), (who, Duration::from_secs(3)));
        assert_eq!((*hand, *locked), own);
        let locked: Vec<_> = seats.iter().map(|seat| seat.locked).collect();
        assert_eq!(locked, [false, true]);
    }
}

#[test]
fn returning_by_a_newer_client_ends_a_round_nobody_waits_for() {
    for was_away in [false, true] {
        let (mut room, start) = open_legacy_room(1, &[ALICE, BOB]);
        room.handle(ALICE, Action::Lock(Hand::Rock), start).unwrap();
        room.handle(BOB, Action::Lock(Hand::Paper), start).unwrap();
        if was_away {
            room.handle(ALICE, Action::Disconnect, start).unwrap();
        }
        assert_eq!(room.deadline(), Some(start + ROUND_TIME), "it counts down");
        drain(&mut room);
        room.handle(ALICE, RETURN, start).unwrap();
        assert_eq!(room.deadline(), None, "away before: {was_away}");
        let effects = drain(&mut room);
        let told_first = &effects[0];
        assert!(
            matches!(
                told_first,
                RoomEffect::Send(Recipient::One(ALICE), Event::RoundStarted { .. })
            ),
            "{told_first:?}"
        );
        let lines = result(&effects);
        let hands: Vec<_> = lines.iter().map(|line| line.hand).collect();
        assert_eq!(hands, [Some(Hand::Rock), Some(Hand::Paper)]);
    }

    // The same when nobody else is left.
    let (mut room, start) = open_legacy_room(1, &[ALICE, BOB]);
    room.handle(BOB, Action::Leave, start).unwrap();
    assert_eq!(room.deadline(), Some(start + ROUND_TIME), "it counts down");
    drain(&mut room);
    room.handle(ALICE, RETURN, start).unwrap();
    assert_eq!(result(&drain(&mut room))[0].round_score, 1);
}

#[test]
fn returning_does_not_end_a_round_that_still_waits() {
    let lock = |room: &mut Room, who, now| {
        room.handle(who, Action::Lock(Hand::Rock), now).unwrap();
    };
    // One hand is not locked; the client is again one from 2016; the other player's client is one from 2016.
    for (old_clients, locked, legacy) in [
        (1, [true, false], false),
        (1, [true; 2], true),
        (2, [true; 2], false),
    ] {
        let (mut room, start) = open_legacy_room(old_clients, &[ALICE, BOB]);
        for (who, locked) in [ALICE, BOB].into_iter().zip(locked) {
            if locked {
                lock(&mut room, who, start);
            }
        }
        room.handle(ALICE, Action::Return { legacy }, start)
            .unwrap();
        assert_eq!(
            room.deadline(),
            Some(start + ROUND_TIME),
            "{old_clients} {locked:?}"
        );
    }
}
