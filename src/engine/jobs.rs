//! Jobs: what is to be done with a unit, when its turn comes, and how it ended.
//!
//! A unit has at most one job. A job waits until the jobs of the units it is ordered after (or
//! before) are done; then it runs, and it is done when the unit reaches the wanted state.

use super::Engine;
use super::effect::{Effect, Level};
use super::event::Verdict;
use super::service::ServiceResult;
use super::slot::{Machine, Relation};
use super::status::{ActiveState, Moment};
use crate::ids::{INFINITY_USEC, Mono, UnitId};
use crate::unit::LoadState;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobKind {
    /// Make it active.
    Start,
    /// Make it inactive.
    Stop,
    /// Stop, then start. Becomes `Start` when the stop is done.
    Restart,
    /// Read configuration again.
    Reload,
    /// Nothing, but it fails unless the unit is up (`Requisite=` of another).
    Verify,
}

impl JobKind {
    /// The unit will be up, or on its way, when it is done.
    pub fn starts(self) -> bool {
        match self {
            JobKind::Start | JobKind::Restart | JobKind::Reload => true,
            JobKind::Stop | JobKind::Verify => false,
        }
    }

    /// systemd's word.
    pub fn as_str(self) -> &'static str {
        match self {
            JobKind::Start => "start",
            JobKind::Stop => "stop",
            JobKind::Restart => "restart",
            JobKind::Reload => "reload",
            JobKind::Verify => "verify-active",
        }
    }
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobResult {
    /// As asked.
    Done,
    /// Not; the word and sentence go to whoever asked.
    Failed(&'static str, String),
}

/// A queued or running job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What it does.
    pub kind: JobKind,
    /// It was begun; waiting for the unit.
    pub running: bool,
    /// Conditions were evaluated for it.
    pub checked: bool,
    /// Conditions are being evaluated.
    pub checking: bool,
    /// A stop that is the first half of a restart.
    pub restarting: bool,
    /// Requests that want to know how it ends.
    pub requests: Vec<u64>,
    /// Where the search for blocking jobs goes on.
    pub(super) cursor: Option<(Relation, UnitId)>,
    /// When it was queued.
    pub since: Mono,
}

/// What came of beginning a job.
pub(super) enum Begun {
    /// Nothing to do: the unit is as wanted.
    Already,
    /// It runs; the unit's state will tell.
    Runs,
    /// Not now; try again when the unit's state changes.
    Later,
    /// Refused.
    Refused(&'static str, String),
}

impl Engine {
    /// Puts a job on a unit, merging with or replacing the one it has.
    pub(super) fn install(&mut self, id: UnitId, kind: JobKind, request: Option<u64>) {
        let now = self.now;
        let Some(slot) = self.units.get_mut(&id) else {
            return;
        };
        let timeout = slot.unit.common.job_timeout_usec;
        let up = slot.active.is_up();
        let mut carried = Vec::new();
        if let Some(old) = &mut slot.job {
            let conflict = (old.kind == JobKind::Stop) != (kind == JobKind::Stop);
            if !conflict {
                old.requests.extend(request);
                if old.kind == JobKind::Verify && kind != JobKind::Verify {
                    old.kind = kind;
                    old.restarting = kind == JobKind::Restart;
                    old.running = false;
                    self.run_soon(id);
                    return;
                }
                let reloads = old.kind == JobKind::Reload && matches!(kind, JobKind::Reload | JobKind::Start);
                if reloads || kind == JobKind::Restart && old.kind != JobKind::Restart {
                    // Who asks during a reload may have changed what it has read already: it is done again. To
                    // start what is up and reloads means that, too.
                    old.kind = if reloads && up { JobKind::Reload } else { kind };
                    old.restarting = old.kind == JobKind::Restart;
                    old.running = false;
                    old.checked = false;
                    self.run_soon(id);
                }
                return;
            }
            self.finish_job(id, JobResult::Failed("canceled", format!("replaced by a {} job", kind.as_str())));
        }
        carried.extend(request);
        let Some(slot) = self.units.get_mut(&id) else {
            return;
        };
        slot.job = Some(Box::new(Job {
            kind,
            running: false,
            checked: false,
            checking: false,
            restarting: kind == JobKind::Restart,
            requests: carried,
            cursor: None,
            since: now,
        }));
        self.job_count += 1;
        if timeout != INFINITY_USEC {
            self.deadlines.set(id, super::Reason::Job, now.after(timeout));
        }
        self.run_soon(id);
    }

