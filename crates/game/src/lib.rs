//! The game, pure: no I/O, no clock, no global randomness. Time and randomness are arguments, events are results.

pub mod event;
pub mod hand;
pub mod ids;
pub mod lobby;
pub mod matchmaking;
pub mod memories;
pub mod place;
pub mod player;
pub mod protocol;
mod rejected;
pub mod robot;
pub mod room;
pub mod score;

pub use event::{Event, Missed, Movement, OwnHand, RoundStanding, Seated};
pub use hand::{Face, Hand};
pub use place::Place;
pub use player::{ConnectionId, Origin, PlayerId, Profile, RoomId, Standing, Token};
pub use rejected::Rejected;
