//! `--mode play`: everybody plays one round after another, in time with the clock and not with the server.

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

/// What all players share: the pace, and what is measured.
pub(super) struct Game {
    choice_every: Duration,
    think: Duration,
    warm_up: Duration,
    board: Board,
    clock: Clock,
    /// From the moment a choice was due to its movement at the partner.
    pub(super) movements: TimeHistogram,
    /// The same from the moment it was sent.
    pub(super) movements_from_sending: TimeHistogram,
    /// From the moment a choice was due to its sending: our own part.
    pub(super) sendings: TimeHistogram,
    /// From the moment a result was due to its coming.
    pub(super) results: TimeHistogram,
    /// Choices sent.
    pub(super) choices: AtomicU64,
    /// Rounds finished, counted in halves: each of two partners brings one, who played a robot brings both.
    pub(super) halves: AtomicU64,
    /// Rounds against a robot or a stranger.
    pub(super) others: AtomicU64,
    /// Choices whose movement never came.
    pub(super) missing: AtomicU64,
}

impl Game {
    /// Before the first round.
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

    /// When the first round of a player is asked for: pairs come one after the other, spread over the warm-up.
    fn first(&self, number: u32, people: u32) -> Duration {
        let pairs = people.div_ceil(2);
        self.warm_up * (number / 2) / pairs
    }
}

/// Comes, plays from the signal on, and leaves when it is time and the round is over.
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
            // A choice that is due goes out first: whoever waits for frames must not hold it back.
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
