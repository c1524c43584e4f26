//! Signals by name and number, as most Linux architectures number them.

use super::{excerpt, scalar};

/// First real-time signal that programs may use (the C library keeps two for itself).
const RTMIN: i32 = 34;
/// Last signal.
const RTMAX: i32 = 64;

/// Names without `SIG`, at the index of their number.
const NAMES: [&str; 32] = [
    "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
    "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH",
    "IO", "PWR", "SYS",
];

/// A signal: a number, a name with or without `SIG`, `RTMIN`, `RTMIN+n`, `RTMAX-n`.
pub fn signal(text: &str) -> Result<i32, String> {
    let bad = || format!("'{}' is not a signal (such as SIGTERM, KILL, RTMIN+3 or 15)", excerpt(text));
    if let Ok(number) = scalar::int32(text) {
        return if (1..=RTMAX).contains(&number) { Ok(number) } else { Err(bad()) };
    }
    let name = text.strip_prefix("SIG").unwrap_or(text);
    if let Some(number) = NAMES.iter().position(|n| *n == name && !name.is_empty()) {
        return i32::try_from(number).map_err(|_| bad());
    }
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit()).then(|| t.parse::<i32>().ok()).flatten();
    let found = if let Some(rest) = name.strip_prefix("RTMIN") {
        if rest.is_empty() { Some(0) } else { rest.strip_prefix('+').and_then(digits) }.map(|n| RTMIN.saturating_add(n))
    } else if let Some(rest) = name.strip_prefix("RTMAX") {
        if rest.is_empty() { Some(0) } else { rest.strip_prefix('-').and_then(digits) }.map(|n| RTMAX - n)
    } else {
        None
    };
    found.filter(|n| (RTMIN..=RTMAX).contains(n)).ok_or_else(bad)
}

/// The name without `SIG` (`KILL`, `RTMIN+2`), or the number if it has none.
pub fn signal_name(number: i32) -> String {
    let name = usize::try_from(number).ok().and_then(|n| NAMES.get(n)).filter(|n| !n.is_empty());
    match (name, number) {
        (Some(name), _) => (*name).to_owned(),
        (None, RTMIN) => "RTMIN".to_owned(),
        (None, n) if (RTMIN..=RTMAX).contains(&n) => format!("RTMIN+{}", n - RTMIN),
        (None, n) => n.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        for (text, number) in [
            ("15", 15),
            ("TERM", 15),
            ("SIGTERM", 15),
            ("KILL", 9),
            ("RTMIN", 34),
            ("SIGRTMIN+3", 37),
            ("RTMAX", 64),
            ("RTMAX-1", 63),
            ("64", 64),
            ("WINCH", 28),
            ("SYS", 31),
            ("RTMIN+30", 64),
        ] {
            assert_eq!(signal(text), Ok(number), "{text}");
        }
        for bad in ["", "0", "65", "-1", "term", "SIG", "RTMIN+31", "RTMIN3", "RTMAX+1", "RTMAX-31", "RTMIN+", "FOO"] {
            assert!(signal(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn back_to_names() {
        for number in 1..=RTMAX {
            assert_eq!(signal(&signal_name(number)), Ok(number));
        }
        assert_eq!(
            (signal_name(9).as_str(), signal_name(36).as_str(), signal_name(99).as_str()),
            ("KILL", "RTMIN+2", "99")
        );
    }
}
