//! Search path, names, templates, aliases, masks, drop-ins, over the trait [`Files`].
//!
//! A [`Library`] remembers what it has read until it is told to forget. Directories are listed once,
//! so that ten thousand units cost ten thousand reads and a handful of listings.

mod dropin;
mod files;
mod path;
mod prefixes;
mod special;
mod template;

pub use files::{Entry, EntryKind, FileError, Files, MemoryFiles};
pub use template::Template;

use super::directives::Machine;
use super::finish::Pool;
use super::names::{NameMap, NameSet, UnitSet};
use super::{Body, Dependency, LoadState, Unit, UnitKind, UnitName, check};
use crate::bounds::FILE_BYTES_MAX;
use crate::ids::Text;
use crate::report::Diagnostic;
use crate::syntax::{self, Document};
use path::{Index, Place};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use template::Sources;

/// All units that were read so far.
#[derive(Debug)]
pub struct Library {
    search: Vec<Text>,
    machine: Arc<Machine>,
    index: Option<Index>,
    units: UnitSet,
    /// Canonical names of names that were asked for.
    canonical: NameMap<UnitName>,
    templates: BTreeMap<UnitName, Arc<Template>>,
    diagnostics: Vec<Diagnostic>,
    checked: NameSet,
    pool: Pool,
    drop_ins: DropInCache,
    prefixes: prefixes::PrefixCache,
}

/// Directories and files that many units have in common.
#[derive(Debug, Default)]
struct DropInCache {
    lists: BTreeMap<Text, Arc<[Entry]>>,
    documents: BTreeMap<Text, Result<Content, FileError>>,
}

/// A unit file as it was found.
#[derive(Clone, Debug)]
enum Content {
    /// Nothing in it, or /dev/null.
    Empty,
    /// Something.
    Text(Arc<Document>),
}

impl Library {
    /// Nothing read yet. `search` is the list of directories, the first has precedence.
    pub fn new(search: Vec<Text>, machine: Machine) -> Library {
        Library {
            search,
            machine: Arc::new(machine),
            index: None,
            units: UnitSet::default(),
            canonical: NameMap::default(),
            templates: BTreeMap::new(),
            diagnostics: Vec::new(),
            checked: NameSet::default(),
            pool: Pool::default(),
            drop_ins: DropInCache::default(),
            prefixes: prefixes::PrefixCache::default(),
        }
    }

    /// Forgets everything; the next load reads anew. The facts of the machine may have changed too.
    pub fn reload(&mut self, machine: Machine) {
        *self = Library::new(std::mem::take(&mut self.search), machine);
    }

    /// Forgets what only helps while many units are read at once; it is made again when needed.
    pub fn rest(&mut self) {
        self.index = None;
        self.pool = Pool::default();
        self.drop_ins = DropInCache::default();
        self.prefixes = prefixes::PrefixCache::default();
    }

    /// The unit of this name; one that has no usable file says so in its load state.
    pub fn load(&mut self, files: &dyn Files, name: &UnitName) -> Arc<Unit> {
        if let Some(unit) = self.known(name) {
            return unit;
        }
        let resolved = self.index(files).resolve(name);
        if *name != resolved.name {
            self.canonical.insert(name.clone(), resolved.name.clone());
        }
        if let Some(unit) = self.units.get(resolved.name.as_str()) {
            return Arc::clone(unit);
        }
        let unit = Arc::new(self.read_unit(files, name, &resolved.name, resolved.place));
        for alias in &unit.aliases {
            self.canonical.insert(alias.clone(), unit.name.clone());
        }
        self.units.insert(Arc::clone(&unit));
        unit
    }

