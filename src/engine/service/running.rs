//! Exits, reloads, and what limits a running service.

use super::{Ended, ServiceResult, ServiceState, phase_commands};
use crate::engine::Engine;
use crate::engine::effect::{Effect, Level, SignalTarget};
use crate::engine::event::ExitStatus;
use crate::engine::jobs::{Begun, JobResult};
use crate::engine::slot::Relation;
use crate::ids::UnitId;
use crate::unit::service::{ServiceType, StatusSet};

const SIGHUP: u8 = 1;
const SIGINT: u8 = 2;
const SIGPIPE: u8 = 13;
const SIGTERM: u8 = 15;

/// Whether an end counts as clean. Long-running programs may also die of the signals that ask them
/// to end (systemd.service(5), `SuccessExitStatus=`).
fn is_clean(status: ExitStatus, daemon: bool, also: &StatusSet) -> bool {
    match status {
        ExitStatus::Code(0) | ExitStatus::Unknown => true,
        ExitStatus::Code(code) => also.codes.contains(&code),
        ExitStatus::Signal(signal) => {
            daemon && matches!(signal, SIGHUP | SIGINT | SIGPIPE | SIGTERM) || also.signals.contains(&signal)
        }
        ExitStatus::Dumped(_) => false,
    }
}

fn result_of(status: ExitStatus, daemon: bool, also: &StatusSet) -> ServiceResult {
    if is_clean(status, daemon, also) {
        return ServiceResult::Success;
    }
    match status {
        ExitStatus::Code(_) | ExitStatus::Unknown => ServiceResult::ExitCode,
        ExitStatus::Signal(_) => ServiceResult::Signal,
        ExitStatus::Dumped(_) => ServiceResult::CoreDump,
    }
}

impl Engine {
    pub(in crate::engine) fn service_main_exited(&mut self, id: UnitId, status: ExitStatus) {
        let Some(unit) = self.service_unit(id) else {
            return;
        };
        let now = self.now;
        let Some(service) = self.service_mut(id) else {
            return;
        };
        let Some(main) = service.main.take() else {
            return;
        };
        let index = u16::try_from(main.index).unwrap_or(u16::MAX);
        service.main_ended = Some(Ended { pid: main.pid, started: main.started, at: now, status, index });
        let result = self.main_result(id);
        let level = if result == ServiceResult::Success { Level::Debug } else { Level::Notice };
        self.tell_if_heard("main-process-exited", level, id, || format!("main process ended: {}", describe(status)));
        let in_start = |engine: &Engine| {
            let state = engine.service(id).map(|service| service.state);
            state == Some(ServiceState::Start)
        };
        let next = unit.service_type == ServiceType::Oneshot && result == ServiceResult::Success && in_start(self);
        if next && self.service_main(id, main.index + 1) {
            return;
        }
        self.service_main_gone(id, result);
    }

    /// What the end of the last main process is worth.
    pub(super) fn main_result(&self, id: UnitId) -> ServiceResult {
        let (Some(unit), Some(ended)) = (self.service_unit(id), self.service(id).and_then(|s| s.main_ended)) else {
            return ServiceResult::Success;
        };
        if unit.exec_start.get(usize::from(ended.index)).is_some_and(|command| command.ignore_failure) {
            return ServiceResult::Success;
        }
        result_of(ended.status, unit.service_type != ServiceType::Oneshot, &unit.more.success_exit_status)
    }

