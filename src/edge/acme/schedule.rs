//! When to renew, and when to try again: values in, values out.
//!
//! `chance` is a number from 0 to 1, drawn by the caller, so that a thousand servers that started together do not come
//! together.

use std::time::{Duration, SystemTime};

/// How often an authority is asked for its advice when it does not say (RFC 9773, 4.3), and the bounds of what it may say.
const LOOK_AGAIN: Duration = Duration::from_hours(6);
const SOONEST_LOOK: Duration = Duration::from_mins(1);
const LATEST_LOOK: Duration = Duration::from_hours(24);

/// How long a new certificate is kept at least.
const LONGEST_REST: Duration = Duration::from_hours(24);

/// No authority keeps a server away longer.
const LONGEST_WAIT: Duration = Duration::from_hours(7 * 24);

/// Why an order came to nothing, as far as the next one is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The network, or the authority's own trouble.
    Passing,
    /// A no, which stays one until somebody changes something. Let's Encrypt allows five failed validations of a domain an
    /// hour, and two are made each time.
    Refused,
    /// Too many orders or failures.
    Limited,
}

impl Cause {
    /// The first wait and the longest one.
    fn bounds(self) -> (Duration, Duration) {
        match self {
            Cause::Passing => (Duration::from_secs(5), Duration::from_hours(1)),
            Cause::Refused => (Duration::from_mins(10), Duration::from_hours(12)),
            Cause::Limited => (Duration::from_hours(1), Duration::from_hours(12)),
        }
    }
}

/// How long to wait after the `failures`th failure in a row: twice as long each time, up to a bound, and not less than
/// the authority `asked` for.
pub(super) fn retry(cause: Cause, failures: u32, asked: Option<Duration>, chance: f64) -> Duration {
    let (first, longest) = cause.bounds();
    let doubled = first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    let wait = doubled.min(longest).max(asked.unwrap_or_default());
    wait.min(LONGEST_WAIT).mul_f64(1.0 + chance / 4.0)
}

/// When to renew a certificate on which the authority gives no advice: when a third of its time is left, or up to a
/// tenth of that earlier.
pub(super) fn renewal(from: SystemTime, until: SystemTime, chance: f64) -> SystemTime {
    let third = until.duration_since(from).unwrap_or_default() / 3;
    until - third - third.mul_f64(chance / 10.0)
}

/// How long a new certificate is kept, whatever its dates or the authority say: a third of its time, and no more than a day.
pub(super) fn rest(from: SystemTime, until: SystemTime) -> Duration {
    let third = until.duration_since(from).unwrap_or_default() / 3;
    third.min(LONGEST_REST)
}

/// When to renew a certificate whose authority suggests this window (RFC 9773, 4.2). A moment that was `planned` stays if
/// it is within; no advice puts it into the last tenth of the certificate's time.
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
    moment.min(until - last_tenth)
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
    fn a_third_of_the_time_is_left_at_a_renewal() {
        assert_eq!(renewal(at(0), at(90), 0.0), at(60));
        assert_eq!(renewal(at(0), at(90), 1.0), at(57));
        assert_eq!(renewal(at(0), at(6), 0.0), at(4));
        // Dates in the wrong order are no reason to panic.
        assert_eq!(renewal(at(6), at(0), 1.0), at(0));
    }

    #[test]
    fn a_new_certificate_is_not_replaced_at_once() {
        assert_eq!(rest(at(0), at(90)), DAY);
        assert_eq!(rest(at(0), at(1)), DAY / 3);
        assert_eq!(rest(at(1), at(0)), Duration::ZERO);
    }

    #[test]
    fn the_authority_advises_a_window_and_a_moment_within_it_is_kept() {
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
        for cause in [Cause::Passing, Cause::Refused, Cause::Limited] {
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
    fn an_authority_that_asks_to_wait_is_left_alone() {
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
    }

    #[test]
    fn advice_is_asked_for_neither_all_the_time_nor_never() {
        assert_eq!(next_look(None), LOOK_AGAIN);
        assert_eq!(next_look(Some(Duration::ZERO)), SOONEST_LOOK);
        assert_eq!(next_look(Some(DAY * 30)), LATEST_LOOK);
        assert_eq!(next_look(Some(DAY / 2)), DAY / 2);
    }
}
