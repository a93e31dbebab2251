//! What the checks have found, and how it is told.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use super::layout::{self, Style};
use wulin_command::output::say;
use wulin_text::harmless;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Not done, since another one failed or nobody wanted it.
    Skipped,
    /// As it should be.
    Ok,
    /// May still work.
    Warning,
    /// Stops phones.
    Failed,
}

/// What is checked. The names are for scripts and stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A certificate with its key, as files.
    Pair,
    /// The folder they are in.
    Folder,
    /// The domain resolves.
    Name,
    /// The port can be reached.
    Port,
    /// TLS 1.3 is spoken.
    #[serde(rename = "tls_1_3")]
    Tls13,
    /// TLS 1.2 is spoken.
    #[serde(rename = "tls_1_2")]
    Tls12,
    /// With a cipher suite phones accept.
    CipherSuite,
    /// The chain is complete and in order.
    Chain,
    /// It ends at a root phones know.
    Trust,
    /// The certificate is for the domain.
    Domain,
    /// It is valid now, and for how long.
    Expiry,
    /// Plain HTTP leads to HTTPS.
    Redirect,
    /// The base path answers as Wulin.
    Status,
    /// The native WebSocket opens.
    #[serde(rename = "websocket")]
    WebSocket,
    /// Socket.IO 3 and 4 over WebSocket.
    #[serde(rename = "socketio_4")]
    SocketIo4,
    /// Socket.IO 1 and 2 over WebSocket.
    #[serde(rename = "socketio_3")]
    SocketIo3,
    /// Socket.IO 3 and 4 over polling.
    Polling,
    /// `hello` is answered by `hi`.
    Hello,
    /// A whole round.
    Round,
    /// Every address of the name leads to the same.
    Addresses,
}

impl Subject {
    /// What people read; none is longer than the column for it.
    pub fn label(self) -> &'static str {
        match self {
            Subject::Pair => "Files",
            Subject::Folder => "Folder",
            Subject::Name => "Name",
            Subject::Port => "Port",
            Subject::Tls13 => "TLS 1.3",
            Subject::Tls12 => "TLS 1.2",
            Subject::CipherSuite => "Cipher suite",
            Subject::Chain => "Chain",
            Subject::Trust => "Trust",
            Subject::Domain => "Domain",
            Subject::Expiry => "Expiry",
            Subject::Redirect => "Redirect",
            Subject::Status => "Answer",
            Subject::WebSocket => "WebSocket",
            Subject::SocketIo4 => "Socket.IO 4",
            Subject::SocketIo3 => "Socket.IO 2",
            Subject::Polling => "Polling",
            Subject::Hello => "Hello",
            Subject::Round => "Round",
            Subject::Addresses => "Addresses",
        }
    }
}