    /// Units of these names and of all they need, refer to or start. Templates that `Accept=yes`
    /// sockets start are read too, see [`Library::templates`].
    pub fn closure(&mut self, files: &dyn Files, names: &[UnitName]) -> Vec<Arc<Unit>> {
        let mut pending: Vec<UnitName> = names.iter().rev().cloned().collect();
        // Names that were asked for, and canonical names that are in `units`.
        let (mut seen, mut taken) = (NameSet::default(), NameSet::default());
        let mut units = Vec::new();
        while let Some(name) = pending.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            let unit = self.load(files, &name);
            if !taken.insert(unit.name.clone()) {
                continue;
            }
            let related = unit.common.dependencies.iter().filter(|(kind, _)| reaches(*kind));
            pending.extend(related.map(|(_, name)| name.clone()).filter(|name| !seen.contains(name.as_str())));
            if let Body::Socket(socket) = &unit.body
                && let Some(template) = socket.service.as_ref().filter(|s| s.is_template())
            {
                let needed = self.needs_of_template(files, template);
                pending.extend(needed.into_iter().filter(|name| !seen.contains(name.as_str())));
            }
            units.push(unit);
        }
        for unit in &units {
            self.check(unit);
        }
        self.drop_ins = DropInCache::default();
        self.prefixes = prefixes::PrefixCache::default();
        units
    }

    /// Reads a template; what all of its instances need. Of units that each instance has one of, the templates
    /// are read.
    fn needs_of_template(&mut self, files: &dyn Files, template: &UnitName) -> Vec<UnitName> {
        let own = self.load_template(files, template).prototype().clone();
        let related = own.common.dependencies.iter().filter(|(kind, _)| reaches(*kind));
        let (each, all): (Vec<&UnitName>, Vec<&UnitName>) = related
            .map(|(_, name)| name)
            .partition(|name| name.is_instance() && name.instance() == own.name.instance());
        for name in each.into_iter().filter_map(UnitName::template).filter(|name| name != template) {
            self.load_template(files, &name);
        }
        all.into_iter().cloned().collect()
    }

    /// Names that have a file of their own and can be started (neither masked nor templates), those that are
    /// wanted of them, sorted.
    pub fn all_names(&mut self, files: &dyn Files, wanted: impl Fn(&UnitName) -> bool) -> Vec<UnitName> {
        self.names_with_files(files, |name| wanted(name) && !name.is_template())
    }

    /// Names of templates that have a file of their own and are not masked, sorted.
    pub fn template_names(&mut self, files: &dyn Files) -> Vec<UnitName> {
        self.names_with_files(files, UnitName::is_template)
    }

    fn names_with_files(&mut self, files: &dyn Files, wanted: impl Fn(&UnitName) -> bool) -> Vec<UnitName> {
        let with_files = self.index(files).names().iter();
        let mut names: Vec<UnitName> = with_files.filter(|name| wanted(name)).cloned().collect();
        names.sort_unstable();
        names
    }

    /// Templates of the `Accept=yes` sockets that were read.
    pub fn templates(&self) -> Vec<Arc<Template>> {
        self.templates.values().cloned().collect()
    }

    /// The template of this name, read if it was not yet.
    pub fn load_template(&mut self, files: &dyn Files, name: &UnitName) -> Arc<Template> {
        if let Some(known) = self.templates.get(name) {
            return Arc::clone(known);
        }
        // Whatever instance is read first stands for the others.
        let stand_in = name.instantiate("0").unwrap_or_else(|| name.clone());
        let resolved = self.index(files).resolve(name);
        let template = match self.sources(files, &resolved.name, &resolved.place) {
            Ok(sources) => {
                let finished = sources.read(Some(files), stand_in, &mut self.pool);
                let varies = finished.depends_on_instance && finished.unit.load == LoadState::Loaded;
                let about = finished.diagnostics.into_iter().map(|d| Diagnostic { unit: Some(name.text()), ..d });
                self.diagnostics.extend(about);
                Template::new(name.clone(), Arc::new(finished.unit), varies.then_some(sources))
            }
            Err((state, why)) => Template::new(name.clone(), Arc::new(Unit::absent(stand_in, state, Some(why))), None),
        };
        let template = Arc::new(template);
        self.templates.insert(name.clone(), Arc::clone(&template));
        template
    }

    /// Everything that was found wrong so far.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The unit of this name, if it was read.
    pub fn known(&self, name: &UnitName) -> Option<Arc<Unit>> {
        let canonical = self.canonical.get(name.as_str()).unwrap_or(name);
        self.units.get(canonical.as_str()).cloned()
    }

    fn index(&mut self, files: &dyn Files) -> &Index {
        if self.index.is_none() {
            let mut index = Index::build(files, &self.search);
            self.diagnostics.append(&mut index.diagnostics);
            self.index = Some(index);
        }
        self.index.get_or_insert_default()
    }

    fn check(&mut self, unit: &Arc<Unit>) {
        if !self.checked.insert(unit.name.clone()) {
            return;
        }
        let found = check::unit(unit, &|name| self.known(name), &|name| self.templates.get(name).cloned());
        self.diagnostics.extend(found);
    }

    fn read_unit(&mut self, files: &dyn Files, asked: &UnitName, name: &UnitName, place: Place) -> Unit {
        let asked = (asked != name).then(|| asked.clone());
        let name = self.pool.name(name.clone());
        if special::is_passed(&name) {
            return Unit::absent(name, LoadState::Loaded, None);
        }
        if name.is_template() {
            let why = "a template is no unit; an instance such as NAME@INSTANCE is";
            return Unit::absent(name, LoadState::Error, Some(why.into()));
        }
        let aliases = self.index(files).aliases_of(&name);
        let unit = match self.sources(files, &name, &place) {
            Ok(mut sources) => {
                sources.asked = asked;
                let mut finished = sources.read(Some(files), name, &mut self.pool);
                self.diagnostics.extend(finished.diagnostics);
                self.prefixes.fill(files, &mut finished.unit, &mut self.diagnostics);
                finished.unit
            }
            Err((state, why)) => match state {
                LoadState::NotFound if special::is_built_in(&name) => self.built_in(files, name),
                _ => Unit { fragment: path_of(&place), ..Unit::absent(name, state, Some(why)) },
            },
        };
        Unit { aliases, ..unit }
    }

    /// A unit that needs no file; links and drop-ins of its name count all the same.
    fn built_in(&mut self, files: &dyn Files, name: UnitName) -> Unit {
        let mut sources = Sources {
            machine: Arc::clone(&self.machine),
            fragment: None,
            asked: None,
            drop_ins: Vec::new(),
            drop_in_paths: Vec::new(),
            linked: Vec::new(),
        };
        self.add_drop_ins(files, &name, &mut sources);
        let finished = sources.read(Some(files), name, &mut self.pool);
        self.diagnostics.extend(finished.diagnostics);
        finished.unit
    }

    /// All files of one unit, or why there are none.
    fn sources(&mut self, files: &dyn Files, name: &UnitName, place: &Place) -> Result<Sources, (LoadState, Text)> {
        let path = match place {
            Place::File(path) => path,
            Place::Masked(path) => return Err((LoadState::Masked, format!("masked by {path}").into())),
            Place::Nowhere => return Err((LoadState::NotFound, self.not_found(name))),
        };
        let foreign = name.kind() == UnitKind::Foreign;
        let fragment = match read(files, path) {
            Ok(Content::Text(_)) if foreign => None,
            Ok(Content::Text(document)) => Some(document),
            Ok(Content::Empty) => return Err((LoadState::Masked, format!("{path} is empty").into())),
            Err(FileError::NotFound) => return Err((LoadState::NotFound, format!("{path} leads nowhere").into())),
            Err(FileError::Unreadable(why)) => {
                let message = format!("cannot read {path}: {why}");
                let mut diagnostic = Diagnostic::new("file-unreadable", message.clone(), None);
                diagnostic.unit = Some(name.text());
                self.diagnostics.push(diagnostic);
                return Err((LoadState::Error, message.into()));
            }
        };
        let machine = Arc::clone(&self.machine);
        let (drop_ins, drop_in_paths, linked) = (Vec::new(), Vec::new(), Vec::new());
        let mut sources = Sources { machine, fragment, asked: None, drop_ins, drop_in_paths, linked };
        if !foreign {
            self.add_drop_ins(files, name, &mut sources);
        }
        Ok(sources)
    }

    fn not_found(&self, name: &UnitName) -> Text {
        let search: Vec<&str> = self.search.iter().map(|dir| &**dir).collect();
        format!("there is no file {name} in {}", search.join(", ")).into()
    }

    /// Drop-ins and links of all names of a unit.
    fn add_drop_ins(&mut self, files: &dyn Files, name: &UnitName, sources: &mut Sources) {
        // systemd reads .upholds since 254.
        let strict = self.machine.strict;
        let index = self.index(files);
        let mut names = vec![name.clone()];
        names.extend(index.aliases_of(name));
        let configured = dropin::directories(index, &names, ".d");
        let links = [
            (Dependency::Wants, dropin::directories(index, &names, ".wants")),
            (Dependency::Requires, dropin::directories(index, &names, ".requires")),
            (Dependency::Upholds, dropin::directories(index, &names, if strict { "" } else { ".upholds" })),
        ];
        for (kind, directories) in links {
            self.linked(files, name, kind, &directories, &mut sources.linked);
        }
        // By name; a link that leads nowhere hides nobody.
        let mut found: BTreeMap<String, Vec<Text>> = BTreeMap::new();
        for directory in &configured {
            for entry in self.drop_ins.list(files, directory).iter() {
                if entry.name.ends_with(".conf") && !entry.name.starts_with('.') {
                    let path = format!("{directory}/{}", entry.name).into();
                    found.entry(entry.name.clone()).or_default().push(path);
                }
            }
        }
        for paths in found.into_values() {
            let Some(path) = self.first_there(files, paths) else { continue };
            match self.drop_ins.read(files, &path) {
                Ok(Content::Text(document)) => sources.drop_ins.push(document),
                Ok(Content::Empty) | Err(FileError::NotFound) => {}
                Err(FileError::Unreadable(why)) => {
                    let mut diagnostic =
                        Diagnostic::new("drop-in-unreadable", format!("cannot read {path}: {why}"), None);
                    diagnostic.unit = Some(name.text());
                    self.diagnostics.push(diagnostic);
                }
            }
            sources.drop_in_paths.push(path);
        }
    }

    fn first_there(&mut self, files: &dyn Files, paths: Vec<Text>) -> Option<Text> {
        paths.into_iter().find(|path| !matches!(self.drop_ins.read(files, path), Err(FileError::NotFound)))
    }

    /// Dependencies that are links in `.wants`, `.requires` and `.upholds`.
    fn linked(
        &mut self,
        files: &dyn Files,
        name: &UnitName,
        kind: Dependency,
        directories: &[Text],
        out: &mut Vec<(Dependency, UnitName)>,
    ) {
        let mut seen: BTreeSet<String> = BTreeSet::new();
        for directory in directories {
            for entry in self.drop_ins.list(files, directory).iter() {
                let path = format!("{directory}/{}", entry.name);
                if entry.name.starts_with('.') || !seen.insert(entry.name.clone()) {
                    continue;
                }
                let wrong = if entry.kind != EntryKind::Link {
                    "it is no symbolic link"
                } else if files.link(&path).is_some_and(|target| files::join(directory, &target) == "/dev/null") {
                    continue;
                } else {
                    // A template stands for its instance of our own instance or name.
                    let instance = name.instance().unwrap_or(name.stem());
                    let target = UnitName::parse(&entry.name);
                    match target.and_then(|t| if t.is_template() { t.instantiate(instance) } else { Some(t) }) {
                        Some(target) if target == *name => continue,
                        Some(target) => {
                            out.push((kind, self.pool.name(target)));
                            continue;
                        }
                        None => "its name is no unit name",
                    }
                };
                let mut diagnostic =
                    Diagnostic::new("bad-dependency-link", format!("{path} has no effect: {wrong}"), None);
                diagnostic.unit = Some(name.text());
                self.diagnostics.push(diagnostic);
            }
        }
    }
}

