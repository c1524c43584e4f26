//! The service machine, and the instance that serves one connection.
//!
//! ```text
//! dead → condition → start-pre → start → start-post → running ⇄ reload, reload-signal, reload-notify
//!                                                        │            (or exited)
//!   stop → stop-sigterm → stop-sigkill → stop-post → final-sigterm → final-sigkill
//!                                                        └→ dead | failed | auto-restart
//! ```
//!
//! States, results and moves are systemd's. Split by phase: `starting`, `running` (exits and
//! reloads), `stopping` (and restarts), `notify` (sd_notify and the fd store), `spawn` (processes).

mod notify;
mod running;
mod spawn;
mod starting;
mod stopping;

use super::accept::{Source, peer_text};
use super::effect::Effect;
use super::event::ExitStatus;
use super::slot::Machine;
use super::status::ActiveState;
use super::{Engine, Reason};
use crate::ids::{FdToken, INFINITY_USEC, Mono, ProcToken, Text, UnitId};
use crate::outside::Peer;
use crate::unit::service::{NotifyAccess, ServiceType};
use crate::unit::{Body, Command, ServiceUnit};
use std::sync::Arc;

/// systemd's sub-states of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ServiceState {
    #[default]
    Dead,
    Condition,
    StartPre,
    Start,
    StartPost,
    Running,
    Exited,
    Reload,
    ReloadSignal,
    ReloadNotify,
    Stop,
    StopWatchdog,
    StopSigterm,
    StopSigkill,
    StopPost,
    FinalWatchdog,
    FinalSigterm,
    FinalSigkill,
    Failed,
    AutoRestart,
}

impl ServiceState {
    /// systemd's word.
    pub fn as_str(self) -> &'static str {
        match self {
            ServiceState::Dead => "dead",
            ServiceState::Condition => "condition",
            ServiceState::StartPre => "start-pre",
            ServiceState::Start => "start",
            ServiceState::StartPost => "start-post",
            ServiceState::Running => "running",
            ServiceState::Exited => "exited",
            ServiceState::Reload => "reload",
            ServiceState::ReloadSignal => "reload-signal",
            ServiceState::ReloadNotify => "reload-notify",
            ServiceState::Stop => "stop",
            ServiceState::StopWatchdog => "stop-watchdog",
            ServiceState::StopSigterm => "stop-sigterm",
            ServiceState::StopSigkill => "stop-sigkill",
            ServiceState::StopPost => "stop-post",
            ServiceState::FinalWatchdog => "final-watchdog",
            ServiceState::FinalSigterm => "final-sigterm",
            ServiceState::FinalSigkill => "final-sigkill",
            ServiceState::Failed => "failed",
            ServiceState::AutoRestart => "auto-restart",
        }
    }

    /// The active state it stands for; for `Type=idle` the activating ones count as active.
    pub fn active(self, idle: bool) -> ActiveState {
        match self {
            ServiceState::Dead => ActiveState::Inactive,
            ServiceState::Condition | ServiceState::StartPre | ServiceState::Start | ServiceState::StartPost
                if idle =>
            {
                ActiveState::Active
            }
            ServiceState::Condition
            | ServiceState::StartPre
            | ServiceState::Start
            | ServiceState::StartPost
            | ServiceState::AutoRestart => ActiveState::Activating,
            ServiceState::Running | ServiceState::Exited => ActiveState::Active,
            ServiceState::Reload | ServiceState::ReloadSignal | ServiceState::ReloadNotify => ActiveState::Reloading,
            ServiceState::Stop
            | ServiceState::StopWatchdog
            | ServiceState::StopSigterm
            | ServiceState::StopSigkill
            | ServiceState::StopPost
            | ServiceState::FinalWatchdog
            | ServiceState::FinalSigterm
            | ServiceState::FinalSigkill => ActiveState::Deactivating,
            ServiceState::Failed => ActiveState::Failed,
        }
    }
}

/// systemd's results of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ServiceResult {
    #[default]
    Success,
    Resources,
    Protocol,
    Timeout,
    ExitCode,
    Signal,
    CoreDump,
    Watchdog,
    StartLimitHit,
    ExecCondition,
}

