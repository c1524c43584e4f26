//! From running to dead, failed, or the next try.

use super::{Service, ServiceResult, ServiceState, Told};
use crate::engine::effect::{Effect, Level, SignalTarget};
use crate::engine::event::ExitStatus;
use crate::engine::jobs::JobKind;
use crate::engine::{Engine, Reason};
use crate::ids::{INFINITY_USEC, UnitId};
use crate::unit::exec::KillMode;
use crate::unit::service::{FailureMode, Restart, StatusSet};

impl Engine {
    /// A stop job.
    pub(in crate::engine) fn service_stop(&mut self, id: UnitId) {
        let Some(service) = self.service_mut(id) else {
            return;
        };
        service.forbid_restart = true;
        match service.state {
            ServiceState::AutoRestart => self.service_enter(id, ServiceState::Dead),
            ServiceState::Condition
            | ServiceState::StartPre
            | ServiceState::Start
            | ServiceState::StartPost
            | ServiceState::Reload
            | ServiceState::ReloadSignal
            | ServiceState::ReloadNotify
            // Who is asked to stop may well listen, though it did not to the watchdog's signal.
            | ServiceState::StopWatchdog => self.service_signal(id, ServiceState::StopSigterm, ServiceResult::Success),
            ServiceState::Running | ServiceState::Exited => self.service_stop_commands(id, ServiceResult::Success),
            ServiceState::Stop
            | ServiceState::StopSigterm
            | ServiceState::StopSigkill
            | ServiceState::StopPost
            | ServiceState::FinalWatchdog
            | ServiceState::FinalSigterm
            | ServiceState::FinalSigkill
            | ServiceState::Dead
            | ServiceState::Failed => {}
        }
    }

    /// `ExecStop=`, then the signals.
    pub(super) fn service_stop_commands(&mut self, id: UnitId, result: ServiceResult) {
        let Some(unit) = self.service_unit(id) else {
            return;
        };
        let Some(service) = self.service_mut(id) else {
            return;
        };
        service.note(result);
        if service.is_deserted() && unit.more.exec_stop.is_empty() && unit.more.exec_stop_post.is_empty() {
            // Nobody is there to be signalled and nothing is to be run: all states up to the end would be
            // left at once.
            self.service_dead(id, ServiceResult::Success, true);
        } else if unit.more.exec_stop.is_empty() {
            self.service_signal(id, ServiceState::StopSigterm, ServiceResult::Success);
        } else {
            self.service_enter(id, ServiceState::Stop);
            self.service_control(id, 0);
        }
    }

    /// `STOPPING=1`: it ends by itself; the timer watches it.
    pub(super) fn service_stop_by_notify(&mut self, id: UnitId) {
        self.service_enter(id, ServiceState::StopSigterm);
    }

    /// A step of the ladder: signal, and wait for the end. With nobody left it goes on at once.
    pub(super) fn service_signal(&mut self, id: UnitId, state: ServiceState, result: ServiceResult) {
        let Some(unit) = self.service_unit(id) else {
            return;
        };
        let restart = self.units.get(&id).and_then(|slot| slot.job.as_ref()).is_some_and(|job| job.restarting);
        let kill = unit.kill;
        let (signal, last) = match state {
            ServiceState::StopWatchdog | ServiceState::FinalWatchdog => (kill.watchdog_signal, false),
            ServiceState::StopSigkill | ServiceState::FinalSigkill => (kill.final_kill_signal, true),
            ServiceState::StopSigterm if restart => (kill.restart_kill_signal.unwrap_or(kill.kill_signal), false),
            ServiceState::StopSigterm | ServiceState::FinalSigterm => (kill.kill_signal, false),
            ServiceState::Dead
            | ServiceState::Condition
            | ServiceState::StartPre
            | ServiceState::Start
            | ServiceState::StartPost
            | ServiceState::Running
            | ServiceState::Exited
            | ServiceState::Reload
            | ServiceState::ReloadSignal
            | ServiceState::ReloadNotify
            | ServiceState::Stop
            | ServiceState::StopPost
            | ServiceState::Failed
            | ServiceState::AutoRestart => return,
        };
        let Some(service) = self.service_mut(id) else {
            return;
        };
        service.note(result);
        if let Some(proc) = service.finding.take() {
            self.procs.remove(&proc);
        }
        let Some(service) = self.service(id) else {
            return;
        };
        let somebody = service.populated || service.main.is_some() || service.control.is_some();
        self.service_enter(id, state);
        if kill.kill_mode == KillMode::None {
            // Nobody is signalled, so nobody is waited for.
            self.service_abandon(id);
            return self.service_signalled(id, false);
        }
        if !somebody {
            return self.service_signalled(id, false);
        }
        let all = kill.kill_mode == KillMode::ControlGroup || kill.kill_mode == KillMode::Mixed && last;
        self.out.push(Effect::Signal {
            unit: id,
            target: if all { SignalTarget::All } else { SignalTarget::MainAndControl },
            signal,
            // Not where the signal asks for something else than an end.
            also_hup: kill.send_sighup
                && (state == ServiceState::StopSigterm && !restart || state == ServiceState::FinalSigterm),
            plain: false,
        });
    }

