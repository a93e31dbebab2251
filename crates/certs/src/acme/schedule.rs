//! When to renew, and when to try again: pure functions, which take the time and the chance as arguments.
//!
//! `chance` is a number from 0 to 1, drawn by the caller, so that a thousand servers that started together do not ask
//! an authority at the same moment.

use std::time::{Duration, SystemTime};

/// How often an authority is asked for its advice when it does not say (RFC 9773, 4.3), and the bounds of what it may
/// say.
const LOOK_AGAIN: Duration = Duration::from_hours(6);
const SOONEST_LOOK: Duration = Duration::from_mins(1);
const LATEST_LOOK: Duration = Duration::from_hours(24);

/// The longest time for which a new certificate is kept in any case.
const LONGEST_REST: Duration = Duration::from_hours(24);

/// The longest wait that an authority can ask for.
pub(super) const LONGEST_WAIT: Duration = Duration::from_hours(7 * 24);

/// The longest wait for an unfinished order, whatever the authority asks for: orders expire.
const LONGEST_PAUSE: Duration = Duration::from_hours(24);

/// How long an authority may take to validate or to issue before its order is put off. One that validates from many
/// places takes half a minute.
const PATIENCE: Duration = Duration::from_mins(2);
/// The first and the longest pause between two polls of an order.
const FIRST_LOOK: Duration = Duration::from_millis(250);
const LAST_LOOK: Duration = Duration::from_secs(20);

/// Why an order failed, as far as the next try is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// A trouble that passes: of the network, or the authority's own.
    Passing,
    /// A refusal, which stays until somebody changes something. Let's Encrypt allows five failed validations of a
    /// domain in an hour, and each try makes two.
    Refused,
    /// Too many orders or failures: a rate limit.
    Limited,
    /// The order is continued, which costs nothing.
    Unfinished,
    /// The chain did not arrive as it should, and is downloaded again.
    Unfit,
}

impl Cause {
    /// The first wait and the longest one.
    fn bounds(self) -> (Duration, Duration) {
        match self {
            Cause::Passing => (Duration::from_secs(5), Duration::from_hours(1)),
            Cause::Refused => (Duration::from_mins(10), Duration::from_hours(12)),
            Cause::Limited => (Duration::from_hours(1), Duration::from_hours(12)),
            Cause::Unfinished => (Duration::from_mins(1), Duration::from_hours(1)),
            Cause::Unfit => (Duration::from_secs(10), Duration::from_hours(1)),
        }
    }
}

/// How long to wait after the `failures`th failure in a row: twice as long each time, up to a bound, and not less than
/// the authority `asked` for.
pub(super) fn retry(cause: Cause, failures: u32, asked: Option<Duration>, chance: f64) -> Duration {
    let (first, longest) = cause.bounds();
    let most = match cause {
        Cause::Unfinished | Cause::Unfit => LONGEST_PAUSE,
        Cause::Passing | Cause::Refused | Cause::Limited => LONGEST_WAIT,
    };
    let doubled = first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    let wait = doubled.min(longest).max(asked.unwrap_or_default());
    wait.min(most).mul_f64(1.0 + chance / 4.0)
}

/// When to poll an open order, for [`PATIENCE`] in all.
#[derive(Debug)]
pub(super) struct Polls {
    waited: Duration,
    next: Duration,
}

impl Polls {
    /// Before the first poll.
    pub(super) fn new() -> Polls {
        Polls {
            waited: Duration::ZERO,
            next: FIRST_LOOK,
        }
    }

    /// How long to wait before the next poll: as the authority `asked`, else a little longer each time. None once it
    /// takes too long.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        let wait = asked.map_or(self.next, |asked| asked.max(FIRST_LOOK));
        self.next = self.next.mul_f64(1.5).min(LAST_LOOK);
        self.waited = self.waited.saturating_add(wait);
        (self.waited <= PATIENCE).then_some(wait)
    }
}

