//! `DeferTrigger=`: traffic that would stop somebody waits until nobody is in the way.

use super::{SocketResult, SocketState};
use crate::engine::effect::Level;
use crate::engine::jobs::JobKind;
use crate::engine::policy::OnLimit;
use crate::engine::slot::Relation;
use crate::engine::{Engine, Inner};
use crate::ids::{Mono, UnitId};
use crate::unit::SocketUnit;
use crate::unit::socket::DeferTrigger;

impl Engine {
    /// There is traffic and the service rests: start it, or wait for those that it would stop.
    pub(super) fn socket_start_service(&mut self, id: UnitId, service: UnitId, unit: &SocketUnit) {
        let started = match unit.options.defer_trigger {
            DeferTrigger::No => self.submit(service, JobKind::Start, None).map(Ok),
            DeferTrigger::Yes | DeferTrigger::Patient => self.submit_lenient(service),
        };
        match started {
            Ok(Ok(())) => self.socket_enter(id, SocketState::Running),
            Ok(Err(other)) => self.socket_defer(id, other, unit.options.defer_trigger),
            Err(failure) => self.trigger_refused(id, &failure.detail),
        }
    }

    fn socket_defer(&mut self, id: UnitId, other: UnitId, how: DeferTrigger) {
        if how == DeferTrigger::Yes && self.job_count == 0 {
            return self.defer_in_vain(id, other);
        }
        if self.deferred.insert(id) {
            self.socket_enter(id, SocketState::Deferred);
            let text = format!("its service waits for the end of {}, with which it conflicts", self.name_of(other));
            self.tell("socket-deferred", Level::Info, id, text);
        }
    }

    /// `yes` waits for jobs that may change something, and there are none.
    fn defer_in_vain(&mut self, id: UnitId, other: UnitId) {
        let why = format!("its service conflicts with {}, which no job is going to stop", self.name_of(other));
        match self.on_limit(id, self.policy.on_deferred_in_vain) {
            OnLimit::Fail => {
                self.tell(
                    "socket-cannot-start-service",
                    Level::Warning,
                    id,
                    format!("cannot start its service: {why}"),
                );
                self.socket_stop_pre(id, SocketResult::Resources);
            }
            OnLimit::Pause => self.socket_rest(id, None, &why),
        }
    }

    fn name_of(&self, id: UnitId) -> String {
        self.unit_name(id).map(ToString::to_string).unwrap_or_default()
    }

    /// `DeferTriggerMaxSec=`
    pub(super) fn defer_deadline(&self, id: UnitId) -> Option<Mono> {
        let max_usec = self.socket_unit(id)?.options.defer_trigger_max_usec;
        if max_usec == 0 { None } else { self.now.after(max_usec) }
    }

    /// Something ended: whoever waited may go on now.
    pub(in crate::engine) fn deferred_look_again(&mut self) {
        if !self.deferred.is_empty() && !self.inner.contains(&Inner::Deferred) {
            self.inner.push_back(Inner::Deferred);
        }
    }

    /// All sockets that wait try again.
    pub(in crate::engine) fn deferred_try(&mut self) {
        for id in self.deferred.clone() {
            self.deferred_try_one(id);
        }
    }

    fn deferred_try_one(&mut self, id: UnitId) {
        let (Some(unit), Some(service)) = (self.socket_unit(id), self.socket_service(id)) else {
            self.tell("socket-service-gone", Level::Error, id, "the service to start is not known any more");
            return self.socket_stop_pre(id, SocketResult::Resources);
        };
        let services = self.relatives(id, Relation::Triggers);
        if services.iter().any(|other| self.units.get(other).is_some_and(|slot| slot.active_or_pending())) {
            return self.socket_enter(id, SocketState::Running);
        }
        self.socket_start_service(id, service, &unit);
    }

    /// No job is left. Whether that gave anybody something to do.
    pub(in crate::engine) fn deferred_settle(&mut self) -> bool {
        let impatient =
            |id: &UnitId| self.socket_unit(*id).is_some_and(|unit| unit.options.defer_trigger != DeferTrigger::Patient);
        let waiting: Vec<UnitId> = self.deferred.iter().copied().filter(impatient).collect();
        for id in &waiting {
            self.deferred_try_one(*id);
        }
        !waiting.is_empty()
    }
}
