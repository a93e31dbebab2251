//! The configuration: the flags, checked. Either it can work, or a sentence says why not.
//!
//! No file is read here. Certificates, and the ports that depend on them, are loaded by [`crate::prepared`].

pub mod acme;
mod invalid;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use wulin_certs::Source;
use wulin_command::Origins;
use wulin_command::flags::{ADMIN, AdminAddress};
use wulin_game::lobby::Rules;
use wulin_game::matchmaking::Patience;
use wulin_game::room::Format;

pub use self::invalid::Invalid;

use self::acme::{AcmeConfig, InvalidAcme};
use crate::edge::access::AccessLog;
use crate::edge::addresses::Proxies;
use crate::edge::gate::GateLimits;
use crate::edge::routes;
use crate::flags::Serve;
use crate::transport::Limits;

/// How long the score of a person who went offline is kept.
pub const MEMORY: Duration = Duration::from_hours(1);
/// How many such scores are kept.
pub const MEMORIES: usize = 100_000;
/// How many deliveries may wait for one client: some minutes of a room, and a hundred times what waits for a client
/// that reads.
pub const OUTBOX: usize = 256;
/// File descriptors that are not connections: listeners, the reactor, logs, certificates being read.
const OTHER_FILES: u64 = 64;

/// Everything the server needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the certificates are; none if no flag says so.
    pub certificates: Option<Source>,
    /// How certificates are fetched, with `--acme`.
    pub acme: Option<AcmeConfig>,
    /// The domains that are served.
    pub domains: Vec<String>,
    /// The address to listen on; `None` for all.
    pub listen: Option<IpAddr>,
    /// The HTTPS port, if a flag names it.
    pub port: Option<u16>,
    /// The port that redirects, if a flag names it; 0 means none.
    pub http_port: Option<u16>,
    /// The path of the native WebSocket.
    pub base_path: String,
    /// The paths of Socket.IO, the one below the base path first.
    pub socketio_paths: Vec<String>,
    /// The rules of the game.
    pub rules: Rules,
    /// The limits of every transport.
    pub limits: Limits,
    /// The limits of the gate.
    pub gate: GateLimits,
    /// How long a client may take to send its first request, and the headers of each.
    pub request_timeout: Duration,
    /// The admin port, unless it is off.
    pub admin: Option<AdminPort>,
    /// The access log, if one is kept.
    pub access: Option<AccessLog>,
    /// How long rounds in progress may take to finish.
    pub drain_timeout: Duration,
    /// The folder for what outlives the process, if there is one.
    pub state_dir: Option<PathBuf>,
    /// Where each flag comes from, for sentences about it.
    pub origins: Origins,
    /// Sentences about what works but deserves attention.
    pub warnings: Vec<String>,
}

/// The port that redirects to HTTPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpPort {
    /// Its number.
    pub port: u16,
    /// Whether a flag asks for it: then it is an error if it cannot be opened, else only a warning.
    pub required: bool,
}

/// Where metrics and the state of the server are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdminPort {
    /// The address and port.
    pub address: SocketAddr,
    /// Whether a flag asks for it: then it is an error if it cannot be opened, else only a warning.
    pub required: bool,
}

impl Config {
    /// Checks the flags. `open_files` is how many descriptors the process may have; `variable` reads the environment.
    pub fn new(
        flags: &Serve,
        open_files: u64,
        variable: impl Fn(&str) -> Option<std::ffi::OsString>,
    ) -> Result<Config, Invalid> {
        let base_path = path("--base-path", &flags.base.base_path)?;
        let socketio_paths = socketio_paths(flags, &base_path)?;
        check_values(flags)?;
        let state_dir = flags.state.state_dir.clone();
        let state_dir = state_dir.or_else(|| wulin_command::state_dir(&variable));
        let files = &flags.certificates;
        let acme = AcmeConfig::new(flags, &variable)?;
        if acme.is_some() && state_dir.is_none() {
            return Err(InvalidAcme::NoStateDir.into());
        }
        let proxies = Proxies {
            networks: flags.trusted_proxies.clone().into(),
            introduce: flags.proxy.proxy_protocol,
        };
        let (connections, warning) = connections(flags, open_files);
        let warnings = Vec::from_iter(warning);
        Ok(Config {
            certificates: Source::named(&files.tls_cert, &files.tls_key, files.tls_dir.as_deref())?,
            acme,
            domains: flags.domains.domain.clone(),
            listen: flags.listening.listen,
            port: flags.listening.port,
            http_port: flags.redirect.http_port,
            base_path,
            socketio_paths,
            rules: rules(flags),
            limits: limits(flags),
            gate: GateLimits {
                connections,
                per_address: flags.max_connections_per_ip,
                sessions_per_second: flags.sessions_per_second,
                handshake_timeout: flags.tls_timeout,
                write_timeout: flags.write_timeout,
                proxies: proxies.clone(),
            },
            request_timeout: flags.request_timeout,
            admin: match flags.admin.or_default() {
                AdminAddress::Off => None,
                AdminAddress::At(address) => Some(AdminPort {
                    address,
                    required: address != ADMIN,
                }),
            },
            access: flags.access_log.then_some(AccessLog {
                addresses: flags.log_addresses,
                proxies,
            }),
            drain_timeout: flags.drain_timeout,
            state_dir,
            origins: flags.origins.clone(),
            warnings,
        })
    }

