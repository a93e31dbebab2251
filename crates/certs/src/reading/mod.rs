//! From a file to the certificates and keys in it, in whatever format and spelling they come.

pub(crate) mod file;
mod format;
pub(crate) mod pem;
pub(crate) mod roots;
mod sections;
