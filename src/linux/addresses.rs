//! Hears that interfaces or addresses come and go (rtnetlink(7)). What exactly happened is not read:
//! whoever waits for an address tries it.

use super::{address, namespaces, raw};
use crate::bounds::ADDRESS_MESSAGES_PER_TURN;
use nix::Result;
use nix::errno::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Groups of rtnetlink: links, IPv4 addresses, IPv6 addresses.
const GROUPS: u32 = 0x1 | 0x10 | 0x100;

/// A socket that becomes readable with every change from now on.
#[derive(Debug)]
pub struct Monitor(OwnedFd);

impl Monitor {
    /// For this network namespace; `None` is our own.
    pub fn open(namespace: Option<BorrowedFd<'_>>) -> Result<Monitor> {
        let (domain, kind, protocol) = (libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE);
        let fd = match namespace {
            Some(namespace) => namespaces::socket_in(namespace, domain, kind, protocol)?,
            None => raw::socket(domain, kind, protocol)?,
        };
        raw::bind(fd.as_fd(), &address::encode_netlink(GROUPS))?;
        Ok(Monitor(fd))
    }

    /// Takes what was said; whether it was anything. Messages that were lost were said as well.
    pub fn take(&self) -> bool {
        let mut buffer = [0; 4096];
        let mut any = false;
        for _ in 0..ADDRESS_MESSAGES_PER_TURN {
            match raw::receive(self.0.as_fd(), &mut buffer) {
                Ok(_) | Err(Errno::ENOBUFS) => any = true,
                Err(_) => break,
            }
        }
        any
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
