//! The socket machine: from file to open door.
//!
//! ```text
//! dead → start-pre → start-open → start-chown → start-post → listening ⇄ running
//!                                                               │ stop, limit, trouble
//!   failed/dead ← final-sigkill ← final-sigterm ← stop-post ← stop-pre
//! ```
//!
//! States are systemd's. A pause (a limit was reached, something ran out) is no state of its own: the
//! socket is `listening` with a reason why nobody is watching it. Stopping is in `socket_stop`,
//! connections are in `accept`.

use super::effect::{Effect, Level, Passed, Role, Spawn};
use super::event::{ExitStatus, Trouble};
use super::jobs::{Begun, JobKind};
use super::limits::{Backoff, Window};
use super::policy::OnLimit;
use super::slot::{Machine, Relation, Slot};
use super::status::ActiveState;
use super::{Engine, Reason};
use crate::ids::{FdToken, Mono, ProcToken, Text, UnitId};
use crate::unit::{Body, Command, SocketUnit, Unit};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// systemd's sub-states of a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum SocketState {
    #[default]
    Dead,
    StartPre,
    StartOpen,
    StartChown,
    StartPost,
    Listening,
    Running,
    StopPre,
    StopPreSigterm,
    StopPreSigkill,
    StopPost,
    FinalSigterm,
    FinalSigkill,
    Failed,
}

impl SocketState {
    /// systemd's word.
    pub fn as_str(self) -> &'static str {
        match self {
            SocketState::Dead => "dead",
            SocketState::StartPre => "start-pre",
            SocketState::StartOpen => "start-open",
            SocketState::StartChown => "start-chown",
            SocketState::StartPost => "start-post",
            SocketState::Listening => "listening",
            SocketState::Running => "running",
            SocketState::StopPre => "stop-pre",
            SocketState::StopPreSigterm => "stop-pre-sigterm",
            SocketState::StopPreSigkill => "stop-pre-sigkill",
            SocketState::StopPost => "stop-post",
            SocketState::FinalSigterm => "final-sigterm",
            SocketState::FinalSigkill => "final-sigkill",
            SocketState::Failed => "failed",
        }
    }

    /// The active state it stands for.
    pub fn active(self) -> ActiveState {
        match self {
            SocketState::Dead => ActiveState::Inactive,
            SocketState::StartPre
            | SocketState::StartOpen
            | SocketState::StartChown
            | SocketState::StartPost => ActiveState::Activating,
            SocketState::Listening | SocketState::Running => ActiveState::Active,
            SocketState::StopPre
            | SocketState::StopPreSigterm
            | SocketState::StopPreSigkill
            | SocketState::StopPost
            | SocketState::FinalSigterm
            | SocketState::FinalSigkill => ActiveState::Deactivating,
            SocketState::Failed => ActiveState::Failed,
        }
    }

    /// Descriptors may be open in it.
    pub fn holds_fds(self) -> bool {
        match self {
            SocketState::StartOpen
            | SocketState::StartChown
            | SocketState::StartPost
            | SocketState::Listening
            | SocketState::Running
            | SocketState::StopPre
            | SocketState::StopPreSigterm
            | SocketState::StopPreSigkill => true,
            SocketState::Dead
            | SocketState::StartPre
            | SocketState::StopPost
            | SocketState::FinalSigterm
            | SocketState::FinalSigkill
            | SocketState::Failed => false,
        }
    }
}

/// systemd's results of a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum SocketResult {
    #[default]
    Success,
    Resources,
    Timeout,
    ExitCode,
    Signal,
    CoreDump,
    StartLimitHit,
    TriggerLimitHit,
    ServiceStartLimitHit,
}

