//! Who is at the other end of a connection, with as few calls as possible: this runs once for every
//! connection.

use super::address::{self, Name};
use super::raw::{self, End};
use crate::outside::Peer;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// What is known of all connections of a listener; asked once per listener, not per connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerFacts {
    /// `AF_*`
    family: i32,
    /// Our end of every connection, if the listener is bound to one address.
    local: Option<(IpAddr, u16)>,
}

impl ListenerFacts {
    /// Asks the kernel.
    pub fn of(listener: impl AsFd) -> nix::Result<ListenerFacts> {
        let fd = listener.as_fd();
        let family = raw::get_option_int(fd, libc::SOL_SOCKET, libc::SO_DOMAIN)?;
        let local = match address::decode(&raw::socket_name(fd, End::Local)?) {
            Name::Ip(ip, port, _) if !ip.is_unspecified() && !is_transparent(fd, family) => Some((ip, port)),
            _ => None,
        };
        Ok(ListenerFacts { family, local })
    }
}

/// Connections of a transparent listener have whatever local address they were meant for.
fn is_transparent(fd: BorrowedFd<'_>, family: i32) -> bool {
    let option = match family {
        libc::AF_INET => (libc::IPPROTO_IP, libc::IP_TRANSPARENT),
        _ => (libc::IPPROTO_IPV6, libc::IPV6_TRANSPARENT),
    };
    raw::get_option_int(fd, option.0, option.1).is_ok_and(|value| value != 0)
}

/// Who is at the other end; `None` if they are gone already. The remote address is asked of the
/// connection and not of accept(2), because only the former notices a connection that was reset.
pub fn peer(connection: impl AsFd, listener: &ListenerFacts) -> Option<Peer> {
    let fd = connection.as_fd();
    match listener.family {
        libc::AF_UNIX => unix_peer(fd),
        libc::AF_VSOCK => match (name(fd, End::Local)?, name(fd, End::Remote)?) {
            (Name::Vsock(cid, port), Name::Vsock(remote_cid, remote_port)) => {
                Some(Peer::Vsock { local: (cid, port), remote: (remote_cid, remote_port) })
            }
            _ => None,
        },
        _ => ip_peer(fd, listener.local),
    }
}

fn name(fd: BorrowedFd<'_>, end: End) -> Option<Name> {
    raw::socket_name(fd, end).ok().map(|raw| address::decode(&raw))
}

fn ip_peer(fd: BorrowedFd<'_>, local: Option<(IpAddr, u16)>) -> Option<Peer> {
    let Name::Ip(ip, port, scope) = name(fd, End::Remote)? else {
        return None;
    };
    let local = match local {
        Some(local) => local,
        None => match name(fd, End::Local)? {
            Name::Ip(ip, port, _) => (ip, port),
            _ => return None,
        },
    };
    let scope = (scope != 0).then(|| {
        let name = address::interface_name(scope);
        name.unwrap_or_else(|| scope.to_string()).as_str().into()
    });
    Some(Peer::Ip { local, remote: (ip, port), scope })
}

/// `SO_PEERCRED`: process, user, group.
fn credentials(fd: BorrowedFd<'_>) -> Option<(i32, u32, u32)> {
    let mut bytes = [0u8; size_of::<libc::ucred>()];
    let length = raw::get_option(fd, libc::SOL_SOCKET, libc::SO_PEERCRED, &mut bytes).ok()?;
    match bytes {
        [p0, p1, p2, p3, u0, u1, u2, u3, g0, g1, g2, g3] if length == bytes.len() => Some((
            i32::from_ne_bytes([p0, p1, p2, p3]),
            u32::from_ne_bytes([u0, u1, u2, u3]),
            u32::from_ne_bytes([g0, g1, g2, g3]),
        )),
        _ => None,
    }
}

fn unix_peer(fd: BorrowedFd<'_>) -> Option<Peer> {
    let (pid, uid, _) = credentials(fd)?;
    let address = name(fd, End::Remote)?.unix_display().map(|text| text.as_str().into());
    Some(Peer::Unix { pid: (pid > 0).then_some(pid), uid, groups: Vec::new(), address })
}

/// Groups that the process at the other end of an AF_UNIX connection had when it connected, the
/// effective one first. Without those that the kernel cannot tell.
pub fn groups(connection: impl AsFd) -> Vec<u32> {
    /// Most processes are in fewer than 64; the kernel allows 65,536.
    const ROOM: [usize; 2] = [64, 65_536];
    let fd = connection.as_fd();
    let mut groups: Vec<u32> = credentials(fd).map(|(_, _, gid)| gid).into_iter().collect();
    for room in ROOM {
        let mut bytes = vec![0u8; room * size_of::<libc::gid_t>()];
        match raw::get_option(fd, libc::SOL_SOCKET, libc::SO_PEERGROUPS, &mut bytes) {
            Ok(length) => {
                let (numbers, _) = bytes[..length.min(bytes.len())].as_chunks();
                groups.extend(numbers.iter().map(|number| u32::from_ne_bytes(*number)));
                break;
            }
            Err(Errno::ERANGE) => {}
            Err(_) => break,
        }
    }
    groups
}

/// Whether the peer of a stream has closed the connection, or at least its side of it, and nothing it
/// has said is left to be read. Of packets nobody can tell an empty one from the end.
pub fn has_hung_up(connection: impl AsFd) -> bool {
    let fd = connection.as_fd();
    let peek = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    match recv(fd.as_raw_fd(), &mut [0u8; 1], peek) {
        Ok(0) => raw::get_option_int(fd, libc::SOL_SOCKET, libc::SO_TYPE) == Ok(libc::SOCK_STREAM),
        Ok(_) | Err(Errno::EAGAIN | Errno::EINTR) => false,
        Err(_) => true,
    }
}
