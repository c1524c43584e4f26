//! What an administrator can ask for that changes state, and what the answer is.
//! Reading (`status`, `show`, `list`) does not pass through events: see `status`.

use crate::ids::Text;
use crate::unit::UnitName;

/// A request that changes state. Names are canonical and loaded before the engine sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Start, stop and so on.
    Job {
        /// Which.
        verb: Verb,
        /// For which units.
        units: Vec<UnitName>,
        /// When to answer.
        wait: Wait,
    },
    /// Clear `failed` and the rate limits.
    ResetFailed {
        /// Units; empty for all.
        units: Vec<UnitName>,
    },
    /// Send a signal.
    Kill {
        /// Units.
        units: Vec<UnitName>,
        /// Which of their processes.
        target: super::effect::SignalTarget,
        /// Signal number.
        signal: i32,
    },
}

/// systemctl's verbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Verb {
    Start,
    Stop,
    Restart,
    TryRestart,
    Reload,
    ReloadOrRestart,
}

/// When a job request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// As soon as the jobs are queued (`--no-block`).
    Queued,
    /// When the jobs are done.
    Done,
    /// When the started units have ended again (`start --wait`).
    Ended,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Everything asked for was done.
    Done {
        /// Remarks for the administrator, e.g. which sockets can still start a stopped service.
        hints: Vec<String>,
    },
    /// Something was not done.
    Failed {
        /// One per unit that failed.
        failures: Vec<Failure>,
    },
}

/// Why one unit's job failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The unit.
    pub unit: Text,
    /// Stable word: `not-found`, `masked`, `bad-setting`, `failed`, `dependency`, `canceled`,
    /// `refused`, `no-reload`, `skipped`, `timeout`, `not-active`.
    pub reason: &'static str,
    /// A sentence with what to do next.
    pub detail: String,
}
