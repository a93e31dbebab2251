//! The program `wulin` as a process: its commands, flags, environment, log, signals and exit codes.
//!
//! One binary, since linking takes longer than most of these tests. These stay alone: `tests/terminal.rs` opens
//! pseudo-terminals, which every process started at the same time would inherit; `tests/hostile_server.rs` and
//! `tests/bench.rs` measure memory.

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
