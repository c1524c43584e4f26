//! `verify`: what is wrong with unit files, before anything is started. Needs no daemon.

use super::commands::Context;
use super::options::Json;
use super::{exit, files, names};
use crate::ids::Text;
use crate::report::{Diagnostic, Severity, human, machine};
use crate::unit::load::{Files, Library};
use crate::unit::{Body, Dependency, LoadState, Unit, UnitName};
use std::collections::BTreeSet;
use std::sync::Arc;

/// An instance that stands for all instances of a template.
const STAND_IN: &str = "i";

/// verify
pub(super) fn verify(context: &mut Context, what: &[String]) -> u8 {
    let (mut library, wanted) = match open(context, what) {
        Ok(opened) => opened,
        Err(why) => {
            context.complain(format_args!("porterctl: {why}"));
            return exit::USAGE;
        }
    };
    let units = library.closure(&files::Disk, &wanted);
    let everything = what.is_empty() || context.global.all;
    let about = subjects(&units, &wanted, &library);
    let found: Vec<&Diagnostic> =
        library.diagnostics().iter().filter(|d| everything || concerns(d, &about, &units)).collect();
    print(context, &found, about.len());
    let errors = found.iter().any(|d| d.severity == Severity::Error);
    let named: Vec<Arc<Unit>> = wanted.iter().filter_map(|n| library.known(n)).collect();
    let missing: Vec<&Arc<Unit>> = named.iter().filter(|u| u.load == LoadState::NotFound && !what.is_empty()).collect();
    for unit in &missing {
        let why = unit.load_error.as_deref().unwrap_or("it has no file");
        context.complain(format_args!("porterctl: {}: {why}", unit.name));
    }
    match (missing.is_empty(), errors) {
        (false, _) => exit::UNKNOWN,
        (true, true) => exit::FAILED,
        (true, false) => exit::OK,
    }
}

/// A library over the search path and the names that are meant. A path makes its directory the
/// first of the search path, so that a unit can be checked before it is installed.
pub(super) fn open(context: &mut Context, what: &[String]) -> Result<(Library, Vec<UnitName>), String> {
    let (config, around, complaint) = files::configuration(&context.global);
    if let Some(complaint) = complaint {
        context.complain(format_args!("porterctl: {complaint}"));
    }
    let mut search: Vec<Text> = files::search_path(&context.global, &config, &around);
    let mut wanted = Vec::new();
    for one in what {
        let name = match one.rsplit_once('/') {
            None => one.as_str(),
            Some((directory, name)) => {
                let directory = absolute(directory)?;
                if !search.contains(&directory) {
                    search.insert(0, directory);
                }
                name
            }
        };
        let mangled = names::mangle(name);
        let parsed = UnitName::parse(&mangled).ok_or(format!("{one} is no unit name and no file of a unit"))?;
        wanted.push(parsed.instantiate(STAND_IN).unwrap_or(parsed));
    }
    let mut library = Library::new(search.clone(), files::machine(&around, context.global.user, config.strict_systemd));
    if what.is_empty() {
        wanted = library.all_names(&files::Disk, |_| true);
        wanted.extend(templates(&search));
    }
    Ok((library, wanted))
}

fn absolute(directory: &str) -> Result<Text, String> {
    let directory = if directory.is_empty() { "/" } else { directory };
    let real = std::fs::canonicalize(directory).map_err(|e| format!("cannot look into {directory}: {e}"))?;
    Ok(real.to_string_lossy().into())
}

/// One instance of every template in the search path.
fn templates(search: &[Text]) -> BTreeSet<UnitName> {
    let entries = search.iter().filter_map(|dir| files::Disk.list(dir).ok()).flatten();
    let names = entries.filter_map(|entry| UnitName::parse(&entry.name));
    names.filter_map(|name| name.instantiate(STAND_IN)).collect()
}

/// The named units, and what their sockets start or what starts them: those are judged together.
fn subjects(units: &[Arc<Unit>], wanted: &[UnitName], library: &Library) -> BTreeSet<Text> {
    let canonical = |name: &UnitName| library.known(name).map_or_else(|| name.text(), |u| u.name.text());
    let mut about: BTreeSet<Text> = wanted.iter().map(canonical).collect();
    about.extend(wanted.iter().map(UnitName::text));
    about.extend(wanted.iter().filter_map(UnitName::template).map(|t| t.text()));
    let named: Vec<&Arc<Unit>> = units.iter().filter(|u| about.contains(&u.name.text())).collect();
    let mut started: BTreeSet<Text> = BTreeSet::new();
    for unit in named {
        started.extend(unit.related(Dependency::Triggers).map(UnitName::text));
        started.extend(unit.related(Dependency::TriggeredBy).map(UnitName::text));
        if let Body::Socket(socket) = &unit.body {
            started.extend(socket.service.iter().map(UnitName::text));
        }
    }
    about.extend(started);
    about
}

/// Whether a finding is about one of the units, or in one of their files.
fn concerns(diagnostic: &Diagnostic, about: &BTreeSet<Text>, units: &[Arc<Unit>]) -> bool {
    if let Some(unit) = &diagnostic.unit {
        return about.contains(unit);
    }
    let Some(place) = &diagnostic.place else {
        return true;
    };
    let path = &place.source.path;
    units
        .iter()
        .filter(|u| about.contains(&u.name.text()))
        .any(|u| u.fragment.as_ref() == Some(path) || u.drop_ins.contains(path))
}

fn print(context: &mut Context, found: &[&Diagnostic], units: usize) {
    match context.global.json {
        Json::Off => {}
        Json::Short => {
            found.iter().for_each(|d| context.out.line(machine::render(d)));
            return;
        }
        Json::Pretty => {
            let values: Vec<serde_json::Value> =
                found.iter().filter_map(|d| serde_json::from_str(&machine::render(d)).ok()).collect();
            context.out.json(&values, true);
            return;
        }
    }
    for diagnostic in found {
        context.out.line(human::render(diagnostic, context.out.colour));
        context.out.line("");
    }
    if context.global.quiet {
        return;
    }
    let count = |severity| found.iter().filter(|d| d.severity == severity).count();
    let word = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    context.out.line(format_args!(
        "{} checked: {}, {}, {}",
        word(units, "unit"),
        word(count(Severity::Error), "error"),
        word(count(Severity::Warning), "warning"),
        word(count(Severity::Notice), "notice"),
    ));
}
