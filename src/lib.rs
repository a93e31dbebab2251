//! Wulin: a realtime rock-paper-scissors server in one binary.
//!
//! [`game`] and [`protocol`] are pure and build without the `server` feature; everything else is the shell around them.
//! Imports point one way: `edge` and `transport` use `runtime`, which uses `game` and `protocol`. ARCHITECTURE.md has the
//! map.

pub mod game;
pub mod protocol;

#[cfg(feature = "server")]
pub mod bench;
#[cfg(feature = "server")]
pub mod cert;
#[cfg(feature = "server")]
pub mod check;
#[cfg(feature = "server")]
pub mod cli;
#[cfg(feature = "server")]
pub mod client;
#[cfg(feature = "server")]
pub mod config;
#[cfg(feature = "server")]
pub mod edge;
#[cfg(feature = "server")]
pub mod ops;
#[cfg(feature = "server")]
pub mod pages;
#[cfg(feature = "server")]
pub mod play;
#[cfg(feature = "server")]
pub mod runtime;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod transport;
