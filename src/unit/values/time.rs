//! Time spans: `1h 5min 2.5s`, `infinity`.

use super::excerpt;
use crate::ids::INFINITY_USEC;

/// One unit of time: its spellings and its length in nanoseconds. Longer spellings come first where
/// one begins with another.
const UNITS: &[(&[&str], u64)] = &[
    (&["seconds", "second", "sec"], 1_000_000_000),
    (&["minutes", "minute", "min"], 60_000_000_000),
    (&["months", "month", "M"], 2_629_800_000_000_000),
    (&["msec", "ms"], 1_000_000),
    (&["m"], 60_000_000_000),
    (&["hours", "hour", "hr", "h"], 3_600_000_000_000),
    (&["days", "day", "d"], 86_400_000_000_000),
    (&["weeks", "week", "w"], 604_800_000_000_000),
    (&["years", "year", "y"], 31_557_600_000_000_000),
    (&["usec", "us", "\u{3bc}s", "\u{b5}s"], 1_000),
    (&["nsec", "ns"], 1),
    (&["s"], 1_000_000_000),
];

const NSEC_PER_USEC: u64 = 1_000;
const NSEC_PER_SEC: u64 = 1_000_000_000;

/// A time span in microseconds; a bare number is seconds, `infinity` is `u64::MAX`.
pub fn span_usec(text: &str) -> Result<u64, String> {
    span(text, NSEC_PER_SEC, NSEC_PER_USEC)
}

/// A time span in microseconds for settings where 0 means no limit.
pub fn span_usec_zero_is_infinity(text: &str) -> Result<u64, String> {
    span_usec(text).map(|usec| if usec == 0 { INFINITY_USEC } else { usec })
}

/// A time span in microseconds; a bare number is microseconds.
pub fn span_usec_bare(text: &str) -> Result<u64, String> {
    span(text, NSEC_PER_USEC, NSEC_PER_USEC)
}

/// A time span in nanoseconds; a bare number is nanoseconds, `infinity` is `u64::MAX`.
pub fn span_nsec(text: &str) -> Result<u64, String> {
    span(text, 1, 1)
}

/// Sums up the parts in units of `resolution` nanoseconds. `bare` is the unit of a number without one.
fn span(text: &str, bare: u64, resolution: u64) -> Result<u64, String> {
    let not_a_span = || format!("'{}' is not a time span (such as 90, 1min 30s or infinity)", excerpt(text));
    let too_long = || format!("{} is too long a time (infinity means no limit)", excerpt(text));
    let mut rest = text.trim();
    if rest == "infinity" {
        return Ok(u64::MAX);
    }
    if rest.is_empty() {
        return Err(not_a_span());
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        if rest.starts_with('-') {
            return Err(format!("'{}' is negative", excerpt(text)));
        }
        let (number, after) = number(rest).ok_or_else(not_a_span)?;
        let trimmed = after.trim_start();
        let (unit, next) = match unit_of(trimmed) {
            // Microseconds are the finest grain unless nanoseconds are asked for.
            Some((nsec, next)) if nsec >= resolution => (nsec, next),
            Some(_) => return Err(not_a_span()),
            // "5 10" is a sum; "12.34.56" and "5x" are nothing.
            None if trimmed.len() == after.len() && !trimmed.is_empty() => return Err(not_a_span()),
            None => (bare, trimmed),
        };
        let part = number.times(unit / resolution).ok_or_else(too_long)?;
        total = total.checked_add(part).filter(|sum| *sum < u64::MAX).ok_or_else(too_long)?;
        rest = next.trim_start();
    }
    Ok(total)
}

struct Number<'a> {
    /// `None` is beyond 64 bits.
    whole: Option<u64>,
    fraction: &'a str,
}

impl Number<'_> {
    /// Digits of the fraction are taken one by one, each rounded down.
    fn times(&self, unit: u64) -> Option<u64> {
        let mut total = self.whole?.checked_mul(unit)?;
        let mut weight = unit / 10;
        for digit in self.fraction.bytes() {
            total = total.checked_add(u64::from(digit - b'0') * weight)?;
            weight /= 10;
        }
        Some(total)
    }
}

/// `5`, `5.25`, `.5`; a point needs digits behind it.
fn number(text: &str) -> Option<(Number<'_>, &str)> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = if end == 0 { Some(0) } else { text[..end].parse().ok() };
    let rest = &text[end..];
    let Some(after) = rest.strip_prefix('.') else {
        return (end > 0).then_some((Number { whole, fraction: "" }, rest));
    };
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then(|| (Number { whole, fraction: &after[..digits] }, &after[digits..]))
}

