//! The units on disk, as the engine is to know them: what is read is told once, as `Loaded`.

use crate::config::Surroundings;
use crate::engine::event::Event;
use crate::ids::Text;
use crate::linux::address;
use crate::linux::users::Users;
use crate::report::{Diagnostic, Severity};
use crate::runtime::clock;
use crate::runtime::disk::Disk;
use crate::runtime::facts;
use crate::unit::directives::Machine;
use crate::unit::load::Library;
use crate::unit::specifiers::Context;
use crate::unit::{LoadState, Unit, UnitKind, UnitName};
use std::collections::BTreeMap;
use std::sync::Arc;

/// See the module.
#[derive(Debug)]
pub(super) struct Units {
    library: Library,
    search: Vec<Text>,
    around: Surroundings,
    user_mode: bool,
    strict: bool,
    /// Diagnostics told so far.
    told: usize,
    /// When the files were read, by the clock of the files.
    read_at: Age,
}

impl Units {
    pub(super) fn new(
        search: Vec<Text>,
        around: &Surroundings,
        users: &mut Users,
        user_mode: bool,
        strict: bool,
    ) -> Units {
        let machine = machine(around, users, user_mode, strict);
        let library = Library::new(search.clone(), machine);
        Units { library, search, around: around.clone(), user_mode, strict, told: 0, read_at: Age::default() }
    }

    /// Directories with unit files.
    pub(super) fn search(&self) -> &[Text] {
        &self.search
    }

    /// These units and all they need, for the engine to add.
    pub(super) fn load(&mut self, names: &[UnitName]) -> Event {
        let read_at = clock::realtime_usec();
        let units = self.library.closure(&Disk, names);
        self.read_at.note(read_at, &units);
        self.library.rest();
        self.tell_diagnostics();
        Event::Loaded { units, templates: self.library.templates(), reload: false }
    }

    /// The same after the search path was looked at anew, because a name had no file when it was
    /// looked for before. What is known keeps its settings until a reload: `keep` says what.
    pub(super) fn load_missing(
        &mut self,
        users: &mut Users,
        names: &[UnitName],
        keep: impl Fn(&UnitName) -> bool,
    ) -> Event {
        let read_at = clock::realtime_usec();
        let mut fresh = Library::new(self.search.clone(), machine(&self.around, users, self.user_mode, self.strict));
        let mut units = fresh.closure(&Disk, names);
        units.retain(|unit| !keep(&unit.name));
        self.read_at.note(read_at, &units);
        let known = self.library.templates();
        let mut templates = fresh.templates();
        templates.retain(|template| !known.iter().any(|old| old.name == template.name));
        fresh.diagnostics().iter().for_each(tell);
        Event::Loaded { units, templates, reload: false }
    }

    /// Everything again.
    pub(super) fn reload(&mut self, users: &mut Users, names: &[UnitName]) -> Event {
        users.forget();
        self.library.reload(machine(&self.around, users, self.user_mode, self.strict));
        self.told = 0;
        self.read_at = Age { first: clock::realtime_usec(), later: BTreeMap::new() };
        let units = self.library.closure(&Disk, names);
        self.tell_diagnostics();
        Event::Loaded { units, templates: self.library.templates(), reload: true }
    }

    /// All names with a file, for `--all` and `list-unit-files`.
    pub(super) fn all_names(&mut self) -> Vec<UnitName> {
        self.library.all_names(&Disk, |_| true)
    }

    /// All templates with a file, as their files are.
    pub(super) fn all_templates(&mut self) -> Vec<Unit> {
        let names = self.library.template_names(&Disk);
        names.iter().map(|name| self.library.load_template(&Disk, name).unit()).collect()
    }

    /// All sockets that are found and not masked.
    pub(super) fn all_sockets(&mut self) -> Vec<UnitName> {
        self.library.all_names(&Disk, |name| name.kind() == UnitKind::Socket)
    }

    /// A unit as it is on disk, without the engine hearing of it.
    pub(super) fn peek(&mut self, name: &UnitName) -> Arc<Unit> {
        self.library.load(&Disk, name)
    }

    /// When this unit's files were read, in microseconds of the wall clock.
    pub(super) fn read_at(&self, name: &UnitName) -> u64 {
        self.read_at.later.get(name).copied().unwrap_or(self.read_at.first)
    }

    /// How many findings there are, by severity: errors, warnings.
    pub(super) fn findings(&self) -> (usize, usize) {
        let count = |severity| self.library.diagnostics().iter().filter(|d| d.severity == severity).count();
        (count(Severity::Error), count(Severity::Warning))
    }

    fn tell_diagnostics(&mut self) {
        let all = self.library.diagnostics();
        all.iter().skip(self.told).for_each(tell);
        self.told = all.len();
    }
}

/// When files were read: nearly all of them at once, so that only the others need an entry.
#[derive(Debug, Default)]
struct Age {
    first: u64,
    later: BTreeMap<UnitName, u64>,
}

impl Age {
    fn note(&mut self, now: u64, units: &[Arc<Unit>]) {
        match self.first {
            0 => self.first = now,
            _ => self.later.extend(units.iter().map(|unit| (unit.name.clone(), now))),
        }
    }
}

fn machine(around: &Surroundings, users: &mut Users, user_mode: bool, strict: bool) -> Machine {
    Machine {
        context: Context { strict, ..facts::context(around, users, user_mode) },
        ipv6: address::ipv6_available(),
        interface: address::interface_index,
        strict,
    }
}

/// One finding into the log: `file:line:column: what (what to do)`.
fn tell(diagnostic: &Diagnostic) {
    let place = match (&diagnostic.place, diagnostic.line_column()) {
        (Some(place), Some((line, column))) => format!("{}:{line}:{column}: ", place.source.path),
        (Some(place), None) => format!("{}: ", place.source.path),
        (None, _) => String::new(),
    };
    let help = diagnostic.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
    let text = format!("{place}{}{help}", diagnostic.message);
    let (unit, code) = (diagnostic.unit.as_deref(), diagnostic.code);
    match diagnostic.severity {
        Severity::Error => tracing::error!(UNIT = unit, CODE = code, "{text}"),
        Severity::Warning => tracing::warn!(UNIT = unit, CODE = code, "{text}"),
        Severity::Notice => tracing::info!(UNIT = unit, CODE = code, "{text}"),
    }
}

/// Whether a unit has a usable file.
pub(super) fn is_found(unit: &Unit) -> bool {
    unit.load != LoadState::NotFound
}
