//! Descriptors that porterd was itself given (`LISTEN_FDS`), matched by address when a socket unit
//! opens its ports: what is there already is kept, not bound.

use crate::linux::address::{self, InheritedKind};
use crate::linux::raw;
use crate::unit::socket::{Address, Listen};
use std::os::fd::{AsFd, OwnedFd};

/// One of them.
#[derive(Debug)]
struct Waiting {
    kind: InheritedKind,
    /// Its name in `LISTEN_FDNAMES`.
    name: String,
    /// A socket of another network namespace than ours.
    elsewhere: bool,
    fd: OwnedFd,
}

/// Descriptors without an owner yet.
#[derive(Debug, Default)]
pub(super) struct Inherited {
    waiting: Vec<Waiting>,
}

impl Inherited {
    /// Takes over `count` descriptors from number 3 up; `names` is `LISTEN_FDNAMES`.
    pub(super) fn take(count: u32, names: &str) -> Inherited {
        let mut waiting = Vec::new();
        let ours = raw::socket(libc::AF_UNIX, libc::SOCK_DGRAM, 0).and_then(|fd| raw::network_cookie(fd.as_fd())).ok();
        let mut names = names.split(':');
        for number in 3..3u32.saturating_add(count) {
            let name = names.next().unwrap_or_default().to_owned();
            let Ok(fd) = raw::take_fd(number as i32) else {
                continue;
            };
            // LISTEN_FDS come without it, and must reach services only under their final numbers.
            nix::fcntl::fcntl(&fd, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC)).ok();
            let kind = address::describe(&fd).map_or(InheritedKind::Unknown, |found| found.kind);
            let network = raw::network_cookie(fd.as_fd()).ok();
            let elsewhere = network.is_some() && ours.is_some() && network != ours;
            waiting.push(Waiting { kind, name, elsewhere, fd });
        }
        Inherited { waiting }
    }

    /// How many are left.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The descriptor that is this port, if one was given. A unit with a network of its own gets only
    /// sockets that are in one, and others only those that are not. A port that the kernel chose is
    /// known by the name under which it was stored.
    pub(super) fn claim(&mut self, port: &Listen, stored: &str, own_network: bool) -> Option<OwnedFd> {
        let bound = matches!(port, Listen::Socket { .. } | Listen::Netlink { .. });
        let chosen = port.asks_for_any_port();
        let fits = |w: &Waiting| {
            is(&w.kind, port, chosen) && (!chosen || w.name == stored) && (!bound || w.elsewhere == own_network)
        };
        let at = self.waiting.iter().position(fits)?;
        Some(self.waiting.remove(at).fd)
    }

    /// Closes what no unit asked for.
    pub(super) fn close_rest(&mut self) {
        self.waiting.clear();
    }
}

fn is(kind: &InheritedKind, port: &Listen, any_port: bool) -> bool {
    match (kind, port) {
        (InheritedKind::Socket(kind, at), Listen::Socket { kind: wanted, address }) => {
            kind == wanted && same_address(at, address, any_port)
        }
        (InheritedKind::Netlink(family, groups), Listen::Netlink { family: f, groups: g }) => {
            family == f && groups == g
        }
        (InheritedKind::Fifo(path), Listen::Fifo(wanted)) => **path == **wanted,
        (InheritedKind::Special(path), Listen::Special(wanted)) => **path == **wanted,
        (InheritedKind::MessageQueue(name), Listen::MessageQueue(wanted)) => **name == **wanted,
        _ => false,
    }
}

/// IPv6 scopes are not compared, as in systemd.
fn same_address(a: &Address, b: &Address, any_port: bool) -> bool {
    match (a, b) {
        (Address::V6(ip_a, port_a, _), Address::V6(ip_b, port_b, _)) => ip_a == ip_b && (any_port || port_a == port_b),
        (Address::V4(ip_a, _), Address::V4(ip_b, _)) if any_port => ip_a == ip_b,
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::socket::SocketKind;
    use std::os::fd::OwnedFd;

    #[test]
    fn a_socket_is_claimed_once_by_its_address() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let fd = OwnedFd::from(listener);
        let kind = address::describe(&fd).unwrap().kind;
        let waiting = |fd, kind| Waiting { kind, name: "a.socket.0".to_owned(), elsewhere: false, fd };
        let other = waiting(fd.try_clone().unwrap(), kind.clone());
        let mut inherited = Inherited { waiting: vec![waiting(fd, kind)] };
        let listen = |kind, port| Listen::Socket { kind, address: Address::V4([127, 0, 0, 1].into(), port) };
        assert!(inherited.claim(&listen(SocketKind::Datagram, port), "", false).is_none());
        assert!(inherited.claim(&listen(SocketKind::Stream, port.wrapping_add(1)), "", false).is_none());
        assert!(inherited.claim(&listen(SocketKind::Stream, port), "", true).is_none());
        assert!(inherited.claim(&listen(SocketKind::Stream, port), "", false).is_some());
        assert!(inherited.claim(&listen(SocketKind::Stream, port), "", false).is_none());
        assert_eq!(inherited.len(), 0);
        // A port that the kernel chose is claimed by its name.
        inherited.waiting.push(other);
        assert!(inherited.claim(&listen(SocketKind::Stream, 0), "b.socket.0", false).is_none());
        assert!(inherited.claim(&listen(SocketKind::Datagram, 0), "a.socket.0", false).is_none());
        assert!(inherited.claim(&listen(SocketKind::Stream, 0), "a.socket.0", false).is_some());
    }
}
