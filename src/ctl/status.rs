//! `status`: how units are, for people. The lines and their order are systemctl's; what porterd
//! knows beyond (why a unit waits, what could not be applied) comes in lines of the same form.

use super::commands::Context;
use super::exit;
use super::format::{bytes, log_time, relative, span, timestamp};
use super::names;
use super::options::Json;
use super::show::{Out, Paint, clean_line, dot};
use super::timezone::Zone;
use crate::control::client::ClientError;
use crate::control::wire::{
    Call, ControlProcess, List, ListKind, ListReply, Nothing, Related, Status, StatusReply, UnitStatus, VersionReply,
};
use std::time::{SystemTime, UNIX_EPOCH};

/// Width of the labels, without the colon.
const LABEL: usize = 11;

/// status
pub(super) fn status(context: &mut Context, typed: &[String]) -> Result<u8, ClientError> {
    if typed.is_empty() {
        return overview(context);
    }
    let units = names::expand(context, typed)?;
    if units.is_empty() {
        return Ok(exit::OK);
    }
    let lines = context.global.lines;
    let reply: StatusReply = context.call(&Call::Status(Status { units, lines }))?;
    let mut code = exit::OK;
    let (now_usec, zone) = (now_usec(), Zone::local());
    let json = context.global.json;
    let mut printed = false;
    for unit in &reply.units {
        let unit_code = code_of(unit);
        code = if code == exit::OK { unit_code } else { code };
        if unit_code == exit::UNKNOWN {
            context.complain(format_args!("Unit {} could not be found.", unit.unit));
        } else if json == Json::Off {
            warn_about_reload(context, unit);
            if printed {
                context.out.line("");
            }
            printed = true;
            Page { out: &mut context.out, now_usec, zone: &zone, width: LABEL }.unit(unit);
        }
    }
    if json != Json::Off {
        context.out.json(&reply.units, json == Json::Pretty);
    }
    Ok(code)
}

/// 0 active, 3 not running, 4 no such unit.
fn code_of(unit: &UnitStatus) -> u8 {
    match unit.active.as_str() {
        "active" | "reloading" | "refreshing" => exit::OK,
        "inactive" if unit.load == "not-found" => exit::UNKNOWN,
        _ => exit::NOT_RUNNING,
    }
}

fn warn_about_reload(context: &mut Context, unit: &UnitStatus) {
    if unit.need_daemon_reload {
        context.complain(format_args!(
            "Warning: The unit file or drop-ins of {} changed on disk. Run 'porterctl daemon-reload' to reload units.",
            unit.unit
        ));
    }
}

fn now_usec() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// The daemon as a whole.
fn overview(context: &mut Context) -> Result<u8, ClientError> {
    let version: VersionReply = context.call(&Call::Version(Nothing {}))?;
    let all = List { kind: ListKind::Units, all: true, ..List::default() };
    let ListReply { units, .. } = context.call(&Call::List(all))?;
    let failed = units.iter().filter(|u| u.active == "failed").count();
    let jobs = units.iter().filter(|u| u.job.is_some()).count();
    let state = match (failed, jobs) {
        (1.., _) => "degraded",
        (0, 1..) => "starting",
        (0, 0) => "running",
    };
    let paint = match state {
        "running" => Paint::Good,
        "degraded" => Paint::Bad,
        _ => Paint::Busy,
    };
    if context.global.json != Json::Off {
        let object = serde_json::json!({
            "version": version.version, "pid": version.pid, "state": state,
            "units": units.len(), "jobs": jobs, "failed": failed,
        });
        context.out.json(&object, context.global.json == Json::Pretty);
        return Ok(exit::OK);
    }
    let out = &mut context.out;
    out.line(format_args!("{} porterd {}", out.paint(paint, "●"), version.version));
    out.line(format_args!("    State: {}", out.paint(paint, state)));
    out.line(format_args!("    Units: {} loaded", units.len()));
    out.line(format_args!("     Jobs: {jobs} queued"));
    out.line(format_args!("   Failed: {failed} units"));
    out.line(format_args!(" Main PID: {}", version.pid));
    Ok(exit::OK)
}

/// A page about one unit.
struct Page<'a> {
    out: &'a mut Out,
    now_usec: u64,
    zone: &'a Zone,
    width: usize,
}

