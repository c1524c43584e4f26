//! Who holds an address that is in use: from the kernel's socket tables to inodes, from inodes to
//! processes. Everything is bounded, and nothing is certain: no answer is a normal outcome.
#![allow(clippy::disallowed_methods)] // reads /proc

use crate::bounds::{HOLDER_FDS_MAX, HOLDER_TABLE_BYTES_MAX, HOLDERS_NAMED_MAX};
use crate::plan::bind::{Port, SocketCall};
use crate::unit::socket::Address;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{IpAddr, Ipv6Addr};

/// Who holds the address of a port, e.g. `nginx (pid 812, nginx.service)`; several are separated by
/// commas. `protocol` is that of socket(2).
pub fn of_port(port: &Port, protocol: i32) -> Option<String> {
    let kind = port.calls.iter().find_map(|call| match call {
        SocketCall::Socket { kind, .. } => Some(*kind),
        _ => None,
    })?;
    let address = port.calls.iter().find_map(|call| match call {
        SocketCall::Bind { address, .. } => Some(address),
        _ => None,
    })?;
    holder(address, kind, protocol)
}

/// Who holds an address for sockets of this type (`SOCK_*`) and protocol.
pub fn holder(address: &Address, kind: i32, protocol: i32) -> Option<String> {
    let inodes = match address {
        Address::V4(ip, port) => ip_inodes(IpAddr::V4(*ip), *port, kind, protocol),
        Address::V6(ip, port, _) => ip_inodes(IpAddr::V6(*ip), *port, kind, protocol),
        Address::Path(path) => unix_inodes(path),
        Address::Abstract(name) => unix_inodes(&format!("@{name}")),
        Address::Vsock(..) => return None,
    };
    if inodes.is_empty() {
        return None;
    }
    let found = processes(&inodes);
    (!found.is_empty()).then(|| found.join(", "))
}

/// Lines of a table below /proc/net, without its heading.
fn table(name: &str) -> impl Iterator<Item = String> {
    let file = fs::File::open(format!("/proc/net/{name}")).ok();
    let lines = file.map(|file| BufReader::new(file.take(HOLDER_TABLE_BYTES_MAX)).lines());
    lines.into_iter().flatten().skip(1).map_while(Result::ok)
}

/// Inodes of sockets whose local address collides with this one.
fn ip_inodes(ip: IpAddr, port: u16, kind: i32, protocol: i32) -> BTreeSet<u64> {
    let (v4, v6, listening_only) = match (kind, protocol) {
        (libc::SOCK_DGRAM, libc::IPPROTO_UDPLITE) => ("udplite", "udplite6", false),
        (libc::SOCK_DGRAM, _) => ("udp", "udp6", false),
        (_, libc::IPPROTO_SCTP) => return BTreeSet::new(), // has no table of this form
        _ => ("tcp", "tcp6", true),
    };
    let mut inodes = BTreeSet::new();
    for line in table(v4).chain(table(v6)) {
        if let Some((bound, inode)) = ip_line(&line, port, listening_only)
            && collide(ip, bound)
        {
            inodes.insert(inode);
        }
    }
    inodes
}

/// Address and inode of one line of /proc/net/tcp and its like, if the port is right. Closing
/// connections have no inode.
fn ip_line(line: &str, port: u16, listening_only: bool) -> Option<(IpAddr, u64)> {
    const LISTEN: &str = "0A";
    let fields: Vec<&str> = line.split_ascii_whitespace().take(10).collect();
    let (address, bound_port) = fields.get(1)?.split_once(':')?;
    if u16::from_str_radix(bound_port, 16).ok()? != port || (listening_only && *fields.get(3)? != LISTEN) {
        return None;
    }
    let inode = fields.get(9)?.parse().ok().filter(|inode| *inode != 0)?;
    // Words of four bytes, each printed as a number of this machine's byte order.
    let word = |i: usize| Some(u32::from_str_radix(address.get(8 * i..8 * i + 8)?, 16).ok()?.to_ne_bytes());
    let ip = match address.len() {
        8 => IpAddr::from(word(0)?),
        32 => {
            let octets: Vec<u8> = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?))
        }
        _ => return None,
    };
    Some((ip, inode))
}

/// Whether two bound addresses exclude each other: equal, or one of them is a wildcard that covers
/// the other's family.
fn collide(a: IpAddr, b: IpAddr) -> bool {
    let (a, b) = (a.to_canonical(), b.to_canonical());
    let covers = |wild: IpAddr, other: IpAddr| wild.is_unspecified() && (wild.is_ipv6() || other.is_ipv4());
    a == b || covers(a, b) || covers(b, a)
}

