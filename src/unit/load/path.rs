//! The search path: which names exist, which file or other name each stands for.
//!
//! Every directory is listed once; after that a name costs a look into a map.

use super::files::{EntryKind, Files, join};
use super::special;
use crate::bounds::ALIAS_HOPS_MAX;
use crate::ids::Text;
use crate::report::Diagnostic;
use crate::unit::UnitName;
use crate::unit::names::NameMap;
use std::collections::BTreeMap;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    /// A file of its own, in or linked into the search path.
    File(Text),
    /// A link to /dev/null.
    Mask(Text),
    /// A link to another name in the search path.
    Alias(UnitName),
}

/// Where the meaning of a name is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nowhere.
    Nowhere,
    /// Masked by this link.
    Masked(Text),
    /// In this file.
    File(Text),
}

/// A name with its aliases resolved.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    /// Canonical name.
    pub(super) name: UnitName,
    /// Where it is.
    pub(super) place: Place,
}

/// All names and directories of units in the search path.
#[derive(Debug, Default)]
pub(super) struct Index {
    names: NameMap<Found>,
    /// Those that have a file of their own and are not masked, in no order.
    with_files: Vec<UnitName>,
    /// Direct aliases of a name.
    aliases: BTreeMap<UnitName, Vec<UnitName>>,
    /// `foo.socket.d`, `foo.socket.wants`, …: number of the directory in the search path, and path.
    directories: BTreeMap<String, Vec<(usize, Text)>>,
    /// Which of [`DIRECTORY_SUFFIXES`] there are.
    seen: [bool; DIRECTORY_SUFFIXES.len()],
    /// Links that stand for nothing.
    pub(super) diagnostics: Vec<Diagnostic>,
}

const DIRECTORY_SUFFIXES: [&str; 4] = [".d", ".wants", ".requires", ".upholds"];

/// Builds the index of one search path.
struct Builder<'a> {
    files: &'a dyn Files,
    /// Directories of the search path without links.
    real: Vec<String>,
    resolved: BTreeMap<String, String>,
    index: Index,
}

impl Index {
    pub(super) fn build(files: &dyn Files, search: &[Text]) -> Index {
        let mut builder = Builder { files, real: Vec::new(), resolved: BTreeMap::new(), index: Index::default() };
        builder.real = search.iter().map(|dir| builder.resolve(dir)).collect();
        for (order, directory) in search.iter().enumerate() {
            builder.read(order, directory);
        }
        builder.index
    }

    /// Names that have a file of their own and are not masked, in no order.
    pub(super) fn names(&self) -> &[UnitName] {
        &self.with_files
    }

    /// Follows aliases, and templates for instances.
    pub(super) fn resolve(&self, name: &UnitName) -> Resolved {
        let (asked, mut name) = (name, name.clone());
        for _ in 0..=ALIAS_HOPS_MAX {
            let found = self.names.get(name.as_str()).cloned().or_else(|| {
                let template = name.template()?;
                self.names.get(template.as_str()).cloned()
            });
            let place = match found {
                Some(Found::File(path)) => Place::File(path),
                Some(Found::Mask(path)) => Place::Masked(path),
                // A link that leads nowhere is no name of anything.
                None if !special::is_built_in(&name) && !special::is_passed(&name) => {
                    return Resolved { name: asked.clone(), place: Place::Nowhere };
                }
                None => Place::Nowhere,
                Some(Found::Alias(target)) => {
                    let instance = name.instance().filter(|i| !i.is_empty());
                    let same_instance = instance.filter(|_| target.is_template()).and_then(|i| target.instantiate(i));
                    name = same_instance.unwrap_or(target);
                    continue;
                }
            };
            return Resolved { name, place };
        }
        Resolved { name: asked.clone(), place: Place::Nowhere }
    }

    /// Other names that lead to a canonical name, sorted.
    pub(super) fn aliases_of(&self, name: &UnitName) -> Vec<UnitName> {
        let mut all: Vec<UnitName> = Vec::new();
        if self.aliases.is_empty() {
            return all;
        }
        let mut pending = vec![name.clone()];
        while let Some(target) = pending.pop() {
            let direct = self.aliases.get(&target).into_iter().flatten().cloned();
            // An instance with a file of its own has none of its template's names.
            let template = target.template().filter(|_| self.names.get(target.as_str()).is_none());
            let by_template = template.into_iter().flat_map(|t| {
                let instance = target.instance().unwrap_or("").to_owned();
                let of_template = self.aliases.get(&t).into_iter().flatten();
                of_template.filter_map(move |alias| match alias.instance() {
                    Some("") => alias.instantiate(&instance),
                    Some(i) if i == instance => Some(alias.clone()),
                    Some(_) | None => None,
                })
            });
            for alias in direct.chain(by_template) {
                if alias != *name && !all.contains(&alias) {
                    all.push(alias.clone());
                    pending.push(alias);
                }
            }
        }
        // A chain may be too long to be followed.
        all.retain(|alias| self.resolve(alias).name == *name);
        all.sort();
        all
    }

