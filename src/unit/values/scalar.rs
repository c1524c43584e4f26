//! Booleans, integers, modes, sizes, percentages.

use super::excerpt;

/// `1 yes y true t on` and `0 no n false f off`, in any case.
pub fn boolean(text: &str) -> Result<bool, String> {
    const YES: [&str; 6] = ["1", "yes", "y", "true", "t", "on"];
    const NO: [&str; 6] = ["0", "no", "n", "false", "f", "off"];
    let is = |words: [&str; 6]| words.iter().any(|w| w.eq_ignore_ascii_case(text));
    if is(YES) {
        Ok(true)
    } else if is(NO) {
        Ok(false)
    } else {
        Err(format!("'{}' is neither yes nor no", excerpt(text)))
    }
}

/// Sign and magnitude of a number with C prefixes: `0x` hexadecimal, `0b` binary, `0o` or a leading
/// `0` octal. A magnitude of `None` is beyond 64 bits.
fn magnitude(text: &str) -> Result<(bool, Option<u64>), String> {
    let trimmed = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let (negative, rest) = match trimmed.as_bytes().first() {
        Some(b'-') => (true, &trimmed[1..]),
        Some(b'+') => (false, &trimmed[1..]),
        _ => (false, trimmed),
    };
    let (radix, digits) = match rest.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &rest[2..]),
        [b'0', b'b' | b'B', ..] => (2, &rest[2..]),
        [b'0', b'o' | b'O', ..] => (8, &rest[2..]),
        _ if rest.len() > 1 && rest.starts_with('0') => (8, &rest[1..]),
        _ => (10, rest),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        let octal = radix == 8 && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.is_empty();
        let behind = digits.trim_start_matches(|c: char| c.is_digit(radix));
        let hint = match octal {
            true => " (a leading 0 means octal)".to_owned(),
            false if behind.len() < digits.len() => format!(": '{}' follows it", excerpt(behind)),
            false => String::new(),
        };
        return Err(format!("'{}' is not a number{hint}", excerpt(text)));
    }
    let number = u64::from_str_radix(digits, radix).ok();
    Ok((negative && number != Some(0), number))
}

fn out_of_range(text: &str, least: i128, most: i128) -> String {
    format!("{} is out of range ({least} to {most})", excerpt(text))
}

fn integer(text: &str, least: i128, most: i128) -> Result<i128, String> {
    let (negative, number) = magnitude(text)?;
    let number = i128::from(number.ok_or_else(|| out_of_range(text, least, most))?);
    let value = if negative { -number } else { number };
    if value < least || value > most { Err(out_of_range(text, least, most)) } else { Ok(value) }
}

/// An unsigned 32-bit number with C prefixes.
pub fn unsigned32(text: &str) -> Result<u32, String> {
    let value = integer(text, 0, i128::from(u32::MAX))?;
    u32::try_from(value).map_err(|_| out_of_range(text, 0, i128::from(u32::MAX)))
}

/// An unsigned 64-bit number with C prefixes.
pub fn unsigned64(text: &str) -> Result<u64, String> {
    let value = integer(text, 0, i128::from(u64::MAX))?;
    u64::try_from(value).map_err(|_| out_of_range(text, 0, i128::from(u64::MAX)))
}

/// A signed 32-bit number with C prefixes.
pub fn int32(text: &str) -> Result<i32, String> {
    int_within(text, i32::MIN, i32::MAX)
}

/// A signed 64-bit number with C prefixes.
pub fn long(text: &str) -> Result<i64, String> {
    let value = integer(text, i128::from(i64::MIN), i128::from(i64::MAX))?;
    i64::try_from(value).map_err(|_| out_of_range(text, i128::from(i64::MIN), i128::from(i64::MAX)))
}

/// A signed number with C prefixes between two others.
pub fn int_within(text: &str, least: i32, most: i32) -> Result<i32, String> {
    let value = integer(text, i128::from(least), i128::from(most))?;
    i32::try_from(value).map_err(|_| out_of_range(text, i128::from(least), i128::from(most)))
}

