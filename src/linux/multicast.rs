//! Multicast on a datagram socket: joining groups and choosing the interface to send through, by the
//! calls that are the same for IPv4 and IPv6 (RFC 3678). An interface that is not there is ENODEV.

use super::address;
use super::raw;
use crate::unit::socket::{Address, Membership};
use nix::Result;
use nix::errno::Errno;
use std::mem::align_of;
use std::net::IpAddr;
use std::os::fd::BorrowedFd;

/// Numbers of the kernel's in.h; the same for both families.
const MCAST_JOIN_GROUP: i32 = 42;
const MCAST_JOIN_SOURCE_GROUP: i32 = 46;
/// Bytes of `struct sockaddr_storage`.
const STORAGE_BYTES: usize = 128;

/// Joins a group, for all senders or for one.
pub(super) fn join(fd: BorrowedFd<'_>, membership: &Membership) -> Result<()> {
    let index = match &membership.interface {
        Some(name) => index_of(fd, name)?,
        None => 0,
    };
    let level = if membership.group.is_ipv4() { libc::IPPROTO_IP } else { libc::IPPROTO_IPV6 };
    // struct group_req and group_source_req: an index, and addresses aligned as pointers are.
    let mut request = index.to_ne_bytes().to_vec();
    request.resize(align_of::<usize>().max(request.len()), 0);
    storage(&mut request, membership.group)?;
    match membership.source {
        None => raw::set_option(fd, level, MCAST_JOIN_GROUP, &request),
        Some(source) => {
            storage(&mut request, source)?;
            raw::set_option(fd, level, MCAST_JOIN_SOURCE_GROUP, &request)
        }
    }
}

/// By name or number, where the socket is: that may be another network namespace than ours.
pub(super) fn index_of(fd: BorrowedFd<'_>, interface: &str) -> Result<u32> {
    interface.parse().or_else(|_| raw::interface_of(fd, interface))
}

fn storage(request: &mut Vec<u8>, ip: IpAddr) -> Result<()> {
    let address = match ip {
        IpAddr::V4(v4) => Address::V4(v4, 0),
        IpAddr::V6(v6) => Address::V6(v6, 0, 0),
    };
    let end = request.len() + STORAGE_BYTES;
    request.extend_from_slice(address::encode(&address)?.used());
    request.resize(end, 0);
    Ok(())
}

/// Outgoing multicast datagrams leave through this interface.
pub(super) fn send_through(fd: BorrowedFd<'_>, level: i32, interface: &str) -> Result<()> {
    let index = index_of(fd, interface)?;
    if level == libc::IPPROTO_IPV6 {
        return raw::set_option(fd, level, libc::IPV6_MULTICAST_IF, &index.to_ne_bytes());
    }
    // struct ip_mreqn: group, local address, index.
    let mut request = [0; 12];
    request[8..].copy_from_slice(&index.to_ne_bytes());
    raw::set_option(fd, level, libc::IP_MULTICAST_IF, &request)
}

/// What to do about a refusal.
pub(super) fn advice(errno: Errno, named: bool) -> &'static str {
    match errno {
        Errno::ENODEV if named => "; there is no such network interface: make it first, or correct the name",
        Errno::ENODEV => "; no route tells which network interface is meant: name it as GROUP%INTERFACE",
        Errno::ENOBUFS => "; one socket may join so many groups as net.ipv4.igmp_max_memberships says",
        _ => "",
    }
}
