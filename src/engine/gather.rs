//! Which jobs a request brings along: all that its units ask for, without what is in vain, in a circle, or in
//! the way of what matters more. Steps and their order are systemd's.

use super::Engine;
use super::jobs::{Begun, JobKind};
use super::requests::Failure;
use super::slot::{Machine, Relation};
use super::status::ActiveState;
use crate::ids::UnitId;
use std::collections::{BTreeMap, BTreeSet};

/// Depth of pulled-in jobs; a chain of dependencies longer than this is a mistake in the units.
const DEPTH_MAX: u32 = 200;

/// A job that may be queued. A unit may have several until they are merged.
type Key = (UnitId, JobKind);

/// Who asks for a job.
#[derive(Clone, Copy)]
struct Link {
    by: Key,
    /// Without it, who asks cannot be had either.
    matters: bool,
    /// It is in the way of who asks.
    conflicts: bool,
}

/// Jobs that belong together; installed all or none.
struct Transaction {
    anchor: Key,
    jobs: BTreeMap<UnitId, Vec<JobKind>>,
    order: Vec<UnitId>,
    /// Who asks for each.
    asked: BTreeMap<Key, Vec<Link>>,
    /// What each asks for.
    asks: BTreeMap<Key, Vec<Key>>,
    /// What the request is in vain without.
    matter: BTreeSet<Key>,
}

impl Transaction {
    fn has(&self, key: Key) -> bool {
        self.jobs.get(&key.0).is_some_and(|kinds| kinds.contains(&key.1))
    }

    fn link(&mut self, key: Key, link: Link) {
        self.asked.entry(key).or_default().push(link);
        self.asks.entry(link.by).or_default().push(key);
    }

    /// Takes a job out; with those that cannot be had without it.
    fn delete(&mut self, key: Key, with_dependants: bool) {
        let mut todo = vec![key];
        while let Some(key) = todo.pop() {
            let Some(kinds) = self.jobs.get_mut(&key.0) else {
                continue;
            };
            kinds.retain(|kind| *kind != key.1);
            if kinds.is_empty() {
                self.jobs.remove(&key.0);
            }
            for pulled in self.asks.remove(&key).unwrap_or_default() {
                if let Some(links) = self.asked.get_mut(&pulled) {
                    links.retain(|link| link.by != key);
                }
            }
            let links = self.asked.remove(&key).unwrap_or_default();
            todo.extend(links.iter().filter(|link| with_dependants && link.matters).map(|link| link.by));
        }
    }

    fn find_what_matters(&mut self) {
        let mut todo = vec![self.anchor];
        while let Some(key) = todo.pop() {
            if !self.matter.insert(key) {
                continue;
            }
            for pulled in self.asks.get(&key).into_iter().flatten() {
                let mut links = self.asked.get(pulled).into_iter().flatten();
                if links.any(|link| link.by == key && link.matters) {
                    todo.push(*pulled);
                }
            }
        }
    }

    /// Takes out what nobody asks for any more.
    fn collect_garbage(&mut self) {
        let alone = |tx: &Transaction, key: &Key| *key != tx.anchor && tx.asked.get(key).is_none_or(Vec::is_empty);
        let keys = self.jobs.iter().flat_map(|(id, kinds)| kinds.iter().map(|kind| (*id, *kind)));
        let mut todo: Vec<Key> = keys.filter(|key| alone(self, key)).collect();
        while let Some(key) = todo.pop() {
            let pulled = self.asks.get(&key).cloned().unwrap_or_default();
            self.delete(key, false);
            todo.extend(pulled.into_iter().filter(|key| self.has(*key) && alone(self, key)));
        }
    }

    /// Two jobs of one unit that cannot both be: which of them is given up. None if both matter.
    fn weaker(&self, a: Key, b: Key) -> Option<Key> {
        let in_the_way = |key: Key| {
            key.1 == JobKind::Stop && self.asked.get(&key).is_some_and(|links| links.iter().any(|link| link.conflicts))
        };
        match (self.matter.contains(&a), self.matter.contains(&b)) {
            (true, true) => None,
            (true, false) => Some(b),
            (false, true) => Some(a),
            // Rather no stop, unless something is stopped for what is in its way.
            (false, false) if in_the_way(a) => Some(b),
            (false, false) if in_the_way(b) => Some(a),
            (false, false) if b.1 == JobKind::Stop => Some(b),
            (false, false) => Some(a),
        }
    }
}

/// What does the work of both.
fn merged(a: JobKind, b: JobKind, up: bool) -> JobKind {
    match (a, b) {
        (JobKind::Stop, _) | (_, JobKind::Stop) => JobKind::Stop,
        (JobKind::Restart, _) | (_, JobKind::Restart) => JobKind::Restart,
        (JobKind::Start, JobKind::Reload) | (JobKind::Reload, JobKind::Start) if up => JobKind::Reload,
        (JobKind::Start, _) | (_, JobKind::Start) => JobKind::Start,
        (JobKind::Reload, _) | (_, JobKind::Reload) => JobKind::Reload,
        (JobKind::Verify, JobKind::Verify) => JobKind::Verify,
    }
}

