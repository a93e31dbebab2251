//! Hello, join, leave, disconnect: what the lobby does for people who come and go.

use std::hint::black_box;

use divan::Bencher;
use divan::counter::ItemsCount;
use wulin_game::place::Globe;

use crate::crowd::{Crowd, RULES, Spread, Strangers};

/// The most people online for whom "how many are near?" is measured.
const MILLION: u64 = 1_000_000;

/// Two people come, join and leave the queue, join again, play together and disconnect: ten commands, disconnects
/// included.
#[divan::bench(args = [1_000, 100_000], sample_size = 100)]
fn commands(bencher: Bencher, online: u64) {
    let mut crowd = Crowd::online(online, Spread::World, RULES);
    let mut strangers = Strangers::after(online, Spread::World);
    bencher
        .counter(ItemsCount::new(10_usize))
        .with_inputs(|| {
            let (mine, mut theirs) = (strangers.come(), strangers.come());
            theirs.1.place = mine.1.place;
            [mine, theirs]
        })
        .bench_local_values(|[(a, hello_a), (b, hello_b)]| {
            crowd.hello(a, hello_a);
            crowd.hello(b, hello_b);
            for hesitating in [a, b] {
                crowd.join(hesitating);
                crowd.leave(hesitating);
            }
            crowd.join(a);
            crowd.join(b);
            let opened = crowd.drain().expect("two at one place");
            crowd.dissolve(&opened);
            crowd.disconnect(a);
            crowd.disconnect(b);
            crowd.drain();
        });
}

/// One of a million people all over the earth says hello from another place, and is told how many are near.
#[divan::bench(sample_size = 100)]
fn hello_again_of_a_million(bencher: Bencher) {
    let mut crowd = Crowd::online(MILLION, Spread::World, RULES);
    let mut strangers = Strangers::after(MILLION, Spread::World);
    bencher
        .counter(ItemsCount::new(1_usize))
        .with_inputs(|| strangers.again())
        .bench_local_values(|(by, hello)| {
            crowd.hello(by, hello);
            crowd.drain();
        });
}

/// One person comes to a million others and goes again: two commands.
#[divan::bench(sample_size = 100)]
fn visit_to_a_million(bencher: Bencher) {
    let mut crowd = Crowd::online(MILLION, Spread::World, RULES);
    let mut strangers = Strangers::after(MILLION, Spread::World);
    bencher
        .counter(ItemsCount::new(2_usize))
        .with_inputs(|| strangers.come())
        .bench_local_values(|(by, hello)| {
            crowd.hello(by, hello);
            crowd.disconnect(by);
            crowd.drain();
        });
}

/// Counts the people within 10 km, inserts one and removes one: what a hello asks of the globe.
#[divan::bench(args = [
    (Spread::City, 10_000),
    (Spread::City, 100_000),
    (Spread::City, MILLION),
    (Spread::World, MILLION),
], sample_size = 10)]
fn nearby(bencher: Bencher, (spread, online): (Spread, u64)) {
    let mut strangers = Strangers::after(0, spread);
    let mut globe = Globe::new();
    for _ in 0..online {
        let (connection, hello) = strangers.come();
        globe.insert(connection, hello.place.expect("a place"));
    }
    bencher
        .counter(ItemsCount::new(1_usize))
        .with_inputs(|| strangers.come())
        .bench_local_values(|(connection, hello)| {
            let place = hello.place.expect("a place");
            black_box(globe.count_within(place, RULES.patience.nearby_km));
            globe.insert(connection, place);
            globe.remove(connection, place);
        });
}
