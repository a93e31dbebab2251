//! The access log: one line for each request. It names the client's address only if that was asked for.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, Response};
use axum::middleware::Next;
use tracing::info;
use wulin_text::harmless;

use super::addresses::{Caller, Proxies};

/// The settings of the access log.
#[derive(Debug, Clone)]
pub struct AccessLog {
    /// Whether it names the client's address, which is personal data.
    pub addresses: bool,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub proxies: Proxies,
}

/// Logs a request when its answer begins. The query is left out, because it holds session ids.
pub async fn log(
    State(log): State<Arc<AccessLog>>,
    request: Request<Body>,
    next: Next,
) -> Response<Body> {
    let address = log.address(request.extensions().get::<Caller>(), request.headers());
    let method = request.method().clone();
    // The path is a stranger's text.
    let path = harmless(request.uri().path());
    let version = request.version();
    let started = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let took = started.elapsed();
    if let Some(address) = address {
        info!(target: "access", %method, path, ?version, status, ?took, %address, "request");
    } else {
        info!(target: "access", %method, path, ?version, status, ?took, "request");
    }
    response
}

impl AccessLog {
    fn address(&self, caller: Option<&Caller>, headers: &HeaderMap) -> Option<IpAddr> {
        let caller = caller.filter(|_| self.addresses)?;
        Some(caller.behind(headers, &self.proxies))
    }
}