impl Engine {
    /// The jobs of a request, one per unit.
    pub(super) fn plan(&mut self, id: UnitId, kind: JobKind) -> Result<Vec<Key>, Failure> {
        let mut tx = Transaction {
            anchor: (id, kind),
            jobs: BTreeMap::new(),
            order: Vec::new(),
            asked: BTreeMap::new(),
            asks: BTreeMap::new(),
            matter: BTreeSet::new(),
        };
        self.add(&mut tx, (id, kind), None, 0)?;
        tx.find_what_matters();
        self.drop_redundant(&mut tx);
        tx.collect_garbage();
        self.break_cycles(&mut tx)?;
        self.drop_conflicting(&mut tx)?;
        for (unit, kinds) in &mut tx.jobs {
            let up = self.units.get(unit).is_some_and(|slot| slot.active.is_up());
            if let Some(kind) = kinds.iter().copied().reduce(|a, b| merged(a, b, up)) {
                *kinds = vec![kind];
            }
        }
        if let Some([kind]) = tx.jobs.get(&id).map(Vec::as_slice) {
            tx.anchor = (id, *kind);
        }
        self.drop_redundant(&mut tx);
        let jobs = &tx.jobs;
        let found = tx.order.iter().filter_map(|unit| Some((*unit, *jobs.get(unit)?.first()?)));
        Ok(found.collect())
    }

    fn add(&mut self, tx: &mut Transaction, key: Key, link: Option<Link>, depth: u32) -> Result<(), Failure> {
        let (id, kind) = key;
        let Some(slot) = self.units.get(&id).filter(|slot| !matches!(slot.machine, Machine::Inert)) else {
            return Ok(());
        };
        let name = slot.unit.name.text();
        if depth > DEPTH_MAX {
            let detail = format!("{name} is pulled in through more than {DEPTH_MAX} dependencies");
            return Err(Failure { unit: name, reason: "dependency", detail });
        }
        let known = tx.has(key);
        if !known {
            if matches!(kind, JobKind::Start | JobKind::Verify)
                && !slot.active.is_up()
                && let Some(Begun::Refused(reason, detail)) = self.not_loaded(id)
            {
                return Err(Failure { unit: name, reason, detail });
            }
            if !tx.jobs.contains_key(&id) {
                tx.order.push(id);
            }
            tx.jobs.entry(id).or_default().push(kind);
        }
        if let Some(link) = link {
            tx.link(key, link);
        }
        if known {
            return Ok(());
        }
        self.pull(tx, key, depth + 1).inspect_err(|_| tx.delete(key, false))
    }

    /// The jobs that this one brings along.
    fn pull(&mut self, tx: &mut Transaction, by: Key, depth: u32) -> Result<(), Failure> {
        match by.1 {
            JobKind::Start => self.pull_start(tx, by, depth),
            JobKind::Stop => self.pull_stop(tx, by, depth),
            JobKind::Restart => {
                self.pull_start(tx, by, depth)?;
                self.pull_restart(tx, by, depth)
            }
            JobKind::Reload => {
                let link = Link { by, matters: false, conflicts: false };
                for other in self.relatives(by.0, Relation::PropagatesReloadTo) {
                    if self.units.get(&other).is_some_and(|slot| slot.active.is_up()) {
                        self.add(tx, (other, JobKind::Reload), Some(link), depth).ok();
                    }
                }
                Ok(())
            }
            JobKind::Verify => Ok(()),
        }
    }

    fn pull_start(&mut self, tx: &mut Transaction, by: Key, depth: u32) -> Result<(), Failure> {
        let up = self.units.get(&by.0).is_some_and(|slot| slot.active.is_up());
        if let Some(name) = self.lacking(by.0).filter(|_| !up || depth == 1) {
            let detail = format!("Unit {name} not found.");
            return Err(Failure { unit: name.text(), reason: "not-found", detail });
        }
        let needed = [
            (Relation::Requires, JobKind::Start, false),
            (Relation::BindsTo, JobKind::Start, false),
            (Relation::Requisite, JobKind::Verify, false),
            (Relation::Conflicts, JobKind::Stop, true),
        ];
        let wanted = [
            (Relation::Wants, JobKind::Start),
            (Relation::Upholds, JobKind::Start),
            (Relation::ConflictedBy, JobKind::Stop),
        ];
        for (relation, kind, conflicts) in needed {
            for other in self.relatives(by.0, relation) {
                self.add(tx, (other, kind), Some(Link { by, matters: true, conflicts }), depth)?;
            }
        }
        for (relation, kind) in wanted {
            for other in self.relatives(by.0, relation) {
                self.add(tx, (other, kind), Some(Link { by, matters: false, conflicts: false }), depth).ok();
            }
        }
        Ok(())
    }

