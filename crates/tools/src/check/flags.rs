//! The flags of `check`.

use std::net::IpAddr;
use std::time::Duration;

use clap::Args;
use wulin_client::address::{Address, HTTPS, NoAddress};
use wulin_command::flags::{
    CertificateFiles, Domains, JsonFlag, Reach, RedirectPort, duration, ip, only,
};

/// The flags of `check`.
#[derive(Debug, Clone, Args)]
#[command(mut_args(only("http_port", |flag| flag.default_value("80").help(
    "The port that should redirect to HTTPS; 0 when there is none on purpose"
))))]
pub struct Check {
    /// The server to check: game.example.com, host:port, https://… or wss://…/path [default: the first --domain]
    #[arg(value_name = "HOST", value_parser = address)]
    pub host: Option<Address>,
    /// Connect to this address, whatever the name resolves to: for a machine the domain does not point to yet. Can be
    /// repeated [default: every address of the name]
    #[arg(long, value_name = "IP", value_delimiter = ',', value_parser = ip)]
    pub address: Vec<IpAddr>,
    /// The port that should redirect.
    #[command(flatten)]
    pub redirect: RedirectPort,
    /// How to reach and trust the server.
    #[command(flatten)]
    pub reach: Reach,
    /// Play a round as well, against a robot or whoever waits
    #[arg(long)]
    pub play: bool,
    /// How long each step may take
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub timeout: Duration,

    /// Check certificate files without asking any server
    #[arg(long, help_heading = "Certificate files")]
    pub offline: bool,
    /// The domains.
    #[command(flatten, next_help_heading = "Certificate files")]
    pub domains: Domains,
    /// The files.
    #[command(flatten, next_help_heading = "Certificate files")]
    pub certificates: CertificateFiles,

    /// Whether the report is JSON.
    #[command(flatten, next_help_heading = "Output")]
    pub output: JsonFlag,
    /// Fail on warnings as well
    #[arg(long, help_heading = "Output")]
    pub strict: bool,
}

fn address(text: &str) -> Result<Address, NoAddress> {
    Address::parse(text, HTTPS)
}
