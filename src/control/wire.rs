//! What can be asked of the daemon and what it answers: the wire form, with types of its own.
//!
//! May not know engine types. Versioned by adding fields only: unknown fields are ignored, missing
//! ones have a default, so any client of any release understands any daemon. The same words are in
//! `org.porterd.varlink`; a test compares the two.

use super::pattern;
use serde::{Deserialize, Serialize};

pub use super::status::{
    ControlProcess, ListenLine, LogLine, NotApplied, ProcessLine, Related, RuleCount, StatusReply, UnitStatus, Waiting,
};

/// A call, by method name. `org.varlink.service` is part of every varlink service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", content = "parameters")]
pub enum Call {
    /// Who is this service.
    #[serde(rename = "org.varlink.service.GetInfo")]
    GetInfo(Nothing),
    /// The text of an interface.
    #[serde(rename = "org.varlink.service.GetInterfaceDescription")]
    GetInterfaceDescription(GetInterfaceDescription),
    /// Whether anybody is there.
    #[serde(rename = "org.porterd.Ping")]
    Ping(Nothing),
    /// Which version is there.
    #[serde(rename = "org.porterd.Version")]
    Version(Nothing),
    /// Start, stop and so on.
    #[serde(rename = "org.porterd.Job")]
    Job(Job),
    /// Read all unit files again.
    #[serde(rename = "org.porterd.Reload")]
    Reload(Nothing),
    /// Clear `failed` and the rate limits.
    #[serde(rename = "org.porterd.ResetFailed")]
    ResetFailed(Units),
    /// Send a signal.
    #[serde(rename = "org.porterd.Kill")]
    Kill(Kill),
    /// Properties of units.
    #[serde(rename = "org.porterd.Show")]
    Show(Show),
    /// Units, sockets or unit files, one row each.
    #[serde(rename = "org.porterd.List")]
    List(List),
    /// Everything `status` prints.
    #[serde(rename = "org.porterd.Status")]
    Status(Status),
    /// The files of units.
    #[serde(rename = "org.porterd.Cat")]
    Cat(Units),
    /// What units pull in, or what pulls them in.
    #[serde(rename = "org.porterd.Dependencies")]
    Dependencies(Dependencies),
    /// Read or set how much the daemon logs.
    #[serde(rename = "org.porterd.LogLevel")]
    LogLevel(LogLevel),
}

/// All method names of [`Call`].
pub const METHODS: [&str; 14] = [
    "org.varlink.service.GetInfo",
    "org.varlink.service.GetInterfaceDescription",
    "org.porterd.Ping",
    "org.porterd.Version",
    "org.porterd.Job",
    "org.porterd.Reload",
    "org.porterd.ResetFailed",
    "org.porterd.Kill",
    "org.porterd.Show",
    "org.porterd.List",
    "org.porterd.Status",
    "org.porterd.Cat",
    "org.porterd.Dependencies",
    "org.porterd.LogLevel",
];

impl Call {
    /// Whether only privileged users may ask for it.
    pub fn changes_state(&self) -> bool {
        match self {
            Call::Job(_) | Call::Reload(_) | Call::ResetFailed(_) | Call::Kill(_) => true,
            Call::LogLevel(l) => l.level.is_some(),
            Call::GetInfo(_)
            | Call::GetInterfaceDescription(_)
            | Call::Ping(_)
            | Call::Version(_)
            | Call::Show(_)
            | Call::List(_)
            | Call::Status(_)
            | Call::Cat(_)
            | Call::Dependencies(_) => false,
        }
    }
}

/// No parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {}

/// Parameters of `org.varlink.service.GetInterfaceDescription`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetInterfaceDescription {
    /// Which interface.
    pub interface: String,
}

/// systemctl's verbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Verb {
    Start,
    Stop,
    Restart,
    TryRestart,
    Reload,
    ReloadOrRestart,
}

