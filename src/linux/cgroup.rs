//! The cgroup v2 subtree that belongs to porterd: groups are made, filled, watched, killed and
//! removed here. Paths are relative to the subtree; what they stand for is not known here. Version 1
//! hierarchies are not used.

pub use super::cgroup_find::Unavailable;
use super::cgroup_find::{self, LEAF};
use super::process;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

/// Group directories are traversable by everybody, as systemd's are.
const DIRECTORY_MODE: Mode = Mode::from_bits_truncate(0o755);
/// What the user of a delegated group may write, besides the directory itself.
const DELEGATED: [&str; 3] = ["cgroup.procs", "cgroup.threads", "cgroup.subtree_control"];

/// A subtree of ours.
#[derive(Debug)]
pub struct Tree {
    path: PathBuf,
    root: OwnedFd,
    /// The group above, if it is ours as well: controllers have to be enabled there first.
    above: Option<OwnedFd>,
    inotify: Inotify,
    watched: BTreeMap<String, WatchDescriptor>,
    paths: BTreeMap<WatchDescriptor, String>,
}

impl Tree {
    /// Finds the group this process runs in and takes it over, if it is delegated to us: moves us
    /// into a leaf of it where the kernel wants that. With a `name`, groups are made below a
    /// directory of that name, so that several porterds in one group do not meet; in the topmost
    /// group of the machine there always is one (`porterd`).
    pub fn open(name: Option<&str>) -> Result<Tree, Unavailable> {
        let own = cgroup_find::own()?;
        let refuse = |errno| Unavailable::Refused(own.path.clone(), errno);
        let above = open_directory(None, &own.path).map_err(refuse)?;
        if !own.topmost {
            make(above.as_fd(), LEAF).map_err(refuse)?;
            write(above.as_fd(), &format!("{LEAF}/cgroup.procs"), "0").map_err(refuse)?;
        }
        let Some(name) = name.or(own.topmost.then_some("porterd")) else {
            return Tree::at(own.path.clone(), above, None).map_err(refuse);
        };
        make(above.as_fd(), name).map_err(refuse)?;
        let root = open_directory(Some(above.as_fd()), name).map_err(refuse)?;
        Tree::at(own.path.join(name), root, Some(above)).map_err(refuse)
    }

