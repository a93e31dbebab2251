//! One player as a state machine. Time is an argument, so that its tests need no clock.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::json;
use tokio::time::Instant;
use wulin_client::wire::StartPayload;

use super::Game;
use super::board::Choice;
use crate::bench::crowd::Crowd;
use crate::bench::dialect::{self, Heard, Name};

/// The last choice of a round is due at least this long before the end. A later one could miss the round, and that
/// would be no fault of the server.
const LAST_CHOICE: Duration = Duration::from_millis(250);

/// A player, from the first `join` to the last `result`.
pub(super) struct Player<'a> {
    crowd: &'a Crowd,
    game: &'a Game,
    number: u32,
    stage: PlayerStage,
    /// When the last `result` came.
    ended: Instant,
    leaving: bool,
    done: bool,
    /// The hand that was shown last; the next choice is the one after it.
    hand: u32,
}

enum PlayerStage {
    /// Thinks until this moment, then asks for a round.
    Thinking(Instant),
    /// Has asked for a round, which must begin before this moment.
    Waiting(Instant),
    Playing(PlayerRound),
}

struct PlayerRound {
    /// The number of the other player; none if it is a robot or somebody who is not of this bench.
    partner: Option<u32>,
    /// When the `result` is due.
    end: Instant,
    /// When the next choice is due; none after the last.
    choice: Option<Instant>,
    counts: bool,
}

