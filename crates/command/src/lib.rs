//! What the commands of this program share: how their lines are read, what they print, how they find a server of this machine
//! and what it says of itself.

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
