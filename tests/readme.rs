//! README.md has the table of flags as the command line has them. `UPDATE=1 cargo test --test readme` writes it anew.

use std::fmt::Write;
use std::fs;

use clap::{Arg, CommandFactory};
use wulin::cli::Cli;
use wulin::cli::settings::default_in_words;

const BEGIN: &str = "<!-- flags: written by tests/readme.rs -->\n";
const END: &str = "<!-- end of flags -->\n";

/// One table for each heading of the help, in its order.
fn tables() -> String {
    let cli = Cli::command();
    let serve = cli
        .find_subcommand("serve")
        .expect("the server is a command");
    let mut tables = String::new();
    let mut heading = None;
    for flag in serve.get_arguments() {
        let Some(long) = flag.get_long().filter(|long| *long != "help") else {
            continue;
        };
        if flag.get_help_heading() != heading {
            heading = flag.get_help_heading();
            let title = heading.unwrap_or_default();
            write!(
                tables,
                "\n**{title}**\n\n| flag | variable | default | what it says |\n| --- | --- | --- | --- |\n"
            )
            .unwrap();
        }
        writeln!(tables, "{}", row(long, flag)).unwrap();
    }
    tables + "\n"
}

fn row(long: &str, flag: &Arg) -> String {
    let value = match flag.get_value_names() {
        Some(names) if flag.get_action().takes_values() => format!(" {}", names[0]),
        _ => String::new(),
    };
    let variable = flag.get_env().map(|name| format!("`{}`", name.display()));
    let (help, words) = default_in_words(&flag.get_help().unwrap_or_default().to_string());
    let default = match flag.get_default_values() {
        [] => words,
        values => {
            let values: Vec<_> = values.iter().map(|value| value.to_string_lossy()).collect();
            format!("`{}`", values.join(","))
        }
    };
    // A switch that is off by default says so by its name.
    let default = if default == "`false`" {
        String::new()
    } else {
        default
    };
    format!(
        "| `--{long}{value}` | {} | {default} | {help} |",
        variable.unwrap_or_default()
    )
}

#[test]
fn the_table_of_flags_is_the_command_line() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = fs::read_to_string(path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("README.md has the table");
    let (table, after) = rest.split_once(END).expect("the table has an end");
    let tables = tables();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, format!("{before}{BEGIN}{tables}{END}{after}")).unwrap();
    } else {
        assert_eq!(
            table, tables,
            "write it anew: UPDATE=1 cargo test --test readme"
        );
    }
}

/// Whoever reads the help by `wulin --help` sees what `wulin serve --help` says.
#[test]
fn the_flags_of_wulin_are_those_of_serve() {
    let cli = Cli::command();
    let serve = cli.find_subcommand("serve").unwrap();
    for flag in serve.get_arguments() {
        let same = cli
            .get_arguments()
            .find(|own| own.get_id() == flag.get_id());
        assert_eq!(
            same.map(|own| own.get_help().map(ToString::to_string)),
            Some(flag.get_help().map(ToString::to_string))
        );
    }
}
