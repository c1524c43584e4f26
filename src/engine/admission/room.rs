//! When there is no room, and when what serves cannot be started: the listener waits, and comes back
//! by itself (`X-OnMaxConnections=`, `X-OnLimit=`).

use crate::bounds::PAUSE_USEC_MAX;
use crate::engine::Engine;
use crate::engine::policy::{OnLimit, OnMaxConnections};
use crate::ids::{FdToken, UnitId};
use crate::unit::SocketUnit;

impl Engine {
    /// What a socket does at a limit: what its file says, else what the daemon is like.
    pub(in crate::engine) fn on_limit(&self, id: UnitId, daemons: OnLimit) -> OnLimit {
        self.socket_unit(id).and_then(|unit| unit.on_limit).unwrap_or(daemons)
    }

    fn waits_for_room(&self, unit: &SocketUnit) -> bool {
        unit.accept && unit.on_max_connections.unwrap_or(self.policy.on_max_connections) == OnMaxConnections::Wait
    }

    /// How many connections to accept in one go; 0 if there is no room, and then nobody watches.
    pub(in crate::engine) fn accept_budget(&mut self, id: UnitId, unit: &SocketUnit) -> u32 {
        const MOST: u32 = crate::bounds::ACCEPTS_PER_TURN;
        if !self.waits_for_room(unit) {
            return MOST;
        }
        let served = self.socket(id).map_or(0, |socket| socket.connections);
        let room = unit.max_connections.saturating_sub(served);
        if room == 0 {
            self.room_changed(id, unit);
        }
        room.min(MOST)
    }

    /// Whether a turn's worth of connections would be admitted even if nobody had left meanwhile.
    pub(crate) fn has_room(&self, listener: FdToken) -> bool {
        let found = self.fds.get(&listener).and_then(|id| Some((self.socket_unit(*id)?, self.socket(*id)?)));
        found.is_some_and(|(unit, socket)| {
            let room = unit.max_connections.saturating_sub(socket.connections);
            unit.accept && socket.door.is_none() && room >= crate::bounds::ACCEPTS_PER_TURN
        })
    }

    /// A connection was taken in, or settings changed: does anybody still need to watch?
    pub(in crate::engine) fn room_changed(&mut self, id: UnitId, unit: &SocketUnit) {
        let waits = self.waits_for_room(unit);
        let Some(socket) = self.socket_mut(id) else {
            return;
        };
        let full = waits && socket.connections >= unit.max_connections;
        if std::mem::replace(&mut socket.full, full) == full {
            return;
        }
        if full {
            self.press(id, PAUSE_USEC_MAX);
            self.socket_unwatch(id);
        } else {
            self.socket_watch(id);
        }
    }

    /// More come than are served. While that is so, and as long again, nothing is started for peers that
    /// have hung up without having said anything: they only keep the others waiting.
    pub(in crate::engine) fn press(&mut self, id: UnitId, span_usec: u64) {
        let until = self.now.after(span_usec.saturating_mul(2)).filter(|_| self.policy.peers_before_trigger);
        if let Some(socket) = self.socket_mut(id) {
            socket.pressed = socket.pressed.max(until);
        }
    }

    /// A wake-up that only brought somebody who is refused does not count against `PollLimit…=`:
    /// resting would keep the others waiting.
    pub(super) fn poll_given_back(&mut self, id: UnitId, listener: FdToken) {
        let port = self.socket_mut(id).and_then(|s| s.ports.iter_mut().find(|port| port.fd == listener));
        if let Some(port) = port
            && std::mem::take(&mut port.counted)
        {
            port.window.give_back();
        }
    }

    /// An instance is down. One that never came up is not its client's fault: the program is missing
    /// or there is no memory, so the next one would fare no better.
    pub(in crate::engine) fn instance_ended(&mut self, socket: UnitId, instance: UnitId, failed: bool) {
        let Some(slot) = self.units.get(&instance) else {
            return;
        };
        let step = self.service(instance).and_then(|service| service.step_failure.clone());
        let never_up = failed && (step.is_some() || slot.moments.active_enter.get().is_none());
        let Some(machine) = self.socket_mut(socket) else {
            return;
        };
        machine.starts_fail = never_up;
        if never_up && self.on_limit(socket, self.policy.on_failed_start) == OnLimit::Pause {
            let why = step.unwrap_or_else(|| "it failed before it was up".into());
            self.rest_if_listening(socket, &format!("cannot start an instance: {why}"));
        }
    }

    /// The service of a socket with `Accept=no` failed; what woke it up may still be there.
    pub(in crate::engine) fn service_failed(&mut self, socket: UnitId, service: UnitId) {
        if self.on_limit(socket, self.policy.on_failed_start) == OnLimit::Fail {
            return;
        }
        let Some(machine) = self.service(service) else {
            return;
        };
        let why = machine.step_failure.clone().unwrap_or_else(|| machine.result.as_str().into());
        let name = self.unit_name(service).map(ToString::to_string).unwrap_or_default();
        self.rest_if_listening(socket, &format!("{name} failed: {why}"));
    }

    /// Rests with back-off, unless it rests or is on its way down.
    fn rest_if_listening(&mut self, id: UnitId, why: &str) {
        let open = self.socket(id).is_some_and(|socket| {
            socket.state == crate::engine::socket::SocketState::Listening && socket.pause.is_none()
        });
        if open {
            self.socket_rest(id, None, why);
        }
    }
}
