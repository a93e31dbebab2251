//! `wulin bench`: connects many people to a server and measures what they cost it.
//!
//! Each person is one task. The bench usually runs on the machine it measures, so it reads no more of a frame than it
//! needs. A mode is what each person does (`connect`, `hold`, `play`, `echo`, `storm`). `run` tells the people when
//! to begin and to leave, and measures each stage between.

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
use wulin_command::output::say;

use crate::bench::flags::Mode;
pub use flags::Bench;

/// Runs the bench, prints the report, and returns whether nobody was lost and no choice is missing. An error means that
/// the run could not begin, or that the plot could not be written.
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