fn unit_of(text: &str) -> Option<(u64, &str)> {
    if text.is_empty() {
        return None;
    }
    UNITS
        .iter()
        .flat_map(|(names, nsec)| names.iter().map(move |name| (*name, *nsec)))
        .find_map(|(name, nsec)| text.strip_prefix(name).map(|rest| (nsec, rest)))
}

/// A time span in microseconds as systemctl prints it: `1min 30s`, `100ms`, `infinity`, `0`.
pub fn format_span(usec: u64) -> String {
    /// Length in microseconds, decimals of a fraction, suffix.
    const STEPS: [(u64, usize, &str); 9] = [
        (31_557_600_000_000, 0, "y"),
        (2_629_800_000_000, 0, "month"),
        (604_800_000_000, 0, "w"),
        (86_400_000_000, 0, "d"),
        (3_600_000_000, 0, "h"),
        (60_000_000, 0, "min"),
        (1_000_000, 6, "s"),
        (1_000, 3, "ms"),
        (1, 0, "us"),
    ];
    if usec == INFINITY_USEC {
        return "infinity".to_owned();
    }
    if usec == 0 {
        return "0".to_owned();
    }
    let mut parts = Vec::new();
    let mut left = usec;
    for (length, decimals, suffix) in STEPS {
        if left < length {
            continue;
        }
        let (count, rest) = (left / length, left % length);
        if decimals > 0 && rest > 0 {
            parts.push(format!("{count}.{rest:0decimals$}{suffix}"));
            break;
        }
        parts.push(format!("{count}{suffix}"));
        left = rest;
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_parts() {
        for (text, usec) in [
            ("90", 90_000_000),
            ("1h 5min 2.5s", 3_902_500_000),
            ("1h5min", 3_900_000_000),
            ("5 10", 15_000_000),
            (".5", 500_000),
            ("100ms", 100_000),
            ("1m", 60_000_000),
            ("1M", 2_629_800_000_000),
            ("1 month", 2_629_800_000_000),
            ("2us 3\u{b5}s 4\u{3bc}s 1usec", 10),
            ("1y 1w 1d", 31_557_600_000_000 + 604_800_000_000 + 86_400_000_000),
            ("0.000001", 1),
            ("0.0000001", 0),
            ("+5", 5_000_000),
            ("12.34 .56", 12_900_000),
            ("0", 0),
            ("infinity", u64::MAX),
            (" infinity ", u64::MAX),
        ] {
            assert_eq!(span_usec(text), Ok(usec), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_span() {
        for bad in ["", " ", "-1", "-0", "5x", "5 x", "1.", "1.s", "12.34.56", "1 -1", "s", "inf", "infinityx", "5ns"] {
            assert!(span_usec(bad).is_err(), "{bad}");
        }
        assert!(span_usec("600000000000y").unwrap_err().contains("too long"));
        assert!(span_usec("18446744073709551616").is_err());
    }

    #[test]
    fn socket_74_zero_is_infinity() {
        assert_eq!(span_usec_zero_is_infinity("0"), Ok(u64::MAX));
        assert_eq!(span_usec_zero_is_infinity("2"), Ok(2_000_000));
        assert!(span_usec_zero_is_infinity("-1").is_err());
    }

    #[test]
    fn finer_units() {
        assert_eq!(span_nsec("50"), Ok(50));
        assert_eq!(span_nsec("50us 1ns"), Ok(50_001));
        assert_eq!(span_nsec("1s"), Ok(1_000_000_000));
        assert_eq!(span_usec_bare("50"), Ok(50));
        assert_eq!(span_usec_bare("50s"), Ok(50_000_000));
    }

    #[test]
    fn prints_as_systemctl_does() {
        for (usec, text) in [
            (90_000_000, "1min 30s"),
            (100_000, "100ms"),
            (u64::MAX, "infinity"),
            (0, "0"),
            (1_500_000, "1.500000s"),
            (1_500, "1.500ms"),
            (7, "7us"),
            (61_500_000, "1min 1.500000s"),
            (86_400_000_000, "1d"),
            (2_629_800_000_000 + 604_800_000_000, "1month 1w"),
        ] {
            assert_eq!(format_span(usec), text);
        }
    }
}