/// What was found, before it is known how long it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How it ended.
    pub outcome: Outcome,
    /// What is the case, as a sentence.
    pub detail: String,
    /// What to do, where something is to be done.
    pub remedy: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn ok(detail: impl Into<String>) -> Finding {
        Finding {
            outcome: Outcome::Ok,
            detail: detail.into(),
            remedy: None,
        }
    }

    /// May still work.
    pub fn warning(detail: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding {
            outcome: Outcome::Warning,
            detail: detail.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// Stops phones.
    pub fn failed(detail: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding {
            outcome: Outcome::Failed,
            detail: detail.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// Not done.
    pub fn skipped(because: impl Into<String>) -> Finding {
        Finding {
            outcome: Outcome::Skipped,
            detail: because.into(),
            remedy: None,
        }
    }
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: Subject,
    /// Where, if it was checked at an address of the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// How it ended.
    pub outcome: Outcome,
    /// What is the case.
    pub detail: String,
    /// What to do.
    pub remedy: Option<String>,
    /// How long it took.
    pub milliseconds: u64,
}

impl Check {
    fn new(name: Subject, address: Option<IpAddr>, finding: Finding, took: Duration) -> Check {
        let Finding {
            outcome,
            detail,
            remedy,
        } = finding;
        Check {
            name,
            address,
            outcome,
            // Some of it is what a server said.
            detail: harmless(&detail),
            remedy: remedy.map(|remedy| harmless(&remedy)),
            milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// How the whole thing ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Whether a phone can play on a running server.
    Server,
    /// Whether a server can use these files.
    Files,
}

/// What is found, as it is found.
#[derive(Debug)]
pub struct Report {
    target: String,
    question: Question,
    /// How lines are shown while they come; none when all is printed at the end as JSON.
    live: Option<Style>,
    checks: Vec<Check>,
    /// What was skipped last, and is not yet shown: people read it as one line.
    unshown: Vec<Check>,
    /// What was skipped at some addresses and not at others, which people read at the end.
    elsewhere: Vec<Check>,
}

#[derive(Serialize)]
struct Document<'a> {
    target: &'a str,
    outcome: Outcome,
    verdict: String,
    checks: &'a [Check],
}

impl Report {
    /// An empty report on `target`.
    pub fn new(target: impl Into<String>, question: Question, live: Option<Style>) -> Report {
        let report = Report {
            target: target.into(),
            question,
            live,
            checks: Vec::new(),
            unshown: Vec::new(),
            elsewhere: Vec::new(),
        };
        if let Some(style) = report.live {
            say(style.strong(&report.target) + "\n");
        }
        report
    }

    /// Adds what was found.
    pub fn add(&mut self, name: Subject, finding: Finding, took: Duration) -> Outcome {
        let check = Check::new(name, None, finding, took);
        let outcome = check.outcome;
        self.show(&check);
        self.checks.push(check);
        outcome
    }

    /// Adds what was found of one thing at each address.
    pub fn add_row(&mut self, row: Vec<(Subject, IpAddr, Finding, Duration)>) {
        let row: Vec<Check> = row
            .into_iter()
            .map(|(name, ip, finding, took)| Check::new(name, Some(ip), finding, took))
            .collect();
        let (shown, elsewhere) = layout::together(&row);
        for check in &shown {
            self.show(check);
        }
        self.elsewhere.extend(elsewhere);
        self.checks.extend(row);
    }

    /// Shows a check at once, or with those that are skipped for the same reason.
    fn show(&mut self, check: &Check) {
        let Some(style) = self.live else {
            return;
        };
        let skipped = check.outcome == Outcome::Skipped;
        let same = |last: &Check| last.detail == check.detail;
        if !skipped || !self.unshown.iter().all(same) {
            self.show_skipped(style);
        }
        if skipped {
            self.unshown.push(check.clone());
        } else {
            say(layout::lines(check, style).trim_end());
        }
    }

    fn show_skipped(&mut self, style: Style) {
        if !self.unshown.is_empty() {
            say(layout::skipped(&self.unshown, style).trim_end());
            self.unshown.clear();
        }
    }

    /// Says of each of these that it was not done, and why.
    pub fn skip(&mut self, names: &[Subject], because: &str) {
        for name in names {
            self.add(*name, Finding::skipped(because), Duration::ZERO);
        }
    }

    /// Everything found so far.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The worst that was found.
    pub fn outcome(&self) -> Outcome {
        let worst = self.checks.iter().map(|check| check.outcome).max();
        worst.unwrap_or(Outcome::Ok).max(Outcome::Ok)
    }

    /// All in one sentence, and what to do first.
    pub fn verdict(&self) -> String {
        let first = |outcome| self.checks.iter().find(|check| check.outcome == outcome);
        let remedy = |check: &Check| check.remedy.clone().unwrap_or_default();
        let (good, bad) = match self.question {
            Question::Server => ("A phone can play here", "A phone cannot play here"),
            Question::Files => ("A server can use these files", "Phones would not connect"),
        };
        if let Some(failed) = first(Outcome::Failed) {
            let remedy = remedy(failed);
            let some = self.some_fail();
            return if some.is_empty() {
                format!("{bad}. First: {remedy}")
            } else {
                format!("A phone that is led to {some} cannot play here. First: {remedy}")
            };
        }
        let good = match self.warnings() {
            0 => format!("{good}."),
            1 => format!("{good}, with one warning."),
            more => format!("{good}, with {more} warnings."),
        };
        let unasked = self
            .addresses(|check| check.name == Subject::Port && check.outcome == Outcome::Skipped);
        if unasked.is_empty() {
            good
        } else {
            format!("{good} {} was not asked.", unasked.join(" and "))
        }
    }

    /// How many warnings there are; the same one at several addresses is one.
    fn warnings(&self) -> usize {
        let warnings = self
            .checks
            .iter()
            .filter(|check| check.outcome == Outcome::Warning);
        let mut known: Vec<(Subject, &Option<String>, Option<IpAddr>)> = Vec::new();
        for check in warnings {
            let again = |(name, remedy, address): &(Subject, &Option<String>, Option<IpAddr>)| {
                let other = *address != check.address;
                *name == check.name && **remedy == check.remedy && other
            };
            if !known.iter().any(again) {
                known.push((check.name, &check.remedy, check.address));
            }
        }
        known.len()
    }

    /// The addresses at which something is so, each once.
    fn addresses(&self, so: impl Fn(&Check) -> bool) -> Vec<String> {
        let mut addresses: Vec<_> = self
            .checks
            .iter()
            .filter(|check| so(check))
            .filter_map(|check| check.address)
            .collect();
        addresses.sort();
        addresses.dedup();
        addresses.iter().map(ToString::to_string).collect()
    }

    /// Those addresses at which something fails, if at others nothing does.
    fn some_fail(&self) -> String {
        let is_failed = |check: &Check| check.outcome == Outcome::Failed;
        let everywhere = self
            .checks
            .iter()
            .any(|check| is_failed(check) && check.address.is_none());
        let failing = self.addresses(is_failed);
        let asked = self
            .addresses(|check| check.name == Subject::Port && check.outcome != Outcome::Skipped);
        if everywhere || failing.len() == asked.len() {
            String::new()
        } else {
            failing.join(" or ")
        }
    }

    /// The end of what people read, or all of what scripts read.
    pub fn finish(&mut self) {
        let outcome = self.outcome();
        let verdict = self.verdict();
        if let Some(style) = self.live {
            self.show_skipped(style);
            for check in layout::apart(&self.elsewhere) {
                say(layout::skipped(&check, style).trim_end());
            }
            say(layout::closing(&verdict, outcome, style).trim_end());
            return;
        }
        let document = Document {
            target: &self.target,
            outcome,
            verdict,
            checks: &self.checks,
        };
        let json = serde_json::to_string_pretty(&document).expect("strings and numbers are JSON");
        say(json);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(findings: &[Finding]) -> Report {
        let mut report = Report {
            target: "a.example".into(),
            question: Question::Server,
            live: None,
            checks: Vec::new(),
            unshown: Vec::new(),
            elsewhere: Vec::new(),
        };
        for finding in findings {
            report.add(Subject::Port, finding.clone(), Duration::from_millis(7));
        }
        report
    }

    #[test]
    fn the_verdict_is_the_worst_with_the_first_thing_to_do() {
        let ok = Finding::ok("fine");
        let warning = Finding::warning("hm", "Look at it.");
        let failed = Finding::failed("no", "Open the port.");
        let skipped = Finding::skipped("no port");
        let verdict = |findings: &[Finding]| {
            let report = report(findings);
            (report.outcome(), report.verdict())
        };
        assert_eq!(
            verdict(&[ok.clone(), skipped.clone()]),
            (Outcome::Ok, "A phone can play here.".into())
        );
        assert_eq!(
            verdict(&[ok, warning.clone(), warning.clone()]),
            (
                Outcome::Warning,
                "A phone can play here, with 2 warnings.".into()
            )
        );
        assert_eq!(
            verdict(&[warning, failed, skipped]),
            (
                Outcome::Failed,
                "A phone cannot play here. First: Open the port.".into()
            )
        );
    }

    #[test]
    fn scripts_read_stable_names() {
        let names = [
            (Subject::Tls13, "tls_1_3"),
            (Subject::Tls12, "tls_1_2"),
            (Subject::CipherSuite, "cipher_suite"),
            (Subject::WebSocket, "websocket"),
            (Subject::SocketIo4, "socketio_4"),
        ];
        for (subject, name) in names {
            assert_eq!(serde_json::to_value(subject).unwrap(), name);
        }
        let report = report(&[Finding::failed("no", "Do.")]);
        assert_eq!(
            serde_json::to_value(&report.checks[0]).unwrap(),
            serde_json::json!({
                "name": "port", "outcome": "failed", "detail": "no", "remedy": "Do.", "milliseconds": 7
            })
        );
    }
}
