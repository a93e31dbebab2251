//! Checks certificate files without asking any server.

use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use rustls::RootCertStore;
use wulin_certs::{
    DEFAULT_FOLDER, Found, Pair, Source, Unclear, check_domains, discover, listed, load_pair,
};

use super::chain::Judged;
use super::finding::{Finding, Subject};
use super::report::Report;
use crate::check::flags::Check;

/// The title of the report: the files or the folder.
pub(super) fn target(flags: &Check) -> String {
    let files = &flags.certificates;
    let named: Vec<_> = files
        .tls_cert
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    match (named.as_slice(), &files.tls_dir) {
        ([], Some(folder)) => folder.display().to_string(),
        ([], None) => DEFAULT_FOLDER.to_owned(),
        (named, _) => named.join(", "),
    }
}

/// Checks the files or the folder that the flags name, else the default folder.
pub(super) fn run(
    flags: &Check,
    roots: &RootCertStore,
    now: SystemTime,
    report: &mut Report,
) -> Result<(), Unclear> {
    let files = &flags.certificates;
    let named = Source::named(&files.tls_cert, &files.tls_key, files.tls_dir.as_deref())?;
    let pairs = match named.unwrap_or_else(|| Source::Folder(DEFAULT_FOLDER.into())) {
        Source::Files(files) => each(&files, now, report),
        Source::Folder(folder) => found(&folder, now, report),
    };
    for pair in &pairs {
        judge(pair, roots, now, report);
    }
    if pairs.is_empty() {
        report.skip(&[Subject::Domain], "no certificate");
        return Ok(());
    }
    let mut domains = flags.domains.domain.clone();
    domains.extend(flags.host.iter().map(|address| address.host.clone()));
    for domain in domains {
        let started = Instant::now();
        let finding = match check_domains(&pairs, &[&domain]) {
            Ok(()) => Finding::ok(format!("{domain} is covered")),
            Err(problem) => failed(&problem.to_string()),
        };
        report.add(Subject::Domain, finding, started.elapsed());
    }
    Ok(())
}

/// Loads each pair by itself, so that the report has all that is wrong.
fn each(files: &[(PathBuf, PathBuf)], now: SystemTime, report: &mut Report) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (cert, key) in files {
        let started = Instant::now();
        match load_pair(cert, key, now) {
            Ok(pair) => {
                report.add(Subject::Pair, loaded(&pair), started.elapsed());
                pairs.push(pair);
            }
            Err(problem) => {
                let finding = failed(&problem.to_string());
                report.add(Subject::Pair, finding, started.elapsed());
            }
        }
    }
    pairs
}

fn found(folder: &Path, now: SystemTime, report: &mut Report) -> Vec<Pair> {
    let started = Instant::now();
    let Found { pairs, warnings } = match discover(folder, now) {
        Ok(found) => found,
        Err(problem) => {
            let finding = failed(&problem.to_string());
            report.add(Subject::Folder, finding, started.elapsed());
            return Vec::new();
        }
    };
    let finding = if pairs.is_empty() {
        failed(&Unclear::EmptyFolder(folder.to_owned()).to_string())
    } else {
        let count = pairs.len();
        let plural = if count == 1 { "" } else { "s" };
        Finding::ok(format!("{count} certificate{plural} with their key"))
    };
    report.add(Subject::Folder, finding, started.elapsed());
    for warning in &warnings {
        report.add(Subject::Folder, warned(warning), started.elapsed());
    }
    for pair in &pairs {
        report.add(Subject::Pair, loaded(pair), started.elapsed());
    }
    pairs
}

fn loaded(pair: &Pair) -> Finding {
    let (cert, key) = (pair.cert_path.display(), pair.key_path.display());
    let names = listed(&pair.names);
    if pair.cert_path == pair.key_path {
        Finding::ok(format!("{cert} holds certificate and key for {names}"))
    } else {
        Finding::ok(format!("{cert} and its key {key} are for {names}"))
    }
}

/// Adds how a phone judges the chain, and the warnings that came with the pair.
fn judge(pair: &Pair, roots: &RootCertStore, now: SystemTime, report: &mut Report) {
    let started = Instant::now();
    let Some(judged) = Judged::new(&pair.certified.cert, roots, now) else {
        return;
    };
    let mut add = |name, finding| report.add(name, finding, started.elapsed());
    add(Subject::Expiry, judged.expiry());
    add(Subject::Chain, judged.arrangement(true));
    if let Some(finding) = judged.trust() {
        add(Subject::Trust, finding);
    }
    // Expiry and a missing intermediate have rows of their own above.
    let rest = pair.warnings.iter().filter(|warning| {
        !warning.contains("renew it now") && !warning.contains("holds the certificate alone")
    });
    for warning in rest {
        add(Subject::Pair, warned(warning));
    }
}

fn failed(sentences: &str) -> Finding {
    let (detail, remedy) = split(sentences, ". ");
    Finding::failed(detail, remedy)
}

fn warned(sentence: &str) -> Finding {
    let (detail, remedy) = split(sentence, "; ");
    Finding::warning(detail, remedy)
}

/// Splits the text of a problem into what is the case and the remedy. If it cannot be split, all of it is the first.
fn split(sentences: &str, between: &str) -> (String, String) {
    match sentences.split_once(between) {
        Some((detail, remedy)) => {
            let mut letters = remedy.chars();
            let first = letters.next().map(|c| c.to_uppercase().to_string());
            (
                detail.to_owned(),
                first.unwrap_or_default() + letters.as_str(),
            )
        }
        None => (sentences.to_owned(), "See there.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problem_is_split_from_its_remedy() {
        let split = |text: &str| {
            let (detail, remedy) = split(text, ". ");
            (detail, remedy)
        };
        assert_eq!(
            split("a.pem is empty. Copy it again. Twice."),
            ("a.pem is empty".into(), "Copy it again. Twice.".into())
        );
    }
}
