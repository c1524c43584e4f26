//! Maps and sets by unit name that are looked up in and never walked: ten thousand units are looked
//! for a hundred thousand times while they are read.

use super::{Unit, UnitName};
use rustc_hash::FxBuildHasher;
use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Values by name. The hasher has no random part, and there is no way to iterate, so nothing that
/// porterd does depends on an order that nobody chose (R7).
#[derive(Clone, Debug)]
#[allow(clippy::disallowed_types, reason = "never iterated")]
pub struct NameMap<V>(std::collections::HashMap<UnitName, V, FxBuildHasher>);

impl<V> Default for NameMap<V> {
    fn default() -> NameMap<V> {
        NameMap(Default::default())
    }
}

impl<V> NameMap<V> {
    /// What is under this name.
    pub fn get(&self, name: &str) -> Option<&V> {
        self.0.get(name)
    }

    /// Puts it there; what was there before.
    pub fn insert(&mut self, name: UnitName, value: V) -> Option<V> {
        self.0.insert(name, value)
    }

    /// Takes it away.
    pub fn remove(&mut self, name: &str) -> Option<V> {
        self.0.remove(name)
    }
}

/// Names.
#[derive(Clone, Debug, Default)]
pub struct NameSet(NameMap<()>);

impl NameSet {
    /// The name as it is kept, if it is.
    pub fn get(&self, name: &str) -> Option<&UnitName> {
        self.0.0.get_key_value(name).map(|(kept, ())| kept)
    }

    /// Whether it is one of them.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Adds it; whether it is new.
    pub fn insert(&mut self, name: UnitName) -> bool {
        self.0.insert(name, ()).is_none()
    }
}

/// Units by name. The name is the unit's own, so that only a pointer is
/// kept of it.
#[derive(Clone, Debug, Default)]
#[allow(clippy::disallowed_types, reason = "never iterated")]
pub struct UnitSet(std::collections::HashSet<ByName, FxBuildHasher>);

/// Equal to whatever has the same name.
#[derive(Clone, Debug)]
struct ByName(Arc<Unit>);

impl Borrow<str> for ByName {
    fn borrow(&self) -> &str {
        self.0.name.as_str()
    }
}

impl PartialEq for ByName {
    fn eq(&self, other: &ByName) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for ByName {}

impl Hash for ByName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name.as_str().hash(state);
    }
}

impl UnitSet {
    /// The unit of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Unit>> {
        self.0.get(name).map(|unit| &unit.0)
    }

    /// Adds a unit, or puts it in the place of another one of its name.
    pub fn insert(&mut self, unit: Arc<Unit>) {
        self.0.replace(ByName(unit));
    }
}
