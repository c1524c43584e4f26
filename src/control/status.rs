//! The answer to `Status`: everything `status` prints, as data. Part of the wire form.
//!
//! May not know how it is printed. Times are microseconds since 1970; 0 or `None` where nothing is
//! known.

use serde::{Deserialize, Serialize};

/// Answer to `Status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatusReply {
    /// In the order asked for.
    pub units: Vec<UnitStatus>,
}

/// Everything there is to say about a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitStatus {
    /// Canonical name.
    pub unit: String,
    /// Description.
    pub description: String,
    /// Load state.
    pub load: String,
    /// Why it is not loaded.
    pub load_error: Option<String>,
    /// The main file.
    pub fragment: Option<String>,
    /// Drop-in files in the order in which they were applied.
    pub drop_ins: Vec<String>,
    /// `enabled`, `disabled`, `static`, …; empty if there is no file.
    pub file_state: String,
    /// The files changed since they were read.
    pub need_daemon_reload: bool,
    /// Active state.
    pub active: String,
    /// Sub-state.
    pub sub: String,
    /// `success`, `exit-code`, `trigger-limit-hit`, …
    pub result: String,
    /// When the active state was entered.
    pub since_usec: u64,
    /// How long it had been active, once it has ended.
    pub duration_usec: Option<u64>,
    /// What it waits for, and until when.
    pub waiting: Option<Waiting>,
    /// The job that waits: `start`, `stop`, …
    pub job: Option<String>,
    /// Identifier of this run, 32 hex digits.
    pub invocation: Option<String>,
    /// Conditions that were not met at the last start, as written.
    pub conditions_unmet: Vec<String>,
    /// Asserts that were not met at the last start, as written.
    pub asserts_unmet: Vec<String>,
    /// When conditions and asserts were checked.
    pub condition_usec: u64,
    /// What this socket starts.
    pub triggers: Vec<Related>,
    /// The sockets that start this service.
    pub triggered_by: Vec<Related>,
    /// `Documentation=`
    pub documentation: Vec<String>,
    /// Ports of a socket.
    pub listen: Vec<ListenLine>,
    /// Accept=yes: connections so far.
    pub accepted: Option<u64>,
    /// Accept=yes: connections now.
    pub connections: Option<u64>,
    /// Connections turned away.
    pub refused: u64,
    /// Rules about peers that were applied, the most frequent first.
    pub rules: Vec<RuleCount>,
    /// Commands that have run, and the one that runs.
    pub processes: Vec<ControlProcess>,
    /// The main process, running or ended.
    pub main: Option<ControlProcess>,
    /// `STATUS=` of the service.
    pub status_text: Option<String>,
    /// `ERRNO=` of the service.
    pub errno: Option<i32>,
    /// Descriptors in the store.
    pub stored_fds: u64,
    /// How many there may be.
    pub stored_fds_max: u64,
    /// Processes and threads now.
    pub tasks: Option<u64>,
    /// How many there may be; `None` for no limit.
    pub tasks_max: Option<u64>,
    /// Memory now, in bytes.
    pub memory_bytes: Option<u64>,
    /// Most memory so far, in bytes.
    pub memory_peak_bytes: Option<u64>,
    /// Processor time so far.
    pub cpu_usec: Option<u64>,
    /// Path in the cgroup tree.
    pub cgroup: Option<String>,
    /// How processes are found: `cgroup`, `subreaper`, or empty when there are none.
    pub tracking: String,
    /// The processes, as a tree.
    pub tree: Vec<ProcessLine>,
    /// Settings that were asked for and could not be applied.
    pub not_applied: Vec<NotApplied>,
    /// Automatic restarts so far.
    pub restarts: u64,
    /// The last lines it logged, oldest first.
    pub log: Vec<LogLine>,
}

/// Why nothing happens right now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Waiting {
    /// In words: `paused after exhaustion`, `restart`, `start timeout`, …
    pub reason: String,
    /// When it ends; `None` if only an event ends it.
    pub until_usec: Option<u64>,
}

/// Another unit and how it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct Related {
    pub unit: String,
    pub active: String,
}

/// One port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListenLine {
    /// In display form.
    pub address: String,
    /// `Stream`, `Datagram`, `FIFO`, …
    #[serde(rename = "type")]
    pub kind: String,
}

/// A process started for the unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ControlProcess {
    /// The setting it comes from: `ExecStartPre`, `ExecStart`, …
    pub setting: String,
    /// Its pid.
    pub pid: i32,
    /// Its command line.
    pub command: String,
    /// It still runs.
    pub running: bool,
    /// `exited`, `killed` or `dumped`; empty while it runs or if nobody can say.
    pub code: String,
    /// Exit status or signal in words: `0/SUCCESS`, `1/FAILURE`, `TERM`.
    pub status: String,
    /// It counts as success.
    pub clean: bool,
}

/// One process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessLine {
    /// Its pid.
    pub pid: i32,
    /// Its command line.
    pub command: String,
    /// Its cgroup below the unit's, empty for the unit's own.
    pub cgroup: String,
}

/// A setting that has no effect here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NotApplied {
    /// As written, e.g. `PrivateNetwork=yes`.
    pub setting: String,
    /// Why not.
    pub reason: String,
}

/// How often a rule about peers was applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RuleCount {
    /// Directive and value, e.g. `X-DenyFrom=192.0.2.0/24`.
    pub rule: String,
    /// It lets in.
    pub admits: bool,
    /// Connections.
    pub count: u64,
}

/// One line of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogLine {
    /// When.
    pub at_usec: u64,
    /// Who: `porterd` or the program's name.
    pub identifier: String,
    /// Its pid, if known.
    pub pid: Option<i32>,
    /// What.
    pub text: String,
}
