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

/// What sessions share: the way to the game, the limits, and the end of it all.
#[derive(Debug, Clone)]
pub struct Hall {
    /// The lobby.
    pub lobby: LobbyHandle,
    /// What every transport keeps to.
    pub limits: Limits,
    /// Who is there.
    pub figures: Arc<Figures>,
    /// Cancelled when no more rounds are begun: whoever is not in one is let go.
    pub draining: CancellationToken,
    /// Every task that serves a client.
    pub tasks: TaskTracker,
    /// The server's own name, made up at its start: whoever asks for its health knows it by that.
    pub instance: Arc<str>,
    random: &'static dyn SecureRandom,
    next_connection: Arc<AtomicU64>,
}

impl Hall {
    /// A hall nobody has entered.
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

    /// An id for a session; none if the system has no random numbers.
    pub fn sid(&self) -> Option<Sid> {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes).ok()?;
        Some(Sid::new(bytes))
    }
}
