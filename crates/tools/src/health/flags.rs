//! The flags of `health`.

use clap::Args;
use wulin_command::Origins;
use wulin_command::flags::{Listening, ProxyProtocol, StateDir, only};

/// The flags of `health`.
#[derive(Debug, Clone, Args)]
#[command(mut_args(only("listen", |flag| flag.help(
    "The address the server listens on [default: the server says]"
))))]
#[command(mut_args(only("port", |flag| flag.help(
    "Its HTTPS port, where several servers share a state folder [default: the server says]"
))))]
#[command(mut_args(only("proxy_protocol", |flag| flag.hide(true))))]
pub struct Health {
    /// Where the server listens. Needed only if several servers share a state folder.
    #[command(flatten)]
    pub listening: Listening,
    /// The state folder of the server, which holds its notice.
    #[command(flatten)]
    pub state: StateDir,
    /// Accepted and ignored, so that `health` takes the server's own flags. The notice says what the server expects.
    #[command(flatten)]
    pub proxy: ProxyProtocol,
    /// Where the values are from.
    #[arg(skip)]
    pub origins: Origins,
}
