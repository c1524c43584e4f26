//! `X-HealNode=yes`: a node that somebody removed is put back. What is queued belongs to the socket
//! and not to its name, so nothing of it is lost. Somebody who removes it again and again is answered
//! at most as often as [`HEALS`] allows; then the node stays away until the time is over. Where nothing
//! is left to put back, a new socket takes its place beside the old one.

use super::Port;
use crate::bounds::{HEALS_BURST, HEALS_INTERVAL_USEC, LOST_PORTS_MAX};
use crate::engine::effect::{Effect, Level};
use crate::engine::limits::Window;
use crate::engine::{Engine, Reason};
use crate::ids::{FdToken, UnitId};
use crate::unit::RateLimit;

const HEALS: RateLimit = RateLimit { interval_usec: HEALS_INTERVAL_USEC, burst: HEALS_BURST };

impl Engine {
    /// The node of a port is not where it was made.
    pub(in crate::engine) fn node_gone(&mut self, fd: FdToken) {
        let Some(id) = self.fds.get(&fd).copied() else {
            return;
        };
        let now = self.now;
        let configured = self.socket_unit(id).map_or(0, |unit| unit.listen.len());
        let Some(socket) = self.socket_mut(id) else {
            return;
        };
        let index = socket.ports.iter().find(|port| port.fd == fd).map(|port| port.index);
        let (Some(index), Some(settings)) = (index, socket.opened.clone()) else {
            return;
        };
        if !socket.state.holds_fds() {
            return;
        }
        if socket.heal_window.admit(now, HEALS) {
            let renew = socket.ports.len() < configured + LOST_PORTS_MAX;
            self.out.push(Effect::HealNode { fd, settings, index, renew });
            return;
        }
        let until = socket.heal_window.ends(HEALS);
        if self.deadlines.get(id, Reason::Heal(fd)).is_none() {
            let text = "its node is removed again and again; it is put back later";
            self.tell("node-heal-limit", Level::Warning, id, text);
        }
        self.deadlines.set(id, Reason::Heal(fd), until);
    }

    pub(in crate::engine) fn heal_again(&mut self, fd: FdToken) {
        // Counted like any other: the time of the limit is over, so it passes.
        self.node_gone(fd);
    }

    pub(in crate::engine) fn node_healed(&mut self, fd: FdToken, path: &str) {
        if let Some(id) = self.healing(fd) {
            let text = format!("somebody removed {path}; it is back, with everything that was queued");
            self.tell("node-healed", Level::Notice, id, text);
        }
    }

    /// Both are open now: the new one in the place of the lost one, so that services find it where they
    /// look, and the lost one behind all others, so that what is queued there is still served.
    pub(in crate::engine) fn port_renewed(&mut self, lost: FdToken, new: FdToken, path: &str) {
        let Some(id) = self.healing(lost) else {
            return self.out.push(Effect::Close { fd: new });
        };
        let Some(socket) = self.socket_mut(id) else {
            return self.out.push(Effect::Close { fd: new });
        };
        let Some(at) = socket.ports.iter().position(|port| port.fd == lost) else {
            return self.out.push(Effect::Close { fd: new });
        };
        let old = socket.ports[at];
        socket.ports[at] =
            Port { index: old.index, fd: new, window: Window::default(), watched: false, counted: false };
        socket.ports.push(old);
        self.fds.insert(new, id);
        self.socket_watch(id);
        let text = format!(
            "somebody removed {path} for good; a new socket is there, and what is queued on the old one is still served"
        );
        self.tell("node-renewed", Level::Warning, id, text);
    }

    pub(in crate::engine) fn node_lost(&mut self, fd: FdToken, detail: &str) {
        if let Some(id) = self.healing(fd) {
            self.tell("node-lost", Level::Warning, id, detail);
        }
    }

    fn healing(&mut self, fd: FdToken) -> Option<UnitId> {
        let id = self.fds.get(&fd).copied()?;
        self.deadlines.set(id, Reason::Heal(fd), None);
        Some(id)
    }
}
