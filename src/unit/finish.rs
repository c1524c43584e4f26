//! A draft becomes a unit: defaults that need the whole unit, implicit dependencies, and what must
//! be refused. No files, no other units.

use super::admission::Admission;
use super::directives::Support;
use super::draft::Draft;
use super::exec::{ExecSettings, KillMode, RareExec};
use super::name::{self, UnitKind, UnitName};
use super::names::NameSet;
use super::service::{NotifyAccess, Restart, ServiceMore, ServiceType, ServiceUnit, StatusSet};
use super::socket::{Address, DeferTrigger, Listen, SocketKind, SocketOptions, SocketUnit};
use super::values::path;
use super::{Body, Dependency, LoadState, Unit, UnitSettings};
use crate::ids::{INFINITY_USEC, Text};
use crate::report::{Diagnostic, Place};
use std::sync::{Arc, OnceLock};

/// Values that many units have in common, kept once.
#[derive(Debug, Default)]
pub struct Pool {
    options: Shelf<SocketOptions>,
    more: Shelf<ServiceMore>,
    exec: Shelf<ExecSettings>,
    names: NameSet,
}

/// The first few different values of a kind; units usually have the default or what their
/// neighbours have.
#[derive(Debug, Default)]
struct Shelf<T>(Vec<Arc<T>>);

/// Values kept on a shelf; a longer one costs more comparisons than it saves memory.
const SHELF_MAX: usize = 16;

impl<T: PartialEq> Shelf<T> {
    fn share(&mut self, value: T) -> Arc<T> {
        if let Some(known) = self.0.iter().find(|known| ***known == value) {
            return Arc::clone(known);
        }
        let new = Arc::new(value);
        if self.0.len() < SHELF_MAX {
            self.0.push(Arc::clone(&new));
        }
        new
    }
}

impl Pool {
    /// The same name, in memory once.
    pub fn name(&mut self, name: UnitName) -> UnitName {
        if let Some(known) = self.names.get(name.as_str()) {
            return known.clone();
        }
        self.names.insert(name.clone());
        name
    }
}

/// What a finished draft left behind.
#[derive(Debug)]
pub struct Finished {
    /// The unit.
    pub unit: Unit,
    /// All findings about its files.
    pub diagnostics: Vec<Diagnostic>,
    /// Some value depends on the instance.
    pub depends_on_instance: bool,
}

/// Makes the unit. `intact` is whether the main file is a unit file at all.
pub fn finish(
    mut draft: Draft,
    pool: &mut Pool,
    intact: bool,
    fragment: Option<Text>,
    drop_ins: Vec<Text>,
) -> Finished {
    draft.settle();
    report_unapplied(&mut draft);
    let refusal = match (intact, draft.refused.take()) {
        (false, _) => Some(Refusal::told(LoadState::Error, "the file cannot be read to its end".into())),
        (true, Some(why)) => Some(Refusal::told(LoadState::BadSetting, why)),
        (true, None) => complete(&mut draft),
    };
    if let Some(Refusal { told: Some((code, help)), why, .. }) = &refusal {
        let place = whole_file(&draft, fragment.as_ref());
        draft.report(Diagnostic::new(code, why.to_string(), place).with_help(*help));
    }
    let name = pool.name(draft.name.clone());
    let (load, load_error) = match refusal {
        Some(refusal) => {
            // What was read before it is shown, so that one sees what is wrong; nothing follows from it.
            draft.common.dependencies.retain(|(kind, _)| *kind == Dependency::Triggers);
            (refusal.state, Some(refusal.why))
        }
        None => (LoadState::Loaded, None),
    };
    let (diagnostics, depends_on_instance) = (std::mem::take(&mut draft.diagnostics), draft.depends_on_instance);
    let (common, body) = assemble(draft, &name, pool);
    let unit = Unit { name, aliases: Vec::new(), load, load_error, fragment, drop_ins, common, body };
    Finished { unit, diagnostics, depends_on_instance }
}

/// Why a unit cannot be used.
struct Refusal {
    state: LoadState,
    why: Text,
    /// Code and help of the finding that is still to be reported.
    told: Option<(&'static str, &'static str)>,
}

