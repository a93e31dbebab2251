//! The command line: the list of commands. The flags of each are beside its code.

pub mod settings;
pub mod strangers;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;
use wulin_command::Origins;
use wulin_command::given::{self, Given};
use wulin_server::flags::Serve;
use wulin_tools::bench::Bench;
use wulin_tools::cert::Cert;
use wulin_tools::check::Check;
use wulin_tools::health::Health;
use wulin_tools::play::Play;
use wulin_tools::status::{Log, Status};

/// A realtime rock-paper-scissors server for WeChat Mini Programs and browsers: one binary, HTTPS included.
///
/// Without a certificate it answers at <https://localhost:8443> with one it made for itself. With one it is in
/// production.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, max_term_width = 100)]
pub struct Cli {
    /// The command; `serve` if there is none.
    #[command(subcommand)]
    pub command: Option<Verb>,
    /// The flags of `serve`.
    #[command(flatten)]
    pub serve: Serve,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Verb {
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

/// Reads a command line, which begins with the program's name, and the environment by `variable`. An error is one of
/// clap, see [`given::read`].
pub fn read(
    arguments: impl IntoIterator<Item = OsString>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Given<Cli>, clap::Error> {
    let mut given: Given<Cli> = given::read(arguments, variable)?;
    given.cli.remember(&given.origins);
    Ok(given)
}

impl Cli {
    /// Gives the origins of the values to the commands that need them.
    fn remember(&mut self, origins: &Origins) {
        self.serve.origins = origins.clone();
        match &mut self.command {
            Some(Verb::Serve(serve)) => serve.origins = origins.clone(),
            Some(Verb::Health(health)) => health.origins = origins.clone(),
            Some(Verb::Status(status)) => status.server.origins = origins.clone(),
            Some(Verb::Log(log)) => log.server.origins = origins.clone(),
            Some(
                Verb::Check(_)
                | Verb::Play(_)
                | Verb::Bench(_)
                | Verb::Cert(_)
                | Verb::Completions { .. }
                | Verb::Man { .. },
            )
            | None => {}
        }
    }
}
