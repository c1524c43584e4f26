//! `LEVEL:NAME:VALUE`: socket options by number or by the kernel's names, and which of them have a
//! directive of their own.

use super::{excerpt, scalar};
use crate::report::nearest;
use crate::syntax::words::{self, Rules};
use crate::unit::socket::{OptionValue, RawOption};

/// Longest value of an option, in bytes; the kernel's own structures are far shorter.
pub const OPTION_BYTES_MAX: usize = 256;

/// Levels by their names; the first name of a number is the one that is shown.
const LEVELS: [(&str, i32); 15] = [
    ("SOL_SOCKET", libc::SOL_SOCKET),
    ("IPPROTO_IP", libc::IPPROTO_IP),
    ("SOL_IP", libc::IPPROTO_IP),
    ("IPPROTO_IPV6", libc::IPPROTO_IPV6),
    ("SOL_IPV6", libc::IPPROTO_IPV6),
    ("IPPROTO_TCP", libc::IPPROTO_TCP),
    ("SOL_TCP", libc::IPPROTO_TCP),
    ("IPPROTO_UDP", libc::IPPROTO_UDP),
    ("SOL_UDP", libc::IPPROTO_UDP),
    ("IPPROTO_UDPLITE", libc::IPPROTO_UDPLITE),
    ("IPPROTO_SCTP", libc::IPPROTO_SCTP),
    ("SOL_SCTP", libc::IPPROTO_SCTP),
    ("SOL_MPTCP", 284),
    ("SOL_NETLINK", libc::SOL_NETLINK),
    ("AF_VSOCK", libc::AF_VSOCK),
];

/// A name of an option: level, name, number, and the directive that sets it (empty if there is none).
struct Known(i32, &'static str, i32, &'static str);

const SOCKET: i32 = libc::SOL_SOCKET;
const IP: i32 = libc::IPPROTO_IP;
const IPV6: i32 = libc::IPPROTO_IPV6;
const TCP: i32 = libc::IPPROTO_TCP;
const UDP: i32 = libc::IPPROTO_UDP;
const UDPLITE: i32 = libc::IPPROTO_UDPLITE;
const SCTP: i32 = libc::IPPROTO_SCTP;
const NETLINK: i32 = libc::SOL_NETLINK;

