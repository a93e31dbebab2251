//! The program `wulin` as a process: its commands, flags, environment, log, signals and exit codes.
//!
//! One binary, since linking takes longer than most of these tests. `tests/terminal.rs` opens pseudo-terminals, which every
//! process started meanwhile would inherit, and `tests/hostile_server.rs` and `tests/bench.rs` measure memory: they stay alone.

mod commands;
mod environment;
mod find_server;
mod ip_families;
mod log_secrets;
mod operator;
mod process;
mod refusal_log;
#[path = "../support/mod.rs"]
mod support;
mod systemd;
