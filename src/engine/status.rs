//! What the engine knows about a unit, as plain data for `status`, `show` and `list`.

use super::admission::Rule;
use super::event::ExitStatus;
use crate::ids::{FdToken, Mono, Text, UnitId};
use crate::unit::{Unit, UnitName};
use std::sync::Arc;

/// systemd's active states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum ActiveState {
    Active,
    Reloading,
    Inactive,
    Failed,
    Activating,
    Deactivating,
}

impl ActiveState {
    /// systemd's word.
    pub fn as_str(self) -> &'static str {
        match self {
            ActiveState::Active => "active",
            ActiveState::Reloading => "reloading",
            ActiveState::Inactive => "inactive",
            ActiveState::Failed => "failed",
            ActiveState::Activating => "activating",
            ActiveState::Deactivating => "deactivating",
        }
    }

    /// Inactive or failed.
    pub fn is_down(self) -> bool {
        matches!(self, ActiveState::Inactive | ActiveState::Failed)
    }

    /// Active or reloading.
    pub fn is_up(self) -> bool {
        matches!(self, ActiveState::Active | ActiveState::Reloading)
    }
}

/// When something happened last, if it did. Half the size of `Option<Mono>`, because every unit has six: no clock
/// of a running system shows 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment(u64);

impl Moment {
    /// It happens now.
    pub fn at(now: Mono) -> Moment {
        Moment(now.0.max(1))
    }

    /// When it was; `None` if it never happened.
    pub fn get(self) -> Option<Mono> {
        (self.0 != 0).then_some(Mono(self.0))
    }
}

/// Moments of the last changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moments {
    /// `StateChangeTimestamp`
    pub state_change: Moment,
    /// `InactiveExitTimestamp`
    pub inactive_exit: Moment,
    /// `ActiveEnterTimestamp`
    pub active_enter: Moment,
    /// `ActiveExitTimestamp`
    pub active_exit: Moment,
    /// `InactiveEnterTimestamp`
    pub inactive_enter: Moment,
    /// `ConditionTimestamp`
    pub condition: Moment,
}

/// One finished or running process, for `ExecMain…`, `Process:` lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessStatus {
    /// Pid.
    pub pid: i32,
    /// Which directive's command it is, e.g. `ExecStartPre`.
    pub command: &'static str,
    /// The command's path.
    pub path: Text,
    /// When it was started.
    pub started: Mono,
    /// When and how it ended.
    pub ended: Option<(Mono, ExitStatus)>,
}

/// Everything about one unit.
#[derive(Clone, Debug)]
pub struct UnitStatus {
    /// Engine's id.
    pub id: UnitId,
    /// As read.
    pub unit: Arc<Unit>,
    /// `Description=` with the peer of an instance.
    pub description: String,
    /// ActiveState.
    pub active: ActiveState,
    /// SubState.
    pub sub: &'static str,
    /// Result.
    pub result: &'static str,
    /// The job that is queued or runs: `start`, `stop`, …
    pub job: Option<&'static str>,
    /// Why it waits and until when, in words.
    pub waiting: Option<(String, Option<Mono>)>,
    /// Timestamps.
    pub moments: Moments,
    /// `ConditionResult`, `AssertResult`
    pub condition_result: bool,
    /// See `condition_result`.
    pub assert_result: bool,
    /// What was not met, in words.
    pub unmet: Option<Text>,
    /// `InvocationID`; 0 is none.
    pub invocation: u128,
    /// Dependencies in both directions by property name (`Wants`, `WantedBy`, `Triggers`, …).
    pub related: Vec<(&'static str, Vec<UnitName>)>,
    /// The unit may be stopped or started by hand.
    pub can_start: bool,
    /// `CanReload`
    pub can_reload: bool,
    /// Socket or service specifics.
    pub detail: Detail,
}

/// What only one kind of unit has.
#[derive(Clone, Debug)]
pub enum Detail {
    /// A socket.
    Socket {
        /// `NAccepted`
        accepted: u64,
        /// `NConnections`
        connections: u64,
        /// `NRefused`
        refused: u64,
        /// Rules about peers that were applied, the most frequent first.
        rules: Vec<(Rule, u64)>,
        /// Open descriptors with their port index.
        fds: Vec<(u16, FdToken)>,
        /// The control process.
        control: Option<ProcessStatus>,
    },
    /// A service.
    Service(Box<ServiceDetail>),
    /// Anything else.
    Other,
}

/// What only a service has.
#[derive(Clone, Debug, Default)]
pub struct ServiceDetail {
    /// Main process, running or ended.
    pub main: Option<ProcessStatus>,
    /// Control process, running.
    pub control: Option<ProcessStatus>,
    /// `NRestarts`
    pub restarts: u32,
    /// `StatusText`
    pub status_text: Option<Text>,
    /// `StatusErrno`
    pub status_errno: i32,
    /// `NFileDescriptorStore`
    pub stored: u32,
    /// `ReloadResult`
    pub reload_result: &'static str,
    /// Names and tokens in the fd store.
    pub store: Vec<(FdToken, Text)>,
    /// `WatchdogUSec` in force.
    pub watchdog_usec: u64,
    /// Details of the last failed step before exec, in words.
    pub step_failure: Option<Text>,
}
