//! A round from its start to its result.

use std::hint::black_box;
use std::time::{Duration, Instant};

use divan::Bencher;
use divan::counter::ItemsCount;
use wulin_game::room::{Action, Entrant, Format, Room, RoomEffect};
use wulin_game::score::{Shown, balances};
use wulin_game::{Face, Hand, PlayerId, RoomId, Standing};

use crate::crowd::{RULES, profile};

/// Commands of each player in a round: hands, and a face among them.
const COMMANDS: [Action; 6] = [
    Action::Choose(Hand::Rock),
    Action::Choose(Hand::Paper),
    Action::Pull(Face::Laughing),
    Action::Choose(Hand::Scissors),
    Action::Choose(Hand::Rock),
    Action::Choose(Hand::Paper),
];

fn entrants(seats: usize) -> Vec<Entrant> {
    (1..=seats as u64)
        .map(|number| Entrant {
            player: PlayerId(number),
            profile: profile(number),
            standing: Standing::default(),
            legacy: false,
        })
        .collect()
}

fn format(seats: usize) -> Format {
    Format {
        seats,
        ..RULES.format
    }
}

/// Finds out whom everything is for, as a room's task does.
fn drain(room: &mut Room) {
    while let Some(effect) = room.poll_effect() {
        if let RoomEffect::Send(recipient, event) = &effect {
            black_box(event);
            room.audience(*recipient)
                .for_each(|player| _ = black_box(player));
        }
        black_box(effect);
    }
}

/// A whole round: start, six commands of each player, settlement; counted by its commands.
#[divan::bench(args = [2, 16])]
fn round(bencher: Bencher, seats: usize) {
    let now = Instant::now();
    bencher
        .counter(ItemsCount::new(seats * COMMANDS.len()))
        .with_inputs(|| entrants(seats))
        .bench_local_values(|people| {
            let mut room = Room::start(RoomId(1), people, format(seats), 7, now);
            drain(&mut room);
            for (seconds, command) in COMMANDS.into_iter().enumerate() {
                let now = now + Duration::from_millis(seconds as u64 * 500);
                for player in 1..=seats as u64 {
                    room.handle(PlayerId(player), command, now)
                        .expect("a player of this room");
                    drain(&mut room);
                }
            }
            room.handle_timeout(now + RULES.format.round_time);
            drain(&mut room);
            assert!(room.deadline().is_none());
        });
}

/// One person's round against a robot, woken whenever the robot moves.
#[divan::bench]
fn round_with_a_robot(bencher: Bencher) {
    let now = Instant::now();
    bencher
        .with_inputs(|| entrants(1))
        .bench_local_values(|people| {
            let mut room = Room::start(RoomId(1), people, format(2), 7, now);
            while let Some(deadline) = room.deadline() {
                room.handle_timeout(deadline);
                drain(&mut room);
            }
        });
}

/// One choice, and whom its movement is for.
#[divan::bench(args = [2, 16])]
fn choice(bencher: Bencher, seats: usize) {
    let now = Instant::now();
    let mut room = Room::start(RoomId(1), entrants(seats), format(seats), 7, now);
    drain(&mut room);
    let last = PlayerId(seats as u64);
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        room.handle(black_box(last), Action::Choose(Hand::Rock), now)
            .expect("a player of this room");
        drain(&mut room);
    });
}

/// Every pair is compared.
#[divan::bench(args = [2, 16])]
fn settlement(bencher: Bencher, seats: usize) {
    let shown: Vec<Shown> = [
        Shown::Hand(Hand::Rock),
        Shown::Nothing,
        Shown::Hand(Hand::Paper),
        Shown::Left,
    ]
    .into_iter()
    .cycle()
    .take(seats)
    .collect();
    bencher
        .counter(ItemsCount::new(1_usize))
        .bench_local(|| balances(black_box(&shown)));
}