    /// The unit whose job must end before this one may run.
    fn blocker(&mut self, id: UnitId) -> Option<UnitId> {
        let slot = self.units.get(&id)?;
        let job = slot.job.as_ref()?;
        let stops = matches!(job.kind, JobKind::Stop | JobKind::Restart);
        // The search goes on where it stopped: with ten thousand sockets before one target it would
        // otherwise be quadratic. A full round without a hit is needed before the job may run.
        let (first, last) = ((Relation::Before, UnitId::MIN), (Relation::After, UnitId::MAX));
        let cursor = job.cursor.unwrap_or(first);
        let blocking = |(relation, other): &&(Relation, UnitId)| {
            let Some(other_job) = self.units.get(other).and_then(|slot| slot.job.as_ref()) else {
                return false;
            };
            // After: a start waits for whatever the other does; a stop goes first.
            // Before: only a stop of the other (which then goes first) is waited for.
            let other_stops = matches!(other_job.kind, JobKind::Stop | JobKind::Restart);
            if *relation == Relation::After { !stops } else { other_stops }
        };
        let rest = slot.edges.range(cursor, last);
        let found = rest.chain(slot.edges.range(first, cursor)).find(blocking).copied();
        let cursor = found?;
        if let Some(job) = self.units.get_mut(&id).and_then(|slot| slot.job.as_mut()) {
            job.cursor = Some(cursor);
        }
        Some(cursor.1)
    }

    /// Whether waiting for `other` would close a ring in which everybody waits for the next: jobs that
    /// came with several requests, each of which had an order. The names in it.
    fn ring_of_waits(&self, id: UnitId, other: UnitId) -> Option<String> {
        let mut ring = vec![id];
        let mut at = other;
        while at != id {
            let waits = self.units.get(&at)?.job.as_ref().filter(|job| !job.running && !job.checking)?;
            let (_, next) = waits.cursor?;
            // What it found last may not be what it waits for any more.
            if ring.len() > self.job_count || !self.blocked.get(&next)?.contains(&at) {
                return None;
            }
            ring.push(at);
            at = next;
        }
        let names = ring.iter().chain([&id]).filter_map(|id| self.unit_name(*id)).map(|name| name.as_str());
        Some(names.collect::<Vec<_>>().join(" → "))
    }

    pub(super) fn wake_blocked(&mut self, id: UnitId) {
        for waiting in self.blocked.remove(&id).unwrap_or_default() {
            self.run_soon(waiting);
        }
        let waits_itself = self.units.get(&id).and_then(|slot| slot.job.as_ref()).is_some_and(|job| !job.running);
        if waits_itself {
            self.run_soon(id);
        }
    }

    /// The job of a unit is looked at when what is going on has been dealt with. Which of several goes first is
    /// seen from outside where units need each other and no order is written.
    pub(super) fn run_soon(&mut self, id: UnitId) {
        let Some(slot) = self.units.get(&id) else {
            return;
        };
        let rank = match &slot.machine {
            Machine::Target(_) | Machine::Inert => 0,
            Machine::Socket(_) => 1,
            Machine::Service(_) => 2,
        };
        self.run_queue.insert((rank, slot.unit.name.text(), id));
    }

    pub(super) fn run_job(&mut self, id: UnitId) {
        let Some(job) = self.units.get(&id).and_then(|slot| slot.job.as_ref()) else {
            return;
        };
        if job.running || job.checking {
            return;
        }
        let kind = job.kind;
        if let Some(other) = self.blocker(id) {
            if let Some(ring) = self.ring_of_waits(id, other) {
                let detail = format!("ordering cycle: {ring}; remove one After= or Before= of them");
                return self.finish_job(id, JobResult::Failed("dependency", detail));
            }
            self.blocked.entry(other).or_default().push(id);
            return;
        }
        // Marked before it is begun: the unit may reach its goal at once, which finishes the job.
        self.mark_running(id, true);
        let begun = match kind {
            JobKind::Start => self.begin_start(id),
            JobKind::Stop | JobKind::Restart => self.begin_stop(id),
            JobKind::Reload => self.begin_reload(id),
            JobKind::Verify => self.begin_verify(id),
        };
        match begun {
            Begun::Already => self.finish_job(id, JobResult::Done),
            Begun::Runs => {}
            Begun::Later => self.mark_running(id, false),
            Begun::Refused(reason, detail) => self.finish_job(id, JobResult::Failed(reason, detail)),
        }
    }

