//! Rows of the sections [Unit] and [Install].

use super::line::{Line, Outcome};
use super::{INSTALL, Row, SERVICE, UNIT, full};
use crate::ids::Text;
use crate::syntax::words::Rules;
use crate::unit::condition::{self, Condition};
use crate::unit::draft::Draft;
use crate::unit::values::{scalar, time};
use crate::unit::{Dependency, Install, UnitName};

pub(super) static ROWS: &[Row] = &[
    full(UNIT, "Description", |l| l.string(|d| &mut d.common.description), "Name of the unit for people"),
    full(UNIT, "Documentation", documentation, "Where to read about it: http, https, file, info and man addresses"),
    full(
        UNIT,
        "Requires",
        |l| l.dependencies(Dependency::Requires),
        "Units started with this one; if one fails or is stopped, so is this one",
    ),
    full(
        UNIT,
        "Requisite",
        |l| l.dependencies(Dependency::Requisite),
        "Units that must be active already when this one is started",
    ),
    full(
        UNIT,
        "Wants",
        |l| l.dependencies(Dependency::Wants),
        "Units started with this one; their failure does not matter",
    ),
    full(
        UNIT,
        "BindsTo",
        |l| l.dependencies(Dependency::BindsTo),
        "Like Requires=, and this unit stops whenever the other becomes inactive",
    ),
    full(UNIT, "BindTo", |l| l.dependencies(Dependency::BindsTo), "Old spelling of BindsTo="),
    full(
        UNIT,
        "Upholds",
        |l| l.dependencies(Dependency::Upholds),
        "Units that are started again whenever they are down while this one is up",
    ),
    full(UNIT, "PartOf", |l| l.dependencies(Dependency::PartOf), "Stop and restart of the named units reach this one"),
    full(
        UNIT,
        "Conflicts",
        |l| l.dependencies(Dependency::Conflicts),
        "Units that cannot be active together with this one; starting one stops the other",
    ),
    full(
        UNIT,
        "Before",
        |l| l.dependencies(Dependency::Before),
        "When both are started, this one comes first; stopped in reverse",
    ),
    full(
        UNIT,
        "After",
        |l| l.dependencies(Dependency::After),
        "When both are started, the named ones come first; stopped in reverse",
    ),
    full(UNIT, "OnFailure", |l| l.dependencies(Dependency::OnFailure), "Units started when this one fails"),
    full(UNIT, "OnSuccess", |l| l.dependencies(Dependency::OnSuccess), "Units started when this one ends well"),
    full(
        UNIT,
        "PropagatesStopTo",
        |l| l.dependencies(Dependency::PropagatesStopTo),
        "Units that are stopped with this one",
    ),
    full(
        UNIT,
        "StopPropagatedFrom",
        |l| l.dependencies(Dependency::StopPropagatedFrom),
        "Units whose stop stops this one",
    ),
    full(
        UNIT,
        "PropagatesReloadTo",
        |l| l.dependencies(Dependency::PropagatesReloadTo),
        "Units that are reloaded with this one",
    ),
    full(
        UNIT,
        "PropagateReloadTo",
        |l| l.dependencies(Dependency::PropagatesReloadTo),
        "Old spelling of PropagatesReloadTo=",
    ),
    full(
        UNIT,
        "ReloadPropagatedFrom",
        |l| l.dependencies(Dependency::ReloadPropagatedFrom),
        "Units whose reload reloads this one",
    ),
    full(
        UNIT,
        "PropagateReloadFrom",
        |l| l.dependencies(Dependency::ReloadPropagatedFrom),
        "Old spelling of ReloadPropagatedFrom=",
    ),
    full(
        UNIT,
        "JoinsNamespaceOf",
        |l| l.dependencies(Dependency::JoinsNamespaceOf),
        "Units whose private directories and networks this one shares",
    ),
    full(
        UNIT,
        "RequiresMountsFor",
        mounts,
        "Paths that must be there; porterd mounts nothing and warns if one is missing",
    ),
    full(UNIT, "WantsMountsFor", mounts, "Like RequiresMountsFor=, without the demand").since(256),
    full(
        UNIT,
        "DefaultDependencies",
        |l| l.set(scalar::boolean, |d| &mut d.common.default_dependencies),
        "Whether the usual ordering against boot and shutdown is added",
    ),
    full(
        UNIT,
        "StopWhenUnneeded",
        |l| l.set(scalar::boolean, |d| &mut d.common.stop_when_unneeded),
        "Stop when no active unit needs it any more",
    ),
    full(
        UNIT,
        "RefuseManualStart",
        |l| l.set(scalar::boolean, |d| &mut d.common.refuse_manual_start),
        "Refuse a start by hand; traffic and dependencies still start it",
    ),
    full(
        UNIT,
        "RefuseManualStop",
        |l| l.set(scalar::boolean, |d| &mut d.common.refuse_manual_stop),
        "Refuse a stop by hand",
    ),
    full(
        UNIT,
        "StartLimitIntervalSec",
        |l| l.set(time::span_usec, |d| &mut d.common.start_limit.interval_usec),
        "Window in which starts are counted; 0 counts none",
    ),
    full(
        UNIT | SERVICE,
        "StartLimitInterval",
        |l| l.set(time::span_usec, |d| &mut d.common.start_limit.interval_usec),
        "Old spelling of StartLimitIntervalSec=",
    ),
    full(
        UNIT | SERVICE,
        "StartLimitBurst",
        |l| l.set(scalar::unsigned32, |d| &mut d.common.start_limit.burst),
        "Starts that are allowed in one window",
    ),
    full(
        UNIT | SERVICE,
        "StartLimitAction",
        |l| action(l).map(|a| l.draft.common.actions.start_limit_exit = a.exits),
        "What happens when the start limit is hit; porterd can only exit",
    ),
    full(
        UNIT | SERVICE,
        "FailureAction",
        |l| action(l).map(|a| l.draft.common.actions.failure_exit = a.exits),
        "What happens when the unit fails; porterd can only exit",
    ),
    full(UNIT, "SuccessAction", success_action, "What happens when the unit ends well; porterd can only exit"),
    full(
        UNIT,
        "FailureActionExitStatus",
        |l| l.set_or_unset(exit_status, |d| &mut d.common.actions.failure_exit_status),
        "Exit status of porterd when FailureAction= makes it exit",
    ),
    full(
        UNIT,
        "SuccessActionExitStatus",
        |l| l.set_or_unset(exit_status, |d| &mut d.common.actions.success_exit_status),
        "Exit status of porterd when SuccessAction= makes it exit",
    ),
    full(
        UNIT,
        "JobTimeoutSec",
        |l| l.set(time::span_usec_zero_is_infinity, |d| &mut d.common.job_timeout_usec),
        "Longest time a queued start or stop may take",
    ),
    full(
        UNIT,
        "JobRunningTimeoutSec",
        |l| l.set(time::span_usec_zero_is_infinity, |d| &mut d.common.job_timeout_usec),
        "Longest time a start or stop may take once it runs",
    ),
    full(UNIT, "CollectMode", collect_mode, "Whether a failed unit is forgotten too: inactive or inactive-or-failed"),
    full(UNIT, "SourcePath", |_| Ok(()), "File this unit was generated from; for people only"),
    full(
        UNIT,
        "AllowIsolate",
        |l| scalar::boolean(l.text()).map(drop).map_err(Into::into),
        "Accepted; porterd never isolates a unit",
    ),
    full(
        UNIT,
        "IgnoreOnIsolate",
        |l| scalar::boolean(l.text()).map(drop).map_err(Into::into),
        "Accepted; porterd never isolates a unit",
    ),
    full(UNIT, "OnFailureJobMode", |_| Ok(()), "Accepted; units of OnFailure= are started in the ordinary way"),
    full(UNIT, "OnSuccessJobMode", |_| Ok(()), "Accepted; units of OnSuccess= are started in the ordinary way"),
    full(UNIT, "OnFailureIsolate", |_| Ok(()), "Accepted; porterd never isolates a unit"),
    full(UNIT, "SurviveFinalKillSignal", |_| Ok(()), "Spare the unit from the final killing at shutdown")
        .ignored("porterd does not end the processes of the machine")
        .since(255),
    full(UNIT, "JobTimeoutAction", |_| Ok(()), "What happens when a job times out")
        .ignored("porterd does not act on the machine"),
    full(UNIT, "JobTimeoutRebootArgument", |_| Ok(()), "Argument of a reboot after a job timeout")
        .ignored("porterd does not reboot the machine"),
    full(UNIT | SERVICE, "RebootArgument", |_| Ok(()), "Argument of a reboot by an action")
        .ignored("porterd does not reboot the machine"),
    full(UNIT, "RequiresOverridable", |_| Ok(()), "Removed from systemd")
        .ignored("it was removed from systemd; write Requires="),
    full(UNIT, "RequisiteOverridable", |_| Ok(()), "Removed from systemd")
        .ignored("it was removed from systemd; write Requisite="),
    full(UNIT, "IgnoreOnSnapshot", |_| Ok(()), "Removed from systemd").ignored("it was removed from systemd"),
    full(
        INSTALL,
        "WantedBy",
        |l| names(l, |i| &mut i.wanted_by),
        "Units that start this one when it is enabled; sockets.target is the usual one",
    ),
    full(INSTALL, "RequiredBy", |l| names(l, |i| &mut i.required_by), "Like WantedBy=, with the strength of Requires="),
    full(INSTALL, "UpheldBy", |l| names(l, |i| &mut i.upheld_by), "Like WantedBy=, with the strength of Upholds=")
        .since(254),
    full(
        INSTALL,
        "Alias",
        |l| names(l, |i| &mut i.alias),
        "Further names under which the unit is known when it is enabled",
    ),
    full(INSTALL, "Also", |l| names(l, |i| &mut i.also), "Units that are enabled and disabled together with this one"),
    full(
        INSTALL,
        "DefaultInstance",
        default_instance,
        "Instance that is enabled when a template is enabled without one",
    ),
];

