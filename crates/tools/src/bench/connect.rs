//! `--mode connect`: everybody comes, is greeted, and leaves again.

use std::sync::Arc;

use super::crowd::Crowd;

/// Comes and leaves.
pub(super) async fn visit(crowd: Arc<Crowd>, number: u32) {
    let mut person = crowd.person(number);
    if let Some(link) = crowd.arrive(&mut person).await {
        link.close().await;
        crowd.gone(&Ok(()));
    }
}
