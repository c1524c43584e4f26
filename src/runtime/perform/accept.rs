//! Effects about connections. This is the hot path: of a listener everything that can be known
//! beforehand was asked when it was opened.

use super::ports::{socket_of, trouble};
use crate::engine::event::{Event, Peer};
use crate::ids::FdToken;
use crate::linux::accept::{AcceptError, Acceptor};
use crate::linux::peer::{self, PeerFacts, peer};
use crate::linux::{drain, socket};
use crate::runtime::world::World;
use crate::unit::Unit;
use nix::errno::Errno;
use std::os::fd::{AsFd, OwnedFd};

impl World {
    pub(super) fn accept(&mut self, listener: FdToken, settings: &Unit, budget: u32, shed: bool) {
        let look = Look { groups: asks_for_groups(settings), shed };
        let mut taken = Vec::new();
        let room = self.room();
        let mut failure = self.take_connections(listener, budget.min(room), &mut taken);
        if room < budget && taken.len() as u64 >= u64::from(room) {
            failure = Some(Errno::EMFILE);
        }
        for conn in taken {
            self.connected(listener, conn, look);
        }
        if let Some(errno) = failure {
            // Whoever was not taken waits in the backlog until the pause is over.
            self.events.push_back(Event::AcceptFailed { listener, trouble: trouble(errno) });
        }
    }

    /// For how many connections there are descriptors; some are kept for starting what serves them. What cannot
    /// be served waits in the backlog.
    fn room(&self) -> u32 {
        let in_use = self.handles.len() + self.strays.len() + 2 * self.outputs.len();
        let free = self.facts.descriptors_comfortable.saturating_sub(in_use as u64);
        u32::try_from(free).unwrap_or(u32::MAX)
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

    fn connected(&mut self, listener: FdToken, conn: OwnedFd, look: Look) {
        let Some(known) = self.listeners.get(&listener).and_then(|known| known.connections.as_deref()) else {
            return;
        };
        if !known.calls.is_empty() {
            for warning in socket::apply_connection_options(&conn, &known.calls) {
                tracing::debug!("a connection's option: {warning}");
            }
        }
        let mut peer = known.facts.as_ref().and_then(|facts| peer(&conn, facts)).map(translate);
        if let (true, Some(Peer::Unix { groups, .. })) = (look.groups, &mut peer) {
            *groups = peer::groups(&conn);
        }
        if look.shed && peer::has_hung_up(&conn) {
            peer = None;
        }
        let conn = self.handles.keep(conn);
        self.events.push_back(Event::Connected { listener, conn, peer });
    }

    /// One descriptor is kept so that what was taken can still be served when none is left.
    pub(in crate::runtime) fn refill_reserve(&mut self) {
        if self.reserve.is_none() {
            self.reserve = self.signals.as_fd().try_clone_to_owned().ok();
        }
    }

    pub(super) fn drain(&mut self, fd: FdToken) {
        let Some(port) = self.handles.get(fd) else {
            return;
        };
        match drain::drain(port) {
            Ok(0) => {}
            Ok(count) => {
                tracing::debug!("{count} pending connections or messages were thrown away")
            }
            Err(errno) => tracing::debug!("pending data cannot be thrown away: {}", errno.desc()),
        }
    }
}

/// What else is asked about each connection.
#[derive(Clone, Copy)]
struct Look {
    groups: bool,
    shed: bool,
}

/// Whether the groups of a peer matter.
fn asks_for_groups(settings: &Unit) -> bool {
    let admission = socket_of(settings).and_then(|socket| socket.admission.as_ref());
    admission.is_some_and(|admission| admission.allow_peer_group.is_some())
}

fn translate(facts: PeerFacts) -> Peer {
    match facts {
        PeerFacts::Ip { local, remote, scope } => Peer::Ip { local, remote, scope },
        PeerFacts::Unix { pid, uid, address } => Peer::Unix { pid, uid, groups: Vec::new(), address },
        PeerFacts::Vsock { local, remote } => Peer::Vsock { local, remote },
    }
}
