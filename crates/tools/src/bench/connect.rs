//! `--mode connect`: each person connects, is greeted with `hi`, and leaves.

use std::sync::Arc;

use super::crowd::Crowd;

/// One person: connects and leaves.
pub(super) async fn live(crowd: Arc<Crowd>, number: u32) {
    let mut person = crowd.person(number);
    if let Some(link) = crowd.arrive(&mut person).await {
        link.close().await;
        crowd.gone(&Ok(()));
    }
}