    fn at(path: PathBuf, root: OwnedFd, above: Option<OwnedFd>) -> Result<Tree, Errno> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let (watched, paths) = (BTreeMap::new(), BTreeMap::new());
        Ok(Tree { path, root, above, inotify, watched, paths })
    }

    /// Where the subtree is.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Makes a group and what is missing above it. One system call where nothing is missing.
    pub fn create(&self, path: &str) -> Result<(), Errno> {
        match self.create_new(path) {
            Err(Errno::EEXIST) => Ok(()),
            result => result,
        }
    }

    /// As [`Tree::create`]; `EEXIST` if the group is there already.
    pub fn create_new(&self, path: &str) -> Result<(), Errno> {
        check(path)?;
        match mkdirat(self.root.as_fd(), path, DIRECTORY_MODE) {
            Err(Errno::ENOENT) => {
                for parent in ancestors(path) {
                    make(self.root.as_fd(), parent)?;
                }
                mkdirat(self.root.as_fd(), path, DIRECTORY_MODE)
            }
            result => result,
        }
    }

    /// A descriptor of a group, for a child to be born into it.
    pub fn open_dir(&self, path: &str) -> Result<OwnedFd, Errno> {
        check(path)?;
        open_directory(Some(self.root.as_fd()), path)
    }

    /// A group that will be used more than once.
    pub fn keep_open(&self, path: &str) -> Result<KeptGroup, Errno> {
        let directory = self.open_dir(path)?;
        let events = openat(&directory, "cgroup.events", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        Ok(KeptGroup { directory, events })
    }

    /// Moves a process into a group.
    pub fn enter(&self, path: &str, pid: i32) -> Result<(), Errno> {
        check(path)?;
        write(self.root.as_fd(), &format!("{path}/cgroup.procs"), &pid.to_string())
    }

    /// Writes an attribute, e.g. `memory.max`. Its controller is enabled on the way down when it is
    /// first needed: groups without settings stay cheap. `ENOENT`: the kernel or whoever delegated
    /// the subtree does not offer the controller.
    pub fn write(&self, path: &str, attribute: &str, value: &str) -> Result<(), Errno> {
        check(path)?;
        let file = format!("{path}/{attribute}");
        match write(self.root.as_fd(), &file, value) {
            Err(Errno::ENOENT) => {
                self.enable(path, attribute.split('.').next().unwrap_or_default())?;
                write(self.root.as_fd(), &file, value)
            }
            result => result,
        }
    }

    fn enable(&self, path: &str, controller: &str) -> Result<(), Errno> {
        let word = format!("+{controller}");
        // An unknown controller is EINVAL here, and a missing attribute to the caller.
        let absent = |errno| {
            if errno == Errno::EINVAL { Errno::ENOENT } else { errno }
        };
        if let Some(above) = &self.above {
            write(above.as_fd(), "cgroup.subtree_control", &word).map_err(absent)?;
        }
        write(self.root.as_fd(), "cgroup.subtree_control", &word).map_err(absent)?;
        for parent in ancestors(path) {
            let file = format!("{parent}/cgroup.subtree_control");
            write(self.root.as_fd(), &file, &word).map_err(absent)?;
        }
        Ok(())
    }

    /// Gives a group to a user (`Delegate=`).
    pub fn delegate(&self, path: &str, uid: u32, gid: u32) -> Result<(), Errno> {
        check(path)?;
        let files = DELEGATED.iter().map(|file| format!("{path}/{file}"));
        for file in std::iter::once(path.to_owned()).chain(files) {
            let (uid, gid) = (Some(uid.into()), Some(gid.into()));
            nix::unistd::fchownat(&self.root, file.as_str(), uid, gid, nix::fcntl::AtFlags::empty())?;
        }
        Ok(())
    }

    /// Processes of a group and of all below it; empty if it does not exist.
    pub fn procs(&self, path: &str) -> Vec<i32> {
        let Ok(directory) = self.open_dir(path) else {
            return Vec::new();
        };
        let mut pids = BTreeSet::new();
        walk(directory.as_fd(), &mut |group| {
            let text = read(group, "cgroup.procs").unwrap_or_default();
            pids.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
        });
        // 0 stands for processes of other pid namespaces.
        pids.into_iter().filter(|pid| *pid > 0).collect()
    }

    /// Ends every process of a group and of all below it. Does not wait for that.
    pub fn kill(&self, path: &str) -> Result<(), Errno> {
        check(path)?;
        match write(self.root.as_fd(), &format!("{path}/cgroup.kill"), "1") {
            // Before Linux 5.14, or the group is gone.
            Err(Errno::ENOENT) => {
                process::kill_all(|| self.procs(path), &[libc::SIGKILL], &[]);
                Ok(())
            }
            result => result,
        }
    }

    /// Whether a process lives in a group or below it.
    pub fn populated(&self, path: &str) -> bool {
        read(self.root.as_fd(), &format!("{path}/cgroup.events"))
            .is_ok_and(|text| text.lines().any(|line| line == "populated 1"))
    }

    /// Removes a group with all groups below it. One system call where there are none. `EBUSY`:
    /// somebody lives in it, watch it. A group that is not there is removed.
    pub fn remove(&mut self, path: &str) -> Result<(), Errno> {
        check(path)?;
        match remove_directory(self.root.as_fd(), path) {
            Err(Errno::EBUSY) if !self.populated(path) => {
                let group = open_directory(Some(self.root.as_fd()), path)?;
                remove_below(group.as_fd())?;
                remove_directory(self.root.as_fd(), path)?;
            }
            result => result?,
        }
        if !self.watched.is_empty() {
            self.unwatch(path);
        }
        Ok(())
    }

    /// Removes all groups in which nobody lives, and the subtree's own directory if it is then
    /// empty and not the group we run in: for a porterd that ends.
    pub fn remove_all(self) {
        // What is still in use stays; that is no failure.
        let _in_use = remove_below(self.root.as_fd());
        if let (Some(above), Some(name)) = (&self.above, self.path.file_name().and_then(|n| n.to_str())) {
            let _in_use = remove_directory(above.as_fd(), name);
        }
    }

    /// Tells when the last process leaves a group (and when the first one comes): [`Tree::fd`]
    /// becomes readable, [`Tree::changed`] says which. Look at [`Tree::populated`] after this and
    /// after each change, not before.
    pub fn watch(&mut self, path: &str) -> Result<(), Errno> {
        check(path)?;
        let file = self.path.join(path).join("cgroup.events");
        let watch = self.inotify.add_watch(&file, AddWatchFlags::IN_MODIFY)?;
        self.watched.insert(path.to_owned(), watch);
        self.paths.insert(watch, path.to_owned());
        Ok(())
    }

    /// Stops telling.
    pub fn unwatch(&mut self, path: &str) {
        if let Some(watch) = self.watched.remove(path) {
            self.paths.remove(&watch);
            // The kernel drops the watch by itself when the group is removed.
            let _gone = self.inotify.rm_watch(watch);
        }
    }

    /// Readable when a watched group changed.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }

    /// The watched groups that changed since the last call; never blocks.
    pub fn changed(&mut self) -> BTreeSet<String> {
        let mut changed = BTreeSet::new();
        while let Ok(events) = self.inotify.read_events() {
            for event in events {
                if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
                    changed.extend(self.watched.keys().cloned());
                } else if let Some(path) = self.paths.get(&event.wd) {
                    changed.insert(path.clone());
                    if event.mask.contains(AddWatchFlags::IN_IGNORED)
                        && let Some(path) = self.paths.remove(&event.wd)
                    {
                        self.watched.remove(&path);
                    }
                }
            }
        }
        changed
    }
}