macro_rules! conditions {
    ($($name:literal $since:literal $man:literal;)*) => { &[$(
        full(UNIT, concat!("Condition", $name), |l| test(l, $name, |d| &mut d.common.conditions),
            concat!("Skip the start unless ", $man)).since($since),
        full(UNIT, concat!("Assert", $name), |l| test(l, $name, |d| &mut d.common.asserts),
            concat!("Fail the start unless ", $man)).since($since),
    )*] };
}

pub(super) static CONDITIONS: &[Row] = conditions! {
    "PathExists" 0 "the path exists";
    "PathExistsGlob" 0 "something matches the pattern";
    "PathIsDirectory" 0 "the path is a directory";
    "PathIsSymbolicLink" 0 "the path is a symbolic link";
    "PathIsMountPoint" 0 "the path is a mount point";
    "PathIsReadWrite" 0 "the file system of the path is writable";
    "PathIsEncrypted" 0 "the file system of the path is encrypted";
    "PathIsSocket" 260 "the path is a socket";
    "DirectoryNotEmpty" 0 "the directory exists and is not empty";
    "FileNotEmpty" 0 "the file exists and is not empty";
    "FileIsExecutable" 0 "the file exists and is executable";
    "NeedsUpdate" 0 "the directory is older than /usr";
    "FirstBoot" 0 "this is the first boot of the machine";
    "KernelCommandLine" 0 "the kernel command line has the word";
    "KernelVersion" 0 "the kernel release matches";
    "Version" 258 "the version of the kernel, systemd or C library matches";
    "KernelModuleLoaded" 258 "the kernel module is loaded or built in";
    "Architecture" 0 "the machine has the architecture";
    "Firmware" 0 "the firmware is of the kind";
    "CPUFeature" 0 "the processor has the feature";
    "CPUs" 0 "the number of processors matches";
    "Memory" 0 "the amount of memory matches";
    "Virtualization" 0 "the virtualization matches";
    "Security" 0 "the security technology is on";
    "Capability" 0 "the capability is in the bounding set";
    "ACPower" 0 "the machine is on mains power";
    "User" 0 "porterd runs as the user";
    "Group" 0 "porterd runs in the group";
    "ControlGroupController" 0 "the cgroup controller is there";
    "Host" 0 "the host name or machine id matches";
    "Environment" 0 "the variable is set for porterd";
    "Credential" 0 "the credential was passed";
    "OSRelease" 0 "the os-release field matches";
    "MemoryPressure" 0 "memory pressure is below the limit";
    "CPUPressure" 0 "processor pressure is below the limit";
    "IOPressure" 0 "input/output pressure is below the limit";
    "MachineTag" 261 "the machine has the tag";
    "Fraction" 261 "the machine is in that part of the fleet";
};

