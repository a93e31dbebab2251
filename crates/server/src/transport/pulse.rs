//! Whether a client is alive: when it is pinged, and when it is believed dead.

use std::time::Duration;

use tokio::time::Instant;

use super::Limits;
use super::session::Farewell;

/// How long a client may take to send something after it has opened a session; pongs do not count. It is long enough
/// for a person who types the first message by hand.
pub const FIRST_WORD: Duration = Duration::from_mins(1);
/// The same for a client that has to connect to the default namespace, which its library does at once.
pub const CONNECT: Duration = Duration::from_secs(20);

/// Which side sends pings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heartbeat {
    /// The server sends ping frames of the WebSocket protocol, which every library answers. A client that sleeps
    /// between two reads does not, and is still there. So a client that has never answered is not believed dead for it;
    /// `--idle-timeout` decides.
    Lenient,
    /// The server sends pings, and a client that does not answer is dead: Engine.IO 4.
    Strict,
    /// The client sends pings, in the interval it was told: Engine.IO 3 over polling, where every library does so.
    Client,
}

/// The state of one client's heartbeat. Time is an argument, and [`deadline`](Self::deadline) says when to call
/// [`ask`](Self::ask).
#[derive(Debug)]
pub(super) struct Pulse {
    heartbeat: Heartbeat,
    heard: Instant,
    /// When the ping was sent that has not been answered.
    asked: Option<Instant>,
    answers: bool,
    /// Until when the client has to send its first message; none once it has.
    first_word: Option<Instant>,
}

impl Pulse {
    /// The heartbeat of a client that has just come. `connects` says whether it has to connect to the default
    /// namespace.
    pub(super) fn new(heartbeat: Heartbeat, connects: bool, now: Instant) -> Pulse {
        Pulse {
            heartbeat,
            heard: now,
            asked: None,
            answers: heartbeat == Heartbeat::Strict,
            first_word: Some(now + if connects { CONNECT } else { FIRST_WORD }),
        }
    }

    /// The client has left its session, and has as long as at first to begin another.
    pub(super) fn renew(&mut self, now: Instant) {
        self.first_word = Some(now + CONNECT);
    }

    /// Something has come from the client. Returns whether it answers a ping. Only then may the deadline come earlier,
    /// so that only then must the caller reset its timer.
    pub(super) fn beat(&mut self, pong: bool, now: Instant) -> bool {
        self.heard = now;
        self.answers |= pong;
        self.asked.take().is_some()
    }

    /// The client has sent its first message.
    pub(super) fn spoke(&mut self) {
        self.first_word = None;
    }

    /// When to call [`ask`](Self::ask) next.
    pub(super) fn deadline(&self, limits: &Limits) -> Instant {
        let mut deadline = self.heard + limits.idle_timeout;
        if let Some(first_word) = self.first_word {
            deadline = deadline.min(first_word);
        }
        deadline.min(match (self.heartbeat, self.asked) {
            (Heartbeat::Client, _) => self.heard + limits.ping_interval + limits.ping_timeout,
            (_, None) => self.heard + limits.ping_interval,
            (_, Some(asked)) if self.answers => asked + limits.ping_timeout,
            // A client that never answers is still pinged: the pings keep its way through the network open, and make
            // TCP notice when nobody is there.
            (_, Some(asked)) => asked + limits.ping_interval,
        })
    }

    /// Called at the deadline. Returns whether to send a ping, or that the client is believed dead.
    pub(super) fn ask(&mut self, limits: &Limits, now: Instant) -> Result<bool, Farewell> {
        if now < self.deadline(limits) {
            return Ok(false);
        }
        if self.first_word.is_some_and(|first_word| now >= first_word) {
            return Err(Farewell::Mute);
        }
        let overdue = match self.heartbeat {
            Heartbeat::Client => true,
            Heartbeat::Lenient | Heartbeat::Strict => {
                self.answers
                    && self
                        .asked
                        .is_some_and(|asked| now >= asked + limits.ping_timeout)
            }
        };
        if overdue || now >= self.heard + limits.idle_timeout {
            return Err(Farewell::Silent);
        }
        self.asked = Some(now);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        message_size: 1024,
        messages_per_second: 1,
        ping_interval: Duration::from_secs(25),
        ping_timeout: Duration::from_secs(20),
        idle_timeout: Duration::from_hours(1),
        outbox: 8,
    };

    /// How often a client is pinged, and after how many seconds it is believed dead, if it sends its first message and
    /// then nothing more.
    fn silence(heartbeat: Heartbeat) -> (usize, u64) {
        let start = Instant::now();
        let mut pulse = Pulse::new(heartbeat, false, start);
        pulse.spoke();
        let mut asked = 0;
        loop {
            let now = pulse.deadline(&LIMITS);
            match pulse.ask(&LIMITS, now) {
                Ok(ask) => asked += usize::from(ask),
                Err(farewell) => {
                    assert_eq!(farewell, Farewell::Silent);
                    return (asked, (now - start).as_secs());
                }
            }
        }
    }

    #[test]
    fn silent_clients_live_as_long_as_their_heartbeat_allows() {
        assert_eq!(silence(Heartbeat::Strict), (1, 45));
        assert_eq!(silence(Heartbeat::Client), (0, 45));
        assert_eq!(silence(Heartbeat::Lenient), (143, 3600));
    }

    #[test]
    fn clients_without_a_first_word_are_dismissed() {
        for (connects, patience) in [(true, CONNECT), (false, FIRST_WORD)] {
            let start = Instant::now();
            let mut pulse = Pulse::new(Heartbeat::Lenient, connects, start);
            let (farewell, now) = loop {
                let now = pulse.deadline(&LIMITS);
                pulse.beat(true, now);
                if let Err(farewell) = pulse.ask(&LIMITS, now) {
                    break (farewell, now);
                }
            };
            assert_eq!((farewell, now - start), (Farewell::Mute, patience));
        }
    }
}
