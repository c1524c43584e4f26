//! An open door: traffic, limits, pauses, and what the service does to its sockets.

use super::{Pause, SocketResult, SocketState};
use crate::engine::effect::{Effect, Level};
use crate::engine::jobs::JobKind;
use crate::engine::policy::OnLimit;
use crate::engine::service::ServiceResult;
use crate::engine::slot::{Machine, Relation};
use crate::engine::{Engine, Reason};
use crate::ids::{FdToken, Mono, UnitId};
use crate::outside::Trouble;
use crate::unit::SocketUnit;

impl Engine {
    pub(in crate::engine) fn socket_watch(&mut self, id: UnitId) {
        let mut watch = Vec::new();
        if let Some(socket) = self.socket_mut(id)
            && socket.state == SocketState::Listening
            && socket.pause.is_none()
            && !socket.full
        {
            for port in &mut socket.ports {
                if !std::mem::replace(&mut port.watched, true) {
                    watch.push(port.fd);
                }
            }
        }
        for fd in watch {
            self.deadlines.set(id, Reason::Poll(fd), None);
            self.out.push(Effect::Watch { fd });
        }
    }

    pub(in crate::engine) fn socket_unwatch(&mut self, id: UnitId) {
        let mut unwatch = Vec::new();
        if let Some(socket) = self.socket_mut(id) {
            for port in &mut socket.ports {
                if std::mem::replace(&mut port.watched, false) {
                    unwatch.push(port.fd);
                }
            }
        }
        for fd in unwatch {
            self.out.push(Effect::Unwatch { fd });
        }
    }

    /// Rests with a reason; comes back by itself.
    pub(in crate::engine) fn socket_rest(&mut self, id: UnitId, until: Option<Mono>, why: &str) {
        self.socket_pause(id, until, why, false);
    }

    fn socket_pause(&mut self, id: UnitId, until: Option<Mono>, why: &str, exhausted: bool) {
        let now = self.now;
        let Some(socket) = self.socket_mut(id) else {
            return;
        };
        let until = until.filter(|until| *until > now).unwrap_or_else(|| socket.backoff.next(now));
        let already = socket.pause.replace(Pause { why: why.into(), exhausted }).is_some();
        if matches!(socket.state, SocketState::Running | SocketState::Deferred) {
            self.socket_enter(id, SocketState::Listening);
        }
        self.socket_unwatch(id);
        self.deadlines.set(id, Reason::Pause, Some(until));
        if !already {
            let text = format!("paused for {} ms: {why}", until.since(now) / 1000);
            self.tell("socket-paused", Level::Warning, id, text);
        }
    }

    pub(in crate::engine) fn socket_pause_over(&mut self, id: UnitId) {
        if let Some(socket) = self.socket_mut(id) {
            socket.pause = None;
        }
        self.socket_watch(id);
    }

    /// What it rested for has come about by other means.
    fn socket_pause_forgotten(&mut self, id: UnitId) {
        self.deadlines.set(id, Reason::Pause, None);
        if let Some(socket) = self.socket_mut(id) {
            socket.pause = None;
        }
    }

    pub(in crate::engine) fn socket_poll_again(&mut self, id: UnitId, fd: FdToken) {
        let Some(socket) = self.socket_mut(id) else {
            return;
        };
        let listening = socket.state == SocketState::Listening && socket.pause.is_none() && !socket.full;
        if let Some(port) = socket.ports.iter_mut().find(|port| port.fd == fd && !port.watched)
            && listening
        {
            port.watched = true;
            self.out.push(Effect::Watch { fd });
        }
    }

    pub(in crate::engine) fn readable(&mut self, fd: FdToken) {
        let Some(id) = self.fds.get(&fd).copied() else {
            return;
        };
        let Some(unit) = self.socket_unit(id) else {
            return;
        };
        let Some(socket) = self.socket(id) else {
            return;
        };
        let watched = socket.ports.iter().any(|port| port.fd == fd && port.watched);
        if socket.state != SocketState::Listening || !watched {
            return;
        }
        if !self.poll_admitted(id, fd, &unit) {
            return;
        }
        if unit.accept {
            let Some(settings) = self.unit(id).cloned() else {
                return;
            };
            let budget = self.accept_budget(id, &unit);
            let shed = self.socket(id).is_some_and(|socket| socket.pressed.is_some_and(|until| self.now < until));
            if budget > 0 {
                self.out.push(Effect::Accept { fd, settings, budget, shed });
            }
        } else {
            self.socket_trigger(id, &unit);
        }
    }

    /// `PollLimit…=`: beyond it the port rests until the window ends.
    fn poll_admitted(&mut self, id: UnitId, fd: FdToken, unit: &SocketUnit) -> bool {
        if !self.policy.poll_limit {
            return true;
        }
        let now = self.now;
        let limit = unit.poll_limit;
        let Some(port) = self.socket_mut(id).and_then(|s| s.ports.iter_mut().find(|port| port.fd == fd)) else {
            return false;
        };
        port.counted = port.window.admit(now, limit);
        if port.counted {
            return true;
        }
        port.watched = false;
        let until = port.window.ends(limit);
        self.out.push(Effect::Unwatch { fd });
        self.deadlines.set(id, Reason::Poll(fd), until);
        false
    }

