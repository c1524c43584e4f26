//! A service unit: what to run, when it counts as up, and what to do when it ends.

use super::exec::{Command, DEFAULT_TIMEOUT_USEC, ExecSettings, KillSettings};
use crate::ids::{INFINITY_USEC, Text};
use std::sync::{Arc, LazyLock};

/// Section [Service].
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceUnit {
    /// `Type=`
    pub service_type: ServiceType,
    /// `ExecStart=`
    pub exec_start: Vec<Command>,
    /// The other command lists and everything that few services set.
    pub more: Arc<ServiceMore>,
    /// `Restart=`
    pub restart: Restart,
    /// `RemainAfterExit=`
    pub remain_after_exit: bool,
    /// `NotifyAccess=`, already raised as the type demands.
    pub notify_access: NotifyAccess,
    /// `NonBlocking=`
    pub non_blocking: bool,
    /// `TimeoutStartSec=`; infinity for oneshot unless set
    pub timeout_start_usec: u64,
    /// `TimeoutStopSec=`
    pub timeout_stop_usec: u64,
    /// What the commands run as.
    pub exec: Arc<ExecSettings>,
    /// How the processes are ended.
    pub kill: KillSettings,
}

impl Default for ServiceUnit {
    fn default() -> Self {
        ServiceUnit {
            service_type: ServiceType::Simple,
            exec_start: Vec::new(),
            more: ServiceMore::usual(),
            restart: Restart::No,
            remain_after_exit: false,
            notify_access: NotifyAccess::None,
            non_blocking: false,
            timeout_start_usec: DEFAULT_TIMEOUT_USEC,
            timeout_stop_usec: DEFAULT_TIMEOUT_USEC,
            exec: ExecSettings::usual(),
            kill: KillSettings::default(),
        }
    }
}

/// What few services set; shared by all that set none of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceMore {
    /// `ExecCondition=`
    pub exec_condition: Vec<Command>,
    /// `ExecStartPre=`
    pub exec_start_pre: Vec<Command>,
    /// `ExecStartPost=`
    pub exec_start_post: Vec<Command>,
    /// `ExecReload=`
    pub exec_reload: Vec<Command>,
    /// `ExecStop=`
    pub exec_stop: Vec<Command>,
    /// `ExecStopPost=`
    pub exec_stop_post: Vec<Command>,
    /// `PIDFile=`, absolute
    pub pid_file: Option<Text>,
    /// `GuessMainPID=`
    pub guess_main_pid: bool,
    /// `BusName=`
    pub bus_name: Option<Text>,
    /// `ExitType=cgroup`
    pub exit_type_cgroup: bool,
    /// `RestartSec=`
    pub restart_usec: u64,
    /// `RestartSteps=`
    pub restart_steps: u32,
    /// `RestartMaxDelaySec=`; infinity when unset
    pub restart_max_delay_usec: u64,
    /// `RestartMode=direct`
    pub restart_direct: bool,
    /// `SuccessExitStatus=`
    pub success_exit_status: StatusSet,
    /// `RestartPreventExitStatus=`
    pub restart_prevent_exit_status: StatusSet,
    /// `RestartForceExitStatus=`
    pub restart_force_exit_status: StatusSet,
    /// `TimeoutAbortSec=`; `None` is `TimeoutStopSec=`
    pub timeout_abort_usec: Option<u64>,
    /// `TimeoutStartFailureMode=`
    pub timeout_start_failure_mode: FailureMode,
    /// `TimeoutStopFailureMode=`
    pub timeout_stop_failure_mode: FailureMode,
    /// `RuntimeMaxSec=`
    pub runtime_max_usec: u64,
    /// `RuntimeRandomizedExtraSec=`
    pub runtime_randomized_extra_usec: u64,
    /// `WatchdogSec=`; 0 is off
    pub watchdog_usec: u64,
    /// `ReloadSignal=`
    pub reload_signal: i32,
    /// `FileDescriptorStoreMax=`
    pub file_descriptor_store_max: u32,
    /// `FileDescriptorStorePreserve=`
    pub file_descriptor_store_preserve: StorePreserve,
    /// `PermissionsStartOnly=`
    pub permissions_start_only: bool,
    /// `RootDirectoryStartOnly=`
    pub root_directory_start_only: bool,
    /// `USBFunctionDescriptors=`
    pub usb_function_descriptors: Option<Text>,
    /// `USBFunctionStrings=`
    pub usb_function_strings: Option<Text>,
}

impl ServiceMore {
    /// The defaults, in memory once for all units.
    pub fn usual() -> Arc<ServiceMore> {
        static USUAL: LazyLock<Arc<ServiceMore>> = LazyLock::new(Arc::default);
        Arc::clone(&USUAL)
    }
}

impl Default for ServiceMore {
    fn default() -> Self {
        ServiceMore {
            exec_condition: Vec::new(),
            exec_start_pre: Vec::new(),
            exec_start_post: Vec::new(),
            exec_reload: Vec::new(),
            exec_stop: Vec::new(),
            exec_stop_post: Vec::new(),
            pid_file: None,
            guess_main_pid: true,
            bus_name: None,
            exit_type_cgroup: false,
            restart_usec: 100_000,
            restart_steps: 0,
            restart_max_delay_usec: INFINITY_USEC,
            restart_direct: false,
            success_exit_status: StatusSet::default(),
            restart_prevent_exit_status: StatusSet::default(),
            restart_force_exit_status: StatusSet::default(),
            timeout_abort_usec: None,
            timeout_start_failure_mode: FailureMode::Terminate,
            timeout_stop_failure_mode: FailureMode::Terminate,
            runtime_max_usec: INFINITY_USEC,
            runtime_randomized_extra_usec: 0,
            watchdog_usec: 0,
            reload_signal: 1,
            file_descriptor_store_max: 0,
            file_descriptor_store_preserve: StorePreserve::Restart,
            permissions_start_only: false,
            root_directory_start_only: false,
            usb_function_descriptors: None,
            usb_function_strings: None,
        }
    }
}

/// `Type=`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ServiceType {
    Simple,
    Exec,
    Forking,
    Oneshot,
    Dbus,
    Notify,
    NotifyReload,
    Idle,
}

impl ServiceType {
    /// Whether the service counts as started when its program runs. Without a bus, `dbus` means the
    /// same as `exec`.
    pub fn awaits_exec(self) -> bool {
        matches!(self, ServiceType::Exec | ServiceType::Dbus)
    }
}

/// `Restart=`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Restart {
    No,
    Always,
    OnSuccess,
    OnFailure,
    OnAbnormal,
    OnAbort,
    OnWatchdog,
}

/// `NotifyAccess=`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum NotifyAccess {
    None,
    Main,
    Exec,
    All,
}

/// `TimeoutStartFailureMode=`, `TimeoutStopFailureMode=`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FailureMode {
    Terminate,
    Abort,
    Kill,
}

/// `FileDescriptorStorePreserve=`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum StorePreserve {
    No,
    Restart,
    Yes,
    OnSuccess,
}

/// A set of exit codes and signals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusSet {
    /// Exit codes, sorted, no duplicates.
    pub codes: Vec<u8>,
    /// Signal numbers, sorted, no duplicates.
    pub signals: Vec<u8>,
}
