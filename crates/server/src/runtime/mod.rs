//! The only place where the core meets tokio: one lobby task, one task per room, one outbox per connection.

pub mod counters;
pub mod figures;
pub mod line;
pub mod lobby;
pub mod lobby_handle;
pub mod outbox;
pub mod room;
pub mod seat;

pub use counters::{Counters, Owed};
pub use figures::{Figures, Gauge};
pub use line::{Line, Peer};
pub use lobby_handle::{Ask, LobbyHandle};
pub use outbox::{Delivery, Outbox, Overflowed};
pub use seat::SeatHandle;

use std::time::Instant;

/// The instant the pure half is given. It is tokio's, so that a test can stop the clock.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
