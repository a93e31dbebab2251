//! What the sessions of all clients share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rustls::crypto::SecureRandom;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wulin_game::ConnectionId;
use wulin_game::protocol::socketio::Sid;

use super::Limits;
use crate::runtime::{Figures, LobbyHandle};

/// What all sessions share; cheap to clone. A transport makes its [`Session`](super::session::Session)s from it.
#[derive(Debug, Clone)]
pub struct Hall {
    /// The handle to the lobby.
    pub lobby: LobbyHandle,
    /// The limits of every transport.
    pub limits: Limits,
    /// The gauges and counters.
    pub figures: Arc<Figures>,
    /// Cancelled when the server begins no more rounds. Clients in no round are dismissed then.
    pub draining: CancellationToken,
    /// Tracks every task that serves a client. A drain waits for them.
    pub tasks: TaskTracker,
    /// The random name of this run of the server, which health checks show.
    pub instance: Arc<str>,
    random: &'static dyn SecureRandom,
    next_connection: Arc<AtomicU64>,
}

impl Hall {
    /// A hall without clients.
    pub fn new(
        lobby: LobbyHandle,
        limits: Limits,
        figures: Arc<Figures>,
        draining: CancellationToken,
        tasks: TaskTracker,
        random: &'static dyn SecureRandom,
        instance: Arc<str>,
    ) -> Hall {
        Hall {
            lobby,
            limits,
            figures,
            draining,
            tasks,
            instance,
            random,
            next_connection: Arc::default(),
        }
    }

    pub(super) fn next_connection(&self) -> ConnectionId {
        ConnectionId(self.next_connection.fetch_add(1, Relaxed))
    }

    /// A random id for a session; none if the system has no random numbers.
    pub fn sid(&self) -> Option<Sid> {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes).ok()?;
        Some(Sid::new(bytes))
    }
}
