//! How many there are of everything that can be left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use wulin_command::state::Counts;

use super::tally::Tally;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// TCP connections, TLS handshakes in progress included.
    Connection,
    /// Clients on the native WebSocket.
    Native,
    /// Clients on Engine.IO 3 over a WebSocket opened directly.
    EngineIo3,
    /// Clients on Engine.IO 4 over a WebSocket opened directly.
    EngineIo4,
    /// Clients on Engine.IO of either version that began with polling.
    Polling,
    /// People who wait for somebody to play with.
    Waiting,
    /// Rooms in which a round is running.
    Room,
    /// Robots in those rooms.
    Robot,
    /// People who are online: they have said hello.
    Person,
    /// Scores kept for people who are offline.
    Memory,
}

impl Kind {
    /// What it is called in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Connection => "connection",
            Kind::Native => "native",
            Kind::EngineIo3 => "engineio3",
            Kind::EngineIo4 => "engineio4",
            Kind::Polling => "polling",
            Kind::Waiting => "waiting",
            Kind::Room => "room",
            Kind::Robot => "robot",
            Kind::Person => "person",
            Kind::Memory => "memory",
        }
    }
}

const KINDS: usize = Kind::Memory as usize + 1;

/// The counts, kept by whoever owns the things counted.
#[derive(Debug, Default)]
pub struct Census {
    counts: [AtomicUsize; KINDS],
    /// What has happened since the start.
    pub tally: Tally,
}

impl Census {
    /// Counts so many more until the guard is dropped.
    pub fn enter(self: &Arc<Self>, kind: Kind, many: usize) -> Counted {
        self.counts[kind as usize].fetch_add(many, Relaxed);
        Counted {
            census: self.clone(),
            kind,
            many,
        }
    }

    /// Says how many there are, for a kind that one owner counts by itself.
    pub fn set(&self, kind: Kind, count: usize) {
        self.counts[kind as usize].store(count, Relaxed);
    }

    /// How many there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.counts[kind as usize].load(Relaxed)
    }

    /// All the counts.
    pub fn counts(&self) -> Counts {
        Counts {
            connections: self.count(Kind::Connection),
            native: self.count(Kind::Native),
            engineio3: self.count(Kind::EngineIo3),
            engineio4: self.count(Kind::EngineIo4),
            polling: self.count(Kind::Polling),
            people: self.count(Kind::Person),
            waiting: self.count(Kind::Waiting),
            rooms: self.count(Kind::Room),
            robots: self.count(Kind::Robot),
            memories: self.count(Kind::Memory),
        }
    }
}

/// Keeps something counted for as long as it lives.
#[derive(Debug)]
pub struct Counted {
    census: Arc<Census>,
    kind: Kind,
    many: usize,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.census.counts[self.kind as usize].fetch_sub(self.many, Relaxed);
    }
}
