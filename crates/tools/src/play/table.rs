//! The game as one player sees it: a state machine. Time is an argument. Messages for the server are taken with
//! [`Table::take_says`].

#[cfg(test)]
pub(super) mod tests;

use std::time::{Duration, Instant};

use wulin_client::wire::{FaultPayload, ResultRow, ServerEvent, StartPayload, UserPayload};
use wulin_game::{Face, Hand};
use wulin_text::plain;

use super::round::{Other, Over, Round, settle};

/// How long a face is shown.
const FACE: Duration = Duration::from_secs(2);
/// How long after the end of a round its result may come. It covers a reconnect.
const LATE: Duration = Duration::from_secs(6);
/// The longest round; a server can announce any length, and a longer one could overflow the clock.
const LONGEST: Duration = Duration::from_hours(24);

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
    /// Asks for a seat.
    Join,
    /// Shows a hand.
    Choice(Hand),
    /// Pulls a face.
    Face(Face),
    /// Leaves.
    Leave,
}

/// What a player does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Shows a hand.
    Hand(Hand),
    /// Pulls a face.
    Face(Face),
    /// Asks for the next round.
    Enter,
    /// Ends the game.
    Quit,
}

/// A notice for the player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// A round ended while the connection was lost.
    RoundLost,
    /// No result came for a round.
    NoResult,
    /// The server is restarting.
    Restarting,
}

/// What the player is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Nothing: no seat was asked for.
    Idle,
    /// Has asked for a seat; the names of those who have one already.
    Waiting(Vec<String>),
    /// Plays a round.
    Playing(Round),
    /// Sees the result of a round.
    Over(Over),
}

/// The state of the game for one player.
#[derive(Debug)]
pub struct Table {
    /// The uid of the player.
    uid: String,
    /// The name of the player.
    pub name: String,
    /// The points of all rounds.
    pub total: u64,
    /// The wins in a row.
    pub streak: u32,
    /// How many others are online.
    pub online: u64,
    /// Whether there is a connection.
    pub connected: bool,
    /// Why there is no connection.
    pub trouble: Option<String>,
    /// What the player is doing.
    pub stage: Stage,
    /// A notice for the player.
    pub note: Option<Note>,
    /// Why the game ended, if it did.
    pub ended: Option<GameEnd>,
    says: Vec<Say>,
}

/// Why the game ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GameEnd {
    /// The player left.
    Quit,
    /// The connection is lost for good, for this reason.
    Gone(String),
}

impl Table {
    /// A table for a player who waits for a seat. The connection's first [`News::Up`] asks for it.
    pub fn new(uid: String, name: String) -> Table {
        Table {
            uid,
            name,
            total: 0,
            streak: 0,
            online: 0,
            connected: true,
            trouble: None,
            stage: Stage::Waiting(Vec::new()),
            note: None,
            ended: None,
            says: Vec::new(),
        }
    }

    /// Takes the messages to send to the server now.
    pub fn take_says(&mut self) -> Vec<Say> {
        std::mem::take(&mut self.says)
    }