/// Numbers that C libraries lack are those of the kernel's headers.
const NAMES: [Known; 119] = [
    Known(SOCKET, "SO_DEBUG", libc::SO_DEBUG, ""),
    Known(SOCKET, "SO_REUSEADDR", libc::SO_REUSEADDR, ""),
    Known(SOCKET, "SO_DONTROUTE", libc::SO_DONTROUTE, ""),
    Known(SOCKET, "SO_BROADCAST", libc::SO_BROADCAST, "Broadcast"),
    Known(SOCKET, "SO_SNDBUF", libc::SO_SNDBUF, "SendBuffer"),
    Known(SOCKET, "SO_RCVBUF", libc::SO_RCVBUF, "ReceiveBuffer"),
    Known(SOCKET, "SO_SNDBUFFORCE", libc::SO_SNDBUFFORCE, "SendBuffer"),
    Known(SOCKET, "SO_RCVBUFFORCE", libc::SO_RCVBUFFORCE, "ReceiveBuffer"),
    Known(SOCKET, "SO_KEEPALIVE", libc::SO_KEEPALIVE, "KeepAlive"),
    Known(SOCKET, "SO_OOBINLINE", libc::SO_OOBINLINE, ""),
    Known(SOCKET, "SO_NO_CHECK", libc::SO_NO_CHECK, ""),
    Known(SOCKET, "SO_PRIORITY", libc::SO_PRIORITY, "Priority"),
    Known(SOCKET, "SO_LINGER", libc::SO_LINGER, ""),
    Known(SOCKET, "SO_REUSEPORT", libc::SO_REUSEPORT, "ReusePort"),
    Known(SOCKET, "SO_PASSCRED", libc::SO_PASSCRED, "PassCredentials"),
    Known(SOCKET, "SO_RCVLOWAT", libc::SO_RCVLOWAT, ""),
    Known(SOCKET, "SO_RCVTIMEO", libc::SO_RCVTIMEO, ""),
    Known(SOCKET, "SO_SNDTIMEO", libc::SO_SNDTIMEO, ""),
    Known(SOCKET, "SO_BINDTODEVICE", libc::SO_BINDTODEVICE, "BindToDevice"),
    Known(SOCKET, "SO_TIMESTAMP", libc::SO_TIMESTAMP, "Timestamping"),
    Known(SOCKET, "SO_TIMESTAMPNS", libc::SO_TIMESTAMPNS, "Timestamping"),
    Known(SOCKET, "SO_TIMESTAMPING", libc::SO_TIMESTAMPING, ""),
    Known(SOCKET, "SO_PASSSEC", 34, "PassSecurity"),
    Known(SOCKET, "SO_MARK", libc::SO_MARK, "Mark"),
    Known(SOCKET, "SO_RXQ_OVFL", libc::SO_RXQ_OVFL, ""),
    Known(SOCKET, "SO_PEEK_OFF", libc::SO_PEEK_OFF, ""),
    Known(SOCKET, "SO_NOFCS", libc::SO_NOFCS, ""),
    Known(SOCKET, "SO_LOCK_FILTER", libc::SO_LOCK_FILTER, ""),
    Known(SOCKET, "SO_SELECT_ERR_QUEUE", libc::SO_SELECT_ERR_QUEUE, ""),
    Known(SOCKET, "SO_BUSY_POLL", libc::SO_BUSY_POLL, ""),
    Known(SOCKET, "SO_MAX_PACING_RATE", libc::SO_MAX_PACING_RATE, ""),
    Known(SOCKET, "SO_INCOMING_CPU", 49, ""),
    Known(SOCKET, "SO_ZEROCOPY", 60, ""),
    Known(SOCKET, "SO_TXTIME", 61, ""),
    Known(SOCKET, "SO_PREFER_BUSY_POLL", 69, ""),
    Known(SOCKET, "SO_BUSY_POLL_BUDGET", 70, ""),
    Known(SOCKET, "SO_BUF_LOCK", 72, ""),
    Known(SOCKET, "SO_TXREHASH", 74, ""),
    Known(SOCKET, "SO_PASSPIDFD", 76, "PassPIDFD"),
    Known(SOCKET, "SO_PASSRIGHTS", 83, "AcceptFileDescriptors"),
    Known(IP, "IP_TOS", 1, "IPTOS"),
    Known(IP, "IP_TTL", 2, "IPTTL"),
    Known(IP, "IP_OPTIONS", 4, ""),
    Known(IP, "IP_PKTINFO", 8, "PassPacketInfo"),
    Known(IP, "IP_MTU_DISCOVER", 10, ""),
    Known(IP, "IP_RECVERR", 11, ""),
    Known(IP, "IP_RECVTTL", 12, ""),
    Known(IP, "IP_RECVTOS", 13, ""),
    Known(IP, "IP_FREEBIND", 15, "FreeBind"),
    Known(IP, "IP_TRANSPARENT", 19, "Transparent"),
    Known(IP, "IP_RECVORIGDSTADDR", 20, ""),
    Known(IP, "IP_MINTTL", 21, ""),
    Known(IP, "IP_NODEFRAG", 22, ""),
    Known(IP, "IP_CHECKSUM", 23, ""),
    Known(IP, "IP_BIND_ADDRESS_NO_PORT", 24, ""),
    Known(IP, "IP_RECVFRAGSIZE", 25, ""),
    Known(IP, "IP_RECVERR_RFC4884", 26, ""),
    Known(IP, "IP_MULTICAST_IF", 32, "X-MulticastInterface"),
    Known(IP, "IP_MULTICAST_TTL", 33, "X-MulticastTTL"),
    Known(IP, "IP_MULTICAST_LOOP", 34, "X-MulticastLoop"),
    Known(IP, "IP_ADD_MEMBERSHIP", 35, "X-MulticastGroup"),
    Known(IP, "IP_ADD_SOURCE_MEMBERSHIP", 39, "X-MulticastGroup"),
    Known(IP, "IP_MULTICAST_ALL", 49, ""),
    Known(IP, "IP_UNICAST_IF", 50, ""),
    Known(IP, "IP_LOCAL_PORT_RANGE", 51, ""),
    Known(IPV6, "IPV6_UNICAST_HOPS", 16, "IPTTL"),
    Known(IPV6, "IPV6_MULTICAST_IF", 17, "X-MulticastInterface"),
    Known(IPV6, "IPV6_MULTICAST_HOPS", 18, "X-MulticastTTL"),
    Known(IPV6, "IPV6_MULTICAST_LOOP", 19, "X-MulticastLoop"),
    Known(IPV6, "IPV6_ADD_MEMBERSHIP", 20, "X-MulticastGroup"),
    Known(IPV6, "IPV6_MTU_DISCOVER", 23, ""),
    Known(IPV6, "IPV6_RECVERR", 25, ""),
    Known(IPV6, "IPV6_V6ONLY", 26, "BindIPv6Only"),
    Known(IPV6, "IPV6_MULTICAST_ALL", 29, ""),
    Known(IPV6, "IPV6_RECVPKTINFO", 49, "PassPacketInfo"),
    Known(IPV6, "IPV6_RECVHOPLIMIT", 51, ""),
    Known(IPV6, "IPV6_DONTFRAG", 62, ""),
    Known(IPV6, "IPV6_RECVTCLASS", 66, ""),
    Known(IPV6, "IPV6_TCLASS", 67, ""),
    Known(IPV6, "IPV6_AUTOFLOWLABEL", 70, ""),
    Known(IPV6, "IPV6_ADDR_PREFERENCES", 72, ""),
    Known(IPV6, "IPV6_MINHOPCOUNT", 73, ""),
    Known(IPV6, "IPV6_RECVORIGDSTADDR", 74, ""),
    Known(IPV6, "IPV6_TRANSPARENT", 75, "Transparent"),
    Known(IPV6, "IPV6_UNICAST_IF", 76, ""),
    Known(IPV6, "IPV6_FREEBIND", 78, "FreeBind"),
    Known(TCP, "TCP_NODELAY", 1, "NoDelay"),
    Known(TCP, "TCP_MAXSEG", 2, ""),
    Known(TCP, "TCP_CORK", 3, ""),
    Known(TCP, "TCP_KEEPIDLE", 4, "KeepAliveTimeSec"),
    Known(TCP, "TCP_KEEPINTVL", 5, "KeepAliveIntervalSec"),
    Known(TCP, "TCP_KEEPCNT", 6, "KeepAliveProbes"),
    Known(TCP, "TCP_SYNCNT", 7, ""),
    Known(TCP, "TCP_LINGER2", 8, ""),
    Known(TCP, "TCP_DEFER_ACCEPT", 9, "DeferAcceptSec"),
    Known(TCP, "TCP_WINDOW_CLAMP", 10, ""),
    Known(TCP, "TCP_QUICKACK", 12, ""),
    Known(TCP, "TCP_CONGESTION", 13, "TCPCongestion"),
    Known(TCP, "TCP_THIN_LINEAR_TIMEOUTS", 16, ""),
    Known(TCP, "TCP_USER_TIMEOUT", 18, ""),
    Known(TCP, "TCP_FASTOPEN", 23, ""),
    Known(TCP, "TCP_TIMESTAMP", 24, ""),
    Known(TCP, "TCP_NOTSENT_LOWAT", 25, ""),
    Known(TCP, "TCP_SAVE_SYN", 27, ""),
    Known(TCP, "TCP_ULP", 31, ""),
    Known(TCP, "TCP_FASTOPEN_NO_COOKIE", 34, ""),
    Known(TCP, "TCP_INQ", 36, ""),
    Known(TCP, "TCP_TX_DELAY", 37, ""),
    Known(UDP, "UDP_CORK", 1, ""),
    Known(UDP, "UDP_NO_CHECK6_TX", 101, ""),
    Known(UDP, "UDP_NO_CHECK6_RX", 102, ""),
    Known(UDP, "UDP_SEGMENT", 103, ""),
    Known(UDP, "UDP_GRO", 104, ""),
    Known(UDPLITE, "UDPLITE_SEND_CSCOV", 10, ""),
    Known(UDPLITE, "UDPLITE_RECV_CSCOV", 11, ""),
    Known(SCTP, "SCTP_INITMSG", 2, ""),
    Known(SCTP, "SCTP_NODELAY", 3, "NoDelay"),
    Known(NETLINK, "NETLINK_ADD_MEMBERSHIP", 1, ""),
    Known(NETLINK, "NETLINK_NO_ENOBUFS", 5, ""),
];

