//! The connections of the HTTPS listener: accepts them, serves HTTP with timeouts, and ends them when the server stops.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::debug;

use super::addresses::Caller;
use super::answers::{Answers, Timeouts};
use super::gate::Gate;
use super::guarded::SecureStream;
use super::http2;
use super::newcomer::Newcomers;
use crate::transport::connect;

/// The longest headers of a request in bytes, the least that hyper accepts. No request needs a cookie here, and
/// browsers send 1 KiB.
pub const HEADERS: usize = 8 * 1024;
/// How long to wait when the process has no free descriptors. Without a pause, accepting would fail again at once, in a
/// busy loop.
const NO_DESCRIPTORS: Duration = Duration::from_millis(50);

/// The open connections, and how they are ended; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Connections {
    tasks: TaskTracker,
    finishing: CancellationToken,
    cut: CancellationToken,
}

impl Connections {
    /// Asks each to finish its requests in progress.
    pub fn finish(&self) {
        self.finishing.cancel();
    }

    /// Ends all at once.
    pub fn cut(&self) {
        self.finishing.cancel();
        self.cut.cancel();
    }

    /// Waits until there are none. Connections that have become WebSockets do not count.
    pub async fn gone(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Accepts connections until they are asked to finish. Each is a newcomer until its first request.
pub async fn serve(
    listener: TcpListener,
    gate: Gate,
    answers: impl Answers,
    newcomers: Newcomers,
    timeouts: Timeouts,
    connections: Connections,
) {
    loop {
        let (stream, peer) = tokio::select! {
            // Biased, here and below: once the server stops, no more is begun, even if a flood of connections waits.
            biased;
            () = connections.finishing.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    debug!(%error, "no connection can be accepted");
                    time::sleep(NO_DESCRIPTORS).await;
                    continue;
                }
            }
        };
        let answers = newcomers.welcome(answers.clone());
        connections.tasks.spawn(converse(
            gate.clone(),
            stream,
            peer,
            answers,
            timeouts,
            connections.clone(),
        ));
    }
}

/// A connection that has been let in, as a boxed future. A future is as large as its largest step, for as long as it
/// lives: the handshake needs 4 KiB here and HTTP another 4 KiB. In boxes, each is freed when it is over, so a
/// connection costs only what it does now.
type ServedConnection = Pin<Box<dyn Future<Output = ()> + Send>>;

async fn converse(
    gate: Gate,
    stream: TcpStream,
    peer: SocketAddr,
    answers: impl Answers,
    timeouts: Timeouts,
    connections: Connections,
) {
    let Connections { finishing, cut, .. } = connections;
    let ends = finishing.clone();
    let begun = Box::pin(async move {
        match gate.admit(stream).await {
            Ok((stream, caller)) => Some(begin(stream, caller, answers, timeouts, finishing)),
            Err(error) => {
                refused(Some(&peer), &error);
                None
            }
        }
    });
    let conversation = tokio::select! {
        biased;
        () = ends.cancelled() => return,
        begun = begun => begun,
    };
    if let Some(conversation) = conversation {
        tokio::select! {
            biased;
            () = cut.cancelled() => {}
            () = conversation => {}
        }
    }
}

/// Logs a connection that was refused or failed in its handshake: by a scanner, a limit, or a client that gave up. The
/// address is personal data, so it is logged at `debug` only.
pub(super) fn refused(peer: Option<&SocketAddr>, error: &io::Error) {
    let peer = peer.map(|peer| SocketAddr::new(peer.ip().to_canonical(), peer.port()));
    debug!(?peer, %error, "connection refused");
}

fn begin(
    stream: SecureStream,
    caller: Caller,
    answers: impl Answers,
    timeouts: Timeouts,
    finishing: CancellationToken,
) -> ServedConnection {
    if stream.speaks_http2() {
        // WebSockets over HTTP/2 (RFC 8441) are offered only to a client that speaks nothing else. A browser that has HTTP/1.1
        // as well would put a page's WebSocket on the connection the page came by. When that connection stalls, the browser
        // waits half a minute before it opens another one, and the player waits with it.
        let websockets = stream.speaks_only_http2();
        Box::pin(http2::converse(
            stream, caller, answers, timeouts, websockets, finishing,
        ))
    } else {
        Box::pin(converse_http1(stream, caller, answers, timeouts, finishing))
    }
}

/// Serves HTTP/1. Headers are bounded in length and time, and so is the time to the next request. hyper reads no
/// further request while an answer waits to be written, so requests without reading the answers cost no memory.
async fn converse_http1(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    caller: Caller,
    answers: impl Answers,
    timeouts: Timeouts,
    finishing: CancellationToken,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let answers = answers.clone();
        async move {
            let mut request = request.map(Body::new);
            if connect::is_connect(&request) {
                return Ok(connect::no_proxy());
            }
            request.extensions_mut().insert(caller);
            answers.oneshot(request).await
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timeouts.request)
        .max_buf_size(HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        biased;
        () = finishing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        ended = connection.as_mut() => ended,
    };
    if let Err(error) = ended {
        debug!(%error, "connection ended");
    }
}
