//! Tests of the table, and the tables and events that other tests need.

use wulin_client::wire;

use super::super::round::RoundOutcome;
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
    table.press(Key::Hand(Hand::Rock), now);
    table.press(Key::Face(Face::Angry), now);
    assert_eq!(
        table.take_says(),
        [Say::Choice(Hand::Rock), Say::Face(Face::Angry)],
        "the same hand is said once"
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
    assert_eq!(table.stage, Stage::Waiting(Vec::new()));
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
fn round_without_a_result_times_out() {
    let (mut table, now) = playing();
    let late = now + Duration::from_secs(5) + LATE;
    assert_eq!(table.deadline(), Some(late));
    table.handle_timeout(now + Duration::from_secs(5));
    assert!(matches!(table.stage, Stage::Playing(_)));
    table.handle_timeout(late);
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
    assert_eq!(table.stage, Stage::Waiting(Vec::new()));
    assert_eq!(table.take_says(), []);
    let (mut table, now) = playing();
    table.press(Key::Hand(Hand::Rock), now + Duration::from_secs(5));
    assert_eq!(table.take_says(), [], "the time is up");
}
