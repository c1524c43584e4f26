//! `explain`: which kernel calls porterd would make for a unit, or what a diagnostic means. Needs
//! no daemon: what is shown is the data that a daemon with nothing unusual about it (its limits,
//! its environment, its user) would carry out.

use super::commands::Context;
use super::show::{Paint, clean};
use super::{admission, exit, files, verify};
use crate::ids::Text;
use crate::plan::bind::{BindFacts, connection_calls, recipe};
use crate::plan::exec::{
    Ambient, Identity, Label, LookUpFailure, Network, Occasion, PassedFd, PerStart, Role, program,
};
use crate::plan::explain as words;
use crate::plan::program::Purpose;
use crate::report::{Severity, codes, machine};
use crate::unit::exec::{Command, ExecSettings};
use crate::unit::load::Library;
use crate::unit::service::ServiceType;
use crate::unit::{Body, LoadState, ServiceUnit, SocketUnit, Unit, UnitKind, UnitName};
use std::sync::Arc;

/// Columns of an explanation.
const WIDTH: usize = 80;

/// explain
pub(super) fn explain(context: &mut Context, what: &str) -> u8 {
    if let Some(code) = codes::find(what) {
        let severity = machine::severity_word(code.severity);
        let title = context.out.paint(Paint::Bold, what);
        context.out.line(format_args!("{title} ({severity})"));
        for line in wrap(code.explanation, WIDTH - 2) {
            context.out.line(format_args!("  {line}"));
        }
        return exit::OK;
    }
    let opened = verify::open(context, &[what.to_owned()]);
    let (mut library, name) = match opened {
        Ok((library, names)) => match names.into_iter().next() {
            Some(name) => (library, name),
            None => return exit::USAGE,
        },
        Err(why) => {
            context.complain(format_args!("porterctl: {why}"));
            return exit::USAGE;
        }
    };
    drop(library.closure(&files::Disk, std::slice::from_ref(&name)));
    let Some(unit) = library.known(&name) else {
        return exit::UNKNOWN;
    };
    if unit.load == LoadState::NotFound {
        context.complain(format_args!(
            "porterctl: {what} is neither a unit in the search path nor the name of a diagnostic.\n\
             Name a directory with --unit-path, or see 'porterctl list-unit-files' and porterd-diagnostics(7)."
        ));
        return exit::UNKNOWN;
    }
    Page { context, library: &mut library, around: Ambient::default() }.unit(&unit)
}

struct Page<'a> {
    context: &'a mut Context,
    library: &'a mut Library,
    around: Ambient,
}

