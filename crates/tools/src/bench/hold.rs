//! `--mode hold`: each person connects and stays, and sends nothing but heartbeats.

use std::sync::Arc;

use super::crowd::Crowd;

/// One person: connects, stays, and leaves when the run ends.
pub(super) async fn live(crowd: Arc<Crowd>, number: u32) {
    let Some(mut link) = crowd.arrive(&mut crowd.person(number)).await else {
        return;
    };
    let outcome = crowd.idle(&mut link, &crowd.end).await;
    crowd.leave(link, &outcome).await;
}
