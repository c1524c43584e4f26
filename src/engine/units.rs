//! The table of units: what is known, how units are connected, when one is forgotten.

use super::effect::{Effect, Level, Note};
use super::limits::Window;
use super::slot::{Machine, Relation, Slot};
use super::status::{ActiveState, Moment};
use super::{Engine, Inner};
use crate::bounds::UNITS_MAX;
use crate::ids::UnitId;
use crate::unit::load::Template;
use crate::unit::{LoadState, Unit, UnitName};
use std::sync::Arc;

impl Engine {
    /// The id of a unit by any of its names.
    pub fn unit_id(&self, name: &str) -> Option<UnitId> {
        self.lookup(name)
    }

    /// The canonical name of a unit.
    pub fn unit_name(&self, id: UnitId) -> Option<&UnitName> {
        self.units.get(&id).map(|slot| &slot.unit.name)
    }

    /// A unit's settings.
    pub fn unit(&self, id: UnitId) -> Option<&Arc<Unit>> {
        self.units.get(&id).map(|slot| &slot.unit)
    }

    pub(super) fn lookup(&self, name: &str) -> Option<UnitId> {
        self.units.named(name)
    }

    /// Units related in one way, collected so that the table may change meanwhile.
    pub(super) fn relatives(&self, id: UnitId, relation: Relation) -> Vec<UnitId> {
        self.units.get(&id).map(|slot| slot.related(relation).collect()).unwrap_or_default()
    }

    pub(super) fn loaded(&mut self, units: Vec<Arc<Unit>>, templates: Vec<Arc<Template>>, reload: bool) {
        let up = if reload { self.forget_files() } else { Vec::new() };
        for template in templates {
            self.templates.insert(template.name.clone(), template);
        }
        for unit in units {
            let name = unit.name.text();
            if self.adopt_unit(unit).is_none() {
                let text = format!("not taken up: there are {UNITS_MAX} units already");
                self.out.push(Effect::Tell(Note {
                    code: "too-many-units",
                    level: Level::Error,
                    unit: Some(name),
                    text,
                }));
            }
        }
        self.forgive_changed(&up);
        self.keep_settings_of_broken_files(up);
        if reload {
            if self.policy.limits_reopen_on_reload {
                self.reopen_limits();
            }
            for id in self.units.ids() {
                self.after_reload(id);
                self.inner.push_back(Inner::Collect(id));
            }
        }
    }

    /// Forgets how often units were started and triggered.
    fn reopen_limits(&mut self) {
        for slot in self.units.values_mut() {
            slot.start_window = Window::default();
            if let Machine::Socket(socket) = &mut slot.machine {
                socket.trigger_window = Window::default();
            }
        }
    }

    /// Before a reload: every unit that is not read again has no file any more. Edges are made anew. The
    /// settings of units that are up, or were started too often.
    fn forget_files(&mut self) -> Vec<(UnitId, Arc<Unit>)> {
        let up = self.units.iter().filter(|(_, slot)| !slot.active.is_down() || slot.start_limit_hit);
        let up = up.map(|(id, slot)| (id, slot.unit.clone())).collect();
        self.templates.clear();
        self.dangling.clear();
        for slot in self.units.values_mut() {
            slot.edges.clear();
            let absent = Unit::absent(slot.unit.name.clone(), LoadState::NotFound, None);
            slot.unit = Arc::new(Unit { body: slot.unit.body.clone(), ..absent });
        }
        up
    }

    /// A unit that was started too often and is written differently now deserves another try.
    fn forgive_changed(&mut self, before: &[(UnitId, Arc<Unit>)]) {
        for (id, old) in before {
            if let Some(slot) = self.units.get_mut(id)
                && slot.start_limit_hit
                && (slot.unit.body != old.body || slot.unit.common != old.common)
            {
                slot.start_limit_hit = false;
                slot.start_window = Window::default();
            }
        }
    }

    /// A mistake in a file must not take away what is up: such a unit goes on with the settings it had,
    /// and shows that its file is bad.
    fn keep_settings_of_broken_files(&mut self, up: Vec<(UnitId, Arc<Unit>)>) {
        if !self.policy.reload_in_place {
            return;
        }
        for (id, old) in up {
            let Some(slot) = self.units.get_mut(&id) else {
                continue;
            };
            let broken = matches!(slot.unit.load, LoadState::BadSetting | LoadState::Error);
            if !broken || slot.active.is_down() {
                continue;
            }
            let (body, common) = (old.body.clone(), old.common.clone());
            let unit = Arc::new(Unit { body, common, ..Unit::clone(&slot.unit) });
            slot.unit = unit.clone();
            self.connect_edges(id, &unit);
            let text = "its file cannot be used any more; it goes on with the settings it had";
            self.tell("reload-kept-settings", Level::Warning, id, text);
        }
    }

    /// After a reload: instances are made from their templates again, sockets keep the descriptors
    /// that still fit.
    fn after_reload(&mut self, id: UnitId) {
        let Some(slot) = self.units.get(&id) else {
            return;
        };
        let name = slot.unit.name.clone();
        if slot.unit.load == LoadState::NotFound
            && let Some(template) = name.template().and_then(|t| self.templates.get(&t)).cloned()
        {
            self.adopt_unit(template.instantiate(&name));
        }
        self.relink_instance(id);
        // What it waits for may be written differently now.
        self.socket_rebind(id);
        self.socket_reloaded(id);
    }