/// The option, and the directive that covers it.
pub fn raw_option(text: &str) -> Result<(RawOption, Option<&'static str>), String> {
    let mut parts = text.splitn(3, ':').map(str::trim);
    let (Some(level), Some(name), Some(value)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(format!("'{}' is not LEVEL:NAME:VALUE", excerpt(text)));
    };
    let level = level_of(level)?;
    let known = name_of(level, name)?;
    let number = known.map_or_else(|| scalar::int_within(name, 0, i32::MAX), |known| Ok(known.2))?;
    let value = value_of(value)?;
    let shown_level = LEVELS.iter().find(|(_, n)| *n == level).map_or_else(|| level.to_string(), |(n, _)| (*n).into());
    let shown_name = known.map_or_else(|| number.to_string(), |known| known.1.to_owned());
    let symbol = format!("{shown_level}:{shown_name}").into();
    let key = known.map(|known| known.3).filter(|key| !key.is_empty());
    Ok((RawOption { level, name: number, symbol, value }, key))
}

fn level_of(text: &str) -> Result<i32, String> {
    if let Some((_, number)) = LEVELS.iter().find(|(name, _)| *name == text) {
        return Ok(*number);
    }
    scalar::int_within(text, 0, i32::MAX).map_err(|_| {
        let near = nearest(text, LEVELS.iter().map(|(name, _)| *name));
        let hint = near.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        format!(
            "'{}' is no level that is known by name (SOL_SOCKET, IPPROTO_TCP, …), and no number{hint}",
            excerpt(text)
        )
    })
}