impl Page<'_> {
    fn title(&mut self, text: impl std::fmt::Display) {
        let text = self.context.out.paint(Paint::Bold, text);
        self.context.out.line(text);
    }

    fn block(&mut self, text: &str) {
        for line in text.lines() {
            self.context.out.line(format_args!("  {}", clean(line)));
        }
    }

    fn unit(&mut self, unit: &Unit) -> u8 {
        self.title(format_args!("{} - {}", unit.name, clean(unit.description())));
        let files = unit.fragment.iter().chain(&unit.drop_ins).map(|path| format!("{path}\n")).collect::<String>();
        self.block(&files);
        let findings = self.library.diagnostics().iter();
        let serious =
            findings.filter(|d| d.severity > Severity::Notice && d.unit.as_deref() == Some(unit.name.as_str()));
        let count = serious.count();
        if count > 0 {
            self.block(&format!("findings: {count}, see 'porterctl verify {}'", unit.name));
        }
        if unit.load != LoadState::Loaded {
            let why = unit.load_error.as_deref().unwrap_or("its files say why not");
            self.context.complain(format_args!("{} cannot be started ({}): {why}", unit.name, unit.load.as_str()));
            return exit::FAILED;
        }
        match &unit.body {
            Body::Socket(socket) => self.socket(unit, socket),
            Body::Service(service) => {
                let passed = self.sockets_of(unit);
                self.service(service, &passed, false);
            }
            Body::Target | Body::Slice | Body::Foreign => {
                self.block("Nothing is run for a unit of this kind; it only has dependencies.");
            }
        }
        exit::OK
    }

    fn socket(&mut self, unit: &Unit, socket: &SocketUnit) {
        let service = socket.service.as_ref().map(|name| self.started(name, socket.accept));
        let body = service.as_ref().and_then(|u| match &u.body {
            Body::Service(service) => Some(Arc::clone(service)),
            _ => None,
        });
        // Whether this kernel runs SMACK says nothing of the one that the unit is for; the calls say what they need.
        let facts = BindFacts { smack: true, ..BindFacts::default() };
        self.title("\nto listen");
        self.block(&words::recipe(&recipe(socket, body.as_deref(), &facts)));
        let lists = [("ExecStartPre=", &socket.exec_start_pre), ("ExecStartPost=", &socket.exec_start_post)];
        self.commands(&lists, &socket.exec);
        self.connections(socket, &facts);
        self.admission(socket);
        let (Some(started), Some(body)) = (service, body) else {
            return;
        };
        let when = if socket.accept { "for each connection" } else { "on the first connection or datagram" };
        self.title(format_args!("\n{when}: {}", started.name));
        if started.load != LoadState::Loaded {
            let why = started.load_error.as_deref().unwrap_or("its files say why not");
            self.block(&format!("cannot be started ({}): {why}", started.load.as_str()));
            return;
        }
        let passed = if socket.accept { vec![connection(socket)] } else { passed_by(unit, socket) };
        self.service(&body, &passed, socket.accept && socket.options.selinux_context_from_net);
    }

    fn admission(&mut self, socket: &SocketUnit) {
        if socket.accept {
            self.title("\nwho is let in");
            self.block(&admission::rules(socket).join("\n"));
        }
        self.title("\nat a limit, or when something runs out or cannot be started");
        self.block(admission::limits(socket));
    }

    /// What a socket starts, with an instance in place of a template.
    fn started(&mut self, name: &UnitName, accept: bool) -> Arc<Unit> {
        if accept && name.is_template() {
            let template = self.library.load_template(&files::Disk, name);
            let instance = name.instantiate("0-EXAMPLE").unwrap_or_else(|| name.clone());
            return template.instantiate(&instance);
        }
        self.library.load(&files::Disk, name)
    }

    fn connections(&mut self, socket: &SocketUnit, facts: &BindFacts) {
        if !socket.accept {
            return;
        }
        for port in &socket.listen {
            let calls = connection_calls(socket, port, facts);
            if !calls.is_empty() {
                self.title(format_args!("\non each connection of {}", crate::unit::values::address::display(port)));
                let lines: String = calls.iter().map(|call| words::socket_call(call) + "\n").collect();
                self.block(&lines);
            }
        }
    }

    /// Descriptors that the sockets of a service pass to it. Which sockets start it stands in their
    /// files, so all of them are read.
    fn sockets_of(&mut self, unit: &Unit) -> Vec<PassedFd> {
        let sockets = self.library.all_names(&files::Disk, |name| name.kind() == UnitKind::Socket);
        let mut passed = Vec::new();
        for name in sockets {
            let socket = self.library.load(&files::Disk, &name);
            if let Body::Socket(settings) = &socket.body
                && !settings.accept
                && settings.service.as_ref() == Some(&unit.name)
            {
                passed.extend(passed_by(&socket, settings));
            }
        }
        passed
    }

    /// `label_from_net`: the level of its SELinux label is that of its peer.
    fn service(&mut self, service: &ServiceUnit, passed: &[PassedFd], label_from_net: bool) {
        const LABEL: &str = "LABEL-AT-THE-LEVEL-OF-THE-PEER";
        let forking = service.service_type == ServiceType::Forking;
        let main = if forking { Role::Forking } else { Role::Main };
        let more = &service.more;
        let lists: [(&str, &[Command], Role); 7] = [
            ("ExecCondition=", &more.exec_condition, Role::Control { terminal: true }),
            ("ExecStartPre=", &more.exec_start_pre, Role::Control { terminal: true }),
            ("ExecStart=", &service.exec_start, main),
            ("ExecStartPost=", &more.exec_start_post, Role::Control { terminal: false }),
            ("ExecReload=", &more.exec_reload, Role::Control { terminal: false }),
            ("ExecStop=", &more.exec_stop, Role::Control { terminal: false }),
            ("ExecStopPost=", &more.exec_stop_post, Role::Control { terminal: true }),
        ];
        let identity = identity(&service.exec);
        for (setting, commands, role) in lists {
            for command in commands {
                let occasion = Occasion {
                    exec: &service.exec,
                    command,
                    role,
                    passed,
                    non_blocking: service.non_blocking,
                    watchdog_usec: more.watchdog_usec,
                    pid_file: more.pid_file.as_deref(),
                    fd_store_max: more.file_descriptor_store_max,
                    permissions_start_only: more.permissions_start_only,
                    root_directory_start_only: more.root_directory_start_only,
                    idle: service.service_type == ServiceType::Idle,
                    awaits_exec: role == Role::Main && service.service_type.awaits_exec(),
                    identity: &identity,
                    environment_files: &[],
                    log: true,
                    network: network(&service.exec),
                    label: Label::Policy,
                    ambient: &self.around.clone(),
                    start: PerStart { variables: &[], invocation: 0, notify_socket: None },
                };
                // A kernel without SELinux is spared this step.
                let labelled = label_from_net && occasion.gets_socket();
                let label = if labelled { Label::Is(LABEL) } else { Label::Policy };
                let occasion = Occasion { label, ..occasion };
                self.program(setting, &occasion);
            }
        }
    }

    fn commands(&mut self, lists: &[(&str, &Vec<Command>)], exec: &Arc<ExecSettings>) {
        let identity = identity(exec);
        for (setting, commands) in lists {
            for command in *commands {
                let occasion = Occasion {
                    exec,
                    command,
                    role: Role::SocketCommand,
                    passed: &[],
                    non_blocking: false,
                    watchdog_usec: 0,
                    pid_file: None,
                    fd_store_max: 0,
                    permissions_start_only: false,
                    root_directory_start_only: false,
                    idle: false,
                    awaits_exec: false,
                    identity: &identity,
                    environment_files: &[],
                    log: true,
                    network: network(exec),
                    label: Label::Policy,
                    ambient: &self.around.clone(),
                    start: PerStart { variables: &[], invocation: 0, notify_socket: None },
                };
                self.program(setting, &occasion);
            }
        }
    }

    fn program(&mut self, setting: &str, occasion: &Occasion<'_>) {
        let arguments: Vec<&str> = occasion.command.argv.iter().map(|a| &**a).collect();
        self.title(format_args!("\n{setting}{}", clean(&arguments.join(" "))));
        match program(occasion) {
            Ok(planned) => {
                let warnings: String = planned.warnings.iter().map(|w| format!("warning: {w}\n")).collect();
                self.block(&warnings);
                self.block(&words::program(&planned.program));
            }
            Err(e) => self.block(&format!("cannot be started: {e}")),
        }
    }
}

