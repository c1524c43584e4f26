//! Effects about connections. This is the hot path: of a listener everything that can be known
//! beforehand was asked when it was opened.

use super::ports::{socket_of, trouble};
use crate::engine::event::Event;
use crate::ids::FdToken;
use crate::linux::accept::{AcceptError, Acceptor};
use crate::linux::peer::{self, peer};
use crate::linux::{drain, socket};
use crate::outside::Peer;
use crate::runtime::world::World;
use crate::unit::Unit;
use nix::errno::Errno;
use std::os::fd::{AsFd, OwnedFd};

impl World {
    pub(super) fn accept(&mut self, listener: FdToken, settings: &Unit, budget: u32, shed: bool) {
        let look = Look { groups: asks_for_groups(settings), shed };
        self.accepting = Some(Accepting { listener, budget, room: self.room(), look });
    }

    /// One connection, or what is wrong; `None` if there is none, or for now enough.
    pub(in crate::runtime) fn next_connection(&mut self) -> Option<Event> {
        loop {
            let Accepting { listener, budget, room, look } = self.accepting.take()?;
            let handle = self.handles.get_mut(listener).filter(|handle| handle.watched && budget > 0)?;
            if room == 0 {
                // Whoever is not taken waits in the backlog until the pause is over.
                return Some(Event::AcceptFailed { listener, trouble: trouble(Errno::EMFILE) });
            }
            let (event, rest) = match Acceptor::new(&handle.fd).accept() {
                Ok(conn) => (self.connected(listener, conn, look), 1),
                Err(AcceptError::WouldBlock) => return None,
                // The connection that failed is gone, the next one may be fine.
                Err(AcceptError::Transient(_)) => (None, 0),
                Err(AcceptError::Hard(errno)) => {
                    return Some(Event::AcceptFailed { listener, trouble: trouble(errno) });
                }
            };
            self.accepting = Some(Accepting { listener, budget: budget - 1, room: room - rest, look });
            if event.is_some() {
                return event;
            }
        }
    }

    /// For how many connections there are descriptors; some are kept for starting what serves them. What cannot
    /// be served waits in the backlog.
    fn room(&self) -> u32 {
        let in_use = self.handles.len() + self.strays.len() + 2 * self.outputs.len() + self.groups.descriptors();
        let free = self.facts.descriptors_comfortable.saturating_sub(in_use as u64);
        u32::try_from(free).unwrap_or(u32::MAX)
    }

    fn connected(&mut self, listener: FdToken, conn: OwnedFd, look: Look) -> Option<Event> {
        let known = self.listeners.get(&listener)?.connections.as_deref()?;
        if !known.calls.is_empty() {
            for warning in socket::apply_connection_options(&conn, &known.calls) {
                tracing::debug!("a connection's option: {warning}");
            }
        }
        let mut peer = known.facts.as_ref().and_then(|facts| peer(&conn, facts));
        if let (true, Some(Peer::Unix { groups, .. })) = (look.groups, &mut peer) {
            *groups = peer::groups(&conn);
        }
        if look.shed && peer::has_hung_up(&conn) {
            peer = None;
        }
        let conn = self.handles.keep(conn);
        Some(Event::Connected { listener, conn, peer })
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

/// A listener from which connections are being taken.
#[derive(Clone, Copy, Debug)]
pub(in crate::runtime) struct Accepting {
    listener: FdToken,
    /// Most that are taken in this turn.
    budget: u32,
    /// For how many there are descriptors.
    room: u32,
    look: Look,
}

/// What else is asked about each connection.
#[derive(Clone, Copy, Debug)]
struct Look {
    groups: bool,
    shed: bool,
}

/// Whether the groups of a peer matter.
fn asks_for_groups(settings: &Unit) -> bool {
    let admission = socket_of(settings).and_then(|socket| socket.admission.as_ref());
    admission.is_some_and(|admission| admission.allow_peer_group.is_some())
}
