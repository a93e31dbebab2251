//! The report of a run. Scripts read it as JSON, so the names of its fields do not change.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::cost::RunStage;
use super::machine::Machine;

/// The report of a run.
#[derive(Debug, Serialize)]
pub(super) struct BenchReport {
    /// The version of this program.
    pub(super) version: &'static str,
    /// When the run began (RFC 3339).
    pub(super) started: String,
    /// The machine of this program.
    pub(super) machine: Machine,
    /// What was asked for.
    pub(super) asked: Asked,
    /// Whether nobody was lost and no choice is missing.
    pub(super) ok: bool,
    /// How many connected, and how many were lost.
    pub(super) people: PeopleFigures,
    /// How fast they connected.
    pub(super) arrival: ArrivalFigures,
    /// Figures of the mode `play`.
    pub(super) play: Option<PlayFigures>,
    /// Figures of the mode `echo`.
    pub(super) echo: Option<EchoFigures>,
    /// Figures of the mode `storm`.
    pub(super) storm: Option<StormFigures>,
    /// How many messages the server refused, by the code of its `fault`.
    pub(super) refused: BTreeMap<String, u64>,
    /// What the run cost the server.
    pub(super) server: ServerFigures,
    /// The stages of the run, and what each cost the server and this program.
    pub(super) stages: Vec<RunStage>,
}

/// What was asked for, from the flags.
#[derive(Debug, Serialize)]
pub(super) struct Asked {
    /// The server, as it was written.
    pub(super) server: String,
    /// Path and query of the WebSocket.
    pub(super) target: String,
    /// `native`, `eio3` or `eio4`.
    pub(super) protocol: &'static str,
    /// `connect`, `hold`, `play`, `echo` or `storm`.
    pub(super) mode: &'static str,
    /// How many people.
    pub(super) people: u32,
    /// How many connect at a time.
    pub(super) at_once: u32,
    /// Whether TLS sessions are resumed.
    pub(super) resume: bool,
    /// How long the mode lasts, once all people are connected.
    pub(super) time_seconds: f64,
    /// The time between two choices of a player.
    pub(super) choice_every_seconds: f64,
    /// The time between a result and the next `join`.
    pub(super) think_seconds: f64,
    /// The time before `play` and `echo` record anything.
    pub(super) warm_up_seconds: f64,
}

/// How many connected, and how many were lost.
#[derive(Debug, Serialize)]
pub(super) struct PeopleFigures {
    /// Were greeted with `hi`.
    pub(super) came: u32,
    /// Were not greeted, or lost their connection later.
    pub(super) lost: u64,
    /// How many were lost, by reason.
    pub(super) why: BTreeMap<String, u64>,
}

/// How fast people connected.
#[derive(Debug, Serialize)]
pub(super) struct ArrivalFigures {
    /// Seconds until the last was greeted.
    pub(super) seconds: f64,
    /// People a second.
    pub(super) per_second: f64,
    /// From opening the connection to `hi`, for each person.
    pub(super) ms: Distribution,
}

/// The figures of `play`.
#[derive(Debug, Serialize)]
pub(super) struct PlayFigures {
    /// How long was measured.
    pub(super) seconds: f64,
    /// Rounds finished in that time.
    pub(super) rounds: f64,
    /// Rounds finished in a second.
    pub(super) rounds_per_second: f64,
    /// Rounds against a robot or somebody who is not of this bench.
    pub(super) rounds_with_others: u64,
    /// Choices sent.
    pub(super) choices: u64,
    /// Choices whose movement the partner never got.
    pub(super) missing_movements: u64,
    /// From when a choice was due until its partner got the `movement`. The delay of this program counts as well:
    /// otherwise a server that stalls would be spared the choices that could not be sent meanwhile (coordinated
    /// omission).
    pub(super) movement_ms: Distribution,
    /// From when a choice was sent until its partner got the `movement`.
    pub(super) movement_from_sending_ms: Distribution,
    /// From when a choice was due until it was sent: the delay of this program.
    pub(super) sending_ms: Distribution,
    /// How late a `result` was, by the `gameTime` of its `start`.
    pub(super) result_late_ms: Distribution,
}

/// The figures of `echo`.
#[derive(Debug, Serialize)]
pub(super) struct EchoFigures {
    /// How long was measured.
    pub(super) seconds: f64,
    /// From when a frame was due until it came back, see [`PlayFigures::movement_ms`].
    pub(super) echo_ms: Distribution,
    /// From when a frame was sent until it came back.
    pub(super) echo_from_sending_ms: Distribution,
    /// From when a frame was due until it was sent: the delay of this program.
    pub(super) sending_ms: Distribution,
}

/// The figures of `storm`.
#[derive(Debug, Serialize)]
pub(super) struct StormFigures {
    /// Seconds from the cut until the last person was back.
    pub(super) seconds: f64,
    /// People a second.
    pub(super) per_second: f64,
    /// Attempts that failed and were repeated.
    pub(super) failures: u64,
    /// From the cut to the next `hi`, for each person.
    pub(super) ms: Distribution,
}

