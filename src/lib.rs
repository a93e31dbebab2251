//! Wulin: a realtime rock-paper-scissors server in one binary. This crate is its command line. The server is in
//! `wulin_server`, the other commands are in `wulin_tools`. ARCHITECTURE.md is the map.

pub mod cli;
