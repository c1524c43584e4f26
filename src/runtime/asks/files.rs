//! Files of units: `cat`, and whether a unit is enabled.

#![allow(clippy::disallowed_methods, reason = "whether files have changed")]

use crate::control::wire::{CatReply, Reply, UnitFile, UnitFiles};
use crate::ids::Text;
use crate::runtime::disk::Disk;
use crate::runtime::turn::Daemon;
use crate::unit::load::Files;
use crate::unit::{LoadState, Unit, UnitName};
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

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

    /// Whether its files changed since they were read.
    pub(super) fn needs_reload(&self, unit: &Unit) -> bool {
        let read_at = self.units.read_at(&unit.name);
        let newer = |path: &Text| {
            // The time of the last change of the inode: a file that was moved here keeps that of its text.
            std::fs::metadata(&**path).map_or(true, |file| {
                let usec = file.ctime().unsigned_abs() * 1_000_000 + file.ctime_nsec().unsigned_abs() / 1000;
                usec > read_at
            })
        };
        let masked = unit.load == LoadState::Masked;
        if unit.fragment.iter().any(|path| !masked && newer(path)) || unit.drop_ins.iter().any(newer) {
            return true;
        }
        unit.load == LoadState::Loaded && self.has_new_drop_in(unit)
    }

    fn has_new_drop_in(&self, unit: &Unit) -> bool {
        let names = std::iter::once(&unit.name).chain(&unit.aliases);
        let of_name = names.flat_map(|name| [Some(name.clone()), name.template()]).flatten();
        let mut directories: BTreeSet<String> = of_name.map(|name| name.as_str().to_owned()).collect();
        directories.insert(unit.name.suffix().to_owned());
        let mut known: BTreeSet<String> =
            unit.drop_ins.iter().filter_map(|path| path.rsplit('/').next()).map(str::to_owned).collect();
        let mut found = Vec::new();
        let read_at = UNIX_EPOCH + Duration::from_micros(self.units.read_at(&unit.name));
        for directory in self.units.search().iter().flat_map(|s| directories.iter().map(move |d| format!("{s}/{d}.d")))
        {
            // systemd remembers which of them there were.
            if std::fs::metadata(&directory).and_then(|d| d.created()).is_ok_and(|made| made > read_at) {
                continue;
            }
            for entry in Disk.list(&directory).unwrap_or_default() {
                // A link to nowhere takes those of its name away.
                if Disk.link(&format!("{directory}/{}", entry.name)).as_deref() == Some("/dev/null") {
                    known.insert(entry.name);
                } else if entry.name.ends_with(".conf") {
                    found.push(entry.name);
                }
            }
        }
        found.iter().any(|name| !known.contains(name))
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
