//! `wulin bench`: many people at once, and what that costs the server.
//!
//! One task for each person, and nothing read that need not be: the machine that is measured is the one that measures. A
//! mode is what each person does (`connect`, `hold`, `play`, `echo`, `storm`); `run` gives the signals and measures between them.

mod clock;
mod connect;
mod cost;
mod crowd;
mod dialect;
mod echo;
pub mod flags;
mod hold;
mod link;
mod machine;
mod play;
mod plot;
mod progress;
mod report;
mod run;
mod storm;
mod table;
mod way;

use std::fs;

use anyhow::Context;

use crate::bench::flags::Mode;
pub use flags::Bench;
use wulin_command::output::say;

/// Runs, tells, and returns whether nobody got lost and nothing is missing. An error means that it could not begin, or that
/// the plot could not be written.
pub async fn run(flags: &Bench) -> anyhow::Result<bool> {
    let way = way::Way::find(flags).await?;
    let at_a_time = match flags.mode {
        Mode::Connect => flags.at_once.min(flags.people),
        Mode::Hold | Mode::Play | Mode::Echo | Mode::Storm => flags.people,
    };
    way::make_room(at_a_time)?;
    let source = cost::CostSource::find(flags, way.peer).await?;
    let result = run::run(flags, way, source).await?;
    let report = &result.report;
    if flags.output.json {
        say(serde_json::to_string_pretty(report).context("writing the report")?);
    } else {
        say(table::table(report));
    }
    if let Some(file) = &flags.plot {
        let title = result.title();
        fs::write(file, plot::plot(&title, &result.series))
            .with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(report.ok)
}
