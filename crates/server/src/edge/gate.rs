//! Who is let in: connection limits, socket options, the TLS handshake in bounded time.

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

use super::addresses::{Addresses, Client, Proxies};
use super::admission::Admission;
use super::guarded::{Guarded, Oversized, Secure};
use super::proxy::{self, Unread};
use super::serve::Door;
use super::turned_away::{Reason, TurnedAway};
use crate::runtime::{Figures, Gauge};
use wulin_certs::acme;

/// Silence on a connection after which the kernel asks whether the other side is there.
const KEEPALIVE: Duration = Duration::from_mins(1);
/// How often it asks before it gives up, see [`GIVE_UP`].
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// How long the kernel tries to get something across before it gives the connection up (`TCP_USER_TIMEOUT`).
const GIVE_UP: Duration = Duration::from_secs(30);
/// Bytes that may wait unsent in the kernel before a write waits (`TCP_NOTSENT_LOWAT`): a client that does not read is
/// noticed, and holds little.
const UNSENT: u32 = 16 * 1024;

/// Connections of HTTP/2 at a time from one address. They cost more than others, so whoever comes when there are so many is
/// offered HTTP/1.1 only, which does the same: nobody is turned away by it.
const HTTP2: usize = 256;

/// What the gate keeps to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateLimits {
    /// Connections at a time.
    pub connections: usize,
    /// Connections at a time from one IPv4 address or one IPv6 network of 64 bits.
    pub per_address: usize,
    /// New polling sessions a second from one address.
    pub sessions_per_second: u32,
    /// How long a TLS handshake may take, and before it the header of a proxy.
    pub handshake_timeout: Duration,
    /// How long a write may wait for the client to read.
    pub write_timeout: Duration,
    /// Who may speak for others.
    pub proxies: Proxies,
}

/// The stream every transport runs over.
pub type Stream = Secure;

/// Lets connections in, one after the other; cheap to clone.
#[derive(Clone)]
pub struct Gate {
    tls: Arc<rustls::ServerConfig>,
    /// The same without HTTP/2.
    http1_only: Arc<rustls::ServerConfig>,
    /// How many speak HTTP/2.
    http2: Arc<Addresses>,
    plain: PlainGate,
}

/// The gate of the plain HTTP listener, which counts into the same limits.
#[derive(Clone)]
pub struct PlainGate {
    limits: Arc<GateLimits>,
    figures: Arc<Figures>,
    addresses: Arc<Addresses>,
    turned_away: Arc<TurnedAway>,
}

/// The gate of the admin listener: people of this machine, who are no players. There are only so many connections at a time,
/// in limits of their own: players cannot shut an operator out, nor the other way round.
#[derive(Clone)]
pub struct AdminGate {
    write_timeout: Duration,
    slots: Arc<Semaphore>,
}

