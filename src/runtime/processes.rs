//! The processes that porterd started or adopted: token ↔ pid and pidfd.

use crate::engine::effect::Role;
use crate::ids::{ProcToken, UnitId};
use crate::plan::program::Step;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// One process.
#[derive(Debug)]
pub(super) struct Proc {
    pub(super) unit: UnitId,
    pub(super) pid: i32,
    pub(super) pidfd: OwnedFd,
    pub(super) role: Role,
    /// Until it is known whether it reached exec: its report, and what its steps were.
    pub(super) report: Option<(OwnedFd, Arc<[Step]>)>,
}

/// All of them, those that ended and were told left out.
#[derive(Debug, Default)]
pub(super) struct Processes {
    by_token: BTreeMap<ProcToken, Proc>,
    by_pid: BTreeMap<i32, ProcToken>,
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

    pub(super) fn len(&self) -> usize {
        self.by_token.len()
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

    pub(super) fn is_tracked(&self, pid: i32) -> bool {
        self.by_pid.contains_key(&pid)
    }
}
