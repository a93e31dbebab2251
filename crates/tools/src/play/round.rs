//! A round as one player sees it: the others, what they do, and how it ends.

use std::time::{Duration, Instant};

use wulin_client::wire::{ResultRow, UserPayload};
use wulin_game::{Face, Hand};
use wulin_text::plain;

use super::meeting::Tally;
use super::words::Words;

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
    /// Whether they may have chosen unseen, while this player's connection was lost.
    pub unseen: bool,
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
    /// Whether it is locked.
    pub locked: bool,
    /// The hand that the server was told, and whether it was locked.
    pub(super) told: Option<(Hand, bool)>,
    /// The hand that the server was told before that one.
    pub(super) told_before: Option<Hand>,
    /// The face this player pulls.
    pub face: TimedFace,
    /// Whether the result was late, so that another connection was opened.
    pub(super) redialled: bool,
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
    /// How many rounds this player has lost, with this one.
    pub losses: usize,
    /// The running score against the only opponent, if it is a person.
    pub tally: Option<Tally>,
    /// Whether it ended while the connection was lost.
    pub missed: bool,
}

impl Other {
    /// Somebody in a round that begins, or goes on.
    pub(super) fn new(user: UserPayload) -> Other {
        Other {
            user: UserPayload {
                uname: plain(&user.uname),
                ..user
            },
            moves: 0,
            face: None,
            left: false,
            unseen: false,
        }
    }

    /// What they have done so far. Nothing if it is not known, since they may have chosen unseen.
    pub(super) fn doing(&self, words: &Words) -> String {
        match self.moves {
            _ if self.user.locked => words.locked.to_owned(),
            0 if self.unseen => String::new(),
            moves if self.unseen => words.moved(moves.min(1)),
            moves => words.moved(moves),
        }
    }
}

impl Round {
    /// What the server is still to be told: the hand, and whether it is locked.
    pub(super) fn untold(&self) -> Option<(Hand, bool)> {
        let shown = (self.hand?, self.locked);
        (self.told != Some(shown)).then_some(shown)
    }

    /// Whether the hand that is shown has not been sent.
    pub fn is_untold(&self) -> bool {
        self.untold().is_some()
    }

    /// The round goes on over another connection. What was chosen meanwhile stays chosen, but a hand that the server
    /// holds locked. The others may have chosen unseen; who had left stays away.
    pub(super) fn resume(&mut self, before: &Round) {
        self.length = before.length.max(self.length);
        if !self.locked && before.hand.is_some() {
            (self.hand, self.locked) = (before.hand, before.locked);
        }
        for other in &mut self.others {
            other.unseen = true;
            if let Some(known) = before
                .others
                .iter()
                .find(|known| known.user.uid == other.user.uid)
            {
                (other.moves, other.left) = (known.moves, known.left);
            }
        }
    }

    /// The other player with this uid.
    pub(super) fn other(&mut self, uid: &str) -> Option<&mut Other> {
        self.others.iter_mut().find(|other| other.user.uid == uid)
    }

    /// The other player with this uid has lost its connection, or is there again.
    pub(super) fn away(&mut self, uid: &str, away: bool) {
        if let Some(other) = self.other(uid) {
            other.user.away = away;
        }
    }

    /// Whether it is a round with the same others.
    pub(super) fn is_with(&self, others: &[Other]) -> bool {
        let uids = |others: &[Other]| -> Vec<String> {
            others.iter().map(|other| other.user.uid.clone()).collect()
        };
        uids(&self.others) == uids(others)
    }
}

impl Over {
    /// The only opponent, and what this round adds to the running score. None with more opponents, or against a robot,
    /// which is another one in each round.
    pub(super) fn score(&self) -> Option<(&str, Tally)> {
        let [(other, _)] = &self.others[..] else {
            return None;
        };
        let tally = Tally {
            mine: u32::from(self.outcome == RoundOutcome::Won),
            theirs: u32::from(self.outcome == RoundOutcome::Lost),
        };
        (!other.user.robot).then_some((&*other.user.uid, tally))
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