    /// Adds a unit, or gives a known one new settings. `None` if there are too many.
    pub(super) fn adopt_unit(&mut self, unit: Arc<Unit>) -> Option<UnitId> {
        let id = match self.lookup(unit.name.as_str()) {
            Some(id) => {
                if let Some(slot) = self.units.get_mut(&id) {
                    slot.unit = unit.clone();
                }
                id
            }
            None => self.units.insert(Slot::new(unit.clone()))?,
        };
        self.acquaint(id, &unit);
        Some(id)
    }

    /// Gives a unit its names and its edges.
    pub(super) fn acquaint(&mut self, id: UnitId, unit: &Unit) {
        self.units.name(unit.name.clone(), id);
        for alias in &unit.aliases {
            self.units.name(alias.clone(), id);
        }
        self.connect_edges(id, unit);
    }

    fn connect_edges(&mut self, id: UnitId, unit: &Unit) {
        for (dependency, name) in &unit.common.dependencies {
            let relation = Relation::of(*dependency);
            match self.lookup(name.as_str()) {
                Some(other) => self.connect(id, relation, other),
                None if name.is_template() => {}
                None => self.dangling.entry(name.clone()).or_default().push((id, relation)),
            }
        }
        for name in std::iter::once(&unit.name).chain(&unit.aliases) {
            for (other, relation) in self.dangling.remove(name).unwrap_or_default() {
                self.connect(other, relation, id);
            }
        }
    }

    pub(super) fn connect(&mut self, a: UnitId, relation: Relation, b: UnitId) {
        if a == b || !self.units.contains(b) {
            return;
        }
        if let Some(slot) = self.units.get_mut(&a) {
            slot.edges.insert((relation, b));
        }
        if let Some(slot) = self.units.get_mut(&b) {
            slot.edges.insert((relation.inverse(), a));
        }
    }

    /// Forgets a unit that was made while running (an instance), or whose file is gone, once it is
    /// down and nothing refers to it. Units with a file stay: reading them again would cost more.
    pub(super) fn collect(&mut self, id: UnitId) {
        let Some(slot) = self.units.get(&id) else {
            return;
        };
        let failed_stays = slot.active == ActiveState::Failed && !slot.unit.common.collect_failed;
        if !slot.active.is_down() || slot.job.is_some() || failed_stays {
            return;
        }
        let busy = match &slot.machine {
            Machine::Service(service) => !service.may_be_forgotten(),
            Machine::Socket(_) | Machine::Target(_) | Machine::Inert => true,
        };
        // A service without a file may still have descriptors in its store.
        let holds = matches!(&slot.machine, Machine::Service(service) if !service.holds_nothing());
        let phantom = !holds && slot.unit.load == LoadState::NotFound && slot.edges.is_empty();
        if !busy || phantom {
            // A condition may have kept it from ever starting.
            self.service_drop_connection(id, false);
            self.forget(id);
        }
    }

    /// Drops a unit from the table.
    pub(super) fn forget(&mut self, id: UnitId) {
        let Some(slot) = self.units.remove(id) else {
            return;
        };
        for (relation, other) in slot.edges.iter() {
            if let Some(other) = self.units.get_mut(other) {
                other.edges.remove((relation.inverse(), id));
            }
        }
        for name in std::iter::once(&slot.unit.name).chain(&slot.unit.aliases) {
            self.units.unname(name);
        }
        for (dependency, name) in &slot.unit.common.dependencies {
            let relation = Relation::of(*dependency);
            if let Some(waiting) = self.dangling.get_mut(name) {
                waiting.retain(|entry| *entry != (id, relation));
                if waiting.is_empty() {
                    self.dangling.remove(name);
                }
            }
        }
        self.deadlines.clear(id);
        self.namespace_release(id);
        self.out.push(Effect::Forget { unit: id });
    }

    /// A unit's active state may have changed: remember when, tell jobs and dependants.
    pub(super) fn changed(&mut self, id: UnitId, new: ActiveState) {
        let now = self.now;
        let Some(slot) = self.units.get_mut(&id) else {
            return;
        };
        let old = std::mem::replace(&mut slot.active, new);
        let moments = &mut slot.moments;
        moments.state_change = Moment::at(now);
        if old.is_down() && !new.is_down() {
            moments.inactive_exit = Moment::at(now);
        } else if !old.is_down() && new.is_down() {
            moments.inactive_enter = Moment::at(now);
        }
        if !old.is_up() && new.is_up() {
            moments.active_enter = Moment::at(now);
        } else if old.is_up() && !new.is_up() {
            moments.active_exit = Moment::at(now);
        }
        self.out.push(Effect::Save { unit: id });
        let unexpected = self.job_notice(id, new);
        if old == new && self.policy.every_try_counts {
            self.run_soon(id);
        }
        if old != new {
            self.propagate(id, old, new, unexpected);
            self.wake_blocked(id);
            if new.is_down() {
                self.deferred_look_again();
                self.check_ends();
            }
        }
        self.inner.push_back(Inner::TriggerNotify(id));
    }
}
