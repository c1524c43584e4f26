//! Everything `status` prints, gathered from the engine, the processes and the log.

use super::files::file_state;
use super::list::related;
use crate::control::wire::{
    ControlProcess, ListenLine, LogLine, NotApplied, ProcessLine, Related, Reply, RuleCount, Status, StatusReply,
    UnitStatus, Waiting,
};
use crate::engine::admission::Rule;
use crate::engine::event::ExitStatus;
use crate::engine::status::{Detail, ProcessStatus, UnitStatus as State};
use crate::ids::Mono;
use crate::linux::process;
use crate::runtime::clock;
use crate::runtime::perform::ports::{service_of, socket_of};
use crate::runtime::turn::Daemon;
use crate::unit::{ExecSettings, LoadState, Unit, UnitName};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Daemon {
    pub(super) fn status(&mut self, wanted: &Status) -> Reply {
        let names: Vec<UnitName> = wanted.units.iter().filter_map(|text| UnitName::parse(text)).collect();
        self.ensure_loaded(&names);
        let enabled = self.enabled_names();
        let units = names.iter().map(|name| self.unit_status(name, &enabled, wanted.lines)).collect();
        Reply::Status(StatusReply { units })
    }

    fn unit_status(&mut self, name: &UnitName, enabled: &BTreeSet<String>, lines: u32) -> UnitStatus {
        let Some(state) = self.engine.status(name.as_str()) else {
            return absent(&self.unit_of(name));
        };
        let unit = &state.unit;
        let (conditions_unmet, asserts_unmet) = unmet(&state);
        let mut out = UnitStatus {
            unit: unit.name.as_str().to_owned(),
            description: state.description.clone(),
            load: unit.load.as_str().to_owned(),
            load_error: unit.load_error.as_deref().map(str::to_owned),
            fragment: unit.fragment.as_deref().map(str::to_owned),
            drop_ins: unit.drop_ins.iter().map(|path| path.to_string()).collect(),
            file_state: file_state(unit, enabled).to_owned(),
            active: state.active.as_str().to_owned(),
            sub: state.sub.to_owned(),
            result: state.result.to_owned(),
            since_usec: since(&state).map_or(0, clock::realtime_of),
            duration_usec: duration(&state),
            waiting: state.waiting.as_ref().map(waiting),
            job: state.job.map(str::to_owned),
            invocation: (state.invocation != 0).then(|| format!("{:032x}", state.invocation)),
            conditions_unmet,
            asserts_unmet,
            condition_usec: state.moments.condition.get().map_or(0, clock::realtime_of),
            triggers: self.relations(&state, "Triggers"),
            triggered_by: self.relations(&state, "TriggeredBy"),
            documentation: unit.common.documentation.iter().map(|d| d.to_string()).collect(),
            listen: self.listen_lines(&state),
            not_applied: not_applied(unit),
            log: self.log_lines(&unit.name, lines),
            ..UnitStatus::default()
        };
        self.add_detail(&state, &mut out);
        self.add_processes(&state, &mut out);
        out
    }

    fn relations(&self, state: &State, property: &str) -> Vec<Related> {
        let names = related(state, property).into_iter();
        let active = |name: &str| self.engine.status(name).map_or("inactive", |s| s.active.as_str()).to_owned();
        names.map(|unit| Related { active: active(&unit), unit }).collect()
    }

    fn listen_lines(&self, state: &State) -> Vec<ListenLine> {
        let line = |port: crate::plan::bind::Port| ListenLine {
            address: port.display.to_string(),
            kind: port.type_word.to_owned(),
        };
        self.ports(state).into_iter().map(line).collect()
    }

    fn add_detail(&self, state: &State, out: &mut UnitStatus) {
        match &state.detail {
            Detail::Socket { accepted, connections, refused, rules, control, .. } => {
                let accepts = socket_of(&state.unit).is_some_and(|socket| socket.accept);
                out.accepted = accepts.then_some(*accepted);
                out.connections = accepts.then_some(*connections);
                out.refused = *refused;
                out.rules = rules.iter().map(rule_count).collect();
                out.processes = control.iter().map(|p| process_line(p, &state.unit)).collect();
            }
            Detail::Service(service) => {
                out.main = service.main.as_ref().map(|p| process_line(p, &state.unit));
                out.processes = service.control.iter().map(|p| process_line(p, &state.unit)).collect();
                out.status_text = service.status_text.as_deref().map(str::to_owned);
                out.errno = (service.status_errno != 0).then_some(service.status_errno);
                out.stored_fds = u64::from(service.stored);
                out.restarts = u64::from(service.restarts);
                out.stored_fds_max = service_of(&state.unit).map_or(0, |s| u64::from(s.more.file_descriptor_store_max));
            }
            Detail::Other => {}
        }
    }

    fn add_processes(&self, state: &State, out: &mut UnitStatus) {
        let Some(run) = self.world.runs.get(&state.id) else {
            return;
        };
        let groups = &self.world.groups;
        out.tracking = if run.group.is_some() { "cgroup" } else { "subreaper" }.to_owned();
        if let (Some(group), Some(root)) = (&run.group, groups.root()) {
            out.cgroup =
                Some(format!("/{}", root.join(group.path()).strip_prefix("/sys/fs/cgroup").unwrap_or(root).display()));
            let number = |file: &str| groups.read(group, file).and_then(|text| text.trim().parse::<u64>().ok());
            out.tasks = number("pids.current");
            out.tasks_max = number("pids.max");
            out.memory_bytes = number("memory.current");
            out.memory_peak_bytes = number("memory.peak");
            let cpu = groups.read(group, "cpu.stat");
            out.cpu_usec = cpu.and_then(|text| text.lines().find_map(|l| l.strip_prefix("usage_usec ")?.parse().ok()));
        }
        let line = |pid: i32| {
            let command = process::cmdline(pid).filter(|words| !words.is_empty()).map(|words| words.join(" "));
            let command = command.or_else(|| process::comm(pid).map(|name| format!("[{name}]"))).unwrap_or_default();
            ProcessLine { pid, command, cgroup: String::new() }
        };
        out.tree = self.world.members(state.id).into_iter().map(line).collect();
        if out.tasks.is_none() && !out.tree.is_empty() {
            out.tasks = Some(out.tree.len() as u64);
        }
    }

    fn log_lines(&self, unit: &UnitName, lines: u32) -> Vec<LogLine> {
        let all: Vec<LogLine> = self
            .world
            .outputs
            .tail(unit)
            .map(|line| LogLine {
                at_usec: line.at_usec,
                identifier: line.identifier.to_string(),
                pid: None,
                text: line.text.clone(),
            })
            .collect();
        let skip = all.len().saturating_sub(lines as usize);
        all.into_iter().skip(skip).collect()
    }
}

