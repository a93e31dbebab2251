//! What an operator sees and says: health, logs, signals.

pub mod health;
pub mod logs;
pub mod signals;
pub mod systemd;
