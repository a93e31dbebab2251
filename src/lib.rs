//! Wulin: a realtime rock-paper-scissors server in one binary.
//!
//! The rules and the wire protocol are in `wulin_game`, which is pure; everything here is the shell around it. Imports point
//! one way: `edge` and `transport` use `runtime`, which uses the game. ARCHITECTURE.md has the map.

pub mod bench;
pub mod cert;
pub mod check;
pub mod cli;
pub mod client;
pub mod config;
pub mod edge;
pub mod ops;
pub mod pages;
pub mod play;
pub mod runtime;
pub mod server;
pub mod transport;
