//! The flags of `play`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use wulin_client::address::{Address, HTTPS, NoAddress};
use wulin_command::flags::path;

/// Where `wulin serve` is without a certificate.
const DEVELOPMENT: u16 = 8443;

/// The flags of `play`.
#[derive(Debug, Clone, Args)]
pub struct Play {
    /// The server: game.example.com, host:port, https://… or wss://…/path
    #[arg(value_name = "HOST", value_parser = address, default_value = "wss://localhost:8443")]
    pub host: Address,
    /// What others see [default: one that is made up]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Where the native WebSocket is. The path of HOST, if it has one, comes first
    #[arg(
        long,
        value_name = "PATH",
        env = "WULIN_BASE_PATH",
        default_value = "/applet/websocket",
        value_parser = path
    )]
    pub base_path: String,
    /// A root certificate (PEM) to trust beside those that phones know
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Play even if the certificate is not trusted; on localhost it need not be
    #[arg(long)]
    pub insecure: bool,

    /// Write lines in place of a full screen, as is done without a terminal: hands are read from standard input
    #[arg(long, help_heading = "For scripts")]
    pub plain: bool,
    /// Play so many rounds and end [default: 1 with --hand; otherwise until standard input ends]
    #[arg(long, value_name = "N", help_heading = "For scripts")]
    pub rounds: Option<u32>,
    /// Show this hand in each round
    #[arg(long, value_name = "HAND", help_heading = "For scripts")]
    pub hand: Option<Pick>,
}

/// A hand, or any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Pick {
    /// Breaks scissors.
    Rock,
    /// Wraps rock.
    Paper,
    /// Cut paper.
    Scissors,
    /// Another one in each round.
    Random,
}

/// Reads an address; without a port, that of development for localhost.
pub(crate) fn address(text: &str) -> Result<Address, NoAddress> {
    let address = Address::parse(text, DEVELOPMENT)?;
    if address.host == "localhost" {
        return Ok(address);
    }
    Address::parse(text, HTTPS)
}
