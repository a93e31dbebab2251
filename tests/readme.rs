//! README.md knows every flag of the server, with its variable and its default, and no other.
#![cfg(feature = "server")]

use std::collections::BTreeMap;

use clap::CommandFactory;
use wulin::cli::Cli;

/// The rows of the table of flags: variable and default by flag.
fn documented() -> BTreeMap<String, (String, String)> {
    let readme = include_str!("../README.md");
    let rows = readme.lines().filter(|line| line.starts_with("| `--"));
    rows.map(|row| {
        let cells: Vec<_> = row
            .split('|')
            .map(|cell| cell.trim().replace('`', ""))
            .collect();
        let flag = cells[1].split(' ').next().unwrap_or_default().to_owned();
        (flag, (cells[2].clone(), cells[3].clone()))
    })
    .collect()
}

#[test]
fn every_flag_is_in_the_readme_and_no_other() {
    let cli = Cli::command();
    let serve = cli
        .find_subcommand("serve")
        .expect("the server is a command");
    let mut documented = documented();
    for flag in serve.get_arguments() {
        let (Some(long), Some(variable)) = (flag.get_long(), flag.get_env()) else {
            continue;
        };
        let (said_variable, said_default) = documented
            .remove(&format!("--{long}"))
            .unwrap_or_else(|| panic!("--{long} is missing in README.md"));
        assert_eq!(said_variable, variable.to_string_lossy(), "--{long}");
        // Defaults that depend on something are in words, there and in the help.
        if let [default] = flag.get_default_values() {
            assert_eq!(said_default, default.to_string_lossy(), "--{long}");
        }
    }
    assert_eq!(documented, BTreeMap::new(), "in README.md, but no flags");
}
