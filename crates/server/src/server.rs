//! Composition root: wires everything, and takes it apart again in the right order.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum_server::Handle;
use rustls::crypto::{SecureRandom, aws_lc_rs};
use tokio::task::JoinHandle;
use tokio::time;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};
use wulin_certs::renewal::Reread;
use wulin_certs::upkeep::{Loaded, Upkeep};
use wulin_command::process::Start;
use wulin_game::lobby::Lobby;

use crate::config::Config;
use crate::edge::addresses::Addresses;
use crate::edge::answers::Timeouts;
use crate::edge::gate::{AdminGate, Gate};
use crate::edge::handed::Handed;
use crate::edge::newcomer::Newcomers;
use crate::edge::pace::Pace;
use crate::edge::plain;
use crate::edge::redirect::{self, Https};
use crate::edge::routes;
use crate::edge::serve::{Connections, serve};
use crate::edge::site::Site;
use crate::edge::turned_away::TurnedAway;
use crate::ops::admin::{self, Admin};
use crate::ops::metrics::Metrics;
use crate::ops::observer::Observer;
use crate::prepared::Prepared;
use crate::runtime::{Figures, LobbyHandle, lobby};
use crate::sockets::{Socket, Sockets};
use crate::transport::polling::Polling;
use crate::transport::session::Hall;

/// Connections to the admin port at a time.
const OPERATORS: usize = 64;

/// How long the server, once told to stop, waits for connections it has let in to ask something: a round trip or two.
const NEWCOMERS: Duration = Duration::from_secs(2);
/// How often it looks whether the last request of the plain port has been answered.
const LOOK: Duration = Duration::from_millis(5);

/// A running server.
pub struct Server {
    address: SocketAddr,
    http_address: Option<SocketAddr>,
    admin_address: Option<SocketAddr>,
    shown: Shown,
    core: Core,
    certificates: Upkeep,
    newcomers: Newcomers,
    connections: Connections,
    timeouts: Timeouts,
    /// Those of the plain port.
    handle: Handle<SocketAddr>,
    /// The admin listener goes last: it tells of the drain.
    admin_handle: Handle<SocketAddr>,
    listeners: Vec<JoinHandle<()>>,
    drain_timeout: Duration,
}

/// The addresses that people are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Where a browser finds the game.
    pub page: String,
    /// What Mini Programs connect to.
    pub websocket: String,
}

impl Shown {
    fn new(mut host: String, port: u16, base_path: &str) -> Shown {
        if port != 443 {
            let _ = write!(host, ":{port}");
        }
        Shown {
            page: format!("https://{host}"),
            websocket: format!("wss://{host}{base_path}"),
        }
    }
}

/// The game and what everything around it shares.
struct Core {
    /// The server's own name, which no other has.
    instance: String,
    figures: Arc<Figures>,
    /// The way to the game.
    hall: Hall,
    draining: CancellationToken,
    /// Tasks that serve clients.
    clients: TaskTracker,
}

impl Core {
    /// Starts the lobby. It and its rooms end by themselves once nobody can reach them.
    fn new(config: &Config) -> anyhow::Result<Core> {
        let random = aws_lc_rs::default_provider().secure_random;
        let instance = format!("{:032x}", u128::from_be_bytes(random_bytes(random)?));
        let figures = Arc::new(Figures::default());
        let (draining, clients) = (CancellationToken::new(), TaskTracker::new());
        let lobby = lobby::spawn(
            Lobby::new(config.rules, random_bytes(random)?),
            figures.clone(),
            &TaskTracker::new(),
        );
        let hall = Hall::new(
            lobby,
            config.limits,
            figures.clone(),
            draining.clone(),
            clients.clone(),
            random,
            instance.as_str().into(),
        );
        Ok(Core {
            instance,
            figures,
            hall,
            draining,
            clients,
        })
    }

    /// Keeps certificates in step with the disk, or fetches them. `http` says whether plain HTTP is answered.
    fn keep(&self, loaded: Loaded, http: bool) -> anyhow::Result<Upkeep> {
        let figures = self.figures.clone();
        let listener = move |reread| {
            figures.counters.certificates.add(match reread {
                Reread::Served => "served",
                Reread::Refused => "refused",
            });
        };
        let upkeep = Upkeep::new(loaded, Arc::new(listener))?;
        upkeep.begin(&self.clients, http, &self.draining);
        Ok(upkeep)
    }
}

fn random_bytes<const N: usize>(random: &dyn SecureRandom) -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    random
        .fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
    Ok(bytes)
}

/// What a connection meets: who is let in, and where its requests lead.
struct Front {
    gate: Gate,
    site: Site,
}

impl Front {
    fn new(config: &Config, core: &Core, certificates: &Upkeep) -> anyhow::Result<Front> {
        let named = config.access.as_ref().is_some_and(|log| log.addresses);
        let turned_away = TurnedAway::new(named);
        core.clients
            .spawn(turned_away.clone().tell(core.draining.clone()));
        let addresses = Addresses::new(config.gate.per_address, Some(turned_away.clone()));
        let site = Site {
            polling: Polling::new(core.hall.clone()),
            most_connections: config.gate.connections,
            hall: core.hall.clone(),
            base_path: config.base_path.clone(),
            socketio_paths: config.socketio_paths.clone(),
            addresses: addresses.clone(),
            turned_away: turned_away.clone(),
            pace: Pace::new(config.gate.sessions_per_second),
            proxies: config.gate.proxies.clone(),
            access: config.access.clone(),
            hsts: certificates.trusted.clone(),
        };
        let gate = Gate::new(
            certificates.tls()?,
            config.gate.clone(),
            addresses,
            turned_away,
            core.figures.clone(),
        );
        Ok(Front { gate, site })
    }
}

