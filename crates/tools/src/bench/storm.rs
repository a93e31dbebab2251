//! `--mode storm`: all connections are cut at once, and all people come back at once, as after a failure of the
//! network.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::{self, Instant};

use super::crowd::{Crowd, TimeHistogram};
use super::link::{Link, Person};

/// The pause before the first retry of a person who could not come back. It doubles with each retry, up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What is measured; all people share it.
pub(super) struct Storm {
    /// From the cut to the next `hi`, for each person.
    pub(super) back: TimeHistogram,
    /// Attempts to come back that failed.
    pub(super) failures: AtomicU64,
}

impl Storm {
    /// Nothing measured yet.
    pub(super) fn new() -> Storm {
        Storm {
            back: TimeHistogram::new(),
            failures: AtomicU64::new(0),
        }
    }
}

/// One person: connects, is cut off at the signal, comes back, and stays until the run ends.
pub(super) async fn live(crowd: Arc<Crowd>, storm: Arc<Storm>, number: u32) {
    let mut person = crowd.person(number);
    let Some(link) = crowd.arrive(&mut person).await else {
        return;
    };
    let outcome = stay_through(&crowd, &storm, &mut person, link).await;
    crowd.gone(&outcome);
}

async fn stay_through(
    crowd: &Crowd,
    storm: &Storm,
    person: &mut Person,
    mut link: Link,
) -> anyhow::Result<()> {
    crowd.idle(&mut link, &crowd.begin).await?;
    let cut = Instant::now();
    // Dropped without a close frame, as if the network had failed.
    drop(link);
    let mut link = come_back(crowd, storm, person, cut).await?;
    storm.back.note(cut.elapsed());
    crowd.came_back();
    let outcome = crowd.idle(&mut link, &crowd.end).await;
    link.close().await;
    outcome
}

/// Tries to connect until it succeeds, for at most `--timeout`.
async fn come_back(
    crowd: &Crowd,
    storm: &Storm,
    person: &mut Person,
    cut: Instant,
) -> anyhow::Result<Link> {
    let mut pause = SHORTEST_PAUSE;
    loop {
        match crowd.attempt(person).await {
            Ok(link) => return Ok(link),
            Err(error) if cut.elapsed() + pause >= crowd.timeout => return Err(error),
            Err(_) => {
                storm.failures.fetch_add(1, Relaxed);
                time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}
