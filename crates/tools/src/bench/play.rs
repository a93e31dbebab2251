//! `--mode play`: each person plays one round after another. Choices are due by the clock, not by the server's answers,
//! so that a slow server cannot slow the load down (coordinated omission).

mod board;
mod player;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::time::Instant;

use super::clock::Clock;
use super::crowd::{Crowd, TimeHistogram};
use super::link::Link;
use crate::bench::flags::Bench;
use board::Board;
use player::Player;

/// The pace of the game, and what is measured. All players share it.
pub(super) struct Game {
    choice_every: Duration,
    think: Duration,
    warm_up: Duration,
    board: Board,
    clock: Clock,
    /// From when a choice was due until its partner got the `movement`.
    pub(super) movements: TimeHistogram,
    /// From when a choice was sent until its partner got the `movement`.
    pub(super) movements_from_sending: TimeHistogram,
    /// From when a choice was due until it was sent: the delay of this program.
    pub(super) sendings: TimeHistogram,
    /// From when a `result` was due until it came.
    pub(super) results: TimeHistogram,
    /// Choices sent.
    pub(super) choices: AtomicU64,
    /// Finished rounds, in halves: each of two partners counts one half, and a person who played a robot counts two.
    pub(super) halves: AtomicU64,
    /// Rounds against a robot or somebody who is not of this bench.
    pub(super) others: AtomicU64,
    /// Choices whose movement never came.
    pub(super) missing: AtomicU64,
}

impl Game {
    /// Takes the pace from the flags and starts the clock.
    pub(super) fn new(flags: &Bench) -> anyhow::Result<Game> {
        Ok(Game {
            clock: Clock::start()?,
            choice_every: flags.choice_every.max(Duration::from_millis(1)),
            think: flags.think,
            warm_up: flags.warm_up,
            board: Board::new(flags.people),
            movements: TimeHistogram::new(),
            movements_from_sending: TimeHistogram::new(),
            sendings: TimeHistogram::new(),
            results: TimeHistogram::new(),
            choices: AtomicU64::new(0),
            halves: AtomicU64::new(0),
            others: AtomicU64::new(0),
            missing: AtomicU64::new(0),
        })
    }

    /// When a player asks for the first round: pair after pair, spread over the warm-up.
    fn first(&self, number: u32, people: u32) -> Duration {
        let pairs = people.div_ceil(2);
        self.warm_up * (number / 2) / pairs
    }
}

/// One person: connects, plays from the signal on, and leaves when the run has ended and the last round is over.
pub(super) async fn live(crowd: Arc<Crowd>, game: Arc<Game>, number: u32) {
    let Some(mut link) = crowd.arrive(&mut crowd.person(number)).await else {
        return;
    };
    let outcome = play(&crowd, &game, &mut link, number).await;
    crowd.leave(link, &outcome).await;
}

async fn play(crowd: &Crowd, game: &Game, link: &mut Link, number: u32) -> anyhow::Result<()> {
    crowd.idle(link, &crowd.begin).await?;
    let first = Instant::now() + game.first(number, crowd.people);
    let mut player = Player::new(crowd, game, number, first);
    let over = crowd.end.cancelled();
    tokio::pin!(over);
    let mut alarm = game.clock.alarm(player.deadline());
    while !player.is_done() {
        tokio::select! {
            // Biased: a choice that is due goes out before frames are read, so that many frames cannot delay it.
            biased;
            () = &mut over, if !player.is_leaving() => player.leave(),
            () = &mut alarm => {
                let text = player.wake(Instant::now())?;
                link.say(text).await?;
            }
            text = link.next() => player.hear(&text?, Instant::now())?,
        }
        alarm.set(player.deadline());
    }
    Ok(())
}