impl Server {
    /// Opens the ports and starts to serve, within a tokio runtime. When it returns, clients are answered. The ports of the
    /// configuration are for sockets that were not handed over.
    pub fn start(config: &Config, prepared: Prepared, handed: Handed) -> anyhow::Result<Server> {
        let start = Start::now();
        let sockets = Sockets::open(config, &prepared, handed)?;
        let http_address = sockets.http.as_ref().map(|socket| socket.address);
        let core = Core::new(config)?;
        let certificates = core.keep(prepared.certificates, http_address.is_some())?;
        let front = Front::new(config, &core, &certificates)?;
        let mut server = Server {
            address: sockets.https.address,
            http_address,
            admin_address: sockets.admin.as_ref().map(|socket| socket.address),
            shown: Shown::new(
                prepared.host,
                sockets.https.address.port(),
                &config.base_path,
            ),
            newcomers: Newcomers::default(),
            connections: Connections::default(),
            handle: Handle::new(),
            admin_handle: Handle::new(),
            listeners: Vec::new(),
            drain_timeout: config.drain_timeout,
            timeouts: Timeouts {
                request: config.request_timeout,
                write: config.gate.write_timeout,
            },
            certificates,
            core,
        };
        if let Some(http) = sockets.http {
            server.redirect(http, config, &front)?;
        }
        server.serve(sockets.https, front)?;
        if let Some(admin) = sockets.admin {
            server.tell(admin, start)?;
        }
        Ok(server)
    }

    /// Answers plain HTTP: challenges of an authority, and the way to HTTPS.
    fn redirect(&mut self, socket: Socket, config: &Config, front: &Front) -> anyhow::Result<()> {
        let https = Https {
            port: self.address.port(),
            domains: config.domains.clone().into(),
        };
        let router = redirect::router(https, self.certificates.challenges());
        let served = plain::serve(
            socket.listener,
            front.gate.plain(),
            routes::plain(self.core.hall.clone(), router),
            self.newcomers.clone(),
            self.timeouts,
            &self.handle,
        );
        self.listeners.push(served.context("listening for HTTP")?);
        Ok(())
    }

    /// Answers HTTPS.
    fn serve(&mut self, socket: Socket, front: Front) -> anyhow::Result<()> {
        self.listeners.push(tokio::spawn(serve(
            socket.ready().context("listening for HTTPS")?,
            front.gate,
            routes::router(front.site),
            self.newcomers.clone(),
            self.timeouts,
            self.connections.clone(),
        )));
        Ok(())
    }

    /// Answers operators: metrics, and the state of the server.
    fn tell(&self, socket: Socket, start: Start) -> anyhow::Result<()> {
        let core = &self.core;
        let observer = Arc::new(Observer::new(
            core.figures.clone(),
            self.certificates.resolver.clone(),
            core.draining.clone(),
            (self.address, self.http_address),
            start,
            core.instance.clone(),
        ));
        core.clients.spawn(observer.clone().watch());
        let metrics = Metrics::new(
            core.figures.clone(),
            self.certificates.resolver.clone(),
            start,
        );
        let admin = Admin { metrics, observer };
        let gate = AdminGate::new(OPERATORS, self.timeouts.write);
        let routes = admin::router(admin, socket.address, self.timeouts.request);
        plain::serve(
            socket.listener,
            gate,
            routes,
            Newcomers::default(),
            self.timeouts,
            &self.admin_handle,
        )
        .context("listening for the admin port")?;
        Ok(())
    }

    /// Where HTTPS is answered.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where plain HTTP is redirected, if anywhere.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http_address
    }

    /// Where metrics and the state are told, if anywhere.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// The addresses that people are shown.
    pub fn shown(&self) -> &Shown {
        &self.shown
    }

    /// Its own name, which nobody else has: 128 random bits.
    pub fn instance(&self) -> &str {
        &self.core.instance
    }

    /// How many there are of everything.
    pub fn figures(&self) -> &Arc<Figures> {
        &self.core.figures
    }

    /// The way to the lobby.
    pub fn lobby(&self) -> &LobbyHandle {
        &self.core.hall.lobby
    }

    /// Reads the certificates again. New handshakes get what is there now; what cannot be used is said in the log. What
    /// could not be fetched is tried again.
    pub async fn reload(&self) {
        self.certificates.reload().await;
    }

    /// Stops: no new connection, rounds in progress are finished, everybody gets a proper close. Takes no longer than the
    /// drain time-out.
    pub async fn drain(self) {
        let started = time::Instant::now();
        let deadline = started + self.drain_timeout;
        info!(
            people = self.core.figures.counts().people,
            rooms = self.core.figures.counts().rooms,
            "draining"
        );
        for listener in self.listeners {
            listener.abort();
            match listener.await {
                Ok(()) => {}
                Err(error) if error.is_cancelled() => {}
                Err(error) => warn!(%error, "a listener broke"),
            }
        }
        self.core.hall.lobby.close().await;
        self.core.draining.cancel();
        self.core.clients.close();
        let all = async {
            let _ = time::timeout(NEWCOMERS, self.newcomers.gone()).await;
            // Requests under way finish; upgraded connections are beyond its sight.
            self.connections.finish();
            self.handle.graceful_shutdown(None);
            self.core.clients.wait().await;
            self.connections.gone().await;
            while self.handle.connection_count() > 0 {
                time::sleep(LOOK).await;
            }
        };
        if time::timeout_at(deadline, all).await.is_err() {
            warn!(
                left = self.core.clients.len(),
                "drain time-out: what is left is cut off"
            );
            self.connections.cut();
            self.handle.shutdown();
        }
        self.admin_handle.shutdown();
        info!(took = ?started.elapsed(), "drained");
    }
}
