//! Names: users, descriptors, interfaces, log levels, capabilities and other closed sets of words.

use super::{excerpt, scalar};
use crate::bounds::FD_NAME_BYTES_MAX;

/// A user's or group's name, or its decimal number. Whether it exists is not asked.
pub fn user_or_group(text: &str) -> Result<String, String> {
    let shown = excerpt(text);
    if text.is_empty() {
        return Err("there is no name".to_owned());
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return match text.parse::<u32>() {
            Ok(u32::MAX | 0xffff) => Err(format!("{shown} is the number that means no user")),
            Ok(_) if text.len() > 1 && text.starts_with('0') => Err(format!("'{shown}' has leading zeros")),
            Ok(_) => Ok(text.to_owned()),
            Err(_) => Err(format!("{shown} is above the highest user number")),
        };
    }
    let odd = |c: char| c == ':' || c == '/' || c.is_control();
    let relative = text == "." || text == "..";
    let negative = text.strip_prefix('-').is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
    if text.contains(odd) || relative || negative || text.trim() != text {
        return Err(format!("'{shown}' is not a user's or group's name"));
    }
    Ok(text.to_owned())
}

/// A name for passed descriptors: printable ASCII without `:`.
pub fn fd_name(text: &str) -> Result<String, String> {
    if text.len() > FD_NAME_BYTES_MAX {
        return Err(format!("the name is longer than {FD_NAME_BYTES_MAX} bytes"));
    }
    match text.chars().find(|c| !matches!(c, ' '..='~') || *c == ':') {
        None => Ok(text.to_owned()),
        Some(':') => Err("the name contains ':', which separates names".to_owned()),
        Some(c) => Err(format!("the name contains {c:?}, only printable ASCII is allowed")),
    }
}

/// A network interface's name.
pub fn interface(text: &str) -> Result<String, String> {
    const BYTES_MAX: usize = 15;
    let shown = excerpt(text);
    if text.is_empty() || text.len() > BYTES_MAX {
        return Err(format!("'{shown}' is not an interface's name (1 to {BYTES_MAX} bytes)"));
    }
    let reserved = [".", "..", "all", "default"].contains(&text);
    let odd = text.chars().any(|c| !c.is_ascii_graphic() || matches!(c, ':' | '/' | '%'));
    if reserved || odd || text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("'{shown}' is not an interface's name"));
    }
    Ok(text.to_owned())
}

/// One word of a closed set.
fn word<T: Copy>(text: &str, set: &[(&str, T)], what: &str) -> Result<T, String> {
    set.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = set.iter().map(|(name, _)| *name).collect();
        format!("'{}' is not {what} ({})", excerpt(text), names.join(", "))
    })
}

const LOG_LEVELS: [(&str, u8); 8] =
    [("emerg", 0), ("alert", 1), ("crit", 2), ("err", 3), ("warning", 4), ("notice", 5), ("info", 6), ("debug", 7)];

const LOG_FACILITIES: [(&str, u8); 20] = [
    ("kern", 0),
    ("user", 1),
    ("mail", 2),
    ("daemon", 3),
    ("auth", 4),
    ("syslog", 5),
    ("lpr", 6),
    ("news", 7),
    ("uucp", 8),
    ("cron", 9),
    ("authpriv", 10),
    ("ftp", 11),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
];

/// A syslog level by name or number, 0 to 7.
pub fn log_level(text: &str) -> Result<u8, String> {
    number_below(text, 8).map_or_else(|| word(text, &LOG_LEVELS, "a log level"), Ok)
}

/// A syslog facility by name or number, 0 to 23.
pub fn log_facility(text: &str) -> Result<u8, String> {
    number_below(text, 24).map_or_else(|| word(text, &LOG_FACILITIES, "a log facility"), Ok)
}

fn number_below(text: &str, end: u32) -> Option<u8> {
    scalar::unsigned32(text).ok().filter(|n| *n < end).and_then(|n| u8::try_from(n).ok())
}

/// Capabilities at the index of their number, without `CAP_`.
const CAPABILITIES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// All capabilities that exist, as a bit mask.
pub const CAPABILITIES_ALL: u64 = (1 << CAPABILITIES.len()) - 1;

/// One capability by name (any case) or number.
pub fn capability(text: &str) -> Result<u8, String> {
    const NUMBER_MAX: u32 = 62;
    if let Some(number) = number_below(text, NUMBER_MAX + 1) {
        return Ok(number);
    }
    let name = text.get(..4).filter(|p| p.eq_ignore_ascii_case("CAP_")).map(|_| &text[4..]);
    let found = name.and_then(|n| CAPABILITIES.iter().position(|c| c.eq_ignore_ascii_case(n)));
    found.and_then(|n| u8::try_from(n).ok()).ok_or_else(|| format!("unknown capability '{}'", excerpt(text)))
}

