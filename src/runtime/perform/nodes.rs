//! Nodes that are put back, and addresses that are waited for.

use super::ports::socket_of;
use crate::engine::event::Event;
use crate::ids::{FdToken, NamespaceToken, Text};
use crate::linux::addresses::Monitor;
use crate::linux::nodes::{Healed, Nodes};
use crate::linux::poll::Interest;
use crate::plan::bind;
use crate::runtime::source::Source;
use crate::runtime::world::World;
use crate::unit::Unit;
use crate::unit::socket::{Address, Listen};
use nix::errno::Errno;
use std::os::fd::AsFd;

impl World {
    /// Before a socket is tried that may have to wait: a change that comes between is heard.
    pub(super) fn monitor_addresses(&mut self, namespace: Option<NamespaceToken>) -> Result<(), Errno> {
        if self.monitors.iter().any(|(of, _)| *of == namespace) {
            return Ok(());
        }
        let inside = namespace.and_then(|namespace| self.namespaces.get(&namespace));
        let monitor = Monitor::open(inside.map(AsFd::as_fd))?;
        Source::Addresses.add(&self.poll, &monitor, Interest::Read)?;
        self.monitors.push((namespace, monitor));
        Ok(())
    }

    /// Some interface or address changed, here or in a namespace.
    pub(in crate::runtime) fn addresses_changed(&mut self) {
        // All of them: one message each is cheaper than telling them apart.
        if self.monitors.iter().filter(|(_, monitor)| monitor.take()).count() > 0 {
            self.events.push_back(Event::AddressesChanged);
        }
    }

    /// `X-HealNode=`
    pub(super) fn keep_node(&mut self, settings: &Unit, index: u16, port: FdToken) {
        let Some(socket) = socket_of(settings).filter(|socket| socket.options.beyond.heal_node) else {
            return;
        };
        let path = match socket.listen.get(usize::from(index)) {
            Some(Listen::Socket { address: Address::Path(path), .. } | Listen::Fifo(path)) => path,
            _ => return,
        };
        let directory = self.facts.runtime_dir.join("nodes");
        let kept = self.nodes().and_then(|nodes| {
            let name = format!("{}.{index}", settings.name);
            nodes.keep(port, path, &directory, &name, socket.directory_mode)
        });
        if let Err(errno) = kept {
            let text = format!("X-HealNode= has no effect on {path}: it cannot have a second name: {}", errno.desc());
            self.warn_unit(settings, "node-not-kept", &text);
        }
    }

    /// Made with the first node.
    fn nodes(&mut self) -> Result<&mut Nodes, Errno> {
        if self.nodes.is_none() {
            use std::os::unix::fs::DirBuilderExt;
            let directory = self.facts.runtime_dir.join("nodes");
            #[allow(clippy::disallowed_methods, reason = "porterd's own directory")]
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory).ok();
            let nodes = Nodes::new()?;
            Source::Nodes.add(&self.poll, &nodes, Interest::Read)?;
            self.nodes = Some(nodes);
        }
        self.nodes.as_mut().ok_or(Errno::EBADF)
    }

    /// Something happened where nodes are.
    pub(in crate::runtime) fn nodes_changed(&mut self) {
        let gone = self.nodes.as_mut().map(Nodes::changed).unwrap_or_default();
        self.events.extend(gone.into_iter().map(|fd| Event::NodeGone { fd }));
    }

    pub(super) fn heal_node(&mut self, fd: FdToken, settings: &Unit, index: u16, renew: bool) {
        let Some(nodes) = &mut self.nodes else {
            return;
        };
        let event = match nodes.heal(fd) {
            Ok(Healed::There) => return,
            Ok(Healed::Back(path)) => Event::NodeHealed { fd, path: path.into() },
            Ok(Healed::Replaced(path)) => {
                let what = "somebody put something else in its place; restart the socket to take it back";
                Event::NodeLost { fd, detail: format!("{path} is no longer ours: {what}").into() }
            }
            Err(errno) => {
                let why = format!("its node was removed and cannot be put back: {}", errno.desc());
                let renewed = if renew { self.renew_port(fd, settings, index) } else { Err("too often".into()) };
                renewed.unwrap_or_else(|more| {
                    let detail = format!("{why}; nor can a new one be made ({more}); restart the socket");
                    Event::NodeLost { fd, detail: detail.into() }
                })
            }
        };
        self.events.push_back(event);
    }

    /// A new socket at the path of one that nobody can reach any more.
    fn renew_port(&mut self, lost: FdToken, settings: &Unit, index: u16) -> Result<Event, Text> {
        let socket = socket_of(settings).ok_or("no socket")?;
        let recipe = bind::recipe(socket, None, &self.facts.bind);
        let port = recipe.ports.get(usize::from(index)).ok_or("no such port")?;
        let owner = self.node_owner(&recipe);
        let fds = self.open_port(settings, port, owner, None).map_err(|(_, why)| why)?;
        let fd = fds.into_iter().next().ok_or("no descriptor")?;
        if let Err((_, why)) = self.chown_nodes(settings) {
            self.warn_unit(settings, "socket-chown-failed", &why);
        }
        // In the store of the supervisor above the new one takes the place, too.
        if let Some(old) = self.listeners.get_mut(&lost)
            && let Some(name) = old.stored.take()
        {
            self.upstream.unstore(&name);
        }
        if let Some(nodes) = &mut self.nodes {
            nodes.forget(lost, false);
        }
        let mut listener = self.listener(socket, index, &fd);
        listener.stored = self.store_upstream(settings, index, &fd);
        let new = self.handles.keep(fd);
        self.listeners.insert(new, listener);
        self.keep_node(settings, index, new);
        Ok(Event::PortRenewed { lost, new, path: port.display.clone() })
    }
}
