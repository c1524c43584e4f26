//! `Condition…=` and `Assert…=` against the real machine (systemd.unit(5), "Conditions and Asserts").
//!
//! A test that cannot be carried out counts as not met; why is told. Knows no engine state.
#![allow(clippy::disallowed_methods, reason = "conditions are questions to the machine")]

mod compare;
mod machine;
mod paths;
mod virtualization;

pub(super) use machine::architecture_name;

use crate::config::Surroundings;
use crate::ids::Text;
use crate::unit::Condition;
use crate::unit::condition::ConditionKind as Kind;

/// Answer of one test; an error counts as "no".
type Answer = Result<bool, String>;

/// The first line that keeps a list from being met, in words; `None` if it is met: all plain
/// conditions hold, and if there are triggering ones (`|`), at least one of those.
pub(super) fn unmet(list: &[Condition], around: &Surroundings, prefix: &str) -> Option<Text> {
    let (mut triggering, mut triggered) = (None, false);
    for condition in list {
        let answer = evaluate(condition, around);
        let holds = matches!(answer, Ok(b) if b != condition.negate);
        match (condition.trigger, holds) {
            (false, false) => return Some(describe(condition, &answer, prefix).into()),
            (true, holds) => {
                triggered |= holds;
                triggering.get_or_insert_with(|| describe(condition, &answer, prefix));
            }
            (false, true) => {}
        }
    }
    triggering.filter(|_| !triggered).map(Text::from)
}

fn describe(condition: &Condition, answer: &Answer, prefix: &str) -> String {
    let (trigger, negate) = (if condition.trigger { "|" } else { "" }, if condition.negate { "!" } else { "" });
    let line = format!("{prefix}{:?}={trigger}{negate}{}", condition.kind, condition.parameter);
    match answer {
        Ok(_) => line,
        Err(why) => format!("{line} (cannot be tested: {why})"),
    }
}

fn evaluate(condition: &Condition, around: &Surroundings) -> Answer {
    let value = &*condition.parameter;
    match condition.kind {
        Kind::PathExists => paths::exists(value),
        Kind::PathExistsGlob => Ok(!super::glob::paths(value).is_empty()),
        Kind::PathIsDirectory => paths::is_directory(value),
        Kind::PathIsSymbolicLink => paths::is_symbolic_link(value),
        Kind::PathIsMountPoint => paths::is_mount_point(value),
        Kind::PathIsReadWrite => paths::is_read_write(value),
        Kind::PathIsSocket => paths::is_socket(value),
        Kind::PathIsEncrypted => paths::is_encrypted(value),
        Kind::DirectoryNotEmpty => paths::directory_not_empty(value),
        Kind::FileNotEmpty => paths::file_not_empty(value),
        Kind::FileIsExecutable => paths::file_is_executable(value),
        Kind::NeedsUpdate => paths::needs_update(value),
        Kind::FirstBoot => machine::boolean(value, paths::exists("/run/systemd/first-boot")),
        Kind::KernelCommandLine => machine::kernel_command_line(value),
        Kind::KernelVersion => machine::kernel_version(value),
        Kind::Version => machine::version(value),
        Kind::KernelModuleLoaded => machine::kernel_module(value),
        Kind::Architecture => machine::architecture(value),
        Kind::Firmware => machine::firmware(value),
        Kind::CpuFeature => machine::cpu_feature(value),
        Kind::Cpus => machine::cpus(value),
        Kind::Memory => machine::memory(value),
        Kind::Virtualization => virtualization::virtualization(value),
        Kind::Security => machine::security(value),
        Kind::Capability => machine::capability(value),
        Kind::AcPower => machine::boolean(value, machine::on_ac_power()),
        Kind::User => machine::user(value, around),
        Kind::Group => machine::group(value),
        Kind::ControlGroupController => machine::controllers(value),
        Kind::Host => machine::host(value),
        Kind::Environment => Ok(environment(value, around)),
        Kind::Credential => credential(value, around),
        Kind::OsRelease => machine::os_release(value),
        Kind::MemoryPressure => machine::pressure("memory", "full", value),
        Kind::CpuPressure => machine::pressure("cpu", "some", value),
        Kind::IoPressure => machine::pressure("io", "full", value),
        Kind::MachineTag | Kind::Fraction => Err("porterd keeps no machine tags and no fleet fractions".into()),
    }
}

fn environment(value: &str, around: &Surroundings) -> bool {
    match value.split_once('=') {
        Some((name, wanted)) => around.passable().any(|(n, v)| n == name && v == wanted),
        None => around.passable().any(|(n, _)| n == value),
    }
}

fn credential(value: &str, around: &Surroundings) -> Answer {
    if value.is_empty() || value.contains('/') || value.starts_with('.') {
        return Err("not a credential name".into());
    }
    let directories = ["CREDENTIALS_DIRECTORY", "ENCRYPTED_CREDENTIALS_DIRECTORY"];
    let mut given = directories.iter().filter_map(|name| around.text(name));
    Ok(given.any(|dir| std::path::Path::new(dir).join(value).exists()))
}

fn read(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(kind: Kind, trigger: bool, negate: bool, parameter: &str) -> Condition {
        Condition { kind, trigger, negate, parameter: parameter.into() }
    }

    #[test]
    fn all_plain_ones_and_one_triggering_one_must_hold() {
        let around = Surroundings::new([("A".into(), "1".into())], 0);
        let plain = |p| condition(Kind::Environment, false, false, p);
        let trigger = |p| condition(Kind::Environment, true, false, p);
        assert_eq!(unmet(&[plain("A"), plain("A=1")], &around, "Condition"), None);
        assert_eq!(unmet(&[plain("A=2")], &around, "Condition").as_deref(), Some("ConditionEnvironment=A=2"));
        assert_eq!(unmet(&[trigger("B"), trigger("A"), plain("A")], &around, "Condition"), None);
        assert_eq!(unmet(&[trigger("B"), trigger("C")], &around, "Assert").as_deref(), Some("AssertEnvironment=|B"));
        assert_eq!(unmet(&[condition(Kind::Environment, false, true, "B")], &around, "Condition"), None);
    }

    #[test]
    fn what_cannot_be_tested_is_not_met_even_negated() {
        let around = Surroundings::default();
        let why = unmet(&[condition(Kind::MachineTag, false, true, "x")], &around, "Condition").unwrap();
        assert!(why.contains("cannot be tested"), "{why}");
    }
}
