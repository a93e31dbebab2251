//! `--print-config`: every setting of the server, and where it is from.

use std::fmt::Write;

use clap::{Arg, ArgMatches, CommandFactory};
use wulin_command::Origins;

use super::Cli;

/// A setting and where it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The flag, as `--port`.
    pub flag: String,
    /// Its value. If the default depends on something, it is in words; if there is none, it is empty.
    pub value: String,
    /// `the command line`, `WULIN_PORT` or `default`.
    pub source: String,
}

/// The settings of `serve`, in the order of its help.
pub fn settings(matches: &ArgMatches, origins: &Origins) -> Vec<Setting> {
    let cli = Cli::command();
    let Some(serve) = cli.find_subcommand("serve") else {
        return Vec::new();
    };
    // `wulin` without a command is `wulin serve`.
    let matches = matches.subcommand_matches("serve").unwrap_or(matches);
    serve
        .get_arguments()
        .filter_map(|flag| setting(flag, matches, origins))
        .collect()
}

fn setting(flag: &Arg, matches: &ArgMatches, origins: &Origins) -> Option<Setting> {
    let long = flag.get_long()?;
    flag.get_env()?;
    let id = flag.get_id().as_str();
    let given: Vec<_> = matches
        .get_raw(id)
        .into_iter()
        .flatten()
        .map(|value| value.to_string_lossy())
        .collect();
    let (_, default) = default_in_words(&flag.get_help().unwrap_or_default().to_string());
    let flag_name = format!("--{long}");
    let source = match origins.variable(&flag_name) {
        Some(variable) => variable.to_owned(),
        None if origins.typed(&flag_name) => "the command line".to_owned(),
        None => "default".to_owned(),
    };
    let value = match given.as_slice() {
        [] => default,
        _ if flag.is_hide_env_values_set() => "(not shown)".to_owned(),
        // A repeated flag is shown as a list.
        values => values.join(","),
    };
    Some(Setting {
        flag: flag_name,
        value,
        source,
    })
}

/// Splits a flag's help into the sentence and the default in words, which is written as `[default: ...]` in the help.
pub fn default_in_words(help: &str) -> (String, String) {
    let parts = help
        .split_once(" [default: ")
        .and_then(|(before, rest)| Some((before, rest.split_once(']')?)));
    match parts {
        Some((before, (default, after))) => (format!("{before}{after}"), default.to_owned()),
        None => (help.to_owned(), String::new()),
    }
}

/// The settings as a table of three columns.
pub fn table(settings: &[Setting]) -> String {
    let width = |of: fn(&Setting) -> &str| {
        let widths = settings.iter().map(|setting| of(setting).chars().count());
        widths.max().unwrap_or_default()
    };
    let (flags, values) = (width(|s| &s.flag), width(|s| &s.value));
    let mut table = String::new();
    for Setting {
        flag,
        value,
        source,
    } in settings
    {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{flag:<flags$}  {value:<values$}  {source}");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;

    #[test]
    fn setting_says_where_it_is_from() {
        let arguments = [
            "wulin",
            "serve",
            "--seats",
            "3",
            "--domain",
            "a.example",
            "--domain",
            "b.example",
        ];
        let given = cli::read(arguments.map(Into::into), |_| None).unwrap();
        let settings = settings(&given.matches, &given.origins);
        let find = |flag: &str| {
            settings
                .iter()
                .find(|setting| setting.flag == flag)
                .unwrap()
        };
        assert_eq!(find("--seats").value, "3");
        assert_eq!(find("--seats").source, "the command line");
        assert_eq!(find("--domain").value, "a.example,b.example");
        assert_eq!(
            (
                find("--game-time").value.as_str(),
                find("--game-time").source.as_str()
            ),
            ("5s", "default")
        );
        assert_eq!(
            find("--port").value,
            "443 with a certificate, 8443 with a self-made one"
        );
        assert!(
            settings
                .iter()
                .all(|setting| setting.flag != "--print-config")
        );
        let table = table(&settings);
        assert!(table.contains("--seats") && table.lines().count() == settings.len());
    }
}
