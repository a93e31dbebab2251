//! One connection of HTTP/2. All that a client can make the server hold or wait for is limited: streams, data that is
//! sent but not read, answers that are not taken, and time without a request.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tracing::debug;

use super::addresses::Caller;
use super::answers::{Answers, Timeouts};
use crate::transport::connect;
use crate::transport::progress::{Progress, Tunnel};

/// How many requests and WebSockets there may be at a time. The page needs a handful.
const STREAMS: u32 = 16;
/// How often a client is pinged, and how long it may take to answer.
const PING: Duration = Duration::from_secs(30);
/// The longest headers of a request, in bytes.
const HEADERS: u32 = 8 * 1024;
/// How many bytes of a body or WebSocket a client may send before they are read. A message of common size fits.
const STREAM_WINDOW: u32 = 32 * 1024;
/// The same for the whole connection: the initial value of the protocol, which a server cannot lower (RFC 9113, 6.9.2).
const CONNECTION_WINDOW: u32 = 64 * 1024 - 1;
/// How many bytes of an answer wait for the client's window at a time. The client must take each piece within the write
/// timeout.
const PIECE: usize = 16 * 1024;

tokio::task_local! {
    /// Whether the client takes what the stream of this task sends.
    static PROGRESS: Arc<Progress>;
}

/// Serves a connection until the client is gone, or has sent no request for too long, or `finishing` is cancelled and
/// every request is answered.
pub async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    caller: Caller,
    answers: impl Answers,
    timeouts: Timeouts,
    websockets: bool,
    finishing: CancellationToken,
) {
    let streams = Streams::new();
    let service = service_fn(|request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(caller);
        // Boxed, so that this memory is freed when the answer begins: a client may take the body slowly.
        Box::pin(answer(answers.clone(), request, streams.clone()))
    });
    let carrier = Carrier {
        patience: timeouts.write,
        streams: streams.clone(),
    };
    let connection = builder(carrier, websockets).serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut leaving = false;
    loop {
        let patience = if leaving {
            timeouts.write
        } else {
            timeouts.request
        };
        let idle = pin!(streams.idle(patience));
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    debug!(%error, "connection ended");
                }
                return;
            }
            () = finishing.cancelled(), if !leaving => {}
            () = idle => {
                if leaving || !streams.asked.load(Ordering::Relaxed) {
                    debug!("connection idle");
                    return;
                }
            }
        }
        leaving = true;
        // Tells the client to send no more requests here, and waits for those it has sent meanwhile.
        connection.as_mut().graceful_shutdown();
    }
}

/// A server of HTTP/2 with our limits.
fn builder(carrier: Carrier, websockets: bool) -> http2::Builder<Carrier> {
    let mut builder = http2::Builder::new(carrier);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADERS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(PIECE)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    if websockets {
        builder.enable_connect_protocol();
    }
    builder
}

/// Answers one request. The body reports its progress, so that the stream's task notices a client that does not take
/// it.
async fn answer<A: Answers>(
    answers: A,
    mut request: Request<Body>,
    streams: Arc<Streams>,
) -> Result<Response<Body>, A::Error> {
    streams.asked.store(true, Ordering::Relaxed);
    let progress = PROGRESS.with(Arc::clone);
    let connects = connect::is_connect(&request);
    let mut response = if connects {
        if let Some(refusal) = connect::as_handshake(&mut request) {
            refusal
        } else {
            let tunnel = Tunnel::new(progress.clone(), streams.slot.clone());
            request.extensions_mut().insert(Arc::new(tunnel));
            answers.oneshot(request).await?
        }
    } else {
        answers.oneshot(request).await?
    };
    if connects {
        connect::as_answer(&mut response);
    }
    progress.start_waiting();
    Ok(response.map(|body| {
        Body::new(Pieces {
            body,
            rest: Bytes::new(),
            progress,
        })
    }))
}

/// The open streams of one connection.
#[derive(Debug)]
struct Streams {
    open: Mutex<OpenStreams>,
    /// Whether there has ever been one.
    asked: AtomicBool,
    /// Whether a WebSocket uses the connection's slot in the limits.
    slot: Arc<AtomicBool>,
}

#[derive(Debug)]
struct OpenStreams {
    streams: usize,
    /// When the last stream ended.
    since: Instant,
}