fn test(line: &mut Line<'_>, kind: &str, field: fn(&mut Draft) -> &mut Vec<Condition>) -> Outcome {
    if line.is_empty() {
        field(line.draft).clear();
        return Ok(());
    }
    let parsed = condition::parse(kind, line.text(), |text| line.expand(text).map_err(|p| p.message))?;
    field(line.draft).push(parsed);
    Ok(())
}

fn documentation(line: &mut Line<'_>) -> Outcome {
    let known = |text: &str| -> Result<Text, String> {
        const SCHEMES: [&str; 5] = ["http://", "https://", "file:/", "info:", "man:"];
        let found = text.is_ascii() && SCHEMES.iter().any(|s| text.len() > s.len() && text.starts_with(s));
        if found { Ok(text.into()) } else { Err("not an http, https, file, info or man address".to_owned()) }
    };
    line.list(Rules::PLAIN, known, |d| &mut d.common.documentation)
}

fn mounts(line: &mut Line<'_>) -> Outcome {
    for (word, range) in line.words(Rules::PATHS) {
        match line.absolute(&word) {
            Ok(path) => line.draft.common.requires_mounts_for.push(path.into()),
            Err(why) => line.warn("invalid-item", format!("{word:?} is left out: {why}"), range),
        }
    }
    Ok(())
}

