//! Requests become jobs; jobs become answers. Every client is answered exactly once.

use super::Engine;
use super::effect::{Announcement, Effect, Level, SignalTarget};
use super::jobs::JobKind;
use super::requests::{Failure, Reply, Request, Verb, Wait};
use super::slot::{Machine, Relation};
use super::status::ActiveState;
use crate::ids::{ClientId, UnitId};
use crate::unit::{LoadState, UnitName};
use std::collections::BTreeSet;

/// A request that is not answered yet.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    client: Option<ClientId>,
    wait: Wait,
    /// All jobs of it are queued.
    complete: bool,
    jobs: BTreeSet<UnitId>,
    ends: BTreeSet<UnitId>,
    failures: Vec<Failure>,
    hints: Vec<String>,
}

impl Engine {
    pub(super) fn asked(&mut self, client: ClientId, request: Request) {
        match request {
            Request::Job { verb, units, wait } => self.asked_jobs(client, verb, &units, wait),
            Request::ResetFailed { units } => {
                let reply = self.reset_failed(&units);
                self.out.push(Effect::Answer { client, reply });
            }
            Request::Kill { units, target, signal } => {
                let reply = self.kill(&units, target, signal);
                self.out.push(Effect::Answer { client, reply });
            }
        }
    }

    pub(super) fn left(&mut self, client: ClientId) {
        for pending in self.requests.values_mut() {
            if pending.client == Some(client) {
                // The jobs go on; nobody waits for them any more.
                pending.client = None;
            }
        }
    }

    pub(super) fn open_request(&mut self, client: Option<ClientId>, wait: Wait) -> u64 {
        let request = self.next_request;
        self.next_request += 1;
        let pending = Pending {
            client,
            wait,
            complete: false,
            jobs: BTreeSet::new(),
            ends: BTreeSet::new(),
            failures: Vec::new(),
            hints: Vec::new(),
        };
        self.requests.insert(request, pending);
        request
    }

    pub(super) fn request_waits(&mut self, request: u64, id: UnitId) {
        if let Some(pending) = self.requests.get_mut(&request) {
            pending.jobs.insert(id);
        }
    }

    /// All jobs are queued; the answer may already be due.
    pub(super) fn close_request(&mut self, request: u64) {
        if let Some(pending) = self.requests.get_mut(&request) {
            pending.complete = true;
            if pending.wait == Wait::Queued {
                pending.jobs.clear();
            }
        }
        self.answer_if_done(request);
    }

    fn asked_jobs(&mut self, client: ClientId, verb: Verb, units: &[UnitName], wait: Wait) {
        let request = self.open_request(Some(client), wait);
        for name in units {
            if let Err(failure) = self.ask_one(request, verb, name, units, wait)
                && let Some(pending) = self.requests.get_mut(&request)
            {
                pending.failures.push(failure);
            }
        }
        self.close_request(request);
    }

    fn ask_one(
        &mut self,
        request: u64,
        verb: Verb,
        name: &UnitName,
        units: &[UnitName],
        wait: Wait,
    ) -> Result<(), Failure> {
        let fail = |reason, detail| Failure { unit: name.text(), reason, detail };
        let id = self.lookup(name.as_str()).ok_or_else(|| fail("not-found", format!("Unit {name} not found.")))?;
        let Some(slot) = self.units.get(&id) else {
            return Ok(());
        };
        let up = !slot.active.is_down();
        let ending = slot.active == ActiveState::Deactivating;
        let settled = slot.active.is_up();
        if !up && slot.job.is_none() {
            self.usable(id, verb).map_err(|reason| {
                let state = slot.unit.load.as_str();
                fail(reason, format!("Unit {name} not loaded (its load state is {state})."))
            })?;
        }
        let starts = matches!(verb, Verb::Start | Verb::Restart | Verb::TryRestart | Verb::ReloadOrRestart);
        if up && starts && slot.unit.load != LoadState::Loaded {
            let state = slot.unit.load.as_str();
            return Err(fail(state, format!("{name} is up, but its file cannot be used any more ({state})")));
        }
        if self.leaving.is_some() && verb != Verb::Stop {
            return Err(fail("refused", "porterd is shutting down".to_owned()));
        }
        if verb == Verb::Reload && !self.can_reload(id) {
            let why = format!("{name} has no ExecReload= and is not Type=notify-reload; restart it instead");
            return Err(fail("no-reload", why));
        }
        let kind = match verb {
            Verb::Start => JobKind::Start,
            Verb::Stop => JobKind::Stop,
            Verb::Restart if up => JobKind::Restart,
            // What is on its way down is not tried again. What is not up yet, or no more, has nothing to reload.
            Verb::TryRestart if up && !ending => JobKind::Restart,
            Verb::TryRestart => return Ok(()),
            Verb::Reload => JobKind::Reload,
            Verb::ReloadOrRestart if settled && self.can_reload(id) => JobKind::Reload,
            Verb::ReloadOrRestart if self.can_reload(id) => JobKind::Start,
            Verb::ReloadOrRestart if up => JobKind::Restart,
            Verb::Restart | Verb::ReloadOrRestart => JobKind::Start,
        };
        let common = &slot.unit.common;
        if common.refuse_manual_start && matches!(kind, JobKind::Start | JobKind::Restart) {
            return Err(fail("refused", format!("{name} may only be started by others (RefuseManualStart=yes)")));
        }
        if common.refuse_manual_stop && matches!(kind, JobKind::Stop | JobKind::Restart) {
            return Err(fail("refused", format!("{name} may only be stopped by others (RefuseManualStop=yes)")));
        }
        if kind == JobKind::Stop {
            self.hint_sockets(request, id, units);
        }
        self.submit(id, kind, Some(request))?;
        if wait == Wait::Ended
            && kind.starts()
            && let Some(pending) = self.requests.get_mut(&request)
        {
            pending.ends.insert(id);
        }
        Ok(())
    }

