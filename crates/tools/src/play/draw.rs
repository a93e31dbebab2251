//! Draws a table: a pure function from the state to lines of text. Nothing here writes or waits.

mod players;

use std::time::Instant;

use unicode_width::UnicodeWidthStr;
use wulin_game::{Face, Hand};

use super::meeting::{Waiting, Wish};
use super::paper::{Piece, Sheet, Tone, centred, fit, piece};
use super::round::{Over, Round, RoundOutcome};
use super::table::{Note, Stage, Table};
use super::words::Words;

/// The greatest width in columns; wider windows have margins.
const WIDEST: usize = 76;
/// The smallest window with pictures of hands, in columns and rows.
const LARGE: (usize, usize) = (60, 20);
/// The smallest window in which the game is drawn, in columns and rows.
const SMALL: (usize, usize) = (34, 10);
/// The columns from which each face has its key.
const WIDE_KEYS: usize = 50;
/// The width of the bar of the remaining time, in columns.
const BAR: usize = 40;

/// Draws a table for a window of so many columns and rows.
pub(super) fn draw(
    table: &Table,
    words: &Words,
    (columns, rows): (usize, usize),
    now: Instant,
) -> Sheet {
    if columns < SMALL.0 || rows < SMALL.1 {
        return vec![vec![piece(fit(words.too_small, columns), Tone::Plain)]];
    }
    let sheet = Canvas {
        table,
        words,
        columns: columns.min(WIDEST),
        large: columns >= LARGE.0 && rows >= LARGE.1,
        now,
    };
    let (top, middle, keys) = (
        [sheet.header(), sheet.players()].concat(),
        sheet.middle(),
        sheet.keys(),
    );
    let spare = rows.saturating_sub(top.len() + middle.len() + keys.len());
    let (tally, aside) = (sheet.tally(), sheet.aside());
    // The two lines between are empty most of the time. A small window has room for one of them, or for none.
    let (tally, aside) = match spare {
        0 => (None, None),
        1 if aside.is_empty() => (Some(tally), None),
        1 => (None, Some(aside)),
        _ => (Some(tally), Some(aside)),
    };
    let mut lines = top;
    lines.extend(tally);
    lines.extend(middle);
    lines.extend(aside);
    lines.extend(keys);
    lines.truncate(rows);
    let margin = (columns - sheet.columns) / 2;
    for line in &mut lines {
        line.insert(0, piece(" ".repeat(margin), Tone::Plain));
    }
    lines
}

/// What is drawn, and where.
struct Canvas<'a> {
    table: &'a Table,
    words: &'a Words,
    columns: usize,
    large: bool,
    now: Instant,
}