impl ServiceResult {
    /// systemd's word.
    pub fn as_str(self) -> &'static str {
        match self {
            ServiceResult::Success => "success",
            ServiceResult::Resources => "resources",
            ServiceResult::Protocol => "protocol",
            ServiceResult::Timeout => "timeout",
            ServiceResult::ExitCode => "exit-code",
            ServiceResult::Signal => "signal",
            ServiceResult::CoreDump => "core-dump",
            ServiceResult::Watchdog => "watchdog",
            ServiceResult::StartLimitHit => "start-limit-hit",
            ServiceResult::ExecCondition => "exec-condition",
        }
    }
}

/// A process of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proc {
    pub(super) token: ProcToken,
    pub(super) pid: i32,
    pub(super) index: usize,
    pub(super) started: Mono,
    /// Our child: its exit status will be known.
    pub(super) child: bool,
    /// It reached execve.
    pub(super) execed: bool,
}

/// How the last main process ended, for `status`, `EXIT_STATUS` and restart rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    pub(super) pid: i32,
    pub(super) started: Mono,
    pub(super) at: Mono,
    pub(super) status: ExitStatus,
    /// Which of the `ExecStart=` commands it was.
    pub(super) index: u16,
}

/// What an `Accept=yes` instance has from its socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    socket: Option<UnitId>,
    source: Option<Source>,
    fd: Option<FdToken>,
    peer: Peer,
}

/// A descriptor that the service gave us to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub(super) fd: FdToken,
    pub(super) name: Text,
}

/// What the service said about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Told {
    #[default]
    Nothing,
    Ready,
    Reloading,
    Stopping,
}

/// What a service unit is doing.
#[derive(Clone, Debug, Default)]
pub struct Service {
    pub(super) state: ServiceState,
    pub(super) result: ServiceResult,
    pub(super) reload_result: ServiceResult,
    pub(super) main: Option<Proc>,
    pub(super) main_known: bool,
    pub(super) main_ended: Option<Ended>,
    pub(super) control: Option<Proc>,
    /// Processes may be left in the unit.
    pub(super) populated: bool,
    /// Looking for the main process of a forking service.
    pub(super) finding: Option<ProcToken>,
    pub(super) forbid_restart: bool,
    pub(super) restarts: u32,
    pub(super) flush_restarts: bool,
    /// A restart follows the end that is being entered.
    pub(super) will_restart: bool,
    pub(super) told: Told,
    pub(super) status_text: Option<Text>,
    pub(super) status_errno: i32,
    pub(super) access_override: Option<NotifyAccess>,
    pub(super) watchdog_override: Option<u64>,
    pub(super) reload_began: Mono,
    pub(super) step_failure: Option<Text>,
    pub(super) connection: Option<Box<Connection>>,
    pub(super) store: Vec<Stored>,
}

impl Service {
    /// Only for deciding whether it waits for `RestartSec=`.
    pub(super) fn waits_for_restart(&self) -> bool {
        self.state == ServiceState::AutoRestart
    }

    /// Sockets may be (re)started: descriptors could still be handed over.
    pub(super) fn may_be_handed_sockets(&self) -> bool {
        matches!(self.state, ServiceState::Dead | ServiceState::Failed | ServiceState::AutoRestart)
    }

    /// Its sockets watch for traffic.
    pub(super) fn lets_socket_listen(&self) -> bool {
        matches!(
            self.state,
            ServiceState::Dead
                | ServiceState::Failed
                | ServiceState::FinalSigterm
                | ServiceState::FinalSigkill
                | ServiceState::AutoRestart
        )
    }

    pub(super) fn is_running(&self) -> bool {
        self.state == ServiceState::Running
    }

    /// Made for a connection, and nothing is left of it.
    pub(super) fn may_be_forgotten(&self) -> bool {
        self.connection.is_some() && self.holds_nothing()
    }

    /// No process, no stored descriptor.
    pub(super) fn holds_nothing(&self) -> bool {
        self.store.is_empty() && self.main.is_none() && self.control.is_none()
    }

