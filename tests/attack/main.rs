//! One address attacks the program in every way we know, while the program has its default limits. Meanwhile two
//! players at another address play on undisturbed, and the program's memory grows by no more than 64 MiB.
//!
//! Each attack is so large that a fault would exceed this bound: six thousand sessions that hold 14 KiB each are 82
//! MiB.

mod connections;
mod http1;
mod http2;
mod messages;
mod polling;
mod scene;
#[path = "../support/mod.rs"]
mod support;
