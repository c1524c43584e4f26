//! Processes of a service: what they are given, and where their news goes.

use super::{Proc, ServiceResult, ServiceState, phase_commands};
use crate::engine::accept::remote_variables;
use crate::engine::effect::{Effect, Level, Passed, Role, Spawn};
use crate::engine::event::ExitStatus;
use crate::engine::slot::{Machine, Relation};
use crate::engine::status::ActiveState;
use crate::engine::{Engine, Reason};
use crate::ids::{ProcToken, Text, UnitId};
use crate::outside::Trouble;
use crate::unit::exec::KillMode;
use crate::unit::service::ServiceType;
use crate::unit::{Body, Dependency};

impl Engine {
    /// Starts the n-th control command of the present phase; false if there is none.
    pub(super) fn service_control(&mut self, id: UnitId, index: usize) -> bool {
        let Some(unit) = self.service_unit(id) else {
            return false;
        };
        let Some(state) = self.service(id).map(|service| service.state) else {
            return false;
        };
        let Some(command) = phase_commands(&unit, state).0.get(index).cloned() else {
            return false;
        };
        let stop = matches!(state, ServiceState::Stop | ServiceState::StopPost);
        // The others may run beside a main process, which has the terminal.
        let terminal = matches!(state, ServiceState::Condition | ServiceState::StartPre | ServiceState::StopPost);
        let role = if state == ServiceState::Start { Role::Forking } else { Role::Control { stop, terminal } };
        let span = super::state_timeout_usec(&unit, state);
        self.deadlines.set(id, Reason::State, self.now.after(span));
        let token = self.new_proc(id);
        let proc = Proc { token, pid: 0, index, started: self.now, child: true, execed: false };
        if let Some(service) = self.service_mut(id) {
            service.control = Some(proc);
            service.populated = true;
        }
        self.service_spawn(id, token, role, command, index);
        true
    }

    /// Starts the n-th `ExecStart=` command as main process; false if there is none.
    pub(super) fn service_main(&mut self, id: UnitId, index: usize) -> bool {
        let Some(unit) = self.service_unit(id) else {
            return false;
        };
        let Some(command) = unit.exec_start.get(index).cloned() else {
            return false;
        };
        let token = self.new_proc(id);
        let proc = Proc { token, pid: 0, index, started: self.now, child: true, execed: false };
        if let Some(service) = self.service_mut(id) {
            service.main = Some(proc);
            service.main_known = true;
            service.populated = true;
        }
        if unit.service_type == ServiceType::Idle && self.job_count > 1 {
            self.idle_waiting = true;
            self.deadlines.set(id, Reason::Idle, self.now.after(5_000_000));
        }
        self.service_spawn(id, token, Role::Main, command, index);
        true
    }

    fn service_spawn(&mut self, id: UnitId, proc: ProcToken, role: Role, command: crate::unit::Command, index: usize) {
        let Some(slot) = self.units.get(&id) else {
            return;
        };
        let settings = slot.unit.clone();
        let invocation = slot.invocation;
        let for_connection = matches!(&slot.machine, Machine::Service(service) if service.connection.is_some());
        let label_from_net = self.label_from_net(id);
        let pass = self.passed_fds(id);
        let variables = self.variables(id, role);
        let watchdog_usec = if role == Role::Main { self.watchdog_usec(id) } else { 0 };
        let namespace = self.namespace(id);
        let refuse_leftovers = index == 0 && self.refuses_leftovers(id);
        self.out.push(Effect::Spawn(Box::new(Spawn {
            proc,
            unit: id,
            settings,
            role,
            command,
            pass,
            variables,
            invocation,
            watchdog_usec,
            namespace,
            for_connection,
            label_from_net,
            refuse_leftovers,
        })));
    }

    /// The socket of an instance says `SELinuxContextFromNet=yes`.
    fn label_from_net(&self, id: UnitId) -> bool {
        let socket = self.service(id).and_then(|service| service.connection.as_ref()?.socket);
        socket.and_then(|socket| self.socket_unit(socket)).is_some_and(|unit| unit.options.selinux_context_from_net)
    }

    /// A unit whose processes may not be killed is not to be started beside processes of an earlier run.
    fn refuses_leftovers(&self, id: UnitId) -> bool {
        let starting = self.service(id).is_some_and(|service| {
            matches!(service.state, ServiceState::Condition | ServiceState::StartPre | ServiceState::Start)
        });
        let kill = self.service_unit(id).map(|unit| unit.kill);
        starting
            && kill.is_some_and(|kill| {
                !kill.send_sigkill && matches!(kill.kill_mode, KillMode::ControlGroup | KillMode::Mixed)
            })
    }