impl Refusal {
    /// The line that is to blame was reported already.
    fn told(state: LoadState, why: Text) -> Refusal {
        Refusal { state, why, told: None }
    }

    fn setting(code: &'static str, why: &str, help: &'static str) -> Refusal {
        Refusal { state: LoadState::BadSetting, why: why.into(), told: Some((code, help)) }
    }
}

/// The main file as a place, if something else about it was already said.
fn whole_file(draft: &Draft, fragment: Option<&Text>) -> Option<Place> {
    let of = |d: &Diagnostic| d.place.as_ref().filter(|p| Some(&p.source.path) == fragment).map(|p| p.source.clone());
    let source = draft.diagnostics.iter().find_map(of).or_else(|| {
        let path = fragment?.clone();
        Some(Arc::new(crate::report::Source { path, text: "".into() }))
    })?;
    Some(Place { source, span: 0..0 })
}

fn report_unapplied(draft: &mut Draft) {
    for (row, place) in std::mem::take(&mut draft.unapplied) {
        let (Support::NotYet(why) | Support::Missing(why)) = row.support else { continue };
        let mut diagnostic =
            Diagnostic::new("not-yet-applied", format!("{}= has no effect yet: {why}", row.name), Some(place));
        if matches!(row.support, Support::Missing(_)) {
            diagnostic =
                diagnostic.with_help("the processes see other data, users or descriptors than the unit asks for");
        }
        draft.report(diagnostic);
        draft.exec.unapplied.push(row.name);
    }
}

/// Fills in what depends on several values; says why the unit cannot be used.
fn complete(draft: &mut Draft) -> Option<Refusal> {
    let refusal = match draft.name.kind() {
        UnitKind::Socket => complete_socket(draft),
        UnitKind::Service => complete_service(draft),
        UnitKind::Target | UnitKind::Slice | UnitKind::Foreign => None,
    };
    match &refusal {
        None => implicit_dependencies(draft),
        Some(refused) if refused.state == LoadState::BadSetting => would_trigger(draft),
        Some(_) => {}
    }
    refusal
}

/// A refused socket still shows what it would have started.
fn would_trigger(draft: &mut Draft) {
    let socket = &draft.socket;
    if draft.name.kind() == UnitKind::Socket && !(socket.accept && socket.listen.iter().all(accepts)) {
        let service = draft.given.service.clone().or_else(|| draft.name.with_suffix("service"));
        if let Some(service) = service {
            draft.common.depend(Dependency::Triggers, service);
        }
    }
}

fn complete_socket(draft: &mut Draft) -> Option<Refusal> {
    /// `TriggerLimitBurst=` and `PollLimitBurst=` of sockets that accept, and of others.
    const ACCEPTING_BURSTS: (u32, u32) = (200, 150);
    const BURSTS: (u32, u32) = (20, 15);
    let accept = draft.socket.accept;
    let socket = &mut draft.socket;
    let (trigger, poll) = if accept { ACCEPTING_BURSTS } else { BURSTS };
    socket.trigger_limit.burst = draft.given.trigger_limit_burst.unwrap_or(trigger);
    socket.poll_limit.burst = draft.given.poll_limit_burst.unwrap_or(poll);
    socket.service_explicit = draft.given.service.is_some();
    let implicit = if accept {
        UnitName::parse(&format!("{}@.service", draft.name.prefix()))
    } else {
        draft.name.with_suffix("service")
    };
    socket.service = draft.given.service.clone().or(implicit);
    if let Some(refusal) = add_mounts(draft) {
        return Some(refusal);
    }
    refuse_socket(draft)
}

/// A path with `..` cannot be judged: systemd ends the load with an error.
fn not_normal(path: &str, of: &str) -> Option<Refusal> {
    if path::is_normalized(path) {
        return None;
    }
    let why = format!("the path {path} {of} has .. in it");
    let refusal = Refusal::setting("path-not-normalized", &why, "write the path without ..");
    Some(Refusal { state: LoadState::Error, ..refusal })
}

