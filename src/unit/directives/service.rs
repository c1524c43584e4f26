//! Rows of the section [Service] alone.

use super::line::{Line, Outcome};
use super::{Row, SERVICE, full};
use crate::unit::service::{FailureMode, NotifyAccess, Restart, ServiceType, StorePreserve};
use crate::unit::values::{path, scalar, signal, status, time};
use crate::unit::{UnitKind, UnitName};

pub(super) static ROWS: &[Row] = &[
    full(
        SERVICE,
        "Type",
        |l| l.set_some(|t| word(t, &TYPES), |d| &mut d.given.service_type),
        "When the service counts as up: simple, exec, forking, oneshot, dbus, notify, notify-reload or idle",
    ),
    full(
        SERVICE,
        "ExitType",
        exit_type,
        "Whether the service ends with its main process or with its last one: main or cgroup",
    ),
    full(
        SERVICE,
        "ExecCondition",
        |l| l.commands(|d| &mut d.more.exec_condition),
        "Commands that decide whether the service is started; exit status 1 to 254 skips it",
    ),
    full(SERVICE, "ExecStartPre", |l| l.commands(|d| &mut d.more.exec_start_pre), "Commands run before ExecStart="),
    full(SERVICE, "ExecStart", |l| l.commands(|d| &mut d.service.exec_start), "The command that is the service"),
    full(
        SERVICE,
        "ExecStartPost",
        |l| l.commands(|d| &mut d.more.exec_start_post),
        "Commands run once the service is up",
    ),
    full(
        SERVICE,
        "ExecReload",
        |l| l.commands(|d| &mut d.more.exec_reload),
        "Commands that make the service read its configuration again",
    ),
    full(SERVICE, "ExecReloadPost", commands_only, "Commands run after a reload")
        .not_yet("it is read, and not run")
        .since(259),
    full(
        SERVICE,
        "ExecStop",
        |l| l.commands(|d| &mut d.more.exec_stop),
        "Commands that stop the service; signals follow",
    ),
    full(
        SERVICE,
        "ExecStopPost",
        |l| l.commands(|d| &mut d.more.exec_stop_post),
        "Commands run when the service has ended, however it ended",
    ),
    full(SERVICE, "PIDFile", pid_file, "File in which a forking service writes the pid of its main process"),
    full(
        SERVICE,
        "GuessMainPID",
        |l| l.set(scalar::boolean, |d| &mut d.more.guess_main_pid),
        "Guess the main process of a forking service without PIDFile=",
    ),
    full(SERVICE, "BusName", bus_name, "D-Bus name whose appearance means that the service is up"),
    full(
        SERVICE,
        "Restart",
        |l| l.set(|t| word(t, &RESTARTS), |d| &mut d.service.restart),
        "When to start again by itself: no, always, on-success, on-failure, on-abnormal, on-abort or on-watchdog",
    ),
    full(
        SERVICE,
        "RestartMode",
        restart_mode,
        "Whether a restart passes through the inactive state: normal, direct or debug",
    )
    .since(254),
    full(SERVICE, "RestartSec", |l| l.set(time::span_usec, |d| &mut d.more.restart_usec), "Pause before a restart"),
    full(
        SERVICE,
        "RestartSteps",
        |l| l.set(scalar::unsigned32, |d| &mut d.more.restart_steps),
        "Restarts in which the pause grows to RestartMaxDelaySec=",
    )
    .since(254),
    full(
        SERVICE,
        "RestartMaxDelaySec",
        |l| l.set(time::span_usec, |d| &mut d.more.restart_max_delay_usec),
        "Longest pause before a restart",
    )
    .since(254),
    full(SERVICE, "TimeoutStartSec", timeout_start, "Longest time until the service is up; 0 is no limit"),
    full(
        SERVICE,
        "TimeoutStopSec",
        |l| l.set(time::span_usec_zero_is_infinity, |d| &mut d.service.timeout_stop_usec),
        "Longest time each step of a stop may take; 0 is no limit",
    ),
    full(SERVICE, "TimeoutSec", timeout_both, "TimeoutStartSec= and TimeoutStopSec= at once"),
    full(
        SERVICE,
        "TimeoutAbortSec",
        |l| l.set_or_unset(time::span_usec, |d| &mut d.more.timeout_abort_usec),
        "Longest time an aborted service may take to write its core dump",
    ),
    full(
        SERVICE,
        "TimeoutStartFailureMode",
        |l| l.set(|t| word(t, &FAILURE_MODES), |d| &mut d.more.timeout_start_failure_mode),
        "What follows a start timeout: terminate, abort or kill",
    ),
    full(
        SERVICE,
        "TimeoutStopFailureMode",
        |l| l.set(|t| word(t, &FAILURE_MODES), |d| &mut d.more.timeout_stop_failure_mode),
        "What follows a stop timeout: terminate, abort or kill",
    ),
    full(
        SERVICE,
        "RuntimeMaxSec",
        |l| l.set(time::span_usec, |d| &mut d.more.runtime_max_usec),
        "Longest time the service may be up",
    ),
    full(
        SERVICE,
        "RuntimeRandomizedExtraSec",
        |l| l.set(time::span_usec, |d| &mut d.more.runtime_randomized_extra_usec),
        "Random time added to RuntimeMaxSec=",
    ),
    full(
        SERVICE,
        "WatchdogSec",
        |l| l.set(time::span_usec, |d| &mut d.more.watchdog_usec),
        "Longest time between two signs of life of the service; 0 is off",
    ),
    full(
        SERVICE,
        "PermissionsStartOnly",
        |l| l.set(scalar::boolean, |d| &mut d.more.permissions_start_only),
        "Run all commands but ExecStart= with full privileges; old, write + before the command",
    ),
    full(
        SERVICE,
        "RootDirectoryStartOnly",
        |l| l.set(scalar::boolean, |d| &mut d.more.root_directory_start_only),
        "Run all commands but ExecStart= outside RootDirectory=",
    ),
    full(
        SERVICE,
        "RemainAfterExit",
        |l| l.set(scalar::boolean, |d| &mut d.service.remain_after_exit),
        "The service stays active when its processes are gone",
    ),
    full(
        SERVICE,
        "SuccessExitStatus",
        |l| statuses(l, |d| &mut d.more.success_exit_status),
        "Exit codes and signals that count as success",
    ),
    full(
        SERVICE,
        "RestartPreventExitStatus",
        |l| statuses(l, |d| &mut d.more.restart_prevent_exit_status),
        "Exit codes and signals after which the service is not restarted",
    ),
    full(
        SERVICE,
        "RestartForceExitStatus",
        |l| statuses(l, |d| &mut d.more.restart_force_exit_status),
        "Exit codes and signals after which the service is restarted whatever Restart= says",
    ),
    full(
        SERVICE,
        "NonBlocking",
        |l| l.set(scalar::boolean, |d| &mut d.service.non_blocking),
        "Hand over sockets in non-blocking mode",
    ),
    full(
        SERVICE,
        "NotifyAccess",
        |l| l.set(|t| word(t, &ACCESSES), |d| &mut d.service.notify_access),
        "Whose status messages count: none, main, exec or all",
    ),
    full(SERVICE, "Sockets", sockets, "Sockets handed to the service beside those that start it"),
    full(
        SERVICE,
        "FileDescriptorStoreMax",
        |l| l.set(scalar::unsigned32, |d| &mut d.more.file_descriptor_store_max),
        "Descriptors the service may leave with porterd, at most",
    ),
    full(
        SERVICE,
        "FileDescriptorStorePreserve",
        store_preserve,
        "When stored descriptors are kept: no, restart, yes or on-success",
    )
    .since(254),
    full(
        SERVICE,
        "ReloadSignal",
        |l| l.set(signal::signal, |d| &mut d.more.reload_signal),
        "Signal that makes a notify-reload service read its configuration again",
    )
    .since(253),
    full(
        SERVICE,
        "USBFunctionDescriptors",
        |l| l.path(|d| &mut d.more.usb_function_descriptors),
        "File with the USB descriptors for ListenUSBFunction=",
    ),
    full(
        SERVICE,
        "USBFunctionStrings",
        |l| l.path(|d| &mut d.more.usb_function_strings),
        "File with the USB strings for ListenUSBFunction=",
    ),
    full(SERVICE, "OOMPolicy", |_| Ok(()), "What happens when the kernel kills a process for lack of memory")
        .not_yet("an out-of-memory kill counts as any other signal"),
    full(SERVICE, "OpenFile", |_| Ok(()), "Files that are opened and handed to the service")
        .missing("the files are not opened")
        .since(253),
    full(SERVICE, "RefreshOnReload", |_| Ok(()), "What is set up anew at a reload")
        .not_yet("a reload sets up nothing anew")
        .since(260),
    full(SERVICE, "SysVStartPriority", |_| Ok(()), "Removed from systemd").ignored("it was removed from systemd"),
    full(SERVICE, "BusPolicy", |_| Ok(()), "Removed from systemd").ignored("it was removed from systemd"),
];

