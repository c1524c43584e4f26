//! Reading the engine: units become the plain data of `status`.

use super::admission::Counted;
use super::service::ServiceState;
use super::slot::{Machine, RELATION_NAMES, Relation, Slot};
use super::status::{ActiveState, Detail, ProcessStatus, ServiceDetail, UnitStatus};
use super::{Engine, Reason};
use crate::ids::{ClientId, FdToken, Mono, NamespaceToken, ProcToken, UnitId};
use crate::unit::UnitName;
use std::collections::{BTreeMap, BTreeSet};

impl Engine {
    /// Everything about one unit, by any of its names.
    pub fn status(&self, name: &str) -> Option<UnitStatus> {
        let id = self.lookup(name)?;
        Some(self.status_of(id, self.units.get(&id)?))
    }

    /// Everything about all units, in the order in which they became known.
    pub fn list(&self) -> impl Iterator<Item = UnitStatus> + '_ {
        self.units.iter().map(|(id, slot)| self.status_of(id, slot))
    }

    /// Descriptors that a service keeps in its store.
    pub fn stored(&self, id: UnitId) -> Vec<FdToken> {
        self.service(id).map(|service| service.store.iter().map(|stored| stored.fd).collect()).unwrap_or_default()
    }

    fn status_of(&self, id: UnitId, slot: &Slot) -> UnitStatus {
        let related = RELATION_NAMES.iter().filter_map(|(relation, property)| {
            // Order alone does not make a unit known, but it is written down all the same.
            let written = slot.unit.common.dependencies.iter();
            let unknown = written.filter(|(kind, name)| {
                Relation::of(*kind) == *relation && self.lookup(name.as_str()).is_none() && !name.is_template()
            });
            let mut names: Vec<UnitName> =
                slot.related(*relation).filter_map(|other| self.unit_name(other)).cloned().collect();
            names.extend(unknown.map(|(_, name)| name.clone()));
            (!names.is_empty()).then_some((*property, names))
        });
        let (sub, result, detail) = self.specifics(id, slot);
        UnitStatus {
            id,
            unit: slot.unit.clone(),
            description: self.description_of(slot),
            active: slot.active,
            sub,
            result,
            job: slot.job.as_ref().map(|job| job.kind.as_str()),
            waiting: self.waiting(id, slot),
            moments: slot.moments,
            condition_result: slot.condition_result,
            assert_result: slot.assert_result,
            unmet: slot.unmet.clone(),
            invocation: slot.invocation,
            related: related.collect(),
            can_start: slot.unit.load == crate::unit::LoadState::Loaded && !slot.unit.common.refuse_manual_start,
            can_reload: self.can_reload(id),
            detail,
        }
    }

    /// systemd appends the peer of an instance; without a description it is the peer alone.
    fn description_of(&self, slot: &Slot) -> String {
        let peer = match &slot.machine {
            Machine::Service(service) => service.peer(),
            Machine::Socket(_) | Machine::Target(_) | Machine::Inert => None,
        };
        match (peer, &slot.unit.common.description) {
            (None, _) => slot.unit.description().to_owned(),
            (Some(peer), Some(description)) => format!("{description} ({peer})"),
            (Some(peer), None) => peer,
        }
    }

    fn specifics(&self, id: UnitId, slot: &Slot) -> (&'static str, &'static str, Detail) {
        match &slot.machine {
            Machine::Socket(socket) => {
                let control = socket.control.as_ref().and_then(|control| {
                    let unit = self.socket_unit(id)?;
                    let command = super::socket::phase_commands(&unit, socket.state).get(control.index)?;
                    let (pid, path, started) = (control.pid, command.path.clone(), control.started);
                    Some(ProcessStatus { pid, command: "", path, started, ended: None })
                });
                let detail = Detail::Socket {
                    accepted: socket.accepted,
                    connections: u64::from(socket.connections),
                    refused: socket.refused,
                    rules: socket.door.as_ref().map(|door| door.ranked()).unwrap_or_default(),
                    fds: socket.ports.iter().map(|port| (port.index, port.fd)).collect(),
                    control,
                };
                (socket.state.as_str(), socket.result.as_str(), detail)
            }
            Machine::Service(service) => {
                let detail = Detail::Service(Box::new(self.service_detail(id, service)));
                let plain = service.state == ServiceState::ReloadNotify && !self.policy.name_reload_notify;
                let state = if plain { ServiceState::Reload } else { service.state };
                (state.as_str(), service.result.as_str(), detail)
            }
            Machine::Target(up) => (if *up { "active" } else { "dead" }, "success", Detail::Other),
            Machine::Inert => ("dead", "success", Detail::Other),
        }
    }

    fn service_detail(&self, id: UnitId, service: &super::service::Service) -> ServiceDetail {
        let unit = self.service_unit(id);
        let path_of = |index: usize| {
            unit.as_ref()
                .and_then(|unit| unit.exec_start.get(index))
                .map_or_else(|| "".into(), |command| command.path.clone())
        };
        let running = service.main.as_ref().map(|main| ProcessStatus {
            pid: main.pid,
            command: "ExecStart",
            path: path_of(main.index),
            started: main.started,
            ended: None,
        });
        let ended = service.main_ended.map(|ended| ProcessStatus {
            pid: ended.pid,
            command: "ExecStart",
            path: path_of(0),
            started: ended.started,
            ended: Some((ended.at, ended.status)),
        });
        let control = service.control.as_ref().and_then(|control| {
            let (command, directive) = self.control_command(id)?;
            let (pid, path, started) = (control.pid, command.path, control.started);
            Some(ProcessStatus { pid, command: directive, path, started, ended: None })
        });
        ServiceDetail {
            main: running.or(ended),
            control,
            restarts: service.restarts,
            status_text: service.status_text.clone(),
            status_errno: service.status_errno,
            stored: u32::try_from(service.store.len()).unwrap_or(u32::MAX),
            reload_result: service.reload_result.as_str(),
            store: service.store.iter().map(|stored| (stored.fd, stored.name.clone())).collect(),
            watchdog_usec: self.watchdog_usec(id),
            step_failure: service.step_failure.clone(),
        }
    }

    fn waiting(&self, id: UnitId, slot: &Slot) -> Option<(String, Option<Mono>)> {
        if let Machine::Socket(socket) = &slot.machine
            && let Some(pause) = &socket.pause
        {
            return Some((format!("paused: {}", pause.why), self.deadlines.get(id, Reason::Pause)));
        }
        if let (Machine::Socket(socket), crate::unit::Body::Socket(unit)) = (&slot.machine, &slot.unit.body)
            && socket.full
        {
            let why = "connections are served; it goes on when one of them ends";
            return Some((
                format!("paused: {} {why} (MaxConnections={})", socket.connections, unit.max_connections),
                None,
            ));
        }
        if let Machine::Socket(socket) = &slot.machine
            && let Some(why) = Engine::awaited(socket)
        {
            return Some((format!("waits for its address: {why}"), self.deadlines.get(id, Reason::Rebind)));
        }
        if let Machine::Socket(socket) = &slot.machine
            && let Some(why) = Engine::missing(socket)
        {
            return Some((
                format!("tries again to listen on what is missing: {why}"),
                self.deadlines.get(id, Reason::Reopen),
            ));
        }
        if let Some(job) = slot.job.as_ref().filter(|job| !job.running && !job.checking) {
            return Some((format!("its {} job waits for other jobs", job.kind.as_str()), None));
        }
        let (reason, at) = self.deadlines.of(id).min_by_key(|(_, at)| *at)?;
        Some((format!("waits for {}", reason.describe()), Some(at)))
    }

    fn glance(&self, id: UnitId, slot: &Slot) -> Glance {
        let (result, busy) = match &slot.machine {
            Machine::Socket(socket) => (socket.result.as_str(), socket.control.is_some()),
            Machine::Service(service) => (service.result.as_str(), service.main.is_some() || service.control.is_some()),
            Machine::Target(_) | Machine::Inert => ("success", false),
        };
        let job_waits = slot.job.as_ref().is_some_and(|job| !job.running && !job.checking);
        let waits = job_waits || self.awaiting.contains(&id) || self.deadlines.of(id).next().is_some();
        Glance { id, active: slot.active, result, busy, waits }
    }

    /// Everything the engine believes to hold, for the simulator's invariants.
    pub fn census(&self) -> Census {
        let mut census = Census::default();
        for (id, slot) in self.units.iter() {
            census.jobs += usize::from(slot.job.is_some());
            census.units.push(self.glance(id, slot));
            match &slot.machine {
                Machine::Socket(socket) => {
                    for port in &socket.ports {
                        census.fds.insert(port.fd);
                        if port.watched {
                            census.watched.insert(port.fd);
                        }
                    }
                    census.procs.extend(socket.control.iter().map(|control| control.proc));
                    census.connections.insert(id, socket.connections);
                }
                Machine::Service(service) => {
                    census.fds.extend(service.store.iter().map(|stored| stored.fd));
                    census.fds.extend(service.held_connection());
                    let procs = service.main.iter().chain(&service.control);
                    census.procs.extend(procs.map(|proc| proc.token));
                    census.procs.extend(service.finding);
                    if let Some(socket) = service.socket() {
                        *census.places.entry(socket).or_default() += 1;
                    }
                }
                Machine::Target(_) | Machine::Inert => {}
            }
        }
        [census.counted, census.countable] = self.counted();
        census.known_procs = self.procs.keys().copied().collect();
        census.namespaces = self.namespaces.tokens().collect();
        census.clients = self.waiting_clients();
        census
    }
}

