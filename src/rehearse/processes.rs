//! What signals do to pretend processes, and how the main process of a forking service is found.

use super::{Choices, Kernel, Process};
use crate::engine::effect::SignalTarget;
use crate::engine::event::{Event, ExitStatus};
use crate::ids::{ProcToken, UnitId};

impl<C: Choices> Kernel<C> {
    pub(super) fn signal(&mut self, unit: UnitId, target: SignalTarget, signal: i32, plain: bool) {
        let deadly = matches!(signal, 9 | 6 | 15 | 2);
        let hit: Vec<(ProcToken, bool)> = self
            .processes
            .iter()
            .filter(|(_, p)| p.unit == unit && p.alive)
            .filter(|(_, p)| match target {
                SignalTarget::Main => p.main,
                SignalTarget::Control => !p.main,
                SignalTarget::MainAndControl | SignalTarget::All => true,
            })
            .map(|(token, p)| (*token, p.stubborn))
            .collect();
        let orphans = self.orphans.get(&unit).copied().unwrap_or(0);
        let reaches_orphans = target == SignalTarget::All && orphans > 0;
        for (proc, stubborn) in &hit {
            if deadly && (!stubborn || signal == 9) {
                let status = ExitStatus::Signal(signal as u8);
                self.later(20, Event::Exited { proc: *proc, status });
            }
        }
        if reaches_orphans && signal == 9 {
            self.orphans.remove(&unit);
            self.later(30, Event::Emptied { unit });
        }
        if !plain {
            self.happened.push_back(Event::Signalled { unit, found: !hit.is_empty() || reaches_orphans });
        }
    }

    pub(super) fn find_main(&mut self, unit: UnitId, proc: ProcToken, wait: bool) {
        if self.choices.chance(70) {
            self.next_pid += 1;
            let pid = self.next_pid;
            self.processes.insert(proc, Process { unit, stubborn: false, main: true, alive: true });
            self.happened.push_back(Event::MainFound { unit, proc, pid, child: true });
            let span = 1_000 + self.choices.below(50_000_000);
            self.later(span, Event::Exited { proc, status: ExitStatus::Code(0) });
        } else {
            let may_come = wait && self.choices.chance(50);
            self.happened.push_back(Event::MainMissing { unit, may_come, detail: "no pid file".into() });
        }
    }
}
