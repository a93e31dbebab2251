//! How a round is settled: every pair is compared, streaks multiply.

use super::hand::Hand;
use super::player::Standing;

/// What one player brought into the settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// A hand.
    Hand(Hand),
    /// Stayed to the end and showed nothing.
    Nothing,
    /// Left before the end.
    Left,
}

impl Shown {
    /// +1 when `self` wins over `other`, -1 when it loses, 0 for a draw.
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

/// Wins minus losses of each player over all pairs, in the order given.
pub fn balances(shown: &[Shown]) -> Vec<i32> {
    // A player against itself is a draw, so the diagonal needs no exception.
    shown
        .iter()
        .map(|mine| shown.iter().map(|theirs| mine.against(*theirs)).sum())
        .collect()
}

impl Standing {
    /// The standing after a round with this balance, and what the round scored.
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
    fn any_hand_beats_no_hand_and_whoever_stays_beats_whoever_left() {
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
