//! Choices under way: the sender enters each one, and the partner who gets its `movement` takes it.

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::time::Instant;

use crate::bench::crowd::lock;

/// A choice under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    /// The number of the partner who is to get its `movement`.
    pub(super) partner: u32,
    /// When it was due.
    pub(super) due: Instant,
    /// When it was sent.
    pub(super) sent: Instant,
    /// Whether its time is recorded.
    pub(super) counts: bool,
}

/// The choices of each person, by the number of the sender.
///
/// One std mutex for each sender, held for a few instructions and never across an `.await`: only the sender and its
/// partner ever want the same one.
pub(super) struct Board(Vec<Mutex<VecDeque<Choice>>>);

impl Board {
    /// An empty board for so many people.
    pub(super) fn new(people: u32) -> Board {
        Board((0..people).map(|_| Mutex::default()).collect())
    }

    /// Enters a choice, before it is sent.
    pub(super) fn enter(&self, sender: u32, choice: Choice) {
        lock(&self.0[sender as usize]).push_back(choice);
    }

    /// Takes the oldest choice of the sender for this partner. A connection keeps the order, so it belongs to the
    /// `movement` that has just come.
    pub(super) fn take(&self, sender: u32, partner: u32) -> Option<Choice> {
        let mut choices = lock(&self.0[sender as usize]);
        let first = choices
            .iter()
            .position(|choice| choice.partner == partner)?;
        choices.remove(first)
    }

    /// Removes what the sender sent to this partner before a moment. Returns how many of those were to be recorded.
    pub(super) fn clear(&self, sender: u32, partner: u32, before: Instant) -> u64 {
        let mut missing = 0;
        lock(&self.0[sender as usize]).retain(|choice| {
            let over = choice.partner == partner && choice.sent < before;
            missing += u64::from(over && choice.counts);
            !over
        });
        missing
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn choices_are_taken_in_order_and_leftovers_counted() {
        let now = Instant::now();
        let after = |millis| now + Duration::from_millis(millis);
        let choice = |partner, millis| Choice {
            partner,
            due: after(millis),
            sent: after(millis),
            counts: true,
        };
        let board = Board::new(3);
        board.enter(0, choice(1, 1));
        board.enter(0, choice(2, 2));
        board.enter(0, choice(1, 3));
        assert_eq!(board.take(0, 2), Some(choice(2, 2)));
        assert_eq!(board.take(0, 1), Some(choice(1, 1)));
        assert_eq!(board.take(1, 0), None);
        assert_eq!(board.clear(0, 1, after(3)), 0);
        assert_eq!(board.clear(0, 1, after(4)), 1);
        assert_eq!(board.take(0, 1), None);
    }
}