const TYPES: [(&str, ServiceType); 8] = [
    ("simple", ServiceType::Simple),
    ("exec", ServiceType::Exec),
    ("forking", ServiceType::Forking),
    ("oneshot", ServiceType::Oneshot),
    ("dbus", ServiceType::Dbus),
    ("notify", ServiceType::Notify),
    ("notify-reload", ServiceType::NotifyReload),
    ("idle", ServiceType::Idle),
];
const RESTARTS: [(&str, Restart); 7] = [
    ("no", Restart::No),
    ("always", Restart::Always),
    ("on-success", Restart::OnSuccess),
    ("on-failure", Restart::OnFailure),
    ("on-abnormal", Restart::OnAbnormal),
    ("on-abort", Restart::OnAbort),
    ("on-watchdog", Restart::OnWatchdog),
];
const ACCESSES: [(&str, NotifyAccess); 4] = [
    ("none", NotifyAccess::None),
    ("main", NotifyAccess::Main),
    ("exec", NotifyAccess::Exec),
    ("all", NotifyAccess::All),
];
const FAILURE_MODES: [(&str, FailureMode); 3] =
    [("terminate", FailureMode::Terminate), ("abort", FailureMode::Abort), ("kill", FailureMode::Kill)];
const PRESERVES: [(&str, StorePreserve); 4] = [
    ("no", StorePreserve::No),
    ("restart", StorePreserve::Restart),
    ("yes", StorePreserve::Yes),
    ("on-success", StorePreserve::OnSuccess),
];