/// What the engine believes to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Descriptors named by states.
    pub fds: BTreeSet<FdToken>,
    /// Descriptors that ought to be watched for traffic.
    pub watched: BTreeSet<FdToken>,
    /// Processes named by states.
    pub procs: BTreeSet<ProcToken>,
    /// Processes in the routing table.
    pub known_procs: BTreeSet<ProcToken>,
    /// `NConnections` of each socket.
    pub connections: BTreeMap<UnitId, u32>,
    /// Instances that count against each socket.
    pub places: BTreeMap<UnitId, u32>,
    /// Network namespaces that units use.
    pub namespaces: BTreeSet<NamespaceToken>,
    /// Connections by source and by network as they are counted, and as the instances have them.
    pub counted: BTreeMap<(UnitId, Counted), u32>,
    /// See `counted`.
    pub countable: BTreeMap<(UnitId, Counted), u32>,
    /// Clients that wait for an answer.
    pub clients: BTreeSet<ClientId>,
    /// Jobs queued or running.
    pub jobs: usize,
    /// Every unit at a glance.
    pub units: Vec<Glance>,
}

/// What can be seen of a unit without formatting a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance {
    /// Which.
    pub id: UnitId,
    /// ActiveState
    pub active: ActiveState,
    /// Result
    pub result: &'static str,
    /// A process of it is alive.
    pub busy: bool,
    /// A deadline or another unit's job will bring it on.
    pub waits: bool,
}
