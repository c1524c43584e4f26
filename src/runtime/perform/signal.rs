//! Signals to a unit's processes, and letting go of a unit that is down.

use crate::engine::effect::{Role, SignalTarget};
use crate::engine::event::Event;
use crate::ids::{ProcToken, UnitId};
use crate::linux::process;
use crate::runtime::world::World;
use crate::unit::Unit;

impl World {
    pub(super) fn signal(&mut self, unit: UnitId, target: SignalTarget, signal: i32, also_hup: bool, plain: bool) {
        let signals = sequence(signal, also_hup, plain);
        let mut found = self.signal_tracked(unit, target, &signals);
        if target == SignalTarget::All {
            found |= self.signal_further(unit, &signals);
        }
        if plain {
            return;
        }
        if found && target == SignalTarget::All {
            self.await_empty_unless_tracked(unit);
        }
        self.events.push_back(Event::Signalled { unit, found });
    }

    /// Main and control processes.
    fn signal_tracked(&self, unit: UnitId, target: SignalTarget, signals: &[i32]) -> bool {
        let mut found = false;
        for token in self.tracked(unit) {
            let Some(proc) = self.processes.get(token) else {
                continue;
            };
            let main = proc.role == Role::Main;
            let meant = match target {
                SignalTarget::Main => main,
                SignalTarget::Control => !main,
                SignalTarget::MainAndControl | SignalTarget::All => true,
            };
            if !meant {
                continue;
            }
            // One that has ended already cannot be signalled, but its end is still to be told.
            found = true;
            for signal in signals {
                proc.signal(*signal);
            }
        }
        found
    }

    fn tracked(&self, unit: UnitId) -> Vec<ProcToken> {
        self.runs.get(&unit).map(|run| run.procs.clone()).unwrap_or_default()
    }

    /// Everybody else in the unit, over and over until nobody new shows up.
    fn signal_further(&mut self, unit: UnitId, signals: &[i32]) -> bool {
        let Some(run) = self.runs.get(&unit) else {
            return false;
        };
        if run.empty {
            return false;
        }
        let spare: Vec<i32> = run.procs.iter().filter_map(|token| self.processes.get(*token)).map(|p| p.pid).collect();
        if let Some(group) = &run.group
            && signals.first() == Some(&libc::SIGKILL)
        {
            // One write reaches everybody, whatever they fork meanwhile.
            let others = self.groups.members(group).iter().any(|pid| !spare.contains(pid));
            if !others || self.groups.kill(group) {
                return others;
            }
        }
        !process::kill_all(|| self.leftovers(unit), signals, &spare).is_empty()
    }

    fn await_empty_unless_tracked(&mut self, unit: UnitId) {
        if self.runs.get(&unit).is_some_and(|run| run.procs.is_empty()) {
            self.await_empty(unit);
        }
    }

    /// The unit is down: nothing of it is watched any more.
    pub(super) fn release(&mut self, unit: UnitId, settings: &Unit) {
        self.pid_files.forget(unit);
        if let Some(service) = super::ports::service_of(settings)
            && let Some(path) = &service.more.pid_file
        {
            remove_pid_file(path);
        }
        self.let_go(unit);
        self.outputs.release(&settings.name);
    }

    /// The engine knows the unit no more.
    pub(super) fn forget(&mut self, unit: UnitId) {
        self.pid_files.forget(unit);
        self.let_go(unit);
    }

    fn let_go(&mut self, unit: UnitId) {
        let Some(mut run) = self.runs.remove(&unit) else {
            return;
        };
        for token in run.strays.drain(..) {
            if let Some((_, pidfd)) = self.strays.remove(&token) {
                self.poll.remove(&pidfd).ok();
            }
        }
        if let Some(socket) = run.notify.take() {
            self.poll.remove(&socket).ok();
        }
        // Somebody may be left behind on purpose; then the group stays for the next start.
        if let Some(group) = run.group.take().and_then(|group| self.groups.remove(group)) {
            self.groups.abandon(group);
        }
        // Processes that the unit leaves behind on purpose (`KillMode=process`) are still our
        // children.
        for token in run.procs {
            if let Some(pidfd) = self.processes.leave_behind(token).and_then(|proc| proc.pidfd) {
                self.poll.remove(&pidfd).ok();
            }
        }
    }
}

/// The signal, SIGHUP if asked for, and SIGCONT so that a stopped process can obey.
fn sequence(signal: i32, also_hup: bool, plain: bool) -> Vec<i32> {
    let mut signals = vec![signal];
    if also_hup && signal != libc::SIGHUP {
        signals.push(libc::SIGHUP);
    }
    if !plain && signal != libc::SIGKILL && signal != libc::SIGCONT {
        signals.push(libc::SIGCONT);
    }
    signals
}

#[allow(clippy::disallowed_methods, reason = "the pid file of a service that is down")]
fn remove_pid_file(path: &str) {
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => tracing::debug!("the pid file {path} cannot be removed: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_process_is_woken_to_obey() {
        assert_eq!(sequence(15, true, false), [15, 1, 18]);
        assert_eq!(sequence(1, true, false), [1, 18]);
        assert_eq!(sequence(9, false, false), [9]);
        assert_eq!(sequence(10, false, true), [10]);
    }
}
