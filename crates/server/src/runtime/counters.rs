//! What has happened since the start: counters, and histograms of latencies.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use prometheus_client::metrics::histogram::Histogram;
use wulin_game::protocol::Code;

use super::now;

/// The upper bounds of the histograms' buckets, in seconds.
const BUCKETS: [f64; 13] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
];

/// The label of all values that are not in the list. A client must not be able to create labels by what it sends.
const OTHER: &str = "other";

/// One counter for each value of a label, for a fixed list of values.
#[derive(Debug)]
pub struct CountByLabel {
    values: &'static [&'static str],
    counts: Box<[AtomicU64]>,
}

impl CountByLabel {
    fn new(values: &'static [&'static str]) -> CountByLabel {
        CountByLabel {
            values,
            counts: (0..=values.len()).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Counts one event with this value.
    pub fn add(&self, value: &str) {
        let known = self.values.iter().position(|known| *known == value);
        self.counts[known.unwrap_or(self.values.len())].fetch_add(1, Relaxed);
    }

    /// Each value with its count.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let values = self.values.iter().copied().chain([OTHER]);
        values.zip(self.counts.iter().map(|count| count.load(Relaxed)))
    }

    /// The sum over all values.
    pub fn sum(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Relaxed)).sum()
    }
}

/// A counter.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds to it.
    pub fn add(&self, many: usize) {
        self.0.fetch_add(many as u64, Relaxed);
    }

    /// Its value.
    pub fn sum(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The instant from which the latency of a message counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owed {
    /// The message tells of a choice, which arrived at this instant.
    Choice(Instant),
    /// The message is a result, and the round ended at this instant.
    Result(Instant),
}

/// Everything that is counted since the start.
#[derive(Debug)]
pub struct Counters {
    /// Clients that have connected, by transport.
    pub clients: CountByLabel,
    /// TLS handshakes that succeeded, by version.
    pub handshakes: CountByLabel,
    /// Connections that were refused or whose handshake failed, by reason.
    pub refusals: CountByLabel,
    /// Messages from clients, by event.
    pub received: CountByLabel,
    /// Messages to clients, by event.
    pub sent: CountByLabel,
    /// Messages that were refused, by the code of the fault.
    pub faults: CountByLabel,
    /// Certificates that were read again, by whether they are served now or were refused.
    pub certificates: CountByLabel,
    /// Rounds that have begun.
    pub rounds: Count,
    /// Robots that took a seat.
    pub robots: Count,
    /// Clients that were disconnected because their outbox was full.
    pub overflows: Count,
    /// Movements that were not sent because the reader was behind.
    pub dropped: Count,
    /// Seconds from the arrival of a choice until the others' movement is written.
    pub movement: Histogram,
    /// Seconds from the end of a round until its result is written.
    pub lateness: Histogram,
}

impl Default for Counters {
    fn default() -> Counters {
        Counters {
            clients: CountByLabel::new(&["native", "engineio3", "engineio4", "polling"]),
            handshakes: CountByLabel::new(&["1.2", "1.3"]),
            refusals: CountByLabel::new(&[
                "connections",
                "address",
                "proxy",
                "timeout",
                "closed",
                "not_tls",
                "oversized",
                "alert",
                "incompatible",
                "challenge",
            ]),
            received: CountByLabel::new(&["hello", "join", "leave", "choice", "face"]),
            sent: CountByLabel::new(&[
                "hi", "nearby", "room", "start", "movement", "leave", "away", "back", "result",
                "fault", "restart",
            ]),
            faults: CountByLabel::new(&Code::NAMES),
            certificates: CountByLabel::new(&["served", "refused"]),
            rounds: Count::default(),
            robots: Count::default(),
            overflows: Count::default(),
            dropped: Count::default(),
            movement: Histogram::new(BUCKETS),
            lateness: Histogram::new(BUCKETS),
        }
    }
}

impl Counters {
    /// Records the latency of a message that has just been written.
    pub fn paid(&self, owed: Owed) {
        let (histogram, since) = match owed {
            Owed::Choice(since) => (&self.movement, since),
            Owed::Result(since) => (&self.lateness, since),
        };
        histogram.observe(now().saturating_duration_since(since).as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_values_count_as_other() {
        let counters = Counters::default();
        counters.received.add("join");
        counters.received.add("constructor");
        let counts: Vec<_> = counters.received.counts().filter(|(_, n)| *n > 0).collect();
        assert_eq!(counts, [("join", 1), (OTHER, 1)]);
        assert_eq!(counters.received.sum(), 2);
    }
}
