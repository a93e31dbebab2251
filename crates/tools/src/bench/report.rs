//! What came of a run: one document, whose names do not change.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::cost::RunStage;
use super::machine::Machine;

/// What came of a run.
#[derive(Debug, Serialize)]
pub(super) struct BenchReport {
    /// The version of this program.
    pub(super) version: &'static str,
    /// When the run began, as RFC 3339 has it.
    pub(super) started: String,
    /// Where it was measured.
    pub(super) machine: Machine,
    /// What was asked for.
    pub(super) asked: Asked,
    /// Whether nobody got lost and nothing is missing.
    pub(super) ok: bool,
    /// Who came.
    pub(super) people: PeopleFigures,
    /// How everybody came in.
    pub(super) arrival: ArrivalFigures,
    /// Of `play`.
    pub(super) play: Option<PlayFigures>,
    /// Of `echo`.
    pub(super) echo: Option<EchoFigures>,
    /// Of `storm`.
    pub(super) storm: Option<StormFigures>,
    /// Messages of ours that were refused, by the code.
    pub(super) refused: BTreeMap<String, u64>,
    /// What it cost the server.
    pub(super) server: ServerFigures,
    /// The stretches of the run and what each cost both sides.
    pub(super) stages: Vec<RunStage>,
}

/// What was asked for.
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
    /// How many.
    pub(super) people: u32,
    /// How many on their way in at a time.
    pub(super) at_once: u32,
    /// Whether TLS sessions are resumed.
    pub(super) resume: bool,
    /// How long, once everybody was there.
    pub(super) time_seconds: f64,
    /// Between two choices.
    pub(super) choice_every_seconds: f64,
    /// After a result.
    pub(super) think_seconds: f64,
    /// Before anything of `play` counts.
    pub(super) warm_up_seconds: f64,
}

/// Who came.
#[derive(Debug, Serialize)]
pub(super) struct PeopleFigures {
    /// Were greeted.
    pub(super) came: u32,
    /// Were not, or were cut off later.
    pub(super) lost: u64,
    /// Those, by why.
    pub(super) why: BTreeMap<String, u64>,
}

/// How everybody came in.
#[derive(Debug, Serialize)]
pub(super) struct ArrivalFigures {
    /// Until the last was there.
    pub(super) seconds: f64,
    /// People a second.
    pub(super) per_second: f64,
    /// From opening the connection to `hi`, each.
    pub(super) ms: Distribution,
}

/// What came of `play`.
#[derive(Debug, Serialize)]
pub(super) struct PlayFigures {
    /// How long it was measured.
    pub(super) seconds: f64,
    /// Rounds finished in that time.
    pub(super) rounds: f64,
    /// By second.
    pub(super) rounds_per_second: f64,
    /// Of those, against robots or strangers.
    pub(super) rounds_with_others: u64,
    /// Choices sent.
    pub(super) choices: u64,
    /// Choices whose movement the partner never got.
    pub(super) missing_movements: u64,
    /// From the moment a choice was due to its movement at the partner: what is late on our side counts as well, so that
    /// a server that stalls is not spared the choices that could not be sent meanwhile (coordinated omission).
    pub(super) movement_ms: Distribution,
    /// The same from the moment it was sent.
    pub(super) movement_from_sending_ms: Distribution,
    /// From the moment a choice was due to its sending: our own part.
    pub(super) sending_ms: Distribution,
    /// How late a result was, by the `gameTime` of its `start`.
    pub(super) result_late_ms: Distribution,
}

/// What came of `echo`.
#[derive(Debug, Serialize)]
pub(super) struct EchoFigures {
    /// How long it was measured.
    pub(super) seconds: f64,
    /// From the moment a frame was due to its coming back, see [`PlayFigures::movement_ms`].
    pub(super) echo_ms: Distribution,
    /// The same from the moment it was sent.
    pub(super) echo_from_sending_ms: Distribution,
    /// From the moment a frame was due to its sending: our own part.
    pub(super) sending_ms: Distribution,
}

/// What came of `storm`.
#[derive(Debug, Serialize)]
pub(super) struct StormFigures {
    /// From the cut until everybody was back.
    pub(super) seconds: f64,
    /// People a second.
    pub(super) per_second: f64,
    /// Attempts that came to nothing and were made again.
    pub(super) failures: u64,
    /// From the cut to the `hi` of each.
    pub(super) ms: Distribution,
}

/// What it cost the server.
#[derive(Debug, Default, Serialize)]
pub(super) struct ServerFigures {
    /// Why that is not known.
    pub(super) unknown: Option<String>,
    /// Resident memory before anybody came.
    pub(super) resident_bytes_before: Option<u64>,
    /// With everybody there; not of `connect`.
    pub(super) resident_bytes_with_people: Option<u64>,
    /// After everybody had left.
    pub(super) resident_bytes_after: Option<u64>,
    /// What one person takes; not of `connect`.
    pub(super) bytes_per_person: Option<f64>,
    /// CPU time of one person's coming in.
    pub(super) cpu_ms_per_arrival: Option<f64>,
    /// The share of one core while it is being held, as 0.05 for five per cent.
    pub(super) cores_while_holding: Option<f64>,
    /// CPU time of a thousand rounds.
    pub(super) cpu_seconds_per_1000_rounds: Option<f64>,
    /// CPU time of one choice with all that belongs to a round, or of one echo.
    pub(super) cpu_us_per_message: Option<f64>,
}

/// A distribution of times, in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Distribution {
    /// How many.
    pub(super) count: u64,
    /// The shortest.
    pub(super) min: f64,
    /// The mean.
    pub(super) mean: f64,
    /// Half are at most this.
    pub(super) p50: f64,
    /// 90 %.
    pub(super) p90: f64,
    /// 95 %.
    pub(super) p95: f64,
    /// 99 %.
    pub(super) p99: f64,
    /// 99.9 %.
    #[serde(rename = "p99.9")]
    pub(super) p999: f64,
    /// The longest.
    pub(super) max: f64,
}

/// Microseconds as milliseconds.
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
    /// The stage of that name.
    pub(super) fn stage(&self, name: &str) -> Option<&RunStage> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// Fills in what follows from the stages.
    pub(super) fn reckon(&mut self) {
        let came = f64::from(self.people.came);
        let arrival = self.stage("arrival").and_then(|it| it.server_cpu_seconds);
        let mut server = std::mem::take(&mut self.server);
        if came > 0.0 {
            server.cpu_ms_per_arrival = arrival.map(|seconds| seconds * 1000.0 / came);
        }
        // The last stage in which everybody was there.
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
