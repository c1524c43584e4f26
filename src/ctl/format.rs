//! Times and sizes in systemd's notation. Pure: the caller says what time it is.

use super::timezone::{Offset, Zone};
use crate::ids::INFINITY_USEC;

const SECOND: u64 = 1_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;
const MONTH: u64 = 2_629_800 * SECOND;
const YEAR: u64 = 31_557_600 * SECOND;

const UNITS: [(u64, &str); 9] = [
    (YEAR, "y"),
    (MONTH, "month"),
    (WEEK, "w"),
    (DAY, "d"),
    (HOUR, "h"),
    (MINUTE, "min"),
    (SECOND, "s"),
    (1000, "ms"),
    (1, "us"),
];

/// A time span, `1min 30s`, not finer than `accuracy_usec` once something is said.
pub(super) fn span(usec: u64, accuracy_usec: u64) -> String {
    if usec == INFINITY_USEC {
        return "infinity".to_owned();
    }
    let mut parts: Vec<String> = Vec::new();
    let mut rest = usec;
    for (unit_usec, suffix) in UNITS {
        if rest == 0 || (rest < accuracy_usec && !parts.is_empty()) {
            break;
        }
        if rest < unit_usec {
            continue;
        }
        let (whole, mut fraction) = (rest / unit_usec, rest % unit_usec);
        let mut digits = unit_usec.ilog10();
        let finest = accuracy_usec.max(1).ilog10();
        // Below a minute the rest is written behind a point.
        if rest < MINUTE && fraction > 0 && digits > finest {
            fraction /= 10u64.pow(finest);
            digits -= finest;
            parts.push(format!("{whole}.{fraction:0width$}{suffix}", width = digits as usize));
            rest = 0;
        } else {
            parts.push(format!("{whole}{suffix}"));
            rest = fraction;
        }
    }
    if parts.is_empty() { "0".to_owned() } else { parts.join(" ") }
}

/// How long ago a moment was, or how long it is until then, in two words at most.
pub(super) fn relative(at_usec: u64, now_usec: u64) -> String {
    let (d, word) = if at_usec <= now_usec { (now_usec - at_usec, "ago") } else { (at_usec - now_usec, "left") };
    let plural = |n: u64, unit: &str| format!("{n} {unit}{}", if n == 1 { "" } else { "s" });
    let text = if d >= YEAR {
        format!("{} {}", plural(d / YEAR, "year"), plural(d % YEAR / MONTH, "month"))
    } else if d >= MONTH {
        format!("{} {}", plural(d / MONTH, "month"), plural(d % MONTH / DAY, "day"))
    } else if d >= WEEK {
        format!("{} {}", plural(d / WEEK, "week"), plural(d % WEEK / DAY, "day"))
    } else if d >= 2 * DAY {
        plural(d / DAY, "day")
    } else if d >= 25 * HOUR {
        format!("1 day {}h", (d - DAY) / HOUR)
    } else if d >= 6 * HOUR {
        format!("{}h", d / HOUR)
    } else if d >= HOUR {
        format!("{}h {}min", d / HOUR, d % HOUR / MINUTE)
    } else if d >= 5 * MINUTE {
        format!("{}min", d / MINUTE)
    } else if d >= MINUTE {
        format!("{}min {}s", d / MINUTE, d % MINUTE / SECOND)
    } else if d >= SECOND {
        format!("{}s", d / SECOND)
    } else if d >= 1000 {
        format!("{}ms", d / 1000)
    } else if d > 0 {
        format!("{d}us")
    } else {
        return "now".to_owned();
    };
    format!("{text} {word}")
}

/// Year, month, day of a day counted from 1970-01-01 (proleptic Gregorian calendar).
pub(super) fn civil(day: i64) -> (i64, u32, u32) {
    // Years begin in March here, so that the leap day is the last of its year.
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month as u32, day as u32)
}