/// What the run cost the server.
#[derive(Debug, Default, Serialize)]
pub(super) struct ServerFigures {
    /// Why the cost is not known.
    pub(super) unknown: Option<String>,
    /// Resident memory before the first person connected.
    pub(super) resident_bytes_before: Option<u64>,
    /// Resident memory with all people connected; none in the mode `connect`.
    pub(super) resident_bytes_with_people: Option<u64>,
    /// Resident memory after all have left.
    pub(super) resident_bytes_after: Option<u64>,
    /// Resident memory that one person takes; none in the mode `connect`.
    pub(super) bytes_per_person: Option<f64>,
    /// CPU time for connecting one person.
    pub(super) cpu_ms_per_arrival: Option<f64>,
    /// The share of one core in the mode `hold`: 0.05 is five per cent.
    pub(super) cores_while_holding: Option<f64>,
    /// CPU time of a thousand rounds.
    pub(super) cpu_seconds_per_1000_rounds: Option<f64>,
    /// CPU time of all that was played, divided by the number of choices; or of all echoes, by their number.
    pub(super) cpu_us_per_message: Option<f64>,
}

/// A distribution of times, in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Distribution {
    /// How many times.
    pub(super) count: u64,
    /// The shortest.
    pub(super) min: f64,
    /// The mean.
    pub(super) mean: f64,
    /// The median: half of the times are at most this.
    pub(super) p50: f64,
    /// 90 % of the times are at most this.
    pub(super) p90: f64,
    /// 95 % of the times are at most this.
    pub(super) p95: f64,
    /// 99 % of the times are at most this.
    pub(super) p99: f64,
    /// 99.9 % of the times are at most this.
    #[serde(rename = "p99.9")]
    pub(super) p999: f64,
    /// The longest.
    pub(super) max: f64,
}

/// Converts microseconds to milliseconds.
fn ms(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

impl From<&Histogram<u64>> for Distribution {
    fn from(histogram: &Histogram<u64>) -> Distribution {
        let at = |quantile| ms(histogram.value_at_quantile(quantile));
        let (min, max) = match histogram.len() {
            0 => (0, 0),
            _ => (histogram.min(), histogram.max()),
        };
        Distribution {
            count: histogram.len(),
            min: ms(min),
            mean: histogram.mean() / 1000.0,
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            max: ms(max),
        }
    }
}

impl BenchReport {
    /// The stage with this name, if the run had one.
    pub(super) fn stage(&self, name: &str) -> Option<&RunStage> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// Computes the server's figures from the stages, and whether all is well.
    pub(super) fn reckon(&mut self) {
        let came = f64::from(self.people.came);
        let arrival = self.stage("arrival").and_then(|it| it.server_cpu_seconds);
        let mut server = std::mem::take(&mut self.server);
        if came > 0.0 {
            server.cpu_ms_per_arrival = arrival.map(|seconds| seconds * 1000.0 / came);
        }
        // The stage with all people connected; each mode has one of these, or none.
        let full = ["hold", "play", "echo", "storm"]
            .iter()
            .find_map(|name| self.stage(name));
        server.resident_bytes_with_people = full.and_then(|stage| stage.server_resident_bytes);
        server.resident_bytes_after = self
            .stage("departure")
            .and_then(|stage| stage.server_resident_bytes);
        if let (Some(before), Some(with)) = (
            server.resident_bytes_before,
            server.resident_bytes_with_people,
        ) && came > 0.0
        {
            server.bytes_per_person = Some((with as f64 - before as f64) / came);
        }
        server.cores_while_holding = self
            .stage("hold")
            .and_then(|stage| Some(stage.server_cpu_seconds? / stage.seconds));
        if let (Some(play), Some(stage)) = (&self.play, self.stage("play"))
            && play.rounds > 0.0
        {
            server.cpu_seconds_per_1000_rounds = stage
                .server_cpu_seconds
                .map(|seconds| seconds * 1000.0 / play.rounds);
        }
        let messages = match (&self.play, &self.echo) {
            (Some(play), _) => play.choices,
            (None, Some(echo)) => echo.echo_ms.count,
            (None, None) => 0,
        };
        if let Some(seconds) = full.and_then(|stage| stage.server_cpu_seconds)
            && messages > 0
        {
            server.cpu_us_per_message = Some(seconds * 1e6 / messages as f64);
        }
        self.server = server;
        let missing = self.play.as_ref().map_or(0, |play| play.missing_movements);
        self.ok = self.people.lost == 0 && missing == 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_reported_in_milliseconds() {
        let mut histogram = Histogram::new_with_bounds(1, 600_000_000, 3).unwrap();
        assert!(Distribution::from(&histogram).max.abs() < 1e-9);
        for micros in [1000, 2000, 3000, 400_000] {
            histogram.record(micros).unwrap();
        }
        let times = Distribution::from(&histogram);
        assert_eq!(times.count, 4);
        assert!((times.p50 - 2.0).abs() < 0.01, "{times:?}");
        assert!((times.max - 400.0).abs() < 1.0, "{times:?}");
    }
}
