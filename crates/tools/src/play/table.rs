//! The game as one player sees it: a state machine. Time is an argument. Messages for the server are taken with
//! [`Table::take_says`].

#[cfg(test)]
pub(super) mod tests;

use std::time::{Duration, Instant};

use wulin_client::PlayerToken;
use wulin_client::wire::{
    FaultPayload, HiPayload, MovementPayload, ResultRow, RoomPayload, ServerEvent, StartPayload,
};
use wulin_text::plain;

use super::meeting::{Invitation, Tallies, Tally, Waiting, Wish};
use super::news::{Key, News, Say};
use super::round::{Other, Over, Round, RoundOutcome, settle};

/// How long a face is shown.
const FACE: Duration = Duration::from_secs(2);
/// How long after the end of a round its result may come, before another connection is opened to ask for it; and once
/// more as long, before it is given up.
const LATE: Duration = Duration::from_secs(4);
/// How long `hi` may take on a new connection during a round, and `start` behind it.
const HI: Duration = Duration::from_secs(8);
const RESUME: Duration = Duration::from_millis(2500);
/// A `join` within this time of a result asks for the same people again (docs/protocol.md, "Limits").
const REMATCH: Duration = Duration::from_mins(10);
/// The longest round; a server can announce any length, and a longer one could overflow the clock.
const LONGEST: Duration = Duration::from_hours(24);

/// A notice for the player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// A round went on while the connection was lost, and the server says nothing of how it ended.
    RoundLost,
    /// The server does not know the round any more: it has restarted.
    RoundForgotten,
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
    /// Has asked for a seat.
    Waiting(Waiting),
    /// Plays a round.
    Playing(Round),
    /// Sees the result of a round.
    Over(Over),
}

