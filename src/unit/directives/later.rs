//! Rows that are read and recorded without effect: the sandbox, control group attributes,
//! credentials, managed directories, images.

use super::line::{Line, Outcome};
use super::{BOTH, Row, full};
use crate::ids::Text;
use crate::syntax::words::Rules;
use crate::unit::values::{path, scalar};

const SANDBOX: &str = "the sandbox is not carried out";
const SECCOMP: &str = "system calls are not filtered";
const CGROUP: &str = "control group attributes are not set";
const IMAGE: &str = "images are not mounted";
const DIRECTORY: &str = "managed directories are not made";
const CREDENTIAL: &str = "credentials are not passed";
const LABEL: &str = "security labels are not set";
const TERMINAL: &str = "terminals are not prepared";
const REMOVED: &str = "it was removed from systemd";

/// Read only for its errors: "yes" or "no".
fn switch(line: &mut Line<'_>) -> Outcome {
    scalar::boolean(line.text()).map(drop).map_err(Into::into)
}

/// Not read.
fn any(_: &mut Line<'_>) -> Outcome {
    Ok(())
}

/// Only checked against the paths of sockets.
fn runtime_directory(line: &mut Line<'_>) -> Outcome {
    let relative = |word: &str| -> Result<Text, String> {
        let name = word.split(':').next().unwrap_or(word);
        let plain = !name.is_empty() && !name.starts_with('/') && path::is_normalized(name);
        if plain { Ok(path::simplify(name).into()) } else { Err("not a relative path".to_owned()) }
    };
    line.list(Rules::PATHS, relative, |d| &mut d.rare.runtime_directory)
}