impl Streams {
    fn new() -> Arc<Streams> {
        Arc::new(Streams {
            open: Mutex::new(OpenStreams {
                streams: 0,
                since: Instant::now(),
            }),
            asked: AtomicBool::default(),
            slot: Arc::default(),
        })
    }

    fn enter(self: &Arc<Self>) -> Entered {
        self.change(|open| open.streams += 1);
        Entered(self.clone())
    }

    fn change<T>(&self, change: impl FnOnce(&mut OpenStreams) -> T) -> T {
        change(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns when there has been no stream for `patience`.
    async fn idle(&self, patience: Duration) {
        loop {
            // While streams are open, this only checks again later. A timer that is reset for each request would cost
            // more.
            let now = Instant::now();
            let due = self.change(|open| match open.streams {
                0 => open.since + patience,
                _ => now + patience,
            });
            if due <= now {
                return;
            }
            sleep_until(due).await;
        }
    }
}

/// Keeps a stream counted until it is dropped.
struct Entered(Arc<Streams>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.change(|open| {
            open.streams -= 1;
            open.since = Instant::now();
        });
    }
}

/// Runs the task of each stream until it ends, or until its client has taken nothing for too long. Then the stream is
/// reset, and the others of the connection go on.
#[derive(Debug, Clone)]
struct Carrier {
    patience: Duration,
    streams: Arc<Streams>,
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Carrier {
    fn execute(&self, stream: F) {
        // hyper starts the task of a WebSocket within that of its request, whose answer the client has just taken: both
        // share one `Progress`.
        let progress = match PROGRESS.try_with(Arc::clone) {
            Ok(progress) => {
                progress.stop_waiting();
                progress
            }
            Err(_) => Progress::new(self.patience),
        };
        let entered = self.streams.enter();
        let mut stream = Box::pin(PROGRESS.scope(progress.clone(), stream));
        tokio::spawn(async move {
            let _entered = entered;
            tokio::select! {
                biased;
                () = stream.as_mut() => {}
                () = progress.stalled() => debug!("stream not taken"),
            }
        });
    }
}

/// A body in pieces, which shows whether the client takes it. hyper passes a piece to h2 as soon as the client's window
/// has one byte for it, and h2 buffers the rest. So the last byte is a piece of its own: it is asked for only when the
/// client has taken all before it.
struct Pieces {
    body: Body,
    rest: Bytes,
    progress: Arc<Progress>,
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            // While the body has no data yet, nothing waits for the client.
            self.progress.stop_waiting();
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                end => return Poll::Ready(end),
            }
        }
        let left = self.rest.len();
        let piece = self.rest.split_to(match left {
            0 | 1 => left,
            _ => PIECE.min(left - 1),
        });
        self.progress.start_waiting();
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let body = self.body.size_hint();
        let mut all = SizeHint::new();
        all.set_lower(body.lower() + rest);
        if let Some(upper) = body.upper() {
            all.set_upper(upper + rest);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time;

    use super::*;

    #[tokio::test]
    async fn last_byte_of_a_body_is_a_piece_of_its_own() {
        for (length, lengths) in [
            (0, vec![]),
            (1, vec![1]),
            (300, vec![299, 1]),
            (PIECE * 2, vec![PIECE, PIECE - 1, 1]),
        ] {
            let body = Body::from(vec![7; length]);
            let progress = Progress::new(Duration::from_secs(8));
            let mut body = Pieces {
                body,
                rest: Bytes::new(),
                progress,
            };
            assert_eq!(body.size_hint().exact(), Some(length as u64));
            let mut pieces = Vec::new();
            while !body.is_end_stream() {
                let next = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
                pieces.push(next.unwrap().unwrap().into_data().unwrap().len());
            }
            assert_eq!(pieces, lengths);
        }
    }

    #[tokio::test]
    async fn connection_without_streams_becomes_idle() {
        let patience = Duration::from_millis(20);
        let streams = Streams::new();
        let stream = streams.enter();
        let idle = time::timeout(patience * 5, streams.idle(patience)).await;
        assert!(idle.is_err(), "a stream is open");
        let ended = Instant::now();
        drop(stream);
        streams.idle(patience).await;
        assert!(ended.elapsed() >= patience);
    }
}