/// Inodes of AF_UNIX sockets with this name (`@` for abstract ones).
fn unix_inodes(name: &str) -> BTreeSet<u64> {
    table("unix").filter_map(|line| unix_line(&line, name)).collect()
}

/// Inode of one line of /proc/net/unix, if the name is right. Accepted connections carry the
/// listener's name too; only what was bound or listens is meant, but their holder is the same.
fn unix_line(line: &str, name: &str) -> Option<u64> {
    let mut rest = line;
    let mut inode = "";
    for _ in 0..7 {
        rest = rest.trim_start();
        let end = rest.find(' ')?;
        (inode, rest) = rest.split_at(end);
    }
    (rest.get(1..)? == name).then(|| inode.parse().ok())?
}

/// Processes that have one of these sockets open, in words.
fn processes(inodes: &BTreeSet<u64>) -> Vec<String> {
    let mut found = Vec::new();
    let mut budget = HOLDER_FDS_MAX;
    for pid in pids() {
        if found.len() >= HOLDERS_NAMED_MAX || budget == 0 {
            break;
        }
        if has_socket(pid, inodes, &mut budget) {
            found.push(words(pid));
        }
    }
    found
}

/// All processes, lowest pid first.
fn pids() -> BTreeSet<u32> {
    let entries = fs::read_dir("/proc").ok().into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

fn has_socket(pid: u32, inodes: &BTreeSet<u64>, budget: &mut usize) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false; // gone, or not ours to see
    };
    for entry in entries.map_while(Result::ok) {
        if *budget == 0 {
            return false;
        }
        *budget -= 1;
        let Ok(target) = fs::read_link(entry.path()) else {
            continue;
        };
        let inode = target.to_str().and_then(|t| t.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
        if inode.is_some_and(|inode| inodes.contains(&inode)) {
            return true;
        }
    }
    false
}

/// `nginx (pid 812, nginx.service)`
fn words(pid: u32) -> String {
    let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let comm = comm.trim_end();
    let comm = if comm.is_empty() { "a process" } else { comm };
    let cgroup = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    match unit_of(&cgroup) {
        _ if pid == std::process::id() => format!("{comm} (pid {pid}, this very process)"),
        Some(unit) => format!("{comm} (pid {pid}, {unit})"),
        None => format!("{comm} (pid {pid})"),
    }
}

/// The innermost unit in the path of a cgroup.
fn unit_of(cgroup: &str) -> Option<&str> {
    const SUFFIXES: [&str; 3] = [".service", ".socket", ".scope"];
    let path = cgroup.lines().filter_map(|line| line.splitn(3, ':').nth(2)).find(|path| path.len() > 1)?;
    path.rsplit('/').find(|part| SUFFIXES.iter().any(|suffix| part.ends_with(suffix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn lines_of_the_tables() {
        let v4 = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 4242 1 x";
        if cfg!(target_endian = "little") {
            assert_eq!(ip_line(v4, 8080, true), Some((ip("127.0.0.1"), 4242)));
        }
        assert_eq!(ip_line(v4, 8081, true), None);
        assert_eq!(ip_line(&v4.replace(" 0A ", " 01 "), 8080, true), None);
        assert!(ip_line(&v4.replace(" 0A ", " 07 "), 8080, false).is_some());
        assert_eq!(ip_line(&v4.replace("4242", "0"), 8080, true), None);
        let unix = "ffff888: 00000002 00000000 00010000 0001 01 77 /run/with a blank";
        assert_eq!(unix_line(unix, "/run/with a blank"), Some(77));
        assert_eq!(unix_line(unix, "/run/with"), None);
        assert_eq!(unix_line("ffff888: 00000002 00000000 00010000 0001 01 77", ""), None);
    }

    #[test]
    fn what_collides() {
        assert!(collide(ip("0.0.0.0"), ip("::")));
        assert!(collide(ip("127.0.0.1"), ip("::")));
        assert!(collide(ip("::ffff:127.0.0.1"), ip("127.0.0.1")));
        assert!(!collide(ip("127.0.0.1"), ip("127.0.0.2")));
        assert!(!collide(ip("0.0.0.0"), ip("::1")));
    }

    #[test]
    fn the_unit_is_the_innermost() {
        assert_eq!(unit_of("0::/system.slice/nginx.service\n"), Some("nginx.service"));
        assert_eq!(unit_of("0::/user.slice/u@1.service/app.slice/x.scope"), Some("x.scope"));
        assert_eq!(unit_of("0::/\n"), None);
    }

    #[test]
    fn our_own_listener_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let words = holder(&Address::V4([0, 0, 0, 0].into(), port), libc::SOCK_STREAM, 0).unwrap();
        assert!(words.contains(&format!("pid {}", std::process::id())), "{words}");
    }
}
