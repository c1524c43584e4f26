//! Engine state ⇄ plain data: what survives a crash or an upgrade.
//!
//! An image holds what units *do*, not what their files say: settings are read again and matched by
//! name. The record (its wire form) is somebody else's business.

use super::deadlines::Reason;
use super::effect::Effect;
use super::jobs::Job;
use super::limits::Window;
use super::namespaces::Namespaces;
use super::requests::Wait;
use super::service::Service;
use super::slot::{Machine, Relation, Slot};
use super::socket::{Socket, SocketState};
use super::status::{ActiveState, Moments};
use super::table::Table;
use super::{Engine, Policy};
use crate::ids::{Mono, UnitId};
use crate::unit::load::Template;
use crate::unit::{Unit, UnitName};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything the engine must remember.
#[derive(Clone, Debug)]
pub struct Image {
    now: Mono,
    units: Vec<UnitImage>,
    deadlines: Vec<(UnitId, Reason, Mono)>,
    epoch: u32,
    next_proc: u64,
    invocations: u64,
    leaving: Option<u8>,
    namespaces: Namespaces,
}

/// One unit's part of it.
#[derive(Clone, Debug)]
pub struct UnitImage {
    id: UnitId,
    name: UnitName,
    state: StateImage,
    active: ActiveState,
    moments: Moments,
    start_window: Window,
    start_limit_hit: bool,
    condition_result: bool,
    assert_result: bool,
    invocation: u128,
    job: Option<Job>,
}

/// The machine's state.
#[derive(Clone, Debug)]
enum StateImage {
    Socket(Box<Socket>),
    Service(Box<Service>),
    Target(bool),
    Inert,
}

impl Engine {
    /// Plain data of the present state. Clients are not in it: their connections do not survive.
    pub fn image(&self) -> Image {
        let units = self.units.iter().map(|(id, slot)| UnitImage {
            id,
            name: slot.unit.name.clone(),
            state: match &slot.machine {
                Machine::Socket(socket) => StateImage::Socket(socket.clone()),
                Machine::Service(service) => StateImage::Service(service.clone()),
                Machine::Target(up) => StateImage::Target(*up),
                Machine::Inert => StateImage::Inert,
            },
            active: slot.active,
            moments: slot.moments,
            start_window: slot.start_window,
            start_limit_hit: slot.start_limit_hit,
            condition_result: slot.condition_result,
            assert_result: slot.assert_result,
            invocation: slot.invocation,
            job: slot.job.as_deref().cloned(),
        });
        Image {
            now: self.now,
            units: units.collect(),
            deadlines: self.deadlines.all().collect(),
            epoch: self.units.epoch(),
            next_proc: self.next_proc,
            invocations: self.invocations,
            leaving: self.leaving,
            namespaces: self.namespaces.clone(),
        }
    }

    /// An engine that goes on where the image ends. Settings come from `units` and `templates`;
    /// a unit without a file keeps its state under its name. The runtime must still hold every
    /// token the image names; watches are asked for again.
    pub fn revive(
        policy: Policy,
        image: &Image,
        units: &[Arc<Unit>],
        templates: &[Arc<Template>],
        out: &mut Vec<Effect>,
    ) -> Engine {
        let mut engine = Engine::new(policy);
        engine.units = Table::revived(image.epoch);
        engine.now = image.now;
        engine.invocations = image.invocations;
        engine.leaving = image.leaving;
        for template in templates {
            engine.templates.insert(template.name.clone(), template.clone());
        }
        let by_name: BTreeMap<&UnitName, &Arc<Unit>> = units.iter().map(|unit| (&unit.name, unit)).collect();
        for saved in &image.units {
            let unit =
                by_name.get(&saved.name).map(|unit| Arc::clone(unit)).unwrap_or_else(|| engine.unit_of(&saved.name));
            engine.units.insert_as(saved.id, Slot::new(unit.clone()));
            engine.acquaint(saved.id, &unit);
        }
        engine.next_proc = image.next_proc;
        engine.namespaces = image.namespaces.clone();
        for unit in units {
            engine.adopt_unit(unit.clone());
        }
        for saved in &image.units {
            engine.restore(saved);
        }
        for (id, reason, at) in &image.deadlines {
            engine.deadlines.set(*id, *reason, Some(*at));
        }
        // The successor reports ready when the doors it took over are open.
        let request = engine.open_request(None, Wait::Done);
        engine.boot = Some(request);
        for saved in &image.units {
            engine.resume(saved);
            let socket = engine.socket(saved.id).is_some();
            if saved.job.is_some() && socket {
                engine.request_waits(request, saved.id);
            }
        }
        engine.close_request(request);
        std::mem::swap(&mut engine.out, out);
        engine.out.append(out);
        engine.settle();
        std::mem::swap(&mut engine.out, out);
        engine
    }

