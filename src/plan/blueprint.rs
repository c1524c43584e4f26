//! The fast way for `Accept=yes`: what all instances of one service share is planned once, and a
//! connection adds only its own few variables.

use super::environment::{chosen_names, per_start};
use super::exec::{PlanError, c_string, program};
use super::identity::{Identity, LookUpFailure};
use super::occasion::{Label, Network, Occasion, PassedFd, PerStart, Role};
use super::program::Program;
use crate::ids::Text;
use crate::unit::exec::{Command, ExecSettings};
use crate::unit::values::environment::is_value;
use std::sync::Arc;

/// A program without what differs from start to start.
#[derive(Clone, Debug)]
pub struct Blueprint {
    program: Program,
    /// Names that the unit's own settings assign, so that a start cannot.
    chosen: Vec<Text>,
    key: Key,
}

/// What the blueprint was made from. Names of units are not among it: no step depends on them.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    exec: Arc<ExecSettings>,
    command: Command,
    role: Role,
    passed: Vec<PassedFd>,
    non_blocking: bool,
    watchdog_usec: u64,
    pid_file: Option<Text>,
    fd_store_max: u32,
    permissions_start_only: bool,
    root_directory_start_only: bool,
    awaits_exec: bool,
    identity: Result<Identity, LookUpFailure>,
    log: bool,
    network: Network,
}

impl Blueprint {
    /// The blueprint for starts like this one; `None` if they have to be planned one by one:
    /// `$` expansion, environment files, and `UnsetEnvironment=` look at what differs.
    pub fn new(occasion: &Occasion<'_>) -> Result<Option<Blueprint>, PlanError> {
        let expands = !occasion.command.no_expansion && occasion.command.argv.iter().any(|arg| arg.contains('$'));
        let exec = occasion.exec;
        let labelled = occasion.label != Label::Policy;
        if expands
            || labelled
            || occasion.idle
            || !exec.environment_file.is_empty()
            || !exec.unset_environment.is_empty()
        {
            return Ok(None);
        }
        let shared = Occasion { start: PerStart::default(), ..*occasion };
        Ok(Some(Blueprint {
            program: program(&shared)?.program,
            chosen: chosen_names(occasion),
            key: Key::of(occasion),
        }))
    }

    /// Whether a start would be planned the same way. Ambient changes (a reload of porterd's own
    /// configuration) are for the owner of the blueprint to notice.
    pub fn fits(&self, occasion: &Occasion<'_>) -> bool {
        let (key, o) = (&self.key, occasion);
        (Arc::ptr_eq(&key.exec, o.exec) || key.exec == *o.exec)
            && key.command == *o.command
            && key.role == o.role
            && key.passed == o.passed
            && key.non_blocking == o.non_blocking
            && key.watchdog_usec == o.watchdog_usec
            && key.pid_file.as_deref() == o.pid_file
            && key.fd_store_max == o.fd_store_max
            && key.permissions_start_only == o.permissions_start_only
            && key.root_directory_start_only == o.root_directory_start_only
            && key.awaits_exec == o.awaits_exec
            && key.identity == *o.identity
            && key.log == o.log
            && key.network == o.network
            && o.label == Label::Policy
            && !o.idle
    }

    /// The program of one start: shared steps and arguments, and its own variables.
    pub fn program(&self, start: &PerStart<'_>) -> Program {
        let mut program = self.program.clone();
        for (name, value) in per_start(start) {
            if is_value(&value) && !self.chosen.iter().any(|n| **n == *name) {
                let mut entry = String::with_capacity(name.len() + value.len() + 2);
                entry.extend([name, "=", &value]);
                program.envp.push(c_string(&entry));
            }
        }
        program
    }
}

impl Key {
    fn of(occasion: &Occasion<'_>) -> Key {
        Key {
            exec: occasion.exec.clone(),
            command: occasion.command.clone(),
            role: occasion.role,
            passed: occasion.passed.to_vec(),
            non_blocking: occasion.non_blocking,
            watchdog_usec: occasion.watchdog_usec,
            pid_file: occasion.pid_file.map(Text::from),
            fd_store_max: occasion.fd_store_max,
            permissions_start_only: occasion.permissions_start_only,
            root_directory_start_only: occasion.root_directory_start_only,
            awaits_exec: occasion.awaits_exec,
            identity: occasion.identity.clone(),
            log: occasion.log,
            network: occasion.network,
        }
    }
}
