//! Composition root: wires everything, and takes it apart again in the right order.

use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum_server::Handle;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustls::crypto::aws_lc_rs;
use tokio::task::JoinHandle;
use tokio::time;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use crate::config::{Config, HttpPort, Stage};
use crate::edge::acme::Acme;
use crate::edge::certificates::Resolver;
use crate::edge::gate::Gate;
use crate::edge::listen::{CannotListen, listen};
use crate::edge::renewal::Renewal;
use crate::edge::routes::{self, Site};
use crate::edge::{redirect, tls};
use crate::game::lobby::Lobby;
use crate::runtime::{Census, LobbyHandle, lobby};
use crate::transport::session::Hall;
use crate::transport::socketio::{self, SocketIoServer};

/// How long an idle HTTP/2 connection may leave a ping unanswered.
const HTTP2_PING: Duration = Duration::from_secs(30);
/// Requests one HTTP/2 connection may have under way; a browser has a handful.
const HTTP2_STREAMS: u32 = 64;
/// The longest headers of a request, in bytes; hyper takes no less.
const HEADERS: usize = 16 * 1024;

/// A running server.
pub struct Server {
    address: SocketAddr,
    http_address: Option<SocketAddr>,
    census: Arc<Census>,
    lobby: LobbyHandle,
    draining: CancellationToken,
    /// Tasks that serve clients.
    clients: TaskTracker,
    polling: SocketIoServer,
    /// None where the certificate is the server's own.
    renewal: Option<Arc<Renewal>>,
    /// None where the server fetches no certificates.
    acme: Option<Arc<Acme>>,
    handle: Handle<SocketAddr>,
    listeners: Vec<JoinHandle<io::Result<()>>>,
    drain_timeout: Duration,
}

impl Server {
    /// Opens the ports and starts to serve, within a tokio runtime. When it returns, clients are answered.
    pub fn start(config: &Config) -> anyhow::Result<Server> {
        let https = listen(config.listen, config.port)?;
        let address = https.local_addr().context("asking for the HTTPS port")?;
        let http = match config.http_port {
            Some(http_port) => open_http(config, http_port)?,
            None => None,
        };

        let random = aws_lc_rs::default_provider().secure_random;
        let mut seed = [0; 32];
        random
            .fill(&mut seed)
            .map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;

        let census = Arc::new(Census::default());
        let clients = TaskTracker::new();
        let draining = CancellationToken::new();
        // The lobby and its rooms end by themselves once nobody can reach them.
        let lobby = lobby::spawn(
            Lobby::new(config.rules, seed),
            census.clone(),
            &TaskTracker::new(),
        );
        let hall = Hall::new(
            lobby.clone(),
            config.limits,
            census.clone(),
            draining.clone(),
            clients.clone(),
        );
        let polling = socketio::serve(hall.clone(), config.socketio_paths[0].clone());
        let trusted = Arc::new(AtomicBool::new(config.stage == Stage::Production));
        let site = Site {
            hall,
            base_path: config.base_path.clone(),
            socketio_paths: config.socketio_paths.clone(),
            polling: polling.service.clone(),
            random,
            hsts: trusted.clone(),
        };
        let certificates = Arc::new(Resolver::new(&config.certificates));
        let renewal = renewal(config, &certificates);
        if let Some(renewal) = renewal.clone() {
            clients.spawn(renewal.watch(draining.clone()));
        }
        let acme = acme(config, &certificates, trusted)?;
        if let Some(acme) = acme.clone() {
            clients.spawn(acme.run(http.is_some(), draining.clone()));
        }
        let tls = match &acme {
            Some(acme) => tls::server_config(acme.certificates(), true)?,
            None => tls::server_config(certificates, false)?,
        };
        let gate = Gate::new(tls, config.gate, census.clone());
        let handle = Handle::new();

        let mut server = axum_server::from_tcp(https)
            .context("listening for HTTPS")?
            .acceptor(gate.clone())
            .handle(handle.clone())
            .first_request_timeout(config.request_timeout)
            .accept_error_handler(refused);
        let builder = server.http_builder();
        bound_http1(builder, config.request_timeout);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(HTTP2_STREAMS)
            .keep_alive_interval(HTTP2_PING)
            .keep_alive_timeout(HTTP2_PING);
        let mut listeners = vec![tokio::spawn(
            server.serve(routes::router(site).into_make_service()),
        )];

        let mut http_address = None;
        if let Some(http) = http {
            http_address = Some(http.local_addr().context("asking for the HTTP port")?);
            let mut server = axum_server::from_tcp(http)
                .context("listening for HTTP")?
                .acceptor(gate.plain())
                .handle(handle.clone())
                .first_request_timeout(config.request_timeout)
                .accept_error_handler(refused);
            bound_http1(server.http_builder(), config.request_timeout);
            let router = plain_router(address.port(), acme.as_deref());
            listeners.push(tokio::spawn(server.serve(router.into_make_service())));
        }
        Ok(Server {
            address,
            http_address,
            census,
            lobby,
            draining,
            clients,
            polling,
            renewal,
            acme,
            handle,
            listeners,
            drain_timeout: config.drain_timeout,
        })
    }