/// The row of a name or number; `None` for a number without a name.
fn name_of(level: i32, text: &str) -> Result<Option<&'static Known>, String> {
    let of_level = || NAMES.iter().filter(|known| known.0 == level);
    if let Ok(number) = scalar::int_within(text, 0, i32::MAX) {
        return Ok(of_level().find(|known| known.2 == number));
    }
    if let Some(known) = of_level().find(|known| known.1 == text) {
        return Ok(Some(known));
    }
    let elsewhere = NAMES.iter().find(|known| known.1 == text);
    let home = elsewhere.and_then(|known| LEVELS.iter().find(|(_, number)| *number == known.0));
    let hint = match (home, nearest(text, of_level().map(|known| known.1))) {
        (Some((level, _)), _) => format!("; it belongs to {level}"),
        (None, Some(near)) => format!("; did you mean {near}?"),
        (None, None) => "; write its number".to_owned(),
    };
    Err(format!("'{}' is no option of this level that is known by name{hint}", excerpt(text)))
}

fn value_of(text: &str) -> Result<OptionValue, String> {
    if let Some(digits) = text.strip_prefix("hex:") {
        return bounded(hex(digits)?);
    }
    if text.starts_with(['"', '\'']) {
        return match words::next(text, 0, Rules::ESCAPED) {
            Ok(Some(word)) if word.range.end == text.len() => bounded(word.text.into_bytes()),
            Ok(_) => Err("something stands behind the closing quote".to_owned()),
            Err(error) => Err(error.message),
        };
    }
    // An int of the kernel; its bits may be written as an unsigned number.
    let number = scalar::int32(text).or_else(|_| scalar::unsigned32(text).map(u32::cast_signed));
    number.map(OptionValue::Int).map_err(|_| {
        format!("the value '{}' is neither a 32-bit number, \"text\" in quotes nor hex:DIGITS", excerpt(text))
    })
}

fn bounded(bytes: Vec<u8>) -> Result<OptionValue, String> {
    match bytes.len() {
        0 => Err("the value is empty".to_owned()),
        1..=OPTION_BYTES_MAX => Ok(OptionValue::Bytes(bytes.into())),
        length => Err(format!("the value has {length} bytes, at most {OPTION_BYTES_MAX} are taken")),
    }
}

