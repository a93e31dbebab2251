//! Every command but the server itself. Each has its flags in a `flags` module beside its code.

pub mod bench;
pub mod cert;
pub mod check;
pub mod health;
pub mod man;
pub mod play;
pub mod status;
