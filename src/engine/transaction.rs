//! What one request means for other units: the jobs it pulls in, and what a change of state does to
//! those that depend on it.

use super::jobs::{Begun, JobKind};
use super::requests::Failure;
use super::slot::{Machine, Relation, Slot};
use super::status::ActiveState;
use super::{Engine, Inner};
use crate::ids::UnitId;
use crate::unit::{Dependency, LoadState, UnitKind, UnitName};
use std::collections::BTreeMap;

/// Jobs that belong together; installed all or none.
#[derive(Default)]
struct Transaction {
    jobs: BTreeMap<UnitId, (JobKind, bool)>,
    order: Vec<UnitId>,
}

/// Depth of pulled-in jobs; a chain of dependencies longer than this is a mistake in the units.
const DEPTH_MAX: u32 = 200;

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
        let mut stopped = tx.jobs.iter().filter(|(_, (kind, _))| *kind == JobKind::Stop).map(|(id, _)| *id);
        if let Some(other) = stopped.find(|id| self.units.get(id).is_some_and(|slot| slot.active_or_pending())) {
            return Ok(Err(other));
        }
        self.install_all(tx, id, None);
        Ok(Ok(()))
    }

    fn plan(&mut self, id: UnitId, kind: JobKind) -> Result<Transaction, Failure> {
        let mut tx = Transaction::default();
        self.add(&mut tx, id, kind, true, 0)?;
        self.break_cycles(&mut tx, id)?;
        Ok(tx)
    }

    fn install_all(&mut self, mut tx: Transaction, id: UnitId, request: Option<u64>) {
        for unit in std::mem::take(&mut tx.order) {
            let Some((kind, _)) = tx.jobs.get(&unit) else {
                continue;
            };
            let of_request = request.filter(|_| unit == id);
            if unit == id || !self.redundant(unit, *kind) {
                if let (Some(request), true) = (of_request, unit == id) {
                    self.request_waits(request, id);
                }
                self.install(unit, *kind, of_request);
            }
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
            && all(&[Relation::Conflicts, Relation::ConflictedBy], |slot| slot.active.is_down())
    }

    /// A unit that this one needs and nobody knows: its file was missing when this one was read.
    fn lacking(&self, id: UnitId) -> Option<&UnitName> {
        if self.dangling.is_empty() {
            return None;
        }
        let needed = self.units.get(&id)?.unit.common.dependencies.iter();
        let mut needed = needed.filter(|(kind, _)| matches!(kind, Dependency::Requires | Dependency::BindsTo));
        let unknown = |name: &UnitName| {
            matches!(name.kind(), UnitKind::Service | UnitKind::Socket) && self.dangling.contains_key(name)
        };
        needed.find(|(_, name)| unknown(name)).map(|(_, name)| name)
    }

    /// A job for a unit that is already as wanted and has no other plans.
    fn redundant(&self, id: UnitId, kind: JobKind) -> bool {
        let Some(slot) = self.units.get(&id) else {
            return true;
        };
        if slot.job.is_some() {
            return false;
        }
        match kind {
            JobKind::Start => slot.active.is_up(),
            JobKind::Stop => slot.active.is_down(),
            JobKind::Restart | JobKind::Reload => false,
        }
    }

    fn add(
        &mut self,
        tx: &mut Transaction,
        id: UnitId,
        kind: JobKind,
        required: bool,
        depth: u32,
    ) -> Result<(), Failure> {
        let Some(slot) = self.units.get(&id) else {
            return Ok(());
        };
        let name = slot.unit.name.text();
        if matches!(slot.machine, Machine::Inert) {
            return Ok(());
        }
        let fail = |reason, detail: String| Err(Failure { unit: name.clone(), reason, detail });
        if depth > DEPTH_MAX {
            return fail("dependency", format!("{name} is pulled in through more than {DEPTH_MAX} dependencies"));
        }
        match tx.jobs.get_mut(&id) {
            Some((old, _)) if *old == kind => return Ok(()),
            Some((old @ JobKind::Start, _)) if kind == JobKind::Restart => {
                *old = JobKind::Restart;
                return Ok(());
            }
            Some((JobKind::Restart, _)) if kind == JobKind::Start => return Ok(()),
            Some((old, old_required)) => {
                if required && *old_required {
                    return fail(
                        "dependency",
                        format!("{name} would have to be both {}ed and {}ed", old.as_str(), kind.as_str()),
                    );
                }
                if !required {
                    return Ok(());
                }
                *old = kind;
            }
            None => {
                if kind == JobKind::Start
                    && !slot.active.is_up()
                    && let Some(Begun::Refused(reason, detail)) = self.not_loaded(id)
                {
                    return fail(reason, detail);
                }
                tx.jobs.insert(id, (kind, required));
                tx.order.push(id);
            }
        }
        self.pull(tx, id, kind, depth)
    }

    /// The jobs that this one brings along.
    fn pull(&mut self, tx: &mut Transaction, id: UnitId, kind: JobKind, depth: u32) -> Result<(), Failure> {
        match kind {
            JobKind::Start => self.pull_start(tx, id, depth),
            JobKind::Stop => self.pull_stop(tx, id, depth, JobKind::Stop),
            JobKind::Restart => {
                self.pull_stop(tx, id, depth, JobKind::Restart)?;
                self.pull_start(tx, id, depth)
            }
            JobKind::Reload => {
                for other in self.relatives(id, Relation::PropagatesReloadTo) {
                    if self.units.get(&other).is_some_and(|slot| slot.active.is_up()) {
                        self.add(tx, other, JobKind::Reload, false, depth + 1).ok();
                    }
                }
                Ok(())
            }
        }
    }

    fn pull_start(&mut self, tx: &mut Transaction, id: UnitId, depth: u32) -> Result<(), Failure> {
        if self.units.get(&id).is_some_and(|slot| slot.active.is_up()) && depth > 0 {
            return Ok(());
        }
        if let Some(name) = self.lacking(id) {
            let failure = Failure { unit: name.text(), reason: "not-found", detail: format!("Unit {name} not found.") };
            tx.jobs.remove(&id);
            return Err(failure);
        }
        for relation in [Relation::Requires, Relation::BindsTo] {
            for other in self.relatives(id, relation) {
                if let Err(failure) = self.add(tx, other, JobKind::Start, true, depth + 1) {
                    tx.jobs.remove(&id);
                    return Err(failure);
                }
            }
        }
        for relation in [Relation::Wants, Relation::Upholds] {
            for other in self.relatives(id, relation) {
                self.add(tx, other, JobKind::Start, false, depth + 1).ok();
            }
        }
        for relation in [Relation::Conflicts, Relation::ConflictedBy] {
            for other in self.relatives(id, relation) {
                let up = self.units.get(&other).is_some_and(|slot| !slot.active.is_down() || slot.job.is_some());
                if up && !tx.jobs.contains_key(&other) {
                    self.add(tx, other, JobKind::Stop, relation == Relation::Conflicts, depth + 1).ok();
                }
            }
        }
        Ok(())
    }

    fn pull_stop(&mut self, tx: &mut Transaction, id: UnitId, depth: u32, kind: JobKind) -> Result<(), Failure> {
        let stopped = [
            Relation::RequiredBy,
            Relation::RequisiteOf,
            Relation::BoundBy,
            Relation::ConsistsOf,
            Relation::PropagatesStopTo,
        ];
        for relation in stopped {
            for other in self.relatives(id, relation) {
                let concerned = self.units.get(&other).is_some_and(|slot| !slot.active.is_down() || slot.job.is_some());
                if concerned && !tx.jobs.contains_key(&other) {
                    let restarts = kind == JobKind::Restart && relation != Relation::PropagatesStopTo;
                    self.add(tx, other, if restarts { JobKind::Restart } else { JobKind::Stop }, true, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    /// Jobs that wait for each other in a ring would wait for ever: drop one that is only wanted, or
    /// refuse.
    fn break_cycles(&self, tx: &mut Transaction, anchor: UnitId) -> Result<(), Failure> {
        if tx.jobs.len() < 2 {
            return Ok(());
        }
        while let Some(ring) = self.find_cycle(tx) {
            let names: Vec<String> =
                ring.iter().filter_map(|id| self.unit_name(*id)).map(ToString::to_string).collect();
            let victim =
                ring.iter().find(|id| **id != anchor && tx.jobs.get(id).is_some_and(|(_, required)| !required));
            match victim {
                Some(id) => {
                    tx.jobs.remove(id);
                }
                None => {
                    let unit = self.unit_name(anchor).map(|name| name.text()).unwrap_or_else(|| "".into());
                    let detail = format!("ordering cycle: {}; remove one After= or Before= of them", names.join(" → "));
                    return Err(Failure { unit, reason: "dependency", detail });
                }
            }
        }
        Ok(())
    }

    /// Depth-first over the ordering of the transaction's start jobs; an explicit stack, because
    /// unit files decide how deep it goes.
    fn find_cycle(&self, tx: &Transaction) -> Option<Vec<UnitId>> {
        let mut done: BTreeMap<UnitId, bool> = BTreeMap::new();
        for start in tx.jobs.keys() {
            let mut stack: Vec<(UnitId, Vec<UnitId>)> = Vec::new();
            if !done.contains_key(start) {
                done.insert(*start, false);
                stack.push((*start, self.predecessors(tx, *start)));
            }
            while let Some((id, todo)) = stack.last_mut() {
                let Some(next) = todo.pop() else {
                    done.insert(*id, true);
                    stack.pop();
                    continue;
                };
                match done.get(&next) {
                    Some(true) => {}
                    Some(false) => {
                        let ring: Vec<UnitId> = stack.iter().map(|(id, _)| *id).skip_while(|id| *id != next).collect();
                        return Some(ring);
                    }
                    None => {
                        done.insert(next, false);
                        stack.push((next, self.predecessors(tx, next)));
                    }
                }
            }
        }
        None
    }

    /// Units in the transaction whose job goes before this one's. Looks through the shorter of the
    /// two lists: ten thousand units are ordered after one target, and few of them are in here.
    fn predecessors(&self, tx: &Transaction, id: UnitId) -> Vec<UnitId> {
        let Some(slot) = self.units.get(&id) else { return Vec::new() };
        let stops = |id: &UnitId| matches!(tx.jobs.get(id), Some((JobKind::Stop | JobKind::Restart, _)));
        let mine = stops(&id);
        let goes_first = |relation: Relation, other: &UnitId| {
            if relation == Relation::After { !mine && tx.jobs.contains_key(other) } else { stops(other) }
        };
        let mut found = Vec::new();
        for relation in [Relation::After, Relation::Before] {
            if tx.jobs.len() < slot.edges.len() {
                let related = tx.jobs.keys().filter(|other| slot.edges.contains((relation, **other)));
                found.extend(related.filter(|other| goes_first(relation, other)));
            } else {
                found.extend(slot.related(relation).filter(|other| goes_first(relation, other)));
            }
        }
        found
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
                    self.inner.push_back(Inner::Review(other));
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
            !slot.active.is_down() && !slot.job.as_ref().is_some_and(|job| job.kind == JobKind::Stop)
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
