//! What operators use: logs, metrics, the state of the server, the service manager.

pub mod admin;
pub mod exposition;
pub mod logs;
pub mod metrics;
pub mod observer;
pub mod systemd;
