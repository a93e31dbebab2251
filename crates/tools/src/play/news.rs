//! What goes between a table, its connection and its player.

use wulin_client::wire::ServerEvent;
use wulin_game::{Face, Hand};

/// What the connection reports.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// It is open, and `hello` was sent.
    Up,
    /// It is lost for this reason, and is being opened again.
    Down(String),
    /// It is lost for this reason, and is not opened again.
    Gone(String),
    /// The server has sent an event.
    Said(ServerEvent),
}

/// A message for the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Say {
    /// Asks for a seat. Asked twice by somebody who waits for the people of its last round, it takes anybody.
    Join,
    /// Asks for a round with robots.
    JoinRobot,
    /// Shows a hand.
    Choice(Hand),
    /// Shows a hand that stays.
    Lock(Hand),
    /// Pulls a face.
    Face(Face),
    /// Leaves.
    Leave,
    /// Says nothing: the connection is stuck, so another one is opened.
    Redial,
}

/// What a player does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Shows a hand. The one that is shown already is locked.
    Hand(Hand),
    /// Pulls a face.
    Face(Face),
    /// Asks for the next round; in a round, locks the hand.
    Enter,
    /// Takes a robot for an opponent, at once.
    Robot,
    /// No longer waits for the people of the last round, but for anybody.
    Anybody,
    /// Ends the game.
    Quit,
}
