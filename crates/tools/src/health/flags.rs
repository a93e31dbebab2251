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
    /// Where the server listens, if several share a state folder.
    #[command(flatten)]
    pub listening: Listening,
    /// The state folder of the server, in which its notice is.
    #[command(flatten)]
    pub state: StateDir,
    /// Accepted so that `health` can be given the server's own flags. The notice says whether it is needed.
    #[command(flatten)]
    pub proxy: ProxyProtocol,
    /// Where the values are from.
    #[arg(skip)]
    pub origins: Origins,
}