    fn mark_running(&mut self, id: UnitId, running: bool) {
        if let Some(job) = self.units.get_mut(&id).and_then(|slot| slot.job.as_mut()) {
            job.running = running;
        }
    }

    fn begin_start(&mut self, id: UnitId) -> Begun {
        let Some(slot) = self.units.get(&id) else {
            return Begun::Already;
        };
        match slot.active {
            ActiveState::Active | ActiveState::Reloading => return Begun::Already,
            ActiveState::Activating if !self.waits_for_restart(id) => return Begun::Runs,
            ActiveState::Deactivating => return self.start_later(id),
            ActiveState::Activating | ActiveState::Inactive | ActiveState::Failed => {}
        }
        if let Some(refused) = self.not_loaded(id) {
            return refused;
        }
        if let Some(other) = self.bound_to_nothing(id) {
            return Begun::Refused("dependency", format!("{other} is not active, and BindsTo= asks for it"));
        }
        let now = self.now;
        let Some(slot) = self.units.get_mut(&id) else {
            return Begun::Already;
        };
        let needs_check = !slot.unit.common.conditions.is_empty() || !slot.unit.common.asserts.is_empty();
        let checked = slot.job.as_ref().is_some_and(|job| job.checked);
        if needs_check && !checked {
            if let Some(job) = &mut slot.job {
                job.checking = true;
            }
            let settings = slot.unit.clone();
            self.checks += 1;
            self.out.push(Effect::Check { unit: id, settings });
            return Begun::Runs;
        }
        if !needs_check {
            slot.moments.condition = Moment::at(now);
            slot.condition_result = true;
            slot.assert_result = true;
            slot.unmet = None;
        }
        match &slot.machine {
            Machine::Socket(_) => self.socket_start(id),
            Machine::Service(_) => self.service_start(id),
            Machine::Target(_) => {
                let invocation = self.new_invocation();
                if let Some(slot) = self.units.get_mut(&id) {
                    slot.invocation = invocation;
                }
                self.target_set(id, true);
                Begun::Runs
            }
            Machine::Inert => Begun::Already,
        }
    }

    /// The unit has to come to its end first.
    pub(super) fn start_later(&mut self, id: UnitId) -> Begun {
        let refused = if self.policy.every_try_counts { self.start_limit(id) } else { None };
        let Some(refused) = refused else {
            return Begun::Later;
        };
        match self.units.get(&id).map(|slot| &slot.machine) {
            Some(Machine::Socket(_)) => self.socket_started_too_often(id),
            Some(Machine::Service(_)) => self.service_dead(id, ServiceResult::StartLimitHit, false),
            Some(Machine::Target(_) | Machine::Inert) | None => {}
        }
        refused
    }

    fn waits_for_restart(&self, id: UnitId) -> bool {
        self.units.get(&id).is_some_and(|slot| match &slot.machine {
            Machine::Service(service) => service.waits_for_restart(),
            Machine::Socket(_) | Machine::Target(_) | Machine::Inert => false,
        })
    }

    fn begin_verify(&self, id: UnitId) -> Begun {
        let Some(slot) = self.units.get(&id) else {
            return Begun::Already;
        };
        match slot.active {
            ActiveState::Active | ActiveState::Reloading => Begun::Already,
            ActiveState::Activating => Begun::Later,
            ActiveState::Inactive | ActiveState::Failed | ActiveState::Deactivating => {
                Begun::Refused("skipped", format!("{} is not active, and Requisite= asks for it", slot.unit.name))
            }
        }
    }

    /// A unit that this one is bound to and ordered after, and that is not up though its job is done.
    fn bound_to_nothing(&self, id: UnitId) -> Option<String> {
        let slot = self.units.get(&id)?;
        let ordered = slot.related(Relation::BindsTo).filter(|other| slot.edges.contains((Relation::After, *other)));
        ordered
            .filter_map(|other| self.units.get(&other))
            .find(|other| !other.active.is_up() && !matches!(other.machine, Machine::Inert))
            .map(|other| other.unit.name.to_string())
    }

