//! The only place where the core meets tokio: one lobby task, one task per room, one outbox per connection.

pub mod census;
pub mod line;
pub mod lobby;
pub mod outbox;
pub mod room;
pub mod tally;

pub use census::{Census, Kind};
pub use line::{Line, Peer};
pub use lobby::LobbyHandle;
pub use outbox::{Delivery, Outbox, Overflowed};
pub use room::SeatHandle;
pub use tally::{Owed, Tally};

use std::time::Instant;

/// The instant the pure half is given. It is tokio's, so that a test can stop the clock.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