/// Longest D-Bus name, in bytes.
const BUS_NAME_BYTES_MAX: usize = 255;

/// The meaning of one of a few words.
pub(super) fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        format!("not one of {}", list.join(", "))
    })
}

/// The word of a value, for `show`.
pub(super) fn name_of<T: PartialEq>(value: &T, words: &[(&'static str, T)]) -> &'static str {
    words.iter().find(|(_, v)| v == value).map_or("", |(word, _)| word)
}

/// `Type=` as written.
pub fn type_name(value: ServiceType) -> &'static str {
    name_of(&value, &TYPES)
}

/// `Restart=` as written.
pub fn restart_name(value: Restart) -> &'static str {
    name_of(&value, &RESTARTS)
}

/// `NotifyAccess=` as written.
pub fn access_name(value: NotifyAccess) -> &'static str {
    name_of(&value, &ACCESSES)
}

/// `TimeoutStartFailureMode=` and `TimeoutStopFailureMode=` as written.
pub fn failure_mode_name(value: FailureMode) -> &'static str {
    name_of(&value, &FAILURE_MODES)
}

/// `FileDescriptorStorePreserve=` as written.
pub fn preserve_name(value: StorePreserve) -> &'static str {
    name_of(&value, &PRESERVES)
}

fn exit_type(line: &mut Line<'_>) -> Outcome {
    line.draft.more.exit_type_cgroup = word(line.text(), &[("main", false), ("cgroup", true)])?;
    Ok(())
}

fn restart_mode(line: &mut Line<'_>) -> Outcome {
    line.draft.more.restart_direct = word(line.text(), &[("normal", false), ("direct", true), ("debug", false)])?;
    Ok(())
}

fn store_preserve(line: &mut Line<'_>) -> Outcome {
    let text = line.text();
    line.draft.more.file_descriptor_store_preserve = match scalar::boolean(text) {
        Ok(true) => StorePreserve::Yes,
        Ok(false) => StorePreserve::No,
        Err(_) => word(text, &PRESERVES)?,
    };
    Ok(())
}

fn timeout_start(line: &mut Line<'_>) -> Outcome {
    line.set(time::span_usec_zero_is_infinity, |d| &mut d.service.timeout_start_usec)?;
    line.draft.given.timeout_start = true;
    Ok(())
}

fn timeout_both(line: &mut Line<'_>) -> Outcome {
    timeout_start(line)?;
    line.draft.service.timeout_stop_usec = line.draft.service.timeout_start_usec;
    Ok(())
}

/// Checked as systemd checks it; the commands end with the draft.
fn commands_only(line: &mut Line<'_>) -> Outcome {
    line.commands(|d| &mut d.unread_commands)
}

fn pid_file(line: &mut Line<'_>) -> Outcome {
    if line.is_empty() {
        line.draft.more.pid_file = None;
        return Ok(());
    }
    let text = line.expand(line.text())?;
    let whole = if text.starts_with('/') { text } else { format!("/run/{text}") };
    // A path with `..` refuses the unit as a whole, see `finish`.
    let mut file = path::simplify(&whole);
    if let Some(now) = path::strip_var_run(&file) {
        line.warn("moved-path", format!("/var/run is an old name of /run; using {now}"), 0..usize::MAX);
        file = now;
    }
    line.draft.more.pid_file = Some(file.into());
    Ok(())
}

fn bus_name(line: &mut Line<'_>) -> Outcome {
    let check = |text: &str| -> Result<String, String> {
        let parts_ok = text.split('.').all(|part| {
            !part.is_empty()
                && !part.starts_with(|c: char| c.is_ascii_digit())
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        });
        if parts_ok && text.contains('.') && text.len() <= BUS_NAME_BYTES_MAX {
            Ok(text.to_owned())
        } else {
            Err("not a well-known D-Bus name such as org.example.Name".to_owned())
        }
    };
    line.checked(check, |d| &mut d.more.bus_name)
}

fn statuses(line: &mut Line<'_>, field: super::line::Field<crate::unit::service::StatusSet>) -> Outcome {
    if line.is_empty() {
        *field(line.draft) = Default::default();
        return Ok(());
    }
    let (set, left_out) = status::status_set(line.text());
    for why in left_out {
        line.warn("invalid-item", why, 0..usize::MAX);
    }
    status::merge(field(line.draft), &set);
    Ok(())
}

fn sockets(line: &mut Line<'_>) -> Outcome {
    for (word, range) in line.name_words() {
        match UnitName::parse(&word).filter(|n| n.kind() == UnitKind::Socket && !n.is_template()) {
            Some(name) => line.draft.given.sockets.push(name),
            None => line.warn("invalid-unit-name", format!("{word:?} is not the name of a socket"), range),
        }
    }
    Ok(())
}
