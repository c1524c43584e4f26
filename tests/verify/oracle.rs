//! The units that are compared under systemd and porterd (`../shared/oracle`) all load, without a
//! finding that is not expected.
#![allow(clippy::disallowed_methods)]

use crate::disk::Disk;
use crate::support::name;
use porterd::unit::directives::Machine;
use porterd::unit::load::Library;
use porterd::unit::{Body, LoadState};
use std::path::Path;

/// Cases whose units are wrong on purpose: case, unit, load state.
const REFUSED: [(&str, &str, LoadState); 1] = [("symlinks", "c.socket", LoadState::BadSetting)];

#[test]
fn all_units_of_the_oracle_load() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/oracle/cases");
    let cases = std::env::var_os("PORTERD_ORACLE").map_or(cases, |dir| Path::new(&dir).join("cases"));
    let Ok(entries) = std::fs::read_dir(&cases) else {
        eprintln!("skipped: no oracle cases in {} (set PORTERD_ORACLE)", cases.display());
        return;
    };
    let mut units = 0;
    for case in entries.filter_map(Result::ok) {
        let disk = Disk { root: case.path() };
        let case = case.file_name().into_string().unwrap();
        let mut library = Library::new(vec!["/units".into()], Machine::default());
        let names = library.all_names(&disk, |_| true);
        for unit in library.closure(&disk, &names) {
            let refused = REFUSED.iter().find(|(c, u, _)| *c == case && *u == unit.name.as_str());
            let expected = refused.map_or(LoadState::Loaded, |(_, _, state)| *state);
            let mine = names.contains(&unit.name);
            assert!(!mine || unit.load == expected, "{case}/{}: {:?} {:?}", unit.name, unit.load, unit.load_error);
            units += usize::from(mine);
            if let Body::Socket(socket) = &unit.body
                && socket.accept
            {
                let template = library.load_template(&disk, socket.service.as_ref().unwrap());
                let instance = template.instantiate(&template.name.instantiate("7-a").unwrap());
                assert_eq!(instance.load, LoadState::Loaded, "{case}/{}", template.name);
            }
        }
        let odd = library.diagnostics().iter().filter(|d| d.severity > porterd::report::Severity::Notice);
        let odd: Vec<String> =
            odd.map(|d| format!("{} {}: {}", d.unit.as_deref().unwrap_or(""), d.code, d.message)).collect();
        assert!(odd.is_empty() || case == "symlinks", "{case}: {odd:#?}");
    }
    assert!(units > 40, "only {units} units");
    let _ = name;
}