    /// The HTTPS port. `production` says whether there is a certificate of a domain, or will be one.
    pub fn https_port(&self, production: bool) -> u16 {
        self.port.unwrap_or(if production { 443 } else { 8443 })
    }

    /// The port that redirects, if there is to be one.
    pub fn redirect_port(&self, production: bool) -> Option<HttpPort> {
        match self.http_port {
            Some(0) => None,
            Some(port) => Some(HttpPort {
                port,
                required: true,
            }),
            None => production.then_some(HttpPort {
                port: 80,
                required: false,
            }),
        }
    }
}

/// How many connections there may be at a time, with a warning if that is fewer than a flag asks for.
fn connections(flags: &Serve, open_files: u64) -> (usize, Option<String>) {
    let most = usize::try_from(open_files.saturating_sub(OTHER_FILES))
        .unwrap_or(usize::MAX)
        .max(1);
    match flags.max_connections {
        Some(wanted) if wanted > most => {
            let warning = format!(
                "--max-connections {wanted} is more than the limit for open files allows: it will be {most}. Raise the \
                 limit with LimitNOFILE= in the systemd unit or ulimit -n."
            );
            (most, Some(warning))
        }
        wanted => (wanted.unwrap_or(most), None),
    }
}

fn socketio_paths(flags: &Serve, base_path: &str) -> Result<Vec<String>, Invalid> {
    let mut paths = vec![format!("{base_path}/socket.io")];
    for alias in flags
        .socketio_alias
        .iter()
        .filter(|alias| !alias.is_empty())
    {
        let alias = path("--socketio-alias", alias)?;
        if !paths.contains(&alias) {
            paths.push(alias);
        }
    }
    Ok(paths)
}

fn rules(flags: &Serve) -> Rules {
    Rules {
        format: Format {
            seats: flags.seats.into(),
            round_time: flags.game_time,
        },
        patience: Patience {
            robot_wait: flags.robot_wait,
            rematch_wait: flags.rematch_wait,
            nearby_km: flags.nearby_km,
        },
        memory: MEMORY,
        memories: MEMORIES,
    }
}

fn limits(flags: &Serve) -> Limits {
    Limits {
        message_size: flags.max_message_size as usize,
        messages_per_second: flags.messages_per_second,
        ping_interval: flags.ping_interval,
        ping_timeout: flags.ping_timeout,
        idle_timeout: flags.idle_timeout,
        outbox: OUTBOX,
    }
}

