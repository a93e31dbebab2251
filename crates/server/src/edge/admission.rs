//! What a connection holds for as long as it is open: its place among those that are counted.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::addresses::Presence;
use super::proxy;
use super::turned_away::{Reason, TurnedAway};
use crate::runtime::figures::Counted;

/// Keeps a connection counted until it is closed.
#[derive(Debug)]
pub enum Admission {
    /// Among the players, and at its address.
    Player {
        /// At its address, unless it is a proxy's.
        _presence: Option<Presence>,
        /// In all.
        _counted: Counted,
        /// Who is told if the first bytes, which have not come yet, are a header that nobody expects, and from where.
        unheard: Option<(Arc<TurnedAway>, IpAddr)>,
    },
    /// Among the operators.
    Operator(OwnedSemaphorePermit),
}

impl Admission {
    /// Bytes have come, behind the header if one was expected.
    pub fn hear(&mut self, bytes: &[u8]) {
        if let Admission::Player { unheard, .. } = self
            && let Some((turned_away, peer)) = unheard.take()
            && proxy::begins(bytes)
        {
            turned_away.add(Reason::HeaderUnexpected, peer);
        }
    }
}
