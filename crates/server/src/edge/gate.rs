//! The gate of each listener: connection limits, socket options, and the TLS handshake with its timeout.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ProtocolVersion;
use rustls::server::Acceptor;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use wulin_certs::acme;

use super::addresses::{Addresses, Caller, Proxies};
use super::admission::Admission;
use super::guarded::{Guarded, Oversized, SecureStream};
use super::proxy::{self, HeaderError};
use super::turned_away::{Reason, TurnedAway};
use crate::runtime::{Figures, Gauge};

/// How long a connection may be silent before the kernel checks whether the peer is there (TCP keep-alive).
const KEEPALIVE: Duration = Duration::from_mins(1);
/// How often the kernel repeats that check, until [`GIVE_UP`].
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// How long the kernel tries to deliver data before it ends the connection (`TCP_USER_TIMEOUT`).
const GIVE_UP: Duration = Duration::from_secs(30);
/// How many bytes may wait unsent in the kernel before a write waits (`TCP_NOTSENT_LOWAT`). It is small, so that a
/// client that does not read is noticed early and costs little memory.
const UNSENT: u32 = 16 * 1024;

/// How many connections from one address may speak HTTP/2 at a time, since they cost more than others. Further ones are
/// offered HTTP/1.1 only, with which everything works too, so that nobody is refused for it.
const HTTP2: usize = 256;

/// The limits of the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateLimits {
    /// How many connections there may be at a time.
    pub connections: usize,
    /// How many of them may come from one IPv4 address or one IPv6 network of 64 bits.
    pub per_address: usize,
    /// How many polling sessions may begin in a second at one address.
    pub sessions_per_second: u32,
    /// How long a TLS handshake may take, and before it the PROXY header.
    pub handshake_timeout: Duration,
    /// How long a write may wait until the client reads.
    pub write_timeout: Duration,
    /// The proxies that may say for whom they connect.
    pub proxies: Proxies,
}

/// The gate of the HTTPS listener; cheap to clone.
#[derive(Clone)]
pub struct Gate {
    tls: Arc<rustls::ServerConfig>,
    /// The same configuration without HTTP/2.
    http1_only: Arc<rustls::ServerConfig>,
    /// Counts the connections of HTTP/2.
    http2: Arc<Addresses>,
    plain: PlainGate,
}

/// The gate of the plain HTTP listener. It counts in the same limits as that of HTTPS.
#[derive(Clone)]
pub struct PlainGate {
    limits: Arc<GateLimits>,
    figures: Arc<Figures>,
    addresses: Arc<Addresses>,
    turned_away: Arc<TurnedAway>,
}

/// The gate of the admin listener. It has a limit of its own, so that players cannot lock an operator out, nor
/// operators the players.
#[derive(Clone)]
pub struct AdminGate {
    write_timeout: Duration,
    slots: Arc<Semaphore>,
}

/// A gate without TLS: that of the plain listener or of the admin listener.
pub trait Door: Clone + Send + Sync + 'static {
    /// Lets in a connection that was just accepted, and tells its caller.
    fn admit(
        &self,
        stream: TcpStream,
    ) -> impl Future<Output = io::Result<(Guarded, Caller)>> + Send;
}

/// Why a connection is refused: the label in metrics, and the error.
type Rejection = (&'static str, io::Error);

impl Gate {
    /// A gate of HTTPS.
    pub fn new(
        tls: Arc<rustls::ServerConfig>,
        limits: GateLimits,
        addresses: Arc<Addresses>,
        turned_away: Arc<TurnedAway>,
        figures: Arc<Figures>,
    ) -> Gate {
        let mut http1_only = (*tls).clone();
        http1_only.alpn_protocols.retain(|name| name != b"h2");
        Gate {
            tls,
            http1_only: Arc::new(http1_only),
            http2: Addresses::new(HTTP2, None),
            plain: PlainGate {
                limits: Arc::new(limits),
                figures,
                addresses,
                turned_away,
            },
        }
    }

    /// The gate of the plain listener, with the same limits.
    #[must_use]
    pub fn plain(&self) -> PlainGate {
        self.plain.clone()
    }

    /// Lets in a connection that was just accepted: counts it, does the TLS handshake, and tells its caller.
    pub async fn admit(&self, stream: TcpStream) -> io::Result<(SecureStream, Caller)> {
        let secured = self.secure(stream).await;
        secured.map_err(|rejection| self.plain.refuse(rejection))
    }

    async fn secure(&self, stream: TcpStream) -> Result<(SecureStream, Caller), Rejection> {
        let (stream, caller) = self.plain.guard(stream).await?;
        let patience = self.plain.limits.handshake_timeout;
        // A proxy carries the requests of many clients over one connection, so it is not limited.
        let http2 = if caller.proxy {
            None
        } else {
            self.http2.enter(caller.address)
        };
        let tls = if caller.proxy || http2.is_some() {
            &self.tls
        } else {
            &self.http1_only
        };
        let handshake = Box::pin(async {
            let hello = LazyConfigAcceptor::new(Acceptor::default(), stream.below_tls()).await?;
            let offered = hello.client_hello().alpn();
            let only_http2 =
                offered.is_some_and(|mut offered| offered.all(|name| name != b"http/1.1"));
            let stream = hello.into_stream(tls.clone()).await?;
            Ok::<_, io::Error>((stream, only_http2))
        });
        let (stream, only_http2) = match time::timeout(patience, handshake).await {
            Ok(Ok(secured)) => secured,
            Ok(Err(error)) => return Err((reason(&error), error)),
            Err(_) => return Err(too_slow("TLS handshake took too long")),
        };
        if stream.get_ref().1.alpn_protocol() == Some(acme::PROTOCOL) {
            return Err(Box::pin(dismiss_authority(stream, patience)).await);
        }
        let version = match stream.get_ref().1.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "1.2",
            _ => "1.3",
        };
        self.plain.figures.counters.handshakes.add(version);
        Ok((SecureStream::new(stream, http2, only_http2), caller))
    }
}

