//! Effects about connections. This is the hot path: of a listener everything that can be known
//! beforehand was asked when it was opened.

use super::ports::trouble;
use crate::engine::event::{Event, Peer, Trouble};
use crate::ids::FdToken;
use crate::linux::accept::{AcceptError, Acceptor};
use crate::linux::peer::{PeerFacts, peer};
use crate::linux::{drain, socket};
use crate::runtime::world::World;
use nix::errno::Errno;
use std::os::fd::{AsFd, OwnedFd};

impl World {
    pub(super) fn accept(&mut self, listener: FdToken, budget: u32) {
        for _ in 0..budget {
            match self.accept_one(listener) {
                Ok(conn) => self.connected(listener, conn),
                Err(AcceptError::WouldBlock) => return,
                // The connection that failed is gone, the next one may be fine.
                Err(AcceptError::Transient(_)) => {}
                Err(AcceptError::Hard(errno)) => {
                    let trouble = trouble(errno);
                    if trouble == Trouble::Exhausted {
                        self.refuse_with_reserve(listener, errno);
                    }
                    self.events.push_back(Event::AcceptFailed { listener, trouble });
                    return;
                }
            }
        }
    }

    fn accept_one(&self, listener: FdToken) -> Result<OwnedFd, AcceptError> {
        let fd = self.handles.get(listener).ok_or(AcceptError::WouldBlock)?;
        Acceptor::new(&fd).accept()
    }

    fn connected(&mut self, listener: FdToken, conn: OwnedFd) {
        let Some(known) = self.listeners.get(&listener) else { return };
        if !known.calls.is_empty() {
            for warning in socket::apply_connection_options(&conn, &known.calls) {
                tracing::debug!("a connection's option: {warning}");
            }
        }
        let peer = known.facts.as_ref().and_then(|facts| peer(&conn, facts)).map(translate);
        let conn = self.handles.keep(conn);
        self.events.push_back(Event::Connected { listener, conn, peer });
    }

    /// Out of descriptors: one that was kept for this lets the oldest connection be taken and closed
    /// at once, so that its client is told, and does not wait for a time-out.
    fn refuse_with_reserve(&mut self, listener: FdToken, errno: Errno) {
        if !matches!(errno, Errno::EMFILE | Errno::ENFILE) || self.reserve.take().is_none() {
            return;
        }
        drop(self.accept_one(listener));
        self.refill_reserve();
    }

    pub(in crate::runtime) fn refill_reserve(&mut self) {
        if self.reserve.is_none() {
            self.reserve = self.signals.as_fd().try_clone_to_owned().ok();
        }
    }

    pub(super) fn drain(&mut self, fd: FdToken) {
        let Some(port) = self.handles.get(fd) else { return };
        match drain::drain(port) {
            Ok(0) => {}
            Ok(count) => tracing::debug!("{count} pending connections or messages were thrown away"),
            Err(errno) => tracing::debug!("pending data cannot be thrown away: {}", errno.desc()),
        }
    }
}

fn translate(facts: PeerFacts) -> Peer {
    match facts {
        PeerFacts::Ip { local, remote, scope } => Peer::Ip { local, remote, scope },
        PeerFacts::Unix { pid, uid, address } => Peer::Unix { pid, uid, address },
        PeerFacts::Vsock { local, remote } => Peer::Vsock { local, remote },
    }
}
