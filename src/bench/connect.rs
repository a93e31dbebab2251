//! `--mode connect`: everybody comes, is greeted, and leaves again.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::crowd::Crowd;

/// Lets everybody come and leave; returns how long that took until the last `hi`.
pub(super) async fn run(crowd: &Arc<Crowd>) -> Duration {
    let started = Instant::now();
    let mut tasks: JoinSet<()> = (0..crowd.people)
        .map(|number| visit(crowd.clone(), number))
        .collect();
    crowd.all_came().await;
    let took = started.elapsed();
    while tasks.join_next().await.is_some() {}
    took
}

async fn visit(crowd: Arc<Crowd>, number: u32) {
    let mut person = crowd.person(number);
    if let Some(line) = crowd.arrive(&mut person).await {
        line.close().await;
        crowd.gone(&Ok(()));
    }
}
