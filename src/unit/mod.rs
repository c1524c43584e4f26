//! Lines become meaning. Pure: no descriptors, no paths that are looked at, no clock.
//!
//! A [`Unit`] is what an administrator meant, in types that cannot hold nonsense; everything that
//! was wrong on the way is a list of diagnostics. Reading happens in `load` (which files, over the
//! trait `load::Files`), `directives` (THE TABLE), `values` (grammars) and the `finish` functions
//! of `socket` and `service`.

pub mod admission;
pub mod check;
pub mod condition;
pub mod directives;
pub mod draft;
pub mod exec;
pub mod finish;
pub mod load;
pub mod name;
pub mod names;
pub mod prefixes;
pub mod service;
pub mod show;
pub mod socket;
pub mod specifiers;
pub mod values;

use crate::ids::Text;
use std::sync::Arc;

pub use condition::Condition;
pub use exec::{Command, ExecSettings, KillSettings, Privilege};
pub use name::{UnitKind, UnitName};
pub use service::ServiceUnit;
pub use socket::SocketUnit;

/// Whether a unit can be started, and if not, why (systemd's load states).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadState {
    /// Parsed and verified.
    Loaded,
    /// No file of that name in the search path.
    NotFound,
    /// Linked to /dev/null, or an empty file.
    Masked,
    /// Parsed, but the settings contradict each other or miss something.
    BadSetting,
    /// The file could not be read or is no unit file.
    Error,
}

impl LoadState {
    /// systemd's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            LoadState::Loaded => "loaded",
            LoadState::NotFound => "not-found",
            LoadState::Masked => "masked",
            LoadState::BadSetting => "bad-setting",
            LoadState::Error => "error",
        }
    }
}

/// One unit as it was read. Shared, immutable; a reload makes new ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Canonical name (`Id`).
    pub name: UnitName,
    /// Other names of the same unit (aliases), without `name`.
    pub aliases: Vec<UnitName>,
    /// Whether it may be started.
    pub load: LoadState,
    /// Why not, in words; `None` when loaded.
    pub load_error: Option<Text>,
    /// The main file.
    pub fragment: Option<Text>,
    /// Drop-in files in the order in which they were applied.
    pub drop_ins: Vec<Text>,
    /// Section [Unit] and [Install].
    pub common: Arc<UnitSettings>,
    /// What kind of unit, with its own settings.
    pub body: Body,
}

/// The kinds of unit that porterd knows. A unit that is not `Loaded` has an empty body of its kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// `.socket`
    Socket(Arc<SocketUnit>),
    /// `.service`
    Service(Arc<ServiceUnit>),
    /// `.target`: a grouping name.
    Target,
    /// `.slice`: a place in the cgroup tree.
    Slice,
    /// mount, device, timer, path, swap, scope, automount: counted as satisfied.
    Foreign,
}

/// Sections [Unit] and [Install].
#[derive(Clone, Debug, PartialEq)]
pub struct UnitSettings {
    /// `Description=`; `None` shows the unit's name.
    pub description: Option<Text>,
    /// `Documentation=`, in order.
    pub documentation: Vec<Text>,
    /// All dependencies, explicit and implicit, in file order; no duplicates.
    pub dependencies: Vec<(Dependency, UnitName)>,
    /// `DefaultDependencies=`
    pub default_dependencies: bool,
    /// `RequiresMountsFor=` and `WantsMountsFor=` paths, explicit and implicit.
    pub requires_mounts_for: Vec<Text>,
    /// `Condition…=`
    pub conditions: Vec<Condition>,
    /// `Assert…=`
    pub asserts: Vec<Condition>,
    /// `StartLimitIntervalSec=`, `StartLimitBurst=`
    pub start_limit: RateLimit,
    /// `RefuseManualStart=`
    pub refuse_manual_start: bool,
    /// `RefuseManualStop=`
    pub refuse_manual_stop: bool,
    /// `StopWhenUnneeded=`
    pub stop_when_unneeded: bool,
    /// `CollectMode=inactive-or-failed`
    pub collect_failed: bool,
    /// `JobTimeoutSec=` and `JobRunningTimeoutSec=`; infinity when off.
    pub job_timeout_usec: u64,
    /// `FailureAction=`, `SuccessAction=`, `StartLimitAction=` where porterd acts on them.
    pub actions: Actions,
    /// Section [Install].
    pub install: Option<Box<Install>>,
}

