//! Tests of the table, and the tables and events that other tests need.

mod again;

use wulin_client::wire;
use wulin_game::{Face, Hand};

use super::*;

/// An event in the JSON of the server.
pub(in super::super) fn said(event: &str, data: &str) -> News {
    News::Said(wire::read(&format!(r#"{{"event":"{event}","data":{data}}}"#)).unwrap())
}

pub(in super::super) fn start(uids: &[&str]) -> News {
    let users: Vec<_> = uids
        .iter()
        .map(|uid| {
            let robot = uid.starts_with("robot");
            format!(
                r#"{{"uid":"{uid}","uname":"{uid}","totalScore":4,"winStreak":2,"robot":{robot}}}"#
            )
        })
        .collect();
    said(
        "start",
        &format!(r#"{{"gameTime":5,"roomUsers":[{}]}}"#, users.join(",")),
    )
}

pub(in super::super) fn result(mine: (u8, u64, u32), theirs: &str) -> News {
    let (hand, score, streak) = mine;
    said(
        "result",
        &format!(
            r#"{{"result":[{{"uid":"me","choice":{hand},"roundScore":{score},"totalScore":{score},"winStreak":{streak}}},
            {{"uid":"robot:1","choice":{theirs},"roundScore":0,"totalScore":4,"winStreak":0}}]}}"#
        ),
    )
}

/// A table whose round has just begun.
pub(in super::super) fn playing() -> (Table, Instant) {
    let now = Instant::now();
    let mut table = Table::new("me".into(), "Me".into());
    table.hear(News::Up, now);
    assert_eq!(table.take_says(), [Say::Join]);
    table.hear(start(&["me", "robot:1"]), now);
    (table, now)
}

fn over(table: &Table) -> &Over {
    match &table.stage {
        Stage::Over(over) => over,
        other => panic!("{other:?}"),
    }
}

#[test]
fn player_plays_a_round_and_asks_for_the_next() {
    let (mut table, now) = playing();
    table.press(Key::Hand(Hand::Rock), now);
    table.press(Key::Face(Face::Angry), now);
    assert_eq!(
        table.take_says(),
        [Say::Choice(Hand::Rock), Say::Face(Face::Angry)]
    );
    table.hear(
        said("movement", r#"{"uid":"robot:1","movement":"choice"}"#),
        now,
    );
    table.hear(
        said(
            "movement",
            r#"{"uid":"robot:1","movement":"face","face":4}"#,
        ),
        now,
    );
    let Stage::Playing(round) = &table.stage else {
        panic!("no round");
    };
    assert_eq!(round.others[0].moves, 1);
    assert_eq!(round.others[0].face, Some((Face::Smirking, now + FACE)));
    table.hear(result((2, 1, 1), "1"), now);
    assert_eq!(over(&table).outcome, RoundOutcome::Won);
    assert_eq!((table.total, table.streak), (1, 1));
    table.press(Key::Enter, now);
    assert_eq!(table.take_says(), [Say::Join]);
    assert_eq!(table.stage, Stage::Waiting(Waiting::first_for(Vec::new())));
}

#[test]
fn hands_tell_a_loss_from_a_draw() {
    for (theirs, outcome) in [
        ("3", RoundOutcome::Lost),
        ("2", RoundOutcome::Drawn),
        ("null", RoundOutcome::Drawn),
    ] {
        let (mut table, now) = playing();
        table.hear(result((2, 0, 0), theirs), now);
        assert_eq!(over(&table).outcome, outcome, "{theirs}");
    }
}

#[test]
fn round_continues_over_a_new_connection() {
    let (mut table, now) = playing();
    table.hear(News::Down("cut".into()), now);
    table.press(Key::Hand(Hand::Paper), now);
    table.take_says();
    table.hear(News::Up, now);
    assert_eq!(table.take_says(), [], "no seat is asked for in a round");
    table.hear(start(&["me", "robot:1"]), now);
    assert_eq!(table.take_says(), [Say::Choice(Hand::Paper)]);
    table.hear(start(&["me", "robot:2"]), now);
    assert_eq!(table.take_says(), [], "another round has no hand yet");
}

#[test]
fn missed_result_is_shown_like_any_other() {
    let (mut table, now) = playing();
    table.hear(News::Down("cut".into()), now);
    table.hear(News::Up, now);
    let missed = r#"{"result":[{"uid":"me","choice":2,"roundScore":3,"totalScore":9,"winStreak":3},
        {"uid":"robot:1","choice":1,"roundScore":0,"totalScore":4,"winStreak":0}]}"#;
    let hi = format!(r#"{{"totalScore":9,"winStreak":3,"missed":{missed}}}"#);
    table.hear(said("hi", &hi), now);
    assert_eq!(over(&table).outcome, RoundOutcome::Won);
    assert_eq!((table.total, table.streak), (9, 3));
    table.hear(said("nearby", r#"{"nearby":5}"#), now);
    assert_eq!(table.online, 5);
}

#[test]
fn late_result_is_asked_for_over_another_connection_and_then_given_up() {
    let (mut table, now) = playing();
    let late = now + Duration::from_secs(5) + LATE;
    assert_eq!(table.deadline(), Some(late));
    table.handle_timeout(now + Duration::from_secs(5));
    assert_eq!(table.take_says(), []);
    table.handle_timeout(late);
    assert_eq!(table.take_says(), [Say::Redial]);
    assert!(matches!(table.stage, Stage::Playing(_)));
    assert_eq!(table.deadline(), Some(late + LATE));
    table.handle_timeout(late + LATE);
    assert_eq!(
        (&table.stage, table.note),
        (&Stage::Idle, Some(Note::NoResult))
    );
    table.press(Key::Enter, late);
    assert_eq!(table.take_says(), [Say::Join]);
}

#[test]
fn waiting_player_asks_again_after_a_reconnect() {
    let now = Instant::now();
    let mut table = Table::new("me".into(), "Me".into());
    table.hear(News::Up, now);
    table.hear(News::Down("cut".into()), now);
    table.hear(News::Up, now);
    assert_eq!(table.take_says(), [Say::Join, Say::Join]);
    table.press(Key::Quit, now);
    assert_eq!(
        (table.take_says(), table.ended),
        (vec![Say::Leave], Some(GameEnd::Quit))
    );
}

#[test]
fn events_at_the_wrong_time_change_nothing() {
    let now = Instant::now();
    let mut table = Table::new("me".into(), "Me".into());
    for news in [
        result((1, 0, 0), "2"),
        said("leave", r#"{"uid":"x"}"#),
        said("movement", r#"{"uid":"x","movement":"choice"}"#),
        said("weather", "{}"),
    ] {
        table.hear(news, now);
    }
    table.press(Key::Hand(Hand::Rock), now);
    table.press(Key::Enter, now);
    assert!(matches!(table.stage, Stage::Waiting(_)));
    assert_eq!(table.take_says(), []);
    let (mut table, now) = playing();
    table.press(Key::Hand(Hand::Rock), now + Duration::from_secs(5));
    assert_eq!(table.take_says(), [], "the time is up");
}

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn hi(token: &str) -> News {
    said("hi", &format!(r#"{{"nearby":1,"token":"{token}"}}"#))
}

/// `start` against Ben with these fields of mine, and of his.
fn start_with_ben(mine: &str, his: &str) -> News {
    said(
        "start",
        &format!(
            r#"{{"gameTime":3,"roomUsers":[{{"uid":"me","uname":"Me"}},{{"uid":"ben","uname":"Ben"{his}}}]{mine}}}"#
        ),
    )
}

/// The rows of a round against Ben, with my score and both hands.
fn rows(score: u8, mine: u8, his: u8) -> String {
    format!(
        r#"{{"result":[{{"uid":"me","choice":{mine},"roundScore":{score},"totalScore":{score},"winStreak":{score}}},
        {{"uid":"ben","choice":{his},"roundScore":0,"totalScore":0,"winStreak":0}}]}}"#
    )
}

/// A round against Ben has begun.
fn against_ben() -> (Table, Instant) {
    let now = Instant::now();
    let mut table = Table::new("me".into(), "Me".into());
    table.hear(News::Up, now);
    table.hear(hi(TOKEN), now);
    table.hear(start_with_ben("", ""), now);
    table.take_says();
    (table, now)
}

fn round(table: &Table) -> &Round {
    match &table.stage {
        Stage::Playing(round) => round,
        other => panic!("{other:?}"),
    }
}

fn cut(table: &mut Table, now: Instant) {
    table.hear(News::Down("cut".into()), now);
}

#[test]
fn hand_is_locked_by_enter_or_by_its_own_key() {
    let rock = Key::Hand(Hand::Rock);
    let paper = Key::Hand(Hand::Paper);
    let (choice, lock) = (Say::Choice(Hand::Rock), Say::Lock(Hand::Rock));
    for (keys, says) in [
        (&[rock, Key::Enter][..], &[choice, lock][..]),
        (&[rock, rock], &[choice, lock]),
        (&[rock, rock, rock, paper, Key::Enter], &[choice, lock]),
        (
            &[paper, rock, rock],
            &[Say::Choice(Hand::Paper), choice, lock],
        ),
        (&[Key::Enter], &[]),
    ] {
        let (mut table, now) = playing();
        for key in keys {
            table.press(*key, now);
        }
        assert_eq!(table.take_says(), says, "{keys:?}");
        let locked = says.contains(&lock);
        assert_eq!(round(&table).locked, locked, "{keys:?}");
    }
}

#[test]
fn refused_hand_gives_way_to_the_locked_one() {
    let (mut table, now) = playing();
    table.press(Key::Hand(Hand::Rock), now);
    table.press(Key::Hand(Hand::Paper), now);
    table.hear(
        said("fault", r#"{"event":"choice","code":"hand_locked"}"#),
        now,
    );
    let round = round(&table);
    assert_eq!((round.hand, round.locked), (Some(Hand::Rock), true));
    assert!(!round.is_untold());
}

/// The keys before a cut and during it; what `start` says of the own hand; the hand then, whether it is locked, and what is
/// said.
type Cut<'a> = (&'a [Key], &'a [Key], &'a str, (Hand, bool), &'a [Say]);

#[test]
fn what_was_chosen_meanwhile_is_told_when_the_round_goes_on() {
    let (rock, paper) = (Key::Hand(Hand::Rock), Key::Hand(Hand::Paper));
    let locked = r#","choice":2,"lock":true"#;
    let cases: [Cut<'_>; 7] = [
        (&[rock], &[], r#","choice":2"#, (Hand::Rock, false), &[]),
        (
            &[rock],
            &[],
            "",
            (Hand::Rock, false),
            &[Say::Choice(Hand::Rock)],
        ),
        (
            &[rock],
            &[paper],
            r#","choice":2"#,
            (Hand::Paper, false),
            &[Say::Choice(Hand::Paper)],
        ),
        (
            &[rock],
            &[rock],
            r#","choice":2"#,
            (Hand::Rock, true),
            &[Say::Lock(Hand::Rock)],
        ),
        (&[rock, rock], &[paper], locked, (Hand::Rock, true), &[]),
        (&[], &[paper], locked, (Hand::Rock, true), &[]),
        (&[], &[], r#","choice":2"#, (Hand::Rock, false), &[]),
    ];
    for (before, during, known, (hand, lock), says) in cases {
        let (mut table, now) = against_ben();
        for key in before {
            table.press(*key, now);
        }
        cut(&mut table, now);
        table.take_says();
        for key in during {
            table.press(*key, now);
        }
        let case = format!("{before:?} {during:?} {known:?}");
        table.hear(News::Up, now);
        table.hear(hi(TOKEN), now);
        assert_eq!(table.take_says(), [], "{case}");
        table.hear(start_with_ben(known, ""), now + Duration::from_secs(2));
        assert_eq!(table.take_says(), says, "{case}");
        let round = round(&table);
        assert_eq!((round.hand, round.locked), (Some(hand), lock), "{case}");
        assert_eq!(round.deadline, now + Duration::from_secs(5), "{case}");
        assert!(table.in_touch(), "{case}");
    }
}

#[test]
fn hand_of_one_round_is_not_told_in_the_next() {
    let (mut table, now) = against_ben();
    table.press(Key::Hand(Hand::Rock), now);
    table.take_says();
    table.hear(start_with_ben("", ""), now);
    assert_eq!((table.take_says(), round(&table).hand), (vec![], None));
}

#[test]
fn others_who_are_away_or_have_locked_are_known() {
    let (mut table, now) = against_ben();
    let ben = |table: &Table| {
        let user = &round(table).others[0].user;
        (user.away, user.locked)
    };
    table.hear(said("away", r#"{"uid":"ben"}"#), now);
    assert_eq!(ben(&table), (true, false));
    table.hear(said("back", r#"{"uid":"ben"}"#), now);
    assert_eq!(ben(&table), (false, false));
    for more in ["", r#","locked":true"#] {
        let movement = format!(r#"{{"uid":"ben","movement":"choice"{more}}}"#);
        table.hear(said("movement", &movement), now);
    }
    assert_eq!(ben(&table), (false, true));
    assert_eq!(round(&table).others[0].moves, 1, "to lock is no change");
    cut(&mut table, now);
    table.hear(News::Up, now);
    table.hear(start_with_ben("", r#","away":true,"locked":true"#), now);
    assert_eq!(ben(&table), (true, true));
}

#[test]
fn round_is_lost_only_where_the_server_does_not_know_it() {
    let other = "ffffffffffffffffffffffffffffffff";
    let missed = format!(r#"{{"token":"{TOKEN}","missed":{}}}"#, rows(1, 2, 1));
    let cases = [
        (hi(TOKEN), false, Some(Note::RoundLost)),
        (hi(other), true, Some(Note::RoundForgotten)),
        (said("hi", &missed), true, None),
    ];
    for (answer, at_once, note) in cases {
        let (mut table, now) = against_ben();
        cut(&mut table, now);
        let long = now + Duration::from_mins(5);
        assert_eq!(
            table.deadline(),
            None,
            "nothing is known without a connection"
        );
        table.handle_timeout(long);
        assert!(matches!(table.stage, Stage::Playing(_)));
        table.hear(News::Up, long);
        table.hear(answer, long);
        assert_eq!(!matches!(table.stage, Stage::Playing(_)), at_once);
        if let Some(deadline) = table.deadline() {
            table.handle_timeout(deadline);
        }
        assert_eq!(table.note, note);
        match note {
            Some(_) => assert_eq!(table.stage, Stage::Idle),
            None => assert!(over(&table).missed),
        }
    }
}

#[test]
fn notice_of_a_restart_ends_with_the_next_connection() {
    let (mut table, now) = against_ben();
    table.hear(said("result", &rows(1, 2, 1)), now);
    table.hear(said("restart", r#"{"delay":5}"#), now);
    assert_eq!(table.note, Some(Note::Restarting));
    cut(&mut table, now);
    table.hear(News::Up, now);
    table.hear(hi(TOKEN), now);
    assert_eq!(table.note, None);
}
