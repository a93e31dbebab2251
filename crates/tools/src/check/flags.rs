//! The flags of `check`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use wulin_client::address::{Address, HTTPS, NoAddress};
use wulin_command::flags::{duration, ip, path};

/// The flags of `check`.
#[derive(Debug, Clone, Args)]
pub struct Check {
    /// The server to check: game.example.com, host:port, https://… or wss://…/path [default: the first --domain]
    #[arg(value_name = "HOST", value_parser = address)]
    pub host: Option<Address>,
    /// Connect to this address, whatever the name resolves to: for a machine the domain does not point to yet. Can be
    /// repeated [default: every address of the name]
    #[arg(long, value_name = "IP", value_delimiter = ',', value_parser = ip)]
    pub address: Vec<IpAddr>,
    /// The port that should redirect to HTTPS; 0 when there is none on purpose
    #[arg(
        long,
        value_name = "PORT",
        env = "WULIN_HTTP_PORT",
        default_value_t = 80
    )]
    pub http_port: u16,
    /// Where the native WebSocket is; Socket.IO is below it. The path of HOST, if it has one, comes first
    #[arg(
        long,
        value_name = "PATH",
        env = "WULIN_BASE_PATH",
        default_value = "/applet/websocket",
        value_parser = path
    )]
    pub base_path: String,
    /// Play a round as well, against a robot or whoever waits
    #[arg(long)]
    pub play: bool,
    /// A root certificate (PEM) to trust beside those that phones know
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// How long each step may take
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub timeout: Duration,

    /// Check certificate files without asking any server
    #[arg(long, help_heading = "Certificate files")]
    pub offline: bool,
    /// A domain the certificates must cover. Can be repeated
    #[arg(
        long,
        value_name = "DOMAIN",
        env = "WULIN_DOMAIN",
        value_delimiter = ',',
        help_heading = "Certificate files"
    )]
    pub domain: Vec<String>,
    /// A certificate chain (PEM), leaf first. Can be repeated, each with its --tls-key
    #[arg(
        long,
        value_name = "FILE",
        env = "WULIN_TLS_CERT",
        value_delimiter = ',',
        help_heading = "Certificate files"
    )]
    pub tls_cert: Vec<PathBuf>,
    /// The private key (PEM) of the --tls-cert in the same position
    #[arg(
        long,
        value_name = "FILE",
        env = "WULIN_TLS_KEY",
        value_delimiter = ',',
        help_heading = "Certificate files"
    )]
    pub tls_key: Vec<PathBuf>,
    /// A folder with certificates and keys, under any names [default: certs]
    #[arg(
        long,
        value_name = "FOLDER",
        env = "WULIN_TLS_DIR",
        help_heading = "Certificate files"
    )]
    pub tls_dir: Option<PathBuf>,

    /// How the end is told.
    #[command(flatten)]
    pub output: Output,
}

/// How the end is told.
#[derive(Debug, Clone, Args)]
pub struct Output {
    /// Print one JSON document
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Fail on warnings as well
    #[arg(long, help_heading = "Output")]
    pub strict: bool,
}

fn address(text: &str) -> Result<Address, NoAddress> {
    Address::parse(text, HTTPS)
}
