//! The service that answers the requests of a connection, and the timeouts of a connection.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use tower::Service;

/// A service that answers requests: a name for the long list of bounds that the routes fulfil.
pub trait Answers:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Answers for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// How long the server waits for a client.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For a request, without its body. A connection without any request is closed after the same time.
    pub request: Duration,
    /// For the client to take what it is sent.
    pub write: Duration,
}