/// A duration for people, in its two largest units, to the nearest of the smaller one.
pub(super) fn in_words(length: Duration) -> String {
    let of = |count: u64, unit: &str| match count {
        0 => String::new(),
        1 => format!("1 {unit}"),
        _ => format!("{count} {unit}s"),
    };
    let seconds = length.as_secs() + u64::from(length.subsec_millis() >= 500);
    let minutes = (seconds + 30) / 60;
    let hours = (minutes + 30) / 60;
    let (large, small) = if seconds < 60 {
        (String::new(), of(seconds, "second"))
    } else if minutes < 60 {
        (String::new(), of(minutes, "minute"))
    } else if minutes < 24 * 60 {
        (of(minutes / 60, "hour"), of(minutes % 60, "minute"))
    } else {
        (of(hours / 24, "day"), of(hours % 24, "hour"))
    };
    match (large.is_empty(), small.is_empty()) {
        (true, true) => "less than a second".to_owned(),
        (false, false) => format!("{large} {small}"),
        _ => large + &small,
    }
}

/// When to renew a certificate without advice from the authority: when a third of its validity is left, or up to a
/// tenth of that earlier.
pub(super) fn renewal(from: SystemTime, until: SystemTime, chance: f64) -> SystemTime {
    let third = until.duration_since(from).unwrap_or_default() / 3;
    until - third - third.mul_f64(chance / 10.0)
}

/// How long a new certificate is kept, whatever its dates or the authority say: a third of its validity, at most a day.
pub(super) fn rest(from: SystemTime, until: SystemTime) -> Duration {
    let third = until.duration_since(from).unwrap_or_default() / 3;
    third.min(LONGEST_REST)
}

/// When to renew a certificate whose authority suggests this window (RFC 9773, 4.2). A moment `planned` before stays if
/// it is within the window. The last tenth of the validity is never waited for.
pub(super) fn advised(
    window: (SystemTime, SystemTime),
    planned: Option<SystemTime>,
    (from, until): (SystemTime, SystemTime),
    chance: f64,
) -> SystemTime {
    let (start, end) = window;
    let moment = match planned {
        Some(planned) if start <= planned && planned <= end => planned,
        _ => {
            start
                + end
                    .duration_since(start)
                    .unwrap_or_default()
                    .mul_f64(chance)
        }
    };
    let last_tenth = until.duration_since(from).unwrap_or_default() / 10;
    // A window before the certificate's start means to renew at once.
    moment.max(from).min(until - last_tenth)
}

