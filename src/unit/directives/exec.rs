//! Rows shared by [Socket] and [Service]: identity, environment, directories, limits, ending.

use super::line::{Field, Line, Outcome, Problem};
use super::service::{name_of, word};
use super::{BOTH, Row, full};
use crate::ids::Text;
use crate::unit::exec::{EnvironmentFile, KillMode, Resource, WorkingDirectory};
use crate::unit::values::{environment, limit, names, scalar, signal};
use crate::unit::{UnitKind, UnitName};

pub(super) static ROWS: &[Row] = &[
    full(BOTH, "User", |l| l.identity(|d| &mut d.exec.user), "User that commands run as"),
    full(BOTH, "Group", |l| l.identity(|d| &mut d.exec.group), "Group that commands run as"),
    full(BOTH, "SupplementaryGroups", supplementary_groups, "Further groups of the processes"),
    full(BOTH, "Environment", environment, "Variables for the commands"),
    full(BOTH, "EnvironmentFile", environment_file, "Files with variables for the commands, read at each start"),
    full(
        BOTH,
        "PassEnvironment",
        |l| variables(l, environment::names, |d| &mut d.exec.pass_environment),
        "Variables of porterd's own environment that are passed on",
    ),
    full(
        BOTH,
        "UnsetEnvironment",
        |l| variables(l, environment::names_or_assignments, |d| &mut d.exec.unset_environment),
        "Variables that are taken away at the end",
    ),
    full(BOTH, "WorkingDirectory", working_directory, "Directory in which commands start; ~ is the home of User="),
    full(
        BOTH,
        "RootDirectory",
        |l| l.path(|d| &mut d.exec.root_directory).map_err(|p| p.fatal("bad-directory")),
        "Directory that is the root for commands",
    ),
    full(BOTH, "UMask", |l| l.set_some(scalar::mode, |d| &mut d.exec.umask), "Permissions that new files do not get"),
    full(BOTH, "LimitCPU", |l| limit(l, Resource::Cpu), "Processor time in seconds"),
    full(BOTH, "LimitFSIZE", |l| limit(l, Resource::Fsize), "Size of files that are written, in bytes"),
    full(BOTH, "LimitDATA", |l| limit(l, Resource::Data), "Size of the data segment, in bytes"),
    full(BOTH, "LimitSTACK", |l| limit(l, Resource::Stack), "Size of the stack, in bytes"),
    full(BOTH, "LimitCORE", |l| limit(l, Resource::Core), "Size of core dumps, in bytes"),
    full(BOTH, "LimitRSS", |l| limit(l, Resource::Rss), "Resident memory, in bytes; Linux ignores it"),
    full(BOTH, "LimitNOFILE", |l| limit(l, Resource::Nofile), "Number of open descriptors"),
    full(BOTH, "LimitAS", |l| limit(l, Resource::As), "Size of the address space, in bytes"),
    full(BOTH, "LimitNPROC", |l| limit(l, Resource::Nproc), "Number of processes of the user"),
    full(BOTH, "LimitMEMLOCK", |l| limit(l, Resource::Memlock), "Memory that may be locked, in bytes"),
    full(BOTH, "LimitLOCKS", |l| limit(l, Resource::Locks), "Number of file locks; Linux ignores it"),
    full(BOTH, "LimitSIGPENDING", |l| limit(l, Resource::Sigpending), "Number of queued signals"),
    full(BOTH, "LimitMSGQUEUE", |l| limit(l, Resource::Msgqueue), "Size of POSIX message queues of the user, in bytes"),
    full(BOTH, "LimitNICE", |l| limit(l, Resource::Nice), "Best nice level a process may give itself"),
    full(BOTH, "LimitRTPRIO", |l| limit(l, Resource::Rtprio), "Best real-time priority a process may give itself"),
    full(
        BOTH,
        "LimitRTTIME",
        |l| limit(l, Resource::Rttime),
        "Real-time processor time without a pause, in microseconds",
    ),
    full(BOTH, "IgnoreSIGPIPE", ignore_sigpipe, "Whether processes start with SIGPIPE ignored; on unless set"),
    full(
        BOTH,
        "NoNewPrivileges",
        |l| l.set(scalar::boolean, |d| &mut d.exec.no_new_privileges),
        "Processes cannot gain privileges, not even by setuid programs",
    ),
    full(BOTH, "Slice", slice, "Place of the unit in the tree of control groups"),
    full(BOTH, "PAMName", pam_name, "PAM service that makes a session for the processes")
        .ignored("porterd makes no PAM sessions"),
    full(
        BOTH,
        "KillMode",
        |l| l.set(|t| word(t, &KILL_MODES), |d| &mut d.kill.kill_mode),
        "Which processes a stop ends: control-group, mixed, process or none",
    ),
    full(BOTH, "KillSignal", |l| l.set(signal::signal, |d| &mut d.kill.kill_signal), "Signal that a stop sends first"),
    full(
        BOTH,
        "RestartKillSignal",
        |l| l.set_some(signal::signal, |d| &mut d.kill.restart_kill_signal),
        "Signal that a restart sends first, instead of KillSignal=",
    ),
    full(
        BOTH,
        "FinalKillSignal",
        |l| l.set(signal::signal, |d| &mut d.kill.final_kill_signal),
        "Signal for what is left after the timeout",
    ),
    full(
        BOTH,
        "WatchdogSignal",
        |l| l.set(signal::signal, |d| &mut d.kill.watchdog_signal),
        "Signal sent when the watchdog is not fed",
    ),
    full(
        BOTH,
        "SendSIGHUP",
        |l| l.set(scalar::boolean, |d| &mut d.kill.send_sighup),
        "Send SIGHUP right after the first signal",
    ),
    full(
        BOTH,
        "SendSIGKILL",
        |l| l.set(scalar::boolean, |d| &mut d.kill.send_sigkill),
        "Kill what is left after the timeout",
    ),
];

