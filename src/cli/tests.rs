//! Tests of reading flags and variables. Many run for every variable of every command.

use std::collections::HashMap;

use clap::{Arg, Command, CommandFactory};
use wulin_command::given::{EMPTY_MEANS_NONE, variable_of};

use super::*;

fn given(line: &[&str], environment: &[(&str, &str)]) -> Result<Given<Cli>, String> {
    let environment: HashMap<_, _> = environment.iter().copied().collect();
    let line = std::iter::once("wulin").chain(line.iter().copied());
    read(line.map(Into::into), |name| {
        environment.get(name).map(Into::into)
    })
    .map_err(|error| error.to_string())
}

/// Each flag of each command that has a variable: the words of the command, the flag, and the variable.
fn everything() -> Vec<(Vec<String>, Arg, String)> {
    fn walk(command: &Command, line: &[String], all: &mut Vec<(Vec<String>, Arg, String)>) {
        for argument in command.get_arguments() {
            if let Some(variable) = variable_of(argument) {
                all.push((line.to_vec(), argument.clone(), variable));
            }
        }
        for below in command.get_subcommands() {
            let line = [line, &[below.get_name().to_owned()]].concat();
            walk(below, &line, all);
        }
    }
    let mut all = Vec::new();
    walk(&Cli::command(), &[], &mut all);
    assert!(all.len() > 70, "{}", all.len());
    all
}

/// The values of a flag, as clap has them.
fn raw(given: &Given<Cli>, id: &str) -> Option<Vec<String>> {
    let mut matches = &given.matches;
    while let Some((_, below)) = matches.subcommand() {
        matches = below;
    }
    let values = matches.get_raw(id)?;
    Some(
        values
            .map(|value| value.to_string_lossy().into_owned())
            .collect(),
    )
}

/// A valid value for a flag.
fn good(argument: &Arg) -> &'static str {
    match argument
        .get_value_names()
        .map_or("", |names| names[0].as_str())
    {
        _ if !argument.get_action().takes_values() => "true",
        "IP" => "127.0.0.1",
        "IP:PORT" => "127.0.0.1:9",
        "PATH" => "/ws",
        "TIME" => "7s",
        "NETWORK" => "10.0.0.0/8",
        "FORMAT" => "json",
        "KM" => "7.5",
        "N" if argument.get_long() == Some("seats") => "7",
        "N" | "PORT" | "BYTES" => "7000",
        "LEVEL" => "warn",
        "DOMAIN" | "FILE" | "FOLDER" | "URL" | "ID" | "KEY" | "ADDRESS" => "a.example",
        other => panic!("a value of a new kind, {other}: say here what one is"),
    }
}

#[test]
fn empty_variable_counts_as_unset_for_every_flag() {
    for (line, argument, variable) in everything() {
        let line: Vec<_> = line.iter().map(String::as_str).collect();
        let id = argument.get_id().as_str();
        let without = raw(&given(&line, &[]).unwrap(), id);
        for empty in ["", " ", "\r", "\t \n", "\"\"", "''", "\u{feff}"] {
            let with = given(&line, &[(&variable, empty)]).unwrap();
            if EMPTY_MEANS_NONE.contains(&id) {
                assert_eq!(raw(&with, id).unwrap(), [""], "{variable}={empty:?}");
            } else {
                assert_eq!(raw(&with, id), without, "{variable}={empty:?}");
                assert_eq!(with.origins, Origins::default(), "{variable}={empty:?}");
            }
        }
        if argument.get_value_delimiter().is_some() && !EMPTY_MEANS_NONE.contains(&id) {
            let with = given(&line, &[(&variable, " , ,,\r")]).unwrap();
            assert_eq!(raw(&with, id), without, "{variable}: empties alone");
        }
    }
}

#[test]
fn invisible_characters_are_trimmed_for_every_flag() {
    for (line, argument, variable) in everything() {
        let line: Vec<_> = line.iter().map(String::as_str).collect();
        let id = argument.get_id().as_str();
        // `--log-addresses` requires `--access-log`.
        let beside = ("WULIN_ACCESS_LOG", "true");
        let plain = given(&line, &[beside, (&variable, good(&argument))]).unwrap();
        let flag = format!("--{}", argument.get_long().unwrap());
        assert_eq!(plain.origins.variable(&flag), Some(&*variable));
        for (before, after) in [
            ("", "\r"),
            (" ", " "),
            ("\u{feff}", "\r\n"),
            ("\t", "\u{a0}"),
        ] {
            let spelled = format!("{before}{}{after}", good(&argument));
            let given = given(&line, &[beside, (&variable, &spelled)]).unwrap();
            assert_eq!(raw(&given, id), raw(&plain, id), "{variable}={spelled:?}");
        }
        if argument.get_value_delimiter().is_some() {
            let spelled = format!("{0}, {0} ,\r", good(&argument));
            let given = given(&line, &[beside, (&variable, &spelled)]).unwrap();
            assert_eq!(
                raw(&given, id).unwrap(),
                [good(&argument); 2],
                "{spelled:?}"
            );
        }
    }
}

