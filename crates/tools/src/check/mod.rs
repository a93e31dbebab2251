//! `wulin check`: finds what would stop phones from playing on a server, and says how to mend it.
//!
//! Each step is a function that looks at one thing and returns a [`finding::Finding`]. `online` and `offline` put the
//! steps in order, and skip those that depend on a step that failed.

mod alike;
mod chain;
pub mod finding;
pub mod flags;
mod game;
mod layout;
mod network;
mod offline;
mod online;
pub mod report;
mod round;
mod tls;
mod web;

use std::time::SystemTime;

use anyhow::{Context, bail};
use wulin_certs::trusted_roots;
use wulin_client::address::{Address, HTTPS};

use finding::Severity;
pub use flags::Check;
use layout::Style;
use report::{Question, Report};

/// Runs all checks, prints the report, and returns whether all is well.
pub async fn run(flags: &Check, no_color: bool) -> anyhow::Result<bool> {
    let live = (!flags.output.json).then(|| Style::of_stdout(no_color));
    let roots = trusted_roots(flags.reach.ca_file.as_deref())?;
    let now = SystemTime::now();
    let mut report = if flags.offline {
        let mut report = Report::new(offline::target(flags), Question::Files, live);
        offline::run(flags, &roots, now, &mut report)?;
        report
    } else {
        let address = target(flags)?;
        let mut report = Report::new(address.to_string(), Question::Server, live);
        online::run(flags, &address, roots, now, &mut report).await;
        report
    };
    report.finish();
    Ok(match report.outcome() {
        Severity::Ok | Severity::Skipped => true,
        Severity::Warning => !flags.strict,
        Severity::Failed => false,
    })
}

/// The server to check: HOST, else the first `--domain`.
fn target(flags: &Check) -> anyhow::Result<Address> {
    match (&flags.host, flags.domains.domain.first()) {
        (Some(host), _) => Ok(host.clone()),
        (None, Some(domain)) => Address::parse(domain, HTTPS).context("reading --domain"),
        (None, None) => bail!(
            "Say which server: `wulin check game.example.com`; or which files: `wulin check --offline --tls-dir certs`."
        ),
    }
}
