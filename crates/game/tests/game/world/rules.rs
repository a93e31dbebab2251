//! The rules of docs/protocol.md, written a second time and independently of the core.

use wulin_game::{RoundStanding, Standing};

use super::Round;

impl Round {
    /// Whether the result can no longer change, so that the round ends early.
    pub(super) fn waits_for_nobody(&self) -> bool {
        let people = self.seats.iter().filter(|seat| !seat.robot);
        let there: Vec<_> = people
            .map(|seat| &seat.profile.uid)
            .filter(|uid| !self.left.contains(*uid))
            .collect();
        if there.iter().any(|uid| self.legacy.contains(*uid)) {
            return false;
        }
        let against_robots = self.seats.iter().any(|seat| seat.robot);
        there.iter().all(|uid| self.locked.contains(*uid)) || there.len() == 1 && !against_robots
    }
}

/// Checks a result against the rules as the protocol words them.
pub(super) fn check(round: &Round, standings: &[RoundStanding]) {
    let started: Vec<_> = round.seats.iter().map(|seat| &seat.profile.uid).collect();
    let ended: Vec<_> = standings.iter().map(|line| &line.uid).collect();
    assert_eq!(started, ended, "everybody who started is in the result");
    for (seat, mine) in round.seats.iter().zip(standings) {
        let gone = round.left.contains(&mine.uid);
        if !seat.robot {
            let expected = if gone {
                None
            } else {
                round.hands.get(&mine.uid).copied()
            };
            assert_eq!(mine.hand, expected, "the last choice counts");
        }
        let mut balance: i32 = 0;
        for theirs in standings.iter().filter(|theirs| theirs.uid != mine.uid) {
            let they_left = round.left.contains(&theirs.uid);
            balance += match (gone, they_left, mine.hand, theirs.hand) {
                (true, true, ..) | (false, false, None, None) => 0,
                (true, false, ..) | (.., None, Some(_)) => -1,
                (false, true, ..) | (.., Some(_), None) => 1,
                (.., Some(a), Some(b)) => i32::from(a.beats(b)) - i32::from(b.beats(a)),
            };
        }
        let before = seat.standing;
        let mut after = Standing {
            streak: 0,
            rounds: before.rounds + 1,
            ..before
        };
        let mut score = 0;
        if balance > 0 {
            after.streak = before.streak + 1;
            after.best_streak = before.best_streak.max(after.streak);
            after.wins += 1;
            score = u64::from(balance.unsigned_abs()) * u64::from(after.streak);
            after.total += score;
        }
        assert_eq!((mine.round_score, mine.standing), (score, after));
    }
}
