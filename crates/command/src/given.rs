//! Reads the command line and the environment, cleans the values, and remembers where each one is from.
//!
//! Variables come from files and web consoles (`docker --env-file`, compose, systemd) that keep invisible characters: a
//! space, a carriage return, an empty value, quotation marks. clap would take all of these as they are, so it reads no
//! variable here. The command line is parsed twice: first loosely, to learn which flags were typed; then strictly, from
//! a new command line that is put together of the cleaned values of flags and variables.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::{OsStr as ClapStr, Resettable, StyledStr, ValueParser};
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches, Id, value_parser};

/// The flags whose empty value has a meaning. `--socketio-alias ""` means that there is no alias.
pub const EMPTY_MEANS_NONE: [&str; 1] = ["socketio_alias"];
/// Quotation marks, also the typographic ones that some editors write.
const QUOTES: [char; 6] = ['"', '\'', '“', '”', '‘', '’'];

/// Where each value is from, by flag. Flags that have their default are not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<String, GivenBy>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum GivenBy {
    CommandLine,
    Variable(String),
}

impl Origins {
    /// The variable that gave a flag its value, if one did. `flag` is written as `--port`.
    pub fn variable(&self, flag: &str) -> Option<&str> {
        match self.0.get(flag) {
            Some(GivenBy::Variable(variable)) => Some(variable),
            Some(GivenBy::CommandLine) | None => None,
        }
    }

    /// Whether the flag was typed.
    pub fn typed(&self, flag: &str) -> bool {
        self.0.get(flag) == Some(&GivenBy::CommandLine)
    }

    /// The name by which people find the place of a value: the variable that gave it, else the flag.
    pub fn name<'a>(&'a self, flag: &'a str) -> &'a str {
        self.variable(flag).unwrap_or(flag)
    }

    /// The names, as of [`Origins::name`], of those of these flags that were given.
    pub fn names(&self, flags: &[&str]) -> Vec<String> {
        let given = flags.iter().filter(|flag| self.0.contains_key(**flag));
        given.map(|flag| self.name(flag).to_owned()).collect()
    }

    /// Adds variables to a sentence about flags: each flag that a variable gave is followed by it in brackets, where
    /// the sentence names the flag first.
    pub fn told(&self, sentence: &str) -> String {
        let mut told = sentence.to_owned();
        for (flag, origin) in &self.0 {
            let GivenBy::Variable(variable) = origin else {
                continue;
            };
            if let Some(end) = position(&told, flag) {
                told.insert_str(end, &format!(" ({variable})"));
            }
        }
        told
    }
}

