//! Socket addresses: ours ⇄ the kernel's bytes ⇄ display form; which interfaces there are; what an
//! inherited descriptor is. Opens no socket of its own.
#![allow(clippy::disallowed_methods)] // reads link targets below /proc

use super::raw::{self, End, RawAddress};
use crate::ids::Text;
use crate::unit::socket::{Address, SocketKind};
use nix::Result;
use nix::errno::Errno;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// Longest AF_UNIX path without its NUL, and longest abstract name with its leading NUL.
const UNIX_NAME_BYTES: usize = 108;

/// A name the kernel gave us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// AF_INET, AF_INET6: address, port, scope (interface index; 0 is none).
    Ip(IpAddr, u16, u32),
    /// AF_UNIX without a name.
    Unnamed,
    /// AF_UNIX in the file system, as bytes without NUL.
    Path(Vec<u8>),
    /// AF_UNIX abstract, without the leading NUL.
    Abstract(Vec<u8>),
    /// AF_VSOCK: CID and port.
    Vsock(u32, u32),
    /// AF_NETLINK: multicast bit mask.
    Netlink(u32),
    /// Some other family.
    Other(u16),
}

/// Our address as the kernel wants it. The only errors are a name that is too long or holds a NUL.
pub fn encode(address: &Address) -> Result<RawAddress> {
    let mut out = Writer::new();
    match address {
        Address::V4(ip, port) => {
            out.family(libc::AF_INET);
            out.put(&port.to_be_bytes());
            out.put(&ip.octets());
            out.put(&[0; 8]);
        }
        Address::V6(ip, port, scope) => {
            out.family(libc::AF_INET6);
            out.put(&port.to_be_bytes());
            out.put(&[0; 4]); // flow label
            out.put(&ip.octets());
            out.put(&scope.to_ne_bytes());
        }
        Address::Path(path) => {
            if path.len() >= UNIX_NAME_BYTES {
                return Err(Errno::ENAMETOOLONG);
            }
            if path.is_empty() || path.as_bytes().contains(&0) {
                return Err(Errno::EINVAL);
            }
            out.family(libc::AF_UNIX);
            out.put(path.as_bytes());
            out.put(&[0]);
        }
        Address::Abstract(name) => {
            if name.len() >= UNIX_NAME_BYTES {
                return Err(Errno::ENAMETOOLONG);
            }
            out.family(libc::AF_UNIX);
            out.put(&[0]);
            out.put(name.as_bytes());
        }
        Address::Vsock(cid, port) => {
            out.family(libc::AF_VSOCK);
            out.put(&[0; 2]);
            out.put(&port.to_ne_bytes());
            out.put(&cid.to_ne_bytes());
            out.put(&[0; 4]);
        }
    }
    Ok(out.0)
}

/// A netlink address that takes part in these multicast groups; the kernel chooses the port id.
pub fn encode_netlink(groups: u32) -> RawAddress {
    let mut out = Writer::new();
    out.family(libc::AF_NETLINK);
    out.put(&[0; 6]);
    out.put(&groups.to_ne_bytes());
    out.0
}

/// Fills a [`RawAddress`] from the front.
struct Writer(RawAddress);

impl Writer {
    fn new() -> Writer {
        Writer(RawAddress::EMPTY)
    }

    fn put(&mut self, bytes: &[u8]) {
        let start = self.0.length;
        self.0.bytes[start..start + bytes.len()].copy_from_slice(bytes);
        self.0.length += bytes.len();
    }

    fn family(&mut self, family: i32) {
        self.put(&(family as u16).to_ne_bytes());
    }
}

/// The kernel's bytes as a name.
pub fn decode(raw: &RawAddress) -> Name {
    let used = raw.used();
    let Some(family) = two(used, 0) else {
        return Name::Unnamed;
    };
    let family = u16::from_ne_bytes(family);
    decode_known(i32::from(family), used).unwrap_or(Name::Other(family))
}

/// `None` if the bytes are too few for the family, or the family is not one of ours.
fn decode_known(family: i32, used: &[u8]) -> Option<Name> {
    Some(match family {
        libc::AF_INET => {
            let ip = Ipv4Addr::from(four(used, 4)?);
            Name::Ip(IpAddr::V4(ip), u16::from_be_bytes(two(used, 2)?), 0)
        }
        libc::AF_INET6 => {
            let octets: [u8; 16] = used.get(8..24)?.try_into().ok()?;
            let scope = u32::from_ne_bytes(four(used, 24)?);
            Name::Ip(IpAddr::V6(Ipv6Addr::from(octets)), u16::from_be_bytes(two(used, 2)?), scope)
        }
        libc::AF_UNIX => decode_unix(&used[2..]),
        libc::AF_VSOCK => Name::Vsock(u32::from_ne_bytes(four(used, 8)?), u32::from_ne_bytes(four(used, 4)?)),
        libc::AF_NETLINK => Name::Netlink(u32::from_ne_bytes(four(used, 8)?)),
        _ => return None,
    })
}