fn hex(digits: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = digits.bytes().filter(|b| *b != b' ').collect();
    let byte = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).ok().filter(|t| t.len() == 2 && !t.starts_with('+'))?;
        u8::from_str_radix(text, 16).ok()
    };
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    bytes.ok_or_else(|| "hex: needs two hexadecimal digits for every byte".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, i32, i32, Option<&'static str>), String> {
        raw_option(text).map(|(option, key)| (option.to_string(), option.level, option.name, key))
    }

    #[test]
    fn names_and_numbers_mean_the_same() {
        let expected = Ok(("IPPROTO_TCP:TCP_USER_TIMEOUT:5000".to_owned(), 6, 18, None));
        for text in ["IPPROTO_TCP:TCP_USER_TIMEOUT:5000", "SOL_TCP:18:5000", "6:18:0x1388", " 6 : 18 : 5000 "] {
            assert_eq!(read(text), expected, "{text}");
        }
        assert_eq!(read("77:99:-1"), Ok(("77:99:-1".to_owned(), 77, 99, None)));
        assert_eq!(read("SOL_SOCKET:99:1").unwrap().0, "SOL_SOCKET:99:1");
    }

    #[test]
    fn options_with_a_directive_name_it() {
        for (text, key) in [
            ("SOL_SOCKET:SO_KEEPALIVE:1", "KeepAlive"),
            ("1:9:1", "KeepAlive"),
            ("IPPROTO_IPV6:IPV6_V6ONLY:1", "BindIPv6Only"),
            ("IPPROTO_TCP:TCP_CONGESTION:\"reno\"", "TCPCongestion"),
            ("IPPROTO_IP:IP_MULTICAST_TTL:3", "X-MulticastTTL"),
        ] {
            assert_eq!(read(text).unwrap().3, Some(key), "{text}");
            let rows = crate::unit::directives::named(key);
            assert_eq!(rows.len(), 1, "{key} is no directive");
        }
        for Known(.., key) in NAMES {
            assert!(key.is_empty() || !crate::unit::directives::named(key).is_empty(), "{key} is no directive");
        }
    }

    #[test]
    fn values_are_numbers_text_or_bytes() {
        let value = |text: &str| raw_option(&format!("1:2:{text}")).map(|(option, _)| option.value);
        assert_eq!(value("2147483647"), Ok(OptionValue::Int(i32::MAX)));
        assert_eq!(value("4294967295"), Ok(OptionValue::Int(-1)));
        assert_eq!(value("-2147483648"), Ok(OptionValue::Int(i32::MIN)));
        assert_eq!(value("hex:00 ff:"), value("hex:0g"));
        assert_eq!(value("hex:00ff"), Ok(OptionValue::Bytes([0, 255].into())));
        assert_eq!(value("\"a:b c\\n\""), Ok(OptionValue::Bytes(b"a:b c\n"[..].into())));
        assert_eq!(value("'x'"), Ok(OptionValue::Bytes(b"x"[..].into())));
        let longest = format!("hex:{}", "ab".repeat(OPTION_BYTES_MAX));
        assert!(value(&longest).is_ok());
        let bad = [
            ("", "neither a 32-bit number"),
            ("4294967296", "neither a 32-bit number"),
            ("-2147483649", "neither a 32-bit number"),
            ("1 2", "neither a 32-bit number"),
            ("1.5", "neither a 32-bit number"),
            ("abc", "neither a 32-bit number"),
            ("hex:", "empty"),
            ("hex:abc", "two hexadecimal digits"),
            ("hex:+1", "two hexadecimal digits"),
            ("hex:é0", "two hexadecimal digits"),
            ("\"\"", "empty"),
            ("\"a\" b", "behind the closing quote"),
        ];
        for (text, why) in bad {
            let error = value(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(value(&format!("{longest}00")).unwrap_err().contains("257 bytes"));
        assert!(value("\"a").is_err());
    }

    #[test]
    fn what_is_no_option_is_refused_with_advice() {
        for (text, why) in [
            ("", "LEVEL:NAME:VALUE"),
            ("1", "LEVEL:NAME:VALUE"),
            ("1:2", "LEVEL:NAME:VALUE"),
            ("SOL_SOCKETS:2:1", "did you mean SOL_SOCKET?"),
            ("-1:2:1", "no level"),
            ("2147483648:2:1", "no level"),
            (":2:1", "no level"),
            ("SOL_SOCKET:SO_KEEPALIV:1", "did you mean SO_KEEPALIVE?"),
            ("IPPROTO_IP:TCP_NODELAY:1", "it belongs to IPPROTO_TCP"),
            ("SOL_SOCKET:x:1", "write its number"),
            ("SOL_SOCKET:-1:1", "no option"),
            ("SOL_SOCKET::1", "no option"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn the_table_has_no_name_twice() {
        let mut names: Vec<&str> = NAMES.iter().map(|known| known.1).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|w| w[0] != w[1]));
    }
}