impl PlainGate {
    async fn guard(&self, mut stream: TcpStream) -> Result<(Guarded, Caller), Rejection> {
        let peer = stream.peer_addr().map_err(|error| ("closed", error))?.ip();
        let counted = self.figures.enter(Gauge::Connection, 1);
        if self.figures.count(Gauge::Connection) > self.limits.connections {
            self.turned_away.add(Reason::Connections, peer);
            return Err((
                "connections",
                io::Error::other("as many connections as --max-connections allows"),
            ));
        }
        let caller = self.introduce(&mut stream, peer).await?;
        let presence = if caller.proxy {
            // Each of its requests counts for another client.
            None
        } else {
            Some(self.addresses.enter(caller.address).ok_or_else(crowded)?)
        };
        set_options(&stream).map_err(|error| ("closed", error))?;
        let admission = Admission::Player {
            _presence: presence,
            _counted: counted,
            unheard: Some((self.turned_away.clone(), peer)),
        };
        let stream = Guarded::new(stream, self.limits.write_timeout, admission);
        Ok((stream, caller))
    }

    /// The caller of a connection: its peer, or the client that a proxy's PROXY header names.
    async fn introduce(&self, stream: &mut TcpStream, peer: IpAddr) -> Result<Caller, Rejection> {
        let proxies = &self.limits.proxies;
        let mut caller = Caller::at(peer, proxies);
        if caller.proxy && proxies.introduce {
            let header = time::timeout(self.limits.handshake_timeout, proxy::read(stream));
            match header.await {
                Ok(Ok(Some(address))) => caller = Caller::at(address, proxies),
                Ok(Ok(None)) => {}
                Ok(Err(HeaderError::Closed(error))) => return Err(("closed", error)),
                Ok(Err(error)) => {
                    let reason = match error {
                        HeaderError::Bad => Reason::HeaderBad,
                        HeaderError::Missing | HeaderError::Closed(_) => Reason::HeaderMissing,
                    };
                    self.turned_away.add(reason, peer);
                    return Err(("proxy", io::Error::other(error)));
                }
                Err(_) => {
                    self.turned_away.add(Reason::HeaderMissing, peer);
                    return Err(too_slow("the proxy's header took too long"));
                }
            }
        }
        Ok(caller)
    }

    fn refuse(&self, (reason, error): Rejection) -> io::Error {
        self.figures.counters.refusals.add(reason);
        error
    }
}

/// Closes a connection of an ACME authority, which wanted the handshake alone: no data follows (RFC 8737, 3).
async fn dismiss_authority(mut stream: TlsStream<Guarded>, patience: Duration) -> Rejection {
    // The connection ends whether or not the authority reads the close.
    let _ = time::timeout(patience, stream.shutdown()).await;
    (
        "challenge",
        io::Error::other("an authority has seen its challenge"),
    )
}

fn crowded() -> Rejection {
    (
        "address",
        io::Error::other("as many connections from one address as --max-connections-per-ip allows"),
    )
}

fn too_slow(what: &'static str) -> Rejection {
    ("timeout", io::Error::new(io::ErrorKind::TimedOut, what))
}

/// The label in metrics for a failed TLS handshake.
fn reason(error: &io::Error) -> &'static str {
    let inner = error.get_ref();
    if inner.is_some_and(<dyn std::error::Error + Send + Sync>::is::<Oversized>) {
        return "oversized";
    }
    match inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(_)) => "alert",
        Some(rustls::Error::PeerIncompatible(_)) => "incompatible",
        Some(rustls::Error::InvalidMessage(_)) => "not_tls",
        Some(_) => "other",
        None => "closed",
    }
}

/// Sets socket options: no delay of small writes, and detection of peers that are gone.
fn set_options(stream: &TcpStream) -> io::Result<()> {
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
    Ok(())
}

impl Door for PlainGate {
    async fn admit(&self, stream: TcpStream) -> io::Result<(Guarded, Caller)> {
        let guarded = self.guard(stream).await;
        guarded.map_err(|rejection| self.refuse(rejection))
    }
}

impl AdminGate {
    /// A gate for at most `most` connections at a time, whose writes may wait for `write_timeout`.
    pub fn new(most: usize, write_timeout: Duration) -> AdminGate {
        AdminGate {
            write_timeout,
            slots: Arc::new(Semaphore::new(most)),
        }
    }
}

impl Door for AdminGate {
    async fn admit(&self, stream: TcpStream) -> io::Result<(Guarded, Caller)> {
        let slot = self.slots.clone().try_acquire_owned();
        let slot = slot.map_err(|_| io::Error::other("enough connections to the admin port"))?;
        let address = stream.peer_addr()?.ip();
        set_options(&stream)?;
        let stream = Guarded::new(stream, self.write_timeout, Admission::Operator(slot));
        let caller = Caller {
            address,
            proxy: false,
        };
        Ok((stream, caller))
    }
}