const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `Sun 2026-11-22 16:46:46 UTC`
pub(super) fn timestamp(at_usec: u64, zone: &Zone) -> String {
    let (day, second, zone_name) = local(at_usec, zone);
    let (year, month, date) = civil(day);
    let weekday = WEEKDAYS[day.rem_euclid(7) as usize];
    format!("{weekday} {year:04}-{month:02}-{date:02} {} {zone_name}", clock(second))
}

/// `Nov 22 16:46:46`, as in a log.
pub(super) fn log_time(at_usec: u64, zone: &Zone) -> String {
    let (day, second, _) = local(at_usec, zone);
    let (_, month, date) = civil(day);
    format!("{} {date:02} {}", MONTHS[(month - 1) as usize], clock(second))
}

/// Day since 1970 and second of the day in local time, and what that time is called.
fn local(at_usec: u64, zone: &Zone) -> (i64, i64, String) {
    let utc = (at_usec / SECOND) as i64;
    let Offset { seconds, name } = zone.at(utc);
    ((utc + seconds).div_euclid(86_400), (utc + seconds).rem_euclid(86_400), name)
}

fn clock(second: i64) -> String {
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// A size in bytes, base 1024, one digit behind the point: `1.5M`.
pub(super) fn bytes(n: u64) -> String {
    for (shift, suffix) in [(60, "E"), (50, "P"), (40, "T"), (30, "G"), (20, "M"), (10, "K")] {
        let unit = 1u64 << shift;
        if n >= unit {
            let tenths = (u128::from(n % unit) * 10 / u128::from(unit)) as u64;
            return format!("{}.{tenths}{suffix}", n / unit);
        }
    }
    format!("{n}B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_as_systemd_writes_them() {
        for (usec, accuracy, text) in [
            (0, 1, "0"),
            (388, 1000, "388us"),
            (2_345, 1000, "2ms"),
            (647_000, 1000, "647ms"),
            (1_234_567, 1000, "1.234s"),
            (1_234_567, 1, "1.234567s"),
            (2 * SECOND, 1000, "2s"),
            (90 * SECOND, 1, "1min 30s"),
            (61_500_000, 1000, "1min 1.500s"),
            (61_000_400, 1000, "1min 1.000s"),
            (HOUR + 5, 1, "1h 5us"),
            (3 * DAY + 4 * HOUR, SECOND, "3d 4h"),
            (INFINITY_USEC, 1, "infinity"),
        ] {
            assert_eq!(span(usec, accuracy), text);
        }
    }

    #[test]
    fn moments_relative_to_now() {
        let now = 100 * YEAR;
        for (before, text) in [
            (0, "now"),
            (7, "7us ago"),
            (139_000, "139ms ago"),
            (59 * SECOND, "59s ago"),
            (61 * SECOND, "1min 1s ago"),
            (6 * MINUTE + 3, "6min ago"),
            (90 * MINUTE, "1h 30min ago"),
            (7 * HOUR, "7h ago"),
            (26 * HOUR, "1 day 2h ago"),
            (3 * DAY, "3 days ago"),
            (8 * DAY, "1 week 1 day ago"),
            (MONTH + 2 * DAY, "1 month 2 days ago"),
            (2 * YEAR + MONTH, "2 years 1 month ago"),
        ] {
            assert_eq!(relative(now - before, now), text);
        }
        assert_eq!(relative(now + 5 * SECOND, now), "5s left");
    }

    #[test]
    fn calendar() {
        let utc = Zone::default();
        assert_eq!(timestamp(0, &utc), "Thu 1970-01-01 00:00:00 UTC");
        assert_eq!(timestamp(1_795_366_006 * SECOND, &utc), "Sun 2026-11-22 16:46:46 UTC");
        assert_eq!(timestamp(951_782_400 * SECOND, &utc), "Tue 2000-02-29 00:00:00 UTC");
        assert_eq!(log_time(951_868_799 * SECOND, &utc), "Feb 29 23:59:59");
    }

    #[test]
    fn sizes() {
        for (n, text) in [(0, "0B"), (1023, "1023B"), (1536, "1.5K"), (5 << 20, "5.0M"), (u64::MAX, "15.9E")] {
            assert_eq!(bytes(n), text);
        }
    }
}