    fn unit_of(&self, name: &UnitName) -> Arc<Unit> {
        match name.template().and_then(|template| self.templates.get(&template)) {
            Some(template) => template.instantiate(name),
            None => Arc::new(Unit::absent(name.clone(), crate::unit::LoadState::NotFound, None)),
        }
    }

    fn restore(&mut self, saved: &UnitImage) {
        let Some(slot) = self.units.get_mut(&saved.id) else {
            return;
        };
        slot.machine = match &saved.state {
            StateImage::Socket(socket) => Machine::Socket(socket.clone()),
            StateImage::Service(service) => Machine::Service(service.clone()),
            StateImage::Target(up) => Machine::Target(*up),
            StateImage::Inert => Machine::Inert,
        };
        slot.active = saved.active;
        slot.moments = saved.moments;
        slot.start_window = saved.start_window;
        slot.start_limit_hit = saved.start_limit_hit;
        slot.condition_result = saved.condition_result;
        slot.assert_result = saved.assert_result;
        slot.invocation = saved.invocation;
        match &saved.state {
            StateImage::Socket(socket) => {
                if socket.state == SocketState::Deferred {
                    self.deferred.insert(saved.id);
                }
                self.fds.extend(socket.ports.iter().map(|port| (port.fd, saved.id)));
                self.procs.extend(socket.control.iter().map(|control| (control.proc, saved.id)));
            }
            StateImage::Service(service) => {
                self.fds.extend(service.store.iter().map(|stored| (stored.fd, saved.id)));
                let procs = service.main.iter().chain(&service.control).map(|proc| (proc.token, saved.id));
                self.procs.extend(procs);
                self.procs.extend(service.finding.map(|proc| (proc, saved.id)));
            }
            StateImage::Target(_) | StateImage::Inert => {}
        }
    }

    /// Jobs go on, watches are asked for again, steps whose answer was lost are taken again.
    fn resume(&mut self, saved: &UnitImage) {
        let id = saved.id;
        if let Some(socket) = self.service(id).and_then(Service::socket) {
            self.connect(socket, Relation::Triggers, id);
            self.connect(id, Relation::After, socket);
        }
        if let Some(socket) = self.socket_mut(id) {
            for port in &mut socket.ports {
                port.watched = false;
            }
        }
        self.admission_reloaded(id);
        if let Some(socket) = self.socket(id)
            && socket.awaiting.is_some()
        {
            // Changes that nobody heard are made up for by one try.
            self.awaiting.insert(id);
            self.deadlines.set(id, Reason::Rebind, Some(self.now));
            self.deadlines.set(id, Reason::Boot, self.now.after(crate::bounds::BOOT_PATIENCE_USEC));
        }
        self.socket_watch(id);
        if let Some(job) = &saved.job {
            let request = self.boot.filter(|_| self.socket(id).is_some());
            self.install(id, job.kind, request);
            if let Some(own) = self.units.get_mut(&id).and_then(|slot| slot.job.as_mut()) {
                own.running = job.running;
                own.restarting = job.restarting;
            }
        }
    }
}
