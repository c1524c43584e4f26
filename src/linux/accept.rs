//! Taking connections from a listener without ever blocking on it.

use super::raw;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptError {
    /// None is waiting.
    WouldBlock,
    /// One failed before it was taken, or we were interrupted; the next may be fine.
    Transient(Errno),
    /// It will not get better by asking again: out of descriptors or memory, not a listener, …
    Hard(Errno),
}

/// Errors that belong to one connection, or to nothing at all (accept(2), as systemd has it).
const TRANSIENT: [Errno; 17] = [
    Errno::EINTR,
    Errno::EOPNOTSUPP,
    Errno::ECONNABORTED,
    Errno::ECONNREFUSED,
    Errno::ECONNRESET,
    Errno::EHOSTDOWN,
    Errno::EHOSTUNREACH,
    Errno::ENETDOWN,
    Errno::ENETRESET,
    Errno::ENETUNREACH,
    Errno::ENONET,
    Errno::ENOPROTOOPT,
    Errno::ENOTCONN,
    Errno::EPIPE,
    Errno::EPROTO,
    Errno::ESHUTDOWN,
    Errno::ETIMEDOUT,
];

impl From<Errno> for AcceptError {
    fn from(errno: Errno) -> AcceptError {
        match errno {
            Errno::EAGAIN => AcceptError::WouldBlock,
            _ if TRANSIENT.contains(&errno) => AcceptError::Transient(errno),
            _ => AcceptError::Hard(errno),
        }
    }
}

/// Takes connections from one listener in a row. Whether the listener blocks is asked once: its
/// flags belong to the open description, and a service that shares it may have made it blocking.
#[derive(Debug)]
pub struct Acceptor<'a> {
    listener: BorrowedFd<'a>,
    blocking: bool,
}

impl<'a> Acceptor<'a> {
    /// For a few connections, now; not to be kept while other programs run.
    pub fn new(listener: &'a impl AsFd) -> Acceptor<'a> {
        let listener = listener.as_fd();
        let blocking = !flags(listener).is_ok_and(|flags| flags.contains(OFlag::O_NONBLOCK));
        Acceptor { listener, blocking }
    }

    /// The next connection, close-on-exec and blocking.
    pub fn accept(&self) -> Result<OwnedFd, AcceptError> {
        if !self.blocking {
            return Ok(raw::accept(self.listener)?);
        }
        if !is_readable(self.listener)? {
            return Err(AcceptError::WouldBlock);
        }
        // Somebody else may take the connection between poll and accept, so poll is not enough.
        let _guard = NonBlocking::new(self.listener)?;
        Ok(raw::accept(self.listener)?)
    }
}

/// One connection; see [`Acceptor`] for several.
pub fn accept(listener: impl AsFd) -> Result<OwnedFd, AcceptError> {
    Acceptor::new(&listener).accept()
}

/// Whether there is something to read or to accept, or an error to be told by trying.
pub(super) fn is_readable(fd: BorrowedFd<'_>) -> nix::Result<bool> {
    let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
    Ok(poll(&mut fds, PollTimeout::ZERO)? > 0)
}

fn flags(fd: BorrowedFd<'_>) -> nix::Result<OFlag> {
    fcntl(fd, FcntlArg::F_GETFL).map(OFlag::from_bits_retain)
}

/// Makes a descriptor non-blocking for a moment; others who share it want their flag back.
pub(super) struct NonBlocking<'a> {
    fd: BorrowedFd<'a>,
    before: OFlag,
}

impl<'a> NonBlocking<'a> {
    pub(super) fn new(fd: BorrowedFd<'a>) -> nix::Result<NonBlocking<'a>> {
        let before = flags(fd)?;
        if !before.contains(OFlag::O_NONBLOCK) {
            fcntl(fd, FcntlArg::F_SETFL(before | OFlag::O_NONBLOCK))?;
        }
        Ok(NonBlocking { fd, before })
    }
}

impl Drop for NonBlocking<'_> {
    fn drop(&mut self) {
        if !self.before.contains(OFlag::O_NONBLOCK) {
            // Cannot fail: the same call with the same descriptor has just succeeded.
            fcntl(self.fd, FcntlArg::F_SETFL(self.before)).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_classified() {
        assert_eq!(AcceptError::from(Errno::EAGAIN), AcceptError::WouldBlock);
        assert_eq!(AcceptError::from(Errno::ECONNABORTED), AcceptError::Transient(Errno::ECONNABORTED));
        for errno in [Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM, Errno::ENOBUFS, Errno::EPERM, Errno::EBADF] {
            assert_eq!(AcceptError::from(errno), AcceptError::Hard(errno));
        }
    }
}
