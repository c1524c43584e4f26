//! Effects about ports: open, own, watch, close, remove.

use crate::engine::event::Event;
use crate::ids::{FdToken, NamespaceToken, Text, UnitId};
use crate::linux::address;
use crate::linux::errno::{During, classify};
use crate::linux::files::{self, Owner};
use crate::linux::peer::ListenerFacts;
use crate::linux::poll::Interest;
use crate::linux::socket;
use crate::outside::Trouble;
use crate::plan::bind::{self, Port, Recipe, SocketCall};
use crate::runtime::hints;
use crate::runtime::source::Source;
use crate::runtime::world::World;
use crate::unit::socket::Listen;
use crate::unit::{Body, ServiceUnit, SocketUnit, Unit};
use nix::errno::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// Exit statuses of systemd's helper that changes owners.
const STATUS_GROUP: u8 = 216;
const STATUS_USER: u8 = 217;
const STATUS_CHOWN: u8 = 235;

/// What is known of a port when it was opened, so that a connection costs no look-up. Small: there may be tens of
/// thousands.
#[derive(Debug)]
pub(in crate::runtime) struct Listener {
    /// Of a port that accepts connections.
    pub(in crate::runtime) connections: Option<Box<Connections>>,
    /// Also readable by urgent data.
    pub(in crate::runtime) urgent: bool,
    /// A further descriptor of a port (an endpoint of a USB function): the first one is watched for
    /// all, and epoll takes no endpoints.
    pub(in crate::runtime) further: bool,
    /// Where it is bound, if the unit tells its service.
    pub(in crate::runtime) address: Option<Text>,
    /// Its name in the store of the supervisor above, if it is stored.
    pub(in crate::runtime) stored: Option<Text>,
}

/// What all connections of one port have in common.
#[derive(Debug)]
pub(in crate::runtime) struct Connections {
    /// What need not be asked of each.
    pub(in crate::runtime) facts: Option<ListenerFacts>,
    /// What each needs; empty unless the unit sets socket options.
    pub(in crate::runtime) calls: Vec<SocketCall>,
}

/// A port's name in the store of the supervisor above: unit and place in the file.
fn stored_name(unit: &Unit, index: u16) -> String {
    format!("{}.{index}", unit.name)
}

/// An error as the engine sees it.
pub(in crate::runtime) fn trouble(errno: Errno) -> Trouble {
    classify(errno, During::Other)
}

pub(in crate::runtime) fn socket_of(unit: &Unit) -> Option<&SocketUnit> {
    match &unit.body {
        Body::Socket(socket) => Some(socket),
        _ => None,
    }
}

pub(in crate::runtime) fn service_of(unit: &Unit) -> Option<&ServiceUnit> {
    match &unit.body {
        Body::Service(service) => Some(service),
        _ => None,
    }
}

