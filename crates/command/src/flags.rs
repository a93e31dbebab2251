//! Flags that several commands have, each declared once, and the types of values that are written alike everywhere.
//!
//! A command takes a struct of these with `#[command(flatten)]`. Where it needs another sentence in its help or another
//! default, it changes that alone, with [`only`].

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Arg, Args};

/// Where the admin listener is when no flag says.
pub const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9643);

/// `--domain`, of `serve`, `check` and `cert self-signed`.
#[derive(Debug, Clone, Default, Args)]
pub struct Domains {
    /// A domain the server answers for; the certificate must cover it. Can be repeated
    #[arg(
        long,
        value_name = "DOMAIN",
        env = "WULIN_DOMAIN",
        value_delimiter = ','
    )]
    pub domain: Vec<String>,
}

/// Where the server listens: flags of `serve` and `health`.
#[derive(Debug, Clone, Args)]
pub struct Listening {
    /// The address to listen on; every address of the machine when left out
    #[arg(long, value_name = "IP", env = "WULIN_LISTEN", value_parser = ip)]
    pub listen: Option<IpAddr>,
    /// The HTTPS port [default: 443 with a certificate, 8443 with a self-made one]; 0 takes a free one
    #[arg(long, env = "WULIN_PORT")]
    pub port: Option<u16>,
}

/// `--http-port`, of `serve` and `check`.
#[derive(Debug, Clone, Args)]
pub struct RedirectPort {
    /// The port that redirects to HTTPS [default: 80 with a certificate, none with a self-made one]; 0 means none
    #[arg(long, value_name = "PORT", env = "WULIN_HTTP_PORT")]
    pub http_port: Option<u16>,
}

/// `--base-path`, of `serve` and of every command that connects to a server.
#[derive(Debug, Clone, Args)]
pub struct BasePath {
    /// Where the native WebSocket is; Socket.IO is below it
    #[arg(
        long,
        value_name = "PATH",
        env = "WULIN_BASE_PATH",
        default_value = "/applet/websocket"
    )]
    pub base_path: String,
}

/// How a client reaches and trusts a server: flags of `check`, `play` and `bench`.
#[derive(Debug, Clone, Args)]
#[command(mut_args(only("base_path", |flag| flag.value_parser(path).help(
    "Where the native WebSocket is; Socket.IO is below it. The path of HOST, if it has one, comes first"
))))]
pub struct Reach {
    /// The path of the WebSocket.
    #[command(flatten)]
    pub base: BasePath,
    /// A root certificate (PEM) to trust beside those that phones know
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}

/// `--insecure`, of `play` and `bench`.
#[derive(Debug, Clone, Args)]
pub struct Insecure {
    /// Go on even if the certificate is not trusted; on this machine it need not be
    #[arg(long)]
    pub insecure: bool,
}

/// Files with certificates and keys: flags of `serve` and `check`.
#[derive(Debug, Clone, Args)]
pub struct CertificateFiles {
    /// A certificate chain (PEM), leaf first. Can be repeated, each with its --tls-key
    #[arg(
        long,
        value_name = "FILE",
        env = "WULIN_TLS_CERT",
        value_delimiter = ','
    )]
    pub tls_cert: Vec<PathBuf>,
    /// The private key (PEM) of the --tls-cert in the same position
    #[arg(
        long,
        value_name = "FILE",
        env = "WULIN_TLS_KEY",
        value_delimiter = ','
    )]
    pub tls_key: Vec<PathBuf>,
    /// A folder with certificates and keys, under any names, as the authority's bundle unpacks [default: certs, if
    /// there is something in it]
    #[arg(long, value_name = "FOLDER", env = "WULIN_TLS_DIR")]
    pub tls_dir: Option<PathBuf>,
}

/// `--proxy-protocol`, of `serve` and, hidden, of `health`.
#[derive(Debug, Clone, Args)]
pub struct ProxyProtocol {
    /// Connections of trusted proxies begin with a header of the PROXY protocol, version 1 or 2
    #[arg(long, env = "WULIN_PROXY_PROTOCOL")]
    pub proxy_protocol: bool,
}

/// `--admin`, of `serve`, `status`, `log` and `bench`.
#[derive(Debug, Clone, Args)]
pub struct AdminListener {
    /// Where metrics and the state of the server are told, over plain HTTP; off for nowhere [default: 127.0.0.1:9643]
    #[arg(long, value_name = "IP:PORT", env = "WULIN_ADMIN")]
    pub admin: Option<AdminAddress>,
}

impl AdminListener {
    /// The address that was given, or the default.
    pub fn or_default(&self) -> AdminAddress {
        self.admin.unwrap_or(AdminAddress::At(ADMIN))
    }
}

/// `--state-dir`, of `serve`, `health`, `status` and `log`.
#[derive(Debug, Clone, Args)]
pub struct StateDir {
    /// Where the server keeps what outlives it [default: what systemd gives, else ~/.local/state/wulin]
    #[arg(long, value_name = "FOLDER", env = "WULIN_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
}

/// `--json`, of `status`, `check` and `bench`.
#[derive(Debug, Clone, Args)]
pub struct JsonFlag {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// For `mut_args`: changes one argument, which stays in its place. clap's `mut_arg` moves it to the end of the help.
pub fn only(id: &'static str, change: impl Fn(Arg) -> Arg) -> impl FnMut(Arg) -> Arg {
    move |arg| {
        if arg.get_id() == id { change(arg) } else { arg }
    }
}

/// The address of the admin listener, which serves metrics and the state of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminAddress {
    /// There is no admin listener.
    Off,
    /// The address and port.
    At(SocketAddr),
}

impl fmt::Display for AdminAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AdminAddress::Off => f.write_str("off"),
            AdminAddress::At(address) => address.fmt(f),
        }
    }
}

impl FromStr for AdminAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<AdminAddress, Self::Err> {
        if text.eq_ignore_ascii_case("off") {
            return Ok(AdminAddress::Off);
        }
        // It may be copied as a URL.
        let bare = text.strip_prefix("http://").unwrap_or(text);
        let bare = bare.trim_end_matches('/');
        let local = bare.strip_prefix("localhost:");
        let address = match local {
            Some(port) => port
                .parse()
                .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
                .map_err(|_| ()),
            None => bare.parse().map_err(|_| ()),
        };
        address
            .map(AdminAddress::At)
            .map_err(|()| "write an address and a port, as 127.0.0.1:9643, or off")
    }
}

/// Reads a path, which begins with a slash.
pub fn path(text: &str) -> Result<String, &'static str> {
    if text.starts_with('/') {
        Ok(text.to_owned())
    } else {
        Err("write a path, as /applet/websocket")
    }
}

/// Reads an IP address. It may be in brackets, as IPv6 addresses are in URLs.
pub fn ip(text: &str) -> Result<IpAddr, String> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match (bare, text) {
        (_, "localhost") => Ok(Ipv4Addr::LOCALHOST.into()),
        (Some(bare), _) => bare.parse().map(IpAddr::V6).map_err(|_| ()),
        (None, text) => text.parse().map_err(|_| ()),
    }
    .map_err(|()| {
        "write one IP address of this machine, as 192.0.2.1 or ::1, or leave it out for all; ports have their own flags"
            .to_owned()
    })
}

/// Reads `5s`, `1m 30s`, `250ms`, or a bare number of seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
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
    // No flag needs more than a day, and sums of shorter times cannot overflow the clock.
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
    fn durations_are_read_in_every_spelling() {
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("2.5"), Ok(Duration::from_millis(2500)));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        for text in ["", "soon", "-1", "NaN", "25h", "inf"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
