//! The tables of flags: all of them in docs/flags.md, those one needs in README.md.

use std::fmt::Write;
use std::fs;

use clap::{Arg, Command, CommandFactory};
use wulin::cli::Cli;
use wulin::cli::settings::default_in_words;

use super::pages::{Page, root};

const BEGIN: &str = "<!-- flags: written by tests/readme -->\n";
const END: &str = "<!-- end of flags -->\n";
/// The flags a first deployment needs, in README.md.
const NEEDED: [&str; 6] = ["domain", "port", "tls-dir", "acme", "state-dir", "log"];

/// A heading for each command with something to say, and a table for each heading of its help, in their order.
fn all() -> String {
    let mut text = String::new();
    chapter(&Cli::command(), "wulin", &mut text);
    text + "\n"
}

fn chapter(command: &Command, name: &str, text: &mut String) {
    for below in command.get_subcommands() {
        let name = format!("{name} {}", below.get_name());
        if below.get_name() != "help" {
            section(below, &name, text);
            chapter(below, &name, text);
        }
    }
}

fn section(command: &Command, name: &str, text: &mut String) {
    let flags: Vec<&Arg> = command.get_arguments().filter(|flag| shown(flag)).collect();
    let about = command.get_about().unwrap_or_default();
    write!(text, "\n## {name}\n\n{about}.\n").unwrap();
    let mut heading = None;
    for (index, flag) in flags.iter().enumerate() {
        if index == 0 || flag.get_help_heading() != heading {
            heading = flag.get_help_heading();
            if let Some(title) = heading {
                write!(text, "\n### {title}\n").unwrap();
            }
            text.push_str(
                "\n| flag | variable | default | what it says |\n| --- | --- | --- | --- |\n",
            );
        }
        writeln!(text, "{}", row(flag)).unwrap();
    }
}

fn shown(flag: &Arg) -> bool {
    !flag.is_hide_set() && flag.get_long() != Some("help")
}

fn row(flag: &Arg) -> String {
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
    let variable = variable.unwrap_or_default();
    let cells = [typed(flag), variable, default, help + &choices(flag)];
    format!(
        "| {} |",
        cells.map(|cell| cell.replace('|', "\\|")).join(" | ")
    )
}

/// What is typed: `--port PORT`, or `HOST` alone.
fn typed(flag: &Arg) -> String {
    let value = match flag.get_value_names() {
        Some(names) if flag.get_action().takes_values() => names[0].to_string(),
        _ => String::new(),
    };
    let optional = flag
        .get_num_args()
        .is_some_and(|number| number.min_values() == 0);
    match flag.get_long() {
        None => format!("`{value}`"),
        Some(long) if value.is_empty() => format!("`--{long}`"),
        Some(long) if optional => format!("`--{long} [{value}]`"),
        Some(long) => format!("`--{long} {value}`"),
    }
}

/// The values there are to choose from, where the help does not name them.
fn choices(flag: &Arg) -> String {
    if !flag.get_action().takes_values() {
        return String::new();
    }
    let help = flag.get_help().unwrap_or_default().to_string();
    let values = flag.get_possible_values();
    if values.iter().all(|value| help.contains(value.get_name())) {
        return String::new();
    }
    let values: Vec<_> = values
        .iter()
        .map(|value| match value.get_help() {
            Some(help) => format!("`{}` ({help})", value.get_name()),
            None => format!("`{}`", value.get_name()),
        })
        .collect();
    format!(": {}", values.join("; "))
}

fn needed() -> String {
    let cli = Cli::command();
    let serve = cli
        .find_subcommand("serve")
        .expect("the server is a command");
    let mut text =
        "\n| flag | variable | default | what it says |\n| --- | --- | --- | --- |\n".to_owned();
    for long in NEEDED {
        let mut flags = serve.get_arguments();
        let flag = flags.find(|flag| flag.get_long() == Some(long));
        writeln!(text, "{}", row(flag.expect("the server has the flag"))).unwrap();
    }
    text + "\n"
}

fn written(page: &str, tables: &str) {
    let path = root().join(page);
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text
        .split_once(BEGIN)
        .expect("the page has a place for tables");
    let (table, after) = rest.split_once(END).expect("the tables have an end");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, format!("{before}{BEGIN}{tables}{END}{after}")).unwrap();
    } else {
        assert_eq!(
            table, tables,
            "write it anew: UPDATE=1 cargo test --test readme"
        );
    }
}

#[test]
fn flags_md_is_the_command_line() {
    written("docs/flags.md", &all());
}

#[test]
fn readme_has_the_flags_one_needs() {
    written("README.md", &needed());
}

#[test]
fn chinese_readme_has_the_same_flags() {
    // The flag and its variable; default and meaning are in Chinese.
    let names = |text: &str| -> Vec<Vec<String>> {
        text.lines()
            .filter(|line| line.starts_with("| `--"))
            .map(|line| {
                line.split('|')
                    .skip(1)
                    .take(2)
                    .map(|cell| cell.trim().to_owned())
                    .collect()
            })
            .collect()
    };
    assert_eq!(names(&Page::read("README.zh-CN.md").text), names(&needed()));
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
