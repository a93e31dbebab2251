//! The rules of the game and its wire protocol, as a sans-I/O core: state machines that an outer shell drives.
//!
//! One straight line leads through the crate: text → [`protocol::Command`] → [`lobby::Lobby`] or [`room::Room`] →
//! [`Event`] → [`protocol::Message`] → text. The shell (crate `wulin-server`) owns the sockets, tasks and clocks at
//! both ends.
//!
//! - **Time and randomness are arguments.** Methods take `now`, constructors take a seed. So a test needs no sleep, and
//!   the same calls always have the same result. `clippy.toml` refuses `Instant::now` and all I/O in this crate.
//! - **Effects are values.** A method changes the state and queues what the shell has to do; the shell takes it out
//!   with `poll_effect` and carries it out in that order.
//! - **A deadline answers a question.** The core never waits. `deadline` says when to call `handle_timeout`, and a
//!   machine that is over has none.
//! - **A refused command changes nothing**, and is a value as well: [`Rejected`], on the wire a [`protocol::Fault`].
//!
//! What a draw is: [`score`]. Which code a fault has: [`protocol::fault`]. Who plays with whom: [`matchmaking`].
//!
//! ```
//! use std::time::{Duration, Instant};
//! use wulin_game::room::{Action, Entrant, Format, Recipient, Room, RoomEffect};
//! use wulin_game::{Event, Hand, PlayerId, Profile, RoomId, Standing};
//!
//! let [player, other] = [PlayerId(1), PlayerId(2)];
//! let people = [player, other].map(|player| Entrant {
//!     player,
//!     profile: Profile { uid: player.to_string().into(), name: "Li Lei".into(), picture: "".into() },
//!     standing: Standing::default(),
//!     legacy: false,
//! });
//! let format = Format { seats: 2, round_time: Duration::from_secs(5) };
//! let start = Instant::now(); // The only look at a clock, and outside the core.
//! let mut room = Room::start(RoomId(1), people.into(), format, 7, start);
//! room.handle(player, Action::Choose(Hand::Rock), start)?;
//! room.handle(other, Action::Choose(Hand::Scissors), start)?;
//!
//! let deadline = room.deadline().expect("a round is running");
//! assert_eq!(deadline, start + format.round_time);
//! room.handle_timeout(deadline); // Five seconds pass at once.
//! assert_eq!(room.deadline(), None);
//!
//! let scores = std::iter::from_fn(|| room.poll_effect()).find_map(|effect| match effect {
//!     RoomEffect::Send(Recipient::All, Event::RoundEnded { standings, .. }) => {
//!         Some([standings[0].round_score, standings[1].round_score])
//!     }
//!     _ => None,
//! });
//! assert_eq!(scores, Some([1, 0]));
//! # Ok::<(), wulin_game::Rejected>(())
//! ```

// Tests ask the clock for a first instant, and then count from there.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

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