/// A file mode: octal digits, at most 7777.
pub fn mode(text: &str) -> Result<u32, String> {
    const MOST: u32 = 0o7777;
    if text.is_empty() || !text.bytes().all(|b| matches!(b, b'0'..=b'7')) {
        return Err(format!("'{}' is not a mode (octal digits)", excerpt(text)));
    }
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= MOST => Ok(mode),
        _ => Err(format!("mode {} is above 7777", excerpt(text))),
    }
}

/// A size in bytes: parts such as `1G 500M` or `1.5K` in falling order of their suffixes, base 1024.
pub fn size(text: &str) -> Result<u64, String> {
    const SUFFIXES: [(&str, u64); 8] = [
        ("E", 1 << 60),
        ("P", 1 << 50),
        ("T", 1 << 40),
        ("G", 1 << 30),
        ("M", 1 << 20),
        ("K", 1 << 10),
        ("B", 1),
        ("", 1),
    ];
    let not_a_size = || format!("'{}' is not a size (bytes, or with a suffix K M G T P E)", excerpt(text));
    if text.trim_start().starts_with('-') {
        return Err(format!("'{}' is negative", excerpt(text)));
    }
    let too_big = || format!("{} is too big", excerpt(text));
    let mut rest = text;
    let mut allowed = &SUFFIXES[..];
    let mut total = 0_u64;
    loop {
        let (number, after) = decimal(rest.trim_start()).ok_or_else(not_a_size)?;
        let after = after.trim_start();
        let found = allowed.iter().position(|(suffix, _)| after.starts_with(suffix)).ok_or_else(not_a_size)?;
        let (suffix, factor) = allowed[found];
        let bytes = number.times(factor).ok_or_else(too_big)?;
        total = total.checked_add(bytes).ok_or_else(too_big)?;
        rest = &after[suffix.len()..];
        allowed = &allowed[found + 1..];
        if rest.is_empty() {
            return Ok(total);
        }
    }
}

/// A size in bytes, or `infinity` (`u64::MAX`).
pub fn size_limit(text: &str) -> Result<u64, String> {
    if text == "infinity" { Ok(u64::MAX) } else { size(text) }
}

/// A decimal number with a fraction, exact.
pub(super) struct Decimal {
    /// `None` is beyond 64 bits.
    whole: Option<u64>,
    /// The fraction is `part / 10^digits`.
    part: u64,
    digits: u32,
}

impl Decimal {
    /// This many times a factor, rounded down.
    pub(super) fn times(&self, factor: u64) -> Option<u64> {
        let part = u128::from(self.part) * u128::from(factor) / 10_u128.pow(self.digits);
        self.whole?.checked_mul(factor)?.checked_add(u64::try_from(part).ok()?)
    }
}

/// Takes `NUMBER[.FRACTION]` off the front. Digits of the fraction behind the 18th do not count.
pub(super) fn decimal(text: &str) -> Option<(Decimal, &str)> {
    const DIGITS_MAX: usize = 18;
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    if end == 0 {
        return None;
    }
    let whole = text[..end].parse().ok();
    let rest = &text[end..];
    let Some(fraction) = rest.strip_prefix('.') else {
        return Some((Decimal { whole, part: 0, digits: 0 }, rest));
    };
    let end = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let digits = end.min(DIGITS_MAX);
    let part = if digits == 0 { 0 } else { fraction[..digits].parse().ok()? };
    Some((Decimal { whole, part, digits: digits as u32 }, &fraction[end..]))
}

/// A whole percentage, which may exceed 100.
pub fn percent(text: &str) -> Result<u32, String> {
    let digits = text.strip_suffix('%').map(str::trim_end);
    match digits {
        Some(d) if !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()) => {
            d.parse().map_err(|_| format!("{} is too big", excerpt(text)))
        }
        _ => Err(format!("'{}' is not a percentage", excerpt(text))),
    }
}

