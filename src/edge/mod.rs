//! Everything between the network and the transports: listeners, TLS, limits, routes.

pub mod access;
pub mod acme;
pub mod addresses;
pub mod certificates;
pub mod gate;
pub mod guarded;
pub mod handed;
pub mod http2;
pub mod listen;
pub mod newcomer;
pub mod page;
pub mod proxy;
pub mod redirect;
pub mod renewal;
pub mod routes;
pub mod serve;
pub mod tls;
pub mod upkeep;
