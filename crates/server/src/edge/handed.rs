//! Listening sockets that systemd opens and hands over ([`sd_listen_fds(3)`]). The server then needs no privilege for
//! low ports, and connections wait in the kernel while the server restarts.
//!
//! [`sd_listen_fds(3)`]: https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html

use std::env;
use std::io;
use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;
use socket2::{Domain, SockRef, Socket, Type};

/// The names of sockets, by `FileDescriptorName=` in their unit.
const HTTPS: &str = "https";
const HTTP: &str = "http";

/// The sockets that were handed over; none if the server was started by hand.
#[derive(Debug, Default)]
pub struct Handed {
    /// The socket for HTTPS.
    pub https: Option<TcpListener>,
    /// The socket for the redirect.
    pub http: Option<TcpListener>,
}

/// Why a handed-over socket cannot be used, with the remedy.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It is not a TCP socket.
    #[error(
        "Socket {name:?}, which was handed over, cannot be served ({cause}). Its unit must open TCP ports, with ListenStream=."
    )]
    NotTcp {
        /// Its name, or its position.
        name: String,
        /// What it is instead.
        cause: io::Error,
    },
    /// It does not listen.
    #[error(
        "Socket {0:?}, which was handed over, does not listen. Its unit must say ListenStream= and Accept=no."
    )]
    NotListening(String),
    /// Its name is none of ours.
    #[error(
        "Socket {0:?} was handed over, which can be anything. Name each in its unit: FileDescriptorName=https, and \
         FileDescriptorName=http for the port that redirects."
    )]
    Unknown(String),
    /// Two sockets for the same purpose.
    #[error(
        "Two sockets were handed over for {0}, and one is served. One ListenStream= that names only a port is open at every \
         address of the machine, IPv4 and IPv6."
    )]
    Twice(&'static str),
}

impl Handed {
    /// Takes the sockets that the environment lists. This changes the environment, so it must be called before a second
    /// thread starts.
    pub fn take() -> Result<Handed, Unusable> {
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut sockets = ListenFd::from_env();
        let names = roles(&names, sockets.len())?;
        let mut handed = Handed::default();
        for (index, (name, role)) in names.into_iter().enumerate() {
            let taken = sockets
                .take_tcp_listener(index)
                .map_err(|cause| Unusable::NotTcp {
                    name: name.clone(),
                    cause,
                })?;
            // None only if the socket was taken already.
            let Some(socket) = taken else { continue };
            if !listens(&socket) {
                return Err(Unusable::NotListening(name));
            }
            match role {
                Role::Https => handed.https = Some(socket),
                Role::Http => handed.http = Some(socket),
            }
        }
        Ok(handed)
    }

    /// Sentences about what works but deserves attention.
    pub fn warnings(&self) -> Vec<String> {
        let sockets = [(HTTPS, &self.https), (HTTP, &self.http)];
        let sockets = sockets
            .into_iter()
            .filter_map(|(name, socket)| Some((name, socket.as_ref()?)));
        let six = Socket::new(Domain::IPV6, Type::STREAM, None).is_ok();
        sockets
            .filter_map(|(name, socket)| {
                let address = socket.local_addr().ok()?;
                let only_v6 = SockRef::from(socket).only_v6().unwrap_or(false);
                one_family(name, address, only_v6, six)
            })
            .collect()
    }
}

/// The warning about a socket that accepts only one address family. `six` says whether this machine has IPv6 at all.
fn one_family(name: &str, address: SocketAddr, only_v6: bool, six: bool) -> Option<String> {
    let ip = address.ip();
    let (takes, lacks) = if ip.to_canonical().is_ipv4() {
        ("IPv4", "IPv6")
    } else if only_v6 || !ip.is_unspecified() {
        ("IPv6", "IPv4")
    } else {
        return None;
    };
    if lacks == "IPv6" && !six {
        return None;
    }
    Some(format!(
        "Socket {name:?}, which was handed over, listens at {address} and takes {takes} only: who has only {lacks} cannot \
         connect. For both, its unit must say ListenStream= with nothing but the port, and BindIPv6Only=both. If one is meant, \
         nothing is missing."
    ))
}

