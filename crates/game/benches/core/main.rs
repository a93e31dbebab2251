//! How fast the core is: `cargo bench -p wulin-game --bench core`, optionally with a filter.
//!
//! Each iteration does the same work on the same state and never waits. Where an iteration changes the state, that is
//! undone before the next one, outside the measured time.

// A bench asks the clock for a first instant, and then counts from there.
#![allow(clippy::disallowed_methods)]

mod codec;
mod crowd;
mod lobby;
mod matching;
mod room;

fn main() {
    divan::main();
}