/// A group that is kept open, to be used more than once.
#[derive(Debug)]
pub struct KeptGroup {
    directory: OwnedFd,
    events: OwnedFd,
}

impl KeptGroup {
    /// For a child to be born into it.
    pub fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Whether the next one finds it as the first one did: nobody lives in it, nobody has frozen it,
    /// no groups are below it.
    pub fn is_free(&self) -> bool {
        let mut text = [0; 64];
        let length = nix::sys::uio::pread(&self.events, &mut text, 0).unwrap_or(0);
        let mut lines = text[..length].split(|byte| *byte == b'\n');
        // Kernels before 5.2 say nothing of frozen ones.
        lines.clone().any(|line| line == b"populated 0")
            && !lines.any(|line| line == b"frozen 1")
            && nix::sys::stat::fstat(&self.directory).is_ok_and(|stat| stat.st_nlink == LINKS_OF_A_LEAF)
    }
}

/// A directory has one link from above, one from itself, and one from each directory in it.
const LINKS_OF_A_LEAF: libc::nlink_t = 2;

/// Paths come from unit names, which may hold anything: nothing may lead out of the subtree.
fn check(path: &str) -> Result<(), Errno> {
    let sound = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains('\0');
    if path.split('/').all(sound) { Ok(()) } else { Err(Errno::EINVAL) }
}

/// The groups above a path, from the top.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

fn make(directory: BorrowedFd<'_>, path: &str) -> Result<(), Errno> {
    match mkdirat(directory, path, DIRECTORY_MODE) {
        Err(Errno::EEXIST) => Ok(()),
        result => result,
    }
}

fn remove_directory(directory: BorrowedFd<'_>, path: &str) -> Result<(), Errno> {
    match unlinkat(directory, path, UnlinkatFlags::RemoveDir) {
        Err(Errno::ENOENT) => Ok(()),
        result => result,
    }
}

/// Only named (`O_PATH`): that is enough to be born into, and cheaper.
fn open_directory<P: nix::NixPath + ?Sized>(directory: Option<BorrowedFd<'_>>, path: &P) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_PATH | OFlag::O_CLOEXEC;
    let directory = directory.unwrap_or(nix::fcntl::AT_FDCWD);
    openat(directory, path, flags, Mode::empty())
}

fn write(directory: BorrowedFd<'_>, path: &str, value: &str) -> Result<(), Errno> {
    let file = openat(directory, path, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    // The kernel takes an attribute whole or not at all.
    nix::unistd::write(&file, value.as_bytes()).map(drop)
}

fn read(directory: BorrowedFd<'_>, path: &str) -> Result<String, Errno> {
    let file = openat(directory, path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    let mut text = String::new();
    match File::from(file).read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(error) => Err(Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))),
    }
}

/// Names of the groups directly below one.
fn below(group: BorrowedFd<'_>) -> Vec<String> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let Ok(directory) = nix::dir::Dir::openat(group, ".", flags, Mode::empty()) else {
        return Vec::new();
    };
    directory
        .into_iter()
        .flatten()
        .filter(|entry| entry.file_type() == Some(nix::dir::Type::Directory))
        .filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned))
        .filter(|name| name != "." && name != "..")
        .collect()
}

fn walk(group: BorrowedFd<'_>, visit: &mut impl FnMut(BorrowedFd<'_>)) {
    visit(group);
    for name in below(group) {
        // A group may vanish between listing and opening.
        if let Ok(fd) = open_directory(Some(group), name.as_str()) {
            walk(fd.as_fd(), visit);
        }
    }
}

/// Bottom up; goes on after a group that is in use, and tells the first such error.
fn remove_below(group: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut result = Ok(());
    for name in below(group) {
        if let Ok(fd) = open_directory(Some(group), name.as_str()) {
            result = result.and(remove_below(fd.as_fd()));
        }
        result = result.and(remove_directory(group, &name));
    }
    result
}
