//! Certificates and keys as DER: what one says, what kind its key is, which certificate has signed which.
//!
//! Nothing here reads files or knows PEM.

pub(crate) mod certificate;
pub(crate) mod chain;
pub(crate) mod der;
mod distinguished;
pub(crate) mod kind;
mod signature;
