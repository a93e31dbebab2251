//! What an operator sees and says: health, logs, output, signals.

pub mod health;
pub mod logs;
pub mod output;
pub mod signals;
