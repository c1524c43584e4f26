//! Everything that planning a process depends on, gathered by the runtime: the settings, what is
//! passed, what was looked up and read, and what porterd itself already is.

use super::identity::{Identity, LookUpFailure};
use crate::ids::Text;
use crate::unit::exec::{Command, ExecSettings, Privilege, Resource, Rlimit};
use std::sync::Arc;

/// What a process is to its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `ExecStart=` of a service.
    Main,
    /// `ExecStart=` of `Type=forking`.
    Forking,
    /// Any other command of a service.
    Control {
        /// It may be given the terminal of `StandardInput=tty`.
        terminal: bool,
    },
    /// A command of a socket unit.
    SocketCommand,
}

/// A descriptor that is handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedFd {
    /// Its name in `LISTEN_FDNAMES`.
    pub name: Text,
    /// A socket of a socket unit or a connection; stored descriptors keep their blocking mode.
    pub socket: bool,
    /// Its blocking mode if that is known for sure; spares a step that would change nothing.
    pub blocking: Option<bool>,
    /// Where it listens, for `PORTER_ADDRESS_n`; `None` if the unit file says it.
    pub address: Option<Text>,
}

/// What differs from one start of a service to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerStart<'a> {
    /// `REMOTE_ADDR`, `MAINPID`, `SERVICE_RESULT`, …
    pub variables: &'a [(&'static str, Text)],
    /// Invocation id; 0 is none (commands of sockets have one, too).
    pub invocation: u128,
    /// `NOTIFY_SOCKET`, if this process may send notifications.
    pub notify_socket: Option<&'a str>,
}

/// Where a process finds its network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// Where porterd is.
    #[default]
    Same,
    /// In the namespace supplied as [`Supply::Network`](super::program::Supply::Network).
    Namespace,
    /// There is none, for this reason (errno): the process must not run.
    Failed(i32),
}

/// The SELinux label of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Label<'a> {
    /// What the policy gives it.
    #[default]
    Policy,
    /// This one (`SELinuxContextFromNet=`).
    Is(&'a str),
    /// It cannot be found out, for this reason (errno): the process must not run.
    Unknown(i32),
}

/// One process that is to be started.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// What it runs as.
    pub exec: &'a Arc<ExecSettings>,
    /// The command line.
    pub command: &'a Command,
    /// What it is to its unit.
    pub role: Role,
    /// In passing order.
    pub passed: &'a [PassedFd],
    /// `NonBlocking=`
    pub non_blocking: bool,
    /// Period of the watchdog; 0 is none.
    pub watchdog_usec: u64,
    /// `PIDFile=`
    pub pid_file: Option<&'a str>,
    /// `FileDescriptorStoreMax=`
    pub fd_store_max: u32,
    /// `PermissionsStartOnly=`
    pub permissions_start_only: bool,
    /// `RootDirectoryStartOnly=`
    pub root_directory_start_only: bool,
    /// `Type=idle`, and there is something to wait for.
    pub idle: bool,
    /// Somebody wants to know at once that the program runs (`Type=exec`).
    pub awaits_exec: bool,
    /// The user database's answer for `User=`, `Group=` and `SupplementaryGroups=`.
    pub identity: &'a Result<Identity, LookUpFailure>,
    /// The network namespace that the unit asks for.
    pub network: Network,
    /// Its SELinux label.
    pub label: Label<'a>,
    /// Assignments from `EnvironmentFile=`, in order.
    pub environment_files: &'a [(String, String)],
    /// There is a log to write to; otherwise output goes to /dev/null.
    pub log: bool,
    /// What porterd is.
    pub ambient: &'a Ambient,
    /// What differs from start to start.
    pub start: PerStart<'a>,
}

/// What porterd itself is and a child therefore is from birth: steps that would change nothing are
/// not planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ambient {
    /// Running for one user instead of for the machine.
    pub user_mode: bool,
    /// Own pid, for `MANAGERPID` in user mode.
    pub pid: u32,
    /// Own user.
    pub uid: u32,
    /// Own group.
    pub gid: u32,
    /// Own supplementary groups, sorted.
    pub groups: Vec<u32>,
    /// Own home directory.
    pub home: Option<Text>,
    /// File mode creation mask.
    pub umask: u32,
    /// The working directory is `/`.
    pub in_root: bool,
    /// Ignored signals (bit n-1 for signal n). A Rust program starts with SIGPIPE ignored.
    pub ignored_signals: u64,
    /// Limits as they are now.
    pub limits: Vec<(Resource, Rlimit)>,
    /// Limits porterd was started with: what services get unless told otherwise.
    pub started_limits: Vec<(Resource, Rlimit)>,
    /// Nice level.
    pub nice: i32,
    /// OOM score adjustment as it is now.
    pub oom_score_adjust: i32,
    /// OOM score adjustment porterd was started with.
    pub started_oom_score_adjust: i32,
    /// Capability bounding set.
    pub bounding_set: u64,
    /// Hard limits may be raised (`CAP_SYS_RESOURCE` is effective).
    pub may_raise_limits: bool,
    /// Every descriptor above 2 is close-on-exec.
    pub descriptors_marked: bool,
    /// Own environment: the source of `PassEnvironment=`, and in user mode the first block.
    pub environment: Vec<(Text, Text)>,
    /// Further variables for every process: `default_environment` of the configuration, locale.
    pub default_environment: Vec<(Text, Text)>,
}

impl Default for Ambient {
    /// A system daemon with nothing unusual about it.
    fn default() -> Self {
        Ambient {
            user_mode: false,
            pid: 1,
            uid: 0,
            gid: 0,
            groups: Vec::new(),
            home: Some("/root".into()),
            umask: 0o022,
            in_root: true,
            ignored_signals: 1 << (libc::SIGPIPE - 1),
            limits: Vec::new(),
            started_limits: Vec::new(),
            nice: 0,
            oom_score_adjust: 0,
            started_oom_score_adjust: 0,
            bounding_set: u64::MAX,
            may_raise_limits: true,
            descriptors_marked: true,
            environment: Vec::new(),
            default_environment: Vec::new(),
        }
    }
}

impl Occasion<'_> {
    fn is_control(&self) -> bool {
        matches!(self.role, Role::Control { .. })
    }

    /// Limits, capabilities and the like apply (not with `+`).
    pub(super) fn sandboxed(&self) -> bool {
        self.command.privilege != Privilege::Full && !(self.permissions_start_only && self.is_control())
    }

    /// User and group are changed (not with `+` and `!`).
    pub(super) fn changes_user(&self) -> bool {
        self.sandboxed() && self.command.privilege == Privilege::Ordinary
    }

    /// `RootDirectory=` applies.
    pub(super) fn changes_root(&self) -> bool {
        !(self.root_directory_start_only && self.is_control())
    }

    /// It is a main process: told of the watchdog.
    pub(super) fn is_main(&self) -> bool {
        matches!(self.role, Role::Main | Role::Forking)
    }

    /// It is handed sockets, as standard streams or from 3 up.
    pub fn gets_socket(&self) -> bool {
        super::stdio::uses_socket(self.exec) || self.passes_descriptors()
    }

    /// Descriptors are passed from 3 up, with `LISTEN_FDS`. Control commands may only use them as
    /// standard streams; a socket as a standard stream is not passed a second time.
    pub(super) fn passes_descriptors(&self) -> bool {
        !self.passed.is_empty() && !self.is_control() && !super::stdio::uses_socket(self.exec)
    }
}
