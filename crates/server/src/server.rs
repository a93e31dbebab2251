//! Composition root: wires everything, and takes it apart again in the right order.

use std::io;
use std::net::{SocketAddr, TcpListener};
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

use crate::config::{AdminPort, Config, HttpPort, Stage};
use crate::edge::addresses::Addresses;
use crate::edge::answers::Timeouts;
use crate::edge::gate::{AdminGate, Gate};
use crate::edge::handed::Handed;
use crate::edge::listen::{CannotListen, listen};
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
use crate::runtime::{Census, LobbyHandle, lobby};
use crate::transport::polling::Polling;
use crate::transport::session::Hall;
use wulin_certs::renewal::Reread;
use wulin_certs::upkeep::{Loaded, Upkeep};
use wulin_command::process::Start;
use wulin_game::lobby::Lobby;

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
    census: Arc<Census>,
    lobby: LobbyHandle,
    draining: CancellationToken,
    /// Tasks that serve clients.
    clients: TaskTracker,
    upkeep: Upkeep,
    newcomers: Newcomers,
    connections: Connections,
    /// Those of the plain port.
    handle: Handle<SocketAddr>,
    /// The admin listener goes last: it tells of the drain.
    admin_handle: Handle<SocketAddr>,
    listeners: Vec<JoinHandle<()>>,
    drain_timeout: Duration,
    instance: String,
}

impl Server {
    /// Opens the ports and starts to serve, within a tokio runtime. When it returns, clients are answered.
    pub fn start(config: &Config) -> anyhow::Result<Server> {
        Server::start_on(config, Handed::default())
    }