/// A share of a whole in ten-thousandths: `12.5%`, `125‰`, `1250‱`; at most all of it.
pub fn permyriad(text: &str) -> Result<u32, String> {
    const KINDS: [(&str, u64, usize); 3] = [("%", 100, 2), ("‰", 10, 1), ("‱", 1, 0)];
    const WHOLE: u64 = 10_000;
    let bad = || format!("'{}' is not a percentage", excerpt(text));
    let (number, factor, decimals) =
        KINDS.iter().find_map(|(sign, f, d)| text.strip_suffix(sign).map(|n| (n, *f, *d))).ok_or_else(bad)?;
    let (value, rest) = decimal(number).ok_or_else(bad)?;
    if !rest.is_empty() || value.digits as usize > decimals || number.ends_with('.') {
        return Err(bad());
    }
    match value.times(factor) {
        Some(share) if share <= WHOLE => u32::try_from(share).map_err(|_| bad()),
        _ => Err(format!("{} is more than the whole", excerpt(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans() {
        for yes in ["1", "yes", "Y", "TRUE", "t", "On"] {
            assert_eq!(boolean(yes), Ok(true), "{yes}");
        }
        for no in ["0", "no", "N", "False", "f", "OFF"] {
            assert_eq!(boolean(no), Ok(false), "{no}");
        }
        for bad in ["", "2", "yess", "enable", "yes "] {
            assert!(boolean(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn socket_27_28_numbers() {
        assert_eq!(unsigned32("4294967295"), Ok(u32::MAX));
        assert!(unsigned32("4294967296").is_err() && unsigned32("-1").is_err());
        for bad in ["", "x", "1x", "0x", "08", "--1", "1 2", "0b2", "+"] {
            assert!(unsigned32(bad).is_err(), "{bad}");
        }
        for (text, value) in [("0x1f90", 8080), ("010", 8), ("0o17", 15), ("0b101", 5), ("+80", 80), ("-0", 0)] {
            assert_eq!(unsigned32(text), Ok(value), "{text}");
        }
        assert_eq!(int32("-2147483648"), Ok(i32::MIN));
        assert!(int32("2147483648").is_err());
        assert_eq!(long("-0x10"), Ok(-16));
        assert_eq!(int_within("19", -20, 19), Ok(19));
        assert!(int_within("20", -20, 19).unwrap_err().contains("-20 to 19"));
        assert!(unsigned32("080").unwrap_err().contains("octal"));
    }

    #[test]
    fn socket_65_modes() {
        assert_eq!(mode("600"), Ok(0o600));
        assert_eq!(mode("07777"), Ok(0o7777));
        for bad in ["99", "+600", "10000", "", "0x1ff", "-1", "77777777777777777777"] {
            assert!(mode(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn socket_76_sizes() {
        for (text, value) in [
            ("1.5K", 1536),
            ("10M 5K", (10 << 20) + (5 << 10)),
            ("8", 8),
            ("8B", 8),
            ("1 K", 1024),
            ("10.M", 10 << 20),
            ("1K5", 1029),
            ("0.1K", 102),
        ] {
            assert_eq!(size(text), Ok(value), "{text}");
        }
        for bad in ["1Ki", "-1", "", "5K 10M", "1K 1K", "K", "5 5", "infinity", "16E"] {
            assert!(size(bad).is_err(), "{bad}");
        }
        assert_eq!(size_limit("infinity"), Ok(u64::MAX));
        assert_eq!(size("15E"), Ok(15 << 60));
    }

    #[test]
    fn percentages() {
        assert_eq!(percent("200%"), Ok(200));
        assert!(percent("20").is_err() && percent("%").is_err() && percent("-1%").is_err());
        for (text, value) in [("12.5%", 1250), ("0.01%", 1), ("100%", 10_000), ("12.5‰", 125), ("7‱", 7)] {
            assert_eq!(permyriad(text), Ok(value), "{text}");
        }
        for bad in ["100.01%", "1.001%", "1.‰", "1.5‱", "5", "%"] {
            assert!(permyriad(bad).is_err(), "{bad}");
        }
    }
}