    fn service_main_gone(&mut self, id: UnitId, result: ServiceResult) {
        let Some(unit) = self.service_unit(id) else {
            return;
        };
        let Some(service) = self.service_mut(id) else {
            return;
        };
        let (state, control) = (service.state, service.control.is_some());
        if state == ServiceState::Running && unit.more.pid_file.is_some() {
            // Another process may have taken over and written its pid; then this end says nothing.
            return self.service_find_main(id, None, false, false);
        }
        // Also where somebody else has to end before it goes on: the first failure is the result.
        service.note(result);
        if unit.more.exit_type_cgroup
            && service.populated
            && matches!(state, ServiceState::Start | ServiceState::Running)
        {
            // The unit ends with its last process.
            return;
        }
        match state {
            ServiceState::Start => {
                self.service_main_gone_in_start(id, unit.service_type, unit.remain_after_exit, result)
            }
            ServiceState::Running => self.service_running(id, result),
            // Wait for the control process, then decide.
            ServiceState::StartPost | ServiceState::Reload | ServiceState::Stop => {}
            ServiceState::ReloadSignal | ServiceState::ReloadNotify => self.service_running(id, result),
            ServiceState::StopWatchdog | ServiceState::StopSigterm | ServiceState::StopSigkill if !control => {
                self.service_stop_post(id, result);
            }
            ServiceState::StopPost if !control => self.service_signal(id, ServiceState::FinalSigterm, result),
            ServiceState::FinalWatchdog | ServiceState::FinalSigterm | ServiceState::FinalSigkill if !control => {
                self.service_dead(id, result, true);
            }
            ServiceState::StopWatchdog
            | ServiceState::StopSigterm
            | ServiceState::StopSigkill
            | ServiceState::StopPost
            | ServiceState::FinalWatchdog
            | ServiceState::FinalSigterm
            | ServiceState::FinalSigkill
            | ServiceState::Dead
            | ServiceState::Condition
            | ServiceState::StartPre
            | ServiceState::Exited
            | ServiceState::Failed
            | ServiceState::AutoRestart => {}
        }
    }

    fn service_main_gone_in_start(&mut self, id: UnitId, kind: ServiceType, remain: bool, result: ServiceResult) {
        let ok = result == ServiceResult::Success;
        match kind {
            ServiceType::Oneshot if ok => self.service_start_post(id),
            ServiceType::Oneshot => self.service_signal(id, ServiceState::StopSigterm, result),
            ServiceType::Notify | ServiceType::NotifyReload if !ok => {
                self.service_signal(id, ServiceState::StopSigterm, result);
            }
            ServiceType::Notify | ServiceType::NotifyReload
                if remain && self.service(id).is_some_and(|s| s.populated) => {}
            ServiceType::Notify | ServiceType::NotifyReload => {
                self.tell("protocol-error", Level::Warning, id, "ended before it said READY=1");
                self.service_signal(id, ServiceState::StopSigterm, ServiceResult::Protocol);
            }
            ServiceType::Simple | ServiceType::Exec | ServiceType::Dbus | ServiceType::Idle | ServiceType::Forking => {
                self.service_running(id, result);
            }
        }
    }

    pub(in crate::engine) fn service_control_exited(&mut self, id: UnitId, status: ExitStatus) {
        let Some(unit) = self.service_unit(id) else {
            return;
        };
        let command = self.control_command(id);
        let Some(service) = self.service_mut(id) else {
            return;
        };
        let Some(control) = service.control.take() else {
            return;
        };
        let state = service.state;
        let forking = state == ServiceState::Start;
        // Who starts a daemon may end like one.
        let mut result = result_of(status, forking, &unit.more.success_exit_status);
        let (path, directive) =
            command.as_ref().map_or(("a command", ""), |(command, directive)| (&*command.path, *directive));
        if command.as_ref().is_some_and(|(command, _)| command.ignore_failure) {
            result = ServiceResult::Success;
        } else if state == ServiceState::Condition
            && result == ServiceResult::ExitCode
            && status != ExitStatus::Code(255)
        {
            result = ServiceResult::ExecCondition;
        }
        if state == ServiceState::Condition
            && matches!(result, ServiceResult::Success | ServiceResult::ExecCondition)
            && let Some(slot) = self.units.get_mut(&id)
        {
            slot.condition_result = result == ServiceResult::Success;
        }
        if result != ServiceResult::Success {
            let text = format!("{directive}={path} ended: {}", describe(status));
            self.tell("control-process-failed", Level::Notice, id, text);
        }
        if state != ServiceState::Reload
            && let Some(service) = self.service_mut(id)
        {
            service.note(result);
        }
        if result == ServiceResult::Success && !forking && self.service_control(id, control.index + 1) {
            return;
        }
        self.service_control_gone(id, state, result);
    }

