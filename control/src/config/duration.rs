//! Durations as people write them: `90s`, `5min`, `1m30s`, `500ms`.

use std::time::Duration;

/// `None` when it is not one.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    let mut finest = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: u64 = rest[..digits].parse().ok()?;
        let after = rest[digits..].trim_start();
        let letters = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (_, unit_ms) = UNITS.iter().find(|(unit, _)| *unit == &after[..letters])?;
        // From coarse to fine, each unit once: "30s1m" is a slip, not a duration.
        if *unit_ms >= finest {
            return None;
        }
        finest = *unit_ms;
        total = total.checked_add(Duration::from_millis(count.checked_mul(*unit_ms)?))?;
        rest = after[letters..].trim_start();
    }
    (finest < u64::MAX).then_some(total)
}

/// As [`parse`] reads it, in one unit.
pub(super) fn show(duration: Duration) -> String {
    let millis = duration.as_millis();
    let whole = |unit_ms: u64| millis > 0 && millis.is_multiple_of(u128::from(unit_ms));
    let coarse = [("h", 3_600_000), ("min", 60_000), ("s", 1_000)];
    let unit = coarse.into_iter().find(|(_, unit_ms)| whole(*unit_ms));
    let (unit, unit_ms) = unit.unwrap_or(("ms", 1));
    format!("{}{unit}", millis / u128::from(unit_ms))
}

/// Milliseconds in each unit.
const UNITS: [(&str, u64); 5] = [
    ("h", 3_600_000),
    ("min", 60_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let cases = [
            ("90s", 90_000),
            ("5min", 300_000),
            ("1m30s", 90_000),
            ("1min 30 s", 90_000),
            ("1h2m3s4ms", 3_723_004),
            ("0s", 0),
        ];
        for (text, millis) in cases {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_could_be_meant_otherwise_is_no_duration() {
        let texts = [
            "",
            "90",
            "s",
            "-90s",
            "1.5min",
            "30s1m",
            "1m1m",
            "1m1min",
            "5 minutes",
            "90S",
            "99999999999999999999s",
            "18446744073709551615h",
            "1h\u{e9}",
        ];
        for text in texts {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_shown_is_read_back() {
        for (millis, text) in [
            (90_000, "90s"),
            (600_000, "10min"),
            (3_600_000, "1h"),
            (1_500, "1500ms"),
            (0, "0ms"),
        ] {
            let duration = Duration::from_millis(millis);
            assert_eq!(show(duration), text);
            assert_eq!(parse(text), Some(duration));
        }
    }
}
