//! `--mode storm`: everybody is cut off at once and comes back at once, as after a failure of the network.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::{self, Instant};

use super::crowd::{Crowd, TimeHistogram};
use super::link::{Link, Person};

/// The pause before somebody who could not come back tries again; it doubles up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What is measured.
pub(super) struct Storm {
    /// From the cut to the `hi` of each.
    pub(super) back: TimeHistogram,
    /// Attempts that came to nothing.
    pub(super) failures: AtomicU64,
}

impl Storm {
    /// Before it.
    pub(super) fn new() -> Storm {
        Storm {
            back: TimeHistogram::new(),
            failures: AtomicU64::new(0),
        }
    }
}

/// Comes, is cut off at the signal, comes back, and stays until it is time to leave.
pub(super) async fn weather(crowd: Arc<Crowd>, storm: Arc<Storm>, number: u32) {
    let mut person = crowd.person(number);
    let Some(link) = crowd.arrive(&mut person).await else {
        return;
    };
    let outcome = outlast(&crowd, &storm, &mut person, link).await;
    crowd.gone(&outcome);
}

async fn outlast(
    crowd: &Crowd,
    storm: &Storm,
    person: &mut Person,
    mut link: Link,
) -> anyhow::Result<()> {
    crowd.idle(&mut link, &crowd.begin).await?;
    let cut = Instant::now();
    // Without a goodbye.
    drop(link);
    let mut link = come_back(crowd, storm, person, cut).await?;
    storm.back.note(cut.elapsed());
    crowd.came_back();
    let outcome = crowd.idle(&mut link, &crowd.end).await;
    link.close().await;
    outcome
}

/// Tries again and again, in bounded time.
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