/// A daemon with nothing unusual about it may make namespaces.
fn network(exec: &ExecSettings) -> Network {
    if exec.has_own_network() { Network::Namespace } else { Network::Same }
}

/// One descriptor per port.
fn passed_by(unit: &Unit, socket: &SocketUnit) -> Vec<PassedFd> {
    let name = socket.file_descriptor_name.clone().unwrap_or_else(|| unit.name.text());
    socket.listen.iter().map(|_| PassedFd { name: name.clone(), socket: true, blocking: None, address: None }).collect()
}

fn connection(socket: &SocketUnit) -> PassedFd {
    let name = socket.file_descriptor_name.clone().unwrap_or_else(|| "connection".into());
    PassedFd { name, socket: true, blocking: Some(false), address: None }
}

/// The user database's answer, asked in the usual way: here somebody waits anyway.
fn identity(exec: &ExecSettings) -> Result<Identity, LookUpFailure> {
    let failure = |purpose: Purpose, name: &str| LookUpFailure {
        purpose,
        errno: libc::ESRCH,
        message: format!("{name} is not known here").into(),
    };
    let mut identity = Identity::default();
    if let Some(name) = &exec.user {
        let user = match name.parse() {
            Ok(uid) => nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)),
            Err(_) => nix::unistd::User::from_name(name),
        };
        let user = user.ok().flatten().ok_or_else(|| failure(Purpose::User, name))?;
        let text = |path: &std::path::Path| Text::from(path.to_string_lossy());
        let groups = groups_of(&user);
        identity = Identity {
            own_groups: groups.clone().filter(|_| user.gid.as_raw() != 0),
            uid: Some(user.uid.as_raw()),
            gid: Some(user.gid.as_raw()),
            groups: groups.filter(|_| user.gid.as_raw() != 0),
            user: Some(user.name.as_str().into()),
            home: Some(text(&user.dir)),
            shell: Some(text(&user.shell)),
        };
    }
    if let Some(name) = &exec.group {
        let group = match name.parse() {
            Ok(gid) => nix::unistd::Group::from_gid(nix::unistd::Gid::from_raw(gid)),
            Err(_) => nix::unistd::Group::from_name(name),
        };
        identity.gid = Some(group.ok().flatten().ok_or_else(|| failure(Purpose::Group, name))?.gid.as_raw());
    }
    Ok(identity)
}

/// All groups of a user, sorted.
fn groups_of(user: &nix::unistd::User) -> Option<Vec<u32>> {
    let name = std::ffi::CString::new(user.name.as_str()).ok()?;
    let mut groups: Vec<u32> =
        nix::unistd::getgrouplist(&name, user.gid).ok()?.into_iter().map(nix::unistd::Gid::as_raw).collect();
    groups.sort_unstable();
    Some(groups)
}

/// Lines of at most `width` characters.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn wraps_at_words() {
        assert_eq!(wrap("aa bb  cc\nddddddd e", 5), ["aa bb", "cc", "ddddddd", "e"]);
    }
}
