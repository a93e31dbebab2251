//! The flags of `play`.

use clap::{Args, ValueEnum};
use wulin_client::address::{Address, HTTPS, NoAddress};
use wulin_command::flags::{Insecure, Reach};

/// The HTTPS port of `wulin serve` without a certificate.
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
    /// How to reach and trust the server.
    #[command(flatten)]
    pub reach: Reach,
    /// Whether it must be trusted.
    #[command(flatten)]
    pub trust: Insecure,

    /// Write lines in place of a full screen, as is done without a terminal: hands are read from standard input
    #[arg(long, help_heading = "For scripts")]
    pub plain: bool,
    /// Play so many rounds and end [default: 1 with --hand; otherwise until standard input ends]
    #[arg(long, value_name = "N", help_heading = "For scripts")]
    pub rounds: Option<u32>,
    /// Show this hand in each round and lock it, so that a round ends when the others have locked theirs
    #[arg(long, value_name = "HAND", help_heading = "For scripts")]
    pub hand: Option<Pick>,
}

/// Which hand to show: one, or a random one.
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

/// Reads an address. Without a port it is 8443 for localhost, and 443 for any other host.
pub(crate) fn address(text: &str) -> Result<Address, NoAddress> {
    let address = Address::parse(text, DEVELOPMENT)?;
    if address.host == "localhost" {
        return Ok(address);
    }
    Address::parse(text, HTTPS)
}