impl World {
    pub(super) fn bind(
        &mut self,
        unit: UnitId,
        settings: &Arc<Unit>,
        service: Option<&Arc<Unit>>,
        namespace: Option<NamespaceToken>,
    ) {
        let Some(socket) = socket_of(settings) else {
            return;
        };
        let service = service.and_then(|unit| service_of(unit));
        let recipe = bind::recipe(socket, service, &self.facts.bind);
        match self.prepare_retry(socket, namespace).and_then(|()| self.open_ports(settings, socket, &recipe, namespace))
        {
            Ok(opened) => {
                for warning in socket::symlinks(&recipe.symlinks) {
                    self.warn_unit(settings, "socket-link-failed", &warning.to_string());
                }
                let mut fds = Vec::new();
                for (index, fd) in opened {
                    if let Err(errno) = self.watchable(socket, index, &fd) {
                        let detail = format!("{}: it cannot be watched", errno.desc());
                        return self.events.push_back(Event::BindFailed {
                            unit,
                            trouble: trouble(errno),
                            detail: detail.into(),
                        });
                    }
                    let mut listener = self.listener(socket, index, &fd);
                    listener.further = fds.last().is_some_and(|(last, _)| *last == index);
                    if !listener.further {
                        listener.stored = self.store_upstream(settings, index, &fd);
                    }
                    let token = self.handles.keep(fd);
                    self.listeners.insert(token, listener);
                    self.keep_node(settings, index, token);
                    fds.push((index, token));
                }
                if let Some(path) = &recipe.publish
                    && let Err(errno) = self.publish(socket, path, &fds)
                {
                    for (_, fd) in fds {
                        self.close(fd);
                    }
                    self.remove_nodes(settings, &[]);
                    let detail = format!("X-PublishAddress={path} cannot be written: {}", errno.desc()).into();
                    return self.events.push_back(Event::BindFailed { unit, trouble: trouble(errno), detail });
                }
                let door = self.door(settings, &recipe, &fds);
                self.doors.insert(settings.name.text(), door);
                self.events.push_back(Event::Bound { unit, fds });
            }
            Err((trouble, detail)) => self.events.push_back(Event::BindFailed { unit, trouble, detail }),
        }
    }

    /// `X-BindRetry=`: what changes from now on is heard.
    fn prepare_retry(&mut self, socket: &SocketUnit, namespace: Option<NamespaceToken>) -> Result<(), (Trouble, Text)> {
        if !socket.options.beyond.bind_retry {
            return Ok(());
        }
        self.namespace_of_ports(namespace, &socket.exec)?;
        self.monitor_addresses(namespace).map_err(|errno| {
            let why = format!("X-BindRetry= cannot watch addresses (rtnetlink): {}", errno.desc());
            (Trouble::Other(errno as i32), why.into())
        })
    }

    /// Plain files and some devices are always ready, and so cannot be waited for.
    fn watchable(&self, socket: &SocketUnit, index: u16, fd: &OwnedFd) -> Result<(), Errno> {
        if !matches!(socket.listen.get(usize::from(index)), Some(Listen::Special(_))) {
            return Ok(());
        }
        Source::Listener(FdToken(0)).add(&self.poll, fd, Interest::Read)?;
        self.poll.remove(fd)
    }

    /// All ports or none.
    fn open_ports(
        &mut self,
        unit: &Unit,
        socket: &SocketUnit,
        recipe: &Recipe,
        namespace: Option<NamespaceToken>,
    ) -> Result<Vec<(u16, OwnedFd)>, (Trouble, Text)> {
        let owner = self.node_owner(recipe);
        let own_network = namespace.is_some();
        let mut opened = Vec::new();
        for (index, port) in (0u16..).zip(&recipe.ports) {
            let listen = socket.listen.get(usize::from(index));
            if let Some(fd) =
                listen.and_then(|listen| self.inherited.claim(listen, &stored_name(unit, index), own_network))
            {
                tracing::debug!(UNIT = unit.name.as_str(), "{} was handed over, it is not bound again", port.display);
                self.adopt_namespace(namespace, &fd);
                opened.push((index, fd));
                continue;
            }
            let ready = self.namespace_of_ports(namespace, &socket.exec);
            match ready.and_then(|()| self.open_port(unit, port, owner, namespace)) {
                Ok(fds) => opened.extend(fds.into_iter().map(|fd| (index, fd))),
                Err(why) => {
                    let open: Vec<u16> = opened.iter().map(|(index, _)| *index).collect();
                    self.remove_nodes(unit, &open);
                    return Err(why);
                }
            }
        }
        Ok(opened)
    }