/// Where the first mention of a flag in a sentence ends. `--acme-email` is no mention of `--acme`.
fn position(sentence: &str, flag: &str) -> Option<usize> {
    let ends = |at: usize| {
        let rest = sentence[at..].chars().next();
        !rest.is_some_and(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    sentence
        .match_indices(flag)
        .map(|(at, _)| at + flag.len())
        .find(|end| ends(*end))
}

/// A command line of the type `C` that was read.
#[derive(Debug)]
pub struct Given<C> {
    /// The command and its flags.
    pub cli: C,
    /// The values as clap has them, by the ids of the flags.
    pub matches: ArgMatches,
    /// Where the values are from.
    pub origins: Origins,
}

/// Reads a command line, which begins with the program's name, and the environment by `variable`. An error is one of
/// clap: it names the flag or the variable, prints itself, and has the exit code of wrong usage. Help is such an error
/// as well.
pub fn read<C: CommandFactory + FromArgMatches>(
    arguments: impl IntoIterator<Item = OsString>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Given<C>, Error> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let typed = loose(C::command())
        .try_get_matches_from(&arguments)
        .map_err(|error| {
            // The help names the variables, which the loose command does not have.
            let whole = C::command().try_get_matches_from(&arguments);
            match (error.use_stderr(), whole) {
                (false, Err(whole)) if !whole.use_stderr() => whole,
                _ => error,
            }
        })?;
    // This command has the names of the variables. It is not used to parse.
    let whole = C::command();
    let mut line = vec![arguments.first().cloned().unwrap_or_default()];
    let mut origins = Origins::default();
    // A subcommand stands before its flags.
    let (mut level, mut matches) = (&whole, &typed);
    while let Some((name, below)) = matches.subcommand() {
        line.push(name.into());
        let found = level.find_subcommand(name);
        (level, matches) = (found.expect("clap has found it"), below);
    }
    let mut positional = Vec::new();
    for argument in level.get_arguments() {
        let values = typed_values(argument, matches);
        let Some(long) = argument.get_long() else {
            positional.extend(values.into_iter().flatten());
            continue;
        };
        let flag = format!("--{long}");
        let Some((origin, values)) = given(level, argument, &flag, values, &variable)? else {
            continue;
        };
        origins.0.insert(flag.clone(), origin);
        if argument.get_action().takes_values() {
            for value in values {
                let mut word = OsString::from(format!("{flag}="));
                word.push(value);
                line.push(word);
            }
        } else {
            line.push(flag.into());
        }
    }
    if !positional.is_empty() {
        line.push("--".into());
        line.extend(positional);
    }
    let matches = strict(C::command())
        .try_get_matches_from(line)
        .map_err(|error| named(error, &origins))?;
    let cli = C::from_arg_matches(&matches)?;
    Ok(Given {
        cli,
        matches,
        origins,
    })
}

/// The cleaned values of a flag, and where they are from; none if it was not given. `typed` is what was typed for it.
fn given(
    command: &Command,
    argument: &Arg,
    flag: &str,
    typed: Option<Vec<OsString>>,
    variable: &impl Fn(&str) -> Option<OsString>,
) -> Result<Option<(GivenBy, Vec<OsString>)>, Error> {
    let typed = match typed {
        Some(values) => cleaned(command, argument, flag, values)?,
        None => None,
    };
    if let Some(values) = typed {
        return Ok(Some((GivenBy::CommandLine, values)));
    }
    let Some(name) = variable_of(argument) else {
        return Ok(None);
    };
    let values = match variable(&name) {
        Some(said) => from_variable(command, argument, &name, said)?,
        None => None,
    };
    Ok(values.map(|values| (GivenBy::Variable(name), values)))
}

/// The command changed so that it accepts any value and reads no variable.
fn loose(command: Command) -> Command {
    command
        .mut_args(|argument| {
            let argument = strict_argument(argument)
                .default_values(Vec::<ClapStr>::new())
                .value_delimiter(Resettable::Reset)
                .requires(Resettable::<Id>::Reset);
            if argument.get_action().takes_values() {
                argument.value_parser(value_parser!(OsString))
            } else {
                argument
            }
        })
        .mut_subcommands(loose)
}

/// The command changed so that it reads no variable.
fn strict(command: Command) -> Command {
    command.mut_args(strict_argument).mut_subcommands(strict)
}

fn strict_argument(argument: Arg) -> Arg {
    // The variable's cleaned value is on the command line. clap would read the variable again, uncleaned.
    argument.env(Resettable::Reset)
}

/// The values that were typed for a flag; none if it was not typed.
fn typed_values(argument: &Arg, matches: &ArgMatches) -> Option<Vec<OsString>> {
    let id = argument.get_id().as_str();
    if matches.value_source(id) != Some(ValueSource::CommandLine) {
        return None;
    }
    let values = matches.get_raw(id).into_iter().flatten();
    Some(values.map(OsStr::to_owned).collect())
}

/// The name of a flag's variable, if it has one.
pub fn variable_of(argument: &Arg) -> Option<String> {
    Some(argument.get_env()?.to_string_lossy().into_owned())
}

/// The cleaned values of a variable; none if it counts as unset. A switch that is on has a list without values.
fn from_variable(
    command: &Command,
    argument: &Arg,
    name: &str,
    said: OsString,
) -> Result<Option<Vec<OsString>>, Error> {
    if argument.get_action().takes_values() {
        return cleaned(command, argument, name, vec![said]);
    }
    let text = said.to_string_lossy();
    let text = trimmed(&text);
    if is_quoted_nothing(text) {
        return Ok(None);
    }
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" | "y" | "t" => Ok(Some(Vec::new())),
        "0" | "false" | "no" | "off" | "n" | "f" => Ok(None),
        _ if is_quoted(text) => Err(quoted(command, argument, name, text)),
        _ => Err(refused(
            command,
            format!("{name} is a switch: write 1 or 0, or leave it out. It says {text:?}"),
        )),
    }
}

/// Values without invisible characters at their ends and without empty parts; none if nothing is left. `name` is the
/// flag or the variable that gave them.
fn cleaned(
    command: &Command,
    argument: &Arg,
    name: &str,
    values: Vec<OsString>,
) -> Result<Option<Vec<OsString>>, Error> {
    let id = argument.get_id().as_str();
    let list = argument.get_value_delimiter();
    let typed = name.starts_with("--");
    let mut clean = Vec::new();
    for value in values {
        let Some(text) = value.to_str() else {
            // Only paths may be other than UTF-8.
            if !is_path(argument.get_value_parser()) {
                let lossy = value.to_string_lossy();
                let problem = format!("{name} is not UTF-8 text: {lossy:?}");
                return Err(refused(command, problem));
            }
            clean.push(value);
            continue;
        };
        let text = trimmed(text);
        let parts = match list {
            Some(delimiter) => text.split(delimiter).map(trimmed).collect(),
            None => vec![text],
        };
        for part in parts {
            if is_quoted_nothing(part) && !(typed && list.is_none()) {
                continue;
            }
            if argument.get_env().is_some() && is_quoted(part) {
                return Err(quoted(command, argument, name, part));
            }
            clean.push(part.into());
        }
    }
    if clean.is_empty() && EMPTY_MEANS_NONE.contains(&id) {
        clean.push(OsString::new());
    }
    Ok((!clean.is_empty()).then_some(clean))
}

fn is_path(parser: &ValueParser) -> bool {
    let id = parser.type_id();
    id == TypeId::of::<PathBuf>() || id == TypeId::of::<OsString>()
}

/// A value without white space and invisible characters at its ends. Files from Windows end lines with a carriage
/// return, and may begin with U+FEFF.
pub fn trimmed(value: &str) -> &str {
    value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\0' | '\u{200b}' | '\u{feff}'))
}

/// Whether a value is empty, or an empty pair of quotation marks.
fn is_quoted_nothing(value: &str) -> bool {
    value.is_empty() || matches!(value, "\"\"" | "''")
}

fn is_quoted(value: &str) -> bool {
    value.starts_with(QUOTES) || value.ends_with(QUOTES)
}

/// The error for quotation marks around a value.
fn quoted(command: &Command, argument: &Arg, name: &str, value: &str) -> Error {
    let bare = value.trim_matches(QUOTES);
    let (shown, bare) = if argument.is_hide_env_values_set() {
        ("a value", "…")
    } else {
        (value, bare)
    };
    let problem = format!(
        "{name} has quotation marks in it: {shown}. What set it keeps them, as docker's --env-file and the lists of compose \
         do. Write it without: {name}={bare}"
    );
    refused(command, problem)
}

fn refused(command: &Command, problem: String) -> Error {
    command.clone().error(ErrorKind::ValueValidation, problem)
}

/// Changes an error of clap, which names the flag, so that it names the variable if that gave the value.
fn named(mut error: Error, origins: &Origins) -> Error {
    let flag = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) => flag.clone(),
        _ => String::new(),
    };
    let value = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => value.clone(),
        _ => String::new(),
    };
    // clap writes the flag with the name of its value: `--port <PORT>`.
    let flag = flag.split([' ', '=']).next().unwrap_or_default();
    let variable = origins.variable(flag);
    let mut tip = None;
    if let Some(variable) = variable {
        let name = ContextValue::String(variable.to_owned());
        error.insert(ContextKind::InvalidArg, name);
        if value.starts_with("tcp://") {
            tip = Some(format!(
                "Kubernetes sets {variable} for a service called wulin: say enableServiceLinks: false, or call it otherwise"
            ));
        } else if value.contains(" #") {
            tip = Some("a comment needs a line of its own there".to_owned());
        }
    } else if matches!(
        error.kind(),
        ErrorKind::MissingRequiredArgument | ErrorKind::ArgumentConflict
    ) {
        let set = origins.0.values().filter_map(|origin| match origin {
            GivenBy::Variable(variable) => Some(&**variable),
            GivenBy::CommandLine => None,
        });
        let set = set.collect::<Vec<_>>().join(", ");
        tip = (!set.is_empty()).then(|| format!("these come from the environment: {set}"));
    }
    if let Some(tip) = tip {
        let tips = ContextValue::StyledStrs(vec![StyledStr::from(tip)]);
        error.insert(ContextKind::Suggested, tips);
    }
    error
}