/// A parsed `…Action=`.
struct Action {
    exits: bool,
    any: bool,
}

fn action(line: &mut Line<'_>) -> Result<Action, super::Problem> {
    const ACTIONS: [&str; 15] = [
        "none",
        "reboot",
        "reboot-force",
        "reboot-immediate",
        "poweroff",
        "poweroff-force",
        "poweroff-immediate",
        "exit",
        "exit-force",
        "soft-reboot",
        "soft-reboot-force",
        "kexec",
        "kexec-force",
        "halt",
        "halt-force",
    ];
    let text = line.text().to_owned();
    if !ACTIONS.contains(&text.as_str()) && text != "halt-immediate" {
        return Err(format!("not an action; one of {}", ACTIONS.join(", ")).into());
    }
    let exits = matches!(text.as_str(), "exit" | "exit-force");
    let any = text != "none";
    if any && !exits {
        let message = format!("{text} is not carried out: porterd acts on itself only, not on the machine");
        line.warn("ignored-value", message, 0..text.len());
    }
    Ok(Action { exits, any })
}

/// A number, unlike elsewhere never a name.
fn exit_status(text: &str) -> Result<u8, String> {
    let number = scalar::unsigned32(text)?;
    u8::try_from(number).map_err(|_| format!("{number} is above 255, the highest exit status"))
}

fn success_action(line: &mut Line<'_>) -> Outcome {
    let action = action(line)?;
    line.draft.common.actions.success_exit = action.exits;
    line.draft.common.actions.success_any = action.any;
    Ok(())
}

fn collect_mode(line: &mut Line<'_>) -> Outcome {
    line.draft.common.collect_failed = match line.text() {
        "inactive" => false,
        "inactive-or-failed" => true,
        _ => return Err("neither inactive nor inactive-or-failed".into()),
    };
    Ok(())
}

fn install(draft: &mut Draft) -> &mut Install {
    draft.common.install.get_or_insert_default()
}

fn names(line: &mut Line<'_>, field: fn(&mut Install) -> &mut Vec<Text>) -> Outcome {
    if line.is_empty() {
        field(install(line.draft)).clear();
        return Ok(());
    }
    for (word, range) in line.name_words() {
        if UnitName::parse(&word).is_some() {
            field(install(line.draft)).push(word.into());
        } else {
            line.warn("invalid-unit-name", format!("{word:?} is no unit name"), range);
        }
    }
    Ok(())
}

fn default_instance(line: &mut Line<'_>) -> Outcome {
    let text = line.expand_name(line.text())?;
    install(line.draft).default_instance = (!text.is_empty()).then(|| text.into());
    Ok(())
}