/// The name of a capability, with `cap_` in lower case as systemctl shows it.
pub fn capability_name(number: u8) -> Option<String> {
    CAPABILITIES.get(usize::from(number)).map(|name| format!("cap_{}", name.to_ascii_lowercase()))
}

/// A blank-separated list of capabilities as a bit mask, and the reasons for words left out. A
/// leading `~` is the caller's.
pub fn capabilities(text: &str) -> (u64, Vec<String>) {
    let (mut mask, mut bad) = (0, Vec::new());
    for word in text.split_ascii_whitespace() {
        match capability(word.trim_matches(['"', '\''])) {
            Ok(number) => mask |= 1 << number,
            Err(why) => bad.push(why),
        }
    }
    (mask, bad)
}

/// The name of an extended attribute of user space, `user.NAME` (xattr(7)).
pub fn user_attribute(name: &str) -> Result<(), String> {
    const NAME_BYTES_MAX: usize = 255;
    match name.strip_prefix("user.") {
        None => Err(format!("'{}' does not begin with user.; other attributes cannot be set", excerpt(name))),
        Some("") => Err("there is no name behind user.".to_owned()),
        Some(_) if name.len() > NAME_BYTES_MAX => Err(format!("the name is longer than {NAME_BYTES_MAX} bytes")),
        Some(_) => Ok(()),
    }
}

/// Why SMACK will not take a label, if it will not (the kernel's rules).
pub fn smack_label_trouble(label: &str) -> Option<String> {
    const LABEL_BYTES_MAX: usize = 255;
    let odd = label.chars().find(|c| !c.is_ascii_graphic() || matches!(c, '/' | '"' | '\\' | '\''));
    match odd {
        _ if label.starts_with('-') => Some("it begins with -".to_owned()),
        _ if label.len() > LABEL_BYTES_MAX => Some(format!("it is longer than {LABEL_BYTES_MAX} bytes")),
        Some(odd) => Some(format!("it contains {odd:?}")),
        None => None,
    }
}

/// The class of ioprio_set(2), by name or number.
pub fn io_scheduling_class(text: &str) -> Result<u8, String> {
    const CLASSES: [(&str, u8); 4] = [("none", 0), ("realtime", 1), ("best-effort", 2), ("idle", 3)];
    number_below(text, 4).map_or_else(|| word(text, &CLASSES, "an I/O scheduling class"), Ok)
}

/// `SCHED_*` by name or number.
pub fn scheduling_policy(text: &str) -> Result<i32, String> {
    const POLICIES: [(&str, i32); 6] = [("other", 0), ("fifo", 1), ("rr", 2), ("batch", 3), ("idle", 5), ("ext", 7)];
    let number = scalar::int32(text).ok().filter(|n| POLICIES.iter().any(|(_, p)| p == n));
    number.map_or_else(|| word(text, &POLICIES, "a scheduling policy"), Ok)
}

/// Pairs of a native architecture and its 32-bit sibling, in systemd's words.
const ARCHITECTURES: [(&str, &str); 6] = [
    ("x86-64", "x86"),
    ("arm64", "arm"),
    ("ppc64", "ppc"),
    ("ppc64-le", "ppc-le"),
    ("s390x", "s390"),
    ("mips64", "mips"),
];

/// The argument of personality(2): 0 for the native architecture, 8 (`PER_LINUX32`) for its 32-bit
/// sibling. `native` is systemd's word for the machine's architecture.
pub fn personality(text: &str, native: &str) -> Result<u64, String> {
    const PER_LINUX: u64 = 0;
    const PER_LINUX32: u64 = 8;
    if text == native {
        return Ok(PER_LINUX);
    }
    if ARCHITECTURES.contains(&(native, text)) {
        return Ok(PER_LINUX32);
    }
    Err(format!("personality '{}' does not exist on this machine ({native})", excerpt(text)))
}

/// Blank-separated secure bits as prctl(2) takes them, and the reasons for words left out.
pub fn secure_bits(text: &str) -> (u32, Vec<String>) {
    const BITS: [(&str, u32); 6] = [
        ("keep-caps", 1 << 4),
        ("keep-caps-locked", 1 << 5),
        ("no-setuid-fixup", 1 << 2),
        ("no-setuid-fixup-locked", 1 << 3),
        ("noroot", 1 << 0),
        ("noroot-locked", 1 << 1),
    ];
    let (mut mask, mut bad) = (0, Vec::new());
    for name in text.split_ascii_whitespace() {
        match word(name, &BITS, "a secure bit") {
            Ok(bit) => mask |= bit,
            Err(why) => bad.push(why),
        }
    }
    (mask, bad)
}

