//! The report of a run as a table for people.

use std::fmt::Write as _;

use super::report::{BenchReport, Distribution};

/// The width of the column of names.
const NAME: usize = 26;

/// The report as lines.
pub(super) fn table(report: &BenchReport) -> String {
    let mut page = String::new();
    let mut line = |name: &str, text: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "{name:<NAME$}{text}");
    };
    let asked = &report.asked;
    line(
        "server",
        format!("{}{}, {}", asked.server, asked.target, asked.protocol),
    );
    line("machine", machine(report));
    line("people", people(report));
    line(
        "came in",
        format!(
            "{:.2} s, {:.0} a second, {} at once",
            report.arrival.seconds, report.arrival.per_second, asked.at_once
        ),
    );
    mode(report, &mut line);
    if !report.refused.is_empty() {
        let refused: Vec<_> = report
            .refused
            .iter()
            .map(|(code, count)| format!("{count} {code}"))
            .collect();
        line("refused", refused.join(", "));
    }
    cost(report, &mut line);
    page.push('\n');
    page.push_str(&times(&distributions(report)));
    page.truncate(page.trim_end().len());
    page
}

/// Adds the lines on what the people did after their arrival.
fn mode(report: &BenchReport, line: &mut impl FnMut(&str, String)) {
    if let Some(storm) = &report.storm {
        line(
            "back after the storm",
            format!(
                "{:.2} s, {:.0} a second; {} attempts failed",
                storm.seconds, storm.per_second, storm.failures
            ),
        );
    }
    if let Some(play) = &report.play {
        line(
            "rounds",
            format!(
                "{:.0} in {:.1} s, {:.1} a second; {} not among ourselves",
                play.rounds, play.seconds, play.rounds_per_second, play.rounds_with_others
            ),
        );
        line(
            "choices",
            format!(
                "{} sent, {} never seen",
                play.choices, play.missing_movements
            ),
        );
    }
}

/// The times that the mode measures, by their names.
fn distributions(report: &BenchReport) -> Vec<(&'static str, &Distribution)> {
    let mut rows = vec![("from connecting to hi", &report.arrival.ms)];
    if let Some(storm) = &report.storm {
        rows.push(("from the cut to hi", &storm.ms));
    }
    if let Some(play) = &report.play {
        rows.extend([
            ("choice to movement", &play.movement_ms),
            ("  from its sending", &play.movement_from_sending_ms),
            ("  sent late by", &play.sending_ms),
            ("result late by", &play.result_late_ms),
        ]);
    }
    if let Some(echo) = &report.echo {
        rows.extend([
            ("frame to its echo", &echo.echo_ms),
            ("  from its sending", &echo.echo_from_sending_ms),
            ("  sent late by", &echo.sending_ms),
        ]);
    }
    rows
}

fn machine(report: &BenchReport) -> String {
    let machine = &report.machine;
    let mut text = format!(
        "{} cores, {}, {} {}",
        machine.cores,
        machine.cpu.as_deref().unwrap_or("unknown processor"),
        machine.system,
        machine.kernel.as_deref().unwrap_or_default()
    );
    if let Some(load) = machine.load {
        let _ = write!(text, ", load {load:.2}");
    }
    text
}

fn people(report: &BenchReport) -> String {
    let people = &report.people;
    let mut text = format!(
        "{} of {} came, {} lost",
        people.came, report.asked.people, people.lost
    );
    for (why, count) in &people.why {
        let _ = write!(text, "\n{:NAME$}{count}: {why}", "");
    }
    text
}

/// Adds the lines on what the run cost the server and this program.
fn cost(report: &BenchReport, line: &mut impl FnMut(&str, String)) {
    let server = &report.server;
    if let Some(why) = &server.unknown {
        line("the server's cost", format!("unknown: {why}"));
    }
    if let Some(cpu) = server.cpu_ms_per_arrival {
        line("CPU of coming in", format!("{cpu:.2} ms each"));
    }
    let mib = |bytes: Option<u64>| {
        bytes.map_or_else(
            || "?".to_owned(),
            |bytes| format!("{:.1}", bytes as f64 / f64::from(1 << 20)),
        )
    };
    if let Some(each) = server.bytes_per_person {
        line(
            "memory",
            format!(
                "{:.1} KiB each; {} MiB before, {} with everybody, {} after",
                each / 1024.0,
                mib(server.resident_bytes_before),
                mib(server.resident_bytes_with_people),
                mib(server.resident_bytes_after)
            ),
        );
    }
    if let Some(cores) = server.cores_while_holding {
        line(
            "CPU while holding",
            format!("{:.2} % of a core", cores * 100.0),
        );
    }
    if let Some(cpu) = server.cpu_seconds_per_1000_rounds {
        line("CPU of 1,000 rounds", format!("{cpu:.3} s"));
    }
    if let Some(cpu) = server.cpu_us_per_message {
        line("CPU of a message", format!("{cpu:.1} us"));
    }
    let busiest = report
        .stages
        .iter()
        .filter(|stage| stage.name != "departure");
    for stage in busiest {
        let share = |cpu: Option<f64>| {
            cpu.map_or_else(
                || "?".to_owned(),
                |cpu| format!("{:.2}", cpu / stage.seconds.max(1e-9)),
            )
        };
        line(
            &format!("cores, {}", stage.name),
            format!(
                "{} the server, {} this program, for {:.1} s",
                share(stage.server_cpu_seconds),
                share(stage.own_cpu_seconds),
                stage.seconds
            ),
        );
    }
}

fn times(rows: &[(&str, &Distribution)]) -> String {
    let mut text = format!("{:<NAME$}", "milliseconds");
    for name in ["count", "p50", "p95", "p99", "p99.9", "max"] {
        let _ = write!(text, "{name:>10}");
    }
    text.push('\n');
    for (name, times) in rows {
        let _ = write!(text, "{name:<NAME$}{:>10}", times.count);
        for value in [times.p50, times.p95, times.p99, times.p999, times.max] {
            let _ = write!(text, "{value:>10.2}");
        }
        text.push('\n');
    }
    text
}