    /// The connection of an instance, or the open ports of all sockets that trigger the service
    /// (`Sockets=` order first, then by name), then the store. An instance that is restarted has no
    /// connection any more and is given the ports, too.
    fn passed_fds(&self, id: UnitId) -> Vec<Passed> {
        let mut passed = Vec::new();
        let Some(slot) = self.units.get(&id) else {
            return passed;
        };
        let Machine::Service(service) = &slot.machine else {
            return passed;
        };
        if let Some((connection, fd)) = service.connection.as_ref().and_then(|c| Some((c, c.fd?))) {
            let name = connection.socket.and_then(|socket| self.connection_name(socket));
            passed.push(Passed { fd, name: name.unwrap_or_else(|| "connection".into()), socket: true });
        } else {
            let written: Vec<&str> = slot.unit.related(Dependency::TriggeredBy).map(|name| name.as_str()).collect();
            let mut sockets: Vec<_> = slot
                .related(Relation::TriggeredBy)
                .filter_map(|other| self.units.get(&other))
                .map(|socket| {
                    (written.iter().position(|name| *name == socket.unit.name.as_str()).unwrap_or(usize::MAX), socket)
                })
                .collect();
            sockets.sort_by(|(a, x), (b, y)| (a, &x.unit.name).cmp(&(b, &y.unit.name)));
            for (_, slot) in sockets {
                let (Body::Socket(unit), Machine::Socket(socket)) = (&slot.unit.body, &slot.machine) else {
                    continue;
                };
                let name: Text = unit.fd_name(&slot.unit.name).into();
                passed.extend(socket.ports.iter().map(|port| Passed { fd: port.fd, name: name.clone(), socket: true }));
            }
        }
        let stored =
            service.store.iter().map(|stored| Passed { fd: stored.fd, name: stored.name.clone(), socket: false });
        if self.policy.store_newest_first {
            passed.extend(stored.rev())
        } else {
            passed.extend(stored)
        }
        passed
    }

    fn connection_name(&self, socket: UnitId) -> Option<Text> {
        if !self.policy.name_connection {
            return None;
        }
        self.socket_unit(socket)?.file_descriptor_name.clone()
    }

    fn variables(&self, id: UnitId, role: Role) -> Vec<(&'static str, Text)> {
        let mut variables = Vec::new();
        let Some(service) = self.service(id) else {
            return variables;
        };
        if let Some(main) = service.main.as_ref().filter(|main| main.pid > 0 && role != Role::Main) {
            variables.push(("MAINPID", main.pid.to_string().into()));
        }
        if let Some(path) = self.service_unit(id).and_then(|unit| unit.more.pid_file.clone()) {
            variables.push(("PIDFILE", path));
        }
        if let Some(connection) = service.connection.as_ref().filter(|connection| connection.fd.is_some()) {
            variables.extend(remote_variables(&connection.peer, self.policy.unix_remote_addr));
        }
        if matches!(role, Role::Control { stop: true, .. }) {
            variables.push(("SERVICE_RESULT", service.result.as_str().into()));
            if let Some((code, status)) = service.main_ended.and_then(|ended| end_in_words(ended.status)) {
                variables.push(("EXIT_CODE", code.into()));
                variables.push(("EXIT_STATUS", status));
            }
        } else if service.state.active(false) == ActiveState::Activating {
            self.monitored(id, &mut variables);
        }
        variables
    }