impl<'a> Player<'a> {
    /// A player who asks for the first round at the moment `first`.
    pub(super) fn new(crowd: &'a Crowd, game: &'a Game, number: u32, first: Instant) -> Player<'a> {
        Player {
            crowd,
            game,
            number,
            stage: PlayerStage::Thinking(first),
            ended: first,
            leaving: false,
            done: false,
            hand: number,
        }
    }

    /// When [`Player::wake`] is to be called.
    pub(super) fn deadline(&self) -> Instant {
        match &self.stage {
            PlayerStage::Thinking(until) | PlayerStage::Waiting(until) => *until,
            PlayerStage::Playing(round) => round.choice.unwrap_or(round.end + self.crowd.timeout),
        }
    }

    /// Asks for no more rounds. A round that has begun is played to its end.
    pub(super) fn leave(&mut self) {
        self.leaving = true;
        self.done |= !matches!(self.stage, PlayerStage::Playing(_));
    }

    /// Whether [`Player::leave`] was called.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// Whether the connection can be closed.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// Does what is due at the deadline: returns the frame to send, or an error if the server is too late.
    pub(super) fn wake(&mut self, now: Instant) -> anyhow::Result<String> {
        match &mut self.stage {
            PlayerStage::Thinking(_) => {
                self.stage = PlayerStage::Waiting(now + self.crowd.timeout);
                Ok(dialect::write(self.crowd.protocol, "join", None))
            }
            PlayerStage::Waiting(_) => bail!("no start within {:?}", self.crowd.timeout),
            PlayerStage::Playing(round) => {
                let Some(due) = round.choice else {
                    bail!("no result within {:?}", self.crowd.timeout);
                };
                let next = due + self.game.choice_every;
                round.choice = (next + LAST_CHOICE <= round.end).then_some(next);
                let partner = round.partner;
                Ok(self.choose(partner, due, now))
            }
        }
    }

    fn choose(&mut self, partner: Option<u32>, due: Instant, sent: Instant) -> String {
        self.hand = self.hand % 3 + 1;
        let counts = self.crowd.is_recording();
        if counts {
            self.game.choices.fetch_add(1, Relaxed);
            self.game.sendings.note(sent - due);
        }
        if let Some(partner) = partner {
            let choice = Choice {
                partner,
                due,
                sent,
                counts,
            };
            self.game.board.enter(self.number, choice);
        }
        dialect::write(
            self.crowd.protocol,
            "choice",
            Some(&json!({ "choice": self.hand })),
        )
    }

    /// Takes a frame of the server.
    pub(super) fn hear(&mut self, text: &str, now: Instant) -> anyhow::Result<()> {
        match dialect::read(self.crowd.protocol, text) {
            Heard::Event(Name::Start, payload) => self.start(payload, now),
            Heard::Event(Name::Movement, payload) => {
                self.see(payload, now);
                Ok(())
            }
            Heard::Event(Name::Result, _) => {
                self.end(now);
                Ok(())
            }
            Heard::Event(Name::Fault, payload) => {
                let code = dialect::text_of(payload, "code").unwrap_or("unknown");
                self.crowd.count_refused(code);
                Ok(())
            }
            Heard::Event(Name::Hi | Name::Other, _)
            | Heard::Opened(_)
            | Heard::Connected
            | Heard::Ping
            | Heard::Goodbye
            | Heard::Nothing => Ok(()),
        }
    }

    fn start(&mut self, payload: &str, now: Instant) -> anyhow::Result<()> {
        let start: StartPayload = serde_json::from_str(payload).context("reading start")?;
        ensure!(
            start.room_users.len() == 2,
            "rooms of {} are not for two: start the server with --seats 2",
            start.room_users.len()
        );
        let round_time =
            Duration::try_from_secs_f64(start.game_time).context("reading gameTime")?;
        let mut numbers = start
            .room_users
            .iter()
            .map(|user| self.crowd.number_of(&user.uid));
        let partner = numbers
            .find(|number| *number != Some(self.number))
            .flatten();
        if let Some(partner) = partner {
            // What this partner sent in an earlier round, after that had ended here, is not missing.
            self.clear(partner, self.ended);
        }
        self.stage = PlayerStage::Playing(PlayerRound {
            partner,
            end: now + round_time,
            choice: Some(now),
            counts: self.crowd.is_recording(),
        });
        Ok(())
    }

    fn see(&mut self, payload: &str, now: Instant) {
        let PlayerStage::Playing(PlayerRound {
            partner: Some(partner),
            ..
        }) = &self.stage
        else {
            return;
        };
        let who = dialect::text_of(payload, "uid").and_then(|uid| self.crowd.number_of(uid));
        if who != Some(*partner) || dialect::text_of(payload, "movement") != Some("choice") {
            return;
        }
        if let Some(choice) = self.game.board.take(*partner, self.number)
            && choice.counts
        {
            self.game.movements.note(now - choice.due);
            self.game.movements_from_sending.note(now - choice.sent);
        }
    }

    fn end(&mut self, now: Instant) {
        let PlayerStage::Playing(round) = &self.stage else {
            return;
        };
        if round.counts {
            self.game
                .results
                .note(now.saturating_duration_since(round.end));
        }
        let partner = round.partner;
        if self.crowd.is_recording() {
            let halves = if partner.is_some() { 1 } else { 2 };
            self.game.halves.fetch_add(halves, Relaxed);
            self.game
                .others
                .fetch_add(u64::from(partner.is_none()), Relaxed);
        }
        if let Some(partner) = partner {
            self.clear(partner, now);
        }
        self.ended = now;
        self.done = self.leaving;
        self.stage = PlayerStage::Thinking(now + self.game.think);
    }

    fn clear(&self, partner: u32, before: Instant) {
        let missing = self.game.board.clear(partner, self.number, before);
        self.game.missing.fetch_add(missing, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::bench::way::Way;

    #[derive(Parser)]
    struct TestArgs {
        #[command(flatten)]
        flags: crate::bench::Bench,
    }

    /// A crowd of two and their game. Nothing is connected.
    async fn scene() -> (Crowd, Game) {
        let arguments = ["bench", "127.0.0.1:1", "--people", "2"];
        let TestArgs { flags } = TestArgs::parse_from(arguments);
        let way = Way::find(&flags).await.unwrap();
        let crowd = Crowd::new(&flags, way).unwrap();
        crowd.recording.store(true, Relaxed);
        (crowd, Game::new(&flags).unwrap())
    }

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    fn start(crowd: &Crowd) -> String {
        let users: Vec<_> = (0..2)
            .map(|number| json!({ "uid": crowd.person(number).uid }))
            .collect();
        json!({ "event": "start", "data": { "gameTime": 5, "roomUsers": users } }).to_string()
    }

    fn movement(crowd: &Crowd, number: u32) -> String {
        let uid = crowd.person(number).uid;
        format!(r#"{{"event":"movement","data":{{"uid":"{uid}","movement":"choice"}}}}"#)
    }

    const RESULT: &str = r#"{"event":"result","data":{"result":[]}}"#;

    #[tokio::test]
    async fn latency_counts_from_the_due_time_of_a_choice() {
        let (crowd, game) = scene().await;
        let now = Instant::now();
        let [mut ann, mut ben] = [0, 1].map(|number| Player::new(&crowd, &game, number, now));
        for player in [&mut ann, &mut ben] {
            assert!(player.wake(now).unwrap().contains("join"));
            player.hear(&start(&crowd), now).unwrap();
        }
        // This program is 40 ms late, and the server takes 10 ms more.
        assert_eq!(ann.deadline(), now);
        assert!(ann.wake(now + millis(40)).unwrap().contains("choice"));
        // The next choice is due 500 ms after the last one was due, not after it was sent.
        assert_eq!(ann.deadline(), now + millis(500));
        ben.hear(&movement(&crowd, 0), now + millis(50)).unwrap();
        let longest = |times: &crate::bench::crowd::TimeHistogram| times.histogram().max() / 1000;
        assert_eq!(longest(&game.movements), 50);
        assert_eq!(longest(&game.movements_from_sending), 10);
        assert_eq!(longest(&game.sendings), 40);
    }

    #[tokio::test]
    async fn round_is_counted_once_and_unseen_choices_are_missing() {
        let (crowd, game) = scene().await;
        let now = Instant::now();
        let [mut ann, mut ben] = [0, 1].map(|number| Player::new(&crowd, &game, number, now));
        for player in [&mut ann, &mut ben] {
            player.wake(now).unwrap();
            player.hear(&start(&crowd), now).unwrap();
        }
        let mut choices = 0;
        while ann.deadline() < now + millis(5000) {
            ann.wake(ann.deadline()).unwrap();
            choices += 1;
        }
        assert_eq!(choices, 10, "the last one half a second before the end");
        ben.hear(&movement(&crowd, 0), now + millis(1)).unwrap();
        ben.leave();
        assert!(!ben.is_done(), "a round is played to its end");
        for player in [&mut ann, &mut ben] {
            player.hear(RESULT, now + millis(5007)).unwrap();
        }
        assert_eq!(game.halves.load(Relaxed), 2);
        assert_eq!(game.results.histogram().max() / 1000, 7);
        assert_eq!(game.missing.load(Relaxed), 9);
        assert!(ben.is_done() && !ann.is_done());
        // A player who gets no `start` in time fails.
        ann.wake(ann.deadline()).unwrap();
        assert!(ann.wake(ann.deadline()).is_err());
    }
}