fn decode_unix(name: &[u8]) -> Name {
    match name.split_first() {
        None => Name::Unnamed,
        Some((0, rest)) => Name::Abstract(rest.to_vec()),
        Some(_) => Name::Path(name.split(|b| *b == 0).next().unwrap_or_default().to_vec()),
    }
}

fn two(bytes: &[u8], at: usize) -> Option<[u8; 2]> {
    bytes.get(at..at + 2)?.try_into().ok()
}

fn four(bytes: &[u8], at: usize) -> Option<[u8; 4]> {
    bytes.get(at..at + 4)?.try_into().ok()
}

impl Name {
    /// As a unit file would write it; `None` if it could not (unnamed, netlink, not UTF-8).
    pub fn address(&self) -> Option<Address> {
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(Into::into);
        Some(match self {
            Name::Ip(IpAddr::V4(ip), port, _) => Address::V4(*ip, *port),
            Name::Ip(IpAddr::V6(ip), port, scope) => Address::V6(*ip, *port, *scope),
            Name::Path(path) => Address::Path(text(path)?),
            Name::Abstract(name) => Address::Abstract(text(name)?),
            Name::Vsock(cid, port) => Address::Vsock(*cid, *port),
            Name::Unnamed | Name::Netlink(_) | Name::Other(_) => return None,
        })
    }

    /// `/path` or `@name` with C escapes, if this is a bound AF_UNIX name.
    pub fn unix_display(&self) -> Option<String> {
        match self {
            Name::Path(path) => Some(escape(path)),
            Name::Abstract(name) => Some(format!("@{}", escape(name))),
            _ => None,
        }
    }
}

/// Display form of an address, as `list-sockets` shows it.
pub fn display(address: &Address) -> String {
    match address {
        Address::V4(ip, port) => format!("{ip}:{port}"),
        Address::V6(ip, port, 0) => format!("[{ip}]:{port}"),
        Address::V6(ip, port, scope) => {
            let name = interface_name(*scope).unwrap_or_else(|| scope.to_string());
            format!("[{ip}]:{port}%{name}")
        }
        Address::Path(path) => escape(path.as_bytes()),
        Address::Abstract(name) => format!("@{}", escape(name.as_bytes())),
        Address::Vsock(u32::MAX, port) => format!("vsock::{port}"),
        Address::Vsock(cid, port) => format!("vsock:{cid}:{port}"),
    }
}

/// Where a socket is bound, as [`display`] shows it; `None` if it has no address that a unit file
/// could name.
pub fn bound(fd: impl AsFd) -> Option<Text> {
    let name = raw::socket_name(fd.as_fd(), End::Local).ok()?;
    decode(&name).address().map(|address| display(&address).into())
}

/// C escapes for whatever is not printable ASCII.
fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            0x07 => out.push_str("\\a"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x0b => out.push_str("\\v"),
            b'\\' => out.push_str("\\\\"),
            b'"' => out.push_str("\\\""),
            b'\'' => out.push_str("\\'"),
            0x20..=0x7e => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\{byte:03o}")),
        }
    }
    out
}

/// Whether the kernel has IPv6.
pub fn ipv6_available() -> bool {
    std::path::Path::new("/proc/net/if_inet6").exists()
}

/// Index of an interface, by name, alternative name or decimal index; `None` if there is none.
pub fn interface_index(name: &str) -> Option<u32> {
    if let Ok(index) = nix::net::if_::if_nametoindex(name) {
        return Some(index);
    }
    let index = name.parse().ok()?;
    interface_name(index).map(|_| index)
}

/// Name of an interface; `None` if it is gone.
pub fn interface_name(index: u32) -> Option<String> {
    let name = nix::net::if_::if_indextoname(index).ok()?.to_string_lossy().into_owned();
    // nix answers with an empty name, not an error, when there is none.
    (!name.is_empty()).then_some(name)
}

/// What an inherited descriptor (`LISTEN_FDS`) is, so that it can be matched with a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InheritedSocket {
    /// What kind of object it is.
    pub kind: InheritedKind,
    /// listen(2) was called on it.
    pub listening: bool,
}

/// See [`InheritedSocket`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InheritedKind {
    /// A socket with an address that a unit file can name.
    Socket(SocketKind, Address),
    /// A netlink socket: protocol number and multicast bit mask.
    Netlink(i32, u32),
    /// A FIFO, with the path it had when it was opened.
    Fifo(String),
    /// A message queue, with its name.
    MessageQueue(String),
    /// A character device or file, with its path.
    Special(String),
    /// Something that no port can be.
    Unknown,
}

