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
        let mut taken = Vec::new();
        let failure = self.take_connections(listener, budget, &mut taken);
        for conn in taken {
            self.connected(listener, conn);
        }
        if let Some(errno) = failure {
            let trouble = trouble(errno);
            if trouble == Trouble::Exhausted {
                self.refuse_with_reserve(listener, errno);
            }
            self.events.push_back(Event::AcceptFailed { listener, trouble });
        }
    }

    /// As many as there are, at most `budget`; what ended the row if that was neither.
    fn take_connections(&self, listener: FdToken, budget: u32, taken: &mut Vec<OwnedFd>) -> Option<Errno> {
        let fd = self.handles.get(listener)?;
        let acceptor = Acceptor::new(&fd);
        for _ in 0..budget {
            match acceptor.accept() {
                Ok(conn) => taken.push(conn),
                Err(AcceptError::WouldBlock) => return None,
                // The connection that failed is gone, the next one may be fine.
                Err(AcceptError::Transient(_)) => {}
                Err(AcceptError::Hard(errno)) => return Some(errno),
            }
        }
        None
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
        let mut turned_away = Vec::new();
        self.take_connections(listener, 1, &mut turned_away);
        drop(turned_away);
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
