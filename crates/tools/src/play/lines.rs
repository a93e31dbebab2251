//! The game in plain lines, for scripts and without a terminal.

use std::borrow::Cow;
use std::io::{self, BufRead, IsTerminal};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;
use tokio::sync::mpsc;
use tokio::time::{self, sleep_until};
use wulin_client::wire::ServerEvent;
use wulin_command::output::say;
use wulin_game::Hand;

use super::draw::waiting_for;
use super::link::PlayerLink;
use super::meeting::Invitation;
use super::news::{Key, News};
use super::pick;
use super::round::{Other, Over, Round, RoundOutcome};
use super::table::{GameEnd, Note, Stage, Table};
use super::words::Words;
use crate::play::flags::Pick;

/// How long a script waits for a round to begin. On a server without robots nobody may ever come.
const SEAT: Duration = Duration::from_mins(2);
/// How long a lost connection may take to come back.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many rounds to play, and which hand to show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// How many rounds. None to play until standard input ends.
    pub(super) rounds: Option<u32>,
    /// The hand of each round. None to read hands from standard input.
    pub(super) hand: Option<Pick>,
}

/// Plays until the rounds are over or the player leaves.
pub(super) async fn play(
    table: &mut Table,
    link: &mut PlayerLink,
    words: &Words,
    plan: Plan,
) -> anyhow::Result<()> {
    let mut game = PlainGame {
        words,
        rounds: plan.rounds.or(plan.hand.map(|_| 1)),
        pick: plan.hand,
        next: None,
        played: 0,
        asks: io::stdin().is_terminal(),
        waits_since: time::Instant::now(),
        last: false,
    };
    let mut typed = plan.hand.is_none().then(read_lines);
    let mut lost_since: Option<time::Instant> = None;
    loop {
        for say in table.take_says() {
            link.say(say);
        }
        match &table.ended {
            Some(GameEnd::Quit) => return game.enough(),
            Some(GameEnd::Gone(why)) => bail!("{why}"),
            None => {}
        }
        let deadline = table.deadline().map(time::Instant::from_std);
        let given_up = lost_since.map(|since| since + PATIENCE);
        // A script writes one line for each round, and may write all of them at once. The next one is read when the
        // hand of the round before is used.
        let reads = typed.is_some() && (game.asks || !game.is_decided(table));
        tokio::select! {
            news = link.news() => {
                match &news {
                    News::Down(why) => {
                        say(format!("{} ({why})", words.reconnecting));
                        lost_since.get_or_insert_with(time::Instant::now);
                    }
                    News::Up => lost_since = None,
                    News::Gone(_) | News::Said(_) => {}
                }
                game.hear(news, table)?;
            }
            text = next(&mut typed), if reads => game.read(text.as_deref(), table),
            () = until(deadline) => {
                table.handle_timeout(Instant::now());
                game.give_up(table)?;
            }
            () = until(game.seat_deadline(table)) => bail!("nobody came to play with within {SEAT:?}"),
            () = until(given_up) => bail!("{}", table.trouble.clone().unwrap_or_default()),
        }
    }
}

/// The state of a game in plain lines.
struct PlainGame<'a> {
    words: &'a Words,
    /// How many rounds to play, if that is limited.
    rounds: Option<u32>,
    /// The hand of each round, if `--hand` gives it.
    pick: Option<Pick>,
    /// The hand that was typed before its round began.
    next: Option<Hand>,
    played: u32,
    /// Whether a person is typing, who is told what can be typed.
    asks: bool,
    /// When a seat was asked for last.
    waits_since: time::Instant,
    /// Whether standard input has ended: this round is the last.
    last: bool,
}