impl Canvas<'_> {
    /// The name of the game, and the state of the connection.
    fn header(&self) -> Sheet {
        let Canvas { table, words, .. } = self;
        let right = if table.connected {
            piece(words.online(table.online), Tone::Quiet)
        } else {
            piece(words.reconnecting, Tone::Bad)
        };
        let left = piece(words.title, Tone::Strong);
        let gap = self
            .columns
            .saturating_sub(left.text.width() + right.text.width() + 2);
        let line = vec![
            piece(" ", Tone::Plain),
            left,
            piece(" ".repeat(gap), Tone::Plain),
            right,
        ];
        let mut lines = vec![line, vec![piece("─".repeat(self.columns), Tone::Quiet)]];
        if self.large {
            lines.push(Vec::new());
        }
        lines
    }

    /// Three lines in the middle: what happens, and details on it.
    fn middle(&self) -> Sheet {
        let words = self.words;
        let lines = match &self.table.stage {
            Stage::Idle => {
                let note = self.note().unwrap_or(words.rules);
                [vec![piece(note, Tone::Plain)], Vec::new(), Vec::new()]
            }
            Stage::Waiting(waiting) => {
                let detail = if self.table.connected {
                    self.note().unwrap_or(words.waiting_detail)
                } else {
                    words.waiting_offline
                };
                let headline = waiting_for(waiting, words);
                [
                    vec![piece(headline, Tone::Strong)],
                    vec![piece(detail, Tone::Quiet)],
                    Vec::new(),
                ]
            }
            Stage::Playing(round) => self.countdown(round),
            Stage::Over(over) => self.end(over),
        };
        lines
            .into_iter()
            .map(|line| centred(line, self.columns))
            .collect()
    }

    /// The running score, between the two players.
    fn tally(&self) -> Vec<Piece> {
        let Some(tally) = self.table.tally() else {
            return Vec::new();
        };
        let score = self.words.tally(tally.mine, tally.theirs);
        centred(vec![piece(score, Tone::Strong)], self.columns)
    }

    /// Why there is no connection, or who wants a rematch.
    fn aside(&self) -> Vec<Piece> {
        let table = self.table;
        let line = match (&table.trouble, &table.invitation) {
            (Some(trouble), _) if !table.connected => piece(&**trouble, Tone::Quiet),
            (_, Some(invitation)) => piece(self.words.wants_rematch(&invitation.name), Tone::Good),
            (_, None) => return Vec::new(),
        };
        centred(vec![line], self.columns)
    }

    fn note(&self) -> Option<&'static str> {
        self.table.note.map(|note| match note {
            Note::RoundLost => self.words.round_lost,
            Note::RoundForgotten => self.words.round_forgotten,
            Note::NoResult => self.words.no_result,
            Note::Restarting => self.words.restarting,
        })
    }

    fn countdown(&self, round: &Round) -> [Vec<Piece>; 3] {
        let words = self.words;
        let left = round.deadline.saturating_duration_since(self.now);
        let share = left.as_secs_f64() / round.length.as_secs_f64().max(f64::EPSILON);
        let room = BAR.min(self.columns.saturating_sub(20));
        let full = ((share * room as f64).round() as usize).min(room);
        let seconds = left.as_secs_f64().ceil() as u64;
        let bar = vec![
            piece("█".repeat(full), Tone::Strong),
            piece("░".repeat(room - full), Tone::Quiet),
            piece(format!("  {}", words.seconds(seconds)), Tone::Quiet),
        ];
        let headline = match round.hand {
            _ if left.is_zero() && self.table.in_touch() => words.time_up.to_owned(),
            None if left.is_zero() => String::new(),
            None => words.choose.to_owned(),
            Some(hand) => words.chosen(hand),
        };
        let detail = match (self.table.in_touch(), left.is_zero()) {
            (true, true) => "",
            (true, false) if round.locked => words.locked_detail,
            (true, false) if round.hand.is_some() => words.chosen_detail,
            (true, false) => words.choose_detail,
            (false, true) => words.over_offline,
            (false, false) if round.is_untold() => words.chosen_offline,
            (false, false) => words.seat_kept,
        };
        [
            bar,
            vec![piece(headline, Tone::Strong)],
            vec![piece(detail, Tone::Quiet)],
        ]
    }

    fn end(&self, over: &Over) -> [Vec<Piece>; 3] {
        let words = self.words;
        let streak = over.mine.win_streak;
        let before = over.streak_before;
        let (headline, tone) = match over.outcome {
            RoundOutcome::Won => (
                format!("{}  {}", words.win, words.gained(over.mine.round_score)),
                Tone::Good,
            ),
            RoundOutcome::Lost => (words.lose.to_owned(), Tone::Bad),
            RoundOutcome::Drawn => (words.draw.to_owned(), Tone::Strong),
        };
        let after = match over.outcome {
            RoundOutcome::Won if streak > 1 => words.streak_now(streak),
            RoundOutcome::Won => words.one_win.to_owned(),
            RoundOutcome::Lost | RoundOutcome::Drawn if before > 1 => words.streak_over(before),
            RoundOutcome::Lost => words.consolation(over.losses).to_owned(),
            RoundOutcome::Drawn => String::new(),
        };
        let after = if over.missed {
            format!("{} {after}", words.while_away)
        } else {
            after
        };
        [
            vec![piece(headline, tone)],
            vec![piece(reason(over, words), Tone::Plain)],
            vec![piece(after, Tone::Quiet)],
        ]
    }

    /// The keys that can be pressed now.
    fn keys(&self) -> Sheet {
        let words = self.words;
        let leave = || vec![piece("q ", Tone::Strong), piece(words.leave, Tone::Quiet)];
        let key = |key: &str, meaning: &str| {
            let meaning = piece(format!("{meaning}  "), Tone::Quiet);
            vec![piece(format!("{key} "), Tone::Strong), meaning]
        };
        let lines = match &self.table.stage {
            Stage::Playing(round) => {
                let mut hands = Vec::new();
                for hand in Hand::ALL {
                    let label = format!(" {} {} ", hand.number(), words.hand(Some(hand)));
                    let tone = if round.hand == Some(hand) {
                        Tone::Chosen
                    } else {
                        Tone::Plain
                    };
                    hands.push(piece(label, tone));
                    hands.push(piece("  ", Tone::Plain));
                }
                hands.pop();
                let lockable = round.hand.is_some() && !round.locked;
                let narrow = self.columns < WIDE_KEYS;
                let mut faces = Vec::new();
                if lockable && narrow {
                    faces.extend(key("Enter", words.lock));
                } else if narrow {
                    faces.extend(key("asdf", words.face_keys));
                } else {
                    for (letter, face) in ["a", "s", "d", "f"].into_iter().zip(Face::ALL) {
                        faces.extend(key(letter, drawn(face)));
                    }
                }
                if lockable && !narrow {
                    hands.push(piece("   ", Tone::Plain));
                    hands.extend(key("Enter", words.lock));
                }
                faces.extend(leave());
                vec![hands, faces]
            }
            Stage::Idle | Stage::Over(_) => {
                let enter = match self.table.invitation {
                    Some(_) => words.accept,
                    None => words.again,
                };
                let mut line = key("Enter", enter);
                line.extend(key("r", words.take_robot));
                line.extend(leave());
                vec![line]
            }
            Stage::Waiting(waiting) => {
                let mut line = Vec::new();
                if waiting.prefers() {
                    line.extend(key("n", words.take_anybody));
                }
                if waiting.wish != Wish::Robot {
                    line.extend(key("r", words.take_robot));
                }
                line.extend(leave());
                vec![line]
            }
        };
        lines
            .into_iter()
            .map(|line| centred(line, self.columns))
            .collect()
    }
}