pub(super) static ROWS: &[Row] = &[
    full(BOTH, "PrivateTmp", any, "Private /tmp and /var/tmp").missing(SANDBOX),
    full(BOTH, "PrivateDevices", switch, "A /dev with pseudo devices only").not_yet(SANDBOX),
    full(BOTH, "PrivateIPC", switch, "An IPC namespace of its own").not_yet(SANDBOX),
    full(BOTH, "IPCNamespacePath", any, "IPC namespace that the processes join").missing(SANDBOX),
    full(BOTH, "PrivateUsers", any, "A user namespace of its own").not_yet(SANDBOX),
    full(BOTH, "PrivatePIDs", any, "A pid namespace of its own").not_yet(SANDBOX).since(257),
    full(BOTH, "PrivateMounts", any, "A mount namespace of its own").not_yet(SANDBOX),
    full(BOTH, "PrivateBPF", any, "A BPF file system of its own").not_yet(SANDBOX).since(258),
    full(BOTH, "BPFDelegateCommands", any, "BPF commands that are delegated").not_yet(SANDBOX).since(258),
    full(BOTH, "BPFDelegateMaps", any, "BPF maps that are delegated").not_yet(SANDBOX).since(258),
    full(BOTH, "BPFDelegatePrograms", any, "BPF programs that are delegated").not_yet(SANDBOX).since(258),
    full(BOTH, "BPFDelegateAttachments", any, "BPF attachments that are delegated").not_yet(SANDBOX).since(258),
    full(BOTH, "ProtectSystem", any, "Make parts of the file system read-only: yes, full or strict").not_yet(SANDBOX),
    full(BOTH, "ProtectHome", any, "Hide or protect home directories: yes, read-only or tmpfs").not_yet(SANDBOX),
    full(BOTH, "ProtectHostname", any, "The host name cannot be changed").not_yet(SANDBOX),
    full(BOTH, "ProtectClock", switch, "The clock cannot be changed").not_yet(SANDBOX),
    full(BOTH, "ProtectKernelTunables", switch, "Kernel settings cannot be changed").not_yet(SANDBOX),
    full(BOTH, "ProtectKernelModules", switch, "Kernel modules cannot be loaded").not_yet(SANDBOX),
    full(BOTH, "ProtectKernelLogs", switch, "The kernel log cannot be read").not_yet(SANDBOX),
    full(BOTH, "ProtectControlGroups", any, "Control groups cannot be changed").not_yet(SANDBOX),
    full(BOTH, "ProtectProc", any, "Which foreign processes are seen in /proc").not_yet(SANDBOX),
    full(BOTH, "ProcSubset", any, "Which part of /proc is there: all or pid").not_yet(SANDBOX),
    full(BOTH, "ReadWritePaths", any, "Paths that stay writable").not_yet(SANDBOX),
    full(BOTH, "ReadOnlyPaths", any, "Paths that are read-only").not_yet(SANDBOX),
    full(BOTH, "InaccessiblePaths", any, "Paths that are hidden").not_yet(SANDBOX),
    full(BOTH, "ExecPaths", any, "Paths from which programs may run").not_yet(SANDBOX),
    full(BOTH, "NoExecPaths", any, "Paths from which no program may run").not_yet(SANDBOX),
    full(BOTH, "ReadWriteDirectories", any, "Old spelling of ReadWritePaths=").not_yet(SANDBOX),
    full(BOTH, "ReadOnlyDirectories", any, "Old spelling of ReadOnlyPaths=").not_yet(SANDBOX),
    full(BOTH, "InaccessibleDirectories", any, "Old spelling of InaccessiblePaths=").not_yet(SANDBOX),
    full(BOTH, "BindPaths", any, "Paths that appear at other places").missing(SANDBOX),
    full(BOTH, "BindReadOnlyPaths", any, "Paths that appear at other places, read-only").missing(SANDBOX),
    full(BOTH, "TemporaryFileSystem", any, "Paths at which there is an empty memory file system").missing(SANDBOX),
    full(BOTH, "MountFlags", any, "Whether mounts spread: shared, slave or private").not_yet(SANDBOX),
    full(BOTH, "MountAPIVFS", any, "Whether /proc, /sys and /dev are mounted in a root directory").not_yet(SANDBOX),
    full(BOTH, "BindLogSockets", any, "Whether the log sockets are mounted in a root directory")
        .not_yet(SANDBOX)
        .since(257),
    full(BOTH, "KeyringMode", any, "Kernel keyring of the processes: inherit, private or shared").not_yet(SANDBOX),
    full(BOTH, "RemoveIPC", switch, "Remove IPC objects of the user at the end").not_yet(SANDBOX),
    full(BOTH, "DelegateNamespaces", any, "Namespaces that are owned by the user namespace")
        .not_yet(SANDBOX)
        .since(258),
    full(BOTH, "LandlockConfig", any, "Landlock rules").not_yet(SANDBOX).since(261),
    full(BOTH, "SystemCallFilter", any, "System calls that are allowed or forbidden").not_yet(SECCOMP),
    full(BOTH, "SystemCallArchitectures", any, "Architectures of system calls that are allowed").not_yet(SECCOMP),
    full(BOTH, "SystemCallErrorNumber", any, "Error of a forbidden system call instead of death").not_yet(SECCOMP),
    full(BOTH, "SystemCallLog", any, "System calls that are logged").not_yet(SECCOMP),
    full(BOTH, "MemoryDenyWriteExecute", switch, "Memory is never writable and executable").not_yet(SECCOMP),
    full(BOTH, "RestrictNamespaces", any, "Namespaces that may be made").not_yet(SECCOMP),
    full(BOTH, "RestrictRealtime", switch, "Real-time scheduling is forbidden").not_yet(SECCOMP),
    full(BOTH, "RestrictSUIDSGID", switch, "The setuid and setgid bits cannot be set on files").not_yet(SECCOMP),
    full(BOTH, "RestrictAddressFamilies", any, "Address families in which sockets may be made").not_yet(SECCOMP),
    full(BOTH, "RestrictFileSystems", any, "File systems that may be used").not_yet(SANDBOX),
    full(BOTH, "LockPersonality", switch, "The personality cannot be changed").not_yet(SECCOMP),
    full(BOTH, "DynamicUser", switch, "A user that exists only while the unit runs")
        .missing("dynamic users are not made"),
    full(BOTH, "SetLoginEnvironment", any, "Whether USER, HOME and SHELL are set")
        .not_yet("they are set when User= is set")
        .since(255),
    full(BOTH, "RootImage", any, "Disk image that is the root for commands").missing(IMAGE),
    full(BOTH, "RootImageOptions", any, "Mount options of RootImage=").missing(IMAGE),
    full(BOTH, "RootImagePolicy", any, "What is demanded of RootImage=").missing(IMAGE).since(254),
    full(BOTH, "RootHash", any, "Verity hash of RootImage=").missing(IMAGE),
    full(BOTH, "RootHashSignature", any, "Signature of RootHash=").missing(IMAGE),
    full(BOTH, "RootVerity", any, "Verity data of RootImage=").missing(IMAGE),
    full(BOTH, "RootEphemeral", switch, "Run in a copy of the root that is thrown away").missing(IMAGE).since(254),
    full(BOTH, "RootMStack", any, "Stack of mounts that is the root for commands").missing(IMAGE).since(260),
    full(BOTH, "MountImages", any, "Disk images that are mounted for the unit").missing(IMAGE),
    full(BOTH, "MountImagePolicy", any, "What is demanded of MountImages=").missing(IMAGE).since(254),
    full(BOTH, "ExtensionImages", any, "Disk images laid over the root").missing(IMAGE),
    full(BOTH, "ExtensionImagePolicy", any, "What is demanded of ExtensionImages=").missing(IMAGE).since(254),
    full(BOTH, "ExtensionDirectories", any, "Directories laid over the root").missing(IMAGE),
    full(BOTH, "RuntimeDirectory", runtime_directory, "Directories below /run that exist while the unit runs")
        .missing(DIRECTORY),
    full(BOTH, "RuntimeDirectoryMode", any, "Permissions of RuntimeDirectory=").not_yet(DIRECTORY),
    full(BOTH, "RuntimeDirectoryPreserve", any, "Whether RuntimeDirectory= stays: no, yes or restart")
        .not_yet(DIRECTORY),
    full(BOTH, "StateDirectory", any, "Directories below /var/lib").missing(DIRECTORY),
    full(BOTH, "StateDirectoryMode", any, "Permissions of StateDirectory=").not_yet(DIRECTORY),
    full(BOTH, "StateDirectoryAccounting", switch, "Count the size of StateDirectory=").not_yet(DIRECTORY).since(258),
    full(BOTH, "StateDirectoryQuota", any, "Largest size of StateDirectory=").not_yet(DIRECTORY).since(258),
    full(BOTH, "CacheDirectory", any, "Directories below /var/cache").missing(DIRECTORY),
    full(BOTH, "CacheDirectoryMode", any, "Permissions of CacheDirectory=").not_yet(DIRECTORY),
    full(BOTH, "CacheDirectoryAccounting", switch, "Count the size of CacheDirectory=").not_yet(DIRECTORY).since(258),
    full(BOTH, "CacheDirectoryQuota", any, "Largest size of CacheDirectory=").not_yet(DIRECTORY).since(258),
    full(BOTH, "LogsDirectory", any, "Directories below /var/log").missing(DIRECTORY),
    full(BOTH, "LogsDirectoryMode", any, "Permissions of LogsDirectory=").not_yet(DIRECTORY),
    full(BOTH, "LogsDirectoryAccounting", switch, "Count the size of LogsDirectory=").not_yet(DIRECTORY).since(258),
    full(BOTH, "LogsDirectoryQuota", any, "Largest size of LogsDirectory=").not_yet(DIRECTORY).since(258),
    full(BOTH, "ConfigurationDirectory", any, "Directories below /etc").missing(DIRECTORY),
    full(BOTH, "ConfigurationDirectoryMode", any, "Permissions of ConfigurationDirectory=").not_yet(DIRECTORY),
    full(BOTH, "TimeoutCleanSec", any, "Longest time a clean may take").not_yet(DIRECTORY),
    full(BOTH, "LoadCredential", any, "Credentials read from files").missing(CREDENTIAL),
    full(BOTH, "LoadCredentialEncrypted", any, "Encrypted credentials read from files").missing(CREDENTIAL),
    full(BOTH, "SetCredential", any, "Credentials written in the unit file").missing(CREDENTIAL),
    full(BOTH, "SetCredentialEncrypted", any, "Encrypted credentials written in the unit file").missing(CREDENTIAL),
    full(BOTH, "ImportCredential", any, "Credentials of the machine that are passed on").missing(CREDENTIAL).since(254),
    full(BOTH, "SELinuxContext", any, "SELinux context of the processes").not_yet(LABEL),
    full(BOTH, "AppArmorProfile", any, "AppArmor profile of the processes").not_yet(LABEL),
    full(BOTH, "SmackProcessLabel", any, "Smack label of the processes").not_yet(LABEL),
    full(BOTH, "TTYReset", switch, "Reset the terminal before and after").not_yet(TERMINAL),
    full(BOTH, "TTYVHangup", switch, "Hang up the terminal before and after").not_yet(TERMINAL),
    full(BOTH, "TTYVTDisallocate", switch, "Clear the virtual terminal before and after").not_yet(TERMINAL),
    full(BOTH, "TTYRows", any, "Height of the terminal").not_yet(TERMINAL),
    full(BOTH, "TTYColumns", any, "Width of the terminal").not_yet(TERMINAL),
    full(BOTH, "UtmpIdentifier", any, "Identifier of the session in utmp").not_yet("utmp is not written"),
    full(BOTH, "UtmpMode", any, "Kind of the session in utmp: init, login or user").not_yet("utmp is not written"),
    full(BOTH, "LogExtraFields", any, "Fields added to journal entries").not_yet("log lines have no further fields"),
    full(BOTH, "LogRateLimitIntervalSec", any, "Window in which log lines are counted")
        .not_yet("log lines are not limited"),
    full(BOTH, "LogRateLimitBurst", any, "Log lines allowed in one window").not_yet("log lines are not limited"),
    full(BOTH, "LogFilterPatterns", any, "Log lines that are kept or dropped")
        .not_yet("log lines are not filtered")
        .since(253),
    full(BOTH, "LogNamespace", any, "Journal namespace of log lines").not_yet("there is one log for all units"),
    full(BOTH, "NUMAPolicy", any, "Memory policy of the processes").not_yet("it is not set"),
    full(BOTH, "NUMAMask", any, "Memory nodes of NUMAPolicy=").not_yet("it is not set"),
    full(BOTH, "MemoryKSM", any, "Join equal pages of memory").not_yet("it is not set").since(254),
    full(BOTH, "MemoryTHP", any, "Use of huge pages of memory").not_yet("it is not set").since(260),
    full(BOTH, "Capabilities", any, "Removed from systemd").ignored(REMOVED),
    full(BOTH, "AllowedCPUs", any, "Processors of the control group").not_yet(CGROUP),
    full(BOTH, "StartupAllowedCPUs", any, "Processors of the control group during boot").not_yet(CGROUP),
    full(BOTH, "AllowedMemoryNodes", any, "Memory nodes of the control group").not_yet(CGROUP),
    full(BOTH, "StartupAllowedMemoryNodes", any, "Memory nodes of the control group during boot").not_yet(CGROUP),
    full(BOTH, "CPUAccounting", any, "Count processor time").not_yet(CGROUP),
    full(BOTH, "CPUWeight", any, "Share of processor time").not_yet(CGROUP),
    full(BOTH, "StartupCPUWeight", any, "Share of processor time during boot").not_yet(CGROUP),
    full(BOTH, "CPUQuota", any, "Most processor time in percent").not_yet(CGROUP),
    full(BOTH, "CPUQuotaPeriodSec", any, "Period of CPUQuota=").not_yet(CGROUP),
    full(BOTH, "CPUShares", any, "Removed from systemd; write CPUWeight=").ignored(REMOVED),
    full(BOTH, "StartupCPUShares", any, "Removed from systemd; write StartupCPUWeight=").ignored(REMOVED),
    full(BOTH, "MemoryAccounting", any, "Count memory").not_yet(CGROUP),
    full(BOTH, "MemoryMin", any, "Memory that is never taken away").not_yet(CGROUP),
    full(BOTH, "MemoryLow", any, "Memory that is taken away last").not_yet(CGROUP),
    full(BOTH, "MemoryHigh", any, "Memory above which the processes are slowed down").not_yet(CGROUP),
    full(BOTH, "MemoryMax", any, "Memory above which processes are killed").not_yet(CGROUP),
    full(BOTH, "MemorySwapMax", any, "Most swap space").not_yet(CGROUP),
    full(BOTH, "MemoryZSwapMax", any, "Most compressed swap space").not_yet(CGROUP).since(253),
    full(BOTH, "MemoryZSwapWriteback", any, "Whether compressed swap may go to disk").not_yet(CGROUP).since(256),
    full(BOTH, "StartupMemoryLow", any, "MemoryLow= during boot").not_yet(CGROUP).since(254),
    full(BOTH, "StartupMemoryHigh", any, "MemoryHigh= during boot").not_yet(CGROUP).since(254),
    full(BOTH, "StartupMemoryMax", any, "MemoryMax= during boot").not_yet(CGROUP).since(254),
    full(BOTH, "StartupMemorySwapMax", any, "MemorySwapMax= during boot").not_yet(CGROUP).since(254),
    full(BOTH, "StartupMemoryZSwapMax", any, "MemoryZSwapMax= during boot").not_yet(CGROUP).since(254),
    full(BOTH, "DefaultMemoryMin", any, "MemoryMin= of units below").not_yet(CGROUP),
    full(BOTH, "DefaultMemoryLow", any, "MemoryLow= of units below").not_yet(CGROUP),
    full(BOTH, "DefaultStartupMemoryLow", any, "MemoryLow= of units below during boot").not_yet(CGROUP).since(254),
    full(BOTH, "MemoryLimit", any, "Removed from systemd; write MemoryMax=").ignored(REMOVED),
    full(BOTH, "DeviceAllow", any, "Devices that may be used").not_yet(CGROUP),
    full(BOTH, "DevicePolicy", any, "Which devices may be used: auto, closed or strict").not_yet(CGROUP),
    full(BOTH, "IOAccounting", any, "Count input and output").not_yet(CGROUP),
    full(BOTH, "IOWeight", any, "Share of input and output").not_yet(CGROUP),
    full(BOTH, "StartupIOWeight", any, "Share of input and output during boot").not_yet(CGROUP),
    full(BOTH, "IODeviceWeight", any, "Share of input and output of a device").not_yet(CGROUP),
    full(BOTH, "IOReadBandwidthMax", any, "Most bytes read from a device in a second").not_yet(CGROUP),
    full(BOTH, "IOWriteBandwidthMax", any, "Most bytes written to a device in a second").not_yet(CGROUP),
    full(BOTH, "IOReadIOPSMax", any, "Most reads from a device in a second").not_yet(CGROUP),
    full(BOTH, "IOWriteIOPSMax", any, "Most writes to a device in a second").not_yet(CGROUP),
    full(BOTH, "IODeviceLatencyTargetSec", any, "Latency that is aimed at for a device").not_yet(CGROUP),
    full(BOTH, "BlockIOAccounting", any, "Removed from systemd; write IOAccounting=").ignored(REMOVED),
    full(BOTH, "BlockIOWeight", any, "Removed from systemd; write IOWeight=").ignored(REMOVED),
    full(BOTH, "StartupBlockIOWeight", any, "Removed from systemd; write StartupIOWeight=").ignored(REMOVED),
    full(BOTH, "BlockIODeviceWeight", any, "Removed from systemd; write IODeviceWeight=").ignored(REMOVED),
    full(BOTH, "BlockIOReadBandwidth", any, "Removed from systemd; write IOReadBandwidthMax=").ignored(REMOVED),
    full(BOTH, "BlockIOWriteBandwidth", any, "Removed from systemd; write IOWriteBandwidthMax=").ignored(REMOVED),
    full(BOTH, "TasksAccounting", any, "Count processes and threads").not_yet(CGROUP),
    full(BOTH, "TasksMax", any, "Most processes and threads").not_yet(CGROUP),
    full(BOTH, "Delegate", any, "Let the unit manage its own control groups").not_yet(CGROUP),
    full(BOTH, "DelegateSubgroup", any, "Control group below the unit's in which it starts").not_yet(CGROUP).since(254),
    full(BOTH, "DisableControllers", any, "Controllers that are off below this unit").not_yet(CGROUP),
    full(BOTH, "IPAccounting", any, "Count network traffic").not_yet(CGROUP),
    full(BOTH, "IPAddressAllow", any, "Addresses that may be reached and may reach the unit").not_yet(CGROUP),
    full(BOTH, "IPAddressDeny", any, "Addresses that may not be reached nor reach the unit").not_yet(CGROUP),
    full(BOTH, "IPIngressFilterPath", any, "BPF program for incoming traffic").not_yet(CGROUP),
    full(BOTH, "IPEgressFilterPath", any, "BPF program for outgoing traffic").not_yet(CGROUP),
    full(BOTH, "BPFProgram", any, "BPF programs of the control group").not_yet(CGROUP),
    full(BOTH, "SocketBindAllow", any, "Addresses the processes may bind to").not_yet(CGROUP),
    full(BOTH, "SocketBindDeny", any, "Addresses the processes may not bind to").not_yet(CGROUP),
    full(BOTH, "RestrictNetworkInterfaces", any, "Network interfaces that may be used").not_yet(CGROUP),
    full(BOTH, "BindNetworkInterface", any, "Network interface that new sockets are bound to")
        .not_yet(CGROUP)
        .since(260),
    full(BOTH, "NFTSet", any, "Firewall sets that know the control group").not_yet(CGROUP).since(255),
    full(BOTH, "ManagedOOMSwap", any, "What systemd-oomd does about swap").not_yet(CGROUP),
    full(BOTH, "ManagedOOMMemoryPressure", any, "What systemd-oomd does about memory pressure").not_yet(CGROUP),
    full(BOTH, "ManagedOOMMemoryPressureLimit", any, "Memory pressure at which systemd-oomd acts").not_yet(CGROUP),
    full(BOTH, "ManagedOOMMemoryPressureDurationSec", any, "Time after which systemd-oomd acts")
        .not_yet(CGROUP)
        .since(257),
    full(BOTH, "ManagedOOMPreference", any, "How gladly systemd-oomd kills the unit").not_yet(CGROUP),
    full(BOTH, "MemoryPressureWatch", any, "Whether the processes are told of memory pressure")
        .not_yet(CGROUP)
        .since(254),
    full(BOTH, "MemoryPressureThresholdSec", any, "Stall time that counts as memory pressure")
        .not_yet(CGROUP)
        .since(254),
    full(BOTH, "CoredumpReceive", switch, "Whether core dumps of containers are passed in").not_yet(CGROUP).since(255),
    full(BOTH, "NetClass", any, "Removed from systemd").ignored(REMOVED),
];
