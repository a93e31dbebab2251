//! What counts a connection in the limits for as long as it is open.

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
    /// A connection of a player.
    Player {
        /// Counts it at its address, unless that is a proxy's.
        _presence: Option<Presence>,
        /// Counts it among all connections.
        _counted: Counted,
        /// Whom to tell if the first bytes are a PROXY header that is not expected, and from which address; none once
        /// bytes have come.
        unheard: Option<(Arc<TurnedAway>, IpAddr)>,
    },
    /// A connection of an operator.
    Operator(OwnedSemaphorePermit),
}

impl Admission {
    /// Looks at the first bytes of the connection, after its PROXY header if one was expected.
    pub fn hear(&mut self, bytes: &[u8]) {
        if let Admission::Player { unheard, .. } = self
            && let Some((turned_away, peer)) = unheard.take()
            && proxy::begins(bytes)
        {
            turned_away.add(Reason::HeaderUnexpected, peer);
        }
    }
}
