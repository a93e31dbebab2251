//! What the documentation tells people to type exists: commands, flags, variables, and targets of `make` and `npm`.

use std::collections::BTreeSet;
use std::fs;
use std::iter;

use clap::{Command, CommandFactory};
use wulin::cli::Cli;

use super::pages::{Page, root};
use super::shell;

/// Flags of other programs that the pages name alone.
const FOREIGN: [&str; 3] = ["--build-arg", "--sysctl", "--volumes"];
/// Variables that a page invents on purpose: one that is misspelt, and the flag of a worked example.
const INVENTED: [(&str, &str); 2] = [
    ("docs/flags.md", "WULIN_DOMIAN"),
    ("CONTRIBUTING.md", "WULIN_FACES"),
];
/// What else reads variables: no flags of the program.
const READERS: [&str; 4] = [
    "Makefile",
    "compose.yaml",
    "package.json",
    "tests/clients/server.mjs",
];

/// Every page but the changelog, which tells what was.
fn pages() -> Vec<Page> {
    let pages = Page::all().into_iter();
    pages.filter(|page| page.name != "CHANGELOG.md").collect()
}

/// Every command of a page, in blocks and between back quotes.
fn commands(page: &Page) -> Vec<Vec<String>> {
    let spans = page.spans().into_iter();
    let named = spans.flat_map(|text| shell::commands(&text));
    typed(page).into_iter().chain(named).collect()
}

/// Those in blocks, which are there to be typed.
fn typed(page: &Page) -> Vec<Vec<String>> {
    let blocks = page.blocks().into_iter();
    let texts = blocks.filter_map(|block| match block.language.as_str() {
        "sh" | "bash" | "console" => Some(block.text),
        // Here only what stands behind a prompt is typed.
        "text" | "" => {
            let lines = block.text.lines().filter(|line| line.starts_with("$ "));
            Some(lines.collect::<Vec<_>>().join("\n"))
        }
        _ => None,
    });
    texts.flat_map(|text| shell::commands(&text)).collect()
}

/// Whether these are the words of a command and nothing else, as `cert show`: between back quotes that is its name.
fn is_name(arguments: &[String]) -> bool {
    let cli = Cli::command();
    let end = arguments
        .iter()
        .try_fold(&cli, |command, word| command.find_subcommand(word));
    end.is_some()
}

fn everything(command: &Command, flags: &mut BTreeSet<String>, variables: &mut BTreeSet<String>) {
    for flag in command.get_arguments() {
        flags.extend(flag.get_long().map(|long| format!("--{long}")));
        variables.extend(
            flag.get_env()
                .map(|name| name.to_string_lossy().into_owned()),
        );
    }
    for below in command.get_subcommands() {
        everything(below, flags, variables);
    }
}

fn known() -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut flags, mut variables) = (BTreeSet::new(), BTreeSet::new());
    let mut cli = Cli::command();
    // Adds what clap has by itself: --help and --version.
    cli.build();
    everything(&cli, &mut flags, &mut variables);
    (flags, variables)
}

/// Names that begin with `WULIN_` and go on.
fn variables(text: &str) -> BTreeSet<String> {
    let part =
        |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
    let behind = text.split("WULIN_").skip(1);
    let names = behind.map(|rest| {
        rest.split(|letter| !part(letter))
            .next()
            .unwrap_or_default()
    });
    names
        .filter(|name| !name.is_empty())
        .map(|name| format!("WULIN_{name}"))
        .collect()
}

/// Why the program would refuse a command line, if it would. Help and the version are no refusal.
fn refusal(arguments: &[String]) -> Option<String> {
    let line = iter::once("wulin").chain(arguments.iter().map(String::as_str));
    let error = Cli::command().try_get_matches_from(line).err()?;
    error
        .use_stderr()
        .then(|| format!("{}: {error}", arguments.join(" ")))
}

#[test]
fn every_command_line_can_be_read() {
    let mut problems = Vec::new();
    let mut count = 0;
    for page in pages() {
        let typed = typed(&page);
        for command in commands(&page) {
            let Some(arguments) = shell::arguments(&command) else {
                continue;
            };
            count += 1;
            if typed.contains(&command) || !is_name(arguments) {
                problems.extend(refusal(arguments).map(|why| format!("{}: {why}", page.name)));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(count > 50, "{count} commands were found: are they read?");
}

#[test]
fn every_flag_exists() {
    let (flags, _) = known();
    let ours = |page: &Page| page.name.starts_with("README") || page.name.starts_with("docs/");
    for page in pages().iter().filter(|page| ours(page)) {
        let spans = page.spans().into_iter();
        for span in spans.filter(|span| span.starts_with("--")) {
            for word in span
                .split_whitespace()
                .filter(|word| word.starts_with("--"))
            {
                assert!(
                    flags.contains(word) || FOREIGN.contains(&word),
                    "{}: {word}",
                    page.name
                );
            }
        }
    }
}

#[test]
fn every_variable_exists() {
    let (_, mut all) = known();
    for file in READERS {
        all.extend(variables(&fs::read_to_string(root().join(file)).unwrap()));
    }
    let defaults = "systemd/wulin.default";
    for page in pages().into_iter().chain([Page::read(defaults)]) {
        let invented = |name: &String| INVENTED.contains(&(&page.name, name));
        let strange: Vec<_> = variables(&page.text)
            .difference(&all)
            .filter(|name| !invented(name))
            .cloned()
            .collect();
        assert!(strange.is_empty(), "{}: {strange:?}", page.name);
    }
}

#[test]
fn every_target_exists() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let scripts = fs::read_to_string(root().join("package.json")).unwrap();
    for page in pages() {
        for command in commands(&page) {
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            let (exists, target) = match words.as_slice() {
                ["make", target, ..] => (makefile.contains(&format!("\n{target}:")), target),
                ["npm", "run", script, ..] if !script.starts_with('-') => {
                    (scripts.contains(&format!("\"{script}\":")), script)
                }
                _ => continue,
            };
            assert!(exists, "{}: {target}", page.name);
        }
    }
}

#[test]
fn what_does_not_exist_is_seen() {
    let page = Page {
        name: "a.md".to_owned(),
        text: "`wulin check --no-such-flag` and\n\n```sh\nWULIN_NOTHING=1 wulin nothing\n```\n"
            .to_owned(),
    };
    let (flags, known) = known();
    let commands = commands(&page);
    assert_eq!(commands.len(), 2);
    for command in &commands {
        let arguments = shell::arguments(command).expect("it runs the program");
        assert!(
            !is_name(arguments) && refusal(arguments).is_some(),
            "{command:?}"
        );
    }
    assert!(is_name(&["cert".to_owned(), "show".to_owned()]));
    assert!(
        !flags.contains("--no-such-flag") && flags.contains("--help") && flags.contains("--domain")
    );
    assert_eq!(variables(&page.text).difference(&known).count(), 1);
}
