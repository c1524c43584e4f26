//! Address prefixes, files of them, limits per network and rates.

use super::{excerpt, scalar, time};
use crate::ids::INFINITY_USEC;
use crate::unit::RateLimit;
use crate::unit::admission::PrefixLimit;
use crate::unit::prefixes::Prefix;
use std::net::IpAddr;

/// A prefix, and whether bits behind it were set (they do not count).
pub type Read = (Prefix, bool);

/// Words that stand for prefixes, as in systemd's `IPAddressAllow=`.
const WORDS: [(&str, [(IpAddr, u8); 2]); 3] = {
    const fn v4(a: u8, b: u8) -> IpAddr {
        IpAddr::V4(std::net::Ipv4Addr::new(a, b, 0, 0))
    }
    const fn v6(first: u16, last: u16) -> IpAddr {
        IpAddr::V6(std::net::Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, last))
    }
    [
        ("any", [(v4(0, 0), 0), (v6(0, 0), 0)]),
        ("localhost", [(v4(127, 0), 8), (v6(0, 1), 128)]),
        ("link-local", [(v4(169, 254), 16), (v6(0xfe80, 0), 64)]),
    ]
};

/// `A.B.C.D`, `A.B.C.D/N`, the same with IPv6, or a word for several.
pub fn prefixes(text: &str) -> Result<Vec<Read>, String> {
    if let Some((_, known)) = WORDS.iter().find(|(word, _)| *word == text) {
        return Ok(known.iter().filter_map(|(ip, length)| Some((Prefix::new(*ip, *length)?, false))).collect());
    }
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let ip: IpAddr = address.parse().map_err(|_| format!("'{}' is not an address or prefix", excerpt(text)))?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    let length = match length {
        Some(length) => bits(length, 0, most)?,
        None => most,
    };
    let prefix = Prefix::new(ip, length).ok_or_else(|| format!("'{}' is not a prefix", excerpt(text)))?;
    let exact = Prefix::new(ip, most).is_some_and(|own| own.first() == prefix.first());
    Ok(vec![(prefix, !exact)])
}

/// A decimal number of bits.
fn bits(text: &str, least: u8, most: u8) -> Result<u8, String> {
    let number =
        text.parse::<u8>().ok().filter(|n| (least..=most).contains(n) && text.bytes().all(|b| b.is_ascii_digit()));
    number.ok_or_else(|| format!("'{}' is not a number of bits from {least} to {most}", excerpt(text)))
}

/// The file that a word names, and whether it may be missing: `/PATH` or `-/PATH`.
pub fn file(word: &str) -> Option<(&str, bool)> {
    match word.strip_prefix('-') {
        Some(path) if path.starts_with('/') => Some((path, true)),
        _ if word.starts_with('/') => Some((word, false)),
        _ => None,
    }
}

/// `LIMIT`, `LIMIT/V4BITS` or `LIMIT/V4BITS/V6BITS`; a limit of 0 is none.
pub fn per_prefix(text: &str) -> Result<Option<PrefixLimit>, String> {
    const V4_BITS: u8 = 24;
    const V6_BITS: u8 = 64;
    let mut parts = text.split('/');
    let connections = scalar::unsigned32(parts.next().unwrap_or(""))?;
    let v4_bits = parts.next().map_or(Ok(V4_BITS), |part| bits(part, 1, 32))?;
    let v6_bits = parts.next().map_or(Ok(V6_BITS), |part| bits(part, 1, 128))?;
    if parts.next().is_some() {
        return Err(format!("'{}' is not LIMIT/V4BITS/V6BITS", excerpt(text)));
    }
    Ok((connections > 0).then_some(PrefixLimit { connections, v4_bits, v6_bits }))
}

