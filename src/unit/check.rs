//! Rules that need two directives or two units. Everything here loads and starts; it just will not
//! do what its author thinks.

mod beyond;

use super::exec::{Input, Output};
use super::load::Template;
use super::socket::{Address, Listen, SocketUnit};
use super::{Body, Dependency, ExecSettings, LoadState, Unit, UnitKind, UnitName};
use crate::report::{Diagnostic, Place, Source};
use std::sync::Arc;

/// Looks up a unit that was read.
pub type Units<'a> = &'a dyn Fn(&UnitName) -> Option<Arc<Unit>>;
/// Looks up a template that was read.
pub type Templates<'a> = &'a dyn Fn(&UnitName) -> Option<Arc<Template>>;

/// Variables of the protocol between porterd and a service.
const PROTOCOL_VARIABLES: [&str; 6] =
    ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/// What is odd about a loaded unit, given the others.
pub fn unit(unit: &Unit, units: Units<'_>, templates: Templates<'_>) -> Vec<Diagnostic> {
    if unit.load != LoadState::Loaded {
        return Vec::new();
    }
    let mut findings = Findings { unit, found: Vec::new() };
    dependencies(&mut findings, units);
    match &unit.body {
        Body::Socket(socket) => {
            the_service(&mut findings, socket, units, templates);
            beyond::socket(&mut findings, socket);
            protocol_variables(&mut findings, &socket.exec);
            limits_without_accept(&mut findings, socket);
        }
        Body::Service(service) => {
            protocol_variables(&mut findings, &service.exec);
            its_sockets(&mut findings, units);
        }
        Body::Target | Body::Slice | Body::Foreign => {}
    }
    findings.found
}

struct Findings<'a> {
    unit: &'a Unit,
    found: Vec<Diagnostic>,
}

impl Findings<'_> {
    fn add(&mut self, code: &'static str, message: String, help: &str) {
        let place = self.unit.fragment.clone().map(|path| {
            let source = Arc::new(Source { path, text: "".into() });
            Place { source, span: 0..0 }
        });
        let mut diagnostic = Diagnostic::new(code, message, place).with_help(help);
        diagnostic.unit = Some(self.unit.name.text());
        self.found.push(diagnostic);
    }
}

fn dependencies(findings: &mut Findings<'_>, units: Units<'_>) {
    for (kind, name) in &findings.unit.common.dependencies {
        let needed = matches!(kind, Dependency::Requires | Dependency::BindsTo | Dependency::Requisite);
        if needed && name.kind() == UnitKind::Foreign {
            let message = format!("{name} counts as satisfied: porterd runs no .{} units", name.suffix());
            findings.add("foreign-dependency", message, "make sure by other means that it is there");
        } else if needed && units(name).is_some_and(|u| u.load == LoadState::NotFound) {
            let message = format!("{name} is required and there is no such unit; the start will fail");
            findings.add("missing-dependency", message, "add the unit, or write Wants= if it may be missing");
        }
    }
}

fn the_service(findings: &mut Findings<'_>, socket: &SocketUnit, units: Units<'_>, templates: Templates<'_>) {
    let Some(name) = &socket.service else { return };
    let template = templates(name);
    let service = if socket.accept { template.as_ref().and_then(|t| instance(t, name)) } else { units(name) };
    let Some(service) = service.filter(|s| s.load == LoadState::Loaded) else {
        let (state, then) = match (socket.accept, &template) {
            (true, Some(t)) => (t.load(), "connections will be refused"),
            (true, None) => return,
            (false, _) => match units(name) {
                Some(unit) => (unit.load, "the socket cannot be started"),
                None => return,
            },
        };
        let message = format!("{name} is {}; {then}", state.as_str());
        findings.add(
            if socket.accept { "accept-template-missing" } else { "service-missing" },
            message,
            "write the service, or name the right one with Service=",
        );
        return;
    };
    let Body::Service(body) = &service.body else { return };
    streams(findings, socket, name, &body.exec);
    runtime_directories(findings, socket, name, &body.exec);
    if !socket.accept && body.remain_after_exit && socket.listen.iter().any(|l| matches!(l, Listen::Socket { .. })) {
        let message = format!("{name} has RemainAfterExit=yes: after its first run, traffic starts nothing");
        findings.add("no-effect-here", message, "remove RemainAfterExit= from the service");
    }
}