impl SocketResult {
    /// systemd's word.
    pub fn as_str(self) -> &'static str {
        match self {
            SocketResult::Success => "success",
            SocketResult::Resources => "resources",
            SocketResult::Timeout => "timeout",
            SocketResult::ExitCode => "exit-code",
            SocketResult::Signal => "signal",
            SocketResult::CoreDump => "core-dump",
            SocketResult::StartLimitHit => "start-limit-hit",
            SocketResult::TriggerLimitHit => "trigger-limit-hit",
            SocketResult::ServiceStartLimitHit => "service-start-limit-hit",
        }
    }

    /// Result of a control command that ended like this.
    pub(super) fn of(status: ExitStatus) -> SocketResult {
        match status {
            ExitStatus::Code(0) | ExitStatus::Unknown => SocketResult::Success,
            ExitStatus::Code(_) => SocketResult::ExitCode,
            ExitStatus::Signal(_) => SocketResult::Signal,
            ExitStatus::Dumped(_) => SocketResult::CoreDump,
        }
    }
}

/// A control process of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    pub(super) proc: ProcToken,
    pub(super) pid: i32,
    pub(super) index: usize,
    pub(super) started: Mono,
}

/// Why nobody watches a listening socket, and since when it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    pub(super) why: Text,
}

/// One open descriptor of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    pub(super) index: u16,
    pub(super) fd: FdToken,
    pub(super) window: Window,
    pub(super) watched: bool,
}

/// What a socket unit is doing.
#[derive(Clone, Debug, Default)]
pub struct Socket {
    pub(super) state: SocketState,
    pub(super) result: SocketResult,
    pub(super) ports: Vec<Port>,
    /// Settings with which the ports were opened, for `RemoveOnStop=` after a reload.
    pub(super) opened: Option<Arc<Unit>>,
    pub(super) control: Option<Control>,
    pub(super) trigger_window: Window,
    pub(super) backoff: Backoff,
    pub(super) pause: Option<Pause>,
    pub(super) accepted: u64,
    pub(super) refused: u64,
    pub(super) connections: u32,
    pub(super) sources: BTreeMap<super::accept::Source, u32>,
    pub(super) failed_instances: VecDeque<UnitId>,
}

impl Engine {
    pub(super) fn socket(&self, id: UnitId) -> Option<&Socket> {
        match &self.units.get(&id)?.machine {
            Machine::Socket(socket) => Some(socket),
            Machine::Service(_) | Machine::Target(_) | Machine::Inert => None,
        }
    }

    pub(super) fn socket_mut(&mut self, id: UnitId) -> Option<&mut Socket> {
        match &mut self.units.get_mut(&id)?.machine {
            Machine::Socket(socket) => Some(socket),
            Machine::Service(_) | Machine::Target(_) | Machine::Inert => None,
        }
    }

    pub(super) fn socket_unit(&self, id: UnitId) -> Option<Arc<SocketUnit>> {
        match &self.units.get(&id)?.unit.body {
            Body::Socket(unit) => Some(unit.clone()),
            Body::Service(_) | Body::Target | Body::Slice | Body::Foreign => None,
        }
    }

    /// The service of an `Accept=no` socket.
    pub(super) fn socket_service(&self, id: UnitId) -> Option<UnitId> {
        let slot = self.units.get(&id)?;
        match &slot.unit.body {
            Body::Socket(unit) if !unit.accept => self.lookup(unit.service.as_ref()?.as_str()),
            Body::Socket(_) | Body::Service(_) | Body::Target | Body::Slice | Body::Foreign => None,
        }
    }

    /// Enters a state: timers, record, watchers. The only place that changes it.
    pub(super) fn socket_enter(&mut self, id: UnitId, state: SocketState) {
        let timed = match state {
            SocketState::StartPre
            | SocketState::StartChown
            | SocketState::StartPost
            | SocketState::StopPre
            | SocketState::StopPreSigterm
            | SocketState::StopPreSigkill
            | SocketState::StopPost
            | SocketState::FinalSigterm
            | SocketState::FinalSigkill => self
                .socket_unit(id)
                .and_then(|unit| self.now.after(unit.timeout_usec)),
            SocketState::Dead
            | SocketState::StartOpen
            | SocketState::Listening
            | SocketState::Running
            | SocketState::Failed => None,
        };
        self.deadlines.set(id, Reason::State, timed);
        let Some(socket) = self.socket_mut(id) else {
            return;
        };
        socket.state = state;
        if state != SocketState::Listening {
            self.socket_unwatch(id);
        }
        if !state.holds_fds() {
            self.socket_close(id);
        }
        self.changed(id, state.active());
    }

