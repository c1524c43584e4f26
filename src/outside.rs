//! What the world outside tells, in words that all layers share: the kernel's side finds them, the
//! engine judges by them. Data only.

use crate::ids::Text;
use std::net::IpAddr;

/// Why something could not be done, as far as anybody has to decide what next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Try again at once (EAGAIN, EINTR, ECONNABORTED, …).
    Transient,
    /// Out of descriptors, memory or processes (EMFILE, ENFILE, ENOMEM, ENOBUFS; EAGAIN of clone).
    Exhausted,
    /// Somebody else has it (EADDRINUSE, EEXIST, EBUSY).
    Busy,
    /// Not allowed (EACCES, EPERM).
    Denied,
    /// Not there (ENOENT, ENXIO, ENOTDIR).
    Absent,
    /// An address or interface is not there (EADDRNOTAVAIL, ENODEV).
    NoAddress,
    /// The kernel cannot (EAFNOSUPPORT, EPROTONOSUPPORT, …).
    Unsupported,
    /// Anything else.
    Other(i32),
}

/// Where a connection comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// AF_INET, AF_INET6. IPv4-mapped addresses are kept as they are.
    Ip {
        /// Our end.
        local: (IpAddr, u16),
        /// Their end.
        remote: (IpAddr, u16),
        /// Interface name of a link-local remote address (its index if the name is gone).
        scope: Option<Text>,
    },
    /// AF_UNIX.
    Unix {
        /// Process that connected; `None` if we cannot see it.
        pid: Option<i32>,
        /// Its user.
        uid: u32,
        /// Its groups, the effective one first; empty unless `X-AllowPeerGroup=` asks for them.
        groups: Vec<u32>,
        /// Bound address of the peer in display form, if it has one.
        address: Option<Text>,
    },
    /// AF_VSOCK: CID and port.
    Vsock {
        /// Our end.
        local: (u32, u32),
        /// Their end.
        remote: (u32, u32),
    },
}
