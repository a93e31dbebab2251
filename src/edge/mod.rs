//! Everything between the network and the transports: listeners, TLS, limits, routes.

pub mod acme;
pub mod certificates;
pub mod gate;
pub mod guarded;
pub mod listen;
pub mod page;
pub mod redirect;
pub mod renewal;
pub mod routes;
pub mod tls;