    pub(super) fn has_connection(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.fd.is_some() || connection.socket.is_some())
    }

    pub(super) fn take_connection(&mut self, socket: UnitId, fd: FdToken, peer: Peer, source: Option<Source>) {
        self.connection = Some(Box::new(Connection { socket: Some(socket), source, fd: Some(fd), peer }));
    }

    /// Takes the connection's descriptor away from the instance.
    pub(super) fn connection_fd(&mut self) -> Option<FdToken> {
        self.connection.as_mut()?.fd.take()
    }

    /// The connection's descriptor, while it is held.
    pub(super) fn held_connection(&self) -> Option<FdToken> {
        self.connection.as_ref()?.fd
    }

    /// The socket whose place it takes.
    pub(super) fn socket(&self) -> Option<UnitId> {
        self.connection.as_ref()?.socket
    }

    /// Gives its place back.
    pub(super) fn leave_socket(&mut self) -> Option<(UnitId, Option<Source>)> {
        let connection = self.connection.as_mut()?;
        Some((connection.socket.take()?, connection.source.take()))
    }

    /// For whom it has that place.
    pub(super) fn source(&self) -> Option<&Source> {
        self.connection.as_ref()?.source.as_ref()
    }

    /// The peer, for the description.
    pub(super) fn peer(&self) -> Option<String> {
        self.connection.as_ref().map(|connection| peer_text(&connection.peer))
    }

    /// Main alive (true), known to be gone (false), or unknown.
    fn main_good(&self) -> Option<bool> {
        if self.main.is_some() { Some(true) } else { self.main_known.then_some(false) }
    }

    /// Something of the service is there.
    fn good(&self) -> bool {
        self.main_good().unwrap_or(self.populated)
    }

    /// No process is left of it, and none is looked for.
    fn is_deserted(&self) -> bool {
        !self.populated && self.main.is_none() && self.control.is_none() && self.finding.is_none()
    }

    fn note(&mut self, result: ServiceResult) {
        if self.result == ServiceResult::Success {
            self.result = result;
        }
    }
}

impl Engine {
    pub(super) fn service(&self, id: UnitId) -> Option<&Service> {
        match &self.units.get(&id)?.machine {
            Machine::Service(service) => Some(service),
            Machine::Socket(_) | Machine::Target(_) | Machine::Inert => None,
        }
    }

    pub(super) fn service_mut(&mut self, id: UnitId) -> Option<&mut Service> {
        match &mut self.units.get_mut(&id)?.machine {
            Machine::Service(service) => Some(service),
            Machine::Socket(_) | Machine::Target(_) | Machine::Inert => None,
        }
    }

    pub(super) fn service_unit(&self, id: UnitId) -> Option<Arc<ServiceUnit>> {
        match &self.units.get(&id)?.unit.body {
            Body::Service(unit) => Some(unit.clone()),
            Body::Socket(_) | Body::Target | Body::Slice | Body::Foreign => None,
        }
    }

    pub(super) fn will_restart(&self, id: UnitId) -> bool {
        self.service(id).is_some_and(|service| service.will_restart)
    }

    /// Enters a state: timers, record, notices. The only place that changes it.
    fn service_enter(&mut self, id: UnitId, state: ServiceState) {
        let Some(unit) = self.service_unit(id) else {
            return;
        };
        let span = state_timeout_usec(&unit, state);
        self.deadlines.set(id, Reason::State, self.now.after(span));
        let runs = matches!(
            state,
            ServiceState::StartPost
                | ServiceState::Running
                | ServiceState::Reload
                | ServiceState::ReloadSignal
                | ServiceState::ReloadNotify
        );
        if !runs {
            self.deadlines.set(id, Reason::Watchdog, None);
            self.deadlines.set(id, Reason::RuntimeMax, None);
        }
        if state != ServiceState::AutoRestart {
            self.deadlines.set(id, Reason::Restart, None);
        }
        let Some(service) = self.service_mut(id) else {
            return;
        };
        service.state = state;
        if matches!(state, ServiceState::Dead | ServiceState::Failed) && !service.will_restart {
            self.service_down(id);
        }
        // Nobody of the instance is left to speak to its peer.
        if matches!(state, ServiceState::Exited | ServiceState::AutoRestart) {
            self.service_drop_connection(id, false);
        }
        self.changed(id, state.active(unit.service_type == ServiceType::Idle));
    }

