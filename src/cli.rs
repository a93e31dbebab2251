//! What was typed: every flag, its environment variable and its default.

pub mod bench;
pub mod cert;
pub mod check;
pub mod given;
pub mod play;
pub mod serve;
pub mod settings;
pub mod strangers;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub use bench::Bench;
pub use cert::Cert;
pub use check::Check;
pub use given::Origins;
pub use play::Play;
pub use serve::Serve;
use serve::{Admin, duration, ip};

/// A realtime rock-paper-scissors server for WeChat Mini Programs and browsers: one binary, HTTPS included.
///
/// Without a certificate it answers at <https://localhost:8443> with one it made for itself. With one it is in production.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, max_term_width = 100)]
pub struct Cli {
    /// What to do; `serve` when left out.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The flags of `serve`.
    #[command(flatten)]
    pub serve: Serve,
}

/// What the binary can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server (this is what wulin does when no command is given)
    Serve(Box<Serve>),
    /// Ask a running server on this machine whether it works; exit code 0 if it does
    Health(Health),
    /// Show what a running server on this machine does: people, rooms, rates, certificates
    Status(Status),
    /// Show or change what a running server on this machine logs
    Log(Log),
    /// Check a running server as a phone would, or certificate files: what is wrong, and what to do about it
    Check(Box<Check>),
    /// Play a game in the terminal
    Play(Box<Play>),
    /// Put load on a server of this machine and measure: connections, memory, latency
    Bench(Box<Bench>),
    /// Show certificate files, or make a pair for development
    #[command(subcommand)]
    Cert(Cert),
    /// Print the completions for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page, or write one for each command
    Man {
        /// Write the pages into this folder
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
    },
}

/// The flags of `health`.
#[derive(Debug, Clone, Args)]
pub struct Health {
    /// The address the server listens on [default: the server says]
    #[arg(long, value_name = "IP", env = "WULIN_LISTEN", value_parser = ip)]
    pub listen: Option<IpAddr>,
    /// Its HTTPS port, where several servers share a state folder [default: the server says]
    #[arg(long, env = "WULIN_PORT")]
    pub port: Option<u16>,
    /// Where the server keeps what outlives it, which is where it says where it is [default: as for `serve`]
    #[arg(long, value_name = "FOLDER", env = "WULIN_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
    /// Not needed: the server says whether it wants the PROXY protocol
    #[arg(long, env = "WULIN_PROXY_PROTOCOL", hide = true)]
    pub proxy_protocol: bool,
    /// Where the values are from.
    #[arg(skip)]
    pub origins: Origins,
}

/// The flags of `status`.
#[derive(Debug, Clone, Args)]
pub struct Status {
    /// Which server.
    #[command(flatten)]
    pub server: AdminOf,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
    /// Show it again and again, so often
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
    pub server: AdminOf,
}

/// Whose admin listener is asked.
#[derive(Debug, Clone, Args)]
pub struct AdminOf {
    /// The server's --admin [default: the server says, else 127.0.0.1:9643]
    #[arg(long, value_name = "IP:PORT", env = "WULIN_ADMIN")]
    pub admin: Option<Admin>,
    /// Where the server keeps what outlives it, which is where it says where it is [default: as for `serve`]
    #[arg(long, value_name = "FOLDER", env = "WULIN_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
    /// Where the values are from.
    #[arg(skip)]
    pub origins: Origins,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_has_an_environment_variable_named_after_it() {
        let command = Cli::command();
        for argument in command
            .get_arguments()
            .filter(|argument| argument.get_long().is_some())
        {
            let long = argument.get_long().unwrap_or_default();
            if ["help", "version", "print-config"].contains(&long) {
                continue;
            }
            let expected = format!("WULIN_{}", long.replace('-', "_").to_uppercase());
            assert_eq!(
                argument.get_env().and_then(|env| env.to_str()),
                Some(expected.as_str())
            );
        }
    }
}
