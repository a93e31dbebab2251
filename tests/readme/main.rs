//! The documentation is true: its tables of flags are the command line's, its links lead somewhere, its commands can be
//! typed, its Chinese pages are as complete as the English ones. `UPDATE=1 cargo test --test readme` writes the tables anew.
#![allow(unreachable_pub)]

mod chinese;
mod commands;
mod flags;
mod links;
mod pages;
mod sentences;
mod shell;
