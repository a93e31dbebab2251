//! Connections that have not been answered anything yet. When the server stops, they are waited for: whoever was let in just
//! before would be cut off otherwise, and has done nothing to deserve it.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tower::Service;

/// Counts newcomers; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Newcomers(TaskTracker);

impl Newcomers {
    /// Makes the service of a connection that has just been accepted. It is new until its first request is there or it is
    /// closed.
    pub fn welcome<S>(&self, service: S) -> Newcomer<S> {
        Newcomer {
            service,
            new: Arc::new(Mutex::new(Some(self.0.token()))),
        }
    }

    /// Waits until there are none.
    pub async fn gone(&self) {
        self.0.close();
        self.0.wait().await;
    }
}

/// The service of one connection, new until it is called.
#[derive(Debug, Clone)]
pub struct Newcomer<S> {
    service: S,
    /// Shared: each request is served by a clone.
    new: Arc<Mutex<Option<TaskTrackerToken>>>,
}

impl<S: Service<R>, R> Service<R> for Newcomer<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> S::Future {
        drop(
            self.new
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        self.service.call(request)
    }
}
