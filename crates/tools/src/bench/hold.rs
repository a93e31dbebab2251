//! `--mode hold`: everybody comes and stays, and says nothing but that they live.

use std::sync::Arc;

use super::crowd::Crowd;

/// Comes, stays, and leaves when it is time.
pub(super) async fn stay(crowd: Arc<Crowd>, number: u32) {
    let Some(mut link) = crowd.arrive(&mut crowd.person(number)).await else {
        return;
    };
    let outcome = crowd.idle(&mut link, &crowd.end).await;
    crowd.leave(link, &outcome).await;
}
