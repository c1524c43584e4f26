//! Templates whose instances are made while porterd runs: one per connection, so making one must be
//! fast and must not touch the disk.

use super::Files;
use crate::ids::Text;
use crate::syntax::Document;
use crate::unit::directives::{Machine, Reading};
use crate::unit::draft::Draft;
use crate::unit::finish::{Finished, Pool, finish};
use crate::unit::specifiers::UnitFacts;
use crate::unit::values::services::Services;
use crate::unit::{Dependency, LoadState, Unit, UnitName};
use std::sync::Arc;

/// A template whose instances are made while running (`Accept=yes`).
#[derive(Clone, Debug)]
pub struct Template {
    /// `foo@.service`
    pub name: UnitName,
    /// An instance to copy; says also why there is no usable template.
    prototype: Arc<Unit>,
    /// The files, if instances differ in more than their name.
    sources: Option<Sources>,
}

/// The files of one unit, parsed, in the order in which they apply.
#[derive(Clone, Debug)]
pub(super) struct Sources {
    pub(super) machine: Arc<Machine>,
    pub(super) fragment: Option<Arc<Document>>,
    /// The name by which the unit was asked for first, if it is an alias: the main file is read under it.
    pub(super) asked: Option<UnitName>,
    pub(super) drop_ins: Vec<Arc<Document>>,
    /// Drop-ins that apply, by path; a masking one has no document.
    pub(super) drop_in_paths: Vec<Text>,
    /// Dependencies of links in `.wants` and the like.
    pub(super) linked: Vec<(Dependency, UnitName)>,
}

impl Sources {
    /// Reads all files as the unit of this name.
    /// `files` has the names of ports; nothing else is read.
    pub(super) fn read(&self, files: Option<&dyn Files>, name: UnitName, pool: &mut Pool) -> Finished {
        let fragment = self.fragment.as_ref().map(|document| document.source.path.clone());
        let named = |name: UnitName| Reading {
            machine: &self.machine,
            facts: UnitFacts { name, fragment: fragment.clone() },
            services: Services(files),
        };
        let reading = named(name.clone());
        let mut draft = Draft::new(name);
        draft.given.strict = self.machine.strict;
        let mut intact = true;
        if let Some(document) = &self.fragment {
            intact = match &self.asked {
                Some(asked) => draft.read_fragment(document, &named(asked.clone())),
                None => draft.read_fragment(document, &reading),
            };
        }
        for document in &self.drop_ins {
            draft.read_drop_in(document, &reading);
        }
        for (kind, name) in &self.linked {
            draft.common.depend(*kind, name.clone());
        }
        finish(draft, pool, intact, fragment, self.drop_in_paths.clone())
    }
}

impl Template {
    /// An instance that stands for all.
    pub(super) fn prototype(&self) -> &Arc<Unit> {
        &self.prototype
    }

    /// A template made of one of its instances. `sources` only if instances differ.
    pub(super) fn new(name: UnitName, prototype: Arc<Unit>, sources: Option<Sources>) -> Template {
        Template { name, prototype, sources }
    }

    /// A template whose instances differ in nothing but their name.
    pub fn uniform(name: UnitName, prototype: Arc<Unit>) -> Template {
        Template { name, prototype, sources: None }
    }

    /// What its files say, under its own name.
    pub fn unit(&self) -> Unit {
        Unit { name: self.name.clone(), ..(*self.prototype).clone() }
    }

    /// Whether instances can be started.
    pub fn load(&self) -> LoadState {
        self.prototype.load
    }

    /// Why not, in words.
    pub fn load_error(&self) -> Option<&Text> {
        self.prototype.load_error.as_ref()
    }

    /// The unit of one instance. Settings that are the same for all instances are shared.
    pub fn instantiate(&self, name: &UnitName) -> Arc<Unit> {
        let unit = match &self.sources {
            None => (*self.prototype).clone(),
            Some(sources) => sources.read(None, name.clone(), &mut Pool::default()).unit,
        };
        Arc::new(Unit { name: name.clone(), ..unit })
    }
}
