//! Properties as `show` prints them: settings from the unit, states from the engine.

use super::files::file_state;
use crate::control::wire::{Property, Reply, Show, ShowReply, UnitProperties};
use crate::engine::event::ExitStatus;
use crate::engine::status::{Detail, ProcessStatus, UnitStatus};
use crate::ids::{INFINITY_USEC, Mono};
use crate::plan::exec::default_limits;
use crate::runtime::clock;
use crate::runtime::turn::Daemon;
use crate::unit::service::ServiceType;
use crate::unit::values::signal::signal_name;
use crate::unit::values::time::format_span;
use crate::unit::{Body, LoadState, Unit, UnitKind, UnitName, show};
use std::collections::BTreeSet;

/// Dependencies that only other units can have written; shown even if nobody did.
const REVERSE: [&str; 9] = [
    "RequiredBy",
    "RequisiteOf",
    "WantedBy",
    "BoundBy",
    "UpheldBy",
    "ConsistsOf",
    "ConflictedBy",
    "OnSuccessOf",
    "OnFailureOf",
];

type Properties = Vec<(&'static str, String)>;

impl Daemon {
    pub(super) fn show(&mut self, wanted: &Show) -> Reply {
        let names: Vec<UnitName> = wanted.units.iter().filter_map(|text| UnitName::parse(text)).collect();
        self.ensure_loaded(&names);
        let enabled = self.enabled_names();
        let units = names.iter().map(|name| self.show_one(name, &enabled, &wanted.properties)).collect();
        Reply::Show(ShowReply { units })
    }

    fn show_one(&mut self, name: &UnitName, enabled: &BTreeSet<String>, wanted: &[String]) -> UnitProperties {
        let asked = |property: &str| wanted.is_empty() || wanted.iter().any(|name| name == property);
        let mut all = Properties::new();
        match self.engine.status(name.as_str()) {
            Some(state) => {
                self.states(&state, &mut all);
                // What the engine made of the dependencies goes before what the files say.
                all.extend(state.related.iter().map(|(property, units)| (*property, join(units))));
                root_mount(&state.unit, &mut all);
                journal_order(&state.unit, &mut all);
                generic(&state.unit, enabled, &mut all);
                let absent = |property: &&str| all.iter().all(|(known, _)| known != property);
                let nobody: Vec<&str> = REVERSE.into_iter().filter(absent).collect();
                all.extend(nobody.into_iter().map(|property| (property, String::new())));
                all.push(("CanStart", yes(state.can_start)));
                all.push(("CanStop", yes(!state.unit.common.refuse_manual_stop)));
                all.push(("CanReload", yes(state.can_reload)));
            }
            None => {
                let unit = self.unit_of(name);
                let down = [("ActiveState", "inactive"), ("SubState", "dead"), ("Result", "success")];
                all.extend(down.map(|(property, value)| (property, value.to_owned())));
                generic(&unit, enabled, &mut all);
            }
        }
        let unit = self.unit_of(name);
        if asked("NeedDaemonReload") {
            all.push(("NeedDaemonReload", yes(self.needs_reload(&unit))));
        }
        all.extend(["CanIsolate", "Perpetual", "Transient"].map(|property| (property, yes(false))));
        self.limits(&unit, &mut all);
        let mut properties: Vec<Property> = all
            .into_iter()
            .filter(|(property, _)| asked(property))
            .map(|(name, value)| Property { name: name.to_owned(), value })
            .collect();
        order(&mut properties);
        UnitProperties { unit: name.as_str().to_owned(), properties }
    }

    fn states(&self, state: &UnitStatus, out: &mut Properties) {
        out.push(("ActiveState", state.active.as_str().to_owned()));
        out.push(("SubState", state.sub.to_owned()));
        out.push(("Result", state.result.to_owned()));
        let moments = &state.moments;
        // Assertions are looked at where the conditions are met, at the same time.
        let asserted = moments.condition.get().filter(|_| state.condition_result);
        stamp(["StateChangeTimestamp", "StateChangeTimestampMonotonic"], moments.state_change.get(), out);
        stamp(["InactiveExitTimestamp", "InactiveExitTimestampMonotonic"], moments.inactive_exit.get(), out);
        stamp(["ActiveEnterTimestamp", "ActiveEnterTimestampMonotonic"], moments.active_enter.get(), out);
        stamp(["ActiveExitTimestamp", "ActiveExitTimestampMonotonic"], moments.active_exit.get(), out);
        stamp(["InactiveEnterTimestamp", "InactiveEnterTimestampMonotonic"], moments.inactive_enter.get(), out);
        stamp(["ConditionTimestamp", "ConditionTimestampMonotonic"], moments.condition.get(), out);
        stamp(["AssertTimestamp", "AssertTimestampMonotonic"], asserted, out);
        out.push(("ConditionResult", yes(state.condition_result)));
        out.push(("AssertResult", yes(state.assert_result)));
        out.push((
            "InvocationID",
            if state.invocation == 0 { String::new() } else { format!("{:032x}", state.invocation) },
        ));
        out.push(("Description", state.description.clone()));
        out.push(("Job", state.job.unwrap_or_default().to_owned()));
        if let Some((reason, _)) = &state.waiting {
            out.push(("WaitingReason", reason.clone()));
        }
        self.detail(state, out);
    }

    /// Those that the unit does not set.
    fn limits(&self, unit: &Unit, all: &mut Properties) {
        let is_process = matches!(unit.body, Body::Service(_) | Body::Socket(_));
        if !is_process || unit.load != LoadState::Loaded {
            return;
        }
        for both in default_limits(&self.world.facts.ambient).map(|limit| show::limit(&limit)) {
            if all.iter().all(|(known, _)| *known != both[0].0) {
                all.extend(both);
            }
        }
    }

    fn detail(&self, state: &UnitStatus, out: &mut Properties) {
        match &state.detail {
            Detail::Socket { accepted, connections, refused, control, .. } => {
                out.push(("NAccepted", accepted.to_string()));
                out.push(("NConnections", connections.to_string()));
                out.push(("NRefused", refused.to_string()));
                out.push(("ControlPID", pid(control.as_ref())));
                for port in self.ports(state) {
                    out.push(("Listen", format!("{} ({})", port.display, port.type_word)));
                }
            }
            Detail::Service(service) => {
                out.push(("MainPID", pid(service.main.as_ref())));
                out.push(("ControlPID", pid(service.control.as_ref())));
                out.push(("NRestarts", service.restarts.to_string()));
                out.push(("StatusText", service.status_text.as_deref().unwrap_or_default().to_owned()));
                out.push(("StatusErrno", service.status_errno.to_string()));
                // Before the first start none is in force.
                let watchdog_usec = if state.invocation == 0 { INFINITY_USEC } else { service.watchdog_usec };
                out.push(("WatchdogUSec", format_span(watchdog_usec)));
                out.push(("NFileDescriptorStore", service.stored.to_string()));
                out.push(("ReloadResult", service.reload_result.to_owned()));
                exec_main(service.main.as_ref(), out);
                exec_start(&state.unit, service.main.as_ref(), out);
            }
            Detail::Other => {}
        }
        if let Some(run) = self.world.runs.get(&state.id)
            && let (Some(group), Some(root)) = (&run.group, self.world.groups.root())
        {
            let path = root.join(group.path());
            out.push(("ControlGroup", format!("/{}", path.strip_prefix("/sys/fs/cgroup").unwrap_or(&path).display())));
        } else if !matches!(state.detail, Detail::Other) {
            out.push(("ControlGroup", String::new()));
        }
    }
}

/// `ExecMain…`: the last main process, running or ended, with si_code's numbers.
fn exec_main(main: Option<&ProcessStatus>, out: &mut Properties) {
    let (code, status) = match main.and_then(|process| process.ended).map(|(_, exit)| exit) {
        None | Some(ExitStatus::Unknown) => (0, 0),
        Some(ExitStatus::Code(code)) => (libc::CLD_EXITED, code),
        Some(ExitStatus::Signal(signal)) => (libc::CLD_KILLED, signal),
        Some(ExitStatus::Dumped(signal)) => (libc::CLD_DUMPED, signal),
    };
    out.push(("ExecMainPID", main.map_or(0, |process| process.pid).to_string()));
    let started = main.map(|process| process.started);
    stamp(["ExecMainStartTimestamp", "ExecMainStartTimestampMonotonic"], started, out);
    let ended = main.and_then(|process| process.ended).map(|(at, _)| at);
    stamp(["ExecMainExitTimestamp", "ExecMainExitTimestampMonotonic"], ended, out);
    out.push(("ExecMainCode", code.to_string()));
    out.push(("ExecMainStatus", status.to_string()));
}

/// The command that the main process was made of, with how it went.
fn exec_start(unit: &Unit, main: Option<&ProcessStatus>, out: &mut Properties) {
    let (Body::Service(service), Some(main)) = (&unit.body, main) else {
        return;
    };
    let [command] = service.exec_start.as_slice() else {
        return;
    };
    if service.service_type == ServiceType::Forking {
        return;
    }
    let (stop, code) = match &main.ended {
        None => ("n/a".to_owned(), "(null) ; status=0/0".to_owned()),
        Some((at, exit)) => (timestamp(*at), how_it_ended(*exit)),
    };
    let run = format!("start_time=[{}] ; stop_time=[{stop}] ; pid={} ; code={code}", timestamp(main.started), main.pid);
    out.push(("ExecStart", show::command_text(command, &run)));
    out.push(("ExecStartEx", show::command_text_ex(command, &run)));
}

fn how_it_ended(exit: ExitStatus) -> String {
    let by = |signal: u8| signal_name(i32::from(signal)).trim_start_matches("SIG").to_owned();
    match exit {
        ExitStatus::Unknown => "(null) ; status=0/0".to_owned(),
        ExitStatus::Code(code) => format!("exited ; status={code}"),
        ExitStatus::Signal(signal) => format!("killed ; status={signal}/{}", by(signal)),
        ExitStatus::Dumped(signal) => format!("dumped ; status={signal}/{}", by(signal)),
    }
}

/// A moment on both clocks: words and microseconds.
fn stamp([wall, monotonic]: [&'static str; 2], at: Option<Mono>, out: &mut Properties) {
    out.push((wall, at.map(timestamp).unwrap_or_default()));
    out.push((monotonic, at.map_or(0, |at| at.0).to_string()));
}

/// Of a process that runs; 0 is none.
fn pid(process: Option<&ProcessStatus>) -> String {
    process.filter(|process| process.ended.is_none()).map_or(0, |process| process.pid).to_string()
}

/// What the files say, and how they are installed.
fn generic(unit: &Unit, enabled: &BTreeSet<String>, out: &mut Properties) {
    out.push(("UnitFileState", file_state(unit, enabled).to_owned()));
    let known: BTreeSet<&str> = out.iter().map(|(property, _)| *property).collect();
    let settings =
        show::properties(unit).into_iter().filter(|(property, _)| !known.contains(property)).collect::<Vec<_>>();
    out.extend(settings);
    if matches!(unit.name.kind(), UnitKind::Target | UnitKind::Slice | UnitKind::Foreign) {
        out.retain(|(property, _)| *property != "Result");
    }
}

/// systemd's order begins with what scripts ask for; the rest is sorted by name, repeated ones stay
/// in their order.
const FIRST: [&str; 8] = ["Id", "Names", "Description", "LoadState", "LoadError", "ActiveState", "SubState", "Result"];

fn order(properties: &mut [Property]) {
    let rank = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
    properties.sort_by(|a, b| (rank(&a.name), &a.name).cmp(&(rank(&b.name), &b.name)));
}

fn yes(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

/// Whoever needs mounts comes after that of the root, which is always there.
fn root_mount(unit: &Unit, all: &mut Properties) {
    let after = all.iter_mut().find(|(property, _)| *property == "After");
    if let Some((_, names)) = after.filter(|_| !unit.common.requires_mounts_for.is_empty()) {
        names.push_str(" -.mount");
    }
}

/// What writes into the journal comes after its socket, which on hosts of porterd nobody waits for.
fn journal_order(unit: &Unit, all: &mut Properties) {
    let exec = match &unit.body {
        Body::Service(service) => &service.exec,
        Body::Socket(socket) if socket.has_commands() => &socket.exec,
        Body::Socket(_) | Body::Target | Body::Slice | Body::Foreign => return,
    };
    if unit.load != LoadState::Loaded || !exec.logs() {
        return;
    }
    match all.iter_mut().find(|(property, _)| *property == "After") {
        Some((_, names)) => names.push_str(" systemd-journald.socket"),
        None => all.push(("After", "systemd-journald.socket".to_owned())),
    }
}

fn join(units: &[UnitName]) -> String {
    units.iter().map(|name| show::quoted(name.as_str())).collect::<Vec<_>>().join(" ")
}

/// As `systemctl show` prints moments, in UTC: `Sun 2026-11-22 17:05:00 UTC`.
fn timestamp(at: Mono) -> String {
    let seconds = clock::realtime_of(at) / 1_000_000;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][(days % 7) as usize];
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{weekday} {year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Year, month and day of a day since 1970, by years that begin in March.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_779), (2026, 11, 22));
    }
}