    pub(super) fn socket_start(&mut self, id: UnitId) -> Begun {
        let Some(unit) = self.socket_unit(id) else {
            return Begun::Already;
        };
        if !unit.accept
            && let Some(refused) = self.socket_service_refusal(id)
        {
            return refused;
        }
        if let Some(refused) = self.start_limit(id) {
            if let Some(socket) = self.socket_mut(id) {
                socket.result = SocketResult::StartLimitHit;
            }
            self.socket_enter(id, SocketState::Failed);
            return refused;
        }
        let invocation = self.new_invocation();
        if let Some(slot) = self.units.get_mut(&id) {
            slot.invocation = invocation;
        }
        if let Some(socket) = self.socket_mut(id) {
            socket.result = SocketResult::Success;
            socket.pause = None;
        }
        if unit.exec_start_pre.is_empty() {
            self.socket_open(id);
        } else {
            self.socket_enter(id, SocketState::StartPre);
            self.socket_command(id, 0);
        }
        Begun::Runs
    }

    /// The service must be loaded and at rest: descriptors cannot be handed to one that runs.
    fn socket_service_refusal(&self, id: UnitId) -> Option<Begun> {
        let name = self.units.get(&id)?.unit.name.clone();
        let service = self
            .socket_service(id)
            .and_then(|service| self.units.get(&service));
        let Some(slot) = service else {
            return Some(Begun::Refused(
                "not-found",
                format!("the service of {name} is not loaded, refusing to listen"),
            ));
        };
        if slot.unit.load != crate::unit::LoadState::Loaded {
            let why = format!(
                "{}, the service of {name}, is {}, refusing to listen",
                slot.unit.name,
                slot.unit.load.as_str()
            );
            return Some(Begun::Refused("not-found", why));
        }
        let rests = match &slot.machine {
            Machine::Service(service) => service.may_be_handed_sockets(),
            Machine::Socket(_) | Machine::Target(_) | Machine::Inert => true,
        };
        (!rests).then(|| {
            let why = format!(
                "{}, the service of {name}, is already active; stop it first",
                slot.unit.name
            );
            Begun::Refused("refused", why)
        })
    }

    /// Counts a start against `StartLimit…=` of the unit.
    pub(super) fn start_limit(&mut self, id: UnitId) -> Option<Begun> {
        let now = self.now;
        let slot = self.units.get_mut(&id)?;
        let limit = slot.unit.common.start_limit;
        slot.start_limit_hit = !slot.start_window.admit(now, limit);
        if !slot.start_limit_hit {
            return None;
        }
        let name = slot.unit.name.clone();
        let exit = slot.unit.common.actions.start_limit_exit;
        self.tell(
            "start-limit-hit",
            Level::Warning,
            id,
            "start request repeated too quickly",
        );
        if exit {
            self.told_to_stop();
            self.leaving = Some(1);
        }
        let detail = format!(
            "{name} was started more than {} times in {} ms; `porterctl reset-failed {name}` allows another try at once",
            limit.burst,
            limit.interval_usec / 1000
        );
        Some(Begun::Refused("start-limit-hit", detail))
    }

    fn socket_open(&mut self, id: UnitId) {
        let service = self
            .socket_service(id)
            .and_then(|service| self.unit(service))
            .cloned();
        let Some(settings) = self.unit(id).cloned() else {
            return;
        };
        self.socket_enter(id, SocketState::StartOpen);
        self.out.push(Effect::Bind {
            unit: id,
            settings,
            service,
        });
    }

    pub(super) fn socket_bound(&mut self, id: UnitId, fds: Vec<(u16, FdToken)>) {
        let settings = self.unit(id).cloned();
        let opening = self
            .socket(id)
            .is_some_and(|socket| socket.state == SocketState::StartOpen);
        if !opening {
            // Stopped while the ports were being opened.
            for (_, fd) in fds {
                self.out.push(Effect::Close { fd });
            }
            return;
        }
        for (_, fd) in &fds {
            self.fds.insert(*fd, id);
        }
        let Some(socket) = self.socket_mut(id) else {
            return;
        };
        let port = |(index, fd)| Port {
            index,
            fd,
            window: Window::default(),
            watched: false,
        };
        socket.ports = fds.into_iter().map(port).collect();
        socket.opened = settings.clone();
        let Some(unit) = self.socket_unit(id) else {
            return;
        };
        match settings {
            Some(settings) if unit.socket_user.is_some() || unit.socket_group.is_some() => {
                self.socket_enter(id, SocketState::StartChown);
                self.out.push(Effect::Chown { unit: id, settings });
            }
            Some(_) | None => self.socket_start_post(id),
        }
    }

