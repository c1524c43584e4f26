//! A control group per unit, where porterd may make some; otherwise nothing, and processes are found
//! by ancestry.

use crate::engine::event::Event;
use crate::ids::UnitId;
use crate::linux::cgroup::Tree;
use crate::linux::poll::{Interest, Poll};
use crate::plan::cgroup;
use crate::runtime::source::Source;
use crate::runtime::world::World;
use crate::unit::{ExecSettings, Unit};
use nix::errno::Errno;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::Path;

/// The groups of all units.
#[derive(Debug, Default)]
pub(super) struct Groups {
    tree: Option<Tree>,
    watched: BTreeMap<String, UnitId>,
}

/// One unit's group.
#[derive(Debug)]
pub(super) struct Group {
    path: String,
}

impl Groups {
    /// Takes the subtree over, if there is one for us. `name` keeps several porterds apart.
    pub(super) fn open(poll: &Poll, name: Option<&str>) -> Groups {
        let tree = match Tree::open(name) {
            Ok(tree) => tree,
            Err(why) => {
                tracing::info!("no control groups: {why}; processes of units are found by ancestry");
                return Groups::default();
            }
        };
        if let Err(errno) = Source::Groups.add(poll, tree.fd(), Interest::Read) {
            tracing::warn!("no control groups: they cannot be watched: {}", errno.desc());
            return Groups::default();
        }
        tracing::debug!("control groups are made below {}", tree.path().display());
        Groups { tree: Some(tree), watched: BTreeMap::new() }
    }

    /// Where the subtree is.
    pub(super) fn root(&self) -> Option<&Path> {
        self.tree.as_ref().map(Tree::path)
    }

    /// Makes a unit's group. `None` without a subtree, or if it cannot be made.
    fn make(&self, path: String) -> Option<Group> {
        let tree = self.tree.as_ref()?;
        let made = tree.create(&path);
        let told =
            made.inspect_err(|errno| tracing::warn!("the control group {path} cannot be made: {}", errno.desc()));
        told.ok().map(|()| Group { path })
    }

    /// Where a child of the unit is to be born. Opened anew each time, because ten thousand units at
    /// rest shall not hold ten thousand descriptors.
    pub(super) fn birth_place(&self, group: &Group) -> Result<Option<OwnedFd>, Errno> {
        self.tree.as_ref().map(|tree| tree.open_dir(&group.path)).transpose()
    }

    pub(super) fn members(&self, group: &Group) -> Vec<i32> {
        let Some(tree) = &self.tree else {
            return Vec::new();
        };
        // One small file says that there is nobody; only then is the tree of groups not walked.
        match tree.populated(&group.path) {
            true => tree.procs(&group.path),
            false => Vec::new(),
        }
    }

    /// Ends everybody at once; `false` if that is not possible.
    pub(super) fn kill(&self, group: &Group) -> bool {
        self.tree.as_ref().is_some_and(|tree| tree.kill(&group.path).is_ok())
    }

    /// Asks to be told when the group empties. `false` if that cannot be told.
    pub(super) fn watch(&mut self, unit: UnitId, group: &Group) -> bool {
        let Some(tree) = &mut self.tree else {
            return false;
        };
        if self.watched.contains_key(&group.path) {
            return true;
        }
        let watching = tree.watch(&group.path).is_ok();
        if watching {
            self.watched.insert(group.path.clone(), unit);
        }
        watching
    }

    /// Units whose watched group changed.
    pub(super) fn changed(&mut self) -> Vec<UnitId> {
        let Some(tree) = &mut self.tree else {
            return Vec::new();
        };
        tree.changed().into_iter().filter_map(|path| self.watched.get(&path).copied()).collect()
    }

    /// Removes a group in which nobody is left; gives it back if somebody is.
    pub(super) fn remove(&mut self, group: Group) -> Option<Group> {
        let tree = self.tree.as_mut()?;
        match tree.remove(&group.path) {
            Ok(()) => {
                self.watched.remove(&group.path);
                None
            }
            Err(Errno::EBUSY) => Some(group),
            Err(errno) => {
                tracing::debug!("the control group {} cannot be removed: {}", group.path, errno.desc());
                Some(group)
            }
        }
    }

    /// Nobody waits for the group to become empty any more.
    pub(super) fn unwatch(&mut self, group: &Group) {
        if let Some(tree) = &mut self.tree
            && self.watched.remove(&group.path).is_some()
        {
            tree.unwatch(&group.path);
        }
    }

    /// An attribute of a group, for `status`.
    #[allow(clippy::disallowed_methods, reason = "a small file of the kernel")]
    pub(super) fn read(&self, group: &Group, file: &str) -> Option<String> {
        std::fs::read_to_string(self.root()?.join(&group.path).join(file)).ok()
    }

    /// Removes what is empty, at the end.
    pub(super) fn close(&mut self) {
        if let Some(tree) = self.tree.take() {
            tree.remove_all();
        }
    }
}

impl Group {
    /// Path below the subtree.
    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

impl World {
    /// The unit's group, made when its first process is started.
    pub(super) fn make_group(&mut self, unit: UnitId, settings: &Unit, exec: &ExecSettings) {
        let instance = settings.name.is_instance() && !self.facts.instance_cgroups;
        if instance || self.groups.tree.is_none() || self.runs.get(&unit).is_none_or(|run| run.group.is_some()) {
            return;
        }
        let path = cgroup::path(&settings.name, exec.slice.as_deref(), self.facts.user_mode);
        let group = self.groups.make(path);
        if let Some(run) = self.runs.get_mut(&unit) {
            run.group = group;
        }
    }

    /// inotify on control groups is readable.
    pub(super) fn groups_changed(&mut self) {
        for unit in self.groups.changed() {
            let empty = self.leftovers(unit).is_empty();
            if let Some(run) = self.runs.get_mut(&unit)
                && run.procs.is_empty()
                && empty
            {
                run.empty = true;
                self.events.push_back(Event::Emptied { unit });
            }
        }
    }
}
