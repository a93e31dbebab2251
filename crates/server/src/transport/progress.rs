//! Detects clients that do not read what they are sent. With HTTP/1 the socket shows it. A stream of HTTP/2 waits for
//! the client's flow-control window instead, which no socket shows.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep_until};

/// Watches the writes to one stream, and notices one that waits for too long.
#[derive(Debug)]
pub struct Stall {
    patience: Duration,
    /// The timer of the write that waits. It is boxed because most of the time no write waits.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    /// A write may wait for `patience` without any progress.
    pub fn new(patience: Duration) -> Stall {
        Stall {
            patience,
            waiting: None,
        }
    }

    /// Whether a write has waited for too long. Call it after each write, with whether that write is pending; it wakes
    /// the task when the time is over.
    pub fn is_over(&mut self, cx: &mut Context<'_>, waits: bool) -> bool {
        if !waits {
            self.waiting = None;
            return false;
        }
        let due = Instant::now() + self.patience;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(sleep_until(due)));
        waiting.as_mut().poll(cx).is_ready()
    }
}

/// The error of a write that has waited for too long.
pub fn stalled() -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        "the client does not read what it is sent",
    )
}

/// Whether the client makes progress on one stream of HTTP/2: takes what waits for it. Shared by the task that runs the
/// stream, which resets it when the time is over, and the body or WebSocket that fills it.
#[derive(Debug)]
pub struct Progress {
    patience: Duration,
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Since when data waits without the client taking any; none while none waits.
    since: Option<Instant>,
    /// Whether the stream's WebSocket has ended: then nothing more is written, and the client must take the rest.
    last: bool,
}

impl Progress {
    /// The progress of a stream on which nothing waits. Data may wait for `patience` later.
    pub fn new(patience: Duration) -> Arc<Progress> {
        Arc::new(Progress {
            patience,
            waiting: Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// Data waits from now on, or the client has just taken a piece of it: the time begins again.
    pub fn start_waiting(&self) {
        self.waiting().since = Some(Instant::now());
        self.changed.notify_one();
    }

    /// No data waits.
    pub fn stop_waiting(&self) {
        let mut waiting = self.waiting();
        if !waiting.last {
            waiting.since = None;
        }
    }

    fn end(&self) {
        self.waiting().last = true;
        self.start_waiting();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn due(&self) -> Option<Instant> {
        Some(self.waiting().since? + self.patience)
    }

    /// Returns when data has waited for too long.
    pub async fn stalled(&self) {
        loop {
            match self.due() {
                None => self.changed.notified().await,
                Some(due) if due <= Instant::now() => return,
                Some(due) => sleep_until(due).await,
            }
        }
    }
}

/// A WebSocket on a stream of HTTP/2, for as long as it is served. When it is dropped, the client must take the rest of
/// the data within the timeout.
#[derive(Debug)]
pub struct Tunnel {
    progress: Arc<Progress>,
    slot: Arc<AtomicBool>,
    holds_slot: bool,
}

impl Tunnel {
    /// A tunnel through a stream. The limits count a connection once, so its first tunnel uses that slot and any other
    /// needs one of its own: `slot` is shared by the tunnels of one connection and says whether the slot is in use.
    pub fn new(progress: Arc<Progress>, slot: Arc<AtomicBool>) -> Tunnel {
        Tunnel {
            progress,
            holds_slot: !slot.swap(true, Ordering::Relaxed),
            slot,
        }
    }

    /// Whether it uses the slot of its connection. Otherwise it needs one of its own.
    pub fn holds_slot(&self) -> bool {
        self.holds_slot
    }

    /// Wraps the stream, so that writes fail when the client opens no window for too long.
    pub fn guard<S>(&self, stream: S) -> Patient<S> {
        Patient {
            stream,
            stall: Stall::new(self.progress.patience),
        }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.progress.end();
        if self.holds_slot {
            self.slot.store(false, Ordering::Relaxed);
        }
    }
}

/// A stream whose writes fail when they wait for too long.
#[derive(Debug)]
pub struct Patient<S> {
    stream: S,
    stall: Stall,
}

impl<S> Patient<S> {
    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.stall.is_over(cx, written.is_pending()) {
            return Poll::Ready(Err(stalled()));
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(50);

    fn tunnel(progress: &Arc<Progress>) -> Tunnel {
        Tunnel::new(progress.clone(), Arc::default())
    }

    #[tokio::test]
    async fn write_that_waits_too_long_fails() {
        let (ours, mut theirs) = duplex(4);
        let mut ours = tunnel(&Progress::new(PATIENCE)).guard(ours);
        let error = ours.write_all(b"too much").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        // What was written before can be read, and later writes succeed again.
        let mut read = [0; 4];
        theirs.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"too ");
        ours.write_all(b"much").await.unwrap();
    }

    #[tokio::test]
    async fn each_piece_taken_restarts_the_timeout() {
        let progress = Progress::new(PATIENCE);
        assert_eq!(progress.due(), None);
        progress.start_waiting();
        let first = progress.due().unwrap();
        sleep_until(first).await;
        progress.start_waiting();
        assert!(progress.due().unwrap() >= first + PATIENCE);
        progress.stalled().await;
        assert!(Instant::now() >= first + PATIENCE);
    }

    #[tokio::test]
    async fn nothing_stalls_while_nothing_waits_until_the_tunnel_ends() {
        let progress = Progress::new(PATIENCE);
        let tunnel = tunnel(&progress);
        progress.start_waiting();
        progress.stop_waiting();
        let waiting = tokio::spawn({
            let progress = progress.clone();
            async move { progress.stalled().await }
        });
        tokio::task::yield_now().await;
        assert_eq!(progress.due(), None);
        drop(tunnel);
        // After the end of the tunnel its rest must be taken, whatever the body says.
        progress.stop_waiting();
        waiting.await.unwrap();
    }

    #[test]
    fn one_tunnel_at_a_time_uses_the_slot_of_its_connection() {
        let slot = Arc::new(AtomicBool::default());
        let tunnel = || Tunnel::new(Progress::new(PATIENCE), slot.clone());
        let (first, second) = (tunnel(), tunnel());
        assert!(first.holds_slot() && !second.holds_slot());
        drop(second);
        assert!(!tunnel().holds_slot());
        drop(first);
        assert!(tunnel().holds_slot());
    }
}
