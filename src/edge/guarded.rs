//! A TCP stream that gives up when the other side stops reading.
//!
//! It sits below TLS and below every transport, so whatever hangs on a client that takes nothing any more is let go the same
//! way, whoever wrote the code above.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::gate::Admission;

/// A client's TCP connection.
#[derive(Debug)]
pub struct Guarded {
    stream: TcpStream,
    patience: Duration,
    /// Runs while a write waits for the client to read.
    stalled: Option<Pin<Box<Sleep>>>,
    dead: bool,
    /// Keeps the connection counted for as long as it is open.
    admission: Admission,
}

impl Guarded {
    /// Guards a stream: a write that makes no progress for `patience` is the end of it.
    pub fn new(stream: TcpStream, patience: Duration, admission: Admission) -> Guarded {
        Guarded {
            stream,
            patience,
            stalled: None,
            dead: false,
            admission,
        }
    }

    fn progress<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let due = Instant::now() + self.patience;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(sleep_until(due)));
        ready!(stalled.as_mut().poll(cx));
        self.dead = true;
        let socket = SockRef::from(&self.stream);
        // What is unsent is worth nothing to a client that does not read: reset, so that the kernel frees it at once. The
        // shutdown wakes whoever is waiting to read.
        let _ = socket.set_linger(Some(Duration::ZERO));
        let _ = socket.shutdown(std::net::Shutdown::Both);
        Poll::Ready(Err(stall()))
    }
}

fn stall() -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        "the client does not read what it is sent",
    )
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.dead {
            return Poll::Ready(Err(stall()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.admission.hear(&buffer.filled()[before..]);
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
            return Poll::Ready(Err(stall()));
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.progress(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.dead {
            return Poll::Ready(Err(stall()));
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.progress(cx, written)
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
