//! What was typed: every flag, its environment variable and its default.

pub mod bench;
pub mod cert;
pub mod check;
pub mod play;
pub mod serve;
pub mod settings;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub use bench::Bench;
pub use cert::Cert;
pub use check::Check;
pub use play::Play;
pub use serve::Serve;
use serve::{ADMIN, duration};

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
    /// The address the server listens on
    #[arg(long, value_name = "IP", env = "WULIN_LISTEN")]
    pub listen: Option<IpAddr>,
    /// The HTTPS port [default: whichever of 443 and 8443 answers]
    #[arg(long, env = "WULIN_PORT")]
    pub port: Option<u16>,
    /// The server takes this address for a proxy that speaks the PROXY protocol
    #[arg(long, env = "WULIN_PROXY_PROTOCOL", value_parser = FalseyValueParser::new())]
    pub proxy_protocol: bool,
}

/// The flags of `status`.
#[derive(Debug, Clone, Args)]
pub struct Status {
    /// The server's --admin
    #[arg(long, value_name = "IP:PORT", env = "WULIN_ADMIN", default_value_t = ADMIN)]
    pub admin: SocketAddr,
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
    /// The server's --admin
    #[arg(long, value_name = "IP:PORT", env = "WULIN_ADMIN", default_value_t = ADMIN)]
    pub admin: SocketAddr,
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
