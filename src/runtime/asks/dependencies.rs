//! What units pull in, or what pulls them in: the part of the graph that can be reached.

use super::list::related;
use crate::control::wire::{DependenciesReply, DependencyRow, Reply};
use crate::runtime::turn::Daemon;
use crate::unit::UnitName;
use std::collections::{BTreeSet, VecDeque};

const FORWARD: [&str; 6] = ["Requires", "Requisite", "Wants", "ConsistsOf", "BindsTo", "Upholds"];
const REVERSE: [&str; 6] = ["RequiredBy", "RequisiteOf", "WantedBy", "PartOf", "BoundBy", "UpheldBy"];

impl Daemon {
    pub(super) fn dependencies(&mut self, names: &[UnitName], reverse: bool) -> Reply {
        self.ensure_loaded(names);
        let properties = if reverse { REVERSE } else { FORWARD };
        let mut pending: VecDeque<String> = names.iter().map(|name| name.as_str().to_owned()).collect();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut units = Vec::new();
        while let Some(name) = pending.pop_front() {
            if !seen.insert(name.clone()) {
                continue;
            }
            let Some(status) = self.engine.status(&name) else {
                continue;
            };
            let mut next: Vec<String> = properties.iter().flat_map(|property| related(&status, property)).collect();
            next.sort();
            next.dedup();
            pending.extend(next.iter().cloned());
            let (load, active) = (status.unit.load.as_str().to_owned(), status.active.as_str().to_owned());
            units.push(DependencyRow { unit: name, load, active, next });
        }
        Reply::Dependencies(DependenciesReply { units })
    }
}
