//! What one request means for other units: its jobs are queued (`gather.rs` says which), and what a change of
//! state does to those that depend on it.

use super::jobs::JobKind;
use super::requests::Failure;
use super::slot::{Machine, Relation, Slot};
use super::status::ActiveState;
use super::{Engine, Inner};
use crate::ids::UnitId;
use crate::unit::{Dependency, LoadState, UnitKind, UnitName};

impl Engine {
    /// Queues a job with everything it pulls in.
    pub(super) fn submit(&mut self, id: UnitId, kind: JobKind, request: Option<u64>) -> Result<(), Failure> {
        if kind == JobKind::Start && self.starts_alone(id) {
            if let Some(request) = request {
                self.request_waits(request, id);
            }
            self.install(id, kind, request);
            return Ok(());
        }
        let tx = self.plan(id, kind)?;
        self.install_all(tx, id, request);
        Ok(())
    }

    /// Queues a start if it stops nobody who runs or is about to; otherwise says whom (systemd's job
    /// mode `lenient`).
    pub(super) fn submit_lenient(&mut self, id: UnitId) -> Result<Result<(), UnitId>, Failure> {
        let tx = self.plan(id, JobKind::Start)?;
        let mut stopped = tx.iter().filter(|(_, kind)| *kind == JobKind::Stop).map(|(id, _)| *id);
        if let Some(other) = stopped.find(|id| self.units.get(id).is_some_and(|slot| slot.active_or_pending())) {
            return Ok(Err(other));
        }
        self.install_all(tx, id, None);
        Ok(Ok(()))
    }

    fn install_all(&mut self, planned: Vec<(UnitId, JobKind)>, id: UnitId, request: Option<u64>) {
        for (unit, kind) in planned {
            let of_request = request.filter(|_| unit == id);
            if let Some(request) = of_request {
                self.request_waits(request, id);
            }
            self.install(unit, kind, of_request);
        }
    }

    /// Whether a start brings no other job along, because all that it needs is up already and nothing is that
    /// it excludes. So it is with almost every connection.
    fn starts_alone(&self, id: UnitId) -> bool {
        let Some(slot) = self.units.get(&id) else { return false };
        let all = |relations: &[Relation], good: fn(&Slot) -> bool| {
            let mut others = relations.iter().flat_map(|relation| slot.related(*relation));
            others.all(|other| self.units.get(&other).is_none_or(|slot| slot.job.is_none() && good(slot)))
        };
        slot.unit.load == LoadState::Loaded
            && self.lacking(id).is_none()
            && !matches!(slot.machine, Machine::Inert)
            && all(&[Relation::Requires, Relation::BindsTo, Relation::Wants, Relation::Upholds], |slot| {
                slot.active.is_up() || matches!(slot.machine, Machine::Inert)
            })
            && all(&[Relation::Requisite], |slot| slot.active.is_up() || matches!(slot.machine, Machine::Inert))
            && all(&[Relation::Conflicts, Relation::ConflictedBy], |slot| slot.active.is_down())
    }

    /// A unit that this one needs and nobody knows: its file was missing when this one was read.
    pub(super) fn lacking(&self, id: UnitId) -> Option<&UnitName> {
        if self.dangling.is_empty() {
            return None;
        }
        let needed = self.units.get(&id)?.unit.common.dependencies.iter();
        let mut needed = needed
            .filter(|(kind, _)| matches!(kind, Dependency::Requires | Dependency::BindsTo | Dependency::Requisite));
        let unknown = |name: &UnitName| {
            matches!(name.kind(), UnitKind::Service | UnitKind::Socket) && self.dangling.contains_key(name)
        };
        needed.find(|(_, name)| unknown(name)).map(|(_, name)| name)
    }

    /// Units bound to one that is down go down with it, unless it is about to come back.
    fn stop_bound(&mut self, id: UnitId) {
        if self.units.get(&id).and_then(|slot| slot.job.as_ref()).is_some_and(|job| job.kind.starts()) {
            return;
        }
        for other in self.relatives(id, Relation::BoundBy) {
            self.submit_stop(other);
        }
    }

