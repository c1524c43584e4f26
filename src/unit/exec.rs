//! Settings shared by services and sockets: what a command runs as, and how it is ended.
//!
//! Kept small and shared: a unit that sets none of them points at one common default, so that ten
//! thousand idle sockets cost ten thousand pointers.

use crate::ids::{INFINITY_USEC, Text};
use std::sync::{Arc, LazyLock};

/// systemd's `DefaultTimeoutStartSec=` and `DefaultTimeoutStopSec=`.
pub const DEFAULT_TIMEOUT_USEC: u64 = 90_000_000;

/// One command line, parsed. Specifiers are expanded; `$` expansion happens at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Absolute path, or a bare name to be looked up in the search path.
    pub path: Text,
    /// All arguments, `argv[0]` included.
    pub argv: Vec<Text>,
    /// Prefix `-`
    pub ignore_failure: bool,
    /// Prefix `:`
    pub no_expansion: bool,
    /// Prefix `+`, `!`, `!!`
    pub privilege: Privilege,
    /// Prefix `|`
    pub via_shell: bool,
    /// `argv[0]` was given with the prefix `@`.
    pub argv0_given: bool,
}

/// How much of the unit's settings a command is subject to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Privilege {
    /// No prefix (or `!!`, which means nothing on kernels with ambient capabilities).
    #[default]
    Ordinary,
    /// `!`: no change of user and group.
    NoSetuid,
    /// `+`: no change of user and group, no limits, no capabilities dropped.
    Full,
}

/// What a command runs as. Field names are the directives' names in snake case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExecSettings {
    /// `User=`, name or number
    pub user: Option<Text>,
    /// `Group=`
    pub group: Option<Text>,
    /// `SupplementaryGroups=`
    pub supplementary_groups: Vec<Text>,
    /// `Environment=`, last assignment of a name wins
    pub environment: Vec<(Text, Text)>,
    /// `EnvironmentFile=`
    pub environment_file: Vec<EnvironmentFile>,
    /// `PassEnvironment=`
    pub pass_environment: Vec<Text>,
    /// `UnsetEnvironment=`, `NAME` or `NAME=VALUE`
    pub unset_environment: Vec<Text>,
    /// `WorkingDirectory=`
    pub working_directory: Option<WorkingDirectory>,
    /// `RootDirectory=`
    pub root_directory: Option<Text>,
    /// `UMask=`; `None` is 0022
    pub umask: Option<u32>,
    /// `Limit…=`, at most one per resource, sorted
    pub limits: Vec<(Resource, Rlimit)>,
    /// `Nice=`
    pub nice: Option<i32>,
    /// `OOMScoreAdjust=`
    pub oom_score_adjust: Option<i32>,
    /// `StandardInput=`
    pub standard_input: Input,
    /// `StandardOutput=`
    pub standard_output: Option<Output>,
    /// `StandardError=`
    pub standard_error: Option<Output>,
    /// `StandardInputText=` and `StandardInputData=`, joined
    pub standard_input_data: Vec<u8>,
    /// `TTYPath=`
    pub tty_path: Option<Text>,
    /// `SyslogIdentifier=`
    pub syslog_identifier: Option<Text>,
    /// `SyslogLevel=`, 0..7
    pub syslog_level: Option<u8>,
    /// `SyslogLevelPrefix=no`
    pub no_syslog_level_prefix: bool,
    /// `LogLevelMax=`, 0..7
    pub log_level_max: Option<u8>,
    /// `IgnoreSIGPIPE=no`
    pub deliver_sigpipe: bool,
    /// `NoNewPrivileges=`
    pub no_new_privileges: bool,
    /// Settings beyond these that few units have.
    pub rare: Option<Box<RareExec>>,
    /// `Slice=`
    pub slice: Option<Text>,
    /// Known settings without effect yet, by name, each once; `verify` and `status` list them.
    pub unapplied: Vec<&'static str>,
}

impl ExecSettings {
    /// The defaults, in memory once for all units.
    pub fn usual() -> Arc<ExecSettings> {
        static USUAL: LazyLock<Arc<ExecSettings>> = LazyLock::new(Arc::default);
        Arc::clone(&USUAL)
    }
}

impl ExecSettings {
    /// Whether an output leads into the journal or porterd's log.
    pub fn logs(&self) -> bool {
        let follows = matches!(self.standard_input, Input::Tty(_) | Input::Socket | Input::Fd(_));
        let output = match &self.standard_output {
            None | Some(Output::Inherit) => !follows,
            Some(output) => matches!(output, Output::Log(_)),
        };
        output || matches!(self.standard_error, Some(Output::Log(_)))
    }

    /// Whether processes (and sockets) of the unit belong into a network namespace that is not
    /// porterd's own.
    pub fn has_own_network(&self) -> bool {
        self.rare.as_deref().is_some_and(|rare| rare.private_network || rare.network_namespace_path.is_some())
    }

    /// `NetworkNamespacePath=`
    pub fn network_namespace_path(&self) -> Option<&str> {
        self.rare.as_deref()?.network_namespace_path.as_deref()
    }
}

