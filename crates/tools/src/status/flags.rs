//! The flags of `status` and `log`.

use std::time::Duration;

use clap::Args;
use wulin_command::Origins;
use wulin_command::flags::{AdminListener, JsonFlag, StateDir, duration, only};

/// The flags of `status`.
#[derive(Debug, Clone, Args)]
pub struct Status {
    /// Which server.
    #[command(flatten)]
    pub server: RunningServer,
    /// Whether the answer is JSON.
    #[command(flatten)]
    pub output: JsonFlag,
    /// Show it again at this interval, until the server is gone
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "2s", value_parser = duration, conflicts_with = "json")]
    pub watch: Option<Duration>,
}

/// The flags of `log`.
#[derive(Debug, Clone, Args)]
pub struct Log {
    /// What is to be logged: error, warn, info, debug or trace, or a list such as info,wulin=debug; SIGHUP brings back
    /// what the server was started with
    #[arg(value_name = "LEVEL")]
    pub level: Option<String>,
    /// Which server.
    #[command(flatten)]
    pub server: RunningServer,
}

/// Which server of this machine is asked.
#[derive(Debug, Clone, Args)]
#[command(mut_args(only("admin", |flag| flag.help(
    "The server's --admin [default: the server says, else 127.0.0.1:9643]"
))))]
pub struct RunningServer {
    /// Its admin listener.
    #[command(flatten)]
    pub admin: AdminListener,
    /// Its state folder, which holds its notice.
    #[command(flatten)]
    pub state: StateDir,
    /// Where the values are from.
    #[arg(skip)]
    pub origins: Origins,
}
