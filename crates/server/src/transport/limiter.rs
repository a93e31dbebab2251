//! How many messages a second one client may send.

use tokio::time::Instant;

/// How many seconds' worth of messages a client may send beyond its limit before it is disconnected.
pub const TOLERANCE: f64 = 5.0;

/// What happens to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is carried out.
    Heard,
    /// It is dropped, and the client gets a fault.
    Dropped,
    /// The client is disconnected: it has gone on far beyond the limit.
    Closed,
}

/// A token bucket that holds two seconds' worth of messages, and a counter of the messages beyond it. A client that is
/// a little too fast loses messages and is told so; only one that goes on is disconnected.
#[derive(Debug)]
pub struct Limiter {
    rate: f64,
    tokens: f64,
    excess: f64,
    last: Instant,
}

impl Limiter {
    /// A limiter for `rate` messages a second. A rate of 0 sets no limit.
    pub fn new(rate: u32, now: Instant) -> Limiter {
        let rate = f64::from(rate);
        Limiter {
            rate,
            tokens: rate * 2.0,
            excess: 0.0,
            last: now,
        }
    }

    /// Decides about a message that has just come.
    pub fn admit(&mut self, now: Instant) -> Verdict {
        if self.rate == 0.0 {
            return Verdict::Heard;
        }
        let earned = now.saturating_duration_since(self.last).as_secs_f64() * self.rate;
        self.last = now;
        self.tokens = (self.tokens + earned).min(self.rate * 2.0);
        self.excess = (self.excess - earned).max(0.0);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Verdict::Heard;
        }
        self.excess += 1.0;
        if self.excess > self.rate * TOLERANCE {
            Verdict::Closed
        } else {
            Verdict::Dropped
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn steady_client_is_always_heard() {
        let start = Instant::now();
        let mut limiter = Limiter::new(10, start);
        for tick in 0..1000 {
            assert_eq!(
                limiter.admit(start + Duration::from_millis(100) * tick),
                Verdict::Heard
            );
        }
    }

    #[test]
    fn flood_is_dropped_and_then_closed() {
        let start = Instant::now();
        let mut limiter = Limiter::new(10, start);
        let verdicts: Vec<_> = (0..71).map(|_| limiter.admit(start)).collect();
        assert!(
            verdicts[..20]
                .iter()
                .all(|verdict| *verdict == Verdict::Heard)
        );
        assert!(
            verdicts[20..70]
                .iter()
                .all(|verdict| *verdict == Verdict::Dropped)
        );
        assert_eq!(verdicts[70], Verdict::Closed);
    }

    #[test]
    fn client_that_slows_down_is_heard_again() {
        let start = Instant::now();
        let mut limiter = Limiter::new(10, start);
        while limiter.admit(start) == Verdict::Heard {}
        assert_eq!(
            limiter.admit(start + Duration::from_secs(1)),
            Verdict::Heard
        );
    }

    #[test]
    fn limit_of_zero_hears_everything() {
        let start = Instant::now();
        let mut limiter = Limiter::new(0, start);
        assert!((0..100_000).all(|_| limiter.admit(start) == Verdict::Heard));
    }
}