    /// When [`Table::handle_timeout`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Playing(round) => Some(round.deadline + LATE),
            Stage::Idle | Stage::Waiting(_) | Stage::Over(_) => None,
        }
    }

    /// Does what is due. A round without a result is given up, so that the player does not wait for ever.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.note = Some(if self.connected {
                Note::NoResult
            } else {
                Note::RoundLost
            });
            self.stage = Stage::Idle;
        }
    }

    /// Takes a key of the player.
    pub fn press(&mut self, key: Key, now: Instant) {
        match (key, &mut self.stage) {
            (Key::Quit, _) => {
                self.says.push(Say::Leave);
                self.ended = Some(GameEnd::Quit);
            }
            (Key::Hand(hand), Stage::Playing(round)) if now < round.deadline => {
                if round.hand != Some(hand) {
                    round.hand = Some(hand);
                    self.says.push(Say::Choice(hand));
                }
            }
            (Key::Face(face), Stage::Playing(round)) if now < round.deadline => {
                round.face = Some((face, now + FACE));
                self.says.push(Say::Face(face));
            }
            (Key::Enter, Stage::Idle | Stage::Over(_)) => {
                self.note = None;
                self.stage = Stage::Waiting(Vec::new());
                self.says.push(Say::Join);
            }
            (Key::Hand(_) | Key::Face(_) | Key::Enter, _) => {}
        }
    }

    /// Takes news of the connection.
    pub fn hear(&mut self, news: News, now: Instant) {
        match news {
            News::Up => {
                self.connected = true;
                self.trouble = None;
                if matches!(self.stage, Stage::Waiting(_)) {
                    self.says.push(Say::Join);
                }
            }
            News::Down(why) => {
                self.connected = false;
                self.trouble = Some(why);
                if let Stage::Waiting(seated) = &mut self.stage {
                    seated.clear();
                }
            }
            News::Gone(why) => self.ended = Some(GameEnd::Gone(why)),
            News::Said(event) => self.event(event, now),
        }
    }

    fn event(&mut self, event: ServerEvent, now: Instant) {
        match (event, &mut self.stage) {
            (ServerEvent::Hi(hi), _) => {
                self.online = hi.nearby;
                if let Some(missed) = hi.missed {
                    self.finish(missed.result);
                }
                (self.total, self.streak) = (hi.total_score, hi.win_streak);
            }
            (ServerEvent::Nearby(nearby), _) => self.online = nearby,
            (ServerEvent::Room(room), Stage::Waiting(seated)) => {
                let others = room.users.into_iter().filter(|user| user.uid != self.uid);
                *seated = others.map(|user| plain(&user.uname)).collect();
            }
            (ServerEvent::Start(start), _) => self.start(start, now),
            (ServerEvent::Movement(movement), Stage::Playing(round)) => {
                if let Some(other) = round.other(&movement.uid) {
                    match movement.face() {
                        Some(face) => other.face = Some((face, now + FACE)),
                        None => other.moves = other.moves.saturating_add(1),
                    }
                }
            }
            (ServerEvent::Left(uid), Stage::Playing(round)) => {
                if let Some(other) = round.other(&uid) {
                    other.left = true;
                }
            }
            (ServerEvent::Result(rows), Stage::Playing(_)) => self.finish(rows),
            (ServerEvent::Fault(fault), _) => self.fault(&fault),
            (
                ServerEvent::Room(_)
                | ServerEvent::Movement(_)
                | ServerEvent::Left(_)
                | ServerEvent::Result(_)
                | ServerEvent::Other(_),
                _,
            ) => {}
        }
    }

    fn start(&mut self, start: StartPayload, now: Instant) {
        let length = Duration::try_from_secs_f64(start.game_time)
            .unwrap_or(LONGEST)
            .min(LONGEST);
        let others: Vec<Other> = start
            .room_users
            .into_iter()
            .filter(|user| user.uid != self.uid)
            .map(|user| Other {
                user: UserPayload {
                    uname: plain(&user.uname),
                    ..user
                },
                moves: 0,
                face: None,
                left: false,
            })
            .collect();
        let mut round = Round {
            deadline: now + length,
            length,
            others,
            hand: None,
            face: None,
        };
        // The server repeats `start` after a reconnect. The hand that was chosen meanwhile is sent now.
        if let Stage::Playing(before) = &self.stage
            && before.is_with(&round.others)
        {
            round.hand = before.hand;
            round.length = before.length.max(length);
            self.says.extend(before.hand.map(Say::Choice));
        }
        self.note = None;
        self.stage = Stage::Playing(round);
    }

    fn finish(&mut self, mut rows: Vec<ResultRow>) {
        let Stage::Playing(round) = &self.stage else {
            return;
        };
        let Some(at) = rows.iter().position(|row| row.uid == self.uid) else {
            return;
        };
        let mine = rows.remove(at);
        let others: Vec<(Other, ResultRow)> = round
            .others
            .iter()
            .filter_map(|other| {
                let row = rows.iter().find(|row| row.uid == other.user.uid)?;
                Some((other.clone(), row.clone()))
            })
            .collect();
        let outcome = settle(&mine, &others);
        let streak_before = self.streak;
        (self.total, self.streak) = (mine.total_score, mine.win_streak);
        self.stage = Stage::Over(Over {
            mine,
            others,
            outcome,
            streak_before,
        });
    }

    /// Most faults can be ignored: a message of ours has crossed an event of the server, and the event counts.
    fn fault(&mut self, fault: &FaultPayload) {
        if fault.code == "closing" {
            self.note = Some(Note::Restarting);
        }
    }
}
