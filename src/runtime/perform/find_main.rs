//! The main process of a service that forks: named by a message, by its pid file, or guessed.

use crate::engine::effect::Role;
use crate::engine::event::Event;
use crate::ids::{ProcToken, Text, UnitId};
use crate::linux::pidfile::{self, Refusal, Watch};
use crate::linux::poll::Interest;
use crate::linux::process::{self, Process};
use crate::runtime::perform::ports::service_of;
use crate::runtime::processes::Proc;
use crate::runtime::source::Source;
use crate::runtime::world::World;
use crate::unit::Unit;
use nix::errno::Errno;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What is looked for.
#[derive(Clone, Debug)]
pub(in crate::runtime) struct Search {
    pub(in crate::runtime) unit: UnitId,
    pub(in crate::runtime) settings: Arc<Unit>,
    pub(in crate::runtime) proc: ProcToken,
    pub(in crate::runtime) pid: Option<i32>,
    pub(in crate::runtime) trusted: bool,
    pub(in crate::runtime) wait: bool,
}

/// Pid files that are waited for.
#[derive(Debug, Default)]
pub(in crate::runtime) struct PidFiles {
    waiting: BTreeMap<UnitId, (Search, Watch)>,
}

impl PidFiles {
    /// Nobody waits for the unit's file any more.
    pub(in crate::runtime) fn forget(&mut self, unit: UnitId) {
        self.waiting.remove(&unit);
    }
}

/// Why there is none, and whether it may still come.
type Missing = (String, bool);

impl World {
    pub(super) fn find_main(&mut self, search: Search) {
        match self.search(&search) {
            Ok(process) => self.main_found(&search, process),
            Err((detail, may_come)) => {
                let may_come = may_come && search.wait && self.await_pid_file(&search);
                let (unit, detail) = (search.unit, Text::from(detail));
                self.events.push_back(Event::MainMissing { unit, may_come, detail });
            }
        }
    }

    fn search(&self, search: &Search) -> Result<Process, Missing> {
        if let Some(pid) = search.pid {
            return self.named(search, pid).map_err(|why| (why, false));
        }
        let Some(service) = service_of(&search.settings) else {
            return Err(("not a service".to_owned(), false));
        };
        if let Some(path) = &service.more.pid_file {
            let control = self.control_pid(search.unit);
            let found = pidfile::read(Path::new(&**path), control, |pid| self.is_member(search.unit, pid));
            return found.map_err(|refusal| {
                let may_come = !matches!(refusal, Refusal::Foreign(..) | Refusal::UnsafePath(..));
                (refusal.to_string(), may_come)
            });
        }
        match service.more.guess_main_pid {
            true => self.guess(search.unit).map_err(|why| (why, false)),
            false => Err(("GuessMainPID=no and there is no PIDFile=".to_owned(), false)),
        }
    }

    /// `MAINPID=`
    fn named(&self, search: &Search, pid: i32) -> Result<Process, String> {
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        if pid <= 1 || pid == own || Some(pid) == self.control_pid(search.unit) {
            return Err(format!("process {pid} cannot be a main process"));
        }
        let process = Process::adopt(pid).map_err(|errno| format!("process {pid}: {}", errno.desc()))?;
        if Self::lives(&process.pidfd) && (search.trusted || self.is_member(search.unit, pid)) {
            return Ok(process);
        }
        Err(format!("process {pid} is not part of the unit, and its sender may not say so"))
    }

    /// The one process of the unit that is our child.
    fn guess(&self, unit: UnitId) -> Result<Process, String> {
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        let mut candidates = self.members(unit);
        candidates.retain(|pid| process::parent(*pid) == Some(own) && !self.processes.is_tracked(*pid));
        match candidates[..] {
            [pid] => Process::adopt(pid).map_err(|errno| format!("process {pid}: {}", errno.desc())),
            [] => Err("no process of the unit is left".to_owned()),
            _ => Err(format!("{} processes could be the main one; set PIDFile=", candidates.len())),
        }
    }

    fn control_pid(&self, unit: UnitId) -> Option<i32> {
        let run = self.runs.get(&unit)?;
        let procs = run.procs.iter().filter_map(|token| self.processes.get(*token));
        procs.into_iter().find(|proc| proc.role != Role::Main).map(|proc| proc.pid)
    }

    fn is_member(&self, unit: UnitId, pid: i32) -> bool {
        self.members(unit).contains(&pid)
    }

    fn main_found(&mut self, search: &Search, process: Process) {
        self.pid_files.forget(search.unit);
        let pid = process.pid;
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        let child = process::parent(pid) == Some(own);
        self.run(search.unit, &search.settings, 0);
        let proc = Proc { unit: search.unit, pid, pidfd: Some(process.pidfd), role: Role::Main, report: None };
        let (unit, proc_token) = (search.unit, search.proc);
        let tracked = self.track(proc_token, proc);
        self.events.push_back(match tracked {
            Ok(()) => Event::MainFound { unit, proc: proc_token, pid, child },
            Err(errno) => {
                let detail = format!("process {pid} cannot be watched: {}", errno.desc()).into();
                Event::MainMissing { unit, may_come: false, detail }
            }
        });
    }

    /// Watches for the file; `false` if that is not possible.
    fn await_pid_file(&mut self, search: &Search) -> bool {
        let Some(path) = service_of(&search.settings).and_then(|service| service.more.pid_file.as_deref()) else {
            return false;
        };
        if self.pid_files.waiting.contains_key(&search.unit) {
            return true;
        }
        let watch = Watch::new(Path::new(path)).and_then(|watch| {
            Source::PidFile(search.unit).add(&self.poll, watch.fd(), Interest::Read)?;
            Ok::<Watch, Errno>(watch)
        });
        match watch {
            Ok(watch) => {
                self.pid_files.waiting.insert(search.unit, (search.clone(), watch));
                true
            }
            Err(errno) => {
                self.warn_unit(
                    &search.settings,
                    "pid-file-unwatched",
                    &format!("{path} cannot be watched: {}", errno.desc()),
                );
                false
            }
        }
    }

    /// Something happened where a pid file is awaited.
    pub(in crate::runtime) fn pid_file_changed(&mut self, unit: UnitId) {
        let Some((search, watch)) = self.pid_files.waiting.get_mut(&unit) else {
            return;
        };
        if watch.changed().is_ok_and(|any| !any) {
            return;
        }
        let search = search.clone();
        if let Ok(process) = self.search(&search) {
            self.main_found(&search, process);
        }
    }
}
