//! Addresses to listen on, and how they are shown.

use super::path::PATH_BYTES_MAX;
use super::{excerpt, scalar};
use crate::unit::socket::{Address, Listen, SocketKind};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest path of a socket, in bytes (`sun_path` less the NUL).
pub const SOCKET_PATH_BYTES_MAX: usize = 107;
/// Longest abstract name, in bytes (`sun_path` less the leading NUL, and systemd's habit of one more).
pub const ABSTRACT_BYTES_MAX: usize = 106;

/// The port of a service by its name and protocol (`tcp`, `udp`), or why there is none.
pub type ServicePort<'a> = &'a dyn Fn(&str, &str) -> Result<u16, String>;

/// What an address means depends on the machine.
#[derive(Clone, Copy)]
pub struct AddressContext<'a> {
    /// The kernel has IPv6: a bare port means `[::]`.
    pub ipv6: bool,
    /// The index of an interface by its name.
    pub interface: &'a dyn Fn(&str) -> Option<u32>,
    /// Beyond what systemd takes: names of services as ports, and port 0, which the kernel chooses.
    pub services: Option<ServicePort<'a>>,
    /// Only what systemd 252 takes.
    pub strict: bool,
}

/// Diagnostic code and the reason in words.
pub type Refusal = (&'static str, String);

fn bad<T>(message: impl Into<String>) -> Result<T, Refusal> {
    Err(("bad-address", message.into()))
}

/// The value of a directive that names a stream, datagram or sequential-packet address, specifiers
/// expanded. `/var/run` is the caller's to replace (`path::strip_var_run`) before.
pub fn listen_address(text: &str, kind: SocketKind, context: &AddressContext<'_>) -> Result<Address, Refusal> {
    let address = parse(text, kind, context)?;
    let unix = matches!(address, Address::Path(_) | Address::Abstract(_));
    // systemd refuses vsock whatever the prefix; whoever wrote this one can only mean it.
    let vsock = matches!(address, Address::Vsock(..)) && text.starts_with("vsock-seqpacket:") && !context.strict;
    if kind == SocketKind::SequentialPacket && !unix && !vsock {
        return bad("only AF_UNIX addresses (a path or @name) have sequential packets, \
             vsock-seqpacket:CID:PORT, and IP addresses with SocketProtocol=sctp");
    }
    if matches!(address, Address::V6(..)) && !context.ipv6 {
        return Err(("ipv6-unavailable", "the kernel has no IPv6".to_owned()));
    }
    Ok(address)
}

fn parse(text: &str, kind: SocketKind, context: &AddressContext<'_>) -> Result<Address, Refusal> {
    if text.starts_with('/') {
        return socket_path(text);
    }
    if let Some(name) = text.strip_prefix('@') {
        return abstract_name(name);
    }
    /// The first is systemd 252's.
    const VSOCK: [&str; 4] = ["vsock:", "vsock-stream:", "vsock-dgram:", "vsock-seqpacket:"];
    for prefix in &VSOCK[..if context.strict { 1 } else { VSOCK.len() }] {
        if let Some(rest) = text.strip_prefix(prefix) {
            return vsock(rest, context.strict);
        }
    }
    if let Some(rest) = text.strip_prefix('[') {
        return v6(rest, kind, context);
    }
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || c == '+');
    let named = context.services.is_some() && is_service_name(text);
    if (numeric || named) && !text.contains([':', '.', ' ', '\t', '/']) {
        let port = port(text, kind, context)?;
        return Ok(if context.ipv6 {
            Address::V6(Ipv6Addr::UNSPECIFIED, port, 0)
        } else {
            Address::V4(Ipv4Addr::UNSPECIFIED, port)
        });
    }
    other(text, kind, context)
}

fn socket_path(text: &str) -> Result<Address, Refusal> {
    if text.len() > SOCKET_PATH_BYTES_MAX {
        let why = format!("the path has {} bytes, a socket's path at most {SOCKET_PATH_BYTES_MAX}", text.len());
        return Err(("address-too-long", why));
    }
    if text.len() < 2 {
        return bad("'/' is a directory");
    }
    Ok(Address::Path(text.into()))
}

fn abstract_name(name: &str) -> Result<Address, Refusal> {
    if name.is_empty() {
        return bad("'@' needs a name behind it");
    }
    if name.len() > ABSTRACT_BYTES_MAX {
        let why = format!("the abstract name has {} bytes, at most {ABSTRACT_BYTES_MAX} fit", name.len());
        return Err(("address-too-long", why));
    }
    Ok(Address::Abstract(name.into()))
}