impl DropInCache {
    fn list(&mut self, files: &dyn Files, directory: &Text) -> Arc<[Entry]> {
        if let Some(known) = self.lists.get(directory) {
            return Arc::clone(known);
        }
        let mut entries = files.list(directory).unwrap_or_default();
        entries.sort();
        let entries: Arc<[Entry]> = entries.into();
        self.lists.insert(directory.clone(), Arc::clone(&entries));
        entries
    }

    fn read(&mut self, files: &dyn Files, path: &Text) -> Result<Content, FileError> {
        if let Some(known) = self.documents.get(path) {
            return known.clone();
        }
        let content = read(files, path);
        self.documents.insert(path.clone(), content.clone());
        content
    }
}

fn read(files: &dyn Files, path: &Text) -> Result<Content, FileError> {
    let bytes = files.read(path)?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(FileError::Unreadable(format!("it is longer than {FILE_BYTES_MAX} bytes")));
    }
    if bytes.is_empty() {
        return Ok(Content::Empty);
    }
    Ok(Content::Text(Arc::new(syntax::parse(path.clone(), &bytes))))
}

fn path_of(place: &Place) -> Option<Text> {
    match place {
        Place::File(path) | Place::Masked(path) => Some(path.clone()),
        Place::Nowhere => None,
    }
}

/// Whether a dependency makes the other unit worth reading. Mere order does not: a unit that nothing
/// starts needs no order, and the order is written at the one that is read.
fn reaches(kind: Dependency) -> bool {
    !matches!(kind, Dependency::Before | Dependency::After)
}
