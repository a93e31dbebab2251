//! Limits: flags with their defaults, and constants.

use std::collections::BTreeSet;

use clap::{Arg, CommandFactory};

use crate::code::{
    BODY_TIMEOUT, CONNECT, Cli, EVENT_CHARS, FIRST_WORD, HEADERS, HOLD, LINGER, LONGEST_RETURN,
    MEMORIES, MEMORY, MOST_MISSED, NAME_CHARS, OUTBOX, PICTURE_CHARS, PROBE_TIMEOUT,
    REMATCH_WITHIN, RESEAT_AFTER, SURVEY_EVERY, TOLERANCE, default_in_words,
};
use crate::document::Document;

/// The help of these headings is about what clients meet.
const HEADINGS: [&str; 2] = ["Game", "Limits"];
/// Flags of other headings that clients meet as well.
const MORE: [&str; 3] = ["--base-path", "--socketio-alias", "--drain-timeout"];

fn default(flag: &Arg) -> String {
    let (_, words) = default_in_words(&flag.get_help().unwrap_or_default().to_string());
    match flag.get_default_values() {
        [] => words,
        values => {
            let values: Vec<_> = values.iter().map(|value| value.to_string_lossy()).collect();
            values.join(",")
        }
    }
}

#[test]
fn flags_have_these_defaults_and_none_is_missing() {
    let document = Document::read();
    let cli = Cli::command();
    let serve = cli
        .find_subcommand("serve")
        .expect("the server is a command");
    let mut told = BTreeSet::new();
    for table in document.tables(&["flag", "default"]) {
        for (flag, said) in table.pairs("flag", "default") {
            let mut flags = serve.get_arguments();
            let known = flags.find(|known| known.get_long() == flag.strip_prefix("--"));
            let known = known.unwrap_or_else(|| panic!("{flag} is no flag"));
            assert_eq!(said, default(known), "the default of {flag}");
            assert!(told.insert(flag.clone()), "{flag} is there twice");
        }
    }
    for flag in serve.get_arguments() {
        let matters = flag
            .get_help_heading()
            .is_some_and(|heading| HEADINGS.contains(&heading));
        let long = format!("--{}", flag.get_long().unwrap_or_default());
        let matters = matters || MORE.contains(&long.as_str());
        assert!(!matters || told.contains(&long), "{long} is missing");
    }
}

#[test]
fn fixed_limits_are_the_constants() {
    let seconds = |time: std::time::Duration| format!("{} s", time.as_secs_f64());
    let characters = |count: usize| format!("{count} characters");
    let expected = [
        ("a uid, or a name", characters(NAME_CHARS)),
        ("the address of a picture", characters(PICTURE_CHARS)),
        (
            "the name of an event that `fault` repeats",
            characters(EVENT_CHARS),
        ),
        ("the headers of a request", format!("{HEADERS} bytes")),
        ("the first message, native and `EIO=3`", seconds(FIRST_WORD)),
        ("the packet `40`, with `EIO=4`", seconds(CONNECT)),
        ("the body of a POST", seconds(BODY_TIMEOUT)),
        (
            "the upgrade from polling, from the WebSocket to `5`",
            seconds(PROBE_TIMEOUT),
        ),
        (
            "messages over the limit before the close, in seconds of `--messages-per-second`",
            TOLERANCE.to_string(),
        ),
        (
            "events that wait for one client before it is let go",
            OUTBOX.to_string(),
        ),
        (
            "of those, events before `movement` is left out",
            (OUTBOX / 2).to_string(),
        ),
        ("the answer to a close frame", seconds(LINGER)),
        ("the longest `delay` of `restart`", seconds(LONGEST_RETURN)),
        (
            "the place in the queue of somebody whose connection is lost",
            seconds(HOLD),
        ),
        (
            "a `join` within this time of a result asks for the same people again",
            seconds(REMATCH_WITHIN),
        ),
        ("from one `nearby` to the next", seconds(SURVEY_EVERY)),
        (
            "a client of 2016 that lost is seated again after",
            seconds(RESEAT_AFTER),
        ),
        (
            "a score is kept for somebody who went offline",
            seconds(MEMORY),
        ),
        ("such scores, the oldest go first", MEMORIES.to_string()),
        (
            "results kept for people who went before they had them",
            MOST_MISSED.to_string(),
        ),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(what, limit)| (what.to_owned(), limit))
        .collect();
    let document = Document::read();
    let tables = document.tables(&["what", "limit"]);
    let [table] = tables[..] else {
        panic!("there is one table of fixed limits");
    };
    assert_eq!(table.pairs("what", "limit"), expected);
    let delay = document.section("restart").table().pairs("field", "range");
    let range = format!("0 to {}", LONGEST_RETURN.as_millis());
    assert_eq!(delay, [("delay".to_owned(), range)]);
}