    fn service_control_gone(&mut self, id: UnitId, state: ServiceState, result: ServiceResult) {
        let ok = result == ServiceResult::Success;
        let main = self.service(id).is_some_and(|service| service.main.is_some());
        match state {
            ServiceState::Condition if ok => self.service_start_pre(id),
            ServiceState::StartPre if ok => self.service_start_main(id),
            ServiceState::Start if ok => self.service_forked(id),
            ServiceState::Condition | ServiceState::StartPre | ServiceState::Start => {
                self.service_signal(id, ServiceState::StopSigterm, result);
            }
            ServiceState::StartPost if ok => {
                let known = self.service(id).is_some_and(|service| service.main_known);
                let pid_file = self.service_unit(id).is_some_and(|unit| unit.more.pid_file.is_some());
                if pid_file && !known {
                    self.service_find_main(id, None, false, true);
                } else {
                    self.service_running(id, ServiceResult::Success);
                }
            }
            ServiceState::StartPost => self.service_signal(id, ServiceState::StopSigterm, result),
            ServiceState::Reload => self.service_reload_ended(id, result),
            ServiceState::Stop => self.service_signal(id, ServiceState::StopSigterm, result),
            ServiceState::StopWatchdog | ServiceState::StopSigterm | ServiceState::StopSigkill if !main => {
                self.service_stop_post(id, result);
            }
            ServiceState::StopPost if !main => self.service_signal(id, ServiceState::FinalSigterm, result),
            ServiceState::FinalWatchdog | ServiceState::FinalSigterm | ServiceState::FinalSigkill if !main => {
                self.service_dead(id, result, true);
            }
            ServiceState::StopWatchdog
            | ServiceState::StopSigterm
            | ServiceState::StopSigkill
            | ServiceState::StopPost
            | ServiceState::FinalWatchdog
            | ServiceState::FinalSigterm
            | ServiceState::FinalSigkill
            | ServiceState::Dead
            | ServiceState::Running
            | ServiceState::Exited
            | ServiceState::ReloadSignal
            | ServiceState::ReloadNotify
            | ServiceState::Failed
            | ServiceState::AutoRestart => {}
        }
    }

    /// No process is left in the unit.
    pub(in crate::engine) fn service_emptied(&mut self, id: UnitId) {
        let Some(unit) = self.service_unit(id) else {
            return;
        };
        let Some(service) = self.service_mut(id) else {
            return;
        };
        service.populated = false;
        if service.main.is_some() || service.control.is_some() {
            // Their own exits are about to be told.
            return;
        }
        let notify = matches!(unit.service_type, ServiceType::Notify | ServiceType::NotifyReload);
        match service.state {
            ServiceState::Start if notify => {
                self.service_signal(id, ServiceState::StopSigterm, ServiceResult::Protocol);
            }
            ServiceState::Start | ServiceState::StartPost if service.finding.is_some() => {
                self.tell(
                    "protocol-error",
                    Level::Warning,
                    id,
                    "all its processes ended before there was a main process",
                );
                self.service_find_failed(id);
            }
            ServiceState::Running if service.finding.is_none() => self.service_running(id, ServiceResult::Success),
            ServiceState::StopWatchdog | ServiceState::StopSigterm | ServiceState::StopSigkill => {
                self.service_stop_post(id, ServiceResult::Success);
            }
            ServiceState::FinalWatchdog | ServiceState::FinalSigterm | ServiceState::FinalSigkill => {
                self.service_dead(id, ServiceResult::Success, true);
            }
            ServiceState::Start
            | ServiceState::StartPost
            | ServiceState::Running
            | ServiceState::Dead
            | ServiceState::Condition
            | ServiceState::StartPre
            | ServiceState::Exited
            | ServiceState::Reload
            | ServiceState::ReloadSignal
            | ServiceState::ReloadNotify
            | ServiceState::Stop
            | ServiceState::StopPost
            | ServiceState::Failed
            | ServiceState::AutoRestart => {}
        }
    }

