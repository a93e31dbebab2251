//! Meeting the same people again: who is waited for, who waits, and the running score against each.

/// The opponents whose score is kept; the one met longest ago is forgotten first.
const OPPONENTS: usize = 64;

/// Somebody of the last round who waits for this player.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Who.
    pub uid: String,
    /// What they are called.
    pub name: String,
}

/// Whom somebody waits for who has asked for a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// The people of the last round first, if there were any, and then anybody.
    Same,
    /// Anybody.
    Anybody,
    /// A robot.
    Robot,
}

/// Somebody who waits for a seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The names of those who have a seat there already.
    pub seated: Vec<String>,
    /// The names of the people of the last round who were asked for another one.
    pub asked: Vec<String>,
    /// Whom this player waits for.
    pub wish: Wish,
}

impl Waiting {
    /// Waits for the people with these names first.
    pub(super) fn first_for(asked: Vec<String>) -> Waiting {
        Waiting {
            seated: Vec::new(),
            asked,
            wish: Wish::Same,
        }
    }

    /// Whether somebody was asked for another round, and is still preferred.
    pub fn prefers(&self) -> bool {
        self.wish == Wish::Same && !self.asked.is_empty()
    }
}

/// The rounds won by this player, and by its opponent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// By this player.
    pub mine: u32,
    /// By the other one.
    pub theirs: u32,
}

/// The running score against each person this player has met.
#[derive(Debug, Clone, Default)]
pub(super) struct Tallies(Vec<(String, Tally)>);

impl Tallies {
    /// The score against this person; none before the first round is over.
    pub(super) fn against(&self, uid: &str) -> Option<Tally> {
        self.0
            .iter()
            .find(|(known, _)| known == uid)
            .map(|(_, tally)| *tally)
    }

    /// Adds the score of one round against this person.
    pub(super) fn count(&mut self, uid: &str, round: Tally) {
        let mut tally = self.against(uid).unwrap_or_default();
        tally.mine += round.mine;
        tally.theirs += round.theirs;
        self.0.retain(|(known, _)| known != uid);
        if self.0.len() == OPPONENTS {
            self.0.remove(0);
        }
        self.0.push((uid.to_owned(), tally));
    }
}
