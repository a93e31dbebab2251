//! The certificates of a TLS server: find them, check them, make one if there is none, and pick one for each client.
//!
//! All of it is synchronous and takes the time as an argument, except [`acme`], [`renewal`] and [`upkeep`], which are
//! tasks. What cannot work is a [`Problem`], which prints as a sentence for the person who deploys; what works but
//! deserves a look is a warning on the [`Pair`] or in [`Found`].

pub mod acme;
mod inspect;
mod keep;
mod names;
mod pairing;
mod problem;
mod reading;
pub mod renewal;
mod resolver;
mod times;
pub mod tls;
pub mod upkeep;
mod x509;

#[cfg(test)]
mod tests;

pub use inspect::{
    Arrangement, Holdings, Inspected, PrivateKey, arrangement, ends, inspect, leaf, top,
};
pub use keep::keep;
pub use names::{listed, matches};
pub use pairing::discover::{Found, discover};
pub use pairing::pair::{Pair, check_domains, load_pair, read_pair};
pub use pairing::self_signed::{LOCAL_NAMES, make_self_signed, self_signed};
pub use pairing::source::{DEFAULT_FOLDER, Fingerprint, Source, Unclear};
pub use problem::Problem;
pub use reading::roots::{read_roots, trusted_roots};
pub use resolver::{Resolver, Served};
pub use times::{date, left, span};
