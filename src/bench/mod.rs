//! `wulin bench`: many people at once, and what that costs the server.
//!
//! One task for each person, and nothing read that need not be: the machine that is measured is the one that measures.

mod connect;
mod crowd;
mod dialect;
mod line;
mod way;

use std::sync::Arc;

use crate::cli::Bench;
use crate::cli::bench::Mode;
use crate::ops::output::say;
use crowd::Crowd;
use way::Way;

/// Runs, tells, and returns whether nobody got lost and nothing is missing. An error means that it could not begin.
pub async fn run(flags: &Bench) -> anyhow::Result<bool> {
    let way = Way::find(flags).await?;
    let at_a_time = match flags.mode {
        Mode::Connect => flags.at_once.min(flags.people),
        Mode::Hold | Mode::Play | Mode::Storm => flags.people,
    };
    way::make_room(at_a_time)?;
    let crowd = Arc::new(Crowd::new(flags, way)?);
    let took = connect::run(&crowd).await;
    let histogram = crowd.arrivals.histogram();
    let lost = crowd.lost();
    say(format!(
        "{} people in {:.2} s, {:.0} a second; ms p50 {:.2} p95 {:.2} p99 {:.2} p99.9 {:.2}; lost {lost:?}",
        histogram.len(),
        took.as_secs_f64(),
        histogram.len() as f64 / took.as_secs_f64(),
        histogram.value_at_quantile(0.5) as f64 / 1e3,
        histogram.value_at_quantile(0.95) as f64 / 1e3,
        histogram.value_at_quantile(0.99) as f64 / 1e3,
        histogram.value_at_quantile(0.999) as f64 / 1e3,
    ));
    Ok(lost.is_empty())
}
