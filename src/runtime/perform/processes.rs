//! What processes did: ended, reported, left somebody behind.

use super::spawn::step_failure;
use crate::bounds::EXITS_PER_TURN;
use crate::engine::event::{Event, ExitStatus};
use crate::ids::{ProcToken, UnitId};
use crate::linux::clone::read_report;
use crate::linux::poll::Interest;
use crate::linux::process::{self, Exit, Roots, Sweep};
use crate::runtime::source::Source;
use crate::runtime::world::World;
use nix::errno::Errno;
use std::cell::OnceCell;
use std::os::fd::{AsFd, OwnedFd};

/// Pids of ended processes remembered per unit.
const PAST_MAX: usize = 32;

impl World {
    /// Collects children that have ended, a turn's worth. To be called once the engine can hear of them; those
    /// that nobody tracks, orphans of services, are done with here.
    pub(in crate::runtime) fn collect_children(&mut self) -> Vec<(ProcToken, ExitStatus)> {
        // Heard from here on anew, before looking: who ends meanwhile is told next time.
        self.child_signals.read().ok();
        let mut ended = Vec::new();
        let left = process::sweep(EXITS_PER_TURN, &mut ended);
        self.more_children = left == Sweep::More;
        let mut known = Vec::with_capacity(ended.len());
        for (pid, exit) in ended {
            match self.processes.token_of(pid) {
                Some(token) => known.push((token, translate(exit))),
                None => {
                    self.processes.stranger_ended(pid);
                    tracing::debug!("process {pid}, an orphan, ended");
                }
            }
        }
        // Asked at most once for all of them: their orphans became our children before they could be collected.
        self.strangers = Some(match left {
            Sweep::Nobody => OnceCell::from(false),
            Sweep::Others | Sweep::More => OnceCell::new(),
        });
        known
    }

    /// What was found out for the children just collected holds no longer.
    pub(in crate::runtime) fn collected(&mut self) {
        self.strangers = None;
    }

    /// The pidfd of an adopted process is readable: how it ended, if it has.
    pub(in crate::runtime) fn adopted_ended(&mut self, token: ProcToken) -> Option<ExitStatus> {
        let proc = self.processes.get(token)?;
        let pidfd = proc.pidfd.as_ref()?;
        match process::try_wait_for(pidfd.as_fd()) {
            Ok(Some(exit)) => Some(translate(exit)),
            // Readable, but somebody who traces it comes first.
            Ok(None) => {
                Source::Exit(token).modify(&self.poll, pidfd, Interest::ReadOnce).ok();
                None
            }
            // Not our child, so nobody can say how it ended.
            Err(Errno::ECHILD) => Some(ExitStatus::Unknown),
            Err(errno) => {
                tracing::error!("waiting for process {} failed: {}", proc.pid, errno.desc());
                Some(ExitStatus::Unknown)
            }
        }
    }

    /// A process has ended. Its unit, if it had one.
    pub(in crate::runtime) fn exited(&mut self, token: ProcToken, status: ExitStatus) -> Option<UnitId> {
        self.look_for_departures();
        self.reported(token);
        let proc = self.processes.remove(token)?;
        if let Some(pidfd) = &proc.pidfd {
            self.poll.remove(pidfd).ok();
        }
        if let Some(run) = self.runs.get_mut(&proc.unit) {
            run.procs.retain(|p| *p != token);
            if run.past.len() < PAST_MAX {
                run.past.push(proc.pid);
            }
        }
        self.note_emptiness(proc.unit);
        if self.runs.get(&proc.unit).is_some_and(|run| run.empty) {
            // Told first, so that the engine does not look for somebody to signal.
            self.events.push_back(Event::Emptied { unit: proc.unit });
        }
        self.events.push_back(Event::Exited { proc: token, status });
        Some(proc.unit)
    }

    /// Children that went on their way in our memory and have left it: each reached exec, or a step
    /// failed. Nothing tells us, so this looks; the end of a child is a reason to.
    pub(in crate::runtime) fn look_for_departures(&mut self) {
        let World { underway, events, .. } = self;
        underway.retain(|(token, passage)| {
            let outcome = passage.outcome();
            events.extend(outcome.map(|outcome| match outcome {
                Ok(()) => Event::Execed { proc: *token },
                Err(failure) => step_failure(*token, &passage.program().steps, failure),
            }));
            outcome.is_none()
        });
    }

    /// The report of a patient child: it reached exec, or a step failed.
    pub(in crate::runtime) fn reported(&mut self, token: ProcToken) {
        let Some(proc) = self.processes.get_mut(token) else {
            return;
        };
        let Some((pipe, steps)) = proc.report.take() else {
            return;
        };
        match read_report(pipe.as_fd()) {
            None => proc.report = Some((pipe, steps)),
            Some(outcome) => {
                self.poll.remove(&pipe).ok();
                self.events.push_back(match outcome {
                    Ok(()) => Event::Execed { proc: token },
                    Err(failure) => step_failure(token, &steps, failure),
                });
            }
        }
    }