    /// Whether any unit has a directory with this ending: nearly none has.
    pub(super) fn has_directories(&self, suffix: &str) -> bool {
        DIRECTORY_SUFFIXES.iter().position(|s| *s == suffix).is_some_and(|which| self.seen[which])
    }

    /// Directories of this name in the search path, in its order.
    pub(super) fn directories(&self, name: &str) -> &[(usize, Text)] {
        self.directories.get(name).map_or(&[], Vec::as_slice)
    }
}

impl Builder<'_> {
    /// A directory without links, remembered.
    fn resolve(&mut self, directory: &str) -> String {
        if let Some(known) = self.resolved.get(directory) {
            return known.clone();
        }
        let mut real = String::new();
        for part in directory.split('/').filter(|p| !p.is_empty()) {
            let mut next = format!("{real}/{part}");
            for _ in 0..ALIAS_HOPS_MAX {
                let Some(target) = self.files.link(&next) else { break };
                let parent = next.rsplit_once('/').map_or("", |(dir, _)| dir);
                next = join(parent, &target);
            }
            real = next;
        }
        self.resolved.insert(directory.to_owned(), real.clone());
        real
    }

    fn read(&mut self, order: usize, directory: &str) {
        let Ok(entries) = self.files.list(directory) else { return };
        // What a name stands for does not depend on its neighbours; what is said of links comes in order.
        let mut links = Vec::new();
        for entry in entries.into_iter().filter(|entry| !entry.name.starts_with('.')) {
            let path = || [directory, "/", &entry.name].concat().into();
            let suffix = DIRECTORY_SUFFIXES.iter().position(|s| entry.name.ends_with(s));
            match (entry.kind, suffix) {
                (EntryKind::Directory | EntryKind::Link, Some(suffix)) => {
                    self.index.seen[suffix] = true;
                    let path = path();
                    self.index.directories.entry(entry.name).or_default().push((order, path));
                }
                (EntryKind::File, _) => {
                    if let Some(name) = UnitName::parse(&entry.name) {
                        self.add(name, Found::File(path()));
                    }
                }
                (EntryKind::Link, None) => links.extend(UnitName::parse(&entry.name).map(|name| (name, path()))),
                (EntryKind::Directory | EntryKind::Other, _) => {}
            }
        }
        links.sort();
        for (name, path) in links {
            if self.index.names.get(name.as_str()).is_none()
                && let Some(found) = self.link(directory, &name, path)
            {
                self.add(name, found);
            }
        }
    }

    /// The first directory that has a name counts.
    fn add(&mut self, name: UnitName, found: Found) {
        if self.index.names.get(name.as_str()).is_some() {
            return;
        }
        match &found {
            Found::File(_) => self.index.with_files.push(name.clone()),
            Found::Alias(target) => self.index.aliases.entry(target.clone()).or_default().push(name.clone()),
            Found::Mask(_) => {}
        }
        self.index.names.insert(name, found);
    }

    fn link(&mut self, directory: &str, name: &UnitName, path: Text) -> Option<Found> {
        let target = join(&self.resolve(directory), &self.files.link(&path)?);
        if target == "/dev/null" {
            return Some(Found::Mask(path));
        }
        let (parent, base) = target.rsplit_once('/').unwrap_or(("", &target));
        let parent = self.resolve(parent);
        if !self.real.contains(&parent) {
            return Some(Found::File(path));
        }
        match alias(name, base) {
            // The same name again, in a lower directory: that one will be found by itself.
            Ok(target) if target == *name => None,
            Ok(target) => Some(Found::Alias(target)),
            Err(why) => {
                let message = format!("{path} is no alias: {why}");
                let mut diagnostic = Diagnostic::new("bad-alias", message, None);
                diagnostic.unit = Some(name.text());
                self.index.diagnostics.push(diagnostic);
                None
            }
        }
    }
}

/// The name that a link with this name may stand for.
fn alias(name: &UnitName, target: &str) -> Result<UnitName, String> {
    let target = UnitName::parse(target).ok_or_else(|| format!("it leads to {target}, which is no unit name"))?;
    if target.suffix() != name.suffix() {
        return Err(format!("it leads to {target}, a unit of another kind"));
    }
    let fits = match (name.instance(), target.instance()) {
        (None, None) | (Some(""), Some("")) => true,
        (Some(""), _) | (_, None) | (None, _) => false,
        (Some(own), Some(other)) => other.is_empty() || own == other,
    };
    if fits {
        Ok(target)
    } else {
        Err(format!("it leads to {target}, and template, instance and plain name do not mix"))
    }
}