/// Paths whose mounts a socket needs.
fn add_mounts(draft: &mut Draft) -> Option<Refusal> {
    for listen in &draft.socket.listen {
        let path = match listen {
            Listen::Socket { address: Address::Path(path), .. } => path,
            Listen::Fifo(path) | Listen::Special(path) | Listen::UsbFunction(path) => path,
            Listen::Socket { .. } | Listen::Netlink { .. } | Listen::MessageQueue(_) => continue,
        };
        if let Some(refusal) = not_normal(path, "to listen on") {
            return Some(refusal);
        }
        draft.common.requires_mounts_for.push(path.clone());
    }
    None
}

/// In the order in which systemd 252 looks.
fn refuse_socket(draft: &Draft) -> Option<Refusal> {
    let socket = &draft.socket;
    if socket.listen.is_empty() {
        return Some(Refusal::setting(
            "no-listen",
            "the socket has nothing to listen on",
            "add a ListenStream= or other Listen…= line",
        ));
    }
    let no_connections = || {
        Refusal::setting("no-connections", "MaxConnections=0 leaves no connection", "set MaxConnections= to 1 or more")
    };
    // Since 257 it is wrong even where nothing is accepted, and it is looked at first.
    if socket.max_connections == 0 && !draft.given.strict {
        return Some(no_connections());
    }
    if socket.accept && !socket.listen.iter().all(accepts) {
        return Some(Refusal::setting(
            "accept-needs-stream",
            "Accept=yes needs stream or sequential packet sockets on every Listen…= line",
            "set Accept=no, or move the other lines to a socket unit of their own",
        ));
    }
    if socket.accept && socket.max_connections == 0 {
        return Some(no_connections());
    }
    if socket.accept && socket.service_explicit {
        return Some(Refusal::setting(
            "accept-with-service",
            "Service= has no place with Accept=yes, which starts instances of a template",
            "remove Service= and name the template after the socket, or set Accept=no",
        ));
    }
    if socket.accept && draft.options.defer_trigger != DeferTrigger::No {
        return Some(Refusal::setting(
            "accept-with-defer",
            "DeferTrigger= has no place with Accept=yes, which starts a service per connection",
            "remove DeferTrigger=, or set Accept=no",
        ));
    }
    if !draft.options.symlinks.is_empty() && socket.listen.iter().filter(|l| has_node(l)).count() != 1 {
        return Some(Refusal::setting(
            "symlinks-need-one-path",
            "Symlinks= needs exactly one path to lead to",
            "listen on one file system path or FIFO only, or remove Symlinks=",
        ));
    }
    let guarded = draft.admission.guards_addresses() || draft.admission.guards_users();
    if guarded && !socket.accept {
        return Some(Refusal::setting(
            "guard-needs-accept",
            "rules about peers need Accept=yes: the service would accept everybody by itself",
            "set Accept=yes, or let the service or a packet filter judge its peers",
        ));
    }
    if draft.given.pam_name && draft.kill.kill_mode != KillMode::ControlGroup {
        return Some(Refusal::setting("bad-pam", "PAMName= needs KillMode=control-group", "remove one of the two"));
    }
    None
}

fn accepts(listen: &Listen) -> bool {
    // One-to-many SCTP has associations and no connections.
    matches!(listen, Listen::Socket { kind: SocketKind::Stream | SocketKind::SequentialPacket, .. })
        && !listen.is_ip_packets()
}

fn has_node(listen: &Listen) -> bool {
    matches!(listen, Listen::Socket { address: Address::Path(_), .. } | Listen::Fifo(_))
}

fn complete_service(draft: &mut Draft) -> Option<Refusal> {
    let service = &mut draft.service;
    service.service_type =
        draft.given.service_type.unwrap_or(match (&draft.more.bus_name, service.exec_start.is_empty()) {
            (Some(_), _) => ServiceType::Dbus,
            (None, false) => ServiceType::Simple,
            (None, true) => ServiceType::Oneshot,
        });
    if service.service_type == ServiceType::Oneshot && !draft.given.timeout_start {
        service.timeout_start_usec = INFINITY_USEC;
    }
    let notifies = matches!(service.service_type, ServiceType::Notify | ServiceType::NotifyReload)
        || draft.more.watchdog_usec > 0
        || draft.more.file_descriptor_store_max > 0;
    if notifies && service.notify_access == NotifyAccess::None {
        service.notify_access = NotifyAccess::Main;
    }
    if draft.exec.standard_input == super::exec::Input::Null && !draft.exec.standard_input_data.is_empty() {
        draft.exec.standard_input = super::exec::Input::Data;
    }
    let pid_file = draft.more.pid_file.as_deref().and_then(|path| not_normal(path, "of PIDFile="));
    pid_file.or_else(|| refuse_service(draft))
}

