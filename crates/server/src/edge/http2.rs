//! One connection of HTTP/2. What a client may keep the server waiting for, or have it keep, is bounded: streams at a time,
//! what is sent unasked, what is asked and not taken, and time without any request.

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

/// Requests and WebSockets at a time; the page has a handful.
const STREAMS: u32 = 16;
/// How long a client may leave a ping unanswered, and how often it is asked.
const PING: Duration = Duration::from_secs(30);
/// The longest headers of a request, in bytes.
const HEADERS: u32 = 8 * 1024;
/// Bytes of a request's body, or of a WebSocket, that a client may send before they are read: a message of common size.
const STREAM_WINDOW: u32 = 32 * 1024;
/// The same for all of a connection together. The protocol knows no less at its beginning.
const CONNECTION_WINDOW: u32 = 64 * 1024 - 1;
/// Bytes of an answer that wait for the client's window at a time. A client takes each piece in bounded time.
const PIECE: usize = 16 * 1024;

tokio::task_local! {
    /// How the client takes what the stream of this task sends.
    static PROGRESS: Arc<Progress>;
}

/// Serves it until the client has gone, asks nothing for too long, or `finishing` and all is answered.
pub async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    caller: Caller,
    answers: impl Answers,
    timeouts: Timeouts,
    websockets: bool,
    finishing: CancellationToken,
) {
    let streams = Streams::none();
    let service = service_fn(|request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(caller);
        // In a box, which goes when the answer begins: while a client takes it, little is kept.
        Box::pin(answer(answers.clone(), request, streams.clone()))
    });
    let carrier = Carrier {
        patience: timeouts.write,
        streams: streams.clone(),
    };
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
    let connection = builder.serve_connection(TokioIo::new(stream), service);
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
        // Tells the client to ask elsewhere, and waits for what it has asked meanwhile.
        connection.as_mut().graceful_shutdown();
    }
}

/// Answers one request, so that the stream's task notices when the client does not take the answer.
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
            let tunnel = Tunnel::new(progress.clone(), streams.seat.clone());
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

/// The streams of one connection.
#[derive(Debug)]
struct Streams {
    open: Mutex<OpenStreams>,
    /// Whether there has ever been one.
    asked: AtomicBool,
    /// Whether a WebSocket has the place in the limits that the connection holds.
    seat: Arc<AtomicBool>,
}

#[derive(Debug)]
struct OpenStreams {
    streams: usize,
    /// When the last one ended.
    since: Instant,
}

impl Streams {
    fn none() -> Arc<Streams> {
        Arc::new(Streams {
            open: Mutex::new(OpenStreams {
                streams: 0,
                since: Instant::now(),
            }),
            asked: AtomicBool::default(),
            seat: Arc::default(),
        })
    }

    fn enter(self: &Arc<Self>) -> Entered {
        self.change(|open| open.streams += 1);
        Entered(self.clone())
    }

    fn change<T>(&self, change: impl FnOnce(&mut OpenStreams) -> T) -> T {
        change(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns when there has been none for so long.
    async fn idle(&self, patience: Duration) {
        loop {
            // While there are some, it is looked again later: a timer set anew with each request would cost more.
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

/// Keeps a stream counted.
struct Entered(Arc<Streams>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.change(|open| {
            open.streams -= 1;
            open.since = Instant::now();
        });
    }
}

/// Runs the tasks of a connection's streams, each until its client has left something untaken for too long: the stream is
/// reset then. The others of the connection do not notice.
#[derive(Debug, Clone)]
struct Carrier {
    patience: Duration,
    streams: Arc<Streams>,
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Carrier {
    fn execute(&self, stream: F) {
        // The task of a WebSocket is begun by that of its request, in which the answer has just been taken.
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

/// A body in pieces, so that it shows when the client has taken one. hyper hands a piece over as soon as the client's window
/// has a byte for it, and h2 keeps the rest: so the last byte goes alone, and only when all before it has been taken.
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
            // Nothing waits for the client while nothing is there.
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
        let streams = Streams::none();
        let stream = streams.enter();
        let idle = time::timeout(patience * 5, streams.idle(patience)).await;
        assert!(idle.is_err(), "a stream is open");
        let ended = Instant::now();
        drop(stream);
        streams.idle(patience).await;
        assert!(ended.elapsed() >= patience);
    }
}
