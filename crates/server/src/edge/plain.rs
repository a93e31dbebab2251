//! HTTP/1 without TLS, by axum-server: the plain port, which only redirects, and the admin port.
//!
//! HTTPS is served by [`super::serve`] instead, which bounds long connections and HTTP/2.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;

use axum::body::Body;
use axum::http::{Request, Response};
use axum::middleware::{self, AddExtension, Next};
use axum::{Extension, Router};
use axum_server::Handle;
use axum_server::accept::Accept;
use hyper_util::rt::TokioTimer;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tower::{Layer, service_fn};
use tracing::warn;

use super::addresses::Caller;
use super::answers::Timeouts;
use super::gate::Door;
use super::guarded::Guarded;
use super::newcomer::Newcomers;
use super::serve::{HEADERS, refused};
use crate::transport::connect;

/// Serves a listener until its handle ends it. Each connection is a newcomer until its first request.
pub fn serve<D: Door>(
    listener: TcpListener,
    door: D,
    routes: Router,
    newcomers: Newcomers,
    timeouts: Timeouts,
    handle: &Handle<SocketAddr>,
) -> io::Result<JoinHandle<()>> {
    let mut server = axum_server::from_tcp(listener)?
        .acceptor(Acceptor(door))
        .http1_only()
        .handle(handle.clone())
        .first_request_timeout(timeouts.request)
        .accept_error_handler(|peer: Option<&SocketAddr>, error: &io::Error| refused(peer, error));
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(timeouts.request)
        .max_buf_size(HEADERS);
    let routes = routes.layer(middleware::from_fn(no_proxy));
    let welcome = service_fn(move |_: SocketAddr| -> Ready<Result<_, Infallible>> {
        ready(Ok(newcomers.welcome(routes.clone())))
    });
    Ok(tokio::spawn(async move {
        if let Err(error) = server.serve(welcome).await {
            warn!(%error, "a listener ended badly");
        }
    }))
}

/// Refuses CONNECT, as HTTPS does.
async fn no_proxy(request: Request<Body>, next: Next) -> Response<Body> {
    if connect::is_connect(&request) {
        return connect::no_proxy();
    }
    next.run(request).await
}

/// Adapts a [`Door`] to axum-server's acceptor.
#[derive(Clone)]
struct Acceptor<D>(D);

type Accepting<T> =
    Pin<Box<dyn Future<Output = io::Result<(Guarded, AddExtension<T, Caller>)>> + Send>>;

impl<D: Door, T: Send + 'static> Accept<TcpStream, T> for Acceptor<D> {
    type Stream = Guarded;
    type Service = AddExtension<T, Caller>;
    type Future = Accepting<T>;

    fn accept(&self, stream: TcpStream, service: T) -> Self::Future {
        let Acceptor(door) = self.clone();
        Box::pin(async move {
            let (stream, caller) = door.admit(stream).await?;
            Ok((stream, Extension(caller).layer(service)))
        })
    }
}
