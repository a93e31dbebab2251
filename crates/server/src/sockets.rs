//! The sockets a server listens on: those that systemd handed over, and those it opens itself.

use std::io;
use std::net::{SocketAddr, TcpListener};

use anyhow::Context;
use tracing::warn;

use crate::config::{AdminPort, Config, HttpPort};
use crate::edge::handed::Handed;
use crate::edge::listen::{CannotListen, listen};
use crate::prepared::Prepared;

/// The listening sockets of a server.
pub(crate) struct Sockets {
    /// For HTTPS.
    pub(crate) https: ListeningSocket,
    /// For the redirect to HTTPS, if there is one.
    pub(crate) http: Option<ListeningSocket>,
    /// For operators, if there is one.
    pub(crate) admin: Option<ListeningSocket>,
}

/// A listening socket and its address.
pub(crate) struct ListeningSocket {
    pub(crate) listener: TcpListener,
    pub(crate) address: SocketAddr,
}

impl ListeningSocket {
    fn new(listener: TcpListener) -> anyhow::Result<ListeningSocket> {
        let address = listener.local_addr().context("asking for a port")?;
        Ok(ListeningSocket { listener, address })
    }

    /// The socket as a listener of the tokio runtime.
    pub(crate) fn ready(self) -> io::Result<tokio::net::TcpListener> {
        self.listener.set_nonblocking(true)?;
        tokio::net::TcpListener::from_std(self.listener)
    }
}

impl Sockets {
    /// Opens the sockets that were not handed over.
    pub(crate) fn open(
        config: &Config,
        prepared: &Prepared,
        handed: Handed,
    ) -> anyhow::Result<Sockets> {
        for warning in handed.warnings() {
            warn!("{warning}");
        }
        // With a handed-over HTTPS socket, port 80 is opened only if it was asked for: an operator who hands sockets
        // over decides about all of them.
        let wanted = match (&handed.https, prepared.http_port) {
            (Some(_), Some(http)) => http.required.then_some(http),
            (_, http) => http,
        };
        let https = match handed.https {
            Some(https) => https,
            None => listen(config.listen, prepared.port)
                .map_err(|error| with_origins(config, "--port", error))?,
        };
        let http = match (handed.http, wanted) {
            (Some(http), _) => Some(http),
            (None, Some(wanted)) => open_http(config, wanted)?,
            (None, None) => None,
        };
        let admin = match config.admin {
            Some(admin) => open_admin(config, admin)?,
            None => None,
        };
        Ok(Sockets {
            https: ListeningSocket::new(https)?,
            http: http.map(ListeningSocket::new).transpose()?,
            admin: admin.map(ListeningSocket::new).transpose()?,
        })
    }
}

/// Adds to the error which flags or variables the address and the port come from.
fn with_origins(config: &Config, port: &str, error: CannotListen) -> CannotListen {
    let origins = &config.origins;
    error.given_by(origins.name("--listen"), origins.name(port))
}

/// Opens the port that redirects. If it cannot be opened and was not asked for, that is only a warning.
fn open_http(config: &Config, http: HttpPort) -> Result<Option<TcpListener>, CannotListen> {
    let opened = listen(config.listen, http.port);
    match opened.map_err(|error| with_origins(config, "--http-port", error)) {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if http.required => Err(error),
        Err(error) => {
            warn!(
                "No redirect from http://: {error} Players are not affected; --http-port 0 says that none is wanted."
            );
            Ok(None)
        }
    }
}

/// Opens the admin port. If it cannot be opened and was not asked for, that is only a warning.
fn open_admin(config: &Config, admin: AdminPort) -> Result<Option<TcpListener>, CannotListen> {
    let opened = listen(Some(admin.address.ip()), admin.address.port());
    let name = config.origins.name("--admin");
    match opened.map_err(|error| error.given_by(name, name)) {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if admin.required => Err(error),
        Err(error) => {
            warn!(
                "No metrics and no wulin status: {error} Players are not affected; --admin says where else, or off."
            );
            Ok(None)
        }
    }
}
