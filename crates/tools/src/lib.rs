//! Every command but the server itself, each with its flags beside it.

pub mod bench;
pub mod cert;
pub mod check;
pub mod health;
pub mod man;
pub mod play;
pub mod status;
