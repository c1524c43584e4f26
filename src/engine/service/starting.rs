//! From dead to running.

use super::{Proc, Service, ServiceResult, ServiceState, Told, phase_commands};
use crate::engine::effect::{Effect, Level};
use crate::engine::jobs::Begun;
use crate::engine::{Engine, Reason};
use crate::ids::{ProcToken, UnitId};
use crate::unit::service::ServiceType;

impl Engine {
    pub(in crate::engine) fn service_start(&mut self, id: UnitId) -> Begun {
        let Some(unit) = self.service_unit(id) else {
            return Begun::Already;
        };
        if self.service(id).is_some_and(Service::waits_for_restart) {
            if !self.policy.start_cuts_restart_delay {
                return self.start_later(id);
            }
            self.service_count_restart(id);
        }
        if let Some(refused) = self.start_limit(id) {
            self.service_dead(id, ServiceResult::StartLimitHit, false);
            return refused;
        }
        let invocation = self.new_invocation();
        if let Some(slot) = self.units.get_mut(&id) {
            slot.invocation = invocation;
        }
        let Some(service) = self.service_mut(id) else {
            return Begun::Already;
        };
        if std::mem::take(&mut service.flush_restarts) {
            service.restarts = 0;
        }
        service.result = ServiceResult::Success;
        service.reload_result = ServiceResult::Success;
        service.main_known = false;
        service.main_ended = None;
        service.forbid_restart = false;
        service.told = Told::Nothing;
        service.status_text = None;
        service.status_errno = 0;
        service.access_override = None;
        service.watchdog_override = None;
        service.step_failure = None;
        if unit.more.exec_condition.is_empty() {
            self.service_start_pre(id);
        } else {
            self.service_enter(id, ServiceState::Condition);
            self.service_control(id, 0);
        }
        Begun::Runs
    }

    pub(super) fn service_start_pre(&mut self, id: UnitId) {
        let Some(unit) = self.service_unit(id) else {
            return;
        };
        if unit.more.exec_start_pre.is_empty() {
            self.service_start_main(id);
        } else {
            self.service_enter(id, ServiceState::StartPre);
            self.service_control(id, 0);
        }
    }

    pub(super) fn service_start_main(&mut self, id: UnitId) {
        let Some(unit) = self.service_unit(id) else {
            return;
        };
        self.service_enter(id, ServiceState::Start);
        let started = match unit.service_type {
            ServiceType::Forking => self.service_control(id, 0),
            ServiceType::Simple
            | ServiceType::Exec
            | ServiceType::Oneshot
            | ServiceType::Dbus
            | ServiceType::Notify
            | ServiceType::NotifyReload
            | ServiceType::Idle => self.service_main(id, 0),
        };
        if !started {
            // Only a oneshot may have nothing to start.
            self.service_start_post(id);
        }
    }

    /// The main process exists.
    pub(super) fn service_main_spawned(&mut self, id: UnitId) {
        self.release_connection_early(id);
        let Some(unit) = self.service_unit(id) else {
            return;
        };
        let Some(service) = self.service(id) else {
            return;
        };
        if service.state != ServiceState::Start {
            return;
        }
        match unit.service_type {
            ServiceType::Simple | ServiceType::Idle => self.service_start_post(id),
            ServiceType::Exec
            | ServiceType::Forking
            | ServiceType::Oneshot
            | ServiceType::Dbus
            | ServiceType::Notify
            | ServiceType::NotifyReload => {}
        }
    }

    /// The main process runs its program.
    pub(super) fn service_main_execed(&mut self, id: UnitId) {
        let Some(unit) = self.service_unit(id) else {
            return;
        };
        let starting = self.service(id).is_some_and(|service| service.state == ServiceState::Start);
        if starting && unit.service_type.awaits_exec() {
            self.service_start_post(id);
        }
    }

