//! What the commands of this program share: reading the command line, printing, finding a running server on this
//! machine, and the state that a server tells.

pub mod flags;
pub mod given;
pub mod notice;
pub mod output;
pub mod process;
pub mod signals;
pub mod state;
pub mod state_dir;

pub use given::Origins;
pub use state_dir::state_dir;
