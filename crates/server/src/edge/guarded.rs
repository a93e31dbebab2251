//! A TCP stream that fails when the client stops reading, or sends TLS messages that do not end.
//!
//! It lies below TLS and below every transport. So a client that does not read is disconnected in the same way whatever
//! code writes to it, and none of that code needs a timeout of its own.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::addresses::Presence;
use super::admission::Admission;
use crate::transport::progress::{Stall, stalled};

/// How long a client's first TLS message may be, in bytes. rustls would buffer up to 64 KiB of an incomplete message,
/// and 4 KiB more. The messages of browsers have 2 KiB, with post-quantum keys.
const HELLO: u32 = 4 * 1024;
/// How many bytes may come after that before there is something to read in them: the rest of a handshake, and one
/// record, which has at most 18 KiB.
const RECORD: u32 = 24 * 1024;

/// A client's TCP connection.
#[derive(Debug)]
pub struct Guarded {
    stream: TcpStream,
    stall: Stall,
    dead: bool,
    /// The bytes that TLS has read and not decoded; none if there is no TLS.
    undecoded: Option<Undecoded>,
    /// Counts the connection in the limits for as long as it is open.
    admission: Admission,
}

/// Counts bytes that TLS must buffer because nothing could be decoded from them yet.
#[derive(Debug)]
struct Undecoded {
    bytes: u32,
    most: u32,
}

/// The error of a TLS message that does not end.
#[derive(Debug, thiserror::Error)]
#[error("a TLS message is longer than any that means well")]
pub struct Oversized;

impl Guarded {
    /// A stream whose writes fail when they make no progress for `patience`.
    pub fn new(stream: TcpStream, patience: Duration, admission: Admission) -> Guarded {
        Guarded {
            stream,
            stall: Stall::new(patience),
            dead: false,
            undecoded: None,
            admission,
        }
    }

    /// The same stream for use below TLS, with a limit on what TLS must buffer.
    #[must_use]
    pub fn below_tls(mut self) -> Guarded {
        self.undecoded = Some(Undecoded {
            bytes: 0,
            most: HELLO,
        });
        self
    }

    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let (Poll::Ready(Ok(_)), Some(undecoded)) = (&written, &mut self.undecoded)
            && undecoded.most == HELLO
        {
            // The server answers only a complete hello, so a record may follow.
            *undecoded = Undecoded {
                bytes: 0,
                most: RECORD,
            };
        }
        if !self.stall.is_over(cx, written.is_pending()) {
            return written;
        }
        self.dead = true;
        let socket = SockRef::from(&self.stream);
        // A client that does not read will not take what is unsent: a reset makes the kernel free it at once. The
        // shutdown wakes a task that waits to read.
        let _ = socket.set_linger(Some(Duration::ZERO));
        let _ = socket.shutdown(std::net::Shutdown::Both);
        Poll::Ready(Err(stalled()))
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.dead {
            return Poll::Ready(Err(stalled()));
        }
        let Guarded {
            stream,
            undecoded,
            admission,
            ..
        } = &mut *self;
        if undecoded
            .as_ref()
            .is_some_and(|undecoded| undecoded.bytes >= undecoded.most)
        {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, Oversized)));
        }
        let before = buffer.filled().len();
        let read = Pin::new(stream).poll_read(cx, buffer);
        let come = &buffer.filled()[before..];
        if !come.is_empty() {
            admission.hear(come);
        }
        if let Some(undecoded) = undecoded {
            undecoded.bytes += come.len() as u32;
        }
        read
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.dead {
            return Poll::Ready(Err(stalled()));
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.dead {
            return Poll::Ready(Err(stalled()));
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// TLS over a client's TCP connection: what every transport runs over. It writes as `TlsStream` does; it exists for
/// `poll_read`, which tells the [`Guarded`] below that something was decoded.
#[derive(Debug)]
pub struct SecureStream {
    stream: TlsStream<Guarded>,
    /// Counts a connection of HTTP/2. Boxed, because most connections have none.
    _http2: Option<Box<Presence>>,
    only_http2: bool,
}

impl SecureStream {
    /// A stream after its handshake. It holds `http2` if the client has chosen HTTP/2. `only_http2` says that the
    /// client did not offer HTTP/1.1.
    pub fn new(
        stream: TlsStream<Guarded>,
        http2: Option<Presence>,
        only_http2: bool,
    ) -> SecureStream {
        let chosen = speaks_http2(&stream);
        SecureStream {
            stream,
            _http2: http2.filter(|_| chosen).map(Box::new),
            only_http2,
        }
    }

    /// Whether the client can speak nothing but HTTP/2.
    pub fn speaks_only_http2(&self) -> bool {
        self.only_http2 && self.speaks_http2()
    }

    /// Whether the client has chosen HTTP/2.
    pub fn speaks_http2(&self) -> bool {
        speaks_http2(&self.stream)
    }
}

fn speaks_http2(stream: &TlsStream<Guarded>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(b"h2")
}

impl AsyncRead for SecureStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before
            && let Some(undecoded) = &mut self.stream.get_mut().0.undecoded
        {
            undecoded.bytes = 0;
        }
        read
    }
}

impl AsyncWrite for SecureStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
