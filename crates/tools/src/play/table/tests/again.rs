//! Tests of what goes on between two rounds: the running score, and whom a player meets next.

use super::*;

#[test]
fn score_against_a_person_runs_on_and_a_missed_result_counts_once() {
    let (mut table, now) = against_ben();
    assert_eq!(table.tally(), None);
    let ended = |table: &mut Table, rows: &str| {
        table.hear(said("result", rows), now);
        let tally = table.tally().unwrap();
        table.hear(start_with_ben("", ""), now);
        assert_eq!(table.tally(), Some(tally), "it is seen in the next round");
        (tally.mine, tally.theirs)
    };
    assert_eq!(ended(&mut table, &rows(1, 2, 1)), (1, 0));
    assert_eq!(ended(&mut table, &rows(0, 2, 2)), (1, 0));
    assert_eq!(ended(&mut table, &rows(0, 2, 3)), (1, 1));
    cut(&mut table, now);
    let missed = format!(r#"{{"token":"{TOKEN}","missed":{}}}"#, rows(1, 2, 1));
    for _ in 0..2 {
        table.hear(News::Up, now);
        table.hear(said("hi", &missed), now);
        cut(&mut table, now);
    }
    assert_eq!(table.tally(), Some(Tally { mine: 2, theirs: 1 }));
    let (mut table, now) = playing();
    table.hear(result((2, 1, 1), "1"), now);
    assert_eq!(table.tally(), None, "a robot is another one each time");
}

#[test]
fn rematch_is_offered_accepted_and_withdrawn() {
    let offer = r#"{"users":[{"uid":"ben","uname":"B\u001ben"}],"rematch":"ben"}"#;
    let none = r#"{"users":[{"uid":"ben"},{"uid":"x"}]}"#;
    let offered = || {
        let (mut table, now) = against_ben();
        table.hear(said("result", &rows(1, 2, 1)), now);
        table.hear(said("room", offer), now);
        let invitation = table.invitation.clone().unwrap();
        assert_eq!((&*invitation.uid, &*invitation.name), ("ben", "Ben"));
        (table, now)
    };
    for end in [
        said("room", none),
        said("leave", r#"{"uid":"ben"}"#),
        start(&["me", "robot:1"]),
        News::Down("cut".into()),
    ] {
        let (mut table, now) = offered();
        table.hear(said("leave", r#"{"uid":"x"}"#), now);
        assert!(table.invitation.is_some());
        table.hear(end.clone(), now);
        assert_eq!(table.invitation, None, "{end:?}");
    }
    let (mut table, now) = offered();
    table.press(Key::Enter, now);
    assert_eq!(table.take_says(), [Say::Join]);
    assert_eq!(table.invitation, None);
}

#[test]
fn whoever_asks_again_waits_for_the_same_people_or_takes_others() {
    let asked = |keys: &[Key], later: Duration| {
        let (mut table, now) = against_ben();
        table.hear(said("result", &rows(1, 2, 1)), now);
        for key in keys {
            table.press(*key, now + later);
        }
        let says = table.take_says();
        let Stage::Waiting(waiting) = table.stage.clone() else {
            panic!("not waiting");
        };
        cut(&mut table, now);
        table.hear(News::Up, now);
        (says, waiting.prefers(), table.take_says())
    };
    let soon = Duration::from_secs(1);
    let (enter, robot, anybody) = (Key::Enter, Key::Robot, Key::Anybody);
    let (join, with_robot) = (Say::Join, Say::JoinRobot);
    assert_eq!(asked(&[enter], soon), (vec![join], true, vec![join]));
    assert_eq!(asked(&[enter], REMATCH), (vec![join], false, vec![join]));
    for keys in [&[enter, anybody][..], &[enter, anybody, anybody]] {
        // After a cut the first `join` only finds the place again, so the second one is for anybody.
        let both = vec![join, join];
        assert_eq!(asked(keys, soon), (both.clone(), false, both));
    }
    for keys in [&[enter, robot][..], &[enter, robot, robot]] {
        assert_eq!(
            asked(keys, soon),
            (vec![join, with_robot], false, vec![with_robot])
        );
    }
    assert_eq!(
        asked(&[robot], soon),
        (vec![with_robot], false, vec![with_robot])
    );
}

#[test]
fn quitting_tells_only_those_who_would_wait() {
    let quit = |mut table: Table, now| {
        table.take_says();
        table.press(Key::Quit, now);
        table.take_says()
    };
    let (mut table, now) = playing();
    table.hear(result((2, 1, 1), "1"), now);
    assert_eq!(quit(table, now), [], "robots have gone already");
    let (mut table, now) = against_ben();
    table.hear(said("result", &rows(1, 2, 1)), now);
    assert_eq!(quit(table, now), [Say::Leave], "a person may wait");
    let (table, now) = playing();
    assert_eq!(quit(table, now), [Say::Leave], "a round is given up");
}
