//! Everybody together: who is there, who got lost and why, and the times that were measured.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use hdrhistogram::Histogram;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::link::{Link, Person};
use super::way::Way;
use crate::bench::flags::Bench;
use crate::bench::flags::{Mode, Protocol};
use wulin_client::random_uid;

/// The longest time that is told apart, in microseconds: ten minutes.
const LONGEST: u64 = 600_000_000;
/// Digits of a time that count.
const DIGITS: u8 = 3;

/// The most reasons that are told apart.
const KINDS: usize = 50;

/// Everybody together.
pub(super) struct Crowd {
    pub(super) way: Way,
    pub(super) protocol: Protocol,
    pub(super) people: u32,
    pub(super) timeout: Duration,
    /// The beginning of everybody's uid: no two runs share one.
    prefix: String,
    keep_tokens: bool,
    /// As many as may be on their way in.
    door: Semaphore,
    /// Who is there, and who will not come any more.
    pub(super) attendance: watch::Sender<Attendance>,
    /// Everybody is there, or lost.
    pub(super) begin: CancellationToken,
    /// Time to leave.
    pub(super) end: CancellationToken,
    /// Whether times count.
    pub(super) recording: AtomicBool,
    pub(super) arrivals: TimeHistogram,
    lost: Mutex<BTreeMap<String, u64>>,
    refused: Mutex<BTreeMap<String, u64>>,
}

/// How many have come, and how many got lost on the way or later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Attendance {
    /// Were greeted.
    pub(super) came: u32,
    /// Never were.
    pub(super) failed: u32,
    /// Came, and are not here any more.
    pub(super) gone: u32,
    /// Came back after having been cut off.
    pub(super) back: u32,
}

impl Attendance {
    /// How many are here.
    pub(super) fn there(self) -> u32 {
        self.came - self.gone
    }
}

/// A histogram of times in microseconds, written by many.
pub(super) struct TimeHistogram(Mutex<Histogram<u64>>);

impl TimeHistogram {
    /// An empty one.
    pub(super) fn new() -> TimeHistogram {
        let histogram =
            Histogram::new_with_bounds(1, LONGEST, DIGITS).expect("the bounds are sound");
        TimeHistogram(Mutex::new(histogram))
    }

    /// Notes a time; one that is longer than all that are told apart counts as the longest.
    pub(super) fn note(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        lock(&self.0).saturating_record(micros.max(1));
    }

    /// What was noted.
    pub(super) fn histogram(&self) -> Histogram<u64> {
        lock(&self.0).clone()
    }
}

