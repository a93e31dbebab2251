//! Moments and durations, as sentences say them.

use std::time::{Duration, SystemTime};

/// A moment to the minute, in UTC.
pub fn date(at: SystemTime) -> String {
    // The last second with a year of four digits, which X.509 uses for "never ends" (RFC 5280, 4.1.2.5).
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .min(LAST);
    let text = humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + since).to_string();
    format!("{} {} UTC", &text[..10], &text[11..16])
}

/// A duration in its largest unit, rounded to the nearest: 1 h 59 min 59 s is two hours.
pub fn span(length: Duration) -> String {
    const UNITS: [(u64, u64, &str); 4] = [
        (1, 60, "second"),
        (60, 60, "minute"),
        (3_600, 24, "hour"),
        (86_400, u64::MAX, "day"),
    ];
    let mut text = String::new();
    for (seconds, most, unit) in UNITS {
        let count = (length.as_millis() as u64 + seconds * 500) / (seconds * 1_000);
        text = counted(count, unit);
        if count < most {
            break;
        }
    }
    text
}

/// How long something still lasts, in whole days rounded down, since nobody should count on a day that is not whole.
/// Less than a day is said as by [`span`].
pub fn left(length: Duration) -> String {
    match length.as_secs() / 86_400 {
        0 => span(length),
        days => counted(days, "day"),
    }
}

fn counted(count: u64, unit: &str) -> String {
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_rounded_to_the_nearest_unit() {
        const MINUTE: u64 = 60_000;
        const HOUR: u64 = 60 * MINUTE;
        const DAY: u64 = 24 * HOUR;
        for (length, far, lasting) in [
            (0, "0 seconds", "0 seconds"),
            (499, "0 seconds", "0 seconds"),
            (1_000, "1 second", "1 second"),
            (59_400, "59 seconds", "59 seconds"),
            (59_600, "1 minute", "1 minute"),
            (MINUTE, "1 minute", "1 minute"),
            (2 * MINUTE - 1, "2 minutes", "2 minutes"),
            (59 * MINUTE, "59 minutes", "59 minutes"),
            (HOUR - 1, "1 hour", "1 hour"),
            (2 * HOUR - 5_000, "2 hours", "2 hours"),
            (2 * HOUR + 5_000, "2 hours", "2 hours"),
            (23 * HOUR, "23 hours", "23 hours"),
            (DAY - 1, "1 day", "1 day"),
            (DAY, "1 day", "1 day"),
            (2 * DAY - 1, "2 days", "1 day"),
            (2 * DAY, "2 days", "2 days"),
            (90 * DAY - MINUTE, "90 days", "89 days"),
            (5_000 * DAY, "5000 days", "5000 days"),
        ] {
            let length = Duration::from_millis(length);
            assert_eq!(
                (span(length).as_str(), left(length).as_str()),
                (far, lasting),
                "{length:?}"
            );
        }
        // A certificate that never ends.
        assert!(span(Duration::from_secs(253_402_300_799)).ends_with("days"));
    }
}