/// Why a connection came to nothing. The first is its label in the metrics.
type Refusal = (&'static str, io::Error);

impl Gate {
    /// A gate that speaks TLS.
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

    /// The same without TLS.
    #[must_use]
    pub fn plain(&self) -> PlainGate {
        self.plain.clone()
    }

    async fn secure(&self, stream: TcpStream) -> Result<(Stream, Client), Refusal> {
        let (stream, client) = self.plain.guard(stream).await?;
        let patience = self.plain.limits.handshake_timeout;
        // A proxy has one for many.
        let http2 = if client.proxy {
            None
        } else {
            self.http2.enter(client.address)
        };
        let tls = if client.proxy || http2.is_some() {
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
        Ok((Secure::new(stream, http2, only_http2), client))
    }
}

impl PlainGate {
    async fn guard(&self, mut stream: TcpStream) -> Result<(Guarded, Client), Refusal> {
        let peer = stream.peer_addr().map_err(|error| ("closed", error))?.ip();
        let counted = self.figures.enter(Gauge::Connection, 1);
        if self.figures.count(Gauge::Connection) > self.limits.connections {
            self.turned_away.add(Reason::Connections, peer);
            return Err((
                "connections",
                io::Error::other("as many connections as --max-connections allows"),
            ));
        }
        let client = self.introduce(&mut stream, peer).await?;
        let presence = if client.proxy {
            // Each of its requests is from somebody else.
            None
        } else {
            Some(self.addresses.enter(client.address).ok_or_else(crowded)?)
        };
        equip(&stream).map_err(|error| ("closed", error))?;
        let admission = Admission::Player {
            _presence: presence,
            _counted: counted,
            unheard: Some((self.turned_away.clone(), peer)),
        };
        let stream = Guarded::new(stream, self.limits.write_timeout, admission);
        Ok((stream, client))
    }

    /// Whom the connection is from, which may be somebody for whom a proxy speaks.
    async fn introduce(&self, stream: &mut TcpStream, peer: IpAddr) -> Result<Client, Refusal> {
        let proxies = &self.limits.proxies;
        let mut client = Client::at(peer, proxies);
        if client.proxy && proxies.introduce {
            let header = time::timeout(self.limits.handshake_timeout, proxy::read(stream));
            match header.await {
                Ok(Ok(Some(address))) => client = Client::at(address, proxies),
                Ok(Ok(None)) => {}
                Ok(Err(Unread::Closed(error))) => return Err(("closed", error)),
                Ok(Err(unread)) => {
                    let reason = match unread {
                        Unread::Bad => Reason::HeaderBad,
                        Unread::Missing | Unread::Closed(_) => Reason::HeaderMissing,
                    };
                    self.turned_away.add(reason, peer);
                    return Err(("proxy", io::Error::other(unread)));
                }
                Err(_) => {
                    self.turned_away.add(Reason::HeaderMissing, peer);
                    return Err(too_slow("the proxy's header took too long"));
                }
            }
        }
        Ok(client)
    }

    fn refuse(&self, (reason, error): Refusal) -> io::Error {
        self.figures.counters.refusals.add(reason);
        error
    }
}

/// The handshake was all an authority wanted: nothing is said over such a connection (RFC 8737, 3).
async fn dismiss_authority(mut stream: TlsStream<Guarded>, patience: Duration) -> Refusal {
    // Whether it hears the goodbye is its affair.
    let _ = time::timeout(patience, stream.shutdown()).await;
    (
        "challenge",
        io::Error::other("an authority has seen its challenge"),
    )
}

fn crowded() -> Refusal {
    (
        "address",
        io::Error::other("as many connections from one address as --max-connections-per-ip allows"),
    )
}

fn too_slow(what: &'static str) -> Refusal {
    ("timeout", io::Error::new(io::ErrorKind::TimedOut, what))
}

/// Why a TLS handshake came to nothing, in one word.
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

/// Socket options that find out who is gone.
fn equip(stream: &TcpStream) -> io::Result<()> {
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

impl Door for Gate {
    type Stream = Stream;

    async fn admit(&self, stream: TcpStream) -> io::Result<(Stream, Client)> {
        let secured = self.secure(stream).await;
        secured.map_err(|refusal| self.plain.refuse(refusal))
    }

    fn speaks_http2(stream: &Stream) -> bool {
        stream.speaks_http2()
    }

    fn carries_websockets(stream: &Stream) -> bool {
        stream.speaks_only_http2()
    }
}

impl Door for PlainGate {
    type Stream = Guarded;

    async fn admit(&self, stream: TcpStream) -> io::Result<(Guarded, Client)> {
        let guarded = self.guard(stream).await;
        guarded.map_err(|refusal| self.refuse(refusal))
    }
}

impl AdminGate {
    /// Lets `most` connections in at a time, whose writes may wait for `write_timeout`.
    pub fn new(most: usize, write_timeout: Duration) -> AdminGate {
        AdminGate {
            write_timeout,
            slots: Arc::new(Semaphore::new(most)),
        }
    }
}

impl Door for AdminGate {
    type Stream = Guarded;

    async fn admit(&self, stream: TcpStream) -> io::Result<(Guarded, Client)> {
        let slot = self.slots.clone().try_acquire_owned();
        let slot = slot.map_err(|_| io::Error::other("enough connections to the admin port"))?;
        let address = stream.peer_addr()?.ip();
        equip(&stream)?;
        let stream = Guarded::new(stream, self.write_timeout, Admission::Operator(slot));
        let client = Client {
            address,
            proxy: false,
        };
        Ok((stream, client))
    }
}