/// When a job is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// As soon as it is queued.
    Queued,
    /// When it is done.
    #[default]
    Done,
    /// When what was started has ended again.
    Ended,
}

/// Parameters of `Job`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// What to do.
    pub verb: Verb,
    /// With which units: full names, no patterns.
    pub units: Vec<String>,
    /// When to answer.
    #[serde(default)]
    pub wait: Wait,
}

/// Parameters of `ResetFailed` (empty: all units) and `Cat`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Units {
    /// Full names, no patterns.
    pub units: Vec<String>,
}

/// Which processes a signal is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// Every process of the unit.
    #[default]
    All,
    /// The main process.
    Main,
    /// The control process.
    Control,
}

/// Parameters of `Kill`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kill {
    /// Full names, no patterns.
    pub units: Vec<String>,
    /// Which processes.
    #[serde(default)]
    pub whom: Whom,
    /// Signal number.
    pub signal: i32,
}

/// Parameters of `Show`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Show {
    /// Full names, no patterns. A name that is not loaded is answered as `not-found`, inactive, dead.
    pub units: Vec<String>,
    /// Property names; empty for all.
    pub properties: Vec<String>,
}

/// What to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListKind {
    /// Units in memory.
    #[default]
    Units,
    /// Ports of socket units, one row each.
    Sockets,
    /// Unit files in the search path.
    Files,
}

/// Parameters of `List`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct List {
    /// What to list.
    pub kind: ListKind,
    /// Globs for the unit name; empty for any.
    pub patterns: Vec<String>,
    /// Inactive units too.
    pub all: bool,
    /// Words that the load, active, sub or file state must be one of; empty for any.
    pub states: Vec<String>,
    /// Suffixes without dot, or load states (systemctl's `--type`); empty for any.
    pub types: Vec<String>,
}

impl List {
    /// Whether a unit of this name and these states belongs into the answer. `job`: it has one waiting.
    pub fn admits(&self, unit: &str, load: &str, active: &str, sub: &str, job: bool) -> bool {
        let wanted = |list: &[String], has: &[&str]| list.is_empty() || list.iter().any(|w| has.contains(&w.as_str()));
        let suffix = unit.rsplit_once('.').map_or("", |(_, s)| s);
        // Naming a state or a unit is asking for it, inactive or not; so it is in systemctl for states only.
        let alive = self.all || !self.states.is_empty() || active != "inactive" || job;
        alive
            && wanted(&self.states, &[load, active, sub])
            && wanted(&self.types, &[suffix, load])
            && pattern::any_matches(&self.patterns, unit)
    }

    /// Whether a unit file of this name and state belongs into the answer.
    pub fn admits_file(&self, unit: &str, state: &str) -> bool {
        let suffix = unit.rsplit_once('.').map_or("", |(_, s)| s);
        (self.states.is_empty() || self.states.iter().any(|s| s == state))
            && (self.types.is_empty() || self.types.iter().any(|t| t == suffix))
            && pattern::any_matches(&self.patterns, unit)
    }
}

/// Parameters of `Status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// Full names, no patterns.
    pub units: Vec<String>,
    /// How many of the last log lines.
    pub lines: u32,
}

/// Parameters of `Dependencies`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dependencies {
    /// Full names, no patterns.
    pub units: Vec<String>,
    /// What pulls them in, instead of what they pull in.
    pub reverse: bool,
}

/// Parameters of `LogLevel`, and its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogLevel {
    /// `error`, `warning`, `notice`, `info` or `debug`; `None` only asks.
    pub level: Option<String>,
}

/// An answer, by method.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// To `Ping`.
    Nothing(Nothing),
    /// To `GetInfo`.
    Info(Info),
    /// To `GetInterfaceDescription`.
    Description(Description),
    /// To `Version`.
    Version(VersionReply),
    /// To `Job`, `Reload`, `ResetFailed`, `Kill`.
    Outcome(Outcome),
    /// To `Show`.
    Show(ShowReply),
    /// To `List`.
    List(ListReply),
    /// To `Status`.
    Status(StatusReply),
    /// To `Cat`.
    Cat(CatReply),
    /// To `Dependencies`.
    Dependencies(DependenciesReply),
    /// To `LogLevel`: the level that holds now.
    LogLevel(LogLevel),
}

