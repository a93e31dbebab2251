//! A TCP stream that gives up when the other side stops reading, and when it sends what TLS can make nothing of.
//!
//! It sits below TLS and below every transport, so whatever hangs on a client that takes nothing any more is let go the same
//! way, whoever wrote the code above.

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

/// How long a client's first TLS message may be, in bytes. rustls keeps what is not whole yet, up to 64 KiB of it, in a buffer
/// that has 4 KiB more. Those of browsers have 2 KiB, with the keys of post-quantum cryptography.
const HELLO: u32 = 4 * 1024;
/// What else may come before there is something to read in it, in bytes: the rest of a handshake with one record, which has
/// at most 18 KiB.
const RECORD: u32 = 24 * 1024;

/// A client's TCP connection.
#[derive(Debug)]
pub struct Guarded {
    stream: TcpStream,
    stall: Stall,
    dead: bool,
    /// What TLS above has read without anything coming of it.
    undecoded: Option<Undecoded>,
    /// Keeps the connection counted for as long as it is open.
    admission: Admission,
}

/// Bytes that TLS holds, at most.
#[derive(Debug)]
struct Undecoded {
    bytes: u32,
    most: u32,
}

/// A TLS message that does not end.
#[derive(Debug, thiserror::Error)]
#[error("a TLS message is longer than any that means well")]
pub struct Oversized;

impl Guarded {
    /// Guards a stream: a write that makes no progress for `patience` is the end of it.
    pub fn new(stream: TcpStream, patience: Duration, admission: Admission) -> Guarded {
        Guarded {
            stream,
            stall: Stall::new(patience),
            dead: false,
            undecoded: None,
            admission,
        }
    }

    /// The same below TLS, which may hold only so much of what the client sends.
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
            // It is answered, so the hello was whole.
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
        // What is unsent is worth nothing to a client that does not read: reset, so that the kernel frees it at once. The
        // shutdown wakes whoever is waiting to read.
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

/// TLS over a client's TCP connection: what every transport runs over.
#[derive(Debug)]
pub struct SecureStream {
    stream: TlsStream<Guarded>,
    /// Keeps a connection of HTTP/2 counted as such. In a box: most have none.
    _http2: Option<Box<Presence>>,
    only_http2: bool,
}

impl SecureStream {
    /// A stream after its handshake. If the client has chosen HTTP/2, it counts as `http2`. `only_http2` if it did not offer
    /// HTTP/1.1 beside it.
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

    /// Whether the client can speak nothing else than HTTP/2.
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