fn instance(template: &Template, name: &UnitName) -> Option<Arc<Unit>> {
    Some(template.instantiate(&name.instantiate("0")?))
}

/// Standard streams on a socket need exactly one descriptor.
fn streams(findings: &mut Findings<'_>, socket: &SocketUnit, service: &UnitName, exec: &ExecSettings) {
    let output = |o: &Option<Output>| *o == Some(Output::Socket);
    let on_socket =
        exec.standard_input == Input::Socket || output(&exec.standard_output) || output(&exec.standard_error);
    if on_socket && !socket.accept && socket.listen.len() > 1 {
        let message = format!(
            "{service} has its standard streams on the socket, and this unit has {} of them; it will not start",
            socket.listen.len()
        );
        findings.add(
            "stdin-socket-ambiguous",
            message,
            "listen on one address only, or take the sockets from descriptor 3 on",
        );
    }
}

/// The service would change or remove the directory in which the socket lives.
fn runtime_directories(findings: &mut Findings<'_>, socket: &SocketUnit, service: &UnitName, exec: &ExecSettings) {
    let Some(rare) = &exec.rare else { return };
    let paths = socket.listen.iter().filter_map(|listen| match listen {
        Listen::Socket { address: Address::Path(path), .. } | Listen::Fifo(path) => Some(path),
        Listen::Socket { .. }
        | Listen::Special(_)
        | Listen::Netlink { .. }
        | Listen::MessageQueue(_)
        | Listen::UsbFunction(_) => None,
    });
    for path in paths {
        let inside =
            |dir: &&crate::ids::Text| path.strip_prefix(&format!("/run/{dir}")).is_some_and(|r| r.starts_with('/'));
        if let Some(dir) = rare.runtime_directory.iter().find(inside) {
            let message =
                format!("{path} lies in RuntimeDirectory={dir} of {service}, which owns and removes that directory");
            findings.add(
                "runtime-directory-of-socket",
                message,
                "listen elsewhere, or set RuntimeDirectoryPreserve=yes",
            );
        }
    }
}

fn protocol_variables(findings: &mut Findings<'_>, exec: &ExecSettings) {
    for (name, _) in &exec.environment {
        if PROTOCOL_VARIABLES.contains(&&**name) {
            let message = format!("Environment= sets {name}, in place of the value that porterd would give");
            findings.add("protocol-variable", message, "remove it, unless the program is to be misled");
        }
    }
}

/// Limits that porterd holds where it accepts.
fn limits_without_accept(findings: &mut Findings<'_>, socket: &SocketUnit) {
    let admission = socket.admission.as_deref();
    let given = [
        ("X-MaxConnectionsPerPrefix", admission.is_some_and(|a| a.max_connections_per_prefix.is_some())),
        ("X-ConnectionRatePerSource", admission.is_some_and(|a| a.connection_rate_per_source.is_some())),
        ("X-OnMaxConnections", socket.on_max_connections.is_some()),
    ];
    for (name, _) in given.iter().filter(|(_, given)| *given && !socket.accept) {
        let message = format!("{name}= has no effect with Accept=no: the service accepts by itself");
        findings.add("no-effect-here", message, "set Accept=yes, or remove it");
    }
}

fn its_sockets(findings: &mut Findings<'_>, units: Units<'_>) {
    for name in findings.unit.related(Dependency::TriggeredBy) {
        if units(name).is_some_and(|u| u.load == LoadState::NotFound) {
            let message = format!("there is no socket {name} to take descriptors from");
            findings.add("missing-dependency", message, "add the socket, or remove it from Sockets=");
        }
    }
}