    /// A change of state reaches those that depend on it.
    pub(super) fn propagate(&mut self, id: UnitId, old: ActiveState, new: ActiveState, unexpected: bool) {
        if old.is_down() && new.is_up() && unexpected {
            for relation in [Relation::Requires, Relation::BindsTo, Relation::Wants, Relation::Upholds] {
                for other in self.relatives(id, relation) {
                    self.submit_unless_up(other);
                }
            }
        }
        if !old.is_down() && new.is_down() {
            self.stop_bound(id);
            if unexpected {
                for other in self.relatives(id, Relation::PropagatesStopTo) {
                    self.submit_stop(other);
                }
            }
            let auto_restart = self.will_restart(id);
            let relation = match new {
                ActiveState::Failed => Relation::OnFailure,
                ActiveState::Inactive
                | ActiveState::Active
                | ActiveState::Reloading
                | ActiveState::Activating
                | ActiveState::Deactivating => Relation::OnSuccess,
            };
            if !auto_restart {
                for other in self.relatives(id, relation) {
                    self.submit(other, JobKind::Start, None).ok();
                }
                self.act_on_end(id, new);
            }
        } else if old == ActiveState::Inactive && new == ActiveState::Failed {
            // A start that was not even tried: the start limit.
            self.stop_bound(id);
            for other in self.relatives(id, Relation::OnFailure) {
                self.submit(other, JobKind::Start, None).ok();
            }
            self.act_on_end(id, new);
        }
        if new.is_down() || new == ActiveState::Active {
            let watchers = [Relation::UpheldBy, Relation::Requires, Relation::Wants, Relation::BindsTo];
            let mut reviewed = vec![id];
            for relation in watchers {
                reviewed.extend(self.relatives(id, relation));
            }
            for other in reviewed {
                let cares = self.units.get(&other).is_some_and(|slot| {
                    slot.unit.common.stop_when_unneeded || slot.related(Relation::Upholds).next().is_some()
                });
                if cares {
                    self.reviews.insert(other);
                }
            }
        }
        self.inner.push_back(Inner::Collect(id));
    }

    /// `FailureAction=exit`, `SuccessAction=exit`.
    fn act_on_end(&mut self, id: UnitId, new: ActiveState) {
        let Some(slot) = self.units.get(&id) else {
            return;
        };
        let actions = slot.unit.common.actions;
        let (exit, status) = match new {
            ActiveState::Failed => (actions.failure_exit, actions.failure_exit_status.unwrap_or(1)),
            ActiveState::Inactive
            | ActiveState::Active
            | ActiveState::Reloading
            | ActiveState::Activating
            | ActiveState::Deactivating => (actions.success_exit, actions.success_exit_status.unwrap_or(0)),
        };
        if exit && self.leaving.is_none() {
            self.told_to_stop();
            self.leaving = Some(status);
        }
    }

    fn submit_unless_up(&mut self, id: UnitId) {
        if self.units.get(&id).is_some_and(|slot| !slot.active_or_pending()) {
            self.submit(id, JobKind::Start, None).ok();
        }
    }

    fn submit_stop(&mut self, id: UnitId) {
        let needed = self.units.get(&id).is_some_and(|slot| {
            !slot.active.is_down() && slot.job.as_ref().is_none_or(|job| job.kind != JobKind::Stop)
        });
        if needed {
            self.submit(id, JobKind::Stop, None).ok();
        }
    }

    /// `Upholds=` of this unit, and `StopWhenUnneeded=` on it.
    pub(super) fn review(&mut self, id: UnitId) {
        let Some(slot) = self.units.get(&id) else {
            return;
        };
        if self.leaving.is_some() {
            return;
        }
        if slot.active.is_up() {
            for other in self.relatives(id, Relation::Upholds) {
                let down = self.units.get(&other).is_some_and(|slot| slot.active.is_down() && slot.job.is_none());
                if down {
                    self.submit(other, JobKind::Start, None).ok();
                }
            }
        }
        let Some(slot) = self.units.get(&id) else {
            return;
        };
        let holders =
            [Relation::RequiredBy, Relation::WantedBy, Relation::BoundBy, Relation::UpheldBy, Relation::RequisiteOf];
        let needed = holders.iter().any(|relation| {
            slot.related(*relation).any(|other| self.units.get(&other).is_some_and(|slot| slot.active_or_pending()))
        });
        if slot.unit.common.stop_when_unneeded && slot.active.is_up() && !needed {
            self.submit_stop(id);
        }
    }
}
