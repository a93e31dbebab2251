//! `join` while a hundred thousand people wait.
//!
//! So many people only wait if few are near each other. So "near" is one kilometre on the whole earth here, and one
//! metre in the city. A search that finds nobody looks at the same number of cells with any radius.

use std::cell::RefCell;

use divan::Bencher;
use divan::counter::ItemsCount;
use wulin_game::ConnectionId;
use wulin_game::lobby::Rules;
use wulin_game::matchmaking::Patience;

use crate::crowd::{Crowd, Opened, RULES, Spread, Strangers};

const WAITING: u64 = 100_000;
/// The people with the first numbers do not wait: they take turns in asking.
const ASKING: u64 = 10_000;

/// A person who asks finds nobody and waits too.
#[divan::bench(args = Spread::ALL, sample_size = 100)]
fn join_and_wait(bencher: Bencher, spread: Spread) {
    join_in_turns(bencher, waiting(spread));
}

/// A person who asks finds another at exactly the same place, and a room opens.
#[divan::bench(args = Spread::ALL, sample_size = 100)]
fn join_and_play(bencher: Bencher, spread: Spread) {
    let mut crowd = waiting(spread);
    let mut people = Strangers::after(0, spread);
    let mut come = || people.come();
    let asking: Vec<_> = (0..ASKING).map(|_| come()).collect();
    for (by, mut hello) in asking {
        hello.place = come().1.place;
        crowd.hello(by, hello);
        crowd.drain();
    }
    join_in_turns(bencher, crowd);
}

fn waiting(spread: Spread) -> Crowd {
    let nearby_km = match spread {
        Spread::City => 0.001,
        Spread::World => 1.0,
    };
    let patience = Patience {
        nearby_km,
        ..RULES.patience
    };
    let rules = Rules { patience, ..RULES };
    let mut crowd = Crowd::online(ASKING + WAITING, spread, rules);
    for number in ASKING + 1..=ASKING + WAITING {
        crowd.join(ConnectionId(number));
        crowd.drain();
    }
    // A few are so close to each other that they play.
    assert!(crowd.lobby.waiting() as u64 > WAITING - WAITING / 100);
    crowd
}

fn join_in_turns(bencher: Bencher, crowd: Crowd) {
    let crowd = RefCell::new(crowd);
    let joined: RefCell<Vec<(ConnectionId, Option<Opened>)>> = RefCell::default();
    let mut turns = (1..=ASKING).map(ConnectionId).cycle();
    bencher
        .counter(ItemsCount::new(1_usize))
        .with_inputs(|| {
            for (by, opened) in joined.borrow_mut().drain(..) {
                undo(&mut crowd.borrow_mut(), by, opened);
            }
            turns.next().expect("turns without end")
        })
        .bench_local_values(|by| {
            let mut crowd = crowd.borrow_mut();
            crowd.join(by);
            let opened = crowd.drain();
            joined.borrow_mut().push((by, opened));
        });
}

/// Undoes a join: the person no longer waits, and a partner that was found waits again.
fn undo(crowd: &mut Crowd, joined: ConnectionId, opened: Option<Opened>) {
    match opened {
        None => crowd.leave(joined),
        Some(opened) => {
            crowd.dissolve(&opened);
            for player in opened.people {
                // Nobody reconnects in this bench, so both ids have the same number.
                let connection = ConnectionId(player.0);
                if connection != joined {
                    crowd.join(connection);
                }
            }
        }
    }
    crowd.drain();
}