    pub(in crate::engine) fn service_reload(&mut self, id: UnitId) -> Begun {
        let Some(unit) = self.service_unit(id) else {
            return Begun::Already;
        };
        let now = self.now;
        let Some(service) = self.service_mut(id) else {
            return Begun::Already;
        };
        if !matches!(service.state, ServiceState::Running | ServiceState::Exited) {
            // Type=idle counts as active while it starts; a reload has to wait for the end of that.
            return Begun::Later;
        }
        service.reload_result = ServiceResult::Success;
        service.reload_began = now;
        let by_signal = unit.service_type == ServiceType::NotifyReload;
        if by_signal {
            let signal = unit.more.reload_signal;
            self.out.push(Effect::Signal {
                unit: id,
                target: SignalTarget::Main,
                signal,
                also_hup: false,
                plain: true,
            });
        }
        if !unit.more.exec_reload.is_empty() {
            self.service_enter(id, ServiceState::Reload);
            self.service_control(id, 0);
        } else if by_signal {
            self.service_enter(id, ServiceState::ReloadSignal);
        } else {
            let name = self.unit_name(id).map(ToString::to_string).unwrap_or_default();
            return Begun::Refused(
                "no-reload",
                format!("{name} has no ExecReload= and is not Type=notify-reload; restart it instead"),
            );
        }
        Begun::Runs
    }

    pub(super) fn service_reload_ended(&mut self, id: UnitId, result: ServiceResult) {
        let by_signal = self.service_unit(id).is_some_and(|unit| unit.service_type == ServiceType::NotifyReload);
        let Some(service) = self.service_mut(id) else {
            return;
        };
        service.reload_result = result;
        let (state, told) = (service.state, service.told);
        if result == ServiceResult::Success && by_signal && state == ServiceState::Reload {
            // The command is done; what the signal set off may not be.
            match told {
                super::Told::Reloading => {
                    return self.service_enter(id, ServiceState::ReloadNotify);
                }
                super::Told::Nothing | super::Told::Stopping => {
                    return self.service_enter(id, ServiceState::ReloadSignal);
                }
                super::Told::Ready => {}
            }
        }
        if result != ServiceResult::Success {
            self.tell("reload-failed", Level::Error, id, format!("reload failed with result '{}'", result.as_str()));
        }
        self.service_running(id, ServiceResult::Success);
    }

    pub(in crate::engine) fn reload_outcome(&self, id: UnitId) -> JobResult {
        let result = self.service(id).map_or(ServiceResult::Success, |service| service.reload_result);
        if result == ServiceResult::Success {
            return JobResult::Done;
        }
        JobResult::Failed("failed", format!("reload failed with result '{}'; the service still runs", result.as_str()))
    }

    pub(in crate::engine) fn service_watchdog_over(&mut self, id: UnitId) {
        self.tell("watchdog-timeout", Level::Error, id, "no WATCHDOG=1 in time");
        self.service_signal(id, ServiceState::StopWatchdog, ServiceResult::Watchdog);
    }

    pub(in crate::engine) fn service_runtime_over(&mut self, id: UnitId) {
        if self.service(id).is_some_and(|service| service.state == ServiceState::Running) {
            self.tell("runtime-over", Level::Warning, id, "RuntimeMaxSec= is over, stopping");
            self.service_stop_commands(id, ServiceResult::Timeout);
        }
    }

    /// Whether there is anything that a reload could do.
    pub(in crate::engine) fn can_reload(&self, id: UnitId) -> bool {
        let own = self.service_unit(id).map(|unit| {
            unit.service_type == ServiceType::NotifyReload || !phase_commands(&unit, ServiceState::Reload).0.is_empty()
        });
        // What cannot reload itself may pass it on.
        own.unwrap_or_else(|| !self.relatives(id, Relation::PropagatesReloadTo).is_empty())
    }
}

/// An end in words.
fn describe(status: ExitStatus) -> String {
    match status {
        ExitStatus::Code(code) => match crate::unit::values::status::exit_status_name(code) {
            Some(name) => format!("exit status {code}/{name}"),
            None => format!("exit status {code}"),
        },
        ExitStatus::Signal(signal) => {
            format!("killed by SIG{}", crate::unit::values::signal::signal_name(i32::from(signal)))
        }
        ExitStatus::Dumped(signal) => {
            format!("killed by SIG{}, core dumped", crate::unit::values::signal::signal_name(i32::from(signal)))
        }
        ExitStatus::Unknown => "gone; it was not our child, so its status is unknown".to_owned(),
    }
}
