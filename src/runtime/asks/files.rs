//! Files of units: `cat`, and whether a unit is enabled.

use crate::control::wire::{CatReply, Reply, UnitFile, UnitFiles};
use crate::runtime::disk::Disk;
use crate::runtime::turn::Daemon;
use crate::unit::load::Files;
use crate::unit::{LoadState, Unit, UnitName};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Directories whose links enable a unit.
const ENABLING: [&str; 3] = [".wants", ".requires", ".upholds"];

impl Daemon {
    /// The unit as the engine knows it, or as it is on disk.
    pub(super) fn unit_of(&mut self, name: &UnitName) -> Arc<Unit> {
        let known = self.engine.unit_id(name.as_str()).and_then(|id| self.engine.unit(id)).cloned();
        match known {
            Some(unit) => unit,
            None => self.units.peek(name),
        }
    }

    /// Paths only: whether the asker may read a file is between them and the kernel.
    pub(super) fn cat(&mut self, names: &[UnitName]) -> Reply {
        self.ensure_loaded(names);
        let files = |unit: &Unit| {
            let paths = unit.fragment.iter().chain(&unit.drop_ins);
            paths.map(|path| UnitFile { path: path.to_string(), text: None }).collect()
        };
        let row = |name: &UnitName| {
            let unit = self.unit_of(name);
            UnitFiles { unit: name.as_str().to_owned(), load: unit.load.as_str().to_owned(), files: files(&unit) }
        };
        Reply::Cat(CatReply { units: names.iter().map(row).collect() })
    }

    /// Names that a link in a directory such as `sockets.target.wants` makes start at boot.
    pub(super) fn enabled_names(&self) -> BTreeSet<String> {
        let mut enabled = BTreeSet::new();
        for directory in self.units.search() {
            for entry in Disk.list(directory).unwrap_or_default() {
                if ENABLING.iter().any(|suffix| entry.name.ends_with(suffix)) {
                    let links = Disk.list(&format!("{directory}/{}", entry.name)).unwrap_or_default();
                    enabled.extend(links.into_iter().map(|link| link.name));
                }
            }
        }
        enabled
    }
}

/// systemd's word for how a unit file is installed; empty without a file.
pub(super) fn file_state(unit: &Unit, enabled: &BTreeSet<String>) -> &'static str {
    let template = unit.name.template();
    let is_enabled = enabled.contains(unit.name.as_str()) || template.is_some_and(|t| enabled.contains(t.as_str()));
    match (unit.load, &unit.fragment) {
        (LoadState::Masked, _) => "masked",
        (LoadState::NotFound, _) | (_, None) => "",
        (LoadState::Error, _) => "bad",
        (LoadState::Loaded | LoadState::BadSetting, Some(_)) => match (is_enabled, &unit.common.install) {
            (true, _) => "enabled",
            (false, Some(_)) => "disabled",
            (false, None) => "static",
        },
    }
}