/// Whom the player waits for.
pub(super) fn waiting_for(waiting: &Waiting, words: &Words) -> String {
    if !waiting.seated.is_empty() {
        words.seated_with(&waiting.seated.join(", "))
    } else if waiting.prefers() {
        words.want_rematch(&waiting.asked.join(", "))
    } else {
        words.waiting.to_owned()
    }
}

/// Why the round ended as it did. Empty if there were more than two players.
fn reason(over: &Over, words: &Words) -> String {
    let [(other, row)] = &over.others[..] else {
        return String::new();
    };
    let winner = match (over.outcome, over.mine.hand(), row.hand()) {
        (RoundOutcome::Won, ..) if other.left => return words.other_left.to_owned(),
        (RoundOutcome::Won, mine, Some(_)) => mine,
        (RoundOutcome::Lost, Some(_), theirs) => theirs,
        (RoundOutcome::Drawn, ..) => return words.draw_detail.to_owned(),
        (RoundOutcome::Won | RoundOutcome::Lost, ..) => return words.no_hand_loses.to_owned(),
    };
    winner.map_or_else(String::new, |hand| words.beats(hand).to_owned())
}

/// A face as an emoticon.
fn drawn(face: Face) -> &'static str {
    match face {
        Face::Laughing => "(^o^)",
        Face::Crying => "(T_T)",
        Face::Angry => "(>_<)",
        Face::Smirking => "(-_^)",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::news::{Key, News};
    use super::super::table::tests::{playing, result, said, start};
    use super::super::words::{CHINESE, ENGLISH};
    use super::*;

    fn text(table: &Table, words: &Words, size: (usize, usize), now: Instant) -> String {
        let frame = draw(table, words, size, now);
        let lines = frame.iter().map(|line| {
            let line: String = line.iter().map(|piece| &*piece.text).collect();
            line.trim_end().to_owned()
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// A table in each stage, with a text it must show.
    fn stages() -> Vec<(Table, Instant, &'static str)> {
        let now = Instant::now();
        let waiting = Table::new("me".into(), "Me".into());
        let (fresh, _) = playing();
        let (mut chosen, then) = playing();
        chosen.press(Key::Hand(Hand::Paper), then);
        let (mut won, _) = playing();
        won.hear(result((2, 1, 1), "1"), now);
        let (mut lost, _) = playing();
        lost.hear(result((2, 0, 0), "3"), now);
        let (mut idle, start) = playing();
        idle.handle_timeout(start + Duration::from_mins(1));
        idle.handle_timeout(start + Duration::from_mins(1));
        let (mut locked, then) = playing();
        locked.press(Key::Hand(Hand::Paper), then);
        locked.press(Key::Enter, then);
        let (mut invited, _) = playing();
        invited.hear(result((2, 0, 0), "3"), now);
        let offer = r#"{"users":[{"uid":"ben","uname":"Ben"}],"rematch":"ben"}"#;
        invited.hear(said("room", offer), now);
        let mut again = invited.clone();
        again.press(Key::Enter, now);
        vec![
            (locked, now, "no more switching"),
            (invited, now, "Ben wants a rematch"),
            (again, now, "You want a rematch with Ben"),
            (waiting, now, "Finding an opponent"),
            (fresh, now, "Choose!"),
            (chosen, now, "You picked paper"),
            (won, now, "Rock breaks scissors."),
            (lost, now, "Paper wraps rock."),
            (idle, now, "No result came"),
        ]
    }

    #[test]
    fn every_stage_is_named_in_every_window_size() {
        for size in [(80, 24), (200, 60), (60, 20), (59, 19), (34, 10)] {
            for (table, now, word) in stages() {
                let shown = text(&table, &ENGLISH, size, now);
                assert!(shown.contains(word), "{word:?} at {size:?}:\n{shown}");
                assert!(shown.lines().count() <= size.1, "{size:?}:\n{shown}");
                assert!(shown.contains("q leave"), "{size:?}:\n{shown}");
                for line in shown.lines() {
                    assert!(line.width() <= size.0, "{size:?}: {line:?}");
                }
            }
        }
        let (table, now, _) = &stages()[0];
        assert!(text(table, &ENGLISH, (20, 5), *now).contains("too small"));
    }

    #[test]
    fn chinese_text_fits_the_window() {
        for (table, now, _) in stages() {
            for line in text(&table, &CHINESE, (60, 20), now).lines() {
                assert!(line.width() <= 60, "{line:?}");
            }
        }
    }

    #[test]
    fn bar_shrinks_and_the_other_hand_stays_hidden() {
        let (mut table, now) = playing();
        let bars = |table: &Table, at| text(table, &ENGLISH, (80, 24), at).matches('█').count();
        let art = |table: &Table| {
            let shown = text(table, &ENGLISH, (80, 24), now + Duration::from_secs(5));
            shown.matches('█').count()
        };
        assert_eq!(bars(&table, now) - art(&table), BAR);
        let half = now + Duration::from_millis(2500);
        assert_eq!(bars(&table, half) - art(&table), BAR / 2);
        let before = text(&table, &ENGLISH, (80, 24), now);
        assert!(before.contains("is thinking"));
        table.hear(
            said("movement", r#"{"uid":"robot:1","movement":"choice"}"#),
            now,
        );
        let after = text(&table, &ENGLISH, (80, 24), now);
        assert!(after.contains("has chosen"), "{after}");
        assert_ne!(before, after);
    }

    #[test]
    fn face_is_shown_for_two_seconds() {
        let (mut table, now) = playing();
        table.hear(
            said(
                "movement",
                r#"{"uid":"robot:1","movement":"face","face":2}"#,
            ),
            now,
        );
        let shown = |at| text(&table, &ENGLISH, (80, 24), at);
        assert!(shown(now).contains("(T_T) crying"));
        assert!(!shown(now + Duration::from_secs(3)).contains("crying"));
    }

    #[test]
    fn lost_connection_is_shown_beside_the_round() {
        let (mut table, now) = playing();
        table.hear(News::Down("the cable is out".into()), now);
        let shown = text(&table, &ENGLISH, (80, 24), now);
        assert!(shown.contains("Reconnecting") && shown.contains("the cable is out"));
        assert!(shown.contains("Choose!"), "{shown}");
    }

    #[test]
    fn sentences_without_a_connection_are_true() {
        let (mut table, now) = playing();
        let shown = |table: &Table, at| text(table, &ENGLISH, (80, 24), at);
        table.press(Key::Hand(Hand::Rock), now);
        assert!(shown(&table, now).contains(ENGLISH.chosen_detail));
        table.hear(News::Down("cut".into()), now);
        let kept = shown(&table, now);
        assert!(kept.contains("You picked rock") && kept.contains(ENGLISH.seat_kept));
        table.press(Key::Hand(Hand::Paper), now);
        assert!(shown(&table, now).contains(ENGLISH.chosen_offline));
        let late = shown(&table, now + Duration::from_secs(5));
        assert!(late.contains(ENGLISH.over_offline), "{late}");
        assert!(!late.contains(ENGLISH.time_up), "{late}");
        table.hear(News::Up, now);
        assert!(
            shown(&table, now).contains(ENGLISH.chosen_offline),
            "not sent before the server says that the round goes on"
        );
        let mut waiting = Table::new("me".into(), "Me".into());
        waiting.hear(News::Down("cut".into()), now);
        assert!(shown(&waiting, now).contains(ENGLISH.waiting_offline));
    }

    #[test]
    fn nothing_is_said_of_moves_that_nobody_saw() {
        let (mut table, now) = playing();
        table.hear(News::Down("cut".into()), now);
        table.hear(News::Up, now);
        table.hear(start(&["me", "robot:1"]), now);
        let shown = |table: &Table| text(table, &ENGLISH, (80, 24), now);
        assert!(!shown(&table).contains(ENGLISH.thinking));
        for _ in 0..2 {
            let choice = r#"{"uid":"robot:1","movement":"choice"}"#;
            table.hear(said("movement", choice), now);
            assert!(shown(&table).contains("has chosen"));
        }
        table.hear(said("away", r#"{"uid":"robot:1"}"#), now);
        assert!(shown(&table).contains("is away"));
    }
}
