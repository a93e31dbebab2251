//! Connections that have not sent their first request yet. A stopping server waits for them: those accepted just before
//! would be cut off otherwise, in the middle of a handshake.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tower::Service;

/// Counts newcomers; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Newcomers(TaskTracker);

impl Newcomers {
    /// Wraps the service of a connection that was just accepted. The connection is a newcomer until its first request
    /// comes or it is closed.
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

/// The service of one connection, which is a newcomer until the service is called.
#[derive(Debug, Clone)]
pub struct Newcomer<S> {
    service: S,
    /// Shared, because each request is served by a clone.
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
