//! Which domains a certificate is for.

use std::net::IpAddr;

/// Whether a name in a certificate covers a domain (RFC 6125, 6.4): case does not matter, nor a dot at the end, and a
/// wildcard stands for exactly one left-most label.
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

/// Lists names in a sentence, at most eight of them: a certificate can have a hundred.
pub fn listed(names: &[String]) -> String {
    const MOST: usize = 8;
    match names.len() {
        0 => "no name".to_owned(),
        count if count <= MOST => names.join(", "),
        count => format!("{} and {} more", names[..MOST].join(", "), count - MOST),
    }
}
