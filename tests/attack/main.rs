//! One address attacks the program in every way we know of, with the limits it has by default. Meanwhile two people at
//! another address play on and notice nothing, and the memory of the program stays within 64 MiB of what it was.
//!
//! Each attack is so large that what it is about would show: six thousand sessions that hold 14 KiB each are 82 MiB.

mod connections;
mod http1;
mod http2;
mod messages;
mod polling;
mod scene;
#[path = "../support/mod.rs"]
mod support;
