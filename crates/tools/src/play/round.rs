//! A round as one player sees it: the others, what they do, and how it ends.

use std::time::{Duration, Instant};

use wulin_client::wire::{ResultRow, UserPayload};
use wulin_game::{Face, Hand};

/// How a round ended for this player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundOutcome {
    /// Points were scored.
    Won,
    /// The others had the better hands.
    Lost,
    /// Neither.
    Drawn,
}

/// A face, and until when it is shown.
pub type TimedFace = Option<(Face, Instant)>;

/// Another player in the round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// Uid, name and score.
    pub user: UserPayload,
    /// How often they have chosen a hand.
    pub moves: u32,
    /// The face they pull.
    pub face: TimedFace,
    /// Whether they have left.
    pub left: bool,
}

/// A round in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// When it ends.
    pub deadline: Instant,
    /// How long it lasts in all.
    pub length: Duration,
    /// The other players.
    pub others: Vec<Other>,
    /// The hand of this player, if chosen.
    pub hand: Option<Hand>,
    /// The face this player pulls.
    pub face: TimedFace,
}

/// A round that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Over {
    /// The row of this player in the result.
    pub mine: ResultRow,
    /// The other players with their rows.
    pub others: Vec<(Other, ResultRow)>,
    /// How it ended for this player.
    pub outcome: RoundOutcome,
    /// This player's wins in a row before the round.
    pub streak_before: u32,
}

impl Round {
    /// The other player with this uid.
    pub(super) fn other(&mut self, uid: &str) -> Option<&mut Other> {
        self.others.iter_mut().find(|other| other.user.uid == uid)
    }

    /// Whether it is a round with the same others.
    pub(super) fn is_with(&self, others: &[Other]) -> bool {
        let uids = |others: &[Other]| -> Vec<String> {
            others.iter().map(|other| other.user.uid.clone()).collect()
        };
        uids(&self.others) == uids(others)
    }
}

/// How a round ended. With points it was won; otherwise the hands tell a loss from a draw.
pub(super) fn settle(mine: &ResultRow, others: &[(Other, ResultRow)]) -> RoundOutcome {
    if mine.round_score > 0 {
        return RoundOutcome::Won;
    }
    let balance: i32 = others
        .iter()
        .map(|(other, row)| match (mine.hand(), row.hand()) {
            _ if other.left => 1,
            (Some(mine), Some(theirs)) => {
                i32::from(mine.beats(theirs)) - i32::from(theirs.beats(mine))
            }
            (mine, theirs) => i32::from(mine.is_some()) - i32::from(theirs.is_some()),
        })
        .sum();
    if balance < 0 {
        RoundOutcome::Lost
    } else {
        RoundOutcome::Drawn
    }
}