    pub(super) fn socket_bind_failed(&mut self, id: UnitId, detail: &str) {
        if self
            .socket(id)
            .is_none_or(|socket| socket.state != SocketState::StartOpen)
        {
            return;
        }
        self.tell(
            "socket-bind-failed",
            Level::Error,
            id,
            format!("cannot listen: {detail}"),
        );
        self.socket_stop_pre(id, SocketResult::Resources);
    }

    pub(super) fn socket_chowned(&mut self, id: UnitId) {
        if self
            .socket(id)
            .is_some_and(|socket| socket.state == SocketState::StartChown)
        {
            self.socket_start_post(id);
        }
    }

    pub(super) fn socket_chown_failed(&mut self, id: UnitId, status: u8, detail: &str) {
        if self
            .socket(id)
            .is_some_and(|socket| socket.state == SocketState::StartChown)
        {
            self.tell(
                "socket-chown-failed",
                Level::Error,
                id,
                format!("cannot change the owner ({status}): {detail}"),
            );
            self.socket_stop_pre(id, SocketResult::ExitCode);
        }
    }

    fn socket_start_post(&mut self, id: UnitId) {
        if self
            .socket_unit(id)
            .is_some_and(|unit| !unit.exec_start_post.is_empty())
        {
            self.socket_enter(id, SocketState::StartPost);
            self.socket_command(id, 0);
        } else {
            self.socket_listen(id);
        }
    }

    /// Opens the door: flush if asked for, then watch.
    pub(super) fn socket_listen(&mut self, id: UnitId) {
        let Some(unit) = self.socket_unit(id) else {
            return;
        };
        let Some(socket) = self.socket(id) else {
            return;
        };
        let fresh = socket.state != SocketState::Listening && socket.state != SocketState::Running;
        if unit.flush_pending && !unit.accept {
            for port in socket.ports.clone() {
                self.out.push(Effect::Drain { fd: port.fd });
            }
        }
        self.socket_enter(id, SocketState::Listening);
        self.socket_watch(id);
        if fresh {
            self.tell("socket-listening", Level::Info, id, "listening");
        }
    }

