//! How a round is settled.
//!
//! 1. Every pair of players is compared: a win is +1, a loss -1, a draw 0 (`Shown::against`).
//! 2. Each player's results are added up to its balance ([`balances`]).
//! 3. A positive balance lengthens the streak and scores balance × streak. A balance of 0 or less, which is a draw or a
//!    loss, scores nothing and ends the streak ([`Standing::after`]).

use crate::hand::Hand;
use crate::player::Standing;

/// What one player shows when the round is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// A hand.
    Hand(Hand),
    /// Stayed to the end without choosing. It loses to any hand.
    Nothing,
    /// Left before the end. It loses to everybody who stayed, whatever it chose before.
    Left,
}

impl Shown {
    /// +1 when `self` wins over `other`, -1 when it loses, 0 for a draw.
    ///
    /// A draw is two equal hands, two players without a hand, or two who left.
    fn against(self, other: Shown) -> i32 {
        match (self, other) {
            (Shown::Hand(mine), Shown::Hand(theirs)) => {
                i32::from(mine.beats(theirs)) - i32::from(theirs.beats(mine))
            }
            (Shown::Hand(_), Shown::Nothing | Shown::Left) | (Shown::Nothing, Shown::Left) => 1,
            (Shown::Nothing | Shown::Left, Shown::Hand(_)) | (Shown::Left, Shown::Nothing) => -1,
            (Shown::Nothing, Shown::Nothing) | (Shown::Left, Shown::Left) => 0,
        }
    }
}

/// Each player's wins minus losses over all pairs, in the given order.
pub fn balances(shown: &[Shown]) -> Vec<i32> {
    // A player compared with itself is a draw and adds 0, so it needs no exception.
    shown
        .iter()
        .map(|mine| shown.iter().map(|theirs| mine.against(*theirs)).sum())
        .collect()
}

impl Standing {
    /// The standing after a round with this balance, and the points of that round.
    pub fn after(self, balance: i32) -> (Standing, u64) {
        let rounds = self.rounds.saturating_add(1);
        if balance <= 0 {
            let standing = Standing {
                streak: 0,
                rounds,
                ..self
            };
            return (standing, 0);
        }
        let streak = self.streak.saturating_add(1);
        let round = u64::from(balance.unsigned_abs()) * u64::from(streak);
        let standing = Standing {
            total: self.total.saturating_add(round),
            streak,
            best_streak: self.best_streak.max(streak),
            rounds,
            wins: self.wins.saturating_add(1),
        };
        (standing, round)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROCK: Shown = Shown::Hand(Hand::Rock);
    const PAPER: Shown = Shown::Hand(Hand::Paper);
    const SCISSORS: Shown = Shown::Hand(Hand::Scissors);

    #[test]
    fn two_players_are_settled_as_one_pair() {
        assert_eq!(balances(&[ROCK, SCISSORS]), [1, -1]);
        assert_eq!(balances(&[ROCK, PAPER]), [-1, 1]);
        assert_eq!(balances(&[ROCK, ROCK]), [0, 0]);
    }

    #[test]
    fn any_hand_beats_no_hand_and_staying_beats_leaving() {
        assert_eq!(balances(&[SCISSORS, Shown::Nothing]), [1, -1]);
        assert_eq!(balances(&[Shown::Nothing, Shown::Nothing]), [0, 0]);
        assert_eq!(balances(&[Shown::Nothing, Shown::Left]), [1, -1]);
        assert_eq!(balances(&[Shown::Left, Shown::Left]), [0, 0]);
    }

    #[test]
    fn three_players_are_compared_pair_by_pair() {
        assert_eq!(balances(&[ROCK, SCISSORS, SCISSORS]), [2, -1, -1]);
        assert_eq!(balances(&[ROCK, SCISSORS, PAPER]), [0, 0, 0]);
        assert_eq!(balances(&[PAPER, Shown::Nothing, Shown::Left]), [2, 0, -2]);
    }

    #[test]
    fn streak_multiplies_and_a_draw_ends_it() {
        let (one, scored) = Standing::default().after(1);
        assert_eq!((one.total, one.streak, scored), (1, 1, 1));
        let (two, scored) = one.after(2);
        assert_eq!((two.total, two.streak, scored), (5, 2, 4));
        for balance in [0, -1] {
            let (ended, scored) = two.after(balance);
            assert_eq!((ended.total, ended.streak, scored), (5, 0, 0));
        }
    }

    #[test]
    fn the_best_streak_stays_and_every_round_counts() {
        let played = [1, 1, 0, 1, -1]
            .iter()
            .fold(Standing::default(), |standing, balance| {
                standing.after(*balance).0
            });
        assert_eq!(
            played,
            Standing {
                total: 4,
                streak: 0,
                best_streak: 2,
                rounds: 5,
                wins: 3
            }
        );
    }
}