/// `low-delay`, `throughput`, `reliability`, `low-cost`, or a number up to 255.
pub fn ip_tos(text: &str) -> Result<i32, String> {
    const WORDS: [(&str, i32); 4] = [("low-delay", 16), ("throughput", 8), ("reliability", 4), ("low-cost", 2)];
    match scalar::int32(text) {
        Ok(number) if (0..=255).contains(&number) => Ok(number),
        Ok(number) => Err(format!("{number} is out of range (0 to 255)")),
        Err(_) => word(text, &WORDS, "a type of service"),
    }
}

/// The protocols that a socket can be asked for, by name (any case) or number.
pub fn socket_protocol(text: &str) -> Result<i32, String> {
    const PROTOCOLS: [(&str, i32); 3] = [("udplite", 136), ("sctp", 132), ("mptcp", 262)];
    let number = scalar::int32(text).ok().filter(|n| PROTOCOLS.iter().any(|(_, p)| p == n));
    number.map_or_else(|| word(&text.to_ascii_lowercase(), &PROTOCOLS, "a socket protocol"), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_31_66_users() {
        for good in ["root", "nosuchuser", "0", "1000", "a.b", "dom\\user", "ä", "65534", "a b"] {
            assert!(user_or_group(good).is_ok(), "{good}");
        }
        for bad in
            ["", "65535", "4294967295", "4294967296", "-1", "no:such", "a/b", " a", "a ", ".", "..", "a\tb", "007"]
        {
            assert!(user_or_group(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn socket_78_fd_names() {
        assert!(fd_name("a b").is_ok() && fd_name(&"x".repeat(255)).is_ok());
        assert!(fd_name("foo:bar").is_err() && fd_name("ä").is_err() && fd_name(&"x".repeat(256)).is_err());
        assert!(fd_name("a\tb").is_err());
    }

    #[test]
    fn socket_80_interfaces() {
        for good in ["lo", "eth0", "eth0.5", "123456789012345a".get(1..).unwrap()] {
            assert!(interface(good).is_ok(), "{good}");
        }
        for bad in ["", "eth0:1", "12", "a234567890123456", "all", "default", ".", "..", "a b", "a/b", "a%b", "ä"] {
            assert!(interface(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn socket_75_79_words() {
        assert_eq!(ip_tos("low-delay"), Ok(16));
        assert!(ip_tos("256").is_err() && ip_tos("").is_err() && ip_tos("fast").is_err());
        assert_eq!((socket_protocol("132"), socket_protocol("SCTP")), (Ok(132), Ok(132)));
        assert_eq!(socket_protocol("mptcp"), Ok(262));
        assert!(socket_protocol("tcp").is_err() && socket_protocol("").is_err() && socket_protocol("6").is_err());
    }

    #[test]
    fn service_117_capabilities() {
        assert_eq!(capabilities("CAP_NET_BIND_SERVICE"), (0x400, vec![]));
        assert_eq!(capabilities("cap_chown CAP_BPF 40"), (1 | 1 << 39 | 1 << 40, vec![]));
        let (mask, bad) = capabilities("CAP_TYPO CHOWN");
        assert_eq!((mask, bad.len()), (0, 2));
        assert_eq!(capability_name(21).as_deref(), Some("cap_sys_admin"));
        assert_eq!(capability_name(41), None);
        assert_eq!(CAPABILITIES_ALL, 0x1ff_ffff_ffff);
    }

    #[test]
    fn log_words_and_numbers() {
        assert_eq!((log_level("err"), log_level("7"), log_level("8").is_err()), (Ok(3), Ok(7), true));
        assert_eq!(
            (log_facility("local7"), log_facility("daemon"), log_facility("24").is_err()),
            (Ok(23), Ok(3), true)
        );
    }

    #[test]
    fn scheduling_and_personality() {
        assert_eq!((io_scheduling_class("best-effort"), io_scheduling_class("3")), (Ok(2), Ok(3)));
        assert_eq!((scheduling_policy("rr"), scheduling_policy("5")), (Ok(2), Ok(5)));
        assert!(scheduling_policy("4").is_err() && io_scheduling_class("4").is_err());
        assert_eq!((personality("x86", "x86-64"), personality("x86-64", "x86-64")), (Ok(8), Ok(0)));
        assert!(personality("arm", "x86-64").is_err());
    }

    #[test]
    fn secure_bit_words() {
        assert_eq!(secure_bits("keep-caps noroot-locked"), (1 << 4 | 1 << 1, vec![]));
        assert_eq!(secure_bits("foo noroot").1.len(), 1);
    }
}
