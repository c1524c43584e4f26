//! A control group per unit, where porterd may make some; otherwise nothing, and processes are found
//! by ancestry.

use crate::bounds::{LEFT_GROUPS_MAX, SPARE_GROUPS_SWEEP_USEC};
use crate::config::InstanceGroups;
use crate::engine::effect::Spawn;
use crate::engine::event::Event;
use crate::ids::{Mono, UnitId};
use crate::linux::cgroup::{KeptGroup, Tree};
use crate::linux::poll::{Interest, Poll};
use crate::plan::cgroup;
use crate::runtime::clock;
use crate::runtime::source::Source;
use crate::runtime::world::World;
use crate::unit::ExecSettings;
use nix::errno::Errno;
use std::collections::{BTreeMap, VecDeque};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// The groups of all units.
#[derive(Debug, Default)]
pub(super) struct Groups {
    tree: Option<Tree>,
    watched: BTreeMap<String, UnitId>,
    spare: Spare,
}

/// One unit's group.
#[derive(Debug)]
pub(super) struct Group {
    path: String,
    /// Length of what is asked for when a further one like it is needed: the path, without the number
    /// if connections of one template take it over from each other. 0: nobody will ask.
    stem: usize,
    /// Once it has been left.
    open: Option<KeptGroup>,
    /// It was left since spare ones were last looked through.
    fresh: bool,
}

/// Groups that were left, for who is started next there: making and removing a group costs the kernel
/// more than all else that porterd does for a process. Those that nobody takes for a while are removed.
/// They have no attributes yet; who gives them some must give them at every start.
#[derive(Debug, Default)]
struct Spare {
    /// The one that was left last is taken first.
    groups: VecDeque<Group>,
    /// When they are looked through; never while there are none.
    sweep_at: Option<Mono>,
    /// Groups that are open, spare or in use again.
    open: usize,
    /// Most that may be.
    most: usize,
    last_number: u64,
}

impl Groups {
    /// Takes the subtree over, if there is one for us. `name` keeps several porterds apart; `most`
    /// groups may be kept open when they have been left.
    pub(super) fn open(poll: &Poll, name: Option<&str>, most: usize) -> Groups {
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
        Groups { tree: Some(tree), watched: BTreeMap::new(), spare: Spare { most, ..Spare::default() } }
    }

    /// Descriptors of groups that are kept open.
    pub(super) fn descriptors(&self) -> usize {
        2 * self.spare.open
    }

    /// Where the subtree is.
    pub(super) fn root(&self) -> Option<&Path> {
        self.tree.as_ref().map(Tree::path)
    }

    /// A unit's group, spare or new. `None` without a subtree, or if it cannot be made.
    fn make(&mut self, path: String, again: bool) -> Option<Group> {
        if let Some(spare) = self.take(&path) {
            return Some(spare);
        }
        let made = self.tree.as_ref()?.create(&path);
        let told =
            made.inspect_err(|errno| tracing::warn!("the control group {path} cannot be made: {}", errno.desc()));
        let stem = if again { path.len() } else { 0 };
        told.ok().map(|()| Group { path, stem, open: None, fresh: false })
    }

    /// The group that a connection before left, or a further one. `stem` is the path without a number.
    fn make_for_connection(&mut self, stem: String) -> Option<Group> {
        if let Some(spare) = self.take(&stem) {
            return Some(spare);
        }
        Some(Group { path: self.make_numbered(&stem)?, stem: stem.len(), open: None, fresh: false })
    }

    fn take(&mut self, stem: &str) -> Option<Group> {
        let found = self.spare.groups.iter().rposition(|group| group.path[..group.stem] == *stem)?;
        self.spare.groups.remove(found)
    }

    /// A number under which nothing is left of a porterd before us.
    fn make_numbered(&mut self, stem: &str) -> Option<String> {
        let tree = self.tree.as_ref()?;
        for _ in 0..LEFT_GROUPS_MAX {
            self.spare.last_number += 1;
            let path = format!("{stem}{}", self.spare.last_number);
            match tree.create_new(&path) {
                Ok(()) => return Some(path),
                Err(Errno::EEXIST) => {}
                Err(errno) => {
                    tracing::warn!("the control group {path} cannot be made: {}", errno.desc());
                    return None;
                }
            }
        }
        None
    }

