//! `Condition…=` and `Assert…=` as data. Evaluating them needs the world: see `runtime::conditions`.

use super::values::{path, scalar};
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

/// Name after `Condition` or `Assert`, kind, and whether the parameter is a path.
const KINDS: [(&str, ConditionKind, bool); 38] = [
    ("PathExists", ConditionKind::PathExists, true),
    ("PathExistsGlob", ConditionKind::PathExistsGlob, true),
    ("PathIsDirectory", ConditionKind::PathIsDirectory, true),
    ("PathIsSymbolicLink", ConditionKind::PathIsSymbolicLink, true),
    ("PathIsMountPoint", ConditionKind::PathIsMountPoint, true),
    ("PathIsReadWrite", ConditionKind::PathIsReadWrite, true),
    ("PathIsSocket", ConditionKind::PathIsSocket, true),
    ("PathIsEncrypted", ConditionKind::PathIsEncrypted, true),
    ("DirectoryNotEmpty", ConditionKind::DirectoryNotEmpty, true),
    ("FileNotEmpty", ConditionKind::FileNotEmpty, true),
    ("FileIsExecutable", ConditionKind::FileIsExecutable, true),
    ("NeedsUpdate", ConditionKind::NeedsUpdate, true),
    ("FirstBoot", ConditionKind::FirstBoot, false),
    ("KernelCommandLine", ConditionKind::KernelCommandLine, false),
    ("KernelVersion", ConditionKind::KernelVersion, false),
    ("Version", ConditionKind::Version, false),
    ("KernelModuleLoaded", ConditionKind::KernelModuleLoaded, false),
    ("Architecture", ConditionKind::Architecture, false),
    ("Firmware", ConditionKind::Firmware, false),
    ("CPUFeature", ConditionKind::CpuFeature, false),
    ("CPUs", ConditionKind::Cpus, false),
    ("Memory", ConditionKind::Memory, false),
    ("Virtualization", ConditionKind::Virtualization, false),
    ("Security", ConditionKind::Security, false),
    ("Capability", ConditionKind::Capability, false),
    ("ACPower", ConditionKind::AcPower, false),
    ("User", ConditionKind::User, false),
    ("Group", ConditionKind::Group, false),
    ("ControlGroupController", ConditionKind::ControlGroupController, false),
    ("Host", ConditionKind::Host, false),
    ("Environment", ConditionKind::Environment, false),
    ("Credential", ConditionKind::Credential, false),
    ("OSRelease", ConditionKind::OsRelease, false),
    ("MemoryPressure", ConditionKind::MemoryPressure, false),
    ("CPUPressure", ConditionKind::CpuPressure, false),
    ("IOPressure", ConditionKind::IoPressure, false),
    ("MachineTag", ConditionKind::MachineTag, false),
    ("Fraction", ConditionKind::Fraction, false),
];

impl ConditionKind {
    /// The directive's name without `Condition` or `Assert`.
    pub fn as_str(self) -> &'static str {
        KINDS.iter().find(|(_, kind, _)| *kind == self).map_or("", |(name, _, _)| name)
    }

    /// Whether the parameter is a path.
    pub fn is_path(self) -> bool {
        KINDS.iter().any(|(_, kind, path)| *kind == self && *path)
    }
}

/// Reads `[|][!]PARAMETER`. `kind` is the directive's name without `Condition` or `Assert`.
pub fn parse(kind: &str, text: &str, expand: impl Fn(&str) -> Result<String, String>) -> Result<Condition, String> {
    let (_, kind, is_path) =
        KINDS.iter().find(|(name, _, _)| *name == kind).ok_or_else(|| format!("there is no test {kind}"))?;
    let (trigger, rest) = strip(text, '|');
    let (negate, rest) = strip(rest, '!');
    let parameter = expand(rest)?;
    if *is_path {
        path::absolute(&parameter)?;
    }
    if *kind == ConditionKind::FirstBoot {
        scalar::boolean(&parameter)?;
    }
    Ok(Condition { kind: *kind, trigger, negate, parameter: parameter.into() })
}

fn strip(text: &str, prefix: char) -> (bool, &str) {
    match text.strip_prefix(prefix) {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, text: &str) -> Result<Condition, String> {
        parse(kind, text, |t| Ok(t.to_owned()))
    }

    #[test]
    fn prefixes_come_in_one_order() {
        let c = read("PathExists", "|!/a").unwrap();
        assert!(c.trigger && c.negate && &*c.parameter == "/a");
        assert!(read("PathExists", "!|/a").is_err());
        let c = read("User", "! root").unwrap();
        assert!(c.negate && !c.trigger && &*c.parameter == "root");
    }

    #[test]
    fn paths_are_absolute() {
        assert!(read("PathExists", "a").is_err());
        assert!(read("PathExistsGlob", "/a/*").is_ok());
        assert!(read("Host", "a").is_ok());
    }

    #[test]
    fn every_kind_has_its_name() {
        for (name, kind, _) in KINDS {
            assert_eq!(kind.as_str(), name);
        }
    }
}