/// The state of the game for one player.
#[derive(Debug, Clone)]
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
    /// Who waits for this player to play again.
    pub invitation: Option<Invitation>,
    /// What the player is doing.
    pub stage: Stage,
    /// A notice for the player.
    pub note: Option<Note>,
    /// Why the game ended, if it did.
    pub ended: Option<GameEnd>,
    says: Vec<Say>,
    tallies: Tallies,
    losses: usize,
    /// The names of the people of the last round, and until when they can be asked for another one.
    partners: Option<(Vec<String>, Instant)>,
    /// By when the server must have said, over a new connection, that the round goes on.
    resume_by: Option<Instant>,
    /// The token of the last `hi`. With another one, the server has forgotten this player.
    token: Option<PlayerToken>,
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
            invitation: None,
            stage: Stage::Waiting(Waiting::first_for(Vec::new())),
            note: None,
            ended: None,
            says: Vec::new(),
            tallies: Tallies::default(),
            losses: 0,
            partners: None,
            resume_by: None,
            token: None,
        }
    }

    /// Takes the messages to send to the server now.
    pub fn take_says(&mut self) -> Vec<Say> {
        std::mem::take(&mut self.says)
    }

    /// Whether what is chosen now reaches the round at once. Over a new connection it waits for the server to say that the
    /// round goes on.
    pub fn in_touch(&self) -> bool {
        self.connected && self.resume_by.is_none()
    }

    /// The running score against the only opponent, if there is one.
    pub fn tally(&self) -> Option<Tally> {
        match &self.stage {
            Stage::Playing(round) => match &round.others[..] {
                [other] => self.tallies.against(&other.user.uid),
                _ => None,
            },
            Stage::Over(over) => over.tally,
            Stage::Idle | Stage::Waiting(_) => None,
        }
    }

    /// When [`Table::handle_timeout`] is due. Without a connection a round is not given up: its result comes with the
    /// next one.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Playing(round) if self.connected => {
                let times = if round.redialled { 2 } else { 1 };
                Some(self.resume_by.unwrap_or(round.deadline + LATE * times))
            }
            Stage::Playing(_) | Stage::Idle | Stage::Waiting(_) | Stage::Over(_) => None,
        }
    }

    /// Does what is due. A late result is asked for over another connection, and given up when that has none either, so
    /// that the player does not wait for ever.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        let Stage::Playing(round) = &mut self.stage else {
            return;
        };
        if self.resume_by.is_none() && !round.redialled {
            round.redialled = true;
            self.says.push(Say::Redial);
            return;
        }
        let note = if round.redialled {
            Note::NoResult
        } else {
            Note::RoundLost
        };
        self.give_up(note);
    }

    fn give_up(&mut self, note: Note) {
        self.resume_by = None;
        self.note = Some(note);
        self.stage = Stage::Idle;
    }

    /// Whether somebody would wait for this player: at a table, in a round, or for a rematch. The server refuses a `leave`
    /// of anybody else.
    fn is_awaited(&self) -> bool {
        match &self.stage {
            Stage::Waiting(_) | Stage::Playing(_) => true,
            Stage::Idle => self.invitation.is_some(),
            Stage::Over(over) => {
                self.invitation.is_some() || over.others.iter().any(|(other, _)| !other.user.robot)
            }
        }
    }

    /// Takes a key of the player.
    pub fn press(&mut self, key: Key, now: Instant) {
        match (key, &mut self.stage) {
            (Key::Quit, _) => {
                if self.is_awaited() {
                    self.says.push(Say::Leave);
                }
                self.ended = Some(GameEnd::Quit);
            }
            (Key::Hand(hand), Stage::Playing(round)) if now < round.deadline && !round.locked => {
                if round.hand == Some(hand) {
                    round.locked = true;
                } else {
                    round.hand = Some(hand);
                }
                self.tell_hand();
            }
            (Key::Enter, Stage::Playing(round)) if now < round.deadline && !round.locked => {
                round.locked = round.hand.is_some();
                self.tell_hand();
            }
            (Key::Face(face), Stage::Playing(round))
                if now < round.deadline && self.connected && self.resume_by.is_none() =>
            {
                round.face = Some((face, now + FACE));
                self.says.push(Say::Face(face));
            }
            (Key::Enter, Stage::Idle | Stage::Over(_)) => self.ask(Wish::Same, now),
            (Key::Robot, Stage::Idle | Stage::Over(_)) => self.ask(Wish::Robot, now),
            (Key::Robot, Stage::Waiting(waiting)) if waiting.wish != Wish::Robot => {
                waiting.wish = Wish::Robot;
                if self.connected {
                    self.says.push(Say::JoinRobot);
                }
            }
            (Key::Anybody, Stage::Waiting(waiting)) if waiting.prefers() => {
                waiting.wish = Wish::Anybody;
                if self.connected {
                    self.says.push(Say::Join);
                }
            }
            (Key::Hand(_) | Key::Face(_) | Key::Enter | Key::Robot | Key::Anybody, _) => {}
        }
    }

    /// Asks for the next round.
    fn ask(&mut self, wish: Wish, now: Instant) {
        let mut asked = match &self.partners {
            Some((names, until)) if now < *until => names.clone(),
            Some(_) | None => Vec::new(),
        };
        // Whoever waits for this player is met there at once: nobody else has to be asked.
        if let Some(invitation) = self.invitation.take() {
            asked = vec![invitation.name];
        }
        self.note = None;
        self.stage = Stage::Waiting(Waiting {
            wish,
            ..Waiting::first_for(asked)
        });
        if self.connected {
            self.join();
        }
    }

    /// Says what this player waits for.
    fn join(&mut self) {
        let Stage::Waiting(waiting) = &self.stage else {
            return;
        };
        match waiting.wish {
            Wish::Same => self.says.push(Say::Join),
            // The second one is for anybody. The first one alone is, over a new connection, no second one.
            Wish::Anybody => self.says.extend([Say::Join, Say::Join]),
            Wish::Robot => self.says.push(Say::JoinRobot),
        }
    }

    /// Tells the server the hand of this player, if there is a round that hears it.
    fn tell_hand(&mut self) {
        if !self.in_touch() {
            return;
        }
        if let Stage::Playing(round) = &mut self.stage
            && let Some((hand, locked)) = round.untold()
        {
            round.told_before = round.told.map(|(hand, _)| hand);
            round.told = Some((hand, locked));
            self.says.push(if locked {
                Say::Lock(hand)
            } else {
                Say::Choice(hand)
            });
        }
    }

    /// Takes news of the connection.
    pub fn hear(&mut self, news: News, now: Instant) {
        match news {
            News::Up => {
                self.connected = true;
                self.trouble = None;
                match &self.stage {
                    Stage::Waiting(_) => self.join(),
                    Stage::Playing(_) => self.resume_by = Some(now + HI),
                    Stage::Idle | Stage::Over(_) => {}
                }
            }
            News::Down(why) => {
                self.connected = false;
                self.trouble = Some(why);
                self.invitation = None;
                self.resume_by = None;
                match &mut self.stage {
                    Stage::Waiting(waiting) => waiting.seated.clear(),
                    Stage::Playing(_) | Stage::Idle | Stage::Over(_) => {}
                }
            }
            News::Gone(why) => self.ended = Some(GameEnd::Gone(why)),
            News::Said(event) => self.event(event, now),
        }
    }

    fn event(&mut self, event: ServerEvent, now: Instant) {
        match (event, &mut self.stage) {
            (ServerEvent::Hi(hi), _) => self.welcome(hi, now),
            (ServerEvent::Nearby(nearby), _) => self.online = nearby,
            (ServerEvent::Room(room), _) => self.room(room),
            (ServerEvent::Start(start), _) => self.start(start, now),
            (ServerEvent::Movement(movement), Stage::Playing(round)) => {
                if let Some(other) = round.other(&movement.uid) {
                    moved(other, &movement, now);
                }
            }
            (ServerEvent::Left(uid), Stage::Playing(round)) => {
                if let Some(other) = round.other(&uid) {
                    other.left = true;
                }
            }
            (ServerEvent::Left(uid), _) => {
                self.invitation.take_if(|one| one.uid == uid);
            }
            (ServerEvent::Away(uid), Stage::Playing(round)) => round.away(&uid, true),
            (ServerEvent::Back(uid), Stage::Playing(round)) => round.away(&uid, false),
            (ServerEvent::Result(rows), Stage::Playing(_)) => self.finish(rows, false, now),
            (ServerEvent::Fault(fault), _) => self.fault(&fault),
            (ServerEvent::Restart(_), _) => self.note = Some(Note::Restarting),
            (
                ServerEvent::Movement(_)
                | ServerEvent::Away(_)
                | ServerEvent::Back(_)
                | ServerEvent::Result(_)
                | ServerEvent::Other(_),
                _,
            ) => {}
        }
    }

    fn welcome(&mut self, hi: HiPayload, now: Instant) {
        self.online = hi.nearby;
        self.note.take_if(|note| *note == Note::Restarting);
        let forgotten = self.token.is_some() && hi.token.is_some() && self.token != hi.token;
        if forgotten {
            self.partners = None;
            if let Stage::Waiting(waiting) = &mut self.stage {
                waiting.asked.clear();
            }
        }
        if hi.token.is_some() {
            self.token = hi.token;
        }
        match (hi.missed, self.resume_by) {
            (Some(missed), _) => self.finish(missed.result, true, now),
            (None, Some(_)) if forgotten => self.give_up(Note::RoundForgotten),
            (None, Some(_)) => self.resume_by = Some(now + RESUME),
            (None, None) => {}
        }
        (self.total, self.streak) = (hi.total_score, hi.win_streak);
    }

    /// Somebody comes to the room of this player or leaves it; or waits in another one for this player, or no longer.
    fn room(&mut self, room: RoomPayload) {
        let seated = room.users.iter().any(|user| user.uid == self.uid);
        match &mut self.stage {
            Stage::Waiting(waiting) if seated => {
                let others = room.users.into_iter().filter(|user| user.uid != self.uid);
                waiting.seated = others.map(|user| plain(&user.uname)).collect();
            }
            Stage::Idle | Stage::Over(_) if !seated => {
                self.invitation = room.rematch.map(|uid| {
                    let who = room.users.iter().find(|user| user.uid == uid);
                    let name = who.map(|user| plain(&user.uname)).unwrap_or_default();
                    Invitation { uid, name }
                });
            }
            // An invitation has crossed a `join`, which leads there.
            Stage::Waiting(_) | Stage::Playing(_) | Stage::Idle | Stage::Over(_) => {}
        }
    }

    fn start(&mut self, start: StartPayload, now: Instant) {
        let length = Duration::try_from_secs_f64(start.game_time)
            .unwrap_or(LONGEST)
            .min(LONGEST);
        let told = start.hand().map(|hand| (hand, start.lock));
        let others = start
            .room_users
            .into_iter()
            .filter(|user| user.uid != self.uid);
        let mut round = Round {
            deadline: now + length,
            length,
            others: others.map(Other::new).collect(),
            hand: told.map(|(hand, _)| hand),
            locked: told.is_some_and(|(_, locked)| locked),
            told,
            told_before: None,
            face: None,
            redialled: false,
        };
        let resumed = self.resume_by.take().is_some();
        if let Stage::Playing(before) = &self.stage
            && resumed
            && before.is_with(&round.others)
        {
            round.resume(before);
        }
        self.note = None;
        self.invitation = None;
        self.partners = None;
        self.stage = Stage::Playing(round);
        self.tell_hand();
    }

    fn finish(&mut self, mut rows: Vec<ResultRow>, missed: bool, now: Instant) {
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
        self.losses += usize::from(outcome == RoundOutcome::Lost);
        let streak_before = self.streak;
        (self.total, self.streak) = (mine.total_score, mine.win_streak);
        let people = others.iter().map(|(other, _)| other);
        let people = people.filter(|other| !other.user.robot && !other.left);
        let names: Vec<String> = people.map(|other| other.user.uname.clone()).collect();
        self.partners = (!names.is_empty()).then(|| (names, now + REMATCH));
        self.resume_by = None;
        let mut over = Over {
            mine,
            others,
            outcome,
            streak_before,
            losses: self.losses,
            tally: None,
            missed,
        };
        if let Some((uid, tally)) = over.score() {
            self.tallies.count(uid, tally);
            over.tally = self.tallies.against(uid);
        }
        self.stage = Stage::Over(over);
    }

    /// Most faults can be ignored: a message of ours has crossed an event of the server, and the event counts.
    fn fault(&mut self, fault: &FaultPayload) {
        match (&*fault.code, &mut self.stage) {
            ("closing", _) => self.note = Some(Note::Restarting),
            // The hand that was told before this one is the locked one.
            ("hand_locked", Stage::Playing(round)) => {
                if let Some(hand) = round.told_before.take() {
                    round.hand = Some(hand);
                }
                round.locked = true;
                round.told = round.hand.map(|hand| (hand, true));
            }
            _ => {}
        }
    }
}

/// Another player has chosen, locked a hand or pulled a face.
fn moved(other: &mut Other, movement: &MovementPayload, now: Instant) {
    if let Some(face) = movement.face() {
        other.face = Some((face, now + FACE));
        return;
    }
    // To lock the hand that is chosen already is no other choice.
    if !movement.locked || other.moves == 0 {
        other.moves = other.moves.saturating_add(1);
    }
    other.user.locked |= movement.locked;
}