    /// The same on sockets that were handed over. The ports of the configuration are for those that were not.
    pub fn start_on(config: &Config, handed: Handed) -> anyhow::Result<Server> {
        let start = Start::now();
        for warning in handed.warnings() {
            warn!("{warning}");
        }
        let (https, http) = open(config, handed)?;
        let address = https.local_addr().context("asking for the HTTPS port")?;
        let http_address = match &http {
            Some(http) => Some(http.local_addr().context("asking for the HTTP port")?),
            None => None,
        };
        let admin = match config.admin {
            Some(admin) => open_admin(config, admin)?,
            None => None,
        };
        let admin_address = admin.as_ref().and_then(|admin| admin.local_addr().ok());

        let census = Arc::new(Census::default());
        let clients = TaskTracker::new();
        let draining = CancellationToken::new();
        let random = aws_lc_rs::default_provider().secure_random;
        let instance = instance(random)?;
        let hall = hall(config, &census, &draining, &clients, random, &instance)?;
        let lobby = hall.lobby.clone();
        let upkeep = upkeep(config, &census)?;
        upkeep.begin(&clients, http.is_some(), &draining);
        let named = config.access.as_ref().is_some_and(|log| log.addresses);
        let turned_away = TurnedAway::new(named);
        clients.spawn(turned_away.clone().tell(draining.clone()));
        let addresses = Addresses::new(config.gate.per_address, Some(turned_away.clone()));
        let site = site(config, &hall, &upkeep, &addresses, &turned_away);
        let gate = Gate::new(
            upkeep.tls()?,
            config.gate.clone(),
            addresses,
            turned_away,
            census.clone(),
        );

        let timeouts = Timeouts {
            request: config.request_timeout,
            write: config.gate.write_timeout,
        };
        let connections = Connections::default();
        let handle = Handle::new();
        let newcomers = Newcomers::default();
        let mut listeners = Vec::new();
        if let Some(http) = http {
            let plain = Https {
                port: address.port(),
                domains: config.domains.clone().into(),
            };
            let routes = routes::plain(hall, redirect::router(plain, upkeep.challenges()));
            let served = plain::serve(
                http,
                gate.plain(),
                routes,
                newcomers.clone(),
                timeouts,
                &handle,
            );
            listeners.push(served.context("listening for HTTP")?);
        }
        listeners.push(tokio::spawn(serve(
            ready(https).context("listening for HTTPS")?,
            gate,
            routes::router(site),
            newcomers.clone(),
            timeouts,
            connections.clone(),
        )));
        let admin_handle = Handle::new();
        if let Some(admin) = admin {
            let observer = Arc::new(Observer::new(
                census.clone(),
                upkeep.resolver.clone(),
                draining.clone(),
                (address, http_address),
                start,
                instance.clone(),
            ));
            clients.spawn(observer.clone().watch());
            let metrics = Metrics::new(census.clone(), upkeep.resolver.clone(), start);
            let told = Admin { metrics, observer };
            serve_admin(admin, told, timeouts, &admin_handle)?;
        }
        Ok(Server {
            address,
            http_address,
            admin_address,
            census,
            lobby,
            draining,
            clients,
            upkeep,
            newcomers,
            connections,
            handle,
            admin_handle,
            listeners,
            drain_timeout: config.drain_timeout,
            instance,
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

    /// Where metrics and the state are told, if anywhere.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// Its own name, which nobody else has: 128 random bits.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// How many there are of everything.
    pub fn census(&self) -> &Arc<Census> {
        &self.census
    }

    /// The way to the lobby.
    pub fn lobby(&self) -> &LobbyHandle {
        &self.lobby
    }

    /// Reads the certificates again. New handshakes get what is there now; what cannot be used is said in the log. What
    /// could not be fetched is tried again.
    pub async fn reload(&self) {
        self.upkeep.reload().await;
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
        for listener in self.listeners {
            listener.abort();
            match listener.await {
                Ok(()) => {}
                Err(error) if error.is_cancelled() => {}
                Err(error) => warn!(%error, "a listener broke"),
            }
        }
        self.lobby.close().await;
        self.draining.cancel();
        self.clients.close();
        let all = async {
            let _ = time::timeout(NEWCOMERS, self.newcomers.gone()).await;
            // Requests under way finish; upgraded connections are beyond its sight.
            self.connections.finish();
            self.handle.graceful_shutdown(None);
            self.clients.wait().await;
            self.connections.gone().await;
            while self.handle.connection_count() > 0 {
                time::sleep(LOOK).await;
            }
        };
        if time::timeout_at(deadline, all).await.is_err() {
            warn!(
                left = self.clients.len(),
                "drain time-out: what is left is cut off"
            );
            self.connections.cut();
            self.handle.shutdown();
        }
        self.admin_handle.shutdown();
        info!(took = ?started.elapsed(), "drained");
    }
}

/// The certificates of the configuration, kept in step with the disk or fetched.
fn upkeep(config: &Config, census: &Arc<Census>) -> anyhow::Result<Upkeep> {
    let loaded = Loaded {
        pairs: &config.certificates,
        source: config.certificate_source.clone(),
        covered: config.covered.clone(),
        trusted: config.stage == Stage::Production,
        acme: config.acme.clone(),
    };
    let census = census.clone();
    let listener = move |reread| {
        census.tally.certificates.add(match reread {
            Reread::Served => "served",
            Reread::Refused => "refused",
        });
    };
    Upkeep::new(loaded, Arc::new(listener))
}

/// What the routes of HTTPS lead to.
fn site(
    config: &Config,
    hall: &Hall,
    upkeep: &Upkeep,
    addresses: &Arc<Addresses>,
    turned_away: &Arc<TurnedAway>,
) -> Site {
    Site {
        polling: Polling::new(hall.clone()),
        most_connections: config.gate.connections,
        hall: hall.clone(),
        base_path: config.base_path.clone(),
        socketio_paths: config.socketio_paths.clone(),
        addresses: addresses.clone(),
        turned_away: turned_away.clone(),
        pace: Pace::new(config.gate.sessions_per_second),
        proxies: config.gate.proxies.clone(),
        access: config.access.clone(),
        hsts: upkeep.trusted.clone(),
    }
}

/// A name that no other server has.
fn instance(random: &dyn SecureRandom) -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    random
        .fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// The game, and the way to it. The lobby and its rooms end by themselves once nobody can reach them.
fn hall(
    config: &Config,
    census: &Arc<Census>,
    draining: &CancellationToken,
    clients: &TaskTracker,
    random: &'static dyn SecureRandom,
    instance: &str,
) -> anyhow::Result<Hall> {
    let mut seed = [0; 32];
    random
        .fill(&mut seed)
        .map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
    let lobby = lobby::spawn(
        Lobby::new(config.rules, seed),
        census.clone(),
        &TaskTracker::new(),
    );
    Ok(Hall::new(
        lobby,
        config.limits,
        census.clone(),
        draining.clone(),
        clients.clone(),
        random,
        instance.into(),
    ))
}

fn serve_admin(
    listener: TcpListener,
    admin: Admin,
    timeouts: Timeouts,
    handle: &Handle<SocketAddr>,
) -> anyhow::Result<()> {
    let address = listener.local_addr().context("asking for the admin port")?;
    let gate = AdminGate::new(OPERATORS, timeouts.write);
    let routes = admin::router(admin, address, timeouts.request);
    plain::serve(
        listener,
        gate,
        routes,
        Newcomers::default(),
        timeouts,
        handle,
    )
    .context("listening for the admin port")?;
    Ok(())
}

/// A listener, for the runtime.
fn ready(listener: TcpListener) -> io::Result<tokio::net::TcpListener> {
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}

/// The sockets: those handed over, and those that are still missing.
fn open(
    config: &Config,
    handed: Handed,
) -> Result<(TcpListener, Option<TcpListener>), CannotListen> {
    // Whoever hands sockets over does without the one that redirects unless it is asked for.
    let wanted = match (&handed.https, config.http_port) {
        (Some(_), Some(http)) => http.required.then_some(http),
        (_, http) => http,
    };
    let https = match handed.https {
        Some(https) => https,
        None => {
            listen(config.listen, config.port).map_err(|error| given(config, "--port", error))?
        }
    };
    let http = match (handed.http, wanted) {
        (Some(http), _) => Some(http),
        (None, Some(wanted)) => open_http(config, wanted)?,
        (None, None) => None,
    };
    Ok((https, http))
}

/// Says where the address and the port are from that cannot be had.
fn given(config: &Config, port: &str, error: CannotListen) -> CannotListen {
    let origins = &config.origins;
    error.given_by(origins.name("--listen"), origins.name(port))
}

/// Opens the port that redirects. Where it was not asked for, not getting it is only a warning.
fn open_http(config: &Config, http: HttpPort) -> Result<Option<TcpListener>, CannotListen> {
    let opened = listen(config.listen, http.port);
    match opened.map_err(|error| given(config, "--http-port", error)) {
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

/// Opens the admin port. Where it was not asked for, not getting it is only a warning.
fn open_admin(config: &Config, admin: AdminPort) -> Result<Option<TcpListener>, CannotListen> {
    let opened = listen(Some(admin.address.ip()), admin.address.port());
    let name = config.origins.name("--admin");
    match opened.map_err(|error| error.given_by(name, name)) {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if admin.required => Err(error),
        Err(error) => {
            warn!(
                "No metrics and no wulin status: {error} Players are not affected; --admin says where else, or off."
            );
            Ok(None)
        }
    }
}
