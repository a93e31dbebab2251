//! The report as lines of text: aligned, wrapped to the width of the terminal, and coloured unless `NO_COLOR` is set.

use std::io::{self, IsTerminal};

use unicode_width::UnicodeWidthStr;

use super::finding::{ReportRow, Severity};

/// Columns before the detail of a row: the mark, the label and the spaces around them.
const MARGIN: usize = 25;
/// The most columns that are used: longer lines are hard to read.
const WIDEST: usize = 100;

/// How lines are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether there are colours.
    pub colour: bool,
    /// Columns of the terminal. None if standard output is none: then lines are not wrapped.
    pub width: Option<usize>,
}

impl Style {
    /// The style for standard output: colours and wrapping on a terminal only, and no colours if `NO_COLOR` is set
    /// (<https://no-color.org>).
    pub fn of_stdout(no_color: bool) -> Style {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let width = rustix::termios::tcgetwinsize(&stdout)
            .ok()
            .map(|size| usize::from(size.ws_col))
            .filter(|width| *width > 0);
        Style {
            colour: terminal && !no_color,
            width: terminal.then(|| width.unwrap_or(80).clamp(MARGIN + 20, WIDEST)),
        }
    }

    /// Text in bold type.
    pub fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

fn mark(outcome: Severity) -> (&'static str, &'static str) {
    match outcome {
        Severity::Ok => ("ok", "32"),
        Severity::Warning => ("warning", "33"),
        Severity::Failed => ("FAILED", "1;31"),
        Severity::Skipped => ("skipped", "2"),
    }
}

/// A row of the report, in one line or more.
pub(super) fn lines(check: &ReportRow, style: Style) -> String {
    labelled(check.name.label(), check, style)
}

/// Rows that are skipped for the same reason, as one line.
pub(super) fn skipped(checks: &[ReportRow], style: Style) -> String {
    match checks {
        [] => String::new(),
        [check] => lines(check, style),
        [first, ..] => labelled(&format!("{} others", checks.len()), first, style),
    }
}

fn labelled(label: &str, check: &ReportRow, style: Style) -> String {
    let (word, code) = mark(check.outcome);
    let word = style.paint(code, &format!("{word:<7}"));
    let indent = " ".repeat(MARGIN);
    let mut lines = Vec::new();
    for (at, line) in wrap(&check.detail, style.width).iter().enumerate() {
        let before = if at == 0 {
            format!("  {word}  {label:<14}")
        } else {
            indent.clone()
        };
        let line = match check.outcome {
            Severity::Skipped => style.paint(code, line),
            Severity::Ok | Severity::Warning | Severity::Failed => line.to_owned(),
        };
        lines.push(before + &line + "\n");
    }
    // The arrow and its space take two columns.
    let width = style.width.map(|width| width.saturating_sub(2));
    let remedy = check.remedy.as_ref().map(|remedy| wrap(remedy, width));
    for (at, line) in remedy.unwrap_or_default().iter().enumerate() {
        let before = if at == 0 { "→ " } else { "  " };
        let line = style.paint("36", &format!("{before}{line}"));
        lines.push(format!("{indent}{line}\n"));
    }
    lines.concat()
}

/// The rows on one subject at each address, as people read them. The same finding at all addresses is one row;
/// otherwise each row names its address. The second list has the rows that are skipped at some addresses only, which
/// are printed at the end.
pub(super) fn together(row: &[ReportRow]) -> (Vec<ReportRow>, Vec<ReportRow>) {
    let [first, rest @ ..] = row else {
        return (Vec::new(), Vec::new());
    };
    if rest.is_empty() {
        return (vec![first.clone()], Vec::new());
    }
    let skipped = |check: &ReportRow| check.outcome == Severity::Skipped;
    let same = |check: &ReportRow| check.detail == first.detail && check.remedy == first.remedy;
    if row.iter().all(same) {
        return (vec![first.clone()], Vec::new());
    }
    let alike = |check: &ReportRow| check.outcome == first.outcome && check.remedy == first.remedy;
    if row.iter().all(alike) && first.outcome <= Severity::Ok {
        // The details differ only in times, or in what `alike` compares.
        let detail = format!("{}; so at all {} addresses", first.detail, row.len());
        let line = ReportRow {
            detail,
            ..first.clone()
        };
        return (vec![line], Vec::new());
    }
    let named = |check: &ReportRow| {
        let address = check.address.map(|address| format!("{address}: "));
        // Some details begin with the address already.
        let address =
            address.filter(|address| !check.detail.starts_with(&address.replace(": ", " ")));
        ReportRow {
            detail: address.unwrap_or_default() + &check.detail,
            ..check.clone()
        }
    };
    let (elsewhere, shown): (Vec<_>, Vec<_>) = row.iter().map(named).partition(skipped);
    (shown, elsewhere)
}

/// Groups skipped rows by their detail, which has the address and the reason.
pub(super) fn apart(skipped: &[ReportRow]) -> Vec<Vec<ReportRow>> {
    let mut groups: Vec<Vec<ReportRow>> = Vec::new();
    for check in skipped {
        match groups
            .iter_mut()
            .find(|group| group[0].detail == check.detail)
        {
            Some(group) => group.push(check.clone()),
            None => groups.push(vec![check.clone()]),
        }
    }
    groups
}

/// The verdict, as the last lines of the report.
pub(super) fn closing(verdict: &str, outcome: Severity, style: Style) -> String {
    let (_, code) = mark(outcome);
    let width = style.width.map(|width| width + MARGIN);
    let lines = wrap(verdict, width.map(|width| width.min(WIDEST + MARGIN)));
    let painted = lines.iter().map(|line| style.paint(code, line));
    format!("\n{}\n", painted.collect::<Vec<_>>().join("\n"))
}

/// Wraps a sentence between words so that it fits beside the margin.
fn wrap(text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width.map(|width| width.saturating_sub(MARGIN).max(1)) else {
        return vec![text.to_owned()];
    };
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is always one");
        if last.is_empty() {
            last.push_str(word);
        } else if last.width() + 1 + word.width() <= width {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::finding::Subject;

    fn check(outcome: Severity, detail: &str, remedy: Option<&str>) -> ReportRow {
        ReportRow {
            name: Subject::CipherSuite,
            address: None,
            outcome,
            detail: detail.into(),
            remedy: remedy.map(str::to_owned),
            milliseconds: 1,
        }
    }

    #[test]
    fn rows_align_at_the_margin_and_fit_the_width() {
        let style = Style {
            colour: false,
            width: Some(50),
        };
        let text = lines(
            &check(
                Severity::Failed,
                "one two three four five six seven 武林 盟主",
                Some("do this and that and these"),
            ),
            style,
        );
        assert_eq!(
            text,
            "  FAILED   Cipher suite  one two three four five
                         six seven 武林 盟主
                         → do this and that and
                           these
"
        );
    }

    #[test]
    fn row_is_one_plain_line_without_a_terminal() {
        let style = Style {
            colour: false,
            width: None,
        };
        let long = "word ".repeat(60);
        let text = lines(&check(Severity::Skipped, long.trim(), None), style);
        assert_eq!(text.lines().count(), 1);
        assert!(!text.contains('\x1b'), "{text}");
    }

    #[test]
    fn rows_skipped_for_one_reason_are_one_line() {
        let style = Style {
            colour: false,
            width: None,
        };
        let one = check(Severity::Skipped, "no TLS", None);
        let line = |checks: &[ReportRow]| skipped(checks, style);
        assert_eq!(line(&[]), "");
        assert_eq!(
            line(std::slice::from_ref(&one)),
            "  skipped  Cipher suite  no TLS\n"
        );
        assert_eq!(
            line(&[one.clone(), one]),
            "  skipped  2 others      no TLS\n"
        );
    }

    #[test]
    fn every_colour_comes_with_a_word() {
        let plain = Style {
            colour: false,
            width: None,
        };
        let bright = Style {
            colour: true,
            width: None,
        };
        for outcome in [
            Severity::Ok,
            Severity::Warning,
            Severity::Failed,
            Severity::Skipped,
        ] {
            let check = check(outcome, "x", None);
            let (word, _) = mark(outcome);
            assert!(lines(&check, plain).contains(word));
            assert!(lines(&check, bright).contains('\x1b'));
        }
    }
}