/// `COUNT/TIME`; a count of 0 is no limit.
pub fn rate(text: &str) -> Result<Option<RateLimit>, String> {
    if text == "0" {
        return Ok(None);
    }
    let (count, span) = text.split_once('/').ok_or_else(|| format!("'{}' is not COUNT/TIME", excerpt(text)))?;
    let burst = scalar::unsigned32(count)?;
    let interval_usec = time::span_usec(span)?;
    if interval_usec == 0 || interval_usec == INFINITY_USEC {
        return Err(format!("'{}' is no time in which connections could be counted", excerpt(span)));
    }
    Ok((burst > 0).then_some(RateLimit { interval_usec, burst }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<Vec<String>, String> {
        Ok(prefixes(text)?.iter().map(|(p, odd)| format!("{p}{}", if *odd { "!" } else { "" })).collect())
    }

    #[test]
    fn prefixes_are_read() {
        for (text, want) in [
            ("192.0.2.7", "192.0.2.7/32"),
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("192.0.2.7/24", "192.0.2.0/24!"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::", "::/128"),
            ("::/0", "::/0"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("2001:db8::1/32", "2001:db8::/32!"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
            ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ] {
            assert_eq!(shown(text), Ok(vec![want.to_owned()]), "{text}");
        }
        assert_eq!(shown("any").unwrap(), ["0.0.0.0/0", "::/0"]);
        assert_eq!(shown("localhost").unwrap(), ["127.0.0.0/8", "::1/128"]);
        assert_eq!(shown("link-local").unwrap(), ["169.254.0.0/16", "fe80::/64"]);
    }

    #[test]
    fn what_is_no_prefix_is_refused() {
        let long = "1".repeat(100_000);
        for bad in [
            "",
            "x",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.256",
            "1.2.3.4/",
            "1.2.3.4/33",
            "1.2.3.4/-1",
            "1.2.3.4/+8",
            "1.2.3.4/8/8",
            "1.2.3.4/x",
            "::1/129",
            "::1/999",
            "[::1]",
            "fe80::1%lo",
            "1.2.3.4 ",
            "Any",
            "01.2.3.4",
            "1.2.3.4:80",
            &long,
        ] {
            let why = prefixes(bad).expect_err(bad);
            assert!(why.len() < 300, "{why}");
        }
    }

    #[test]
    fn files_begin_with_a_slash() {
        assert_eq!(file("/a"), Some(("/a", false)));
        assert_eq!(file("-/a"), Some(("/a", true)));
        for word in ["a", "-a", "", "-", "--/a", "10.0.0.0/8"] {
            assert_eq!(file(word), None, "{word}");
        }
    }

    #[test]
    fn limits_per_network_are_read() {
        let limit = |connections, v4_bits, v6_bits| Ok(Some(PrefixLimit { connections, v4_bits, v6_bits }));
        assert_eq!(per_prefix("10"), limit(10, 24, 64));
        assert_eq!(per_prefix("10/16"), limit(10, 16, 64));
        assert_eq!(per_prefix("4294967295/32/128"), limit(u32::MAX, 32, 128));
        assert_eq!(per_prefix("1/1/1"), limit(1, 1, 1));
        assert_eq!(per_prefix("0"), Ok(None));
        assert_eq!(per_prefix("0/8/8"), Ok(None));
        for bad in [
            "",
            "x",
            "-1",
            "4294967296",
            "10/",
            "10/0",
            "10/33",
            "10/24/",
            "10/24/0",
            "10/24/129",
            "10/24/64/1",
            "10/ 24",
        ] {
            assert!(per_prefix(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn rates_are_read() {
        let limit = |burst, interval_usec| Ok(Some(RateLimit { interval_usec, burst }));
        assert_eq!(rate("20/10s"), limit(20, 10_000_000));
        assert_eq!(rate("1/1min 30s"), limit(1, 90_000_000));
        assert_eq!(rate("4294967295/1us"), limit(u32::MAX, 1));
        assert_eq!(rate("5/2"), limit(5, 2_000_000));
        assert_eq!(rate("0"), Ok(None));
        assert_eq!(rate("0/10s"), Ok(None));
        for bad in
            ["", "20", "20/", "20/0", "20/infinity", "/10s", "x/10s", "-1/10s", "20/10x", "4294967296/1s", "20/10s/1"]
        {
            assert!(rate(bad).is_err(), "{bad:?}");
        }
    }
}
