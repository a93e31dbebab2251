//! How fast the pure half is: `cargo bench --no-default-features --bench core`, with a filter behind it if need be.
//!
//! Nothing here waits, and no clock is asked but the bench's own: each iteration is the same work on the same state.
//! Where iterations would change the state, their traces are taken away between them, unmeasured.

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
