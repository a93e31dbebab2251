//! The flags of `serve`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::FalseyValueParser;

/// The flags of `serve`.
#[derive(Debug, Clone, Args)]
pub struct Serve {
    /// A domain this server answers for; the certificate must cover it. Can be repeated
    #[arg(
        long,
        value_name = "DOMAIN",
        env = "WULIN_DOMAIN",
        value_delimiter = ',',
        help_heading = "Address"
    )]
    pub domain: Vec<String>,
    /// The address to listen on; every address of the machine when left out
    #[arg(
        long,
        value_name = "IP",
        env = "WULIN_LISTEN",
        help_heading = "Address"
    )]
    pub listen: Option<IpAddr>,
    /// The HTTPS port [default: 443 with a certificate, 8443 with a self-made one]; 0 takes a free one
    #[arg(long, env = "WULIN_PORT", help_heading = "Address")]
    pub port: Option<u16>,
    /// The port that redirects to HTTPS [default: 80 with a certificate, none with a self-made one]; 0 means none
    #[arg(
        long,
        value_name = "PORT",
        env = "WULIN_HTTP_PORT",
        help_heading = "Address"
    )]
    pub http_port: Option<u16>,
    /// Where the native WebSocket is; Socket.IO is below it
    #[arg(
        long,
        value_name = "PATH",
        env = "WULIN_BASE_PATH",
        default_value = "/applet/websocket",
        help_heading = "Address"
    )]
    pub base_path: String,
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

    /// A certificate chain (PEM), leaf first. Can be repeated, each with its --tls-key
    #[arg(
        long,
        value_name = "FILE",
        env = "WULIN_TLS_CERT",
        value_delimiter = ',',
        help_heading = "Certificates"
    )]
    pub tls_cert: Vec<PathBuf>,
    /// The private key (PEM) of the --tls-cert in the same position
    #[arg(
        long,
        value_name = "FILE",
        env = "WULIN_TLS_KEY",
        value_delimiter = ',',
        help_heading = "Certificates"
    )]
    pub tls_key: Vec<PathBuf>,
    /// A folder with certificates and keys, under any names, as the authority's bundle unpacks [default: certs, if
    /// there is something in it]
    #[arg(
        long,
        value_name = "FOLDER",
        env = "WULIN_TLS_DIR",
        help_heading = "Certificates"
    )]
    pub tls_dir: Option<PathBuf>,

    /// Fetch a certificate for each --domain from an ACME authority, and renew it. This accepts its terms of service
    #[arg(
        long,
        env = "WULIN_ACME",
        value_parser = FalseyValueParser::new(),
        help_heading = "ACME"
    )]
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
        default_value_t = 4096,
        help_heading = "Limits"
    )]
    pub max_connections_per_ip: usize,
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

    /// How long rounds in progress may take to finish when the server is told to stop
    #[arg(long, value_name = "TIME", env = "WULIN_DRAIN_TIMEOUT", default_value = "15s", value_parser = duration, help_heading = "Running")]
    pub drain_timeout: Duration,
    /// Where the server keeps what outlives it [default: what systemd gives, else ~/.local/state/wulin]
    #[arg(
        long,
        value_name = "FOLDER",
        env = "WULIN_STATE_DIR",
        help_heading = "Running"
    )]
    pub state_dir: Option<PathBuf>,
    /// What is logged: error, warn, info, debug or trace, or a list such as info,wulin=debug
    #[arg(
        long,
        value_name = "LEVEL",
        env = "WULIN_LOG",
        default_value = "info",
        help_heading = "Running"
    )]
    pub log: String,
}

/// Reads `5s`, `1m 30s`, `250ms`, or a bare number of seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text
        .parse::<f64>()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let duration = match seconds {
        Some(duration) => duration,
        None => humantime::parse_duration(text).map_err(|_| {
            "write a time as 5s, 250ms, 1m 30s, or as a number of seconds".to_owned()
        })?,
    };
    // A day is longer than anything here can mean, and sums of such times cannot overflow a clock.
    if duration > Duration::from_hours(24) {
        Err("longer than a day".to_owned())
    } else {
        Ok(duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_write_them() {
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("2.5"), Ok(Duration::from_millis(2500)));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        for text in ["", "soon", "-1", "NaN", "25h", "inf"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