fn vsock(rest: &str, strict: bool) -> Result<Address, Refusal> {
    /// Well-known context ids (`VMADDR_CID_*`); systemd 252 has the first.
    const WORDS: [(&str, u32); 6] =
        [("", u32::MAX), ("any", u32::MAX), ("-1", u32::MAX), ("hypervisor", 0), ("local", 1), ("host", 2)];
    let Some((cid, port)) = rest.split_once(':') else {
        return bad("a vsock address is vsock:CID:PORT (the CID may be empty)");
    };
    let words = &WORDS[..if strict { 1 } else { WORDS.len() }];
    let cid = match words.iter().find(|(word, _)| *word == cid) {
        Some((_, number)) => *number,
        None => scalar::unsigned32(cid).or_else(|e| bad(format!("vsock CID: {e}")))?,
    };
    match scalar::unsigned32(port) {
        Ok(u32::MAX) if !strict => bad("vsock port 4294967295 means any port and cannot be listened on"),
        Ok(port) => Ok(Address::Vsock(cid, port)),
        Err(e) => bad(format!("vsock port: {e}")),
    }
}

/// Letters, digits and hyphens, one letter at least (RFC 6335), and what old names have beside that.
fn is_service_name(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn port(text: &str, kind: SocketKind, context: &AddressContext<'_>) -> Result<u16, Refusal> {
    if text.starts_with([' ', '\t']) {
        return bad("blanks in front of the port");
    }
    match (scalar::unsigned32(text), context.services) {
        (Ok(0), Some(_)) => return Ok(0),
        (Err(_), Some(services)) if is_service_name(text) => {
            let protocol = if kind == SocketKind::Datagram { "udp" } else { "tcp" };
            return services(text, protocol).or_else(bad);
        }
        _ => {}
    }
    match scalar::unsigned32(text) {
        Ok(0) => bad("port 0 cannot be listened on"),
        Ok(n) => u16::try_from(n).or_else(|_| bad(format!("port {n} is above 65535"))),
        Err(e) => bad(format!("port: {e}")),
    }
}

/// `V6]:PORT[%SCOPE]`
fn v6(rest: &str, kind: SocketKind, context: &AddressContext<'_>) -> Result<Address, Refusal> {
    let Some((host, after)) = rest.split_once(']') else {
        return bad("'[' without ']'");
    };
    let Ok(ip) = host.parse::<Ipv6Addr>() else {
        return bad(format!("'{}' is not an IPv6 address", excerpt(host)));
    };
    let Some(after) = after.strip_prefix(':') else {
        return bad("an IPv6 address needs its port behind ']:'");
    };
    let (port_text, scope) = match after.split_once('%') {
        Some((port, scope)) => (port, Some(scope)),
        None => (after, None),
    };
    let port = port(port_text, kind, context)?;
    let index = match scope {
        None => 0,
        Some(scope) => interface_index(scope, context)?,
    };
    Ok(Address::V6(ip, port, index))
}

fn interface_index(scope: &str, context: &AddressContext<'_>) -> Result<u32, Refusal> {
    if let Some(index) = scope.parse().ok().filter(|n| (1..=i32::MAX as u32).contains(n)) {
        return Ok(index);
    }
    match (context.interface)(scope) {
        Some(index) => Ok(index),
        None => Err(("no-such-interface", format!("there is no network interface '{}'", excerpt(scope)))),
    }
}

/// `A.B.C.D:PORT`, and advice for everything that is nothing.
fn other(text: &str, kind: SocketKind, context: &AddressContext<'_>) -> Result<Address, Refusal> {
    if let Some((host, port_text)) = text.rsplit_once(':')
        && let Ok(ip) = host.parse::<Ipv4Addr>()
    {
        return Ok(Address::V4(ip, port(port_text, kind, context)?));
    }
    let shown = excerpt(text);
    if text.parse::<Ipv4Addr>().is_ok() {
        return bad(format!("'{shown}' lacks a port (write {shown}:PORT)"));
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return bad(format!("an IPv6 address needs brackets and a port (write [{shown}]:PORT)"));
    }
    if text.starts_with('"') || text.starts_with('\'') {
        return bad("quotes have no meaning in an address; write it bare");
    }
    if text.contains([' ', '\t']) {
        return bad(format!("'{shown}' is not one address (no lists, and no comment behind a value)"));
    }
    if let Some(port) = text.strip_prefix("*:") {
        return bad(format!("'*' is not an address; all addresses are just the port ({})", excerpt(port)));
    }
    if text.contains('/') {
        return bad(format!("path '{shown}' is not absolute"));
    }
    bad(format!("'{shown}' is neither a port, A.B.C.D:PORT, [IPv6]:PORT, /path, @name nor vsock:CID:PORT"))
}

/// Netlink families by number.
const NETLINK: [(&str, i32); 18] = [
    ("route", 0),
    ("firewall", 3),
    ("inet-diag", 4),
    ("nflog", 5),
    ("xfrm", 6),
    ("selinux", 7),
    ("iscsi", 8),
    ("audit", 9),
    ("fib-lookup", 10),
    ("connector", 11),
    ("netfilter", 12),
    ("ip6-fw", 13),
    ("dnrtmsg", 14),
    ("kobject-uevent", 15),
    ("generic", 16),
    ("scsitransport", 18),
    ("ecryptfs", 19),
    ("rdma", 20),
];

/// `FAMILY [GROUPS]`: protocol number and multicast bit mask.
pub fn netlink(text: &str) -> Result<(i32, u32), Refusal> {
    let (word, rest) = match text.find([' ', '\t', '\n', '\r']) {
        Some(end) => (&text[..end], text[end..].trim()),
        None => (text, ""),
    };
    let family = match NETLINK.iter().find(|(name, _)| *name == word) {
        Some((_, number)) => *number,
        None => match scalar::int_within(word, 0, i32::MAX) {
            Ok(number) => number,
            Err(_) => return bad(format!("unknown netlink family '{}'", excerpt(word))),
        },
    };
    if rest.is_empty() {
        return Ok((family, 0));
    }
    let groups = scalar::unsigned32(rest).or_else(|e| bad(format!("netlink groups: {e}")))?;
    Ok((family, groups))
}

/// A path to listen on that is no socket: FIFO, special file, message queue, USB function.
/// `special` files may lie in /dev, /proc and /sys, and in systemd 252 everything may (`strict`).
pub fn listen_path(text: &str, special: bool, strict: bool) -> Result<String, Refusal> {
    if text.len() > PATH_BYTES_MAX {
        return Err(("address-too-long", format!("the path is longer than {PATH_BYTES_MAX} bytes")));
    }
    let absolute = if strict { super::path::absolute_252 } else { super::path::absolute };
    let path = absolute(text).or_else(bad)?;
    if !special && !strict && super::path::is_api_file_system(&path) {
        return bad(format!("'{}' lies in /dev, /proc or /sys, where nothing can be made", excerpt(&path)));
    }
    Ok(path)
}

/// The address as systemctl shows it; a scope by its index.
pub fn display(listen: &Listen) -> String {
    display_with(listen, &|_| None)
}

/// The address as systemctl shows it; a scope by the interface's name where it still has one.
pub fn display_with(listen: &Listen, interface: &dyn Fn(u32) -> Option<String>) -> String {
    match listen {
        Listen::Socket { address, .. } => address_text(address, interface),
        Listen::Netlink { family, groups } => {
            let name = NETLINK.iter().find(|(_, n)| n == family);
            let name = name.map_or_else(|| family.to_string(), |(name, _)| (*name).to_owned());
            format!("{name} {groups}")
        }
        Listen::Fifo(path) | Listen::Special(path) | Listen::MessageQueue(path) | Listen::UsbFunction(path) => {
            path.to_string()
        }
    }
}

fn address_text(address: &Address, interface: &dyn Fn(u32) -> Option<String>) -> String {
    match address {
        Address::V4(ip, port) => format!("{ip}:{port}"),
        Address::V6(ip, port, 0) => format!("[{ip}]:{port}"),
        Address::V6(ip, port, scope) => {
            let name = interface(*scope).unwrap_or_else(|| scope.to_string());
            format!("[{ip}]:{port}%{name}")
        }
        Address::Path(path) => escaped(path),
        Address::Abstract(name) => format!("@{}", escaped(name)),
        Address::Vsock(u32::MAX, port) => format!("vsock::{port}"),
        Address::Vsock(cid, port) => format!("vsock:{cid}:{port}"),
    }
}

/// C escapes for everything that is not a plain ASCII character.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            7 => out.push_str("\\a"),
            8 => out.push_str("\\b"),
            9 => out.push_str("\\t"),
            10 => out.push_str("\\n"),
            11 => out.push_str("\\v"),
            12 => out.push_str("\\f"),
            13 => out.push_str("\\r"),
            b'\\' | b'"' | b'\'' => out.extend(['\\', char::from(byte)]),
            b' '..=b'~' => out.push(char::from(byte)),
            byte => out.push_str(&format!("\\{byte:03o}")),
        }
    }
    out
}

/// systemctl's word for the kind of a port.
pub fn type_word(listen: &Listen) -> &'static str {
    match listen {
        Listen::Socket { kind: SocketKind::Stream, .. } => "Stream",
        Listen::Socket { kind: SocketKind::Datagram, .. } => "Datagram",
        Listen::Socket { kind: SocketKind::SequentialPacket, .. } => "SequentialPacket",
        Listen::Netlink { .. } => "Netlink",
        Listen::Special(_) => "Special",
        Listen::MessageQueue(_) => "MessageQueue",
        Listen::Fifo(_) => "FIFO",
        Listen::UsbFunction(_) => "USBFunction",
    }
}

#[cfg(test)]
mod tests;
