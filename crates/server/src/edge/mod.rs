//! The edge: everything between the network and the transports, such as listeners, limits and routes.

pub mod access;
pub mod addresses;
pub mod admission;
pub mod answers;
pub mod gate;
pub mod guarded;
pub mod handed;
pub mod host;
pub mod http2;
mod identity;
pub mod listen;
pub mod newcomer;
pub mod page;
pub mod plain;
pub mod proxy;
pub mod rate_limit;
pub mod redirect;
pub mod routes;
pub mod serve;
pub mod site;
mod socketio;
pub mod tidy;
pub mod turned_away;
