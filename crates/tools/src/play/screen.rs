//! The game on a full screen of the terminal.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time;
use wulin_command::signals::Stop;

use super::draw::draw;
use super::link::PlayerLink;
use super::news::Key;
use super::paper::paint;
use super::table::{GameEnd, Stage, Table};
use super::terminal::{Terminal, keys};
use super::words::Words;

/// How often the screen is drawn during a round, for the bar of the remaining time.
const TICK: Duration = Duration::from_millis(100);

/// Plays until the player leaves.
pub(super) async fn play(
    table: &mut Table,
    link: &mut PlayerLink,
    words: &Words,
    no_color: bool,
) -> anyhow::Result<()> {
    let mut resized = signal(SignalKind::window_change()).context("listening for SIGWINCH")?;
    let mut hung_up = signal(SignalKind::hangup()).context("listening for SIGHUP")?;
    let mut stop = Stop::new()?;
    let mut terminal = Terminal::take().context("taking the terminal")?;
    let mut keys = keys();
    let mut tick = time::interval(TICK);
    tick.set_missed_tick_behavior(time::MissedTickBehavior::Skip);
    loop {
        for say in table.take_says() {
            link.say(say);
        }
        match &table.ended {
            Some(GameEnd::Quit) => return Ok(()),
            Some(GameEnd::Gone(why)) => {
                let why = why.clone();
                drop(terminal);
                bail!("{why}");
            }
            None => {}
        }
        let sheet = draw(table, words, Terminal::size(), Instant::now());
        terminal
            .show(&paint(&sheet, !no_color))
            .context("writing to the terminal")?;
        let moving = matches!(table.stage, Stage::Playing(_) | Stage::Waiting(_));
        tokio::select! {
            news = link.news() => table.hear(news, Instant::now()),
            key = keys.recv() => table.press(key.unwrap_or(Key::Quit), Instant::now()),
            _ = resized.recv() => terminal.forget(),
            _ = stop.next() => table.press(Key::Quit, Instant::now()),
            _ = hung_up.recv() => table.press(Key::Quit, Instant::now()),
            _ = tick.tick(), if moving => table.handle_timeout(Instant::now()),
        }
    }
}
