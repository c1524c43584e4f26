//! Addresses that come late, and nodes that somebody removes.

use super::{Choices, Descriptor, Kernel};
use crate::engine::event::Event;
use crate::ids::{FdToken, UnitId};
use crate::outside::Trouble;
use crate::unit::SocketUnit;

impl<C: Choices> Kernel<C> {
    /// Whether the address of a unit is not there; if so, something changes sooner or later, often
    /// more than once in a moment, and not always what matters.
    pub(super) fn is_absent(&mut self, unit: UnitId, socket: &SocketUnit) -> bool {
        if !socket.options.beyond.bind_retry || !self.choices.chance(self.faults.absent) {
            return false;
        }
        let (trouble, detail) = (Trouble::NoAddress, "no such address".into());
        self.happened.push_back(Event::BindFailed { unit, trouble, detail });
        for _ in 0..=self.choices.below(3) {
            let span = [0, 10, 150_000, 400_000, 90_000_000][self.choices.below(5) as usize];
            self.later(span, Event::AddressesChanged);
        }
        true
    }

    /// Somebody removes the node of a listener, chosen at will.
    pub fn remove_node(&mut self) {
        let remove = self.faults.remove;
        if !self.choices.chance(remove) {
            return;
        }
        let listeners: Vec<FdToken> =
            self.fds.iter().filter(|(_, d)| matches!(d, Descriptor::Listener { .. })).map(|(fd, _)| *fd).collect();
        if !listeners.is_empty() {
            let fd = listeners[self.choices.below(listeners.len() as u64) as usize];
            self.nodeless.insert(fd);
            self.happened.push_back(Event::NodeGone { fd });
        }
    }

    pub(super) fn heal(&mut self, fd: FdToken, renew: bool) {
        if !self.fds.contains_key(&fd) {
            return self.violate(format!("heal of {fd}, which is not open"));
        }
        // It may be there again already, or not be to be put back at all.
        match self.choices.below(8) {
            0 => self.happened.push_back(Event::NodeLost { fd, detail: "something else is there".into() }),
            1..=3 if renew => {
                let new = self.new_fd(Descriptor::Listener { queued: 0 });
                self.happened.push_back(Event::PortRenewed { lost: fd, new, path: "/run/x".into() });
            }
            _ => self.happened.push_back(Event::NodeHealed { fd, path: "/run/x".into() }),
        }
        self.nodeless.remove(&fd);
    }

    /// Listeners whose node was removed and not looked after since.
    pub fn nodeless(&self) -> impl Iterator<Item = FdToken> + '_ {
        self.nodeless.iter().copied().filter(|fd| self.fds.contains_key(fd))
    }
}
