//! Certificates joined with their private keys: from two files, from a folder, or made here for development.

mod beside;
pub(crate) mod discover;
pub(crate) mod key;
pub(crate) mod pair;
pub(crate) mod self_signed;
pub(crate) mod source;