fn check_values(flags: &Serve) -> Result<(), Invalid> {
    let values = [
        (
            "--game-time",
            flags.game_time < Duration::from_millis(100),
            "must be at least 100ms",
        ),
        (
            "--nearby-km",
            flags.nearby_km.is_nan() || flags.nearby_km <= 0.0,
            "must be more than 0",
        ),
        (
            "--ping-interval",
            flags.ping_interval < Duration::from_millis(100),
            "must be at least 100ms",
        ),
        (
            "--ping-timeout",
            flags.ping_timeout < Duration::from_millis(100),
            "must be at least 100ms",
        ),
        (
            "--idle-timeout",
            flags.idle_timeout <= flags.ping_interval,
            "must be longer than --ping-interval",
        ),
        (
            "--write-timeout",
            flags.write_timeout.is_zero(),
            "must be more than 0",
        ),
        (
            "--tls-timeout",
            flags.tls_timeout.is_zero(),
            "must be more than 0",
        ),
        (
            "--request-timeout",
            flags.request_timeout.is_zero(),
            "must be more than 0",
        ),
        (
            "--max-connections",
            flags.max_connections == Some(0),
            "must be more than 0",
        ),
        (
            "--max-connections-per-ip",
            flags.max_connections_per_ip == 0,
            "must be more than 0",
        ),
        (
            "--proxy-protocol",
            flags.proxy.proxy_protocol && flags.trusted_proxies.is_empty(),
            "needs --trusted-proxies: name the proxies whose word counts",
        ),
        (
            "--http-port",
            flags
                .redirect
                .http_port
                .is_some_and(|port| port != 0 && Some(port) == flags.listening.port),
            "must not be the HTTPS port",
        ),
    ];
    match values.into_iter().find(|(_, wrong, _)| *wrong) {
        Some((flag, _, problem)) => Err(Invalid::Value { flag, problem }),
        None => Ok(()),
    }
}

fn path(flag: &'static str, text: &str) -> Result<String, Invalid> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
    let sound = text.len() > 1
        && text.starts_with('/')
        && !text.ends_with('/')
        && !text.contains("//")
        && text.chars().all(plain);
    if !sound {
        return Err(Invalid::Path {
            flag,
            path: text.to_owned(),
        });
    }
    if routes::is_taken(text) {
        return Err(Invalid::TakenPath {
            flag,
            path: text.to_owned(),
        });
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use clap::Parser;

    use super::*;
    use crate::prepared::Prepared;

    /// Parses the flags of `serve` alone.
    #[derive(Parser)]
    pub(super) struct TestArgs {
        #[command(flatten)]
        pub(super) serve: Serve,
    }

    fn configured(arguments: &[&str]) -> Result<Config, Invalid> {
        let arguments = std::iter::once("wulin").chain(arguments.iter().copied());
        let flags = TestArgs::try_parse_from(arguments).unwrap().serve;
        Config::new(&flags, 1024, |_| None)
    }

    fn sentence(arguments: &[&str]) -> String {
        let loaded =
            configured(arguments).and_then(|config| Prepared::load(&config, SystemTime::now()));
        loaded.map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn server_without_a_certificate_is_for_development() {
        let config = configured(&[]).unwrap();
        let loaded = Prepared::load(&config, SystemTime::now()).unwrap();
        assert_eq!((loaded.port, loaded.http_port), (8443, None));
        assert!(!loaded.certificates.trusted);
        assert_eq!(
            config.socketio_paths,
            ["/applet/websocket/socket.io", "/applet/ws/socket.io"]
        );
        assert_eq!(config.gate.connections, 1024 - 64);
        assert!(
            loaded
                .warnings
                .iter()
                .any(|warning| warning.contains("--tls-cert"))
        );
    }

    #[test]
    fn invalid_values_name_their_flag() {
        assert!(sentence(&["--tls-cert", "a.pem"]).contains("--tls-key"));
        assert!(
            sentence(&["--tls-cert", "a", "--tls-key", "b", "--tls-dir", "c"])
                .contains("--tls-dir")
        );
        assert!(sentence(&["--tls-dir", "/nonexistent"]).contains("/nonexistent"));
        for path in ["", "/", "applet", "/a/", "/a//b", "/a?b", "/武"] {
            assert!(
                sentence(&["--base-path", path]).contains("/applet/websocket"),
                "{path}"
            );
        }
        for path in [
            "/healthz",
            "/readyz/x",
            "/assets/ws",
            "/avatars",
            "/icon.svg",
        ] {
            for flag in ["--base-path", "--socketio-alias"] {
                let sentence = sentence(&[flag, path]);
                assert!(
                    sentence.contains(path) && sentence.contains("of its own"),
                    "{sentence}"
                );
            }
        }
        assert!(sentence(&["--game-time", "0"]).contains("--game-time"));
        assert!(sentence(&["--nearby-km", "NaN"]).contains("--nearby-km"));
        assert!(sentence(&["--port", "8080", "--http-port", "8080"]).contains("--http-port"));
    }

    #[test]
    fn socketio_alias_can_be_empty() {
        let config = configured(&["--base-path", "/ws", "--socketio-alias", ""]).unwrap();
        assert_eq!(config.socketio_paths, ["/ws/socket.io"]);
    }
}
