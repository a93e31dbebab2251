//! `--mode echo`: the same pace as `play` against a server that only sends everything back. It is what a machine can do at
//! most, to hold a server that does more against it.

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

/// What all share: the pace, and what is measured.
pub(super) struct Echo {
    every: Duration,
    clock: Clock,
    /// From the moment a frame was due to its coming back.
    pub(super) echoes: TimeHistogram,
    /// The same from the moment it was sent.
    pub(super) echoes_from_sending: TimeHistogram,
    /// From the moment a frame was due to its sending: our own part.
    pub(super) sendings: TimeHistogram,
}

/// A frame on its way.
struct Sent {
    due: Instant,
    at: Instant,
    counts: bool,
}

impl Echo {
    /// Before the first frame.
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

/// Comes, sends a frame at each beat from the signal on, and leaves when it is time.
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
    // A connection keeps the order, so what comes is what was sent first.
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
