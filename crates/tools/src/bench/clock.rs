//! Precise alarms. tokio's timers are up to two milliseconds late, which is longer than what is to be measured. A
//! thread of its own that sleeps until the next alarm is only some ten microseconds late.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};

use anyhow::Context as _;
use tokio::time::Instant;

use super::crowd::lock;

/// The thread that wakes tasks; it ends when this is dropped.
pub(super) struct Clock {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread shares with the alarms. The mutex is std's, since a thread waits on it with a condition variable; it
/// is held for a few lines and never across an `.await`.
#[derive(Default)]
struct Shared {
    alarms: Mutex<Alarms>,
    /// Notified when a new alarm is the earliest, and when the clock is dropped.
    changed: Condvar,
}

#[derive(Default)]
struct Alarms {
    waiting: BinaryHeap<Reverse<Entry>>,
    over: bool,
}

struct Entry {
    at: Instant,
    waker: Waker,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.at == other.at
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

impl Clock {
    /// Starts the thread.
    pub(super) fn start() -> anyhow::Result<Clock> {
        let shared = Arc::new(Shared::default());
        let own = shared.clone();
        let thread = thread::Builder::new()
            .name("clock".to_owned())
            .spawn(move || own.run())
            .context("starting a thread")?;
        Ok(Clock {
            shared,
            thread: Some(thread),
        })
    }

    /// An alarm that goes off at the moment `at`.
    pub(super) fn alarm(&self, at: Instant) -> Alarm<'_> {
        Alarm {
            clock: self,
            at,
            entered: None,
        }
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        lock(&self.shared.alarms).over = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self) {
        let mut alarms = lock(&self.alarms);
        while !alarms.over {
            let Some(Reverse(next)) = alarms.waiting.peek() else {
                alarms = self
                    .changed
                    .wait(alarms)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = next.at.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                alarms = self
                    .changed
                    .wait_timeout(alarms, left)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
                continue;
            }
            if let Some(Reverse(due)) = alarms.waiting.pop() {
                // Waking takes locks of the runtime. Tasks that enter an alarm must not wait for those.
                drop(alarms);
                due.waker.wake();
                alarms = lock(&self.alarms);
            }
        }
    }

    fn enter(&self, entry: Entry) {
        let mut alarms = lock(&self.alarms);
        let earlier = alarms
            .waiting
            .peek()
            .is_none_or(|Reverse(next)| entry.at < next.at);
        alarms.waiting.push(Reverse(entry));
        drop(alarms);
        if earlier {
            self.changed.notify_one();
        }
    }
}

/// A future that is ready when its moment has come. It must stay in one task: only the first waker is kept for a
/// moment.
pub(super) struct Alarm<'a> {
    clock: &'a Clock,
    at: Instant,
    /// The moment for which the clock has our waker. If the alarm is set to another moment, the task is also woken at
    /// the old one, which does no harm.
    entered: Option<Instant>,
}

impl Alarm<'_> {
    /// Moves the alarm to another moment.
    pub(super) fn set(&mut self, at: Instant) {
        self.at = at;
    }
}

impl Future for Alarm<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.at <= Instant::now() {
            return Poll::Ready(());
        }
        if self.entered != Some(self.at) {
            self.entered = Some(self.at);
            self.clock.shared.enter(Entry {
                at: self.at,
                waker: context.waker().clone(),
            });
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn alarms_never_go_off_early() {
        let clock = Clock::start().unwrap();
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        // The later one is entered first.
        let (late, soon) = tokio::join!(
            async {
                clock.alarm(after(20)).await;
                Instant::now()
            },
            async {
                clock.alarm(after(5)).await;
                Instant::now()
            }
        );
        assert!(late >= after(20) && soon >= after(5));
        clock.alarm(start).await;
    }

    #[tokio::test]
    async fn alarm_can_be_moved_both_ways() {
        let clock = Clock::start().unwrap();
        let start = Instant::now();
        let mut alarm = clock.alarm(start + Duration::from_hours(1));
        for millis in [2, 10] {
            let waited = tokio::time::timeout(Duration::ZERO, &mut alarm).await;
            assert!(waited.is_err());
            let at = Instant::now() + Duration::from_millis(millis);
            alarm.set(at);
            (&mut alarm).await;
            assert!(Instant::now() >= at);
            alarm.set(start + Duration::from_hours(1));
        }
    }
}
