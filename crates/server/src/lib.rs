//! The server: everything around the pure core in `wulin_game`.
//!
//! Imports point one way: `server` wires `edge`, which leads to `transport`, which uses `runtime`, which runs the game.
//! ARCHITECTURE.md has the map.

pub mod config;
pub mod edge;
pub mod flags;
pub mod ops;
pub mod prepared;
pub mod runtime;
pub mod server;
pub mod sockets;
pub mod transport;
