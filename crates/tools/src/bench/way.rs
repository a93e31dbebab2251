//! The way to the server: its address, whether its certificate must be trusted, and whether there are enough open files
//! for all people.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, bail};
use rustls::client::Resumption;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use wulin_certs::trusted_roots;
use wulin_client::address::Address;
use wulin_http::tls::{ANY_VERSION, Recorder, SecureStream, Trust, connector, handshake};

use super::dialect;
use crate::bench::flags::Bench;

/// Open files this process needs beside one for each person.
const SPARE_FILES: u64 = 64;
/// People who connect from one loopback address. It is below the server's default of 1,024 connections from one
/// address, and far below the number of ports.
const PEOPLE_OF_ONE_ADDRESS: u32 = 500;

/// How each person reaches the server.
pub(super) struct Way {
    /// The server's address as it was written.
    pub(super) address: Address,
    /// The IP address and port it resolves to.
    pub(super) peer: SocketAddr,
    /// Path and query of the WebSocket.
    pub(super) target: String,
    connector: TlsConnector,
}

impl Way {
    /// Resolves the server's address. Refuses a server that is not on this machine, unless `--anywhere` allows it.
    pub(super) async fn find(flags: &Bench) -> anyhow::Result<Way> {
        let address = flags.host.clone();
        let base = address
            .path
            .as_deref()
            .unwrap_or(&flags.reach.base.base_path);
        let peer = resolve(&address).await?;
        let local = peer.ip().is_loopback();
        if !local && !flags.anywhere {
            bail!(
                "{address} is {}, which is not this machine. A load test can bring a server or a network down, and looks like \
                 an attack: --anywhere says that this server is yours and may be loaded.",
                peer.ip()
            );
        }
        let trust = if flags.trust.insecure || (local && flags.reach.ca_file.is_none()) {
            Trust::Anybody(Recorder::new())
        } else {
            Trust::Roots(Arc::new(trusted_roots(flags.reach.ca_file.as_deref())?))
        };
        let target = dialect::target(flags.protocol, base.trim_end_matches('/'));
        let connector = connector(&trust, ANY_VERSION)?;
        Ok(Way {
            connector: if flags.resume {
                resuming(&connector)
            } else {
                connector
            },
            address,
            peer,
            target,
        })
    }

    /// Connects one person, TLS included.
    pub(super) async fn connect(&self, number: u32) -> anyhow::Result<SecureStream> {
        let stream = self.open(number).await.context("no connection")?;
        handshake(&self.connector, self.address.server_name(), stream)
            .await
            .context("no TLS")
    }

    async fn open(&self, number: u32) -> std::io::Result<TcpStream> {
        let socket = match self.peer {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        if cfg!(target_os = "linux")
            && let IpAddr::V4(ip) = self.peer.ip()
            && ip.is_loopback()
        {
            socket.set_reuseaddr(true)?;
            socket.bind((source(number), 0).into())?;
        }
        socket.connect(self.peer).await
    }
}

/// The loopback address from which a person connects. All of 127.0.0.0/8 is this machine (RFC 1122, section 3.2.1.3).
fn source(number: u32) -> Ipv4Addr {
    let block = number / PEOPLE_OF_ONE_ADDRESS % 0xffff;
    let [_, _, high, low] = (block + 1).to_be_bytes();
    Ipv4Addr::new(127, 1, high, low)
}

async fn resolve(address: &Address) -> anyhow::Result<SocketAddr> {
    let found = lookup_host((&*address.host, address.port))
        .await
        .with_context(|| format!("{} does not resolve", address.host))?;
    let mut found: Vec<_> = found.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    let Some(first) = found.first().copied() else {
        bail!("{} has no address", address.host);
    };
    Ok(first)
}

fn resuming(connector: &TlsConnector) -> TlsConnector {
    let mut config = (**connector.config()).clone();
    config.resumption = Resumption::in_memory_sessions(1024);
    Arc::new(config).into()
}

/// Raises the limit of open files as far as the system allows. Fails if it is too low for so many people at a time.
pub(super) fn make_room(at_a_time: u32) -> anyhow::Result<()> {
    let files = rlimit::increase_nofile_limit(u64::MAX).context("asking for open files")?;
    let room = files.saturating_sub(SPARE_FILES);
    if u64::from(at_a_time) > room {
        bail!(
            "This process may have {files} open files, which is enough for {room} people at a time and not for {at_a_time}. \
             Ask for fewer, or raise the limit: ulimit -Hn says it, LimitNOFILE= or /etc/security/limits.conf sets it."
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_people_are_spread_over_loopback_addresses() {
        assert_eq!(source(0), Ipv4Addr::new(127, 1, 0, 1));
        assert_eq!(source(499), source(0));
        assert_eq!(source(500), Ipv4Addr::new(127, 1, 0, 2));
        assert!(source(u32::MAX).is_loopback());
    }

    #[test]
    fn more_people_than_open_files_are_refused() {
        let error = make_room(u32::MAX).unwrap_err().to_string();
        assert!(error.contains("ulimit -Hn"), "{error}");
        make_room(1).unwrap();
    }
}