    /// Counts a trigger; false if the limit was hit (and dealt with).
    pub(in crate::engine) fn trigger_admitted(&mut self, id: UnitId, unit: &SocketUnit) -> bool {
        let now = self.now;
        let limit = unit.trigger_limit;
        let Some(socket) = self.socket_mut(id) else {
            return false;
        };
        if socket.trigger_window.admit(now, limit) {
            return true;
        }
        let until = socket.trigger_window.ends(limit);
        match self.on_limit(id, self.policy.on_trigger_limit) {
            OnLimit::Fail => {
                if let Some(socket) = self.socket_mut(id) {
                    socket.refused += 1;
                }
                self.tell("trigger-limit-hit", Level::Warning, id, "trigger limit hit, refusing further activation");
                self.socket_stop_pre(id, SocketResult::TriggerLimitHit);
            }
            OnLimit::Pause => {
                self.press(id, limit.interval_usec);
                self.socket_rest(id, until, "trigger limit hit");
            }
        }
        false
    }

    fn socket_trigger(&mut self, id: UnitId, unit: &SocketUnit) {
        let stop_pending =
            self.units.get(&id).and_then(|slot| slot.job.as_ref()).is_some_and(|job| job.kind == JobKind::Stop);
        if stop_pending {
            for port in self.socket(id).map(|socket| socket.ports.clone()).unwrap_or_default() {
                self.out.push(Effect::Drain { fd: port.fd });
            }
            return;
        }
        if !self.trigger_admitted(id, unit) {
            return;
        }
        let pending = self
            .relatives(id, Relation::Triggers)
            .iter()
            // Instances for connections may be left from before a reload, and take none of this traffic.
            .filter(|other| self.service(**other).is_none_or(|service| !service.has_connection()))
            .any(|other| self.units.get(other).is_some_and(|slot| slot.active_or_pending()));
        if !pending {
            let Some(service) = self.socket_service(id) else {
                self.tell("socket-service-gone", Level::Error, id, "the service to start is not known any more");
                return self.socket_stop_pre(id, SocketResult::Resources);
            };
            return self.socket_start_service(id, service, unit);
        }
        self.socket_enter(id, SocketState::Running);
    }

    pub(super) fn trigger_refused(&mut self, id: UnitId, detail: &str) {
        match self.on_limit(id, self.policy.on_bad_template) {
            OnLimit::Fail => {
                self.tell(
                    "socket-cannot-start-service",
                    Level::Warning,
                    id,
                    format!("cannot start its service: {detail}"),
                );
                self.socket_stop_pre(id, SocketResult::Resources);
            }
            OnLimit::Pause => self.socket_rest(id, None, &format!("cannot start its service: {detail}")),
        }
    }

    /// A service changed: its sockets watch again, or stop watching.
    pub(in crate::engine) fn trigger_notify(&mut self, service: UnitId) {
        if self.service(service).is_some_and(|service| service.has_connection()) {
            // A door that starts an instance for each connection listens all the time.
            return;
        }
        for id in self.relatives(service, Relation::TriggeredBy) {
            let Some(unit) = self.socket_unit(id) else {
                continue;
            };
            let Some(state) = self.socket(id).map(|socket| socket.state) else {
                continue;
            };
            if unit.accept || !matches!(state, SocketState::Running | SocketState::Listening | SocketState::Deferred) {
                continue;
            }
            let Some(slot) = self.units.get(&service) else {
                continue;
            };
            if slot.start_limit_hit {
                self.service_limit_hit(id, service);
                continue;
            }
            if slot.job.is_some() {
                continue;
            }
            let Machine::Service(machine) = &slot.machine else {
                continue;
            };
            let (rests, runs, failed) =
                (machine.lets_socket_listen(), machine.is_running(), machine.result != ServiceResult::Success);
            if rests && state == SocketState::Running {
                self.socket_listen(id);
                if failed {
                    self.service_failed(id, service);
                }
            } else if runs && state != SocketState::Running {
                self.socket_pause_forgotten(id);
                self.socket_enter(id, SocketState::Running);
            }
        }
    }

    fn service_limit_hit(&mut self, id: UnitId, service: UnitId) {
        match self.on_limit(id, self.policy.on_service_start_limit) {
            OnLimit::Fail => self.socket_stop_pre(id, SocketResult::ServiceStartLimitHit),
            OnLimit::Pause => {
                let Some(slot) = self.units.get(&service) else {
                    return;
                };
                if slot.active_or_pending() {
                    return;
                }
                let until = slot.start_window.ends(slot.unit.common.start_limit);
                let name = slot.unit.name.clone();
                self.socket_rest(id, until, &format!("{name} was started too often"));
            }
        }
    }

    /// HUP or ERR on a listening descriptor.
    pub(in crate::engine) fn broken(&mut self, fd: FdToken, hangup: bool) {
        let Some(id) = self.fds.get(&fd).copied() else {
            return;
        };
        if self.socket(id).is_none_or(|socket| socket.state != SocketState::Listening) {
            return;
        }
        let why =
            if hangup { "somebody called shutdown() on its listening socket" } else { "poll reported an error on it" };
        self.tell("socket-broken", Level::Error, id, format!("cannot listen any more: {why}; restart it"));
        self.socket_stop_pre(id, SocketResult::Resources);
    }

    pub(in crate::engine) fn accept_failed(&mut self, fd: FdToken, trouble: Trouble) {
        let Some(id) = self.fds.get(&fd).copied() else {
            return;
        };
        // Several ports may run dry in one turn; the first has said it.
        if self.socket(id).is_none_or(|socket| socket.state != SocketState::Listening) {
            return;
        }
        let why = format!("accept failed: {trouble:?}");
        match (self.on_limit(id, self.policy.on_exhaustion), trouble) {
            (_, Trouble::Transient) => {}
            (OnLimit::Pause, _) => self.socket_pause(id, None, &why, true),
            (OnLimit::Fail, _) => {
                self.tell("accept-failed", Level::Error, id, why);
                self.socket_stop_pre(id, SocketResult::Resources);
            }
        }
    }
}
