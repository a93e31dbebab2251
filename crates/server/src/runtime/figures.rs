//! What there is of everything that can be left behind, and what has happened since the start.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use wulin_command::state::Counts;

use super::counters::Counters;

/// Declares what is counted, each once: its name here, its name in metrics, and its field in [`Counts`].
macro_rules! gauges {
    ($($(#[$doc:meta])* $gauge:ident $name:literal $field:ident,)*) => {
        /// Something of which there are more or fewer at each moment.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Gauge {
            $($(#[$doc])* $gauge,)*
        }

        impl Gauge {
            const COUNT: usize = [$($name),*].len();

            /// What it is called in metrics.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Gauge::$gauge => $name,)*
                }
            }
        }

        impl Figures {
            /// All gauges at this moment.
            pub fn counts(&self) -> Counts {
                Counts {
                    $($field: self.count(Gauge::$gauge),)*
                }
            }
        }
    };
}

gauges! {
    /// TCP connections, TLS handshakes in progress included.
    Connection "connection" connections,
    /// Clients on the native WebSocket.
    Native "native" native,
    /// Clients on Engine.IO 3 over a WebSocket opened directly.
    EngineIo3 "engineio3" engineio3,
    /// Clients on Engine.IO 4 over a WebSocket opened directly.
    EngineIo4 "engineio4" engineio4,
    /// Clients on Engine.IO of either version that began with polling.
    Polling "polling" polling,
    /// People who are online: they have said hello.
    Person "person" people,
    /// Those of them who wait for somebody to play with.
    Waiting "waiting" waiting,
    /// Rooms in which a round is running.
    Room "room" rooms,
    /// Robots in those rooms.
    Robot "robot" robots,
    /// Scores kept for people who are offline.
    Memory "memory" memories,
}

/// What there is and what has happened, counted by whoever owns the things counted.
///
/// The counts are atomic, not behind a lock: they are written for every message, and nobody who reads them needs two of them
/// from the same moment.
#[derive(Debug, Default)]
pub struct Figures {
    gauges: [AtomicUsize; Gauge::COUNT],
    /// What has happened since the start.
    pub counters: Counters,
}

impl Figures {
    /// Counts so many more until the guard is dropped.
    pub fn enter(self: &Arc<Self>, gauge: Gauge, many: usize) -> Counted {
        self.gauges[gauge as usize].fetch_add(many, Relaxed);
        Counted {
            figures: self.clone(),
            gauge,
            many,
        }
    }

    /// Says how many there are, where one owner counts by itself.
    pub fn set(&self, gauge: Gauge, count: usize) {
        self.gauges[gauge as usize].store(count, Relaxed);
    }

    /// How many there are.
    pub fn count(&self, gauge: Gauge) -> usize {
        self.gauges[gauge as usize].load(Relaxed)
    }
}

/// Keeps something counted for as long as it lives.
#[derive(Debug)]
pub struct Counted {
    figures: Arc<Figures>,
    gauge: Gauge,
    many: usize,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.figures.gauges[self.gauge as usize].fetch_sub(self.many, Relaxed);
    }
}