#[test]
fn quotation_marks_are_refused_for_every_flag() {
    for (line, argument, variable) in everything() {
        let line: Vec<_> = line.iter().map(String::as_str).collect();
        for quote in ['"', '\'', '”'] {
            let value = format!("{quote}{}{quote}", good(&argument));
            let sentence = given(&line, &[(&variable, &value)]).unwrap_err();
            for word in [&*variable, "quotation marks", "--env-file"] {
                assert!(sentence.contains(word), "{variable}: {sentence}");
            }
            let shown = sentence.contains(&format!("{variable}={}", good(&argument)));
            assert_eq!(shown, !argument.is_hide_env_values_set(), "{sentence}");
        }
    }
}

#[test]
fn errors_name_the_flag_or_variable_for_every_flag() {
    for (line, argument, variable) in everything() {
        let line: Vec<_> = line.iter().map(String::as_str).collect();
        let wrong = "n/a, wrong";
        let flag = format!("--{}", argument.get_long().unwrap());
        let Err(sentence) = given(&line, &[(&variable, wrong)]) else {
            // Any text is valid for this flag here; the server's config.rs may refuse it.
            continue;
        };
        assert!(sentence.contains(&variable), "{sentence}");
        if argument.get_action().takes_values() {
            let typed = format!("{flag}={wrong}");
            let sentence = given(&[&line[..], &[&typed]].concat(), &[]).unwrap_err();
            assert!(sentence.contains(&flag), "{sentence}");
            assert!(!sentence.contains(&variable), "{sentence}");
        }
    }
}

#[test]
fn switch_variables_take_only_yes_and_no() {
    for (line, argument, variable) in everything() {
        if argument.get_action().takes_values() {
            continue;
        }
        let line: Vec<_> = line.iter().map(String::as_str).collect();
        let on = |value| {
            let given = given(&line, &[("WULIN_ACCESS_LOG", "1"), (&variable, value)]);
            let flag = format!("--{}", argument.get_long().unwrap());
            given.map(|given| given.origins.variable(&flag).is_some())
        };
        for value in ["1", "true", "YES", "on", " True\r"] {
            assert_eq!(on(value), Ok(true), "{variable}={value}");
        }
        for value in ["0", "false", "No", "off", "", " 0\r"] {
            assert_eq!(on(value), Ok(false), "{variable}={value}");
        }
        for value in ["2", "maybe", "ture", "enabled"] {
            let sentence = on(value).unwrap_err();
            assert!(sentence.contains(&variable), "{sentence}");
        }
    }
}

#[test]
fn switch_set_to_no_requires_nothing() {
    assert!(given(&[], &[("WULIN_LOG_ADDRESSES", "0")]).is_ok());
    let sentence = given(&[], &[("WULIN_LOG_ADDRESSES", "1")]).unwrap_err();
    for word in ["--access-log", "WULIN_LOG_ADDRESSES"] {
        assert!(sentence.contains(word), "{sentence}");
    }
    let both = [("WULIN_LOG_ADDRESSES", "1"), ("WULIN_ACCESS_LOG", "yes")];
    assert!(given(&[], &both).unwrap().cli.serve.log_addresses);
    // One by flag, the other by variable.
    assert!(given(&["--log-addresses"], &both[1..]).is_ok());
    assert!(given(&["--access-log"], &both[..1]).is_ok());
}