    /// Nothing of the instance will need the connection again: our copy would only delay the end
    /// that the peer sees.
    fn release_connection_early(&mut self, id: UnitId) {
        if self.policy.keep_connection {
            return;
        }
        let Some(unit) = self.service_unit(id) else {
            return;
        };
        let more = &unit.more;
        let later_use = unit.restart != crate::unit::service::Restart::No
            || unit.exec_start.len() > 1
            || !(more.exec_start_post.is_empty() && more.exec_stop.is_empty() && more.exec_stop_post.is_empty())
            || !(more.exec_reload.is_empty() && more.restart_force_exit_status == Default::default());
        if !later_use {
            self.service_drop_connection(id, true);
        }
    }

    pub(super) fn service_start_post(&mut self, id: UnitId) {
        let Some(unit) = self.service_unit(id) else {
            return;
        };
        if unit.more.exec_start_post.is_empty() {
            self.service_arm_watchdog(id);
            self.service_running(id, ServiceResult::Success);
        } else {
            self.service_enter(id, ServiceState::StartPost);
            self.service_arm_watchdog(id);
            self.service_control(id, 0);
        }
    }

    /// Up, or already over.
    pub(super) fn service_running(&mut self, id: UnitId, result: ServiceResult) {
        let Some(unit) = self.service_unit(id) else {
            return;
        };
        let Some(service) = self.service_mut(id) else {
            return;
        };
        service.note(result);
        if service.result != ServiceResult::Success {
            // Also a main process that failed while a command ran: its end was noted then.
            self.service_signal(id, ServiceState::StopSigterm, result);
        } else if service.good() {
            match service.told {
                Told::Reloading => self.service_enter(id, ServiceState::ReloadNotify),
                Told::Stopping => self.service_stop_by_notify(id),
                Told::Nothing | Told::Ready => {
                    self.service_enter(id, ServiceState::Running);
                    if self.deadlines.get(id, Reason::RuntimeMax).is_none() {
                        // The random part is the same for one invocation: no dice in the engine.
                        let extra = unit.more.runtime_randomized_extra_usec;
                        let draw = self.units.get(&id).map_or(0, |slot| slot.invocation as u64);
                        let span = unit.more.runtime_max_usec.saturating_add(if extra == 0 { 0 } else { draw % extra });
                        self.deadlines.set(id, Reason::RuntimeMax, self.now.after(span));
                    }
                }
            }
        } else if unit.remain_after_exit {
            self.service_enter(id, ServiceState::Exited);
        } else {
            self.service_stop_commands(id, ServiceResult::Success);
        }
    }

    /// The started process of a forking service exited well: which one is the main process now?
    pub(super) fn service_forked(&mut self, id: UnitId) {
        let Some(unit) = self.service_unit(id) else {
            return;
        };
        if unit.more.pid_file.is_none() && !unit.more.guess_main_pid {
            return self.service_start_post(id);
        }
        let wait = unit.more.pid_file.is_some() && unit.more.exec_start_post.is_empty();
        self.service_find_main(id, None, false, wait);
    }

    pub(super) fn service_find_main(&mut self, id: UnitId, pid: Option<i32>, trusted: bool, wait: bool) {
        let Some(settings) = self.unit(id).cloned() else {
            return;
        };
        let proc = self.new_proc(id);
        if let Some(service) = self.service_mut(id)
            && let Some(old) = service.finding.replace(proc)
        {
            self.procs.remove(&old);
        }
        self.out.push(Effect::FindMain { unit: id, settings, proc, pid, trusted, wait });
    }

    pub(in crate::engine) fn service_main_found(&mut self, id: UnitId, proc: ProcToken, pid: i32, child: bool) {
        let now = self.now;
        let Some(service) = self.service_mut(id) else {
            return;
        };
        if service.finding != Some(proc) {
            return;
        }
        service.finding = None;
        let old = service.main.replace(Proc { token: proc, pid, index: 0, started: now, child, execed: true });
        service.main_known = true;
        service.main_ended = None;
        service.populated = true;
        let state = service.state;
        if let Some(old) = old {
            self.procs.remove(&old.token);
        }
        self.service_main_settled(id, state, true, "");
    }

