//! What an operator sees and says: health, logs, metrics, signals, state.

pub mod admin;
pub mod exposition;
pub mod health;
pub mod logs;
pub mod metrics;
pub mod notice;
pub mod output;
pub mod process;
pub mod signals;
pub mod state;
pub mod status;
pub mod systemd;