    /// Why a unit cannot be started as far as its file is concerned.
    pub(super) fn not_loaded(&self, id: UnitId) -> Option<Begun> {
        let slot = self.units.get(&id)?;
        let name = &slot.unit.name;
        let why = slot.unit.load_error.as_deref().unwrap_or("");
        let target = matches!(slot.machine, Machine::Target(_) | Machine::Inert);
        Some(match slot.unit.load {
            LoadState::Loaded => return None,
            // Grouping names without a file are satisfied: a host without systemd has no basic.target.
            LoadState::NotFound if target && self.policy.missing_targets_reached => return None,
            LoadState::NotFound if name.is_template() => {
                Begun::Refused("not-found", format!("{name} is a template; give it an instance between @ and the dot"))
            }
            LoadState::NotFound => Begun::Refused("not-found", format!("Unit {name} not found in the unit path")),
            LoadState::Masked => Begun::Refused("masked", format!("Unit {name} is masked")),
            LoadState::BadSetting => Begun::Refused(
                "bad-setting",
                format!("Unit {name} has a bad setting: {why}; see `porterctl verify {name}`"),
            ),
            LoadState::Error => Begun::Refused(
                "load-error",
                format!("Unit {name} could not be read: {why}; see `porterctl verify {name}`"),
            ),
        })
    }

    pub(super) fn checked(&mut self, id: UnitId, verdict: Verdict) {
        let now = self.now;
        let Some(slot) = self.units.get_mut(&id) else {
            return;
        };
        slot.moments.condition = Moment::at(now);
        slot.condition_result = !matches!(verdict, Verdict::ConditionUnmet(_));
        // Assertions are not looked at where a condition is unmet.
        if slot.condition_result {
            slot.assert_result = !matches!(verdict, Verdict::AssertUnmet(_));
        }
        slot.unmet = match &verdict {
            Verdict::Go => None,
            Verdict::ConditionUnmet(what) | Verdict::AssertUnmet(what) => Some(what.clone()),
        };
        let Some(job) = slot.job.as_mut().filter(|job| job.checking) else {
            return;
        };
        job.checking = false;
        job.running = false;
        self.checks -= 1;
        match verdict {
            Verdict::Go => {
                job.checked = true;
                self.run_soon(id);
            }
            Verdict::ConditionUnmet(what) => {
                self.tell("condition-unmet", Level::Info, id, format!("skipped: {what} is not met"));
                self.finish_job(id, JobResult::Done);
            }
            Verdict::AssertUnmet(what) => {
                self.tell("assert-unmet", Level::Error, id, format!("start refused: {what} is not met"));
                self.finish_job(id, JobResult::Failed("assert", format!("{what} is not met")));
            }
        }
    }

    fn begin_stop(&mut self, id: UnitId) -> Begun {
        let Some(slot) = self.units.get(&id) else {
            return Begun::Already;
        };
        if slot.active.is_down() {
            return Begun::Already;
        }
        match &slot.machine {
            Machine::Socket(_) => self.socket_stop(id),
            Machine::Service(_) => self.service_stop(id),
            Machine::Target(_) => self.target_set(id, false),
            Machine::Inert => return Begun::Already,
        }
        Begun::Runs
    }

    fn begin_reload(&mut self, id: UnitId) -> Begun {
        let Some(slot) = self.units.get(&id) else {
            return Begun::Already;
        };
        match slot.active {
            ActiveState::Reloading => return Begun::Later,
            ActiveState::Active => {}
            ActiveState::Activating | ActiveState::Inactive | ActiveState::Failed | ActiveState::Deactivating => {
                return Begun::Refused(
                    "not-active",
                    format!("{} is not active, so it cannot be reloaded", slot.unit.name),
                );
            }
        }
        match &slot.machine {
            Machine::Service(_) => self.service_reload(id),
            // Those that it passes it on to have their own jobs.
            Machine::Target(_) | Machine::Socket(_) | Machine::Inert => Begun::Already,
        }
    }

    fn target_set(&mut self, id: UnitId, up: bool) {
        if let Some(slot) = self.units.get_mut(&id) {
            slot.machine = Machine::Target(up);
        }
        self.changed(id, if up { ActiveState::Active } else { ActiveState::Inactive });
    }
}
