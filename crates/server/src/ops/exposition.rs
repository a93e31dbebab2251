//! The two text formats of metrics and how a client chooses: `OpenMetrics`, and the older format of Prometheus, which
//! every tool reads.

use std::fmt::Write;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// How metrics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFormat {
    /// `OpenMetrics` 1.0.
    OpenMetrics,
    /// Prometheus' text format 0.0.4.
    Classic,
}

impl TextFormat {
    /// The content type of the answer.
    pub fn content_type(self) -> &'static str {
        match self {
            TextFormat::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            TextFormat::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// The format a client prefers (RFC 9110, 12.5.1). A client that accepts anything, as a browser does, gets the
    /// classic format, which it can show. `OpenMetrics` is for clients that name it, and for those that send no
    /// `Accept` at all.
    pub fn wanted(headers: &HeaderMap) -> TextFormat {
        if !headers.contains_key(ACCEPT) {
            return TextFormat::OpenMetrics;
        }
        let open = weight(headers, "application/openmetrics-text", &["1.0.0", "0.0.1"]);
        let classic = weight(headers, "text/plain", &["0.0.4"])
            .or_else(|| weight(headers, "text/*", &[]))
            .or_else(|| weight(headers, "*/*", &[]));
        let open = open.unwrap_or_default();
        if open > 0.0 && open >= classic.unwrap_or_default() {
            TextFormat::OpenMetrics
        } else {
            TextFormat::Classic
        }
    }

    /// Converts metrics from `OpenMetrics` to this format.
    pub fn write(self, text: String) -> String {
        match self {
            TextFormat::OpenMetrics => text,
            TextFormat::Classic => classic(&text),
        }
    }
}

/// The greatest weight `Accept` gives to a type, in one of these versions or without a version; none if the type is not
/// listed. Elements that cannot be read are skipped.
fn weight(headers: &HeaderMap, name: &str, versions: &[&str]) -> Option<f32> {
    let lines = headers.get_all(ACCEPT).iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|element| {
            let mut parts = element.split(';').map(str::trim);
            if !parts.next()?.eq_ignore_ascii_case(name) {
                return None;
            }
            let mut weight = 1.0;
            for (parameter, value) in parts.filter_map(|part| part.split_once('=')) {
                let (parameter, value) = (parameter.trim(), value.trim().trim_matches('"'));
                if parameter.eq_ignore_ascii_case("q") {
                    weight = value.parse().ok()?;
                } else if parameter.eq_ignore_ascii_case("version") && !versions.contains(&value) {
                    return None;
                }
            }
            (0.0..=1.0).contains(&weight).then_some(weight)
        })
        .reduce(f32::max)
}

/// The same metrics in the classic format. There, the name of a counter ends as its samples do, and there are no units
/// and no end mark.
fn classic(text: &str) -> String {
    let mut classic = String::with_capacity(text.len());
    // The HELP line comes before the TYPE line, which says what both must be called.
    let mut help = None;
    for line in text.lines() {
        let comment = line
            .strip_prefix("# ")
            .and_then(|line| line.split_once(' '));
        match comment {
            Some(("HELP", meaning)) => help = meaning.split_once(' '),
            Some(("TYPE", kind)) => {
                let (name, kind) = kind.split_once(' ').unwrap_or((kind, "unknown"));
                let (ending, kind) = match kind {
                    "counter" => ("_total", "counter"),
                    "info" => ("_info", "gauge"),
                    "unknown" => ("", "untyped"),
                    "stateset" => ("", "gauge"),
                    other => ("", other),
                };
                if let Some((_, meaning)) = help.take().filter(|(named, _)| *named == name) {
                    let _ = writeln!(classic, "# HELP {name}{ending} {meaning}");
                }
                let _ = writeln!(classic, "# TYPE {name}{ending} {kind}");
            }
            // UNIT and EOF lines, which the classic format does not have.
            _ if line.starts_with('#') => {}
            _ => {
                classic.push_str(line);
                classic.push('\n');
            }
        }
    }
    classic
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn wanted(lines: &[&'static str]) -> TextFormat {
        let lines = lines
            .iter()
            .map(|line| (ACCEPT, HeaderValue::from_static(line)));
        TextFormat::wanted(&lines.collect())
    }

    #[test]
    fn accept_header_chooses_the_format() {
        for accept in [
            // What Prometheus 2 and 3 send.
            "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text",
            "Application/OpenMetrics-Text; Version=\"1.0.0\"; Q=0.1",
            "application/openmetrics-text, */*",
            "text/plain;q=0, application/openmetrics-text;q=0.001",
        ] {
            assert_eq!(wanted(&[accept]), TextFormat::OpenMetrics, "{accept}");
        }
        for accept in [
            "*/*",
            "",
            "text/plain",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5",
            "application/openmetrics-text;q=0, text/plain",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=0.3, */*;q=0.4",
            "application/openmetrics-text;q=many",
            "application/openmetrics-text;version=2.0.0",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
            "application/json",
        ] {
            assert_eq!(wanted(&[accept]), TextFormat::Classic, "{accept}");
        }
        assert_eq!(wanted(&[]), TextFormat::OpenMetrics);
        let lines = ["text/plain;q=0.2", "application/openmetrics-text;q=0.3"];
        assert_eq!(wanted(&lines), TextFormat::OpenMetrics);
    }

    #[test]
    fn classic_format_names_a_counter_after_its_samples() {
        let text = "# HELP a_rounds Rounds that have begun.\n# TYPE a_rounds counter\na_rounds_total{b=\"c\"} 1\n\
                    # HELP a_people People.\n# TYPE a_people gauge\na_people 2.0\n\
                    # HELP a_time_seconds Time.\n# TYPE a_time_seconds histogram\n# UNIT a_time_seconds seconds\n\
                    a_time_seconds_sum 0.5\na_time_seconds_count 1\na_time_seconds_bucket{le=\"+Inf\"} 1\n# EOF\n";
        let expected = "# HELP a_rounds_total Rounds that have begun.\n# TYPE a_rounds_total counter\n\
                        a_rounds_total{b=\"c\"} 1\n# HELP a_people People.\n# TYPE a_people gauge\na_people 2.0\n\
                        # HELP a_time_seconds Time.\n# TYPE a_time_seconds histogram\na_time_seconds_sum 0.5\n\
                        a_time_seconds_count 1\na_time_seconds_bucket{le=\"+Inf\"} 1\n";
        assert_eq!(TextFormat::Classic.write(text.to_owned()), expected);
        assert_eq!(TextFormat::OpenMetrics.write(text.to_owned()), text);
    }
}
