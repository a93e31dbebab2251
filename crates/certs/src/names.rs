//! Which domains a certificate is for.

use std::net::IpAddr;

use super::{pair::Pair, problem::Problem};

/// Whether a name in a certificate covers a domain, after RFC 6125: case does not matter, nor a dot
/// at the end, and a wildcard stands for exactly one left-most label.
pub fn matches(name: &str, domain: &str) -> bool {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let name = name.strip_suffix('.').unwrap_or(name);
    if let Ok(address) = domain.parse::<IpAddr>() {
        return name.parse() == Ok(address);
    }
    match name.strip_prefix("*.") {
        Some(parent) => domain.split_once('.').is_some_and(|(label, rest)| {
            // Clients refuse a wildcard over a whole top-level domain.
            !label.is_empty() && parent.contains('.') && rest.eq_ignore_ascii_case(parent)
        }),
        None => !name.is_empty() && name.eq_ignore_ascii_case(domain),
    }
}

/// Checks that each domain is covered by one of the pairs.
pub fn check_domains(pairs: &[Pair], domains: &[impl AsRef<str>]) -> Result<(), Problem> {
    let uncovered = domains
        .iter()
        .map(AsRef::as_ref)
        .find(|domain| !pairs.iter().any(|pair| pair.covers(domain)));
    match uncovered {
        None => Ok(()),
        Some(domain) => Err(Problem::WrongDomain {
            domain: domain.to_owned(),
            covered: coverage(pairs),
        }),
    }
}

fn coverage(pairs: &[Pair]) -> String {
    if pairs.is_empty() {
        return "there is no certificate at all".to_owned();
    }
    let each = pairs.iter().map(|pair| {
        format!(
            "{} is for {}",
            pair.cert_path.display(),
            listed(&pair.names)
        )
    });
    each.collect::<Vec<_>>().join("; ")
}

/// Names in a sentence; a certificate can have a hundred of them.
pub fn listed(names: &[String]) -> String {
    const MOST: usize = 8;
    match names.len() {
        0 => "no name".to_owned(),
        count if count <= MOST => names.join(", "),
        count => format!("{} and {} more", names[..MOST].join(", "), count - MOST),
    }
}