    /// Whether anybody was there to be signalled; if not, the next step follows at once.
    pub(super) fn service_signalled(&mut self, id: UnitId, found: bool) {
        let Some(unit) = self.service_unit(id) else {
            return;
        };
        let kill = unit.kill.send_sigkill;
        let Some(service) = self.service(id) else {
            return;
        };
        if found || service.main.is_some() || service.control.is_some() {
            return;
        }
        let ok = ServiceResult::Success;
        match service.state {
            ServiceState::StopWatchdog | ServiceState::StopSigterm if kill && service.populated => {
                self.service_signal(id, ServiceState::StopSigkill, ok);
            }
            ServiceState::StopWatchdog | ServiceState::StopSigterm | ServiceState::StopSigkill => {
                self.service_stop_post(id, ok);
            }
            ServiceState::FinalWatchdog | ServiceState::FinalSigterm if kill && service.populated => {
                self.service_signal(id, ServiceState::FinalSigkill, ok);
            }
            ServiceState::FinalWatchdog | ServiceState::FinalSigterm | ServiceState::FinalSigkill => {
                self.service_dead(id, ok, true);
            }
            ServiceState::Dead
            | ServiceState::Condition
            | ServiceState::StartPre
            | ServiceState::Start
            | ServiceState::StartPost
            | ServiceState::Running
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

    pub(super) fn service_stop_post(&mut self, id: UnitId, result: ServiceResult) {
        let Some(unit) = self.service_unit(id) else {
            return;
        };
        if let Some(service) = self.service_mut(id) {
            service.note(result);
        }
        if unit.more.exec_stop_post.is_empty() {
            self.service_signal(id, ServiceState::FinalSigterm, ServiceResult::Success);
        } else {
            self.service_enter(id, ServiceState::StopPost);
            self.service_control(id, 0);
        }
    }

    /// The end; or the pause before the next try.
    pub(in crate::engine) fn service_dead(&mut self, id: UnitId, result: ServiceResult, may_restart: bool) {
        let Some(unit) = self.service_unit(id) else {
            return;
        };
        let stop_queued =
            self.units.get(&id).and_then(|slot| slot.job.as_ref()).is_some_and(|job| job.kind == JobKind::Stop);
        let now = self.now;
        let Some(service) = self.service_mut(id) else {
            return;
        };
        service.note(result);
        // With KillMode=none a process may outlive the service; it is not ours any more.
        let left = [service.main.take(), service.control.take()];
        for proc in left.into_iter().flatten() {
            self.procs.remove(&proc.token);
        }
        let Some(service) = self.service_mut(id) else {
            return;
        };
        let outcome = service.result;
        let restart =
            may_restart && !stop_queued && outcome != ServiceResult::StartLimitHit && shall_restart(service, &unit);
        service.will_restart = restart;
        service.told = Told::Nothing;
        let (state, level) = match outcome {
            ServiceResult::Success => (ServiceState::Dead, Level::Debug),
            ServiceResult::ExecCondition => (ServiceState::Dead, Level::Info),
            ServiceResult::Resources
            | ServiceResult::Protocol
            | ServiceResult::Timeout
            | ServiceResult::ExitCode
            | ServiceResult::Signal
            | ServiceResult::CoreDump
            | ServiceResult::Watchdog
            | ServiceResult::StartLimitHit => (ServiceState::Failed, Level::Warning),
        };
        let (code, how) =
            if state == ServiceState::Failed { ("service-failed", "failed") } else { ("service-ended", "ended") };
        self.tell_if_heard(code, level, id, || format!("{how} with result '{}'", outcome.as_str()));
        if let Some(settings) = self.unit(id).cloned() {
            self.out.push(Effect::Release { unit: id, settings });
        }
        self.namespace_release(id);
        let direct = restart && unit.more.restart_direct;
        if !direct {
            self.service_enter(id, state);
        }
        let Some(service) = self.service_mut(id) else {
            return;
        };
        service.forbid_restart = false;
        if !restart {
            service.flush_restarts = true;
            return;
        }
        service.will_restart = false;
        let delay = restart_delay_usec(&unit, service.restarts);
        self.service_enter(id, ServiceState::AutoRestart);
        self.deadlines.set(id, Reason::Restart, now.after(delay));
    }

    pub(in crate::engine) fn service_restart_due(&mut self, id: UnitId) {
        if !self.service(id).is_some_and(Service::waits_for_restart) {
            return;
        }
        let stopping =
            self.units.get(&id).and_then(|slot| slot.job.as_ref()).is_some_and(|job| job.kind == JobKind::Stop);
        if stopping || self.leaving.is_some() {
            return self.service_enter(id, ServiceState::Dead);
        }
        self.service_count_restart(id);
        if let Err(failure) = self.submit(id, JobKind::Restart, None) {
            self.tell("restart-refused", Level::Warning, id, format!("cannot be restarted: {}", failure.detail));
            self.service_enter(id, ServiceState::Dead);
        }
    }

    /// The start that a service waiting for its restart was promised did not come about: without a
    /// deadline of its own it would wait for ever.
    pub(in crate::engine) fn service_restart_refused(&mut self, id: UnitId) {
        if self.service(id).is_some_and(Service::waits_for_restart) && self.deadlines.get(id, Reason::Restart).is_none()
        {
            self.service_enter(id, ServiceState::Dead);
        }
    }

    pub(super) fn service_count_restart(&mut self, id: UnitId) {
        if let Some(service) = self.service_mut(id) {
            service.restarts = service.restarts.saturating_add(1);
            service.flush_restarts = false;
        }
    }

    pub(super) fn service_timeout(&mut self, id: UnitId) {
        let Some(unit) = self.service_unit(id) else {
            return;
        };
        let Some(state) = self.service(id).map(|service| service.state) else {
            return;
        };
        let timeout = ServiceResult::Timeout;
        let kill = unit.kill.send_sigkill;
        self.tell("service-timeout", Level::Warning, id, format!("state '{}' timed out", state.as_str()));
        match state {
            ServiceState::Condition | ServiceState::StartPre | ServiceState::Start | ServiceState::StartPost => {
                self.service_climb(id, unit.more.timeout_start_failure_mode, kill);
            }
            ServiceState::Running => self.service_stop_commands(id, timeout),
            ServiceState::Reload | ServiceState::ReloadSignal | ServiceState::ReloadNotify => {
                self.service_reload_timeout(id);
            }
            ServiceState::Stop => self.service_climb(id, unit.more.timeout_stop_failure_mode, kill),
            ServiceState::StopSigterm if unit.more.timeout_stop_failure_mode == FailureMode::Abort => {
                self.service_signal(id, ServiceState::StopWatchdog, timeout);
            }
            ServiceState::StopWatchdog | ServiceState::StopSigterm if kill => {
                self.service_signal(id, ServiceState::StopSigkill, timeout);
            }
            ServiceState::StopWatchdog | ServiceState::StopSigterm | ServiceState::StopSigkill => {
                self.tell("processes-left", Level::Warning, id, "processes still around, leaving them");
                self.service_stop_post(id, timeout);
            }
            ServiceState::StopPost => match unit.more.timeout_stop_failure_mode {
                FailureMode::Terminate => self.service_signal(id, ServiceState::FinalSigterm, timeout),
                FailureMode::Abort => self.service_signal(id, ServiceState::FinalWatchdog, timeout),
                FailureMode::Kill if kill => self.service_signal(id, ServiceState::FinalSigkill, timeout),
                FailureMode::Kill => self.service_give_up(id),
            },
            ServiceState::FinalSigterm if unit.more.timeout_stop_failure_mode == FailureMode::Abort => {
                self.service_signal(id, ServiceState::FinalWatchdog, timeout);
            }
            ServiceState::FinalWatchdog | ServiceState::FinalSigterm if kill => {
                self.service_signal(id, ServiceState::FinalSigkill, timeout);
            }
            ServiceState::FinalWatchdog | ServiceState::FinalSigterm => self.service_give_up(id),
            ServiceState::FinalSigkill => {
                self.tell(
                    "processes-left",
                    Level::Error,
                    id,
                    "processes still around after the final signal, leaving them",
                );
                self.service_abandon(id);
                self.service_dead(id, timeout, true);
            }
            ServiceState::Dead | ServiceState::Exited | ServiceState::Failed | ServiceState::AutoRestart => {}
        }
    }

    /// Where the ladder begins after a timeout; without SIGKILL it has no last rung.
    fn service_climb(&mut self, id: UnitId, mode: FailureMode, kill: bool) {
        let timeout = ServiceResult::Timeout;
        match mode {
            FailureMode::Terminate => self.service_signal(id, ServiceState::StopSigterm, timeout),
            FailureMode::Abort => self.service_signal(id, ServiceState::StopWatchdog, timeout),
            FailureMode::Kill if kill => self.service_signal(id, ServiceState::StopSigkill, timeout),
            FailureMode::Kill => self.service_stop_post(id, timeout),
        }
    }

    /// Processes are left that may not be killed: a restart would meet them.
    fn service_give_up(&mut self, id: UnitId) {
        self.service_abandon(id);
        self.service_dead(id, ServiceResult::Timeout, false);
    }

    /// Processes that would not end are not ours any more.
    fn service_abandon(&mut self, id: UnitId) {
        let Some(service) = self.service_mut(id) else {
            return;
        };
        service.populated = false;
        let given_up = [service.main.take(), service.control.take()];
        for proc in given_up.into_iter().flatten() {
            self.procs.remove(&proc.token);
        }
    }

    fn service_reload_timeout(&mut self, id: UnitId) {
        if self.service(id).is_some_and(|service| service.control.is_some()) {
            let signal = 9;
            self.out.push(Effect::Signal {
                unit: id,
                target: SignalTarget::Control,
                signal,
                also_hup: false,
                plain: true,
            });
        }
        if let Some(service) = self.service_mut(id)
            && let Some(control) = service.control.take()
        {
            self.procs.remove(&control.token);
        }
        self.service_reload_ended(id, ServiceResult::Timeout);
    }

    pub(in crate::engine) fn service_reset_failed(&mut self, id: UnitId) {
        let Some(service) = self.service_mut(id) else {
            return;
        };
        let failed = service.state == ServiceState::Failed;
        if failed {
            self.service_enter(id, ServiceState::Dead);
        }
        if let Some(service) = self.service_mut(id) {
            service.result = ServiceResult::Success;
            service.reload_result = ServiceResult::Success;
            service.restarts = 0;
            service.flush_restarts = false;
        }
    }
}

fn in_set(status: Option<ExitStatus>, set: &StatusSet) -> bool {
    match status {
        Some(ExitStatus::Code(code)) => set.codes.contains(&code),
        Some(ExitStatus::Signal(signal) | ExitStatus::Dumped(signal)) => set.signals.contains(&signal),
        Some(ExitStatus::Unknown) | None => false,
    }
}

/// The table of systemd.service(5), `Restart=`.
fn shall_restart(service: &Service, unit: &crate::unit::ServiceUnit) -> bool {
    let status = service.main_ended.map(|ended| ended.status);
    if service.forbid_restart || in_set(status, &unit.more.restart_prevent_exit_status) {
        return false;
    }
    if in_set(status, &unit.more.restart_force_exit_status) {
        return true;
    }
    let result = service.result;
    let success = result == ServiceResult::Success;
    match unit.restart {
        Restart::No => false,
        Restart::Always => result != ServiceResult::ExecCondition,
        Restart::OnSuccess => success,
        Restart::OnFailure => !success && result != ServiceResult::ExecCondition,
        Restart::OnAbnormal => !success && result != ServiceResult::ExitCode && result != ServiceResult::ExecCondition,
        Restart::OnWatchdog => result == ServiceResult::Watchdog,
        Restart::OnAbort => matches!(result, ServiceResult::Signal | ServiceResult::CoreDump),
    }
}

/// `RestartSec=`, growing geometrically to `RestartMaxDelaySec=` over `RestartSteps=` restarts.
fn restart_delay_usec(unit: &crate::unit::ServiceUnit, restarts: u32) -> u64 {
    let (first, last, steps) = (unit.more.restart_usec, unit.more.restart_max_delay_usec, unit.more.restart_steps);
    if steps == 0 || last == INFINITY_USEC || first == 0 || last <= first {
        return first;
    }
    if restarts >= steps {
        return last;
    }
    let exponent = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let factor = root(last as f64 / first as f64, exponent(steps)).powi(exponent(restarts));
    ((first as f64 * factor + 0.5) as u64).min(last)
}

/// The n-th root of a number above 1, by halving. The mathematics library would do it too, and be resident for this
/// alone.
fn root(of: f64, n: i32) -> f64 {
    let (mut low, mut high) = (1.0, of);
    // Each round gains a bit; a double has 53, and as many as its exponent says lie above them.
    for _ in 0..128 {
        let middle: f64 = low + (high - low) / 2.0;
        *(if middle.powi(n) <= of { &mut low } else { &mut high }) = middle;
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::ServiceUnit;
    use crate::unit::service::ServiceMore;
    use std::sync::Arc;

    #[test]
    fn delays_grow_as_documented() {
        let more = ServiceMore {
            restart_usec: 1_000_000,
            restart_steps: 2,
            restart_max_delay_usec: 16_000_000,
            ..ServiceMore::default()
        };
        let unit = ServiceUnit { more: Arc::new(more), ..ServiceUnit::default() };
        let delays: Vec<u64> = (0..4).map(|k| restart_delay_usec(&unit, k) / 1_000_000).collect();
        assert_eq!(delays, [1, 4, 16, 16], "service-unit edge case 81");
        for (of, n) in [(2.0, 1), (1e12, 7), (10.0, i32::MAX)] {
            assert!((root(of, n).powi(n) / of - 1.0).abs() < 1e-5, "root {n} of {of}");
        }
    }
}
