//! Rows: units in memory, ports of sockets, unit files.

use super::files::file_state;
use crate::control::wire::{FileRow, List, ListKind, ListReply, SocketRow, UnitRow};
use crate::engine::status::{Detail, UnitStatus};
use crate::ids::{FdToken, Text};
use crate::linux::address::interface_name;
use crate::plan::bind::{self, Port};
use crate::runtime::perform::ports::socket_of;
use crate::runtime::turn::Daemon;
use crate::unit::Unit;
use crate::unit::socket::Listen;
use crate::unit::values::address::display_with;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Daemon {
    pub(super) fn list(&mut self, wanted: &List) -> ListReply {
        match wanted.kind {
            ListKind::Units => ListReply { units: self.list_units(wanted), ..ListReply::default() },
            ListKind::Sockets => ListReply { sockets: self.list_sockets(wanted), ..ListReply::default() },
            ListKind::Files => ListReply { files: self.list_files(wanted), ..ListReply::default() },
        }
    }

    fn admitted(&self, wanted: &List) -> impl Iterator<Item = UnitStatus> {
        self.engine.list().filter(|status| {
            let (name, load) = (status.unit.name.as_str(), status.unit.load.as_str());
            wanted.admits(name, load, status.active.as_str(), status.sub, status.job.is_some())
        })
    }

    fn list_units(&self, wanted: &List) -> Vec<UnitRow> {
        let row = |status: UnitStatus| UnitRow {
            unit: status.unit.name.as_str().to_owned(),
            load: status.unit.load.as_str().to_owned(),
            active: status.active.as_str().to_owned(),
            sub: status.sub.to_owned(),
            job: status.job.map(str::to_owned),
            description: status.description,
        };
        let mut rows: Vec<UnitRow> = self.admitted(wanted).map(row).collect();
        rows.sort_by(|a, b| a.unit.cmp(&b.unit));
        rows
    }

    fn list_sockets(&self, wanted: &List) -> Vec<SocketRow> {
        let mut rows: Vec<SocketRow> = self.admitted(wanted).flat_map(|status| self.socket_rows(&status)).collect();
        // Addresses before paths, each sorted (systemd 254 and newer).
        rows.sort_by_key(|row| (row.listen.starts_with('/'), row.listen.clone(), row.kind.clone()));
        rows
    }

    fn socket_rows(&self, status: &UnitStatus) -> Vec<SocketRow> {
        let activates = related(status, "Triggers");
        let row = |port: Port| SocketRow {
            listen: port.display.to_string(),
            kind: port.type_word.to_owned(),
            unit: status.unit.name.as_str().to_owned(),
            activates: activates.clone(),
            load: status.unit.load.as_str().to_owned(),
            active: status.active.as_str().to_owned(),
            sub: status.sub.to_owned(),
        };
        self.ports(status).into_iter().map(row).collect()
    }

    /// Ports of a socket unit in file order.
    pub(super) fn ports(&self, status: &UnitStatus) -> Vec<Port> {
        let bound: BTreeMap<u16, &Text> = match &status.detail {
            Detail::Socket { fds, .. } => {
                fds.iter().filter_map(|(index, fd)| Some((*index, self.bound(*fd)?))).collect()
            }
            _ => BTreeMap::new(),
        };
        match socket_of(&status.unit) {
            Some(socket) => {
                let ports = bind::recipe(socket, None, &self.world.facts.bind).ports;
                let shown = |listen: &Listen| display_with(listen, &interface_name).into();
                let named = |(index, (port, listen)): (u16, (Port, &Listen))| match bound.get(&index) {
                    // Where the kernel chose the port, the file does not say where the door is.
                    Some(address) if listen.asks_for_any_port() => Port { display: (*address).clone(), ..port },
                    _ if socket.options.beyond.scope(usize::from(index)).is_some() => port,
                    _ => Port { display: shown(listen), ..port },
                };
                (0..).zip(ports.into_iter().zip(&socket.listen)).map(named).collect()
            }
            None => Vec::new(),
        }
    }

    fn bound(&self, fd: FdToken) -> Option<&Text> {
        self.world.listeners.get(&fd).and_then(|listener| listener.address.as_ref())
    }

    fn list_files(&mut self, wanted: &List) -> Vec<FileRow> {
        let enabled = self.enabled_names();
        let names = self.units.all_names();
        let mut units: Vec<Arc<Unit>> = names.iter().map(|name| self.units.peek(name)).collect();
        units.extend(self.units.all_templates().into_iter().map(Arc::new));
        units.sort_by(|a, b| a.name.cmp(&b.name));
        let row = |unit: Arc<Unit>| {
            let (name, state) = (unit.name.as_str(), file_state(&unit, &enabled));
            let path = unit.fragment.as_deref().unwrap_or_default().to_owned();
            wanted.admits_file(name, state).then(|| FileRow { unit: name.to_owned(), state: state.to_owned(), path })
        };
        units.into_iter().filter_map(row).collect()
    }
}

/// Names of units related by one property.
pub(super) fn related(status: &UnitStatus, property: &str) -> Vec<String> {
    let found = status.related.iter().find(|(name, _)| *name == property);
    found.map(|(_, units)| units.iter().map(|unit| unit.as_str().to_owned()).collect()).unwrap_or_default()
}
