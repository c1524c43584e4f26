//! `Condition…=` and `Assert…=` as data. Evaluating them needs the world: see `runtime::conditions`.

use crate::ids::Text;

/// One condition line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What is tested, the directive's name without `Condition` or `Assert`.
    pub kind: ConditionKind,
    /// Prefix `|`: one of the triggering ones must hold.
    pub trigger: bool,
    /// Prefix `!`
    pub negate: bool,
    /// What it is tested for, specifiers expanded.
    pub parameter: Text,
}

/// Everything that can be tested; the name of the directive after `Condition` or `Assert`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum ConditionKind {
    PathExists,
    PathExistsGlob,
    PathIsDirectory,
    PathIsSymbolicLink,
    PathIsMountPoint,
    PathIsReadWrite,
    PathIsSocket,
    PathIsEncrypted,
    DirectoryNotEmpty,
    FileNotEmpty,
    FileIsExecutable,
    NeedsUpdate,
    FirstBoot,
    KernelCommandLine,
    KernelVersion,
    Version,
    KernelModuleLoaded,
    Architecture,
    Firmware,
    CpuFeature,
    Cpus,
    Memory,
    Virtualization,
    Security,
    Capability,
    AcPower,
    User,
    Group,
    ControlGroupController,
    Host,
    Environment,
    Credential,
    OsRelease,
    MemoryPressure,
    CpuPressure,
    IoPressure,
    MachineTag,
    Fraction,
}
