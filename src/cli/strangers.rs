//! Unknown variables: those that begin with `WULIN_` but belong to no flag, most likely misspelt.

use std::ffi::OsString;

use clap::{Command, CommandFactory};
use wulin_command::given::{trimmed, variable_of};

use super::Cli;

/// A warning for each of these variables that begins with `WULIN_` and belongs to no flag.
pub fn strangers(names: impl IntoIterator<Item = OsString>) -> Vec<String> {
    let mut known = Vec::new();
    variables(&Cli::command(), &mut known);
    let mut warnings: Vec<String> = names
        .into_iter()
        .filter_map(|name| stranger(&name.to_string_lossy(), &known))
        .collect();
    // Sorted, since the environment has no order.
    warnings.sort();
    warnings
}

fn variables(command: &Command, known: &mut Vec<String>) {
    known.extend(command.get_arguments().filter_map(variable_of));
    for below in command.get_subcommands() {
        variables(below, known);
    }
    known.sort();
    known.dedup();
}

fn stranger(name: &str, known: &[String]) -> Option<String> {
    let upper = trimmed(name).to_ascii_uppercase().replace('-', "_");
    let ours = upper.starts_with("WULIN_") && !known.iter().any(|own| own == name);
    // Kubernetes sets these for a service called wulin.
    let link = ["WULIN_SERVICE_", "WULIN_PORT_"];
    if !ours || link.iter().any(|link| upper.starts_with(link)) {
        return None;
    }
    // One mistake is allowed, and one more for every five letters.
    let distance = |own: &String| distance(own, &upper);
    let nearest = known.iter().min_by_key(|own| distance(own));
    let nearest = nearest.filter(|own| distance(own) <= 1 + (upper.len() - "WULIN_".len()) / 5);
    Some(match nearest {
        Some(nearest) => {
            format!("{name} is set and means nothing here. Did you mean {nearest}?")
        }
        None => format!(
            "{name} is set and means nothing here. `wulin serve --help` lists the variables."
        ),
    })
}

/// The edit distance of two words: how many letters to change, add, remove or swap with a neighbour
/// (Damerau–Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let change = rows[i][j] + usize::from(a != b);
            let mut least = change.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_variable_names_the_nearest() {
        let warned = |name: &str| strangers([OsString::from(name)]);
        for (name, nearest) in [
            ("WULIN_DOMIAN", "WULIN_DOMAIN"),
            ("WULIN_DOMAINS", "WULIN_DOMAIN"),
            ("wulin_domain", "WULIN_DOMAIN"),
            ("\u{feff}WULIN_PORT", "WULIN_PORT"),
            ("WULIN_TLS_CERTS", "WULIN_TLS_CERT"),
            ("WULIN_TRUSTED_PROXY", "WULIN_TRUSTED_PROXIES"),
            ("WULIN_MAX-CONNECTIONS", "WULIN_MAX_CONNECTIONS"),
        ] {
            let sentences = warned(name);
            assert!(
                sentences[0].ends_with(&format!("{nearest}?")),
                "{sentences:?}"
            );
        }
        assert!(warned("WULIN_COLOUR_OF_THE_SKY")[0].contains("--help"));
        for known in [
            "WULIN_DOMAIN",
            "WULIN_ADMIN",
            "PATH",
            "WULIN_SERVICE_HOST",
            "WULIN_PORT_443_TCP",
        ] {
            assert_eq!(warned(known), Vec::<String>::new());
        }
    }
}