/// Answer to `org.varlink.service.GetInfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct Info {
    pub vendor: String,
    pub product: String,
    pub version: String,
    pub url: String,
    pub interfaces: Vec<String>,
}

/// Answer to `org.varlink.service.GetInterfaceDescription`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Description {
    /// The interface text.
    pub description: String,
}

/// Answer to `Version`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VersionReply {
    /// Of the daemon.
    pub version: String,
    /// Of the daemon.
    pub pid: u32,
}

/// Answer to everything that changes state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// One per unit for which it did not work; empty if all is done.
    pub failures: Vec<Failure>,
    /// Remarks for the administrator.
    pub hints: Vec<String>,
}

/// Why it did not work for one unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Failure {
    /// The unit.
    pub unit: String,
    /// Stable word: `not-found`, `masked`, `bad-setting`, `failed`, `dependency`, `canceled`,
    /// `refused`, `no-reload`, `skipped`, `timeout`, `not-active`.
    pub reason: String,
    /// A sentence with what to do next.
    pub detail: String,
}

/// Answer to `Show`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShowReply {
    /// In the order asked for.
    pub units: Vec<UnitProperties>,
}

/// Properties of one unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitProperties {
    /// The name as asked for.
    pub unit: String,
    /// In systemd's order; unknown names are left out, `Listen` comes once per address.
    pub properties: Vec<Property>,
}

/// One property, formatted as systemd does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct Property {
    pub name: String,
    pub value: String,
}

/// Answer to `List`: one of the three is filled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListReply {
    /// For `units`.
    pub units: Vec<UnitRow>,
    /// For `sockets`.
    pub sockets: Vec<SocketRow>,
    /// For `files`.
    pub files: Vec<FileRow>,
}

/// A unit in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitRow {
    /// Its name.
    pub unit: String,
    /// Load state.
    pub load: String,
    /// Active state.
    pub active: String,
    /// Sub-state.
    pub sub: String,
    /// `start`, `stop`, … if a job waits.
    pub job: Option<String>,
    /// Description.
    pub description: String,
}

/// One port of a socket unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SocketRow {
    /// Address in display form.
    pub listen: String,
    /// `Stream`, `Datagram`, `FIFO`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The socket unit.
    pub unit: String,
    /// What it starts: the service, or the instances that live.
    pub activates: Vec<String>,
    /// Load state of the socket unit.
    pub load: String,
    /// Active state of the socket unit.
    pub active: String,
    /// Sub-state of the socket unit.
    pub sub: String,
}

/// A unit file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileRow {
    /// Its name.
    pub unit: String,
    /// `enabled`, `disabled`, `static`, `alias`, `masked`, …
    pub state: String,
    /// Where it is.
    pub path: String,
}

/// Answer to `Cat`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CatReply {
    /// In the order asked for.
    pub units: Vec<UnitFiles>,
}

/// The files of one unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitFiles {
    /// The name as asked for.
    pub unit: String,
    /// Load state.
    pub load: String,
    /// The main file first, then the drop-ins in order.
    pub files: Vec<UnitFile>,
}

/// One file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitFile {
    /// Where it is.
    pub path: String,
    /// Its content, if the daemon has it at hand; else the client reads it.
    pub text: Option<String>,
}

/// Answer to `Dependencies`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DependenciesReply {
    /// The units asked for and everything that can be reached from them, once each.
    pub units: Vec<DependencyRow>,
}

/// One unit of a dependency graph.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DependencyRow {
    /// Its name.
    pub unit: String,
    /// Load state.
    pub load: String,
    /// Active state.
    pub active: String,
    /// Units one step further, by name.
    pub next: Vec<String>,
}