impl PlainGame<'_> {
    /// Whether the hand of the current round is known; or of the next one, if none is on.
    fn is_decided(&self, table: &Table) -> bool {
        match &table.stage {
            Stage::Playing(round) => round.hand.is_some(),
            Stage::Idle | Stage::Waiting(_) | Stage::Over(_) => self.next.is_some(),
        }
    }

    /// When a script stops waiting for a round to begin.
    fn seat_deadline(&self, table: &Table) -> Option<time::Instant> {
        let waits = self.pick.is_some() && matches!(table.stage, Stage::Waiting(_));
        waits.then(|| self.waits_since + SEAT)
    }

    fn hear(&mut self, news: News, table: &mut Table) -> anyhow::Result<()> {
        if let Some(line) = said(&news, table, self.words) {
            say(line);
        }
        let starts = matches!(news, News::Said(ServerEvent::Start(_)));
        let resumes = starts && !table.in_touch();
        let invited = table.invitation.clone();
        // A round ends with its `result`, or with a `hi` that has the result of a round missed while away.
        let was_playing = matches!(table.stage, Stage::Playing(_));
        table.hear(news, Instant::now());
        self.give_up(table)?;
        self.invite(invited.as_ref(), table);
        match &table.stage {
            Stage::Playing(round) if starts => {
                if resumes {
                    say(self.words.resumed);
                }
                say(opening(round, self.words, Instant::now()));
                let shown = round.hand;
                if let Some(hand) = shown {
                    say(self.words.chosen(hand));
                } else if let Some(hand) = self.pick {
                    // A script does not change its mind, so nobody has to wait for it.
                    table.press(Key::Hand(pick(hand)?), Instant::now());
                    table.press(Key::Enter, Instant::now());
                } else if let Some(hand) = self.next.take() {
                    table.press(Key::Hand(hand), Instant::now());
                }
            }
            Stage::Over(over) if was_playing => {
                if over.missed {
                    say(self.words.while_away);
                }
                say(story(over, self.words));
                self.played += 1;
                if self.last || self.rounds.is_some_and(|rounds| self.played >= rounds) {
                    table.press(Key::Quit, Instant::now());
                } else if self.pick.is_some() {
                    self.waits_since = time::Instant::now();
                    table.press(Key::Enter, Instant::now());
                } else if self.asks {
                    say(asking(self.words, self.words.again));
                }
            }
            Stage::Playing(_) | Stage::Idle | Stage::Waiting(_) | Stage::Over(_) => {}
        }
        Ok(())
    }

    /// Ends a script whose round has no result, and tells a person why.
    fn give_up(&mut self, table: &mut Table) -> anyhow::Result<()> {
        let words = self.words;
        let why = match table.note {
            Some(Note::RoundLost) => words.round_lost,
            Some(Note::RoundForgotten) => words.round_forgotten,
            Some(Note::NoResult) => words.no_result,
            Some(Note::Restarting) | None => return Ok(()),
        };
        if !self.asks {
            bail!("{why}");
        }
        table.note = None;
        say(why);
        say(asking(words, words.again));
        Ok(())
    }

    /// Tells who wants a rematch, or no longer does.
    fn invite(&self, before: Option<&Invitation>, table: &Table) {
        let words = self.words;
        match (before, &table.invitation) {
            (before, Some(now)) if before != Some(now) => {
                say(words.wants_rematch(&now.name));
                if self.asks {
                    say(asking(words, words.accept));
                }
            }
            (Some(before), None) if table.connected => {
                if matches!(table.stage, Stage::Idle | Stage::Over(_)) {
                    say(words.no_rematch(&before.name));
                }
            }
            (Some(_) | None, _) => {}
        }
    }

    /// Takes a line of standard input. None is its end, after which no round begins.
    fn read(&mut self, line: Option<&str>, table: &mut Table) {
        let playing = matches!(table.stage, Stage::Playing(_));
        match line.map(key) {
            Some(Some(Key::Hand(hand))) if !playing => {
                self.next = Some(hand);
                table.press(Key::Enter, Instant::now());
            }
            Some(Some(key)) => {
                table.press(key, Instant::now());
                self.confirm(key, table);
            }
            Some(None) => say(hands(self.words)),
            None if playing => self.last = true,
            None => table.press(Key::Quit, Instant::now()),
        }
    }

    /// Tells a person what came of a line.
    fn confirm(&self, key: Key, table: &Table) {
        let words = self.words;
        match (&table.stage, key) {
            (Stage::Playing(round), Key::Hand(_) | Key::Enter) => {
                let Some(hand) = round.hand else {
                    return;
                };
                let detail = if !table.in_touch() && round.is_untold() {
                    words.chosen_offline
                } else if round.locked {
                    words.locked_detail
                } else {
                    words.chosen_detail
                };
                if self.asks {
                    say(format!("{}. {detail}", words.chosen(hand)));
                }
            }
            (Stage::Waiting(waiting), Key::Enter | Key::Anybody | Key::Robot) if self.asks => {
                say(waiting_for(waiting, words));
                if waiting.prefers() {
                    say(format!("[{}, {}]", words.take_anybody, words.take_robot));
                }
            }
            (Stage::Playing(_) | Stage::Waiting(_) | Stage::Idle | Stage::Over(_), _) => {}
        }
    }

    /// An error if fewer rounds were played than were wanted.
    fn enough(&self) -> anyhow::Result<()> {
        match self.rounds {
            Some(rounds) if self.played < rounds => {
                bail!("{} of {rounds} rounds were played", self.played)
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// The line at the start of a round, or when it goes on: the other players, the time that is left, and the hands.
fn opening(round: &Round, words: &Words, now: Instant) -> String {
    let others = round.others.iter();
    let names: Vec<_> = others.map(|other| named(other, words)).collect();
    let left = round.deadline.saturating_duration_since(now);
    let seconds = left.as_secs_f64().ceil() as u64;
    format!(
        "{} {} {}",
        words.against(&names.join(", ")),
        words.seconds(seconds),
        hands(words)
    )
}

/// The line after a round: what can be typed. `enter` is what an empty line does.
fn asking(words: &Words, enter: &str) -> String {
    let (robot, leave) = (words.take_robot, words.leave);
    format!("{} Enter: {enter}, {robot}, q: {leave}", hands(words))
}

/// The line on what another player does during a round, if it is worth one.
fn said(news: &News, table: &Table, words: &Words) -> Option<String> {
    let Stage::Playing(round) = &table.stage else {
        return None;
    };
    let find = |uid: &str| round.others.iter().find(|other| other.user.uid == uid);
    match news {
        News::Said(ServerEvent::Movement(movement)) => {
            let other = find(&movement.uid)?;
            let name = name(other, words);
            Some(match movement.face() {
                Some(face) => words.makes_face(&name, face),
                None if movement.locked => format!("{name} {}", words.locked),
                None if other.unseen => format!("{name} {}", words.moved(1)),
                None => format!("{name} {}", words.moved(other.moves.saturating_add(1))),
            })
        }
        News::Said(ServerEvent::Left(uid)) => {
            Some(format!("{} {}", name(find(uid)?, words), words.left))
        }
        News::Said(ServerEvent::Away(uid)) => {
            Some(format!("{} {}", name(find(uid)?, words), words.away))
        }
        News::Said(ServerEvent::Back(uid)) => {
            Some(format!("{} {}", name(find(uid)?, words), words.back))
        }
        _ => None,
    }
}

fn name<'a>(other: &'a Other, words: &'a Words) -> Cow<'a, str> {
    match other.user.uname.trim() {
        "" => Cow::Borrowed(words.nobody),
        name if other.user.robot => words.robot_name(name),
        name => Cow::Borrowed(name),
    }
}

fn named(other: &Other, words: &Words) -> String {
    let name = name(other, words);
    if other.user.robot {
        format!("{name} ({})", words.robot)
    } else {
        name.into_owned()
    }
}

fn hands(words: &Words) -> String {
    let hands = Hand::ALL.map(|hand| format!("{} {}", hand.number(), words.hand(Some(hand))));
    format!("[{}]", hands.join(", "))
}

/// The line at the end of a round: the hands, who won, and the score.
fn story(over: &Over, words: &Words) -> String {
    let shown = |(other, row): &(Other, wulin_client::wire::ResultRow)| {
        format!("{}: {}", name(other, words), words.hand(row.hand()))
    };
    let others: Vec<_> = over.others.iter().map(shown).collect();
    let end = match over.outcome {
        RoundOutcome::Won => format!("{} {}", words.win, words.gained(over.mine.round_score)),
        RoundOutcome::Lost => words.lose.to_owned(),
        RoundOutcome::Drawn => words.draw.to_owned(),
    };
    let streak = match over.mine.win_streak {
        0 | 1 => String::new(),
        wins => format!(" · {}", words.streak(wins)),
    };
    let tally = over
        .tally
        .map(|tally| words.tally(tally.mine, tally.theirs));
    let tally = tally.map(|tally| format!(" · {tally}")).unwrap_or_default();
    format!(
        "{}: {}, {}. {end} · {}{streak}{tally}",
        words.me,
        words.hand(over.mine.hand()),
        others.join(", "),
        words.score(over.mine.total_score),
    )
}

/// Reads lines of standard input in a thread, since a blocking read cannot be cancelled. The thread ends with the
/// program.
fn read_lines() -> mpsc::Receiver<String> {
    let (send, lines) = mpsc::channel(16);
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if send.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

async fn next(typed: &mut Option<mpsc::Receiver<String>>) -> Option<String> {
    let Some(lines) = typed else {
        return std::future::pending().await;
    };
    let line = lines.recv().await;
    if line.is_none() {
        *typed = None;
    }
    line
}

async fn until(deadline: Option<time::Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// What a typed line means: a hand by its number, its name in either language or its first letter; or a key.
fn key(line: &str) -> Option<Key> {
    let line = line.trim().to_lowercase();
    let hand = match &*line {
        "" => return Some(Key::Enter),
        "q" | "quit" | "exit" => return Some(Key::Quit),
        "robot" | "木人" => return Some(Key::Robot),
        "anybody" | "谁都行" => return Some(Key::Anybody),
        "1" | "s" | "scissors" | "剪刀" => Hand::Scissors,
        "2" | "r" | "rock" | "石头" => Hand::Rock,
        "3" | "p" | "paper" | "布" => Hand::Paper,
        _ => return None,
    };
    Some(Key::Hand(hand))
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{playing, result};
    use super::super::words::{CHINESE, ENGLISH};
    use super::*;

    #[test]
    fn hands_are_read_in_every_spelling() {
        for line in ["2", " rock ", "R", "石头"] {
            assert_eq!(key(line), Some(Key::Hand(Hand::Rock)), "{line}");
        }
        assert_eq!(key("q"), Some(Key::Quit));
        assert_eq!(key(""), Some(Key::Enter));
        assert_eq!(key("robot"), Some(Key::Robot));
        assert_eq!(key("anybody"), Some(Key::Anybody));
        assert_eq!(key("4"), None);
    }

    #[test]
    fn round_that_goes_on_has_the_time_that_is_left() {
        let (table, now) = playing();
        let Stage::Playing(round) = &table.stage else {
            panic!("no round");
        };
        let later = now + Duration::from_secs(3);
        for (at, left) in [(now, "5 seconds left"), (later, "2 seconds left")] {
            assert!(opening(round, &ENGLISH, at).contains(left));
        }
    }

    #[test]
    fn result_is_told_in_one_line() {
        let (mut table, now) = playing();
        table.hear(result((2, 1, 1), "1"), now);
        let Stage::Over(over) = &table.stage else {
            panic!("not over");
        };
        assert_eq!(
            story(over, &ENGLISH),
            "You: rock, robot:1: scissors. You win! +1 · Score 1"
        );
        assert!(story(over, &CHINESE).contains("石头"));
    }
}
