//! From dead to listening: preconditions, commands, ports, owners.

use super::{Control, Port, SocketResult, SocketState, phase_commands};
use crate::engine::effect::{Effect, Level, Passed, Role, Spawn};
use crate::engine::jobs::Begun;
use crate::engine::limits::Window;
use crate::engine::slot::Machine;
use crate::engine::{Engine, Reason};
use crate::ids::{FdToken, Text, UnitId};
use crate::outside::Trouble;
use crate::unit::Body;

impl Engine {
    pub(in crate::engine) fn socket_start(&mut self, id: UnitId) -> Begun {
        let Some(unit) = self.socket_unit(id) else {
            return Begun::Already;
        };
        let every_try_counts = self.policy.every_try_counts;
        if every_try_counts && let Some(refused) = self.socket_counted(id) {
            return refused;
        }
        if !unit.accept
            && let Some(refused) = self.socket_service_refusal(id)
        {
            return refused;
        }
        if !every_try_counts && let Some(refused) = self.socket_counted(id) {
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

    /// Counts a start; refuses it if there were too many.
    fn socket_counted(&mut self, id: UnitId) -> Option<Begun> {
        let refused = self.start_limit(id)?;
        self.socket_started_too_often(id);
        Some(refused)
    }

    pub(in crate::engine) fn socket_started_too_often(&mut self, id: UnitId) {
        let overrides = self.policy.start_limit_overrides;
        if let Some(socket) = self.socket_mut(id)
            && (overrides || socket.result == SocketResult::Success)
        {
            socket.result = SocketResult::StartLimitHit;
        }
        self.socket_enter(id, SocketState::Failed);
    }

    /// The service must be loaded and at rest: descriptors cannot be handed to one that runs.
    pub(super) fn socket_service_refusal(&self, id: UnitId) -> Option<Begun> {
        let name = self.units.get(&id)?.unit.name.clone();
        let service = self.socket_service(id).and_then(|service| self.units.get(&service));
        let Some(slot) = service else {
            return Some(Begun::Refused("failed", format!("the service of {name} is not loaded, refusing to listen")));
        };
        if slot.unit.load != crate::unit::LoadState::Loaded {
            let why = format!(
                "{}, the service of {name}, is {}, refusing to listen",
                slot.unit.name,
                slot.unit.load.as_str()
            );
            return Some(Begun::Refused("failed", why));
        }
        let rests = match &slot.machine {
            Machine::Service(service) => service.may_be_handed_sockets(),
            Machine::Socket(_) | Machine::Target(_) | Machine::Inert => true,
        };
        (!rests).then(|| {
            let why = format!("{}, the service of {name}, is already active; stop it first", slot.unit.name);
            Begun::Refused("failed", why)
        })
    }

    /// Counts a start against `StartLimit…=` of the unit.
    pub(in crate::engine) fn start_limit(&mut self, id: UnitId) -> Option<Begun> {
        let now = self.now;
        let slot = self.units.get_mut(&id)?;
        let limit = slot.unit.common.start_limit;
        slot.start_limit_hit = !slot.start_window.admit(now, limit);
        if !slot.start_limit_hit {
            return None;
        }
        let name = slot.unit.name.clone();
        let exit = slot.unit.common.actions.start_limit_exit;
        self.tell("start-limit-hit", Level::Warning, id, "start request repeated too quickly");
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
        let service = self.socket_service(id).and_then(|service| self.unit(service)).cloned();
        let Some(settings) = self.unit(id).cloned() else {
            return;
        };
        self.socket_enter(id, SocketState::StartOpen);
        let namespace = self.namespace(id);
        self.out.push(Effect::Bind { unit: id, settings, service, namespace });
    }

    pub(in crate::engine) fn socket_bound(&mut self, id: UnitId, fds: Vec<(u16, FdToken)>) {
        let settings = self.unit(id).cloned();
        let opening = self.socket(id).is_some_and(|socket| socket.state == SocketState::StartOpen);
        if !opening {
            // Stopped while the ports were being opened.
            for (_, fd) in fds {
                self.out.push(Effect::Close { fd });
            }
            return;
        }
        self.socket_awaits_no_more(id);
        for (_, fd) in &fds {
            self.fds.insert(*fd, id);
        }
        let Some(socket) = self.socket_mut(id) else {
            return;
        };
        let port = |(index, fd)| Port { index, fd, window: Window::default(), watched: false, counted: false };
        socket.ports = fds.into_iter().map(port).collect();
        socket.opened = settings.clone();
        self.resolve_peers(id);
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

    pub(in crate::engine) fn socket_bind_failed(&mut self, id: UnitId, trouble: Trouble, detail: &str) {
        if self.socket(id).is_none_or(|socket| socket.state != SocketState::StartOpen) {
            return;
        }
        if self.socket_awaits(id, trouble, detail) {
            return;
        }
        self.tell("socket-bind-failed", Level::Error, id, format!("cannot listen: {detail}"));
        self.socket_stop_pre(id, SocketResult::Resources);
    }

    pub(in crate::engine) fn socket_chowned(&mut self, id: UnitId) {
        if self.socket(id).is_some_and(|socket| socket.state == SocketState::StartChown) {
            self.socket_start_post(id);
        }
    }

    pub(in crate::engine) fn socket_chown_failed(&mut self, id: UnitId, status: u8, detail: &str) {
        if self.socket(id).is_some_and(|socket| socket.state == SocketState::StartChown) {
            self.tell("socket-chown-failed", Level::Error, id, format!("cannot change the owner ({status}): {detail}"));
            self.socket_stop_pre(id, SocketResult::ExitCode);
        }
    }

    fn socket_start_post(&mut self, id: UnitId) {
        if self.socket_unit(id).is_some_and(|unit| !unit.exec_start_post.is_empty()) {
            self.socket_enter(id, SocketState::StartPost);
            self.socket_command(id, 0);
        } else {
            self.socket_listen(id);
        }
    }

    /// Opens the door: flush if asked for, then watch.
    pub(in crate::engine) fn socket_listen(&mut self, id: UnitId) {
        let Some(unit) = self.socket_unit(id) else {
            return;
        };
        let Some(socket) = self.socket(id) else {
            return;
        };
        let fresh = !matches!(socket.state, SocketState::Listening | SocketState::Deferred | SocketState::Running);
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

    /// Runs the n-th command of the present phase, or goes on if there is none.
    pub(in crate::engine) fn socket_command(&mut self, id: UnitId, index: usize) {
        let pass = self.passed_to_hooks(id);
        self.socket_command_with(id, index, pass);
    }

    /// Open ports, for commands of a unit with `PassFileDescriptorsToExec=`.
    pub(super) fn passed_to_hooks(&self, id: UnitId) -> Vec<Passed> {
        let (Some(slot), Some(socket)) = (self.units.get(&id), self.socket(id)) else {
            return Vec::new();
        };
        let Body::Socket(unit) = &slot.unit.body else {
            return Vec::new();
        };
        if !unit.options.pass_file_descriptors_to_exec {
            return Vec::new();
        }
        let name: Text = unit.fd_name(&slot.unit.name).into();
        socket.ports.iter().map(|port| Passed { fd: port.fd, name: name.clone(), socket: true }).collect()
    }

    pub(super) fn socket_command_with(&mut self, id: UnitId, index: usize, pass: Vec<Passed>) {
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
        let namespace = self.namespace(id);
        if let Some(socket) = self.socket_mut(id) {
            socket.control = Some(Control { proc, pid: 0, index, started });
        }
        self.out.push(Effect::Spawn(Box::new(Spawn {
            proc,
            unit: id,
            settings,
            role: Role::Control { stop, terminal: true },
            command,
            pass,
            variables: Vec::new(),
            invocation,
            watchdog_usec: 0,
            namespace,
            for_connection: false,
            label_from_net: false,
            refuse_leftovers: false,
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
            | SocketState::Deferred
            | SocketState::Running
            | SocketState::StopPreSigterm
            | SocketState::StopPreSigkill
            | SocketState::FinalSigterm
            | SocketState::FinalSigkill
            | SocketState::Failed => {}
        }
    }
}