    /// Sees whether anybody is left in a unit, and remembers it, so that signalling nobody costs
    /// nothing.
    fn note_emptiness(&mut self, unit: UnitId) {
        // A group can be removed only if nobody is left in it: one call asks and tidies up.
        if let Some(run) = self.runs.get_mut(&unit)
            && run.procs.is_empty()
            && let Some(group) = run.group.take()
        {
            run.group = self.groups.remove(group);
            if run.group.is_none() {
                run.empty = true;
                return;
            }
        }
        let empty = self.runs.get(&unit).is_some_and(|run| run.procs.is_empty()) && self.leftovers(unit).is_empty();
        if let Some(run) = self.runs.get_mut(&unit) {
            run.empty = empty;
        }
    }

    /// Tells that a unit is empty, or arranges to be told. To be called when the engine has heard of
    /// the exits before.
    pub(in crate::runtime) fn check_empty(&mut self, unit: UnitId) {
        let Some(run) = self.runs.get(&unit) else {
            return;
        };
        if !run.procs.is_empty() {
            return;
        }
        if !run.empty {
            self.note_emptiness(unit);
        }
        match self.runs.get(&unit).is_some_and(|run| run.empty) {
            true => self.events.push_back(Event::Emptied { unit }),
            false => self.await_empty(unit),
        }
    }

    /// Makes sure that the end of the last process of a unit wakes us.
    pub(in crate::runtime) fn await_empty(&mut self, unit: UnitId) {
        let Some(run) = self.runs.get_mut(&unit) else {
            return;
        };
        run.empty = false;
        if let Some(group) = &run.group
            && self.groups.watch(unit, group)
        {
            return;
        }
        for pid in self.leftovers(unit) {
            self.watch_stray(unit, pid);
        }
    }

    fn watch_stray(&mut self, unit: UnitId, pid: i32) {
        let Ok(process) = process::Process::adopt(pid) else {
            return;
        };
        self.last_stray += 1;
        let token = self.last_stray;
        if Source::Stray(token).add(&self.poll, &process.pidfd, Interest::Read).is_err() {
            return;
        }
        self.strays.insert(token, (unit, process.pidfd));
        if let Some(run) = self.runs.get_mut(&unit) {
            run.strays.push(token);
        }
    }

    /// A further process of a unit ended.
    pub(in crate::runtime) fn stray_ended(&mut self, token: u64) -> Option<UnitId> {
        let (unit, pidfd) = self.strays.remove(&token)?;
        self.poll.remove(&pidfd).ok();
        let run = self.runs.get_mut(&unit)?;
        run.strays.retain(|t| *t != token);
        run.strays.is_empty().then_some(unit)
    }

    /// Processes of a unit beside those that are tracked.
    pub(in crate::runtime) fn leftovers(&self, unit: UnitId) -> Vec<i32> {
        let Some(run) = self.runs.get(&unit) else {
            return Vec::new();
        };
        let tracked = |pid: &i32| self.processes.token_of(*pid).is_some_and(|token| run.procs.contains(&token));
        if let Some(group) = &run.group {
            return self.groups.members(group).into_iter().filter(|pid| !tracked(pid)).collect();
        }
        // Whoever is left of a unit without tracked processes has an ancestor that became our child.
        if run.procs.is_empty() && !self.has_strangers() {
            return Vec::new();
        }
        self.members(unit).into_iter().filter(|pid| !tracked(pid)).collect()
    }

    /// All processes of a unit, found by ancestry where there is no control group.
    pub(in crate::runtime) fn members(&self, unit: UnitId) -> Vec<i32> {
        let Some(run) = self.runs.get(&unit) else {
            return Vec::new();
        };
        if let Some(group) = &run.group {
            return self.groups.members(group);
        }
        let alive: Vec<i32> = run.procs.iter().filter_map(|token| self.processes.get(*token)).map(|p| p.pid).collect();
        let invocation = (run.invocation != 0).then(|| format!("INVOCATION_ID={:032x}", run.invocation));
        process::members(&Roots { alive: &alive, past: &run.past, invocation: invocation.as_deref() })
    }

    fn has_strangers(&self) -> bool {
        let look = || self.children.has_strangers(|pid| self.processes.is_tracked(pid));
        self.strangers.as_ref().map_or_else(look, |known| *known.get_or_init(look))
    }

    /// Watches a process. `Err` leaves it untracked.
    pub(super) fn track(&mut self, token: ProcToken, proc: crate::runtime::processes::Proc) -> Result<(), Errno> {
        if let Some(pidfd) = &proc.pidfd {
            Source::Exit(token).add(&self.poll, pidfd, Interest::ReadOnce)?;
        }
        if let Some((pipe, _)) = &proc.report {
            Source::Report(token).add(&self.poll, pipe, Interest::Read)?;
        }
        if let Some(run) = self.runs.get_mut(&proc.unit) {
            run.procs.push(token);
            run.empty = false;
        }
        self.processes.insert(token, proc);
        Ok(())
    }

    /// Whether a process lives that we hold.
    pub(super) fn lives(pidfd: &OwnedFd) -> bool {
        !process::has_ended(pidfd.as_fd())
    }
}

fn translate(exit: Exit) -> ExitStatus {
    match exit {
        Exit::Code(code) => ExitStatus::Code(code),
        Exit::Signal(signal) => ExitStatus::Signal(signal),
        Exit::Dumped(signal) => ExitStatus::Dumped(signal),
    }
}