/// Looks at a descriptor that somebody else opened.
pub fn describe(fd: impl AsFd) -> Result<InheritedSocket> {
    let fd = fd.as_fd();
    let stat = nix::sys::stat::fstat(fd)?;
    let kind = match stat.st_mode & libc::S_IFMT {
        libc::S_IFSOCK => return describe_socket(fd),
        libc::S_IFIFO => opened_path(fd).map(InheritedKind::Fifo),
        libc::S_IFCHR => opened_path(fd).map(InheritedKind::Special),
        libc::S_IFREG if raw::mq_message_bytes(fd).is_ok() => opened_path(fd).map(InheritedKind::MessageQueue),
        libc::S_IFREG => opened_path(fd).map(InheritedKind::Special),
        _ => None,
    };
    Ok(InheritedSocket { kind: kind.unwrap_or(InheritedKind::Unknown), listening: false })
}

fn describe_socket(fd: BorrowedFd<'_>) -> Result<InheritedSocket> {
    let kind = match raw::get_option_int(fd, libc::SOL_SOCKET, libc::SO_TYPE)? {
        libc::SOCK_STREAM => Some(SocketKind::Stream),
        libc::SOCK_DGRAM => Some(SocketKind::Datagram),
        libc::SOCK_SEQPACKET => Some(SocketKind::SequentialPacket),
        _ => None,
    };
    let listening = raw::get_option_int(fd, libc::SOL_SOCKET, libc::SO_ACCEPTCONN)? != 0;
    let name = decode(&raw::socket_name(fd, End::Local)?);
    let found = match (&name, kind) {
        (Name::Netlink(groups), _) => {
            let protocol = raw::get_option_int(fd, libc::SOL_SOCKET, libc::SO_PROTOCOL)?;
            Some(InheritedKind::Netlink(protocol, *groups))
        }
        (_, Some(kind)) => name.address().map(|address| InheritedKind::Socket(kind, address)),
        _ => None,
    };
    Ok(InheritedSocket { kind: found.unwrap_or(InheritedKind::Unknown), listening })
}

/// The path a descriptor was opened with; `None` if it has none, or it was removed since.
fn opened_path(fd: BorrowedFd<'_>) -> Option<String> {
    let link = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).ok()?;
    let path = link.into_os_string().into_string().ok()?;
    (path.starts_with('/') && !path.ends_with(" (deleted)")).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_kernel_form() {
        for address in [
            Address::V4(Ipv4Addr::new(192, 0, 2, 1), 8080),
            Address::V6("fe80::1".parse().unwrap(), 80, 7),
            Address::Path("/run/x.sock".into()),
            Address::Path("/".repeat(107).as_str().into()),
            Address::Abstract("name".into()),
            Address::Abstract("a".repeat(107).as_str().into()),
            Address::Vsock(u32::MAX, 5),
        ] {
            let name = decode(&encode(&address).unwrap());
            assert_eq!(name.address(), Some(address));
        }
        assert_eq!(decode(&encode_netlink(17)), Name::Netlink(17));
        assert_eq!(decode(&RawAddress::EMPTY), Name::Unnamed);
    }

    #[test]
    fn names_that_do_not_fit_are_refused() {
        let long: crate::ids::Text = "/".repeat(108).as_str().into();
        assert_eq!(encode(&Address::Path(long.clone())).unwrap_err(), Errno::ENAMETOOLONG);
        assert_eq!(encode(&Address::Abstract(long)).unwrap_err(), Errno::ENAMETOOLONG);
        assert_eq!(encode(&Address::Path("/a\0b".into())).unwrap_err(), Errno::EINVAL);
    }

    #[test]
    fn short_bytes_are_no_address() {
        let mut raw = encode(&Address::V6(Ipv6Addr::LOCALHOST, 80, 0)).unwrap();
        raw.length = 10;
        assert_eq!(decode(&raw), Name::Other(libc::AF_INET6 as u16));
    }

    #[test]
    fn display_forms() {
        let cases = [
            (Address::V4(Ipv4Addr::LOCALHOST, 80), "127.0.0.1:80"),
            (Address::V6(Ipv6Addr::LOCALHOST, 80, 0), "[::1]:80"),
            (Address::V6(Ipv6Addr::LOCALHOST, 80, 1), "[::1]:80%lo"),
            (Address::V6(Ipv6Addr::LOCALHOST, 80, 4_000_000), "[::1]:80%4000000"),
            (Address::Path("/a\tb\u{e9}".into()), "/a\\tb\\303\\251"),
            (Address::Abstract("x y".into()), "@x y"),
            (Address::Vsock(u32::MAX, 5), "vsock::5"),
            (Address::Vsock(2, 5), "vsock:2:5"),
        ];
        for (address, expected) in cases {
            assert_eq!(display(&address), expected);
        }
    }

    #[test]
    fn the_loopback_interface_is_known() {
        assert_eq!(interface_index("lo"), Some(1));
        assert_eq!(interface_index("1"), Some(1));
        assert_eq!(interface_index("no-such-if"), None);
        assert_eq!(interface_index("4000000"), None);
        assert_eq!(interface_name(1).as_deref(), Some("lo"));
    }
}