impl Default for UnitSettings {
    fn default() -> Self {
        UnitSettings {
            description: None,
            documentation: Vec::new(),
            dependencies: Vec::new(),
            default_dependencies: true,
            requires_mounts_for: Vec::new(),
            conditions: Vec::new(),
            asserts: Vec::new(),
            start_limit: RateLimit { interval_usec: 10_000_000, burst: 5 },
            refuse_manual_start: false,
            refuse_manual_stop: false,
            stop_when_unneeded: false,
            collect_failed: false,
            job_timeout_usec: crate::ids::INFINITY_USEC,
            actions: Actions::default(),
            install: None,
        }
    }
}

impl UnitSettings {
    /// Adds a dependency, unless it is there.
    pub fn depend(&mut self, kind: Dependency, name: UnitName) {
        if !self.dependencies.iter().any(|(k, n)| *k == kind && *n == name) {
            self.dependencies.push((kind, name));
        }
    }

    /// Whether a dependency is there.
    pub fn depends(&self, kind: Dependency, name: &UnitName) -> bool {
        self.dependencies.iter().any(|(k, n)| *k == kind && n == name)
    }
}

/// `FailureAction=` and its family: only leaving is something porterd can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Actions {
    /// `FailureAction=exit` or `exit-force`
    pub failure_exit: bool,
    /// `SuccessAction=exit` or `exit-force`
    pub success_exit: bool,
    /// `StartLimitAction=exit` or `exit-force`
    pub start_limit_exit: bool,
    /// A `SuccessAction=` other than none was given, whatever it is (allows a service without `ExecStart=`).
    pub success_any: bool,
    /// `FailureActionExitStatus=`
    pub failure_exit_status: Option<u8>,
    /// `SuccessActionExitStatus=`
    pub success_exit_status: Option<u8>,
}

/// Section [Install].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Install {
    /// `WantedBy=`
    pub wanted_by: Vec<Text>,
    /// `RequiredBy=`
    pub required_by: Vec<Text>,
    /// `UpheldBy=`
    pub upheld_by: Vec<Text>,
    /// `Alias=`
    pub alias: Vec<Text>,
    /// `Also=`
    pub also: Vec<Text>,
    /// `DefaultInstance=`
    pub default_instance: Option<Text>,
}

/// At most `burst` events per `interval_usec`; either 0 means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Length of the window in microseconds.
    pub interval_usec: u64,
    /// Events that pass in one window.
    pub burst: u32,
}

/// How one unit refers to another. The first group is written in files; the inverse names that
/// `show` prints are derived by the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dependency {
    /// `Requires=`
    Requires,
    /// `Requisite=`
    Requisite,
    /// `Wants=`
    Wants,
    /// `BindsTo=`
    BindsTo,
    /// `Upholds=`
    Upholds,
    /// `PartOf=`
    PartOf,
    /// `Conflicts=`
    Conflicts,
    /// `Before=`
    Before,
    /// `After=`
    After,
    /// `OnFailure=`
    OnFailure,
    /// `OnSuccess=`
    OnSuccess,
    /// `PropagatesStopTo=`
    PropagatesStopTo,
    /// `StopPropagatedFrom=`
    StopPropagatedFrom,
    /// `PropagatesReloadTo=`
    PropagatesReloadTo,
    /// `ReloadPropagatedFrom=`
    ReloadPropagatedFrom,
    /// `JoinsNamespaceOf=`
    JoinsNamespaceOf,
    /// Implicit: the service that a socket starts.
    Triggers,
    /// Implicit: a socket that starts this service (`Sockets=`, or the inverse of `Triggers`).
    TriggeredBy,
}

impl Unit {
    /// A unit of this name that has no usable file.
    pub fn absent(name: UnitName, load: LoadState, why: Option<Text>) -> Unit {
        let body = match name.kind() {
            UnitKind::Socket => Body::Socket(Arc::new(SocketUnit::default())),
            UnitKind::Service => Body::Service(Arc::new(ServiceUnit::default())),
            UnitKind::Target => Body::Target,
            UnitKind::Slice => Body::Slice,
            UnitKind::Foreign => Body::Foreign,
        };
        Unit {
            name,
            aliases: Vec::new(),
            load,
            load_error: why,
            fragment: None,
            drop_ins: Vec::new(),
            common: Arc::new(UnitSettings::default()),
            body,
        }
    }

    /// `Description=`, or the name.
    pub fn description(&self) -> &str {
        self.common.description.as_deref().unwrap_or(self.name.as_str())
    }

    /// Names of one kind of dependency, in order.
    pub fn related(&self, kind: Dependency) -> impl Iterator<Item = &UnitName> {
        self.common.dependencies.iter().filter(move |(k, _)| *k == kind).map(|(_, n)| n)
    }
}