    pub(in crate::engine) fn service_main_missing(&mut self, id: UnitId, may_come: bool, detail: &str) {
        let Some(service) = self.service_mut(id) else {
            return;
        };
        let state = service.state;
        if may_come {
            return;
        }
        if let Some(proc) = service.finding.take() {
            self.procs.remove(&proc);
        }
        self.service_main_settled(id, state, false, detail);
    }

    /// The search for a main process is over.
    fn service_main_settled(&mut self, id: UnitId, state: ServiceState, found: bool, detail: &str) {
        let Some(unit) = self.service_unit(id) else {
            return;
        };
        let pid_file = unit.more.pid_file.is_some();
        let forking = unit.service_type == ServiceType::Forking;
        match state {
            ServiceState::Start if forking && (found || !pid_file) => self.service_start_post(id),
            // The commands after the start may still write it.
            ServiceState::Start if forking && !unit.more.exec_start_post.is_empty() => self.service_start_post(id),
            ServiceState::StartPost if found || !pid_file => self.service_running(id, ServiceResult::Success),
            ServiceState::Start | ServiceState::StartPost if !found && pid_file => {
                self.tell("pid-file-failed", Level::Warning, id, format!("no main process: {detail}"));
                self.service_find_failed(id);
            }
            ServiceState::Running | ServiceState::Reload | ServiceState::ReloadSignal | ServiceState::ReloadNotify
                if !found =>
            {
                // The pid file was looked at because the old main process ended: so did the service.
                let result = self.main_result(id);
                self.service_running(id, result);
            }
            ServiceState::Start
            | ServiceState::StartPost
            | ServiceState::Running
            | ServiceState::Reload
            | ServiceState::ReloadSignal
            | ServiceState::ReloadNotify
            | ServiceState::Dead
            | ServiceState::Condition
            | ServiceState::StartPre
            | ServiceState::Exited
            | ServiceState::Stop
            | ServiceState::StopWatchdog
            | ServiceState::StopSigterm
            | ServiceState::StopSigkill
            | ServiceState::StopPost
            | ServiceState::FinalWatchdog
            | ServiceState::FinalSigterm
            | ServiceState::FinalSigkill
            | ServiceState::Failed
            | ServiceState::AutoRestart => {}
        }
    }

    /// There will be no main process: what was started is stopped, and what was up is stopped properly.
    pub(super) fn service_find_failed(&mut self, id: UnitId) {
        if self.service(id).is_some_and(|service| service.state == ServiceState::StartPost) {
            self.service_stop_commands(id, ServiceResult::Protocol);
        } else {
            self.service_signal(id, ServiceState::StopSigterm, ServiceResult::Protocol);
        }
    }

    pub(in crate::engine) fn watchdog_usec(&self, id: UnitId) -> u64 {
        let configured = self.service_unit(id).map_or(0, |unit| unit.more.watchdog_usec);
        self.service(id).and_then(|service| service.watchdog_override).unwrap_or(configured)
    }

    pub(super) fn service_arm_watchdog(&mut self, id: UnitId) {
        let span = self.watchdog_usec(id);
        let at = if span == 0 { None } else { self.now.after(span) };
        self.deadlines.set(id, Reason::Watchdog, at);
    }

    /// The command that a control process runs.
    pub(in crate::engine) fn control_command(&self, id: UnitId) -> Option<(crate::unit::Command, &'static str)> {
        let unit = self.service_unit(id)?;
        let service = self.service(id)?;
        let (commands, directive) = phase_commands(&unit, service.state);
        Some((commands.get(service.control.as_ref()?.index)?.clone(), directive))
    }
}
