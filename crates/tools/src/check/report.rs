//! The report: collects what the checks find, prints it as it comes, and ends with a verdict.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;
use wulin_command::output::say;

use super::finding::{Finding, ReportRow, Severity, Subject};
use super::layout::{self, Style};

/// The question that the verdict answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Whether a phone can play on a running server.
    Server,
    /// Whether a server can use these files.
    Files,
}

/// The rows of a report, in the order they were found.
#[derive(Debug)]
pub struct Report {
    target: String,
    question: Question,
    /// The style of rows that are printed at once; none if all is printed at the end as JSON.
    live: Option<Style>,
    checks: Vec<ReportRow>,
    /// The last rows, skipped for one reason and not yet printed: they become one line.
    unshown: Vec<ReportRow>,
    /// Rows skipped at some addresses only, printed at the end.
    elsewhere: Vec<ReportRow>,
}

#[derive(Serialize)]
struct Document<'a> {
    target: &'a str,
    outcome: Severity,
    verdict: String,
    checks: &'a [ReportRow],
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

    /// Adds a row.
    pub fn add(&mut self, name: Subject, finding: Finding, took: Duration) -> Severity {
        let check = ReportRow::new(name, None, finding, took);
        let outcome = check.outcome;
        self.show(&check);
        self.checks.push(check);
        outcome
    }

    /// Adds the rows on one subject at each address.
    pub fn add_row(&mut self, row: Vec<(Subject, IpAddr, Finding, Duration)>) {
        let row: Vec<ReportRow> = row
            .into_iter()
            .map(|(name, ip, finding, took)| ReportRow::new(name, Some(ip), finding, took))
            .collect();
        let (shown, elsewhere) = layout::together(&row);
        for check in &shown {
            self.show(check);
        }
        self.elsewhere.extend(elsewhere);
        self.checks.extend(row);
    }

    /// Prints a row. A skipped one waits for others with the same reason.
    fn show(&mut self, check: &ReportRow) {
        let Some(style) = self.live else {
            return;
        };
        let skipped = check.outcome == Severity::Skipped;
        let same = |last: &ReportRow| last.detail == check.detail;
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

    /// Adds a skipped row for each of these subjects.
    pub fn skip(&mut self, names: &[Subject], because: &str) {
        for name in names {
            self.add(*name, Finding::skipped(because), Duration::ZERO);
        }
    }

    /// All rows so far.
    pub fn checks(&self) -> &[ReportRow] {
        &self.checks
    }

    /// The worst severity of all rows; a report of skipped rows is `Ok`.
    pub fn outcome(&self) -> Severity {
        let worst = self.checks.iter().map(|check| check.outcome).max();
        worst.unwrap_or(Severity::Ok).max(Severity::Ok)
    }

    /// The result in one sentence, with the first remedy.
    pub fn verdict(&self) -> String {
        let first = |outcome| self.checks.iter().find(|check| check.outcome == outcome);
        let remedy = |check: &ReportRow| check.remedy.clone().unwrap_or_default();
        let (good, bad) = match self.question {
            Question::Server => ("A phone can play here", "A phone cannot play here"),
            Question::Files => ("A server can use these files", "Phones would not connect"),
        };
        if let Some(failed) = first(Severity::Failed) {
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
            .addresses(|check| check.name == Subject::Port && check.outcome == Severity::Skipped);
        if unasked.is_empty() {
            good
        } else {
            format!("{good} {} was not asked.", unasked.join(" and "))
        }
    }

    /// How many warnings there are. The same warning at several addresses counts once.
    fn warnings(&self) -> usize {
        let warnings = self
            .checks
            .iter()
            .filter(|check| check.outcome == Severity::Warning);
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

    /// The addresses of the rows that meet a condition, sorted and each once.
    fn addresses(&self, so: impl Fn(&ReportRow) -> bool) -> Vec<String> {
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

    /// The addresses at which something fails. Empty if something fails at all of them, or does not depend on an
    /// address.
    fn some_fail(&self) -> String {
        let is_failed = |check: &ReportRow| check.outcome == Severity::Failed;
        let everywhere = self
            .checks
            .iter()
            .any(|check| is_failed(check) && check.address.is_none());
        let failing = self.addresses(is_failed);
        let asked = self
            .addresses(|check| check.name == Subject::Port && check.outcome != Severity::Skipped);
        if everywhere || failing.len() == asked.len() {
            String::new()
        } else {
            failing.join(" or ")
        }
    }

    /// Prints the end of the report; or all of it, if it is JSON.
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
    fn verdict_names_the_worst_and_the_first_remedy() {
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
            (Severity::Ok, "A phone can play here.".into())
        );
        assert_eq!(
            verdict(&[ok, warning.clone(), warning.clone()]),
            (
                Severity::Warning,
                "A phone can play here, with 2 warnings.".into()
            )
        );
        assert_eq!(
            verdict(&[warning, failed, skipped]),
            (
                Severity::Failed,
                "A phone cannot play here. First: Open the port.".into()
            )
        );
    }

    #[test]
    fn json_names_are_stable() {
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
