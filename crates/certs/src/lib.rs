//! Certificates: find them, check them, make one when there is none, and pick one for each client.
//!
//! Everything here is synchronous and takes the time as an argument. What cannot work is a
//! [`Problem`], which prints as a sentence for the person who deploys; what works but deserves a
//! look is a warning on the [`Pair`] or in [`Found`].

pub mod acme;
mod armour;
mod beside;
mod certificate;
mod chain;
mod der;
mod discover;
mod distinguished;
mod format;
mod inspect;
mod keep;
mod key;
mod kind;
mod names;
mod pair;
mod pem;
mod problem;
mod reading;
pub mod renewal;
mod resolver;
mod roots;
mod self_signed;
mod signature;
mod source;
mod times;
pub mod tls;
pub mod upkeep;

#[cfg(test)]
mod tests;

pub use discover::{Found, discover};
pub use inspect::{
    Arrangement, Holdings, Inspected, PrivateKey, arrangement, ends, inspect, leaf, top,
};
pub use keep::keep;
pub use names::{listed, matches};
pub use pair::{Pair, check_domains, load_pair, read_pair};
pub use problem::Problem;
pub use resolver::{Resolver, Served};
pub use roots::{read_roots, trusted_roots};
pub use self_signed::{LOCAL_NAMES, make_self_signed, self_signed};
pub use source::{DEFAULT_FOLDER, Fingerprint, Source, Unclear};
pub use times::{date, left, span};
