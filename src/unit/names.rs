//! Maps and sets by unit name that are looked up in and never walked: ten thousand units are looked
//! for a hundred thousand times while they are read.

use super::UnitName;
use rustc_hash::FxBuildHasher;

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

/// Values by a word of ours, made once and looked up in from then on.
#[derive(Clone, Debug)]
#[allow(clippy::disallowed_types, reason = "never iterated")]
pub struct WordMap<V>(std::collections::HashMap<&'static str, V, FxBuildHasher>);

impl<V> FromIterator<(&'static str, V)> for WordMap<V> {
    fn from_iter<I: IntoIterator<Item = (&'static str, V)>>(all: I) -> WordMap<V> {
        WordMap(all.into_iter().collect())
    }
}

impl<V: Copy> WordMap<V> {
    /// What is under this word.
    pub fn get(&self, word: &str) -> Option<V> {
        self.0.get(word).copied()
    }
}
