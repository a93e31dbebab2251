//! `--mode echo`: sends frames at the pace of `play` to a server that only sends each one back. The result is the best
//! this machine can do; compare the figures of a real server with it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::clock::Clock;
use super::crowd::{Crowd, TimeHistogram};
use super::dialect;
use super::link::Link;
use crate::bench::flags::Bench;

/// The pace of the frames, and what is measured. All people share it.
pub(super) struct Echo {
    every: Duration,
    clock: Clock,
    /// From when a frame was due until it came back.
    pub(super) echoes: TimeHistogram,
    /// From when a frame was sent until it came back.
    pub(super) echoes_from_sending: TimeHistogram,
    /// From when a frame was due until it was sent: the delay of this program.
    pub(super) sendings: TimeHistogram,
}

/// A frame that was sent and has not come back.
struct Sent {
    due: Instant,
    at: Instant,
    counts: bool,
}

impl Echo {
    /// Takes the pace from the flags and starts the clock.
    pub(super) fn new(flags: &Bench) -> anyhow::Result<Echo> {
        Ok(Echo {
            every: flags.choice_every.max(Duration::from_millis(1)),
            clock: Clock::start()?,
            echoes: TimeHistogram::new(),
            echoes_from_sending: TimeHistogram::new(),
            sendings: TimeHistogram::new(),
        })
    }

    fn note(&self, sent: &Sent, now: Instant) {
        if sent.counts {
            self.echoes.note(now - sent.due);
            self.echoes_from_sending.note(now - sent.at);
            self.sendings.note(sent.at - sent.due);
        }
    }
}

/// One person: connects, sends frames at the pace from the signal on, and leaves when the run ends.
pub(super) async fn live(crowd: Arc<Crowd>, echo: Arc<Echo>, number: u32) {
    let Some(mut link) = crowd.arrive(&mut crowd.person(number)).await else {
        return;
    };
    let outcome = exchange(&crowd, &echo, &mut link, number).await;
    crowd.leave(link, &outcome).await;
}

async fn exchange(crowd: &Crowd, echo: &Echo, link: &mut Link, number: u32) -> anyhow::Result<()> {
    crowd.idle(link, &crowd.begin).await?;
    let frame = dialect::write(crowd.protocol, "choice", Some(&json!({ "choice": 2 })));
    let mut due = Instant::now() + echo.every * number / crowd.people;
    // A connection keeps the order, so each frame that comes back is the oldest one under way.
    let mut under_way = VecDeque::new();
    let over = crowd.end.cancelled();
    tokio::pin!(over);
    let mut alarm = echo.clock.alarm(due);
    loop {
        tokio::select! {
            biased;
            () = &mut over => return Ok(()),
            () = &mut alarm => {
                under_way.push_back(Sent {
                    due,
                    at: Instant::now(),
                    counts: crowd.is_recording(),
                });
                link.say(frame.clone()).await?;
                due += echo.every;
                alarm.set(due);
            }
            text = link.next() => {
                drop(text?);
                if let Some(sent) = under_way.pop_front() {
                    echo.note(&sent, Instant::now());
                }
            }
        }
    }
}
