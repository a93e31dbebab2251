//! Opens listening sockets, and explains why one cannot be opened.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// How many connections the kernel queues until they are accepted.
const BACKLOG: i32 = 4096;

/// Why a port cannot be listened on, with the remedy.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct CannotListen {
    address: SocketAddr,
    cause: io::Error,
    /// The flags or variables that the address and the port come from.
    given: Option<(String, String)>,
}

impl CannotListen {
    /// Whether the operating system forbids it to this user.
    pub fn is_forbidden(&self) -> bool {
        self.cause.kind() == io::ErrorKind::PermissionDenied
    }

    /// Adds the flags or variables that the address and the port come from.
    #[must_use]
    pub fn given_by(mut self, address: &str, port: &str) -> CannotListen {
        self.given = Some((address.to_owned(), port.to_owned()));
        self
    }

    /// Whether it is an IPv6 address and the kernel has no IPv6, as with `ipv6.disable=1`.
    fn has_no_ipv6(&self) -> bool {
        let ipv6 = || Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP));
        self.address.is_ipv6() && ipv6().is_err()
    }

    fn sentence(&self) -> String {
        let port = self.address.port();
        let (by, with) = match &self.given {
            Some((address, port)) => (format!(" ({address})"), format!(" with {port}")),
            None => (String::new(), String::new()),
        };
        match self.cause.kind() {
            io::ErrorKind::PermissionDenied => format!(
                "Port {port} may not be opened by this user. Ports below 1024 need a privilege: use the systemd unit, \
                 run `sysctl net.ipv4.ip_unprivileged_port_start={port}` as root, or choose another port{with}."
            ),
            io::ErrorKind::AddrInUse => format!(
                "Port {port} is in use by another program. `ss -ltnp 'sport = :{port}'` shows which one; stop it, or choose \
                 another port{with}."
            ),
            io::ErrorKind::AddrNotAvailable => format!(
                "{} is no address of this machine{by}. `ip address` shows those it has; leave --listen out to use them all.",
                self.address.ip()
            ),
            _ if self.has_no_ipv6() => format!(
                "{} is an IPv6 address, and this machine has no IPv6. Leave --listen out to use every address there is, or \
                 take an IPv4 one.",
                self.address.ip()
            ),
            _ => format!(
                "{} cannot be listened on{with}: {}.",
                self.address, self.cause
            ),
        }
    }
}

/// Listens on a port of one address, or of all addresses if none is given. Port 0 takes a free one.
pub fn listen(address: Option<IpAddr>, port: u16) -> Result<TcpListener, CannotListen> {
    let everywhere = [IpAddr::from([0_u16; 8]), IpAddr::from([0_u8; 4])];
    let candidates = match &address {
        Some(address) => std::slice::from_ref(address),
        // A machine without IPv6 refuses the first, and the second is used.
        None => &everywhere[..],
    };
    let mut result = Err(io::Error::from(io::ErrorKind::AddrNotAvailable));
    let mut tried = SocketAddr::from((candidates[0], port));
    for candidate in candidates {
        tried = SocketAddr::from((*candidate, port));
        result = open(tried, address.is_none());
        match &result {
            Err(error)
                if !matches!(
                    error.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::AddrInUse
                ) => {}
            Ok(_) | Err(_) => break,
        }
    }
    result.map_err(|cause| CannotListen {
        address: tried,
        cause,
        given: None,
    })
}

fn open(address: SocketAddr, dual_stack: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(!dual_stack)?;
    }
    // Without this, a restarted server could not listen while old connections are in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

    #[test]
    fn port_in_use_is_explained() {
        let first = listen(LOOPBACK, 0).unwrap();
        let port = first.local_addr().unwrap().port();
        let sentence = listen(LOOPBACK, port).unwrap_err().to_string();
        assert!(
            sentence.contains(&format!("Port {port} is in use")),
            "{sentence}"
        );
    }

    #[test]
    fn foreign_address_is_explained() {
        let sentence = listen(Some([192, 0, 2, 1].into()), 0)
            .unwrap_err()
            .to_string();
        assert!(
            sentence.contains("192.0.2.1 is no address of this machine"),
            "{sentence}"
        );
    }
}
