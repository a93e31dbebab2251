//! The only place where the pure core meets tokio: one task for the lobby, one for each room, one outbox for each
//! connection.

pub mod counters;
pub mod figures;
pub mod line;
pub mod lobby;
pub mod lobby_handle;
pub mod outbox;
pub mod room;
pub mod seat;

use std::time::Instant;

pub use counters::{Counters, Owed};
pub use figures::{Figures, Gauge};
pub use line::{Line, Peer};
pub use lobby_handle::{Ask, LobbyHandle};
pub use outbox::{Delivery, Outbox, Overflowed};
pub use seat::SeatHandle;

/// The instant that is passed to the pure core. It is tokio's clock, so that tests can pause it.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
