//! The flags of `serve`. Those that other commands have as well are declared in [`wulin_command::flags`].

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ipnet::IpNet;

use wulin_command::Origins;
use wulin_command::flags::{
    AdminListener, BasePath, CertificateFiles, Domains, Listening, ProxyProtocol, RedirectPort,
    StateDir, duration,
};

/// The flags of `serve`.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag one types")]
pub struct Serve {
    /// The domains it answers for.
    #[command(flatten, next_help_heading = "Address")]
    pub domains: Domains,
    /// Where it listens.
    #[command(flatten, next_help_heading = "Address")]
    pub listening: Listening,
    /// Where plain HTTP is redirected.
    #[command(flatten, next_help_heading = "Address")]
    pub redirect: RedirectPort,
    /// Where the WebSocket is.
    #[command(flatten, next_help_heading = "Address")]
    pub base: BasePath,
    /// More paths at which Socket.IO is served; empty for none
    #[arg(
        long,
        value_name = "PATH",
        env = "WULIN_SOCKETIO_ALIAS",
        default_value = "/applet/ws/socket.io",
        value_delimiter = ',',
        help_heading = "Address"
    )]
    pub socketio_alias: Vec<String>,

    /// Where the certificates are.
    #[command(flatten, next_help_heading = "Certificates")]
    pub certificates: CertificateFiles,

    /// Fetch a certificate for each --domain from an ACME authority, and renew it. This accepts its terms of service
    #[arg(long, env = "WULIN_ACME", help_heading = "ACME")]
    pub acme: bool,
    /// Where the authority may write to, should something be wrong with a certificate
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "WULIN_ACME_EMAIL",
        help_heading = "ACME"
    )]
    pub acme_email: Option<String>,
    /// The ACME directory of the authority [default: that of Let's Encrypt]
    #[arg(
        long,
        value_name = "URL",
        env = "WULIN_ACME_DIRECTORY",
        help_heading = "ACME"
    )]
    pub acme_directory: Option<String>,
    /// The roots (PEM) to trust for the authority's own server, in place of the public ones
    #[arg(
        long,
        value_name = "FILE",
        env = "WULIN_ACME_CA_FILE",
        help_heading = "ACME"
    )]
    pub acme_ca_file: Option<PathBuf>,
    /// The name of an account the authority knows already (external account binding)
    #[arg(
        long,
        value_name = "ID",
        env = "WULIN_ACME_EAB_KID",
        help_heading = "ACME"
    )]
    pub acme_eab_kid: Option<String>,
    /// The key of that account as the authority shows it. Others on this machine can see flags: better a file
    #[arg(
        long,
        value_name = "KEY",
        env = "WULIN_ACME_EAB_KEY",
        hide_env_values = true,
        help_heading = "ACME"
    )]
    pub acme_eab_key: Option<String>,
    /// A file with that key
    #[arg(
        long,
        value_name = "FILE",
        env = "WULIN_ACME_EAB_KEY_FILE",
        help_heading = "ACME"
    )]
    pub acme_eab_key_file: Option<PathBuf>,

    /// Seats of a room
    #[arg(
        long,
        value_name = "N",
        env = "WULIN_SEATS",
        default_value_t = 2,
        value_parser = clap::value_parser!(u8).range(2..=16),
        help_heading = "Game"
    )]
    pub seats: u8,
    /// How long a round lasts
    #[arg(long, value_name = "TIME", env = "WULIN_GAME_TIME", default_value = "5s", value_parser = duration, help_heading = "Game")]
    pub game_time: Duration,
    /// How long somebody waits for people before robots take the empty seats
    #[arg(long, value_name = "TIME", env = "WULIN_ROBOT_WAIT", default_value = "1s", value_parser = duration, help_heading = "Game")]
    pub robot_wait: Duration,
    /// How long who has just played a person and asks again waits for that person first
    #[arg(long, value_name = "TIME", env = "WULIN_REMATCH_WAIT", default_value = "8s", value_parser = duration, help_heading = "Game")]
    pub rematch_wait: Duration,
    /// Who is within this many kilometres is near
    #[arg(
        long,
        value_name = "KM",
        env = "WULIN_NEARBY_KM",
        default_value_t = 10.0,
        help_heading = "Game"
    )]
    pub nearby_km: f64,

    /// Connections at a time [default: as many as the limit for open files allows]
    #[arg(
        long,
        value_name = "N",
        env = "WULIN_MAX_CONNECTIONS",
        help_heading = "Limits"
    )]
    pub max_connections: Option<usize>,
    /// Connections at a time from one address; phones behind one carrier share an address
    #[arg(
        long,
        value_name = "N",
        env = "WULIN_MAX_CONNECTIONS_PER_IP",
        default_value_t = 1024,
        help_heading = "Limits"
    )]
    pub max_connections_per_ip: usize,
    /// New polling sessions a second from one address, and twice as many at once; 0 for any number
    #[arg(
        long,
        value_name = "N",
        env = "WULIN_SESSIONS_PER_SECOND",
        default_value_t = 100,
        help_heading = "Limits"
    )]
    pub sessions_per_second: u32,
    /// How long a TLS handshake may take
    #[arg(long, value_name = "TIME", env = "WULIN_TLS_TIMEOUT", default_value = "10s", value_parser = duration, help_heading = "Limits")]
    pub tls_timeout: Duration,
    /// How long a client may take to send its first request, and the headers of any
    #[arg(long, value_name = "TIME", env = "WULIN_REQUEST_TIMEOUT", default_value = "10s", value_parser = duration, help_heading = "Limits")]
    pub request_timeout: Duration,
    /// How long a client may leave unread what it is sent
    #[arg(long, value_name = "TIME", env = "WULIN_WRITE_TIMEOUT", default_value = "8s", value_parser = duration, help_heading = "Limits")]
    pub write_timeout: Duration,
    /// The longest message in bytes
    #[arg(
        long,
        value_name = "BYTES",
        env = "WULIN_MAX_MESSAGE_SIZE",
        default_value_t = 16 * 1024,
        value_parser = clap::value_parser!(u32).range(1024..=16 * 1024 * 1024),
        help_heading = "Limits"
    )]
    pub max_message_size: u32,
    /// Messages a second one client may send, and twice as many at once; 0 for any number
    #[arg(
        long,
        value_name = "N",
        env = "WULIN_MESSAGES_PER_SECOND",
        default_value_t = 20,
        help_heading = "Limits"
    )]
    pub messages_per_second: u32,
    /// How often a client is asked whether it is still there
    #[arg(long, value_name = "TIME", env = "WULIN_PING_INTERVAL", default_value = "25s", value_parser = duration, help_heading = "Limits")]
    pub ping_interval: Duration,
    /// How long it may take to answer
    #[arg(long, value_name = "TIME", env = "WULIN_PING_TIMEOUT", default_value = "20s", value_parser = duration, help_heading = "Limits")]
    pub ping_timeout: Duration,
    /// How long a client may say nothing at all, not even that it is there
    #[arg(long, value_name = "TIME", env = "WULIN_IDLE_TIMEOUT", default_value = "1h", value_parser = duration, help_heading = "Limits")]
    pub idle_timeout: Duration,

    /// Proxies that may say for whom they speak, by X-Forwarded-For: addresses or networks such as 10.0.0.0/8. Can be
    /// repeated
    #[arg(
        long,
        value_name = "NETWORK",
        env = "WULIN_TRUSTED_PROXIES",
        value_delimiter = ',',
        value_parser = network,
        help_heading = "Behind a proxy"
    )]
    pub trusted_proxies: Vec<IpNet>,
    /// Whether they speak the PROXY protocol.
    #[command(flatten, next_help_heading = "Behind a proxy")]
    pub proxy: ProxyProtocol,

    /// Where the admin listener is.
    #[command(flatten, next_help_heading = "Running")]
    pub admin: AdminListener,
    /// How long rounds in progress may take to finish when the server is told to stop
    #[arg(long, value_name = "TIME", env = "WULIN_DRAIN_TIMEOUT", default_value = "15s", value_parser = duration, help_heading = "Running")]
    pub drain_timeout: Duration,
    /// Where the state folder is.
    #[command(flatten, next_help_heading = "Running")]
    pub state: StateDir,
    /// What is logged: error, warn, info, debug or trace, or a list such as info,wulin=debug
    #[arg(
        long,
        value_name = "LEVEL",
        env = "WULIN_LOG",
        default_value = "info",
        help_heading = "Running"
    )]
    pub log: String,
    /// How the log is written: human, json or journald; auto takes human on a terminal, journald under systemd, else json
    #[arg(
        long,
        value_name = "FORMAT",
        env = "WULIN_LOG_FORMAT",
        value_enum,
        default_value_t = LogFormat::Auto,
        help_heading = "Running"
    )]
    pub log_format: LogFormat,
    /// Log every request
    #[arg(long, env = "WULIN_ACCESS_LOG", help_heading = "Running")]
    pub access_log: bool,
    /// Name the client's address in the access log, which is personal data
    #[arg(
        long,
        env = "WULIN_LOG_ADDRESSES",
        requires = "access_log",
        help_heading = "Running"
    )]
    pub log_addresses: bool,
    /// Print every setting, where it is from, and do nothing else
    #[arg(long, help_heading = "Running")]
    pub print_config: bool,

    /// Where the values are from.
    #[arg(skip)]
    pub origins: Origins,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For whoever reads it: human on a terminal, journald under systemd, else json.
    Auto,
    /// Lines for people.
    Human,
    /// One JSON object a line.
    Json,
    /// Lines that begin with their priority, as systemd's journal takes them.
    Journald,
}

/// Reads `10.0.0.0/8`, or one address.
fn network(text: &str) -> Result<IpNet, String> {
    let net = text
        .parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    net.map_err(|_| "write an address or a network, as 192.0.2.1 or 10.0.0.0/8".to_owned())
}
