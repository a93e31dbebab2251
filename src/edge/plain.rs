//! Serves a listener without TLS, the one that redirects or the admin's, by `axum_server`: HTTP/1 and nothing else, in
//! bounded time.

use std::io;
use std::net::{SocketAddr, TcpListener};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::middleware::{self, AddExtension, Next};
use axum_server::Handle;
use axum_server::accept::Accept;
use hyper_util::rt::TokioTimer;
use tokio::net::TcpStream;
use tracing::warn;

use super::addresses::Client;
use super::guarded::Guarded;
use super::newcomer::Newcomers;
use super::serve::{Answers, HEADERS, Timeouts, refused};
use crate::transport::connect;

/// Serves the listener until its handle says that it is over. The door lets connections in, of which each is a newcomer first.
///
/// The headers of a request come in bounded time, as does the next request, and are of bounded length; answers are taken in
/// bounded time, by the stream that the door makes.
pub fn serve<D>(
    listener: TcpListener,
    door: D,
    answers: Router,
    newcomers: &Newcomers,
    timeouts: Timeouts,
    handle: Handle<SocketAddr>,
) -> io::Result<impl Future<Output = ()> + Send + 'static>
where
    D: Accept<TcpStream, Answers, Stream = Guarded, Service = AddExtension<Answers, Client>>,
    D: Clone + Send + Sync + 'static,
    D::Future: Send,
{
    let mut server = axum_server::from_tcp(listener)?
        .acceptor(door)
        .handle(handle)
        .http1_only()
        .first_request_timeout(timeouts.request)
        .accept_error_handler(|peer, error| {
            if let Some(peer) = peer {
                refused(*peer, error);
            }
        });
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(timeouts.request)
        .max_buf_size(HEADERS);
    let serving = server.serve(newcomers.serving(answers.layer(middleware::from_fn(no_proxy))));
    Ok(async move {
        if let Err(error) = serving.await {
            warn!(%error, "a listener ended badly");
        }
    })
}

async fn no_proxy(request: Request<Body>, next: Next) -> Response<Body> {
    if connect::is_connect(&request) {
        return connect::no_proxy();
    }
    next.run(request).await
}