#[test]
fn flag_beats_its_variable_and_is_trimmed_too() {
    let environment = [("WULIN_DOMAIN", "b.example"), ("WULIN_SEATS", "3")];
    let domains = |line: &[&str]| given(line, &environment).unwrap().cli.serve.domains.domain;
    assert_eq!(
        domains(&["--domain", "a.example, ,c.example,"]),
        ["a.example", "c.example"]
    );
    assert_eq!(
        domains(&["--domain", "a.example", "--domain", " c.example"]),
        ["a.example", "c.example"]
    );
    // A script whose own variable is empty writes this.
    assert_eq!(domains(&["--domain", ""]), ["b.example"]);
    let given = given(&["--domain", "a.example"], &environment).unwrap();
    assert!(given.origins.typed("--domain") && !given.origins.typed("--seats"));
    assert_eq!(given.origins.name("--seats"), "WULIN_SEATS");
    assert_eq!(given.origins.name("--domain"), "--domain");
    assert_eq!(given.cli.serve.seats, 3);
}

#[test]
fn positional_and_optional_values_keep_their_place() {
    let check = |line: &[&str]| match given(line, &[]).unwrap().cli.command {
        Some(Verb::Check(check)) => check,
        other => panic!("{other:?}"),
    };
    let found = check(&["check", "a.example", "--json", "--address=127.0.0.1"]);
    assert_eq!(found.host.unwrap().host, "a.example");
    assert!(found.output.json && found.address.len() == 1);
    assert_eq!(
        check(&["check", "--", "b.example"]).host.unwrap().host,
        "b.example"
    );
    let status = |line: &[&str]| match given(line, &[]).unwrap().cli.command {
        Some(Verb::Status(status)) => status.watch,
        other => panic!("{other:?}"),
    };
    assert_eq!(status(&["status"]), None);
    assert_eq!(
        status(&["status", "--watch"]),
        Some(std::time::Duration::from_secs(2))
    );
    assert_eq!(
        status(&["status", "--watch", "5s"]),
        Some(std::time::Duration::from_secs(5))
    );
    for line in [
        &["serve", "check"][..],
        &["--port", "1", "--port", "2"],
        &["--port", "1", "health"],
        &["status", "--json", "--watch"],
        &["cert", "show"],
    ] {
        assert!(given(line, &[]).is_err(), "{line:?}");
    }
}

#[test]
fn help_names_the_variables() {
    for line in [&["--help"][..], &["serve", "--help"], &["help", "serve"]] {
        let help = given(line, &[("WULIN_PORT", "wrong")]).unwrap_err();
        assert!(help.contains("[env: WULIN_PORT="), "{help}");
    }
}

#[test]
fn comments_and_service_links_get_a_tip() {
    // docker's --env-file and systemd pass on this value for the line `WULIN_SEATS=3   # three`.
    let sentence = given(&[], &[("WULIN_SEATS", "3   # three")]).unwrap_err();
    assert!(sentence.contains("line of its own"), "{sentence}");
    // Kubernetes sets this for a service called wulin.
    let sentence = given(&[], &[("WULIN_PORT", "tcp://10.0.0.1:443")]).unwrap_err();
    assert!(sentence.contains("enableServiceLinks"), "{sentence}");
}

#[test]
fn values_that_are_not_utf8_name_their_variable() {
    use std::os::unix::ffi::OsStringExt;
    let said = |wanted: &'static str| {
        let line = ["wulin".into()];
        read(line, |name| {
            (name == wanted).then(|| OsString::from_vec(b"a\xff".to_vec()))
        })
    };
    let sentence = said("WULIN_DOMAIN").unwrap_err().to_string();
    assert!(sentence.contains("WULIN_DOMAIN is not UTF-8"), "{sentence}");
    // A path need not be text.
    assert!(said("WULIN_TLS_DIR").is_ok());
}

#[test]
fn sentence_names_the_variable_of_a_flag() {
    let origins = given(
        &["--seats", "2"],
        &[("WULIN_ACME", "1"), ("WULIN_GAME_TIME", "1s")],
    );
    let origins = origins.unwrap().origins;
    assert_eq!(
        origins.told("--acme-email and --acme do not go with --game-time, --acme or --seats."),
        "--acme-email and --acme (WULIN_ACME) do not go with --game-time (WULIN_GAME_TIME), --acme or --seats."
    );
}

#[test]
fn command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_flag_has_a_variable_named_after_it() {
    let command = Cli::command();
    for argument in command
        .get_arguments()
        .filter(|argument| argument.get_long().is_some())
    {
        let long = argument.get_long().unwrap_or_default();
        if ["help", "version", "print-config"].contains(&long) {
            continue;
        }
        let expected = format!("WULIN_{}", long.replace('-', "_").to_uppercase());
        assert_eq!(
            argument.get_env().and_then(|env| env.to_str()),
            Some(expected.as_str())
        );
    }
}