    /// Whether there is anything to act on: a name without a file, or with one that says nothing
    /// usable, can only be started, and that fails later with better words.
    fn usable(&self, id: UnitId, verb: Verb) -> Result<(), &'static str> {
        let Some(slot) = self.units.get(&id) else {
            return Ok(());
        };
        let grouping = matches!(slot.machine, Machine::Target(_) | Machine::Inert);
        match (verb, slot.unit.load) {
            (Verb::Start | Verb::Restart | Verb::ReloadOrRestart, LoadState::NotFound) if grouping => Err("not-found"),
            (
                Verb::Stop | Verb::Restart | Verb::TryRestart | Verb::Reload | Verb::ReloadOrRestart,
                LoadState::NotFound,
            ) => Err("not-found"),
            (Verb::Reload, LoadState::Masked) => Err("masked"),
            (Verb::Stop | Verb::TryRestart, LoadState::BadSetting) => Err("bad-setting"),
            (Verb::Stop | Verb::TryRestart, LoadState::Error) => Err("error"),
            _ => Ok(()),
        }
    }

    /// Whoever stops a service wants to know what can start it again.
    fn hint_sockets(&mut self, request: u64, id: UnitId, asked: &[UnitName]) {
        let waiting: Vec<String> = self
            .relatives(id, Relation::TriggeredBy)
            .iter()
            .filter_map(|socket| self.units.get(socket))
            .filter(|socket| socket.is_socket() && socket.active.is_up() && socket.job.is_none())
            .filter(|socket| !asked.contains(&socket.unit.name))
            .map(|socket| socket.unit.name.to_string())
            .collect();
        let name = self.unit_name(id).map(ToString::to_string).unwrap_or_default();
        if !waiting.is_empty()
            && let Some(pending) = self.requests.get_mut(&request)
        {
            pending.hints.push(format!("{name} can still be started by: {}", waiting.join(", ")));
        }
    }

    /// A job of a request ended.
    pub(super) fn request_progress(&mut self, request: u64, id: UnitId, failure: Option<Failure>) {
        let Some(pending) = self.requests.get_mut(&request) else {
            return;
        };
        pending.jobs.remove(&id);
        if let Some(failure) = failure {
            pending.ends.remove(&id);
            pending.failures.push(failure);
        }
        self.answer_if_done(request);
    }

    /// Whose jobs a request still waits for.
    pub(super) fn request_jobs(&self, request: u64) -> Vec<UnitId> {
        self.requests.get(&request).map(|pending| pending.jobs.iter().copied().collect()).unwrap_or_default()
    }

    /// What is still to be done is not waited for any more.
    pub(super) fn request_gives_up(&mut self, request: u64) {
        if let Some(pending) = self.requests.get_mut(&request) {
            pending.jobs.clear();
        }
        self.answer_if_done(request);
    }

    fn answer_if_done(&mut self, request: u64) {
        let Some(pending) = self.requests.get(&request) else {
            return;
        };
        let ended = pending.ends.iter().all(|id| self.units.get(id).is_none_or(|slot| slot.active.is_down()));
        if !pending.complete || !pending.jobs.is_empty() || !ended {
            return;
        }
        let Some(mut pending) = self.requests.remove(&request) else {
            return;
        };
        for id in &pending.ends {
            if let Some(slot) = self.units.get(id).filter(|slot| slot.active == ActiveState::Failed) {
                let detail = format!("{} ended as failed", slot.unit.name);
                pending.failures.push(Failure { unit: slot.unit.name.text(), reason: "failed", detail });
            }
        }
        if self.boot == Some(request) {
            self.boot = None;
            self.boot_settled(&pending);
        }
        if let Some(client) = pending.client {
            let reply = if pending.failures.is_empty() {
                Reply::Done { hints: pending.hints }
            } else {
                Reply::Failed { failures: pending.failures }
            };
            self.out.push(Effect::Answer { client, reply });
        }
    }

    fn boot_settled(&mut self, pending: &Pending) {
        let listening = self.units.values().filter(|slot| slot.is_socket() && slot.active.is_up()).count();
        let mut status = format!("{listening} sockets listening");
        for (count, what) in [(pending.failures.len(), "units failed"), (self.awaiting.len(), "wait for addresses")] {
            if count > 0 {
                status.push_str(&format!(", {count} {what}"));
            }
        }
        self.out.push(Effect::Announce(Announcement::Ready));
        self.out.push(Effect::Announce(Announcement::Status(status)));
    }

    pub(super) fn waiting_clients(&self) -> BTreeSet<ClientId> {
        self.requests.values().filter_map(|pending| pending.client).collect()
    }

    /// Requests that wait for a unit to end.
    pub(super) fn check_ends(&mut self) {
        let waiting: Vec<u64> =
            self.requests.iter().filter(|(_, pending)| !pending.ends.is_empty()).map(|(request, _)| *request).collect();
        for request in waiting {
            self.answer_if_done(request);
        }
    }

    fn reset_failed(&mut self, units: &[UnitName]) -> Reply {
        let mut failures = Vec::new();
        let ids: Vec<UnitId> = if units.is_empty() {
            self.units.ids()
        } else {
            let mut ids = Vec::new();
            for name in units {
                match self.lookup(name.as_str()) {
                    Some(id) if !self.is_unknown(id) => ids.push(id),
                    Some(_) | None => failures.push(Failure {
                        unit: name.text(),
                        reason: "not-found",
                        detail: format!("Unit {name} not loaded."),
                    }),
                }
            }
            ids
        };
        for id in ids {
            let Some(slot) = self.units.get_mut(&id) else {
                continue;
            };
            slot.start_window = super::limits::Window::default();
            slot.start_limit_hit = false;
            match &slot.machine {
                Machine::Socket(_) => self.socket_reset_failed(id),
                Machine::Service(_) => self.service_reset_failed(id),
                Machine::Target(_) | Machine::Inert => {}
            }
            self.inner.push_back(super::Inner::Collect(id));
        }
        if failures.is_empty() { Reply::Done { hints: Vec::new() } } else { Reply::Failed { failures } }
    }

    /// Nobody has a file for it and nothing of it is left.
    fn is_unknown(&self, id: UnitId) -> bool {
        self.units
            .get(&id)
            .is_some_and(|slot| slot.unit.load == LoadState::NotFound && slot.active == ActiveState::Inactive)
    }

    fn kill(&mut self, units: &[UnitName], target: SignalTarget, signal: i32) -> Reply {
        let mut failures = Vec::new();
        for name in units {
            let found = self.lookup(name.as_str()).filter(|id| {
                self.units.get(id).is_some_and(|slot| match &slot.machine {
                    Machine::Service(service) => {
                        service.populated || service.main.is_some() || service.control.is_some()
                    }
                    Machine::Socket(socket) => socket.control.is_some(),
                    Machine::Target(_) | Machine::Inert => false,
                })
            });
            match found {
                Some(unit) => {
                    self.tell("killed-by-request", Level::Info, unit, format!("signal {signal} sent by request"));
                    self.out.push(Effect::Signal { unit, target, signal, also_hup: false, plain: true });
                }
                None => failures.push(Failure {
                    unit: name.text(),
                    reason: "not-active",
                    detail: format!("{name} has no process to signal"),
                }),
            }
        }
        if failures.is_empty() { Reply::Done { hints: Vec::new() } } else { Reply::Failed { failures } }
    }
}
