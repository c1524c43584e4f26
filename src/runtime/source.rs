//! What epoll watches. A source is a class, a kind and a token, never a descriptor number, so an
//! event for something closed finds nothing (R5).

use crate::ids::{ClientId, FdToken, ProcToken, UnitId};
use crate::linux::poll::{Class, Interest, Poll};
use nix::errno::Errno;
use std::os::fd::AsFd;

/// Something that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// The signalfd.
    Signals,
    /// The signalfd of SIGCHLD.
    Children,
    /// A unit's notification socket.
    Notify(UnitId),
    /// The report of a process that is not yet known to have reached exec.
    Report(ProcToken),
    /// The pidfd of a process.
    Exit(ProcToken),
    /// The pidfd of a further process of a unit that is to become empty.
    Stray(u64),
    /// inotify on control groups.
    Groups,
    /// inotify where nodes are that are put back.
    Nodes,
    /// rtnetlink, of any namespace.
    Addresses,
    /// inotify where a pid file is awaited.
    PidFile(UnitId),
    /// Output of services, by pipe.
    Output(u64),
    /// The control socket.
    Control,
    /// A control client.
    Client(ClientId),
    /// A descriptor in a service's store.
    Stored(FdToken),
    /// A listener.
    Listener(FdToken),
}

/// Low bits of a token that tell the kinds of one class apart.
const KIND_BITS: u32 = 2;

impl Source {
    fn parts(self) -> (Class, u64, u64) {
        match self {
            Source::Signals => (Class::Signal, 0, 0),
            Source::Children => (Class::Signal, 1, 0),
            Source::Notify(unit) => (Class::Notify, 0, u64::from(unit.0)),
            Source::Report(proc) => (Class::Exit, 0, proc.0),
            Source::Exit(proc) => (Class::Exit, 1, proc.0),
            Source::Stray(token) => (Class::Exit, 2, token),
            Source::Groups => (Class::Group, 0, 0),
            Source::PidFile(unit) => (Class::Group, 1, u64::from(unit.0)),
            Source::Nodes => (Class::Group, 2, 0),
            Source::Addresses => (Class::Group, 3, 0),
            Source::Output(token) => (Class::Output, 0, token),
            Source::Control => (Class::Control, 0, 0),
            Source::Client(client) => (Class::Control, 1, client.0),
            Source::Stored(fd) => (Class::Stored, 0, fd.0),
            Source::Listener(fd) => (Class::Listener, 0, fd.0),
        }
    }

    fn token(self) -> (Class, u64) {
        let (class, kind, id) = self.parts();
        (class, id << KIND_BITS | kind)
    }

    /// The source that reported.
    pub(super) fn of(class: Class, token: u64) -> Option<Source> {
        let (kind, id) = (token & ((1 << KIND_BITS) - 1), token >> KIND_BITS);
        Some(match (class, kind) {
            (Class::Signal, 0) => Source::Signals,
            (Class::Signal, _) => Source::Children,
            (Class::Notify, _) => Source::Notify(UnitId(u32::try_from(id).ok()?)),
            (Class::Exit, 0) => Source::Report(ProcToken(id)),
            (Class::Exit, 1) => Source::Exit(ProcToken(id)),
            (Class::Exit, _) => Source::Stray(id),
            (Class::Group, 0) => Source::Groups,
            (Class::Group, 2) => Source::Nodes,
            (Class::Group, 3) => Source::Addresses,
            (Class::Group, _) => Source::PidFile(UnitId(u32::try_from(id).ok()?)),
            (Class::Output, _) => Source::Output(id),
            (Class::Control, 0) => Source::Control,
            (Class::Control, _) => Source::Client(ClientId(id)),
            (Class::Stored, _) => Source::Stored(FdToken(id)),
            (Class::Listener, _) => Source::Listener(FdToken(id)),
        })
    }

    /// Starts watching.
    pub(super) fn add(self, poll: &Poll, fd: impl AsFd, interest: Interest) -> Result<(), Errno> {
        let (class, token) = self.token();
        poll.add(fd, class, token, interest)
    }

    /// Changes what is watched for.
    pub(super) fn modify(self, poll: &Poll, fd: impl AsFd, interest: Interest) -> Result<(), Errno> {
        let (class, token) = self.token();
        poll.modify(fd, class, token, interest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_its_source() {
        for source in [
            Source::Signals,
            Source::Children,
            Source::Notify(UnitId(u32::MAX)),
            Source::Report(ProcToken(9)),
            Source::Exit(ProcToken(9)),
            Source::Stray(4),
            Source::Groups,
            Source::PidFile(UnitId(3)),
            Source::Nodes,
            Source::Addresses,
            Source::Output(1),
            Source::Control,
            Source::Client(ClientId(2)),
            Source::Stored(FdToken(1)),
            Source::Listener(FdToken(1 << 50)),
        ] {
            let (class, token) = source.token();
            assert_eq!(Source::of(class, token), Some(source));
        }
    }
}