    pub(super) fn socket_watch(&mut self, id: UnitId) {
        let mut watch = Vec::new();
        if let Some(socket) = self.socket_mut(id)
            && socket.state == SocketState::Listening
            && socket.pause.is_none()
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

    pub(super) fn socket_unwatch(&mut self, id: UnitId) {
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
    pub(super) fn socket_rest(&mut self, id: UnitId, until: Option<Mono>, why: &str) {
        let now = self.now;
        let Some(socket) = self.socket_mut(id) else {
            return;
        };
        let until = until
            .filter(|until| *until > now)
            .unwrap_or_else(|| socket.backoff.next(now));
        let already = socket.pause.replace(Pause { why: why.into() }).is_some();
        if socket.state == SocketState::Running {
            self.socket_enter(id, SocketState::Listening);
        }
        self.socket_unwatch(id);
        self.deadlines.set(id, Reason::Pause, Some(until));
        if !already {
            let text = format!("paused for {} ms: {why}", until.since(now) / 1000);
            self.tell("socket-paused", Level::Warning, id, text);
        }
    }

    pub(super) fn socket_pause_over(&mut self, id: UnitId) {
        if let Some(socket) = self.socket_mut(id) {
            socket.pause = None;
        }
        self.socket_watch(id);
    }

    pub(super) fn socket_poll_again(&mut self, id: UnitId, fd: FdToken) {
        let Some(socket) = self.socket_mut(id) else {
            return;
        };
        let listening = socket.state == SocketState::Listening && socket.pause.is_none();
        if let Some(port) = socket
            .ports
            .iter_mut()
            .find(|port| port.fd == fd && !port.watched)
            && listening
        {
            port.watched = true;
            self.out.push(Effect::Watch { fd });
        }
    }

    pub(super) fn readable(&mut self, fd: FdToken) {
        let Some(id) = self.fds.get(&fd).copied() else {
            return;
        };
        let Some(unit) = self.socket_unit(id) else {
            return;
        };
        let Some(socket) = self.socket(id) else {
            return;
        };
        let watched = socket
            .ports
            .iter()
            .any(|port| port.fd == fd && port.watched);
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
            self.out.push(Effect::Accept {
                fd,
                settings,
                budget: crate::bounds::ACCEPTS_PER_TURN,
            });
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
        let Some(port) = self
            .socket_mut(id)
            .and_then(|s| s.ports.iter_mut().find(|port| port.fd == fd))
        else {
            return false;
        };
        if port.window.admit(now, limit) {
            return true;
        }
        port.watched = false;
        let until = port.window.ends(limit);
        self.out.push(Effect::Unwatch { fd });
        self.deadlines.set(id, Reason::Poll(fd), until);
        false
    }

    /// Counts a trigger; false if the limit was hit (and dealt with).
    pub(super) fn trigger_admitted(&mut self, id: UnitId, unit: &SocketUnit) -> bool {
        let now = self.now;
        let limit = unit.trigger_limit;
        let Some(socket) = self.socket_mut(id) else {
            return false;
        };
        if socket.trigger_window.admit(now, limit) {
            return true;
        }
        socket.refused += 1;
        let until = socket.trigger_window.ends(limit);
        match self.policy.on_trigger_limit {
            OnLimit::Fail => {
                self.tell(
                    "trigger-limit-hit",
                    Level::Warning,
                    id,
                    "trigger limit hit, refusing further activation",
                );
                self.socket_stop_pre(id, SocketResult::TriggerLimitHit);
            }
            OnLimit::Pause => self.socket_rest(id, until, "trigger limit hit"),
        }
        false
    }

    fn socket_trigger(&mut self, id: UnitId, unit: &SocketUnit) {
        let stop_pending = self
            .units
            .get(&id)
            .and_then(|slot| slot.job.as_ref())
            .is_some_and(|job| job.kind == JobKind::Stop);
        if stop_pending {
            for port in self
                .socket(id)
                .map(|socket| socket.ports.clone())
                .unwrap_or_default()
            {
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
            .any(|other| self.units.get(other).is_some_and(Slot::active_or_pending));
        if !pending {
            let Some(service) = self.socket_service(id) else {
                self.tell(
                    "socket-service-gone",
                    Level::Error,
                    id,
                    "the service to start is not known any more",
                );
                return self.socket_stop_pre(id, SocketResult::Resources);
            };
            if let Err(failure) = self.submit(service, JobKind::Start, None) {
                return self.trigger_refused(id, &failure.detail);
            }
        }
        self.socket_enter(id, SocketState::Running);
    }

    fn trigger_refused(&mut self, id: UnitId, detail: &str) {
        match self.policy.on_bad_template {
            OnLimit::Fail => {
                self.tell(
                    "socket-cannot-start-service",
                    Level::Warning,
                    id,
                    format!("cannot start its service: {detail}"),
                );
                self.socket_stop_pre(id, SocketResult::Resources);
            }
            OnLimit::Pause => {
                self.socket_rest(id, None, &format!("cannot start its service: {detail}"))
            }
        }
    }

    /// A service changed: its sockets watch again, or stop watching.
    pub(super) fn trigger_notify(&mut self, service: UnitId) {
        for id in self.relatives(service, Relation::TriggeredBy) {
            let Some(unit) = self.socket_unit(id) else {
                continue;
            };
            let Some(state) = self.socket(id).map(|socket| socket.state) else {
                continue;
            };
            if unit.accept || !matches!(state, SocketState::Running | SocketState::Listening) {
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
            let (rests, runs) = (machine.lets_socket_listen(), machine.is_running());
            if rests && state == SocketState::Running {
                self.socket_listen(id);
            } else if runs && state == SocketState::Listening {
                self.socket_enter(id, SocketState::Running);
            }
        }
    }

    fn service_limit_hit(&mut self, id: UnitId, service: UnitId) {
        match self.policy.on_service_start_limit {
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
    pub(super) fn broken(&mut self, fd: FdToken, hangup: bool) {
        let Some(id) = self.fds.get(&fd).copied() else {
            return;
        };
        if self
            .socket(id)
            .is_none_or(|socket| socket.state != SocketState::Listening)
        {
            return;
        }
        let why = if hangup {
            "somebody called shutdown() on its listening socket"
        } else {
            "poll reported an error on it"
        };
        self.tell(
            "socket-broken",
            Level::Error,
            id,
            format!("cannot listen any more: {why}; restart it"),
        );
        self.socket_stop_pre(id, SocketResult::Resources);
    }

    pub(super) fn accept_failed(&mut self, fd: FdToken, trouble: Trouble) {
        let Some(id) = self.fds.get(&fd).copied() else {
            return;
        };
        let why = format!("accept failed: {trouble:?}");
        match (self.policy.on_exhaustion, trouble) {
            (_, Trouble::Transient) => {}
            (OnLimit::Pause, _) => self.socket_rest(id, None, &why),
            (OnLimit::Fail, _) => {
                self.tell("accept-failed", Level::Error, id, why);
                self.socket_stop_pre(id, SocketResult::Resources);
            }
        }
    }

    /// Runs the n-th command of the present phase, or goes on if there is none.
    pub(super) fn socket_command(&mut self, id: UnitId, index: usize) {
        let Some(slot) = self.units.get(&id) else {
            return;
        };
        let (Body::Socket(unit), Machine::Socket(socket)) = (&slot.unit.body, &slot.machine) else {
            return;
        };
        let (settings, invocation) = (slot.unit.clone(), slot.invocation);
        let Some(command) = phase_commands(unit, socket.state).get(index).cloned() else {
            return self.socket_phase_done(id);
        };
        let stop = matches!(socket.state, SocketState::StopPre | SocketState::StopPost);
        let timeout = self.now.after(unit.timeout_usec);
        self.deadlines.set(id, Reason::State, timeout);
        let proc = self.new_proc(id);
        let started = self.now;
        if let Some(socket) = self.socket_mut(id) {
            socket.control = Some(Control {
                proc,
                pid: 0,
                index,
                started,
            });
        }
        self.out.push(Effect::Spawn(Box::new(Spawn {
            proc,
            unit: id,
            settings,
            role: Role::Control { stop },
            command,
            pass: Vec::<Passed>::new(),
            variables: Vec::new(),
            invocation,
            watchdog_usec: 0,
        })));
    }

    fn socket_phase_done(&mut self, id: UnitId) {
        let Some(state) = self.socket(id).map(|socket| socket.state) else {
            return;
        };
        match state {
            SocketState::StartPre => self.socket_open(id),
            SocketState::StartPost => self.socket_listen(id),
            SocketState::StopPre => self.socket_stop_post(id, SocketResult::Success),
            SocketState::StopPost => self.socket_dead(id, SocketResult::Success),
            SocketState::Dead
            | SocketState::StartOpen
            | SocketState::StartChown
            | SocketState::Listening
            | SocketState::Running
            | SocketState::StopPreSigterm
            | SocketState::StopPreSigkill
            | SocketState::FinalSigterm
            | SocketState::FinalSigkill
            | SocketState::Failed => {}
        }
    }
}

/// The commands of a phase.
pub(super) fn phase_commands(unit: &SocketUnit, state: SocketState) -> &[Command] {
    match state {
        SocketState::StartPre => &unit.exec_start_pre,
        SocketState::StartPost => &unit.exec_start_post,
        SocketState::StopPre => &unit.exec_stop_pre,
        SocketState::StopPost => &unit.exec_stop_post,
        SocketState::Dead
        | SocketState::StartOpen
        | SocketState::StartChown
        | SocketState::Listening
        | SocketState::Running
        | SocketState::StopPreSigterm
        | SocketState::StopPreSigkill
        | SocketState::FinalSigterm
        | SocketState::FinalSigkill
        | SocketState::Failed => &[],
    }
}
