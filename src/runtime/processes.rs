//! The processes that porterd started or adopted: token ↔ pid and pidfd.

use crate::engine::effect::Role;
use crate::ids::{ProcToken, UnitId};
use crate::linux::process;
use crate::plan::program::Step;
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// One process.
#[derive(Debug)]
pub(super) struct Proc {
    pub(super) unit: UnitId,
    pub(super) pid: i32,
    /// What it is held by, if it is not a child that porterd made.
    pub(super) pidfd: Option<OwnedFd>,
    pub(super) role: Role,
    /// Until it is known whether it reached exec: its report, and what its steps were.
    pub(super) report: Option<(OwnedFd, Arc<[Step]>)>,
}

impl Proc {
    /// One that has ended already cannot be signalled, which is no mistake.
    pub(super) fn signal(&self, signal: i32) {
        match &self.pidfd {
            Some(pidfd) => process::send_signal(pidfd.as_fd(), signal).ok(),
            None => process::signal_child(self.pid, signal).ok(),
        };
    }
}

/// All of them, those that ended and were told left out.
#[derive(Debug, Default)]
pub(super) struct Processes {
    by_token: BTreeMap<ProcToken, Proc>,
    by_pid: BTreeMap<i32, ProcToken>,
    /// Children that their units left behind on purpose; nobody waits for them, but they are no riddle.
    left_behind: BTreeSet<i32>,
}

impl Processes {
    pub(super) fn insert(&mut self, token: ProcToken, proc: Proc) {
        self.by_pid.insert(proc.pid, token);
        self.by_token.insert(token, proc);
    }

    pub(super) fn remove(&mut self, token: ProcToken) -> Option<Proc> {
        let proc = self.by_token.remove(&token)?;
        self.by_pid.remove(&proc.pid);
        Some(proc)
    }

    /// Forgets a process that goes on without its unit.
    pub(super) fn leave_behind(&mut self, token: ProcToken) -> Option<Proc> {
        let proc = self.remove(token)?;
        if proc.pidfd.is_none() {
            self.left_behind.insert(proc.pid);
        }
        Some(proc)
    }

    /// A child that is not tracked ended.
    pub(super) fn stranger_ended(&mut self, pid: i32) {
        self.left_behind.remove(&pid);
    }

    pub(super) fn get(&self, token: ProcToken) -> Option<&Proc> {
        self.by_token.get(&token)
    }

    pub(super) fn get_mut(&mut self, token: ProcToken) -> Option<&mut Proc> {
        self.by_token.get_mut(&token)
    }

    pub(super) fn token_of(&self, pid: i32) -> Option<ProcToken> {
        self.by_pid.get(&pid).copied()
    }

    /// Whether it is known whose it is, or was.
    pub(super) fn is_tracked(&self, pid: i32) -> bool {
        self.by_pid.contains_key(&pid) || self.left_behind.contains(&pid)
    }
}
