//! The progress of a run, as one line on the terminal that is rewritten in place.

use std::io::{self, IsTerminal, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{self, Instant};

use super::crowd::{Crowd, lock};

/// How often the line is rewritten.
const EVERY: Duration = Duration::from_millis(250);

/// What happens now, since when, and how long it takes if that is known.
type Step = (&'static str, Instant, Option<Duration>);

/// Shows the line until it is dropped. The mutex is std's: it is held to copy or set one value, never across an
/// `.await`.
pub(super) struct Progress {
    step: Arc<Mutex<Step>>,
    task: Option<JoinHandle<()>>,
}

impl Progress {
    /// Shows the line if standard error is a terminal.
    pub(super) fn start(crowd: &Arc<Crowd>) -> Progress {
        let step = Arc::new(Mutex::new(("coming in", Instant::now(), None)));
        let task = io::stderr()
            .is_terminal()
            .then(|| tokio::spawn(write(crowd.clone(), step.clone())));
        Progress { step, task }
    }

    /// Sets what happens from now on, and how long it takes if that is known.
    pub(super) fn step(&self, what: &'static str, time: Option<Duration>) {
        *lock(&self.step) = (what, Instant::now(), time);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

async fn write(crowd: Arc<Crowd>, step: Arc<Mutex<Step>>) {
    let mut ticks = time::interval(EVERY);
    loop {
        ticks.tick().await;
        let (what, since, time) = *lock(&step);
        let attendance = *crowd.attendance.borrow();
        let line = line(
            what,
            attendance.came,
            attendance.there(),
            crowd.people,
            since.elapsed(),
            time,
        );
        let _ = write!(io::stderr(), "\r{line}\x1b[K");
    }
}

fn line(
    what: &str,
    came: u32,
    there: u32,
    people: u32,
    elapsed: Duration,
    time: Option<Duration>,
) -> String {
    let seconds = elapsed.as_secs();
    let of = time.map_or_else(String::new, |time| format!(" of {}", time.as_secs()));
    format!("{what}: {came} of {people} came, {there} are there; {seconds}{of} s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_line_names_step_people_and_time() {
        let second = Duration::from_secs(1);
        assert_eq!(
            line("coming in", 3, 2, 9, second, None),
            "coming in: 3 of 9 came, 2 are there; 1 s"
        );
        assert_eq!(
            line("playing", 9, 9, 9, second, Some(second * 30)),
            "playing: 9 of 9 came, 9 are there; 1 of 30 s"
        );
    }
}