impl Page<'_> {
    fn unit(&mut self, u: &UnitStatus) {
        self.head(u);
        self.active(u);
        self.related("TriggeredBy", &u.triggered_by);
        self.related("Triggers", &u.triggers);
        self.unmet(u);
        self.list("Docs", u.documentation.iter().map(|d| clean_line(d)).collect());
        self.sockets(u);
        self.processes(u);
        self.resources(u);
        self.tree(u);
        self.log(u);
    }

    /// `      Label: value`
    fn line(&mut self, label: &str, value: impl std::fmt::Display) {
        self.out.line(format_args!("{label:>width$}: {value}", width = self.width));
    }

    /// A line without label, below the values.
    fn more(&mut self, value: impl std::fmt::Display) {
        self.out.line(format_args!("{:width$}{value}", "", width = self.width + 2));
    }

    fn list(&mut self, label: &str, values: Vec<String>) {
        for (i, value) in values.iter().enumerate() {
            if i == 0 { self.line(label, value) } else { self.more(value) }
        }
    }

    fn head(&mut self, u: &UnitStatus) {
        let (glyph, paint) = dot(&u.active);
        let glyph = self.out.paint(paint, glyph);
        if u.description.is_empty() || u.description == u.unit {
            self.out.line(format_args!("{glyph} {}", u.unit));
        } else {
            self.out.line(format_args!("{glyph} {} - {}", u.unit, clean_line(&u.description)));
        }
        let details = match (&u.load_error, &u.fragment) {
            (Some(error), _) => format!(" (Reason: {})", clean_line(error)),
            (None, Some(path)) if u.file_state.is_empty() => format!(" ({path})"),
            (None, Some(path)) => format!(" ({path}; {})", u.file_state),
            (None, None) => String::new(),
        };
        let load = self.out.paint(if u.load == "loaded" { Paint::Plain } else { Paint::Bad }, &u.load);
        self.line("Loaded", format_args!("{load}{details}"));
        self.drop_ins(&u.drop_ins);
    }

    /// Files by directory.
    fn drop_ins(&mut self, paths: &[String]) {
        let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
        for path in paths {
            let (directory, file) = path.rsplit_once('/').unwrap_or((".", path));
            match groups.last_mut() {
                Some((last, files)) if *last == directory => files.push(file),
                _ => groups.push((directory, vec![file])),
            }
        }
        for (i, (directory, files)) in groups.iter().enumerate() {
            if i == 0 {
                self.line("Drop-In", directory)
            } else {
                self.more(directory)
            }
            self.more(format_args!("└─{}", files.join(", ")));
        }
    }

    fn moment(&self, at_usec: u64) -> String {
        format!("{}; {}", timestamp(at_usec, self.zone), relative(at_usec, self.now_usec))
    }

    fn active(&mut self, u: &UnitStatus) {
        let state =
            if u.sub.is_empty() || u.sub == u.active { u.active.clone() } else { format!("{} ({})", u.active, u.sub) };
        let mut text = self.out.paint(dot(&u.active).1, state);
        let remarkable = !u.result.is_empty() && u.result != "success";
        if remarkable {
            text.push_str(&format!(" (Result: {})", u.result));
        }
        if u.since_usec > 0 {
            text.push_str(&format!(" since {}", self.moment(u.since_usec)));
        }
        self.line("Active", text);
        if let Some(waiting) = &u.waiting {
            let until = waiting.until_usec.map(|t| format!(" until {}", self.moment(t))).unwrap_or_default();
            self.line("Waiting", format_args!("{}{until}", clean_line(&waiting.reason)));
        }
        if let Some(job) = &u.job {
            self.line("Job", job);
        }
        if let Some(duration_usec) = u.duration_usec {
            self.line("Duration", span(duration_usec, 1000));
        }
    }

    fn related(&mut self, label: &str, units: &[Related]) {
        let lines = units
            .iter()
            .map(|r| {
                let (glyph, paint) = dot(&r.active);
                format!("{} {}", self.out.paint(paint, glyph), r.unit)
            })
            .collect();
        self.list(label, lines);
    }

    fn unmet(&mut self, u: &UnitStatus) {
        let kinds = [("Condition", "condition", &u.conditions_unmet), ("Assert", "assertion", &u.asserts_unmet)];
        for (label, word, list) in kinds {
            if list.is_empty() {
                continue;
            }
            let paint = if label == "Assert" { Paint::Bad } else { Paint::Busy };
            let what = self.out.paint(paint, format_args!("start {word} failed"));
            let at = match u.condition_usec {
                0 => String::new(),
                at_usec => format!(" at {}", self.moment(at_usec)),
            };
            self.line(label, format_args!("{what}{at}"));
            for (i, one) in list.iter().enumerate() {
                let branch = if i + 1 == list.len() { "└─" } else { "├─" };
                self.more(format_args!("{branch} {} was not met", clean_line(one)));
            }
        }
    }

    fn sockets(&mut self, u: &UnitStatus) {
        self.list("Listen", u.listen.iter().map(|l| format!("{} ({})", clean_line(&l.address), l.kind)).collect());
        if let Some(accepted) = u.accepted {
            let refused = if u.refused > 0 { format!("   Refused: {}", u.refused) } else { String::new() };
            let connected = u.connections.unwrap_or(0);
            self.line("Accepted", format_args!("{accepted}; Connected: {connected};{refused}"));
        } else if u.refused > 0 {
            self.line("Refused", u.refused);
        }
        self.rules(u);
    }

    /// Rules about peers, the most frequent first.
    fn rules(&mut self, u: &UnitStatus) {
        const SHOWN: usize = 10;
        let word = |admits| if admits { "admitted" } else { "refused" };
        let lines = u.rules.iter().map(|r| format!("{}: {} {}", clean_line(&r.rule), r.count, word(r.admits)));
        let mut lines: Vec<String> = lines.take(SHOWN).collect();
        if u.rules.len() > SHOWN {
            lines.push(format!("{} more, see --json=pretty", u.rules.len() - SHOWN));
        }
        self.list("Rules", lines);
    }

    fn processes(&mut self, u: &UnitStatus) {
        for p in u.processes.iter().filter(|p| !p.running) {
            let end = ending(self.out, p);
            self.line("Process", format_args!("{} {}={}{end}", p.pid, p.setting, clean_line(&p.command)));
        }
        let control = u.processes.iter().find(|p| p.running);
        if let Some(main) = &u.main {
            let end = if main.running { format!(" ({})", program(&main.command)) } else { ending(self.out, main) };
            let control = control.map(|c| format!("; Control PID: {} ({})", c.pid, program(&c.command)));
            self.line("Main PID", format_args!("{}{end}{}", main.pid, control.unwrap_or_default()));
        } else if let Some(control) = control {
            self.line("Cntrl PID", format_args!("{} ({})", control.pid, program(&control.command)));
        }
        if let Some(text) = u.status_text.as_deref().filter(|t| !t.is_empty()) {
            self.line("Status", format_args!("\"{}\"", clean_line(text)));
        }
        if let Some(errno) = u.errno.filter(|e| *e > 0) {
            let name = nix::errno::Errno::from_raw(errno);
            self.line("Error", format_args!("{errno} ({})", name.desc()));
        }
        if u.restarts > 0 {
            self.line("Restarts", u.restarts);
        }
        self.list(
            "Not applied",
            u.not_applied.iter().map(|n| format!("{} ({})", clean_line(&n.setting), clean_line(&n.reason))).collect(),
        );
    }

    fn resources(&mut self, u: &UnitStatus) {
        if let Some(tasks) = u.tasks {
            let limit = u.tasks_max.map(|m| format!(" (limit: {m})")).unwrap_or_default();
            self.line("Tasks", format_args!("{tasks}{limit}"));
        }
        if u.stored_fds_max > 0 || u.stored_fds > 0 {
            self.line("FD Store", format_args!("{} (limit: {})", u.stored_fds, u.stored_fds_max));
        }
        if let Some(memory) = u.memory_bytes {
            let peak = u.memory_peak_bytes.map(|p| format!(" (peak: {})", bytes(p))).unwrap_or_default();
            self.line("Memory", format_args!("{}{peak}", bytes(memory)));
        }
        if let Some(cpu_usec) = u.cpu_usec {
            self.line("CPU", span(cpu_usec, 1000));
        }
    }

    fn tree(&mut self, u: &UnitStatus) {
        match &u.cgroup {
            Some(cgroup) => self.line("CGroup", clean_line(cgroup)),
            None if u.tree.is_empty() => return,
            None => self.line("Tracking", format_args!("{} (no cgroup)", u.tracking)),
        }
        for (i, p) in u.tree.iter().enumerate() {
            let branch = if i + 1 == u.tree.len() { "└─" } else { "├─" };
            let below = if p.cgroup.is_empty() { String::new() } else { format!("{}: ", clean_line(&p.cgroup)) };
            let line = format!("{branch}{} {below}{}", p.pid, clean_line(&p.command));
            let line = match self.out.width {
                Some(width) => line.chars().take(width.saturating_sub(self.width + 2)).collect(),
                None => line,
            };
            self.more(line);
        }
    }

    fn log(&mut self, u: &UnitStatus) {
        if u.log.is_empty() {
            return;
        }
        let host = nix::unistd::gethostname().unwrap_or_default();
        let host = host.to_string_lossy();
        self.out.line("");
        for entry in &u.log {
            let pid = entry.pid.map(|p| format!("[{p}]")).unwrap_or_default();
            let text = clean_line(&entry.text);
            self.out.line(format_args!(
                "{} {host} {}{pid}: {text}",
                log_time(entry.at_usec, self.zone),
                clean_line(&entry.identifier)
            ));
        }
    }
}

/// ` (code=exited, status=1/FAILURE)`
fn ending(out: &Out, p: &ControlProcess) -> String {
    let paint = if p.clean { Paint::Plain } else { Paint::Bad };
    match p.code.as_str() {
        "" => String::new(),
        "exited" => format!(" (code=exited, status={})", out.paint(paint, &p.status)),
        code => format!(" (code={code}, signal={})", out.paint(paint, &p.status)),
    }
}

/// The name of a program, as the kernel would show it.
fn program(command: &str) -> String {
    let first = command.split_whitespace().next().unwrap_or("");
    clean_line(first.rsplit('/').next().unwrap_or(first)).chars().take(15).collect()
}