    /// The service is down for good: the connection and the store go, its place is free.
    fn service_down(&mut self, id: UnitId) {
        let socket = self.service(id).and_then(Service::socket);
        let failed = self.service(id).is_some_and(|service| service.state == ServiceState::Failed);
        self.service_drop_connection(id, false);
        self.service_empty_store(id, failed);
        if let Some(socket) = socket {
            self.instance_ended(socket, id, failed);
            if failed {
                self.note_failed_instance(socket, id);
            }
        }
    }

    /// `EXTEND_TIMEOUT_USEC=`: the running timer ends no sooner than this.
    fn extend_timer(&mut self, id: UnitId, reason: Reason, span_usec: u64) {
        if let Some(at) = self.deadlines.get(id, reason) {
            self.deadlines.set(id, reason, self.now.after(span_usec).map(|until| until.max(at)));
        }
    }

    pub(super) fn state_timeout(&mut self, id: UnitId) {
        let Some(slot) = self.units.get(&id) else {
            return;
        };
        match &slot.machine {
            Machine::Socket(_) => self.socket_timeout(id),
            Machine::Service(_) => self.service_timeout(id),
            Machine::Target(_) | Machine::Inert => {}
        }
    }

    pub(super) fn signalled(&mut self, id: UnitId, found: bool) {
        let Some(slot) = self.units.get(&id) else {
            return;
        };
        match &slot.machine {
            Machine::Socket(_) => self.socket_signalled(id, found),
            Machine::Service(_) => self.service_signalled(id, found),
            Machine::Target(_) | Machine::Inert => {}
        }
    }

    /// Keeps `Close` next to the place where a token is given up.
    pub(super) fn close_fd(&mut self, fd: FdToken) {
        self.fds.remove(&fd);
        self.out.push(Effect::Close { fd });
    }
}

/// How long a state may last; infinity where nothing limits it.
fn state_timeout_usec(unit: &ServiceUnit, state: ServiceState) -> u64 {
    match state {
        ServiceState::Condition | ServiceState::StartPre | ServiceState::StartPost => unit.timeout_start_usec,
        ServiceState::Start => match unit.service_type {
            ServiceType::Simple | ServiceType::Idle => INFINITY_USEC,
            ServiceType::Exec
            | ServiceType::Forking
            | ServiceType::Oneshot
            | ServiceType::Dbus
            | ServiceType::Notify
            | ServiceType::NotifyReload => unit.timeout_start_usec,
        },
        ServiceState::Reload | ServiceState::ReloadSignal | ServiceState::ReloadNotify => unit.timeout_start_usec,
        ServiceState::StopWatchdog | ServiceState::FinalWatchdog => {
            unit.more.timeout_abort_usec.unwrap_or(unit.timeout_stop_usec)
        }
        ServiceState::Stop
        | ServiceState::StopSigterm
        | ServiceState::StopSigkill
        | ServiceState::StopPost
        | ServiceState::FinalSigterm
        | ServiceState::FinalSigkill => unit.timeout_stop_usec,
        ServiceState::Dead
        | ServiceState::Running
        | ServiceState::Exited
        | ServiceState::Failed
        | ServiceState::AutoRestart => INFINITY_USEC,
    }
}

/// The commands of a phase, and the directive that lists them.
pub(super) fn phase_commands(unit: &ServiceUnit, state: ServiceState) -> (&[Command], &'static str) {
    let more = &unit.more;
    match state {
        ServiceState::Condition => (&more.exec_condition, "ExecCondition"),
        ServiceState::StartPre => (&more.exec_start_pre, "ExecStartPre"),
        ServiceState::Start => (&unit.exec_start, "ExecStart"),
        ServiceState::StartPost => (&more.exec_start_post, "ExecStartPost"),
        ServiceState::Reload => (&more.exec_reload, "ExecReload"),
        ServiceState::Stop => (&more.exec_stop, "ExecStop"),
        ServiceState::StopPost => (&more.exec_stop_post, "ExecStopPost"),
        ServiceState::Dead
        | ServiceState::Running
        | ServiceState::Exited
        | ServiceState::ReloadSignal
        | ServiceState::ReloadNotify
        | ServiceState::StopWatchdog
        | ServiceState::StopSigterm
        | ServiceState::StopSigkill
        | ServiceState::FinalWatchdog
        | ServiceState::FinalSigterm
        | ServiceState::FinalSigkill
        | ServiceState::Failed
        | ServiceState::AutoRestart => (&[], ""),
    }
}