/// In the order in which systemd 252 looks.
fn refuse_service(draft: &Draft) -> Option<Refusal> {
    let (service, more) = (&draft.service, &draft.more);
    let starts = service.exec_start.len();
    let oneshot = service.service_type == ServiceType::Oneshot;
    let success_action = draft.common.actions.success_any;
    if starts == 0 && more.exec_stop.is_empty() && !success_action {
        return Some(Refusal::setting(
            "no-exec-start",
            "the service has no ExecStart=, ExecStop= or SuccessAction=",
            "add ExecStart=",
        ));
    }
    if !oneshot && starts == 0 {
        return Some(Refusal::setting(
            "no-exec-start",
            "only Type=oneshot can do without ExecStart=",
            "add ExecStart=, or set Type=oneshot",
        ));
    }
    if starts == 0 && !service.remain_after_exit && !success_action {
        return Some(Refusal::setting(
            "no-exec-start",
            "a service without ExecStart= must have RemainAfterExit=yes",
            "add ExecStart=, or set RemainAfterExit=yes",
        ));
    }
    if !oneshot && starts > 1 {
        return Some(Refusal::setting(
            "many-exec-start",
            "several ExecStart= are for Type=oneshot only",
            "set Type=oneshot, or empty the list with a line ExecStart= before the one that is meant",
        ));
    }
    if oneshot && matches!(service.restart, Restart::Always | Restart::OnSuccess) {
        return Some(Refusal::setting(
            "oneshot-restart",
            "Type=oneshot cannot have Restart=always or Restart=on-success",
            "set Restart=on-failure or Restart=no",
        ));
    }
    if oneshot && more.restart_force_exit_status != StatusSet::default() {
        return Some(Refusal::setting(
            "oneshot-restart",
            "Type=oneshot cannot have RestartForceExitStatus=",
            "remove RestartForceExitStatus=",
        ));
    }
    if oneshot && more.exit_type_cgroup {
        return Some(Refusal::setting("contradiction", "Type=oneshot cannot have ExitType=cgroup", "remove ExitType="));
    }
    if service.service_type == ServiceType::Dbus && more.bus_name.is_none() {
        return Some(Refusal::setting("no-bus-name", "Type=dbus needs BusName=", "add BusName="));
    }
    if draft.given.pam_name && !matches!(draft.kill.kill_mode, KillMode::ControlGroup | KillMode::Mixed) {
        return Some(Refusal::setting(
            "bad-pam",
            "PAMName= needs KillMode=control-group or mixed",
            "remove one of the two",
        ));
    }
    None
}

/// Names that nearly every unit refers to.
const KNOWN: [&str; 5] = ["system.slice", "sockets.target", "sysinit.target", "basic.target", "shutdown.target"];

/// One of them.
fn known(text: &str) -> UnitName {
    static NAMES: OnceLock<Vec<UnitName>> = OnceLock::new();
    let names = NAMES.get_or_init(|| KNOWN.iter().filter_map(|name| UnitName::parse(name)).collect());
    names.iter().find(|name| name.as_str() == text).cloned().expect("a name of the table above")
}