    /// Where a child of the unit is to be born. Mostly opened anew each time, because ten thousand
    /// units at rest shall not hold ten thousand descriptors.
    pub(super) fn birth_place<'a>(&self, group: &'a Group) -> Result<Option<BirthPlace<'a>>, Errno> {
        match (&group.open, &self.tree) {
            (Some(open), _) => Ok(Some(BirthPlace::Kept(open.directory()))),
            (None, Some(tree)) => tree.open_dir(&group.path).map(|fd| Some(BirthPlace::Opened(fd))),
            (None, None) => Ok(None),
        }
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

    /// Removes a group in which nobody is left, or keeps it for the next start; gives it back if somebody
    /// is.
    pub(super) fn remove(&mut self, mut group: Group) -> Option<Group> {
        if group.stem > 0 {
            self.keep_open(&mut group);
        }
        if !group.open.as_ref().is_some_and(KeptGroup::is_free) {
            return self.demolish(group);
        }
        group.fresh = true;
        self.unwatch(&group);
        self.spare.groups.push_back(group);
        if self.spare.sweep_at.is_none() {
            self.spare.sweep_at = clock::now().after(SPARE_GROUPS_SWEEP_USEC);
        }
        None
    }

    /// Opens a group, if there is room for one more or for it instead of the one that is spare longest.
    fn keep_open(&mut self, group: &mut Group) {
        if group.open.is_some() {
            return;
        }
        if self.spare.open == self.spare.most
            && let Some(oldest) = self.spare.groups.pop_front()
        {
            self.discard(oldest);
        }
        if self.spare.open < self.spare.most {
            group.open = self.tree.as_ref().and_then(|tree| tree.keep_open(&group.path).ok());
            self.spare.open += usize::from(group.open.is_some());
        }
    }

    /// When [`Groups::sweep_if_due`] has something to do.
    pub(super) fn next_deadline(&self) -> Option<Mono> {
        self.spare.sweep_at
    }

    /// Removes spare groups that nobody has used since this was done before.
    pub(super) fn sweep_if_due(&mut self, now: Mono) {
        if self.spare.sweep_at.is_none_or(|at| at > now) {
            return;
        }
        for mut group in std::mem::take(&mut self.spare.groups) {
            match std::mem::take(&mut group.fresh) {
                true => self.spare.groups.push_back(group),
                false => self.discard(group),
            }
        }
        self.spare.sweep_at = now.after(SPARE_GROUPS_SWEEP_USEC).filter(|_| !self.spare.groups.is_empty());
    }

    /// A spare group goes. Somebody may have moved a process of theirs into it meanwhile.
    fn discard(&mut self, group: Group) {
        if let Some(taken) = self.demolish(group) {
            self.abandon(taken);
        }
    }

    fn demolish(&mut self, group: Group) -> Option<Group> {
        let tree = self.tree.as_mut()?;
        match tree.remove(&group.path) {
            Ok(()) => {
                self.watched.remove(&group.path);
                self.spare.open -= usize::from(group.open.is_some());
                None
            }
            Err(Errno::EBUSY) => Some(group),
            Err(errno) => {
                tracing::debug!("the control group {} cannot be removed: {}", group.path, errno.desc());
                Some(group)
            }
        }
    }

    /// Somebody stays in the group whom nobody looks after any more.
    pub(super) fn abandon(&mut self, group: Group) {
        self.unwatch(&group);
        self.spare.open -= usize::from(group.open.is_some());
    }

    /// Nobody waits for the group to become empty any more.
    fn unwatch(&mut self, group: &Group) {
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

/// A descriptor of a group, ours or opened for this once.
#[derive(Debug)]
pub(super) enum BirthPlace<'a> {
    Kept(BorrowedFd<'a>),
    Opened(OwnedFd),
}

impl AsFd for BirthPlace<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            BirthPlace::Kept(fd) => *fd,
            BirthPlace::Opened(fd) => fd.as_fd(),
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
    pub(super) fn make_group(&mut self, spawn: &Spawn, exec: &ExecSettings) {
        let Spawn { unit, settings, for_connection, .. } = spawn;
        if self.groups.tree.is_none() || self.runs.get(unit).is_none_or(|run| run.group.is_some()) {
            return;
        }
        let (slice, user_mode) = (exec.slice.as_deref(), self.facts.user_mode);
        let group = match self.facts.instance_cgroups {
            InstanceGroups::Fixed(false) if *for_connection => return,
            InstanceGroups::Fixed(true) if *for_connection => {
                self.groups.make_for_connection(cgroup::numbered(&settings.name, slice, user_mode))
            }
            InstanceGroups::Fixed(_) | InstanceGroups::Named(_) => {
                self.groups.make(cgroup::path(&settings.name, slice, user_mode), !for_connection)
            }
        };
        if let Some(run) = self.runs.get_mut(unit) {
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
