//! `wulin play`: the game on a terminal, or in plain lines if there is no terminal.
//!
//! [`table`] is the game as one player sees it, a state machine without a clock. [`link`] is the connection. `draw`
//! turns a table into lines. The loops in `screen` and `lines` only carry news, keys and pictures between them.

mod art;
mod draw;
pub mod flags;
mod lines;
pub mod link;
pub mod meeting;
pub mod news;
mod paper;
pub mod round;
mod screen;
pub mod table;
mod terminal;
pub mod words;

use std::io::{self, IsTerminal};
use std::sync::Arc;

use anyhow::{anyhow, bail};
use rustls::crypto::aws_lc_rs;
use wulin_certs::trusted_roots;
use wulin_client::dialer::Dialer;
use wulin_client::random_uid;
use wulin_client::websocket::Identity;
use wulin_game::Hand;
use wulin_http::tls::{Recorder, Trust};

use crate::play::flags::Pick;
pub use flags::Play;
use link::PlayerLink;
use table::Table;
use words::Words;

/// Plays until the player leaves. `variable` reads the environment.
pub async fn run(flags: &Play, variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<()> {
    let words = Words::of_locale(&locale(&variable));
    let address = flags.host.clone();
    let path = address
        .path
        .clone()
        .unwrap_or_else(|| flags.reach.base.base_path.clone());
    let trust = if flags.trust.insecure || address.is_local() {
        Trust::Anybody(Recorder::new())
    } else {
        Trust::Roots(Arc::new(trusted_roots(flags.reach.ca_file.as_deref())?))
    };
    let identity = Identity {
        uid: random_uid("terminal")?,
        name: match &flags.name {
            Some(name) => name.clone(),
            None => words.guests[below(words.guests.len())?].to_owned(),
        },
        token: None,
    };
    let dialer = Dialer {
        address,
        path,
        trust,
    };
    let host = dialer.address.to_string();
    let socket = match dialer.dial(&identity).await {
        Ok(socket) => socket,
        Err(error) => bail!("no game at {host}: {error:#}. `wulin check {host}` says more."),
    };
    let mut table = Table::new(identity.uid.clone(), identity.name.clone());
    let mut link = PlayerLink::keep(dialer, identity, socket);
    let terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let scripted = flags.plain || flags.hand.is_some() || flags.rounds.is_some();
    let played = if terminal && !scripted {
        let no_color = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
        screen::play(&mut table, &mut link, words, no_color).await
    } else {
        let plan = lines::Plan {
            rounds: flags.rounds,
            hand: flags.hand,
        };
        lines::play(&mut table, &mut link, words, plan).await
    };
    for say in table.take_says() {
        link.say(say);
    }
    link.close().await;
    played
}

/// The locale of messages: the first of these three variables that is set (POSIX.1, section 8.2).
fn locale(variable: impl Fn(&str) -> Option<String>) -> String {
    ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(|name| variable(name).filter(|value| !value.is_empty()))
        .unwrap_or_default()
}

/// The hand to show for a `--hand`.
fn pick(pick: Pick) -> anyhow::Result<Hand> {
    Ok(match pick {
        Pick::Rock => Hand::Rock,
        Pick::Paper => Hand::Paper,
        Pick::Scissors => Hand::Scissors,
        Pick::Random => Hand::ALL[below(Hand::ALL.len())?],
    })
}

/// A random number below `end`. The remainder favours low numbers, but for an `end` below 100 by less than one in a
/// million.
fn below(end: usize) -> anyhow::Result<usize> {
    let mut bytes = [0; 4];
    aws_lc_rs::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| anyhow!("the system gives no random numbers"))?;
    Ok(u32::from_le_bytes(bytes) as usize % end)
}