/// How long until the authority is asked for its advice again.
pub(super) fn next_look(asked: Option<Duration>) -> Duration {
    asked.unwrap_or(LOOK_AGAIN).clamp(SOONEST_LOOK, LATEST_LOOK)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn at(days: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH + DAY * (20_000 + days)
    }

    #[test]
    fn renewal_is_due_when_a_third_of_the_validity_is_left() {
        assert_eq!(renewal(at(0), at(90), 0.0), at(60));
        assert_eq!(renewal(at(0), at(90), 1.0), at(57));
        assert_eq!(renewal(at(0), at(6), 0.0), at(4));
        // Dates in the wrong order are no reason to panic.
        assert_eq!(renewal(at(6), at(0), 1.0), at(0));
    }

    #[test]
    fn new_certificate_is_kept_for_a_minimum_time() {
        assert_eq!(rest(at(0), at(90)), DAY);
        assert_eq!(rest(at(0), at(1)), DAY / 3);
        assert_eq!(rest(at(1), at(0)), Duration::ZERO);
    }

    #[test]
    fn planned_renewal_within_the_advised_window_stays() {
        let time = (at(0), at(90));
        let window = (at(50), at(54));
        assert_eq!(advised(window, None, time, 0.5), at(52));
        assert_eq!(advised(window, Some(at(53)), time, 0.5), at(53));
        assert_eq!(advised(window, Some(at(60)), time, 0.0), at(50));
        // All of them are to be renewed at once: the window is over.
        assert_eq!(advised((at(1), at(2)), Some(at(53)), time, 1.0), at(2));
        assert_eq!(advised((at(89), at(95)), None, time, 1.0), at(81));
        assert_eq!(advised((at(54), at(50)), None, time, 1.0), at(54));
    }

    #[test]
    fn failures_back_off_within_bounds() {
        let minutes = |cause, failures| retry(cause, failures, None, 0.0).as_secs() / 60;
        assert_eq!(
            [1, 2, 3, 4].map(|n| minutes(Cause::Refused, n)),
            [10, 20, 40, 80]
        );
        assert_eq!(retry(Cause::Passing, 1, None, 0.0), Duration::from_secs(5));
        for cause in [
            Cause::Passing,
            Cause::Refused,
            Cause::Limited,
            Cause::Unfinished,
            Cause::Unfit,
        ] {
            let (_, longest) = cause.bounds();
            assert_eq!(retry(cause, u32::MAX, None, 0.0), longest);
            assert_eq!(retry(cause, u32::MAX, None, 1.0), longest.mul_f64(1.25));
        }
    }

    #[test]
    fn no_more_than_five_validations_fail_in_an_hour() {
        // Five at once, and five more in each hour after: Let's Encrypt's bucket. Two validations fail in each round.
        let mut left = 5.0;
        for failures in 1..20 {
            left -= 2.0;
            assert!(left >= 0.0, "after {failures} rounds");
            let hours = retry(Cause::Refused, failures, None, 0.0).as_secs_f64() / 3600.0;
            left = f64::min(5.0, left + 5.0 * hours);
        }
    }

    #[test]
    fn requested_waits_are_kept_within_bounds() {
        let asked = Some(Duration::from_hours(30));
        for cause in [Cause::Passing, Cause::Refused, Cause::Limited] {
            assert_eq!(retry(cause, 1, asked, 0.0), Duration::from_hours(30));
        }
        assert_eq!(
            retry(Cause::Refused, 1, Some(Duration::from_secs(1)), 0.0),
            Duration::from_mins(10)
        );
        assert_eq!(
            retry(Cause::Limited, 1, Some(Duration::MAX), 0.0),
            LONGEST_WAIT
        );
        assert_eq!(
            retry(Cause::Unfinished, 1, Some(Duration::MAX), 0.0),
            LONGEST_PAUSE
        );
    }

    #[test]
    fn open_order_is_polled_for_two_minutes_with_growing_pauses() {
        let all = |asked: Option<Duration>| {
            let mut polls = Polls::new();
            std::iter::from_fn(|| polls.next(asked)).collect::<Vec<_>>()
        };
        let own = all(None);
        assert_eq!(own[..2], [FIRST_LOOK, FIRST_LOOK.mul_f64(1.5)]);
        assert!((10..30).contains(&own.len()), "{own:?}");
        let sum: Duration = own.iter().sum();
        assert!(sum <= PATIENCE && sum + LAST_LOOK > PATIENCE, "{sum:?}");
        assert_eq!(all(Some(Duration::from_secs(30))).len(), 4);
        assert!(all(Some(Duration::ZERO)).len() <= 480);
        assert!(all(Some(Duration::MAX)).is_empty());
    }

    #[test]
    fn durations_are_written_in_their_two_largest_units() {
        for (seconds, words) in [
            (0.0, "less than a second"),
            (0.7, "1 second"),
            (59.4, "59 seconds"),
            (59.8, "1 minute"),
            (90.0, "2 minutes"),
            (3569.0, "59 minutes"),
            (3599.0, "1 hour"),
            (7199.2, "2 hours"),
            (7170.0, "2 hours"),
            (6000.0, "1 hour 40 minutes"),
            (86_399.0, "1 day"),
            (86_400.0 * 2.0 - 10.0, "2 days"),
            (86_400.0 * 1.5, "1 day 12 hours"),
            (86_400.0 * 400.0, "400 days"),
        ] {
            assert_eq!(in_words(Duration::from_secs_f64(seconds)), words);
        }
    }

    #[test]
    fn pauses_between_requests_for_advice_are_bounded() {
        assert_eq!(next_look(None), LOOK_AGAIN);
        assert_eq!(next_look(Some(Duration::ZERO)), SOONEST_LOOK);
        assert_eq!(next_look(Some(DAY * 30)), LATEST_LOOK);
        assert_eq!(next_look(Some(DAY / 2)), DAY / 2);
    }
}
