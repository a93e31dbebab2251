//! Who is let in: connection limits, socket options, the TLS handshake in bounded time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum_server::accept::Accept;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::acme;
use super::guarded::Guarded;
use crate::runtime::census::Counted;
use crate::runtime::{Census, Kind};

/// Silence on a connection after which the kernel asks whether the other side is there.
const KEEPALIVE: Duration = Duration::from_mins(1);
/// How often it asks before it gives up, see [`GIVE_UP`].
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// How long the kernel tries to get something across before it gives the connection up (`TCP_USER_TIMEOUT`).
const GIVE_UP: Duration = Duration::from_secs(30);
/// Bytes that may wait unsent in the kernel before a write waits (`TCP_NOTSENT_LOWAT`): a client that does not read is
/// noticed, and holds little.
const UNSENT: u32 = 16 * 1024;

/// What the gate keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateLimits {
    /// Connections at a time.
    pub connections: usize,
    /// Connections at a time from one IPv4 address or one IPv6 network of 64 bits.
    pub per_address: usize,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long a write may wait for the client to read.
    pub write_timeout: Duration,
}

/// The stream every transport runs over.
pub type Stream = TlsStream<Guarded>;

/// Lets connections in, one after the other; cheap to clone.
#[derive(Clone)]
pub struct Gate {
    tls: Option<TlsAcceptor>,
    limits: GateLimits,
    census: Arc<Census>,
    addresses: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Gate {
    /// A gate that speaks TLS.
    pub fn new(tls: Arc<rustls::ServerConfig>, limits: GateLimits, census: Arc<Census>) -> Gate {
        Gate {
            tls: Some(tls.into()),
            limits,
            census,
            addresses: Arc::default(),
        }
    }

    /// The gate of the plain HTTP listener, which counts into the same limits.
    #[must_use]
    pub fn plain(&self) -> PlainGate {
        PlainGate(Gate {
            tls: None,
            ..self.clone()
        })
    }

    fn admit(&self, stream: &TcpStream) -> io::Result<Admission> {
        let address = network(stream.peer_addr()?.ip());
        let counted = self.census.enter(Kind::Connection, 1);
        if self.census.count(Kind::Connection) > self.limits.connections {
            return Err(io::Error::other(
                "as many connections as --max-connections allows",
            ));
        }
        let mut addresses = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let here = addresses.entry(address).or_default();
        if *here >= self.limits.per_address {
            return Err(io::Error::other(
                "as many connections from one address as --max-connections-per-ip allows",
            ));
        }
        *here += 1;
        Ok(Admission {
            address,
            addresses: self.addresses.clone(),
            _counted: counted,
        })
    }

    fn guard(&self, stream: TcpStream) -> io::Result<Guarded> {
        let admission = self.admit(&stream)?;
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        socket.set_tcp_keepalive(
            &TcpKeepalive::new()
                .with_time(KEEPALIVE)
                .with_interval(KEEPALIVE_INTERVAL),
        )?;
        #[cfg(target_os = "linux")]
        {
            socket.set_tcp_user_timeout(Some(GIVE_UP))?;
            socket.set_tcp_notsent_lowat(UNSENT)?;
        }
        Ok(Guarded::new(stream, self.limits.write_timeout, admission))
    }
}

impl<S: Send + 'static> Accept<TcpStream, S> for Gate {
    type Stream = Stream;
    type Service = S;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Stream, S)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let gate = self.clone();
        Box::pin(async move {
            let stream = gate.guard(stream)?;
            let tls = gate.tls.ok_or_else(|| io::Error::other("no TLS here"))?;
            let handshake = async {
                let mut stream = tls.accept(stream).await?;
                if stream.get_ref().1.alpn_protocol() == Some(acme::PROTOCOL) {
                    // The handshake was all: nothing is said over such a connection (RFC 8737, 3).
                    stream.shutdown().await?;
                    return Err(io::Error::other("an authority has seen its challenge"));
                }
                Ok(stream)
            };
            match time::timeout(gate.limits.handshake_timeout, handshake).await {
                Ok(stream) => Ok((stream?, service)),
                Err(_) => Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "TLS handshake took too long",
                )),
            }
        })
    }
}

/// The gate of the plain HTTP listener.
#[derive(Clone)]
pub struct PlainGate(Gate);

impl<S: Send + 'static> Accept<TcpStream, S> for PlainGate {
    type Stream = Guarded;
    type Service = S;
    type Future = std::future::Ready<io::Result<(Guarded, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        std::future::ready(self.0.guard(stream).map(|stream| (stream, service)))
    }
}

/// Keeps a connection counted until it is closed.
#[derive(Debug)]
pub struct Admission {
    address: IpAddr,
    addresses: Arc<Mutex<HashMap<IpAddr, usize>>>,
    _counted: Counted,
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut addresses = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut here) = addresses.entry(self.address) {
            *here.get_mut() -= 1;
            if *here.get() == 0 {
                here.remove();
            }
        }
    }
}

/// Whom an address stands for: whoever has one IPv6 address usually has all 2^64 of its network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & (u128::MAX << 64)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}
