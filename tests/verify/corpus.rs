//! Unit files of real packages: all load, and no key is unknown. The files are not part of this
//! repository; `PORTERD_CORPUS` names a directory with `PACKAGE/…/systemd/{system,user}/UNIT`.
#![allow(clippy::disallowed_methods)] // Reading real files is what this test is for.

use crate::disk::Disk;
use porterd::report::Severity;
use porterd::unit::directives::Machine;
use porterd::unit::load::Library;
use porterd::unit::{LoadState, UnitKind};
use std::path::{Path, PathBuf};

/// Where units of one package can lie.
const PLACES: [&str; 6] = [
    "/etc/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/etc/systemd/user",
    "/usr/lib/systemd/user",
    "/lib/systemd/user",
];

fn corpus() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let root = std::env::var_os("PORTERD_CORPUS").map_or(here, PathBuf::from);
    if root.join("index.tsv").exists() {
        return Some(root);
    }
    eprintln!("skipped: no corpus in {} (set PORTERD_CORPUS)", root.display());
    None
}

fn machine() -> Machine {
    let mut machine = Machine::default();
    machine.context.machine_id = Ok("0123456789abcdef0123456789abcdef".into());
    machine.context.boot_id = machine.context.machine_id.clone();
    machine
}

#[test]
fn units_of_real_packages_load() {
    let Some(root) = corpus() else { return };
    let (mut units, mut wrong) = (0, Vec::new());
    for package in std::fs::read_dir(&root).unwrap().filter_map(Result::ok) {
        let disk = Disk { root: package.path() };
        for place in PLACES {
            let mut library = Library::new(vec![place.into()], machine());
            for name in library.all_names(&disk, |_| true) {
                let unit = library.load(&disk, &name);
                if matches!(name.kind(), UnitKind::Socket | UnitKind::Service) {
                    units += 1;
                }
                if unit.load != LoadState::Loaded {
                    wrong.push(format!("{name}: {:?} {:?}", unit.load, unit.load_error));
                }
            }
            let told = library.diagnostics().iter();
            let told = told.filter(|d| d.severity == Severity::Error || d.code.starts_with("unknown-"));
            wrong.extend(told.map(|d| format!("{:?} {}: {}", d.unit, d.code, d.message)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(units > 100, "only {units} units in {}", root.display());
}