/// What systemd shows for a unit that nobody knows.
fn absent(unit: &Arc<Unit>) -> UnitStatus {
    UnitStatus {
        unit: unit.name.as_str().to_owned(),
        description: unit.description().to_owned(),
        load: unit.load.as_str().to_owned(),
        load_error: unit.load_error.as_deref().filter(|_| unit.load != LoadState::Loaded).map(str::to_owned),
        active: "inactive".to_owned(),
        sub: "dead".to_owned(),
        result: "success".to_owned(),
        ..UnitStatus::default()
    }
}

/// When the active state was entered.
pub(super) fn since(state: &State) -> Option<Mono> {
    use crate::engine::status::ActiveState as A;
    let moments = &state.moments;
    match state.active {
        A::Active | A::Reloading => moments.active_enter.get(),
        A::Inactive | A::Failed => moments.inactive_enter.get(),
        A::Activating => moments.inactive_exit.get(),
        A::Deactivating => moments.active_exit.get(),
    }
}

/// How long it was active, once that is over.
fn duration(state: &State) -> Option<u64> {
    let (entered, left) = (state.moments.active_enter.get()?, state.moments.active_exit.get()?);
    (!state.active.is_up() && left >= entered).then(|| left.since(entered))
}

fn waiting((reason, until): &(String, Option<Mono>)) -> Waiting {
    let now = (clock::now(), clock::realtime_usec());
    let until_usec = until.map(|at| now.1.saturating_add(at.since(now.0)));
    Waiting { reason: reason.clone(), until_usec }
}

fn rule_count((rule, count): &(Rule, u64)) -> RuleCount {
    RuleCount { rule: rule.to_string(), admits: rule.admits(), count: *count }
}

/// Unmet conditions and asserts as written.
fn unmet(state: &State) -> (Vec<String>, Vec<String>) {
    let text: Vec<String> = state.unmet.iter().map(|text| text.to_string()).collect();
    match (state.condition_result, state.assert_result) {
        (false, _) => (text, Vec::new()),
        (true, false) => (Vec::new(), text),
        (true, true) => (Vec::new(), Vec::new()),
    }
}

fn process_line(status: &ProcessStatus, unit: &Unit) -> ControlProcess {
    let running = status.ended.is_none();
    let (code, word, clean) = match status.ended.map(|(_, exit)| exit) {
        None | Some(ExitStatus::Unknown) => (String::new(), String::new(), true),
        Some(ExitStatus::Code(code)) => ("exited".to_owned(), exit_word(code), code == 0),
        Some(ExitStatus::Signal(signal)) => ("killed".to_owned(), signal_word(signal), false),
        Some(ExitStatus::Dumped(signal)) => ("dumped".to_owned(), signal_word(signal), false),
    };
    ControlProcess {
        setting: status.command.to_owned(),
        pid: status.pid,
        command: command_line(status, unit),
        running,
        code,
        status: word,
        clean,
    }
}

/// The command line as the unit has it; the path alone if it has several of that path.
fn command_line(status: &ProcessStatus, unit: &Unit) -> String {
    let starts = service_of(unit).map(|service| service.exec_start.as_slice()).unwrap_or_default();
    let same: Vec<_> = starts.iter().filter(|command| command.path == status.path).collect();
    match same[..] {
        [command] if status.command == "ExecStart" => {
            let arguments = command.argv.iter().skip(1).map(|word| format!(" {word}"));
            std::iter::once(command.path.to_string()).chain(arguments).collect()
        }
        _ => status.path.to_string(),
    }
}

fn signal_word(signal: u8) -> String {
    let name = nix::sys::signal::Signal::try_from(i32::from(signal)).map(nix::sys::signal::Signal::as_str);
    name.map_or_else(|_| signal.to_string(), |name| name.trim_start_matches("SIG").to_owned())
}

fn exit_word(code: u8) -> String {
    match crate::unit::values::status::exit_status_name(code) {
        Some(name) => format!("{code}/{name}"),
        None => code.to_string(),
    }
}

fn not_applied(unit: &Unit) -> Vec<NotApplied> {
    let exec: Option<&ExecSettings> = match (service_of(unit), socket_of(unit)) {
        (Some(service), _) => Some(&service.exec),
        (None, Some(socket)) => Some(&socket.exec),
        (None, None) => None,
    };
    let names = exec.map(|exec| exec.unapplied.as_slice()).unwrap_or_default();
    names
        .iter()
        .map(|name| NotApplied { setting: (*name).to_owned(), reason: "porterd does not apply it yet".to_owned() })
        .collect()
}