    fn pull_stop(&mut self, tx: &mut Transaction, by: Key, depth: u32) -> Result<(), Failure> {
        let stopped = [
            Relation::RequiredBy,
            Relation::RequisiteOf,
            Relation::BoundBy,
            Relation::ConsistsOf,
            Relation::PropagatesStopTo,
        ];
        for relation in stopped {
            for other in self.relatives(by.0, relation) {
                let link = Link { by, matters: true, conflicts: false };
                self.add(tx, (other, JobKind::Stop), Some(link), depth)?;
            }
        }
        Ok(())
    }

    fn pull_restart(&mut self, tx: &mut Transaction, by: Key, depth: u32) -> Result<(), Failure> {
        for relation in [Relation::RequiredBy, Relation::RequisiteOf, Relation::BoundBy, Relation::ConsistsOf] {
            for other in self.relatives(by.0, relation) {
                // What is not around is not started on that occasion.
                let around = self.units.get(&other).is_some_and(|slot| match slot.active {
                    ActiveState::Active | ActiveState::Reloading | ActiveState::Activating => true,
                    ActiveState::Inactive | ActiveState::Failed | ActiveState::Deactivating => false,
                });
                if around {
                    let link = Link { by, matters: true, conflicts: false };
                    self.add(tx, (other, JobKind::Restart), Some(link), depth)?;
                }
            }
        }
        Ok(())
    }

    /// Takes out the jobs of units that are as wanted and have no other plans.
    fn drop_redundant(&self, tx: &mut Transaction) {
        let ids: Vec<UnitId> = tx.jobs.keys().copied().collect();
        for id in ids {
            let kinds = tx.jobs.get(&id).cloned().unwrap_or_default();
            if kinds.iter().all(|kind| (id, *kind) != tx.anchor && self.redundant(id, *kind)) {
                for kind in kinds {
                    tx.delete((id, kind), false);
                }
            }
        }
    }

    fn redundant(&self, id: UnitId, kind: JobKind) -> bool {
        let Some(slot) = self.units.get(&id) else {
            return true;
        };
        let contradicts = slot.job.as_ref().is_some_and(|job| (job.kind == JobKind::Stop) != (kind == JobKind::Stop));
        match kind {
            JobKind::Start | JobKind::Verify => slot.active.is_up() && !contradicts,
            JobKind::Stop => slot.active.is_down() && !contradicts,
            JobKind::Reload => slot.active == ActiveState::Reloading && !contradicts,
            JobKind::Restart => false,
        }
    }

    /// No unit is both started and stopped.
    fn drop_conflicting(&self, tx: &mut Transaction) -> Result<(), Failure> {
        loop {
            let both = tx.jobs.iter().find_map(|(id, kinds)| {
                let other = kinds.iter().find(|kind| **kind != JobKind::Stop)?;
                let stop = kinds.iter().find(|kind| **kind == JobKind::Stop)?;
                let stop_first = kinds.first() == Some(stop);
                Some(if stop_first { ((*id, *stop), (*id, *other)) } else { ((*id, *other), (*id, *stop)) })
            });
            let Some((a, b)) = both else {
                return Ok(());
            };
            let Some(weaker) = tx.weaker(a, b) else {
                let name = self.unit_name(a.0).map(|name| name.text()).unwrap_or_else(|| "".into());
                let detail = format!("{name} would have to be both {}ed and {}ed", a.1.as_str(), b.1.as_str());
                return Err(Failure { unit: name, reason: "dependency", detail });
            };
            tx.delete(weaker, true);
            tx.collect_garbage();
        }
    }

    /// Jobs that wait for each other in a ring would wait for ever: drop one that is only wanted, or
    /// refuse.
    fn break_cycles(&self, tx: &mut Transaction) -> Result<(), Failure> {
        if tx.jobs.len() < 2 {
            return Ok(());
        }
        while let Some(ring) = self.find_cycle(tx) {
            let matters = |id: &UnitId| {
                tx.jobs.get(id).is_some_and(|kinds| kinds.iter().any(|kind| tx.matter.contains(&(*id, *kind))))
            };
            let Some(victim) = ring.iter().copied().find(|id| !matters(id)) else {
                let names: Vec<String> =
                    ring.iter().filter_map(|id| self.unit_name(*id)).map(ToString::to_string).collect();
                let unit = self.unit_name(tx.anchor.0).map(|name| name.text()).unwrap_or_else(|| "".into());
                let detail = format!("ordering cycle: {}; remove one After= or Before= of them", names.join(" → "));
                return Err(Failure { unit, reason: "dependency", detail });
            };
            for kind in tx.jobs.get(&victim).cloned().unwrap_or_default() {
                tx.delete((victim, kind), true);
            }
            tx.collect_garbage();
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
        let stops = |id: &UnitId| {
            let kind = tx.jobs.get(id).and_then(|kinds| kinds.first());
            matches!(kind, Some(JobKind::Stop | JobKind::Restart))
        };
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
}