fn implicit_dependencies(draft: &mut Draft) {
    let kind = draft.name.kind();
    if kind == UnitKind::Socket
        && !draft.socket.accept
        && let Some(service) = draft.socket.service.clone()
    {
        draft.common.depend(Dependency::Before, service.clone());
        draft.common.depend(Dependency::Triggers, service);
    }
    for socket in std::mem::take(&mut draft.given.sockets) {
        draft.common.depend(Dependency::Wants, socket.clone());
        draft.common.depend(Dependency::After, socket.clone());
        draft.common.depend(Dependency::TriggeredBy, socket);
    }
    if let Some(device) = draft.options.bind_to_device.as_deref().filter(|d| *d != "lo") {
        let escaped = name::escape(&format!("sys/subsystem/net/devices/{device}"));
        if let Some(device) = UnitName::parse(&format!("{escaped}.device")) {
            draft.common.depend(Dependency::BindsTo, device.clone());
            draft.common.depend(Dependency::After, device);
        }
    }
    if matches!(kind, UnitKind::Socket | UnitKind::Service) {
        add_slice(draft);
        if draft.common.default_dependencies {
            add_defaults(draft, kind);
        }
    }
    if kind == UnitKind::Target && draft.common.default_dependencies {
        target_order(&mut draft.common);
        if draft.name.as_str() != "shutdown.target" {
            add_shutdown(&mut draft.common);
        }
    }
}

fn add_slice(draft: &mut Draft) {
    if draft.exec.slice.is_none() && draft.name.instance().is_some() {
        draft.exec.slice = Some(format!("system-{}.slice", name::escape(draft.name.prefix())).into());
    }
    let slice = draft.exec.slice.as_deref().and_then(UnitName::parse).unwrap_or_else(|| known("system.slice"));
    draft.common.depend(Dependency::Requires, slice.clone());
    draft.common.depend(Dependency::After, slice);
}

fn add_defaults(draft: &mut Draft, kind: UnitKind) {
    let common = &mut draft.common;
    if kind == UnitKind::Socket {
        common.depend(Dependency::Before, known("sockets.target"));
    }
    common.depend(Dependency::Requires, known("sysinit.target"));
    common.depend(Dependency::After, known("sysinit.target"));
    if kind == UnitKind::Service {
        common.depend(Dependency::After, known("basic.target"));
    }
    add_shutdown(common);
}

fn add_shutdown(common: &mut UnitSettings) {
    common.depend(Dependency::Before, known("shutdown.target"));
    common.depend(Dependency::Conflicts, known("shutdown.target"));
}

/// A target is reached after what it asks for, unless an order is written.
fn target_order(common: &mut UnitSettings) {
    use Dependency::{After, Before, BindsTo, Requires, Requisite, Upholds, Wants};
    let asked: Vec<UnitName> = common
        .dependencies
        .iter()
        .filter(|(kind, _)| matches!(kind, Requires | Requisite | Wants | BindsTo | Upholds))
        .map(|(_, name)| name.clone())
        .collect();
    for name in asked {
        if !common.depends(Before, &name) {
            common.depend(After, name);
        }
    }
}

fn assemble(draft: Draft, name: &UnitName, pool: &mut Pool) -> (Arc<UnitSettings>, Body) {
    let Draft { mut common, kill, .. } = draft;
    let rare = (draft.rare != RareExec::default()).then(|| Box::new(draft.rare));
    let exec = pool.exec.share(ExecSettings { rare, ..draft.exec });
    let body = match name.kind() {
        UnitKind::Socket => {
            let mut socket = SocketUnit { exec, kill, ..draft.socket };
            socket.options = pool.options.share(draft.options);
            socket.admission = (draft.admission != Admission::default()).then(|| Arc::new(draft.admission));
            socket.service = socket.service.map(|name| pool.name(name));
            socket.listen.shrink_to_fit();
            Body::Socket(Arc::new(socket))
        }
        UnitKind::Service => {
            let mut service = ServiceUnit { exec, kill, ..draft.service };
            service.more = pool.more.share(draft.more);
            service.exec_start.shrink_to_fit();
            Body::Service(Arc::new(service))
        }
        UnitKind::Target => Body::Target,
        UnitKind::Slice => Body::Slice,
        UnitKind::Foreign => Body::Foreign,
    };
    for (_, name) in &mut common.dependencies {
        *name = pool.name(name.clone());
    }
    common.dependencies.shrink_to_fit();
    common.requires_mounts_for.shrink_to_fit();
    (Arc::new(common), body)
}