    pub(super) fn open_port(
        &mut self,
        unit: &Unit,
        port: &Port,
        owner: Owner,
        namespace: Option<NamespaceToken>,
    ) -> Result<Vec<OwnedFd>, (Trouble, Text)> {
        let namespace = namespace.and_then(|namespace| self.namespaces.get(&namespace)).map(AsFd::as_fd);
        match socket::carry_out_for(port, owner, namespace) {
            Ok(opened) => {
                for warning in &opened.warnings {
                    match warning.is_quiet() {
                        true => tracing::debug!(UNIT = unit.name.as_str(), "{}: {warning}", port.display),
                        false => self.warn_unit(unit, "socket-option-failed", &format!("{}: {warning}", port.display)),
                    }
                }
                Ok(opened.fds)
            }
            Err(error) => {
                let hint = match trouble(error.errno) {
                    _ if !error.advice.is_empty() => error.advice,
                    Trouble::Busy => "; stop what holds it, or choose another address",
                    Trouble::Denied => "; ports below 1024 and foreign directories need privileges",
                    Trouble::NoAddress if socket_of(unit).is_some_and(|socket| socket.options.beyond.bind_retry) => "",
                    Trouble::NoAddress => {
                        "; X-BindRetry=address-up waits until it is there, FreeBind=yes listens at once"
                    }
                    _ => "",
                };
                Err((trouble(error.errno), format!("{error}{hint}").into()))
            }
        }
    }

    /// Who may own a node that is there already; unknown names are told when owners are changed.
    pub(super) fn node_owner(&mut self, recipe: &Recipe) -> Owner {
        let Some(chown) = recipe.chown.as_ref().filter(|_| !self.facts.bind.strict) else {
            return Owner::default();
        };
        let user = chown.user.as_deref().and_then(|name| self.user(name));
        let group = chown.group.as_deref().and_then(|name| self.group(name));
        // A user alone brings its own group.
        Owner { gid: group.or(user.as_ref().map(|user| user.gid)), uid: user.map(|user| user.uid) }
    }

    /// Gives the supervisor above a copy to keep, if it keeps any; its name there.
    pub(super) fn store_upstream(&mut self, settings: &Unit, index: u16, fd: &OwnedFd) -> Option<Text> {
        let name = self.upstream.stores().then(|| stored_name(settings, index))?;
        self.upstream.store(&name, fd.as_fd());
        Some(name.into())
    }

    pub(super) fn listener(&self, socket: &SocketUnit, index: u16, fd: &OwnedFd) -> Listener {
        let listen = socket.listen.get(usize::from(index));
        let calls = || listen.map(|listen| bind::connection_calls(socket, listen, &self.facts.bind));
        let connections = socket
            .accept
            .then(|| Box::new(Connections { facts: ListenerFacts::of(fd).ok(), calls: calls().unwrap_or_default() }));
        let urgent = matches!(listen, Some(Listen::Special(_)));
        let address = if socket.publishes_addresses() { address::bound(fd) } else { None };
        Listener { connections, urgent, further: false, address, stored: None }
    }

    /// One address a line, in the order in which the descriptors are passed.
    pub(super) fn publish(&self, socket: &SocketUnit, path: &str, fds: &[(u16, FdToken)]) -> Result<(), Errno> {
        let addresses = fds.iter().filter_map(|(_, fd)| self.listeners.get(fd)?.address.as_deref());
        let content: String = addresses.map(|address| format!("{address}\n")).collect();
        files::make_parents(path, socket.directory_mode);
        files::replace(path, content.as_bytes())
    }

    /// Where a socket listens, and for somebody at a terminal what to type.
    fn door(&self, unit: &Unit, recipe: &Recipe, fds: &[(u16, FdToken)]) -> String {
        let address = |(index, fd): &(u16, FdToken)| {
            let port = recipe.ports.get(usize::from(*index))?;
            let bound = self.listeners.get(fd).and_then(|listener| listener.address.as_ref());
            Some(format!("{} ({})", bound.unwrap_or(&port.display), port.type_word))
        };
        let ports: Vec<String> = fds.iter().filter_map(address).collect();
        let mut text = ports.join(", ");
        if self.facts.at_terminal {
            for suggestion in hints::to_try(unit) {
                text.push_str(&format!("\ntry: {suggestion}"));
            }
        }
        text
    }