/// Rarely used process properties.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RareExec {
    /// `CPUSchedulingPolicy=` (`SCHED_*` number)
    pub cpu_scheduling_policy: Option<i32>,
    /// `CPUSchedulingPriority=`
    pub cpu_scheduling_priority: Option<i32>,
    /// `CPUSchedulingResetOnFork=`
    pub cpu_scheduling_reset_on_fork: bool,
    /// `CPUAffinity=`, sorted CPU numbers
    pub cpu_affinity: Vec<u32>,
    /// `IOSchedulingClass=` and `IOSchedulingPriority=` as ioprio_set(2) takes them
    pub io_scheduling: Option<(u8, u8)>,
    /// `TimerSlackNSec=`
    pub timer_slack_nsec: Option<u64>,
    /// `CapabilityBoundingSet=` as a bit mask; `None` is everything
    pub capability_bounding_set: Option<u64>,
    /// `AmbientCapabilities=` as a bit mask
    pub ambient_capabilities: u64,
    /// `SecureBits=`
    pub secure_bits: u32,
    /// `Personality=` as personality(2) takes it
    pub personality: Option<u64>,
    /// `CoredumpFilter=` as a bit mask
    pub coredump_filter: Option<u64>,
    /// `ExecSearchPath=`
    pub exec_search_path: Vec<Text>,
    /// `PrivateNetwork=`
    pub private_network: bool,
    /// `NetworkNamespacePath=`
    pub network_namespace_path: Option<Text>,
    /// `RuntimeDirectory=`, relative to the runtime directory; only checked against sockets so far
    pub runtime_directory: Vec<Text>,
}

/// `EnvironmentFile=`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentFile {
    /// Absolute path or glob pattern.
    pub pattern: Text,
    /// Prefix `-`: may be missing.
    pub optional: bool,
}

/// `WorkingDirectory=`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkingDirectory {
    /// `None` is `~`, the home of `User=`.
    pub path: Option<Text>,
    /// Prefix `-`: stay in `/` if it cannot be entered.
    pub optional: bool,
}

/// Resources of setrlimit(2), in the order of their kernel numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
#[allow(missing_docs)]
pub enum Resource {
    Cpu = 0,
    Fsize = 1,
    Data = 2,
    Stack = 3,
    Core = 4,
    Rss = 5,
    Nproc = 6,
    Nofile = 7,
    Memlock = 8,
    As = 9,
    Locks = 10,
    Sigpending = 11,
    Msgqueue = 12,
    Nice = 13,
    Rtprio = 14,
    Rttime = 15,
}

/// Soft and hard limit; `u64::MAX` is infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rlimit {
    /// Enforced.
    pub soft: u64,
    /// Ceiling of the soft one.
    pub hard: u64,
}

/// `StandardInput=`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Input {
    /// /dev/null
    #[default]
    Null,
    /// The terminal of `TTYPath=`.
    Tty(TtyMode),
    /// Text from the unit file.
    Data,
    /// A file.
    File(Text),
    /// The one socket.
    Socket,
    /// A passed descriptor by name; `None` is `stdin`.
    Fd(Option<Text>),
}

/// How insistently a terminal is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TtyMode {
    /// Wait for it.
    Wait,
    /// Take it away.
    Force,
    /// Fail if taken.
    Fail,
}

/// Where lines go beside the journal or porterd's log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Beside {
    /// Into the kernel's log.
    pub kmsg: bool,
    /// On the console.
    pub console: bool,
}

impl Beside {
    /// All there are, with what the settings call them.
    pub const ALL: [(&str, Beside); 4] = [
        ("journal", Beside { kmsg: false, console: false }),
        ("journal+console", Beside { kmsg: false, console: true }),
        ("kmsg", Beside { kmsg: true, console: false }),
        ("kmsg+console", Beside { kmsg: true, console: true }),
    ];

    /// What the settings call it.
    pub fn as_str(self) -> &'static str {
        Beside::ALL.iter().find(|(_, beside)| *beside == self).map_or("journal", |(word, _)| word)
    }
}

/// `StandardOutput=`, `StandardError=`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Same as the stream before it.
    Inherit,
    /// /dev/null
    Null,
    /// The terminal of `TTYPath=`.
    Tty,
    /// The journal, or porterd's own log, and what else.
    Log(Beside),
    /// A file from its start.
    File(Text),
    /// A file at its end.
    Append(Text),
    /// A file, emptied.
    Truncate(Text),
    /// The one socket.
    Socket,
    /// A passed descriptor by name; `None` is `stdout` or `stderr`.
    Fd(Option<Text>),
}

/// How processes are ended (systemd.kill).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KillSettings {
    /// `KillMode=`
    pub kill_mode: KillMode,
    /// `KillSignal=`
    pub kill_signal: i32,
    /// `RestartKillSignal=`; `None` is `kill_signal`
    pub restart_kill_signal: Option<i32>,
    /// `SendSIGHUP=`
    pub send_sighup: bool,
    /// `SendSIGKILL=`
    pub send_sigkill: bool,
    /// `FinalKillSignal=`
    pub final_kill_signal: i32,
    /// `WatchdogSignal=`
    pub watchdog_signal: i32,
}

impl Default for KillSettings {
    fn default() -> Self {
        KillSettings {
            kill_mode: KillMode::ControlGroup,
            kill_signal: 15,
            restart_kill_signal: None,
            send_sighup: false,
            send_sigkill: true,
            final_kill_signal: 9,
            watchdog_signal: 6,
        }
    }
}

/// `KillMode=`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillMode {
    /// All processes of the unit.
    ControlGroup,
    /// First main and control, at the end all.
    Mixed,
    /// Main and control only.
    Process,
    /// Nobody.
    None,
}

/// Spelled here once so that `unit` has one name for "no limit".
pub const NEVER_USEC: u64 = INFINITY_USEC;
