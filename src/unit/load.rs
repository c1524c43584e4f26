//! Search path, names, templates, aliases, masks, drop-ins, over the trait `Files`.

use super::{Unit, UnitName};

/// A template whose instances are made while running (`Accept=yes`).
#[derive(Debug)]
pub struct Template {
    /// `foo@.service`
    pub name: UnitName,
}

impl Template {
    /// The unit of one instance.
    pub fn instantiate(&self, _name: &UnitName) -> std::sync::Arc<Unit> {
        std::sync::Arc::new(Unit::absent(self.name.clone(), super::LoadState::NotFound, None))
    }
}
