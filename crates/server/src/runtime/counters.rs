//! What has happened since the start, counted where it happens.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use prometheus_client::metrics::histogram::Histogram;

use super::now;
use wulin_game::protocol::Code;

/// The upper bounds of the histograms' buckets, in seconds.
const BUCKETS: [f64; 13] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
];

/// Whatever is none of the values known beforehand. What a client sends must not become a label.
const OTHER: &str = "other";

/// A counter for each value of one label.
#[derive(Debug)]
pub struct Split {
    values: &'static [&'static str],
    counts: Box<[AtomicU64]>,
}

impl Split {
    fn new(values: &'static [&'static str]) -> Split {
        Split {
            values,
            counts: (0..=values.len()).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Counts one more of this value.
    pub fn add(&self, value: &str) {
        let known = self.values.iter().position(|known| *known == value);
        self.counts[known.unwrap_or(self.values.len())].fetch_add(1, Relaxed);
    }

    /// Each value and how many there were of it.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let values = self.values.iter().copied().chain([OTHER]);
        values.zip(self.counts.iter().map(|count| count.load(Relaxed)))
    }

    /// How many there were of all.
    pub fn sum(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Relaxed)).sum()
    }
}

/// Something that counts up.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Counts so many more.
    pub fn add(&self, many: usize) {
        self.0.fetch_add(many as u64, Relaxed);
    }

    /// How many there were.
    pub fn sum(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Since when a message has been owed to its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owed {
    /// Since the choice came in that it tells of.
    Choice(Instant),
    /// Since the round was over.
    Result(Instant),
}

/// What has happened since the start.
#[derive(Debug)]
pub struct Counters {
    /// Clients that have connected, by transport.
    pub clients: Split,
    /// TLS handshakes that came to something, by version.
    pub handshakes: Split,
    /// Connections that were turned away or came to nothing, by reason.
    pub refusals: Split,
    /// Messages of clients, by event.
    pub received: Split,
    /// Messages to clients, by event.
    pub sent: Split,
    /// Messages that were refused, by the code of their fault.
    pub faults: Split,
    /// Certificates that were read again, by what came of it.
    pub certificates: Split,
    /// Rounds that have begun.
    pub rounds: Count,
    /// Robots that took a seat.
    pub robots: Count,
    /// Clients let go because they did not read what they were sent.
    pub overflows: Count,
    /// Movements that were not sent, because their reader was behind.
    pub dropped: Count,
    /// From the arrival of a choice until the others' movement is written, in seconds.
    pub movement: Histogram,
    /// How much later than the end of the round its result is written, in seconds.
    pub lateness: Histogram,
}

impl Default for Counters {
    fn default() -> Counters {
        Counters {
            clients: Split::new(&["native", "engineio3", "engineio4", "polling"]),
            handshakes: Split::new(&["1.2", "1.3"]),
            refusals: Split::new(&[
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
            received: Split::new(&["hello", "join", "leave", "choice", "face"]),
            sent: Split::new(&[
                "hi", "nearby", "room", "start", "movement", "leave", "away", "back", "result",
                "fault", "restart",
            ]),
            faults: Split::new(&Code::NAMES),
            certificates: Split::new(&["served", "refused"]),
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
    /// A message that was owed has been written.
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
    fn what_is_not_known_beforehand_is_other() {
        let counters = Counters::default();
        counters.received.add("join");
        counters.received.add("constructor");
        let counts: Vec<_> = counters.received.counts().filter(|(_, n)| *n > 0).collect();
        assert_eq!(counts, [("join", 1), (OTHER, 1)]);
        assert_eq!(counters.received.sum(), 2);
    }
}