const KILL_MODES: [(&str, KillMode); 4] = [
    ("control-group", KillMode::ControlGroup),
    ("mixed", KillMode::Mixed),
    ("process", KillMode::Process),
    ("none", KillMode::None),
];

/// `KillMode=` as written.
pub fn kill_mode_name(value: KillMode) -> &'static str {
    name_of(&value, &KILL_MODES)
}

fn supplementary_groups(line: &mut Line<'_>) -> Outcome {
    if line.is_empty() {
        line.draft.exec.supplementary_groups.clear();
        return Ok(());
    }
    let text = line.text().to_owned();
    for word in text.split_ascii_whitespace() {
        let group = line.expand(word).map_err(|p| p.fatal("bad-user"))?;
        let group = names::user_or_group(&group).map_err(|why| Problem::from(why).fatal("bad-user"))?;
        line.draft.exec.supplementary_groups.push(group.into());
    }
    Ok(())
}

fn environment(line: &mut Line<'_>) -> Outcome {
    if line.is_empty() {
        line.draft.exec.environment.clear();
        return Ok(());
    }
    let reading = line.reading;
    let (variables, remarks) = environment::assignments(line.text(), &|text| reading.expand(text));
    line.remarks("invalid-item", remarks);
    for (name, value) in variables {
        let all = &mut line.draft.exec.environment;
        match all.iter_mut().find(|(n, _)| **n == *name) {
            Some((_, old)) => *old = value.into(),
            None => all.push((name.into(), value.into())),
        }
    }
    Ok(())
}

/// Reads a list of variables' names.
type Names = fn(&str, &dyn Fn(&str) -> Result<String, String>) -> (Vec<String>, Vec<environment::Remark>);

fn variables(line: &mut Line<'_>, read: Names, field: Field<Vec<Text>>) -> Outcome {
    if line.is_empty() {
        field(line.draft).clear();
        return Ok(());
    }
    let reading = line.reading;
    let (names, remarks) = read(line.text(), &|text| reading.expand(text));
    line.remarks("invalid-item", remarks);
    field(line.draft).extend(names.into_iter().map(Text::from));
    Ok(())
}

fn environment_file(line: &mut Line<'_>) -> Outcome {
    if line.is_empty() {
        line.draft.exec.environment_file.clear();
        return Ok(());
    }
    let text = line.expand(line.text())?;
    let (optional, rest) = optional(&text);
    let pattern = line.absolute(rest)?;
    line.draft.exec.environment_file.push(EnvironmentFile { pattern: pattern.into(), optional });
    Ok(())
}

/// Splits off the prefix `-`.
fn optional(text: &str) -> (bool, &str) {
    text.strip_prefix('-').map_or((false, text), |rest| (true, rest))
}

fn working_directory(line: &mut Line<'_>) -> Outcome {
    if line.is_empty() {
        line.draft.exec.working_directory = None;
        return Ok(());
    }
    let text = line.text().to_owned();
    let (optional, rest) = optional(&text);
    let path = if rest == "~" { Ok(None) } else { home_or_path(line, rest).map(Some) };
    let path = path.map_err(|problem| if optional { problem } else { problem.fatal("bad-directory") })?;
    line.draft.exec.working_directory = Some(WorkingDirectory { path, optional });
    Ok(())
}

fn home_or_path(line: &Line<'_>, text: &str) -> Result<Text, Problem> {
    Ok(line.absolute(&line.expand(text)?)?.into())
}

fn limit(line: &mut Line<'_>, resource: Resource) -> Outcome {
    let limit = limit::limit(resource, line.text())?;
    let limits = &mut line.draft.exec.limits;
    limits.retain(|(r, _)| *r != resource);
    limits.push((resource, limit));
    limits.sort_by_key(|(r, _)| *r);
    Ok(())
}

fn ignore_sigpipe(line: &mut Line<'_>) -> Outcome {
    line.draft.exec.deliver_sigpipe = !scalar::boolean(line.text())?;
    Ok(())
}

fn slice(line: &mut Line<'_>) -> Outcome {
    let text = line.expand_name(line.text())?;
    let name = UnitName::parse(&text).filter(|n| n.kind() == UnitKind::Slice && n.instance().is_none());
    let name = name.ok_or("not the name of a slice")?;
    line.draft.exec.slice = Some(name.text());
    Ok(())
}

fn pam_name(line: &mut Line<'_>) -> Outcome {
    line.draft.given.pam_name = !line.expand(line.text())?.is_empty();
    Ok(())
}