#[cfg(target_os = "linux")]
fn listens(socket: &TcpListener) -> bool {
    SockRef::from(socket).is_listener().unwrap_or(false)
}

/// Other systems cannot tell. If it does not listen, accepting fails.
#[cfg(not(target_os = "linux"))]
fn listens(_: &TcpListener) -> bool {
    true
}

/// The purpose of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Https,
    Http,
}

/// The purpose of each of `count` sockets: by its name, or by its position if no socket has one of our names, as with
/// `systemd-socket-activate` and units without names.
fn roles(names: &str, count: usize) -> Result<Vec<(String, Role)>, Unusable> {
    let names: Vec<&str> = names.split(':').collect();
    let by_name = names.iter().any(|name| [HTTPS, HTTP].contains(name));
    let mut roles: Vec<(String, Role)> = Vec::with_capacity(count);
    for index in 0..count {
        let name = match names.get(index) {
            Some(name) if !name.is_empty() => (*name).to_owned(),
            Some(_) | None => format!("number {}", index + 1),
        };
        let role = match (by_name, name.as_str(), index) {
            (true, HTTPS, _) | (false, _, 0) => Role::Https,
            (true, HTTP, _) | (false, _, 1) => Role::Http,
            (_, _, _) => return Err(Unusable::Unknown(name)),
        };
        if roles.iter().any(|(_, taken)| *taken == role) {
            return Err(Unusable::Twice(match role {
                Role::Https => HTTPS,
                Role::Http => HTTP,
            }));
        }
        roles.push((name, role));
    }
    Ok(roles)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(names: &str, count: usize) -> Vec<Role> {
        let roles = roles(names, count).unwrap();
        roles.into_iter().map(|(_, role)| role).collect()
    }

    #[test]
    fn sockets_are_assigned_by_name_or_by_position() {
        assert_eq!(kinds("http:https", 2), [Role::Http, Role::Https]);
        assert_eq!(kinds("http", 1), [Role::Http]);
        for unnamed in ["", "unknown:unknown", "wulin.socket:wulin.socket"] {
            assert_eq!(kinds(unnamed, 2), [Role::Https, Role::Http], "{unnamed:?}");
        }
        assert_eq!(kinds("", 0), []);
    }

    #[test]
    fn socket_of_one_address_family_is_a_warning() {
        let said = |address: &str, only_v6, six| {
            one_family("https", address.parse().unwrap(), only_v6, six)
        };
        for (address, only_v6, takes) in [
            ("0.0.0.0:443", false, "IPv4 only"),
            ("192.0.2.1:443", false, "IPv4 only"),
            ("[::ffff:192.0.2.1]:443", false, "IPv4 only"),
            ("[::]:443", true, "IPv6 only"),
            ("[2001:db8::1]:443", false, "IPv6 only"),
        ] {
            let sentence = said(address, only_v6, true).unwrap();
            assert!(
                sentence.contains(takes) && sentence.contains("BindIPv6Only=both"),
                "{sentence}"
            );
        }
        assert_eq!(said("[::]:443", false, true), None);
        // On a machine without IPv6, nothing can be done about it.
        assert_eq!(said("0.0.0.0:443", false, false), None);
    }

    #[test]
    fn ambiguous_sockets_are_refused_with_the_remedy() {
        for (names, count, word) in [
            ("https:admin", 2, "\"admin\""),
            ("https", 2, "\"number 2\""),
            ("a:b:c", 3, "\"c\""),
            ("https:https", 2, "Two sockets"),
        ] {
            let sentence = roles(names, count).unwrap_err().to_string();
            assert!(sentence.contains(word), "{sentence}");
        }
    }
}
