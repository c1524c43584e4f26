//! The units on disk, as the engine is to know them: what is read is told once, as `Loaded`.

use crate::config::Surroundings;
use crate::engine::event::Event;
use crate::ids::Text;
use crate::linux::address;
use crate::linux::users::Users;
use crate::report::{Diagnostic, Severity};
use crate::runtime::disk::Disk;
use crate::runtime::facts;
use crate::unit::directives::Machine;
use crate::unit::load::Library;
use crate::unit::specifiers::Context;
use crate::unit::{LoadState, Unit, UnitKind, UnitName};
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
        Units { library, search, around: around.clone(), user_mode, strict, told: 0 }
    }

    /// Directories with unit files.
    pub(super) fn search(&self) -> &[Text] {
        &self.search
    }

    /// These units and all they need, for the engine to add.
    pub(super) fn load(&mut self, names: &[UnitName]) -> Event {
        let units = self.library.closure(&Disk, names);
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
        let mut fresh = Library::new(self.search.clone(), machine(&self.around, users, self.user_mode, self.strict));
        let mut units = fresh.closure(&Disk, names);
        units.retain(|unit| !keep(&unit.name));
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
        let units = self.library.closure(&Disk, names);
        self.tell_diagnostics();
        Event::Loaded { units, templates: self.library.templates(), reload: true }
    }

    /// All names with a file, for `--all` and `list-unit-files`.
    pub(super) fn all_names(&mut self) -> Vec<UnitName> {
        self.library.all_names(&Disk, |_| true)
    }

    /// All sockets that are found and not masked.
    pub(super) fn all_sockets(&mut self) -> Vec<UnitName> {
        self.library.all_names(&Disk, |name| name.kind() == UnitKind::Socket)
    }

    /// A unit as it is on disk, without the engine hearing of it.
    pub(super) fn peek(&mut self, name: &UnitName) -> Arc<Unit> {
        self.library.load(&Disk, name)
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