    pub(super) fn chown(&mut self, unit: UnitId, settings: &Arc<Unit>) {
        let outcome = self.chown_nodes(settings);
        self.events.push_back(match outcome {
            Ok(()) => Event::Chowned { unit },
            Err((status, detail)) => Event::ChownFailed { unit, status, detail },
        });
    }

    pub(super) fn chown_nodes(&mut self, settings: &Unit) -> Result<(), (u8, Text)> {
        let Some(socket) = socket_of(settings) else {
            return Ok(());
        };
        let Some(chown) = bind::recipe(socket, None, &self.facts.bind).chown else {
            return Ok(());
        };
        let missing =
            |what: &str, name: &str| format!("there is no {what} `{name}`; create it, or correct Socket{what}=");
        let mut uid = None;
        let mut gid = None;
        if let Some(name) = chown.user.as_deref() {
            let user = self.user(name).ok_or_else(|| (STATUS_USER, missing("User", name).into()))?;
            uid = Some(user.uid);
            gid = Some(user.gid);
        }
        if let Some(name) = chown.group.as_deref() {
            gid = Some(self.group(name).ok_or_else(|| (STATUS_GROUP, missing("Group", name).into()))?);
        }
        socket::chown(&chown.paths, uid, gid)
            .and_then(|()| socket::chown_queues(&chown.queues, uid, gid))
            .map_err(|error| (STATUS_CHOWN, error.to_string().into()))
    }

    pub(super) fn remove_nodes(&mut self, settings: &Unit, ports: &[u16]) {
        if self.upstream.keeps_doors() {
            return;
        }
        let Some(socket) = socket_of(settings) else {
            return;
        };
        for warning in socket::remove(&bind::removals(socket, ports)) {
            if warning.errno != Errno::ENOENT {
                self.warn_unit(settings, "socket-remove-failed", &warning.to_string());
            }
        }
    }

    pub(super) fn close(&mut self, fd: FdToken) {
        if let Some(listener) = self.listeners.remove(&fd)
            && let Some(name) = &listener.stored
        {
            self.upstream.unstore(name);
        }
        if let Some(nodes) = &mut self.nodes {
            nodes.forget(fd, self.upstream.keeps_doors());
        }
        if let Some(handle) = self.handles.take(fd)
            && handle.watched
        {
            // A service may share the description, and epoll watches descriptions.
            self.poll.remove(&handle.fd).ok();
        }
    }

    pub(super) fn watch(&mut self, fd: FdToken) {
        if self.listeners.get(&fd).is_some_and(|listener| listener.further) {
            return;
        }
        let urgent = self.listeners.get(&fd).is_some_and(|listener| listener.urgent);
        let interest = if urgent { Interest::ReadOrPriority } else { Interest::Read };
        let Some(handle) = self.handles.get_mut(fd) else {
            return;
        };
        if handle.watched {
            return;
        }
        match Source::Listener(fd).add(&self.poll, &handle.fd, interest) {
            Ok(()) => handle.watched = true,
            // A plain file is always readable; watching it would spin. systemd refuses it as well.
            Err(errno) => {
                tracing::warn!("a descriptor cannot be watched: {}", errno.desc());
                self.events.push_back(Event::Broken { fd, hangup: false });
            }
        }
    }

    pub(super) fn unwatch(&mut self, fd: FdToken) {
        if let Some(handle) = self.handles.get_mut(fd)
            && std::mem::take(&mut handle.watched)
        {
            self.poll.remove(&handle.fd).ok();
        }
    }

    pub(super) fn watch_stored(&mut self, fd: FdToken) {
        let Some(handle) = self.handles.get_mut(fd) else {
            return;
        };
        if !handle.watched && Source::Stored(fd).add(&self.poll, &handle.fd, Interest::Hangup).is_ok() {
            handle.watched = true;
        }
    }
}
