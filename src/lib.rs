//! Wulin: a realtime rock-paper-scissors server in one binary. This is its command line; the server is in `wulin_server`, the
//! other commands are in `wulin_tools`. ARCHITECTURE.md has the map.

pub mod cli;
