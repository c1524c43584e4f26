//! Configuration properties of a unit in systemd's spelling and format (`systemctl show`).
//!
//! Only what the files say; states, counters and processes are the engine's to add.

mod admission;
mod exec;
mod service;
mod socket;
mod unset;

pub use exec::limit;

use super::exec::{Command, KillSettings};
use super::values::time;
use super::{Body, Dependency, LoadState, Privilege, Unit, directives};

/// One property; a list with one line per item has one entry per item.
pub type Property = (&'static str, String);

/// All configuration properties, in systemd's order by section.
pub fn properties(unit: &Unit) -> Vec<Property> {
    let mut out = Properties(Vec::with_capacity(160));
    common(unit, &mut out);
    match &unit.body {
        Body::Socket(socket) => {
            socket::add(socket, &unit.name, &mut out);
            admission::add(socket, &mut out);
            exec::add(&socket.exec, &mut out);
            kill(&socket.kill, &mut out);
            unset::add(&socket.exec, &mut out);
            out.flag("NonBlocking", false);
        }
        Body::Service(service) => {
            service::add(service, &mut out);
            exec::add(&service.exec, &mut out);
            kill(&service.kill, &mut out);
            unset::add(&service.exec, &mut out);
        }
        Body::Target | Body::Slice | Body::Foreign => {}
    }
    if matches!(unit.load, LoadState::NotFound | LoadState::Masked) {
        nothing_read(&mut out);
    }
    out.0
}

/// Without a file there are no defaults that follow from other settings.
fn nothing_read(out: &mut Properties) {
    const EMPTY: [(&str, &str); 4] =
        [("Slice", ""), ("Type", ""), ("TriggerLimitBurst", "4294967295"), ("TriggerLimitIntervalUSec", "infinity")];
    let service = out.0.iter().any(|(name, _)| *name == "Type");
    for (name, value) in &mut out.0 {
        if service && *name == "StandardOutput" {
            "inherit".clone_into(value);
        }
        if let Some((_, empty)) = EMPTY.iter().find(|(known, _)| known == name) {
            *value = (*empty).to_owned();
        }
    }
}

/// Properties on their way, with the formats they come in.
struct Properties(Vec<Property>);

impl Properties {
    fn text(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.push((name, value.into()));
    }

    fn number(&mut self, name: &'static str, value: impl ToString) {
        self.text(name, value.to_string());
    }

    fn flag(&mut self, name: &'static str, value: bool) {
        self.text(name, yes_no(value));
    }

    fn span(&mut self, name: &'static str, usec: u64) {
        self.text(name, time::format_span(usec));
    }

    fn mode(&mut self, name: &'static str, mode: u32) {
        self.text(name, format!("{mode:04o}"));
    }

    fn maybe(&mut self, name: &'static str, value: Option<&str>) {
        self.text(name, value.unwrap_or(""));
    }

    fn list<T: AsRef<str>>(&mut self, name: &'static str, items: impl IntoIterator<Item = T>) {
        let items: Vec<String> = items.into_iter().map(|item| quoted(item.as_ref())).collect();
        self.text(name, items.join(" "));
    }

    fn commands(&mut self, name: &'static str, commands: &[Command]) {
        for command in commands {
            self.text(name, command_text(command, NOT_RUN));
        }
    }

    /// The same with all prefixes, which is a property of its own. Sockets have none.
    fn commands_ex(&mut self, name: &'static str, commands: &[Command]) {
        for command in commands {
            self.text(name, command_text_ex(command, NOT_RUN));
        }
    }
}

fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

/// An item of a list, in quotes if a shell would split it.
pub fn quoted(item: &str) -> String {
    let plain = !item.is_empty() && !item.contains(|c: char| c.is_whitespace() || "\"'\\$`*?[()<>|&;!".contains(c));
    if plain {
        return item.to_owned();
    }
    let mut out = String::from("\"");
    for c in item.chars() {
        if matches!(c, '"' | '\\' | '`' | '$') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// How a command went that has not run.
const NOT_RUN: &str = "start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0";

/// A command and how it went.
pub fn command_text(command: &Command, run: &str) -> String {
    braces(command, format_args!("ignore_errors={}", yes_no(command.ignore_failure)), run)
}

/// A command with its prefixes, and how it went.
pub fn command_text_ex(command: &Command, run: &str) -> String {
    let flags = [
        ("ignore-failure", command.ignore_failure),
        ("privileged", command.privilege == Privilege::Full),
        ("no-setuid", command.privilege == Privilege::NoSetuid),
        ("no-env-expand", command.no_expansion),
    ];
    let given: Vec<&str> = flags.into_iter().filter(|(_, given)| *given).map(|(flag, _)| flag).collect();
    braces(command, format_args!("flags={}", given.join(" ")), run)
}

fn braces(command: &Command, prefixes: std::fmt::Arguments<'_>, run: &str) -> String {
    let argv: Vec<&str> = command.argv.iter().map(|a| &**a).collect();
    format!("{{ path={} ; argv[]={} ; {prefixes} ; {run} }}", command.path, argv.join(" "))
}

const DEPENDENCIES: [(&str, Dependency); 18] = [
    ("Requires", Dependency::Requires),
    ("Requisite", Dependency::Requisite),
    ("Wants", Dependency::Wants),
    ("BindsTo", Dependency::BindsTo),
    ("Upholds", Dependency::Upholds),
    ("PartOf", Dependency::PartOf),
    ("Conflicts", Dependency::Conflicts),
    ("Before", Dependency::Before),
    ("After", Dependency::After),
    ("OnFailure", Dependency::OnFailure),
    ("OnSuccess", Dependency::OnSuccess),
    ("PropagatesStopTo", Dependency::PropagatesStopTo),
    ("StopPropagatedFrom", Dependency::StopPropagatedFrom),
    ("PropagatesReloadTo", Dependency::PropagatesReloadTo),
    ("ReloadPropagatedFrom", Dependency::ReloadPropagatedFrom),
    ("JoinsNamespaceOf", Dependency::JoinsNamespaceOf),
    ("Triggers", Dependency::Triggers),
    ("TriggeredBy", Dependency::TriggeredBy),
];

fn common(unit: &Unit, out: &mut Properties) {
    let settings = &unit.common;
    out.text("Id", unit.name.as_str());
    out.list("Names", std::iter::once(&unit.name).chain(&unit.aliases).map(|n| n.as_str()));
    for (name, kind) in DEPENDENCIES {
        out.list(name, unit.related(kind).map(|n| n.as_str()));
    }
    out.list("RequiresMountsFor", &settings.requires_mounts_for);
    out.list("Documentation", &settings.documentation);
    out.text("Description", unit.description());
    out.text("LoadState", unit.load.as_str());
    out.text("LoadError", load_error(unit));
    out.maybe("FragmentPath", unit.fragment.as_deref());
    out.list("DropInPaths", &unit.drop_ins);
    out.flag("StopWhenUnneeded", settings.stop_when_unneeded);
    out.flag("RefuseManualStart", settings.refuse_manual_start);
    out.flag("RefuseManualStop", settings.refuse_manual_stop);
    out.flag("DefaultDependencies", settings.default_dependencies);
    out.text("CollectMode", if settings.collect_failed { "inactive-or-failed" } else { "inactive" });
    out.span("JobTimeoutUSec", settings.job_timeout_usec);
    out.span("JobRunningTimeoutUSec", settings.job_timeout_usec);
    out.span("StartLimitIntervalUSec", settings.start_limit.interval_usec);
    out.number("StartLimitBurst", settings.start_limit.burst);
    for name in ["Following", "JobTimeoutRebootArgument", "Markers", "RebootArgument", "Refs", "CanClean", "SliceOf"] {
        out.text(name, "");
    }
    out.text("AccessSELinuxContext", "");
    out.text("JobTimeoutAction", "none");
    out.text("FreezerState", "running");
    let actions = &settings.actions;
    out.text("StartLimitAction", action(actions.start_limit_exit));
    out.text("FailureAction", action(actions.failure_exit));
    out.text("SuccessAction", action(actions.success_exit));
    out.text("FailureActionExitStatus", exit_status(actions.failure_exit_status));
    out.text("SuccessActionExitStatus", exit_status(actions.success_exit_status));
}

/// systemd's error names and words; porterd's own reason is in `status`.
fn load_error(unit: &Unit) -> String {
    let name = &unit.name;
    match unit.load {
        LoadState::Loaded => String::new(),
        LoadState::NotFound => format!("org.freedesktop.systemd1.NoSuchUnit \"Unit {name} not found.\""),
        LoadState::Masked => format!("org.freedesktop.systemd1.UnitMasked \"Unit {name} is masked.\""),
        LoadState::BadSetting => {
            format!("org.freedesktop.systemd1.BadUnitSetting \"Unit {name} has a bad unit file setting.\"")
        }
        LoadState::Error => unit.load_error.as_deref().unwrap_or_default().to_owned(),
    }
}

fn action(exits: bool) -> &'static str {
    if exits { "exit" } else { "none" }
}

fn exit_status(status: Option<u8>) -> String {
    status.map_or_else(|| "[not set]".to_owned(), |code| code.to_string())
}

fn kill(kill: &KillSettings, out: &mut Properties) {
    out.text("KillMode", directives::kill_mode_name(kill.kill_mode));
    out.number("KillSignal", kill.kill_signal);
    out.number("RestartKillSignal", kill.restart_kill_signal.unwrap_or(kill.kill_signal));
    out.number("FinalKillSignal", kill.final_kill_signal);
    out.flag("SendSIGKILL", kill.send_sigkill);
    out.flag("SendSIGHUP", kill.send_sighup);
    out.number("WatchdogSignal", kill.watchdog_signal);
}