/// Counts one more of this kind, or of all the others: a server that is no Wulin may give a reason of its own to each.
fn count(counts: &mut BTreeMap<String, u64>, kind: String) {
    let kind = if counts.len() < KINDS || counts.contains_key(&kind) {
        kind
    } else {
        "others".to_owned()
    };
    *counts.entry(kind).or_default() += 1;
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Crowd {
    /// Nobody yet.
    pub(super) fn new(flags: &Bench, way: Way) -> anyhow::Result<Crowd> {
        Ok(Crowd {
            way,
            protocol: flags.protocol,
            people: flags.people,
            timeout: flags.timeout,
            prefix: random_uid("bench")? + "-",
            keep_tokens: flags.mode == Mode::Storm,
            door: Semaphore::new(flags.at_once as usize),
            attendance: watch::Sender::new(Attendance::default()),
            begin: CancellationToken::new(),
            end: CancellationToken::new(),
            recording: AtomicBool::new(false),
            arrivals: TimeHistogram::new(),
            lost: Mutex::default(),
            refused: Mutex::default(),
        })
    }

    /// One of them.
    pub(super) fn person(&self, number: u32) -> Person {
        Person {
            number,
            uid: format!("{}{number}", self.prefix),
            token: None,
        }
    }

    /// Which of us a uid is, if any.
    pub(super) fn number_of(&self, uid: &str) -> Option<u32> {
        let number = uid.strip_prefix(&*self.prefix)?.parse().ok()?;
        (number < self.people).then_some(number)
    }

    /// Comes in by the door: waits for a turn, connects, and is greeted. None if it came to nothing.
    pub(super) async fn arrive(&self, person: &mut Person) -> Option<Link> {
        let turn = self.door.acquire().await.ok()?;
        let started = Instant::now();
        let came = self.attempt(person).await;
        let took = started.elapsed();
        drop(turn);
        match came {
            Ok(link) => {
                self.arrivals.note(took);
                self.attendance
                    .send_modify(|attendance| attendance.came += 1);
                Some(link)
            }
            Err(error) => {
                self.count_lost(&error);
                self.attendance
                    .send_modify(|attendance| attendance.failed += 1);
                None
            }
        }
    }

    /// Connects and is greeted, in bounded time and without waiting for a turn.
    pub(super) async fn attempt(&self, person: &mut Person) -> anyhow::Result<Link> {
        // Boxed: the state of a handshake is large, and stays behind in everybody's task otherwise.
        let opening = Box::pin(Link::open(
            &self.way,
            self.protocol,
            person,
            self.keep_tokens,
        ));
        timeout(self.timeout, opening)
            .await
            .unwrap_or_else(|_| Err(anyhow!("no hi within {:?}", self.timeout)))
    }

    /// Reads and ignores what comes until the signal.
    pub(super) async fn idle(
        &self,
        link: &mut Link,
        until: &CancellationToken,
    ) -> anyhow::Result<()> {
        let signal = until.cancelled();
        tokio::pin!(signal);
        loop {
            tokio::select! {
                () = &mut signal => return Ok(()),
                text = link.next() => drop(text.context("while idle")?),
            }
        }
    }

    /// Somebody who was there is so no longer.
    pub(super) fn gone(&self, outcome: &anyhow::Result<()>) {
        if let Err(error) = outcome {
            self.count_lost(error);
        }
        self.attendance
            .send_modify(|attendance| attendance.gone += 1);
    }

    /// Somebody who was there goes, and is heard to.
    pub(super) async fn leave(&self, link: Link, outcome: &anyhow::Result<()>) {
        self.gone(outcome);
        link.close().await;
    }

    fn count_lost(&self, error: &anyhow::Error) {
        count(&mut lock(&self.lost), format!("{error:#}"));
    }

    /// A message of ours was refused.
    pub(super) fn count_refused(&self, code: &str) {
        count(&mut lock(&self.refused), code.to_owned());
    }

    /// Those who got lost, by why.
    pub(super) fn lost(&self) -> BTreeMap<String, u64> {
        lock(&self.lost).clone()
    }

    /// Refusals by their code.
    pub(super) fn refused(&self) -> BTreeMap<String, u64> {
        lock(&self.refused).clone()
    }

    /// Whether a time that is measured now counts.
    pub(super) fn is_recording(&self) -> bool {
        self.recording.load(Relaxed)
    }

    /// Somebody who had been cut off is here again.
    pub(super) fn came_back(&self) {
        self.attendance
            .send_modify(|attendance| attendance.back += 1);
    }

    /// Waits until everybody is there or will not come any more.
    pub(super) async fn all_came(&self) {
        let people = self.people;
        self.wait_for(|attendance| attendance.came + attendance.failed == people)
            .await;
    }

    /// Waits until everybody who had come has come back, or got lost.
    pub(super) async fn all_came_back(&self) {
        self.wait_for(|attendance| attendance.back + attendance.gone >= attendance.came)
            .await;
    }

    /// Lets some time pass, but no more than there is somebody.
    pub(super) async fn pass(&self, time: Duration) {
        let _ = timeout(time, self.wait_for(|attendance| attendance.there() == 0)).await;
    }

    async fn wait_for(&self, holds: impl FnMut(&Attendance) -> bool) {
        // The sender lives as long as we do.
        let _ = self.attendance.subscribe().wait_for(holds).await;
    }
}
