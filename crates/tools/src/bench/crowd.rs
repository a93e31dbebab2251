//! All people of a run: how many are connected, who was lost and why, and how long arriving took.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use hdrhistogram::Histogram;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use wulin_client::random_uid;

use super::link::{Link, Person};
use super::way::Way;
use crate::bench::flags::{Bench, Mode, Protocol};

/// The longest time in a histogram, in microseconds: ten minutes.
const LONGEST: u64 = 600_000_000;
/// Significant digits of a time in a histogram.
const DIGITS: u8 = 3;

/// The most different reasons that are counted; a server that is no Wulin may give each person a reason of its own.
const KINDS: usize = 50;

/// What all people of a run share.
pub(super) struct Crowd {
    pub(super) way: Way,
    pub(super) protocol: Protocol,
    pub(super) people: u32,
    pub(super) timeout: Duration,
    /// The beginning of every uid of this run. It is random, so that no two runs share a uid.
    prefix: String,
    keep_tokens: bool,
    /// Bounds how many connect at a time: a permit for each of `--at-once`.
    door: Semaphore,
    /// How many are connected, lost or gone.
    pub(super) attendance: watch::Sender<Attendance>,
    /// Cancelled when all have arrived or failed: the signal to begin.
    pub(super) begin: CancellationToken,
    /// Cancelled when the run ends: the signal to leave.
    pub(super) end: CancellationToken,
    /// Whether times are recorded.
    pub(super) recording: AtomicBool,
    pub(super) arrivals: TimeHistogram,
    lost: Mutex<BTreeMap<String, u64>>,
    refused: Mutex<BTreeMap<String, u64>>,
}

/// How many people have arrived, failed to arrive, and left again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Attendance {
    /// Were greeted with `hi`.
    pub(super) came: u32,
    /// Failed before they were greeted.
    pub(super) failed: u32,
    /// Were greeted, and are not connected any more.
    pub(super) gone: u32,
    /// Were greeted again after the cut of `storm`.
    pub(super) back: u32,
}

impl Attendance {
    /// How many are connected.
    pub(super) fn there(self) -> u32 {
        self.came - self.gone
    }
}

/// A histogram of times in microseconds.
///
/// Many tasks write to it. The mutex is std's and not tokio's, since it is held for one `record` and never across an
/// `.await`.
pub(super) struct TimeHistogram(Mutex<Histogram<u64>>);

impl TimeHistogram {
    /// An empty one.
    pub(super) fn new() -> TimeHistogram {
        let histogram =
            Histogram::new_with_bounds(1, LONGEST, DIGITS).expect("the bounds are sound");
        TimeHistogram(Mutex::new(histogram))
    }

    /// Records a time; one above [`LONGEST`] counts as [`LONGEST`].
    pub(super) fn note(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        lock(&self.0).saturating_record(micros.max(1));
    }

    /// A copy of what was recorded.
    pub(super) fn histogram(&self) -> Histogram<u64> {
        lock(&self.0).clone()
    }
}

/// Counts one more of this kind. After [`KINDS`] different kinds, a new one counts as `others`.
fn count(counts: &mut BTreeMap<String, u64>, kind: String) {
    let kind = if counts.len() < KINDS || counts.contains_key(&kind) {
        kind
    } else {
        "others".to_owned()
    };
    *counts.entry(kind).or_default() += 1;
}

/// Locks a mutex. One that a panic has poisoned is used all the same: what it guards is whole after each line.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Crowd {
    /// A crowd in which nobody is connected yet.
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

    /// The person with this number.
    pub(super) fn person(&self, number: u32) -> Person {
        Person {
            number,
            uid: format!("{}{number}", self.prefix),
            token: None,
        }
    }

    /// The number of the person with this uid; none if it is not of this crowd.
    pub(super) fn number_of(&self, uid: &str) -> Option<u32> {
        let number = uid.strip_prefix(&*self.prefix)?.parse().ok()?;
        (number < self.people).then_some(number)
    }

    /// Waits for a permit, connects, and is greeted. None if that failed.
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

    /// Connects and is greeted within `--timeout`, without waiting for a permit.
    pub(super) async fn attempt(&self, person: &mut Person) -> anyhow::Result<Link> {
        // Boxed: the future of a handshake is large. Unboxed it would be a part of each person's task for the whole
        // run.
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

    /// Reads and ignores frames until the signal.
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

    /// Counts a person as gone, and as lost if `outcome` is an error.
    pub(super) fn gone(&self, outcome: &anyhow::Result<()>) {
        if let Err(error) = outcome {
            self.count_lost(error);
        }
        self.attendance
            .send_modify(|attendance| attendance.gone += 1);
    }

    /// Counts a person as gone and closes the connection.
    pub(super) async fn leave(&self, link: Link, outcome: &anyhow::Result<()>) {
        self.gone(outcome);
        link.close().await;
    }

    fn count_lost(&self, error: &anyhow::Error) {
        count(&mut lock(&self.lost), format!("{error:#}"));
    }

    /// Counts a `fault` of the server by its code.
    pub(super) fn count_refused(&self, code: &str) {
        count(&mut lock(&self.refused), code.to_owned());
    }

    /// How many were lost, by reason.
    pub(super) fn lost(&self) -> BTreeMap<String, u64> {
        lock(&self.lost).clone()
    }

    /// How many messages were refused, by the code of the `fault`.
    pub(super) fn refused(&self) -> BTreeMap<String, u64> {
        lock(&self.refused).clone()
    }

    /// Whether a time that is measured now is recorded.
    pub(super) fn is_recording(&self) -> bool {
        self.recording.load(Relaxed)
    }

    /// Counts a person who is back after the cut.
    pub(super) fn came_back(&self) {
        self.attendance
            .send_modify(|attendance| attendance.back += 1);
    }

    /// Waits until each person has arrived or failed to.
    pub(super) async fn all_came(&self) {
        let people = self.people;
        self.wait_for(|attendance| attendance.came + attendance.failed == people)
            .await;
    }

    /// Waits until each person who had arrived is back or gone.
    pub(super) async fn all_came_back(&self) {
        self.wait_for(|attendance| attendance.back + attendance.gone >= attendance.came)
            .await;
    }

    /// Sleeps for `time`, or until the last person has left.
    pub(super) async fn pass(&self, time: Duration) {
        let _ = timeout(time, self.wait_for(|attendance| attendance.there() == 0)).await;
    }

    async fn wait_for(&self, holds: impl FnMut(&Attendance) -> bool) {
        // It fails only if the sender is dropped, and `self` holds the sender.
        let _ = self.attendance.subscribe().wait_for(holds).await;
    }
}