    /// What a handler (`OnFailure=`, `OnSuccess=`) learns of the one service that it handles.
    fn monitored(&self, id: UnitId, variables: &mut Vec<(&'static str, Text)>) {
        let mut watched = self.relatives(id, Relation::OnFailureOf);
        watched.extend(self.relatives(id, Relation::OnSuccessOf));
        watched.dedup();
        let [only] = watched[..] else {
            return;
        };
        let (Some(slot), Some(service)) = (self.units.get(&only), self.service(only)) else {
            return;
        };
        variables.push(("MONITOR_SERVICE_RESULT", service.result.as_str().into()));
        if let Some((code, status)) = service.main_ended.and_then(|ended| end_in_words(ended.status)) {
            variables.push(("MONITOR_EXIT_CODE", code.into()));
            variables.push(("MONITOR_EXIT_STATUS", status));
        }
        variables.push(("MONITOR_INVOCATION_ID", format!("{:032x}", slot.invocation).into()));
        variables.push(("MONITOR_UNIT", slot.unit.name.text()));
    }

    pub(in crate::engine) fn spawned(&mut self, proc: ProcToken, pid: i32) {
        let Some(id) = self.procs.get(&proc).copied() else {
            return;
        };
        let Some(slot) = self.units.get_mut(&id) else {
            return;
        };
        match &mut slot.machine {
            Machine::Socket(socket) => {
                if let Some(control) = socket.control.as_mut().filter(|control| control.proc == proc) {
                    control.pid = pid;
                }
            }
            Machine::Service(service) => {
                let of = |p: &&mut Proc| p.token == proc;
                if let Some(control) = service.control.as_mut().filter(of) {
                    control.pid = pid;
                } else if let Some(main) = service.main.as_mut().filter(of) {
                    main.pid = pid;
                    service.main_ended = None;
                    self.service_main_spawned(id);
                }
            }
            Machine::Target(_) | Machine::Inert => {}
        }
    }

    pub(in crate::engine) fn spawn_failed(&mut self, proc: ProcToken, trouble: Trouble, detail: &str) {
        let Some(id) = self.procs.remove(&proc) else {
            return;
        };
        let Some(slot) = self.units.get_mut(&id) else {
            return;
        };
        match &mut slot.machine {
            Machine::Socket(_) => self.socket_spawn_failed(id, detail),
            Machine::Service(service) => {
                service.step_failure = Some(detail.into());
                let of = |p: &mut Proc| p.token == proc;
                let failed = service.control.take_if(of).or_else(|| service.main.take_if(of));
                self.tell("spawn-failed", Level::Error, id, format!("cannot start a process ({trouble:?}): {detail}"));
                self.service_spawn_failed(id, failed.is_none_or(|proc| proc.index == 0));
            }
            Machine::Target(_) | Machine::Inert => {}
        }
    }

    pub(in crate::engine) fn execed(&mut self, proc: ProcToken) {
        let Some(id) = self.procs.get(&proc).copied() else {
            return;
        };
        if let Some(main) =
            self.service_mut(id).and_then(|service| service.main.as_mut()).filter(|main| main.token == proc)
        {
            main.execed = true;
            self.service_main_execed(id);
        }
    }

    pub(in crate::engine) fn step_failed(&mut self, proc: ProcToken, status: u8, detail: Text) {
        let Some(id) = self.procs.get(&proc).copied() else {
            return;
        };
        self.tell("step-failed", Level::Error, id, format!("failed before exec (exit status {status}): {detail}"));
        if let Some(service) = self.service_mut(id) {
            service.step_failure = Some(detail);
        }
    }

    pub(in crate::engine) fn exited(&mut self, proc: ProcToken, status: ExitStatus) {
        let Some(id) = self.procs.remove(&proc) else {
            return;
        };
        let Some(slot) = self.units.get(&id) else {
            return;
        };
        match &slot.machine {
            Machine::Socket(socket) => {
                if socket.control.as_ref().is_some_and(|control| control.proc == proc) {
                    self.socket_control_exited(id, status);
                }
            }
            Machine::Service(service) => {
                let of = |p: &&Proc| p.token == proc;
                if service.control.as_ref().filter(of).is_some() {
                    self.service_control_exited(id, status);
                } else if service.main.as_ref().filter(of).is_some() {
                    self.service_main_exited(id, status);
                }
            }
            Machine::Target(_) | Machine::Inert => {}
        }
    }

    /// What follows a process that could not be made: the first of its phase, or a further one.
    fn service_spawn_failed(&mut self, id: UnitId, first: bool) {
        let Some(state) = self.service(id).map(|service| service.state) else {
            return;
        };
        let resources = ServiceResult::Resources;
        match state {
            // Nothing was begun that would have to be undone.
            ServiceState::Condition | ServiceState::StartPre if first => self.service_dead(id, resources, true),
            // What was begun was so successfully: it is stopped properly.
            ServiceState::Start if !first => self.service_stop_commands(id, resources),
            ServiceState::StartPost if first => self.service_stop_commands(id, resources),
            ServiceState::Condition | ServiceState::StartPre | ServiceState::Start | ServiceState::StartPost => {
                self.service_signal(id, ServiceState::StopSigterm, resources);
            }
            ServiceState::Reload | ServiceState::ReloadSignal | ServiceState::ReloadNotify => {
                self.service_reload_ended(id, resources);
            }
            ServiceState::Stop => self.service_signal(id, ServiceState::StopSigterm, resources),
            ServiceState::StopPost if first => self.service_signal(id, ServiceState::FinalSigterm, resources),
            ServiceState::StopPost => self.service_dead(id, resources, true),
            ServiceState::Dead
            | ServiceState::Running
            | ServiceState::Exited
            | ServiceState::StopWatchdog
            | ServiceState::StopSigterm
            | ServiceState::StopSigkill
            | ServiceState::FinalWatchdog
            | ServiceState::FinalSigterm
            | ServiceState::FinalSigkill
            | ServiceState::Failed
            | ServiceState::AutoRestart => {}
        }
    }
}

/// `EXIT_CODE` and `EXIT_STATUS` of a process that ended; nothing if nobody knows how.
fn end_in_words(status: ExitStatus) -> Option<(&'static str, Text)> {
    let signal_name = |signal| crate::unit::values::signal::signal_name(i32::from(signal)).into();
    match status {
        ExitStatus::Code(code) => Some(("exited", code.to_string().into())),
        ExitStatus::Signal(signal) => Some(("killed", signal_name(signal))),
        ExitStatus::Dumped(signal) => Some(("dumped", signal_name(signal))),
        ExitStatus::Unknown => None,
    }
}