    /// Where HTTPS is answered.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where plain HTTP is redirected, if anywhere.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http_address
    }

    /// How many there are of everything.
    pub fn census(&self) -> &Arc<Census> {
        &self.census
    }

    /// Reads the certificates again. New handshakes get what is there now; what cannot be used is said in the log. What
    /// could not be fetched is tried again.
    pub async fn reload(&self) {
        if let Some(acme) = &self.acme {
            acme.wake();
        }
        if let Some(renewal) = &self.renewal {
            renewal.reload().await;
        }
    }

    /// Stops: no new connection, rounds in progress are finished, everybody gets a proper close. Takes no longer than the
    /// drain time-out.
    pub async fn drain(self) {
        let started = time::Instant::now();
        let deadline = started + self.drain_timeout;
        info!(
            people = self.census.counts().people,
            rooms = self.census.counts().rooms,
            "draining"
        );
        // Listeners close and requests under way finish; upgraded connections are beyond its sight.
        self.handle.graceful_shutdown(Some(self.drain_timeout));
        self.lobby.close().await;
        self.draining.cancel();
        self.clients.close();
        let listeners = async {
            for listener in self.listeners {
                match listener.await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => warn!(%error, "a listener ended badly"),
                    Err(error) => warn!(%error, "a listener broke"),
                }
            }
        };
        let all = async {
            self.clients.wait().await;
            self.polling.close().await;
            listeners.await;
        };
        if time::timeout_at(deadline, all).await.is_err() {
            warn!(
                left = self.clients.len(),
                "drain time-out: what is left is cut off"
            );
        }
        info!(took = ?started.elapsed(), "drained");
    }
}

/// What keeps the certificates in step with the disk, where they are from there.
fn renewal(config: &Config, resolver: &Arc<Resolver>) -> Option<Arc<Renewal>> {
    let source = config.certificate_source.clone()?;
    let domains = config.covered.clone();
    let pairs = &config.certificates;
    Some(Arc::new(Renewal::new(
        source,
        domains,
        pairs,
        resolver.clone(),
    )))
}

/// What fetches certificates, where that is wanted.
fn acme(
    config: &Config,
    resolver: &Arc<Resolver>,
    trusted: Arc<AtomicBool>,
) -> anyhow::Result<Option<Arc<Acme>>> {
    let settings = config.acme.clone();
    let acme = settings.map(|settings| Acme::new(settings, resolver.clone(), trusted));
    Ok(acme.transpose()?.map(Arc::new))
}

/// Plain HTTP: an authority is shown what it asks for, everybody else the way to HTTPS on `port`.
fn plain_router(port: u16, acme: Option<&Acme>) -> Router {
    let challenges = acme.map(|acme| acme.challenges().clone());
    let answer = move |request: Request<Body>| {
        let shown = challenges
            .as_ref()
            .and_then(|challenges| challenges.answer(&request));
        ready(shown.unwrap_or_else(|| redirect::redirect(&request, port)))
    };
    Router::new().fallback(answer)
}

/// Opens the port that redirects. Where it was not asked for, not getting it is only a warning.
fn open_http(
    config: &Config,
    http: HttpPort,
) -> Result<Option<std::net::TcpListener>, CannotListen> {
    match listen(config.listen, http.port) {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if http.required => Err(error),
        Err(error) => {
            warn!(
                "No redirect from http://: {error} Players are not affected; --http-port 0 says that none is wanted."
            );
            Ok(None)
        }
    }
}

/// Headers come in bounded time and are of bounded length.
fn bound_http1(builder: &mut Builder<TokioExecutor>, timeout: Duration) {
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(timeout)
        .max_buf_size(HEADERS);
}

/// A connection that came to nothing: a scanner, a limit, a client that gave up.
fn refused(peer: Option<&SocketAddr>, error: &io::Error) {
    // The address is personal data: only whoever asks for details sees it.
    debug!(?peer, %error, "connection refused");
}
