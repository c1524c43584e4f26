//! Nodes that are put back when somebody removes them: sockets and FIFOs in the file system.
//!
//! What is queued belongs to the inode's socket or pipe, and whoever opens the path gets to it by the
//! inode. The kernel makes no new name for an inode that has none left (linkat(2): ENOENT, also by way
//! of /proc and `O_PATH`), so a second name is made beforehand: the spare, in a directory of porterd's
//! own, or hidden beside the node where that directory is on another file system. Putting the node
//! back is one link(2): the same inode, owner, permissions and label, and nothing is lost.
#![allow(clippy::disallowed_methods)] // this layer touches files

use super::files;
use crate::ids::FdToken;
use nix::Result;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use nix::sys::stat::{FileStat, lstat};
use nix::unistd::{linkat, unlink};
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// All nodes that are looked after.
#[derive(Debug)]
pub struct Nodes {
    inotify: Inotify,
    kept: BTreeMap<FdToken, Node>,
}

#[derive(Debug)]
struct Node {
    path: String,
    spare: String,
    inode: Inode,
    directory_mode: u32,
    watch: Option<WatchDescriptor>,
}

/// Device and number.
type Inode = (u64, u64);

/// What came of putting a node back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Healed {
    /// It is there already.
    There,
    /// It is there again, under this path.
    Back(String),
    /// Something else is in its place.
    Replaced(String),
}

fn inode(stat: &FileStat) -> Inode {
    (stat.st_dev, stat.st_ino)
}

/// The node at a path, if it is one that can be put back.
fn node_at(path: &str) -> Result<Inode> {
    let stat = lstat(path)?;
    match stat.st_mode & libc::S_IFMT {
        libc::S_IFSOCK | libc::S_IFIFO => Ok(inode(&stat)),
        _ => Err(Errno::EINVAL),
    }
}

/// A second name for the node; one of an earlier run is in the way and means nothing.
fn link(from: &str, to: &str) -> Result<()> {
    let make = || linkat(AT_FDCWD, from, AT_FDCWD, to, AtFlags::empty());
    match make() {
        Err(Errno::EEXIST) if node_at(to).is_ok() => unlink(to).and_then(|()| make()),
        result => result,
    }
}

impl Nodes {
    /// None yet.
    pub fn new() -> Result<Nodes> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        Ok(Nodes { inotify, kept: BTreeMap::new() })
    }

    /// Looks after the node of a port that was just made. `directory` is ours; `name` is a file name
    /// for the spare that no other port has. EINVAL: there is no socket or FIFO at the path.
    pub fn keep(&mut self, port: FdToken, path: &str, directory: &Path, name: &str, mode: u32) -> Result<()> {
        let own = directory.join(name).to_string_lossy().into_owned();
        // A socket that outlived us may have lost its node meanwhile.
        if lstat(path) == Err(Errno::ENOENT) && node_at(&own).is_ok() {
            files::make_parents(path, mode);
            link(&own, path)?;
        }
        let inode = node_at(path)?;
        let spare = match node_at(&own) {
            Ok(there) if there == inode => own,
            _ => match link(path, &own) {
                Ok(()) => own,
                Err(errno) => {
                    let hidden = beside(path).ok_or(errno)?;
                    link(path, &hidden)?;
                    hidden
                }
            },
        };
        let mut node = Node { path: path.to_owned(), spare, inode, directory_mode: mode, watch: None };
        let watch = self.watch(path).inspect_err(|_| {
            unlink(node.spare.as_str()).ok();
        })?;
        node.watch = Some(watch);
        self.kept.insert(port, node);
        Ok(())
    }

    /// Removal of names is heard in their directory.
    fn watch(&self, path: &str) -> Result<WatchDescriptor> {
        let what = AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_ONLYDIR;
        self.inotify.add_watch(Path::new(path).parent().ok_or(Errno::EINVAL)?, what)
    }

    /// Looks after it no more. The spare stays if somebody else goes on with the socket.
    pub fn forget(&mut self, port: FdToken, keep_spare: bool) {
        let Some(node) = self.kept.remove(&port) else {
            return;
        };
        if !keep_spare {
            unlink(node.spare.as_str()).ok();
        }
        if let Some(watch) = node.watch
            && self.kept.values().all(|other| other.watch != Some(watch))
        {
            // Gone by itself if the directory was removed.
            self.inotify.rm_watch(watch).ok();
        }
    }

    /// Takes what happened (never blocks): ports whose node is not where it was.
    pub fn changed(&mut self) -> BTreeSet<FdToken> {
        let mut touched = BTreeSet::new();
        while let Ok(events) = self.inotify.read_events() {
            if events.is_empty() {
                break;
            }
            for event in &events {
                let about = self.kept.iter().filter(|(_, node)| concerns(event, node)).map(|(port, _)| *port);
                touched.extend(about);
            }
        }
        touched.retain(|port| self.kept.get(port).is_some_and(|node| node_at(&node.path) != Ok(node.inode)));
        touched
    }

    /// Puts a node back.
    pub fn heal(&mut self, port: FdToken) -> Result<Healed> {
        let Some(node) = self.kept.get(&port) else {
            return Ok(Healed::There);
        };
        let (path, spare, known, mode) = (node.path.clone(), node.spare.clone(), node.inode, node.directory_mode);
        match lstat(path.as_str()) {
            Ok(stat) if inode(&stat) == known => return Ok(Healed::There),
            Ok(_) => return Ok(Healed::Replaced(path)),
            Err(_) => {}
        }
        files::make_parents(&path, mode);
        let result = linkat(AT_FDCWD, spare.as_str(), AT_FDCWD, path.as_str(), AtFlags::empty());
        // The directory may be a new one.
        let watch = self.watch(&path);
        if let Some(node) = self.kept.get_mut(&port) {
            node.watch = watch.ok();
        }
        result.map(|()| Healed::Back(path))
    }
}

impl AsFd for Nodes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// Whether an event may be about a node: its name in its directory, the directory itself, or events
/// that were lost.
fn concerns(event: &InotifyEvent, node: &Node) -> bool {
    if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
        return true;
    }
    let name = event.name.as_deref().map(Path::new);
    let same = name.is_none_or(|name| Path::new(&node.path).file_name() == Some(name.as_os_str()));
    Some(event.wd) == node.watch && same
}

/// A hidden name in the directory of a node.
fn beside(path: &str) -> Option<String> {
    let (directory, name) = path.rsplit_once('/')?;
    Some(format!("{directory}/.{name}.porterd"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::PathBuf;

    /// Two directories: where nodes are, and where spares are.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Place {
            let place = std::env::temp_dir().join(format!("porterd-nodes-{name}-{}", std::process::id()));
            std::fs::create_dir_all(place.join("spares")).unwrap();
            std::fs::create_dir_all(place.join("d")).unwrap();
            Place(place)
        }

        fn path(&self, name: &str) -> String {
            self.0.join(name).to_str().unwrap().to_owned()
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    const PORT: FdToken = FdToken(7);

    #[test]
    fn what_is_queued_survives_the_removal() {
        let place = Place::new("queued");
        let (path, spares) = (place.path("d/s"), place.0.join("spares"));
        let listener = UnixListener::bind(&path).unwrap();
        let mut nodes = Nodes::new().unwrap();
        nodes.keep(PORT, &path, &spares, "a.socket.0", 0o755).unwrap();
        UnixStream::connect(&path).unwrap().write_all(b"before").unwrap();
        assert!(nodes.changed().is_empty());
        std::fs::remove_file(&path).unwrap();
        assert_eq!(nodes.changed(), BTreeSet::from([PORT]));
        assert_eq!(nodes.heal(PORT), Ok(Healed::Back(path.clone())));
        assert_eq!(nodes.heal(PORT), Ok(Healed::There));
        assert!(nodes.changed().is_empty());
        UnixStream::connect(&path).unwrap().write_all(b"after").unwrap();
        let mut texts = Vec::new();
        for _ in 0..2 {
            let mut text = String::new();
            listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
            texts.push(text);
        }
        assert_eq!(texts, ["before", "after"]);
        nodes.forget(PORT, false);
        assert_eq!(std::fs::read_dir(&spares).unwrap().count(), 0);
    }

    #[test]
    fn a_directory_that_was_removed_is_made_again_and_watched() {
        let place = Place::new("directory");
        let (path, spares) = (place.path("d/e/s"), place.0.join("spares"));
        std::fs::create_dir(place.0.join("d/e")).unwrap();
        let _listener = UnixListener::bind(&path).unwrap();
        let mut nodes = Nodes::new().unwrap();
        nodes.keep(PORT, &path, &spares, "a", 0o700).unwrap();
        for _ in 0..3 {
            std::fs::remove_dir_all(place.0.join("d")).unwrap();
            assert_eq!(nodes.changed(), BTreeSet::from([PORT]));
            assert_eq!(nodes.heal(PORT), Ok(Healed::Back(path.clone())));
            UnixStream::connect(&path).unwrap();
        }
    }

    #[test]
    fn somebody_elses_node_is_left_alone() {
        let place = Place::new("replaced");
        let (path, spares) = (place.path("d/s"), place.0.join("spares"));
        let _listener = UnixListener::bind(&path).unwrap();
        let mut nodes = Nodes::new().unwrap();
        nodes.keep(PORT, &path, &spares, "a", 0o755).unwrap();
        std::fs::write(place.path("other"), "mine").unwrap();
        std::fs::rename(place.path("other"), &path).unwrap();
        assert_eq!(nodes.changed(), BTreeSet::from([PORT]));
        assert_eq!(nodes.heal(PORT), Ok(Healed::Replaced(path.clone())));
        // Other names in the directory are nobody's business.
        std::fs::write(place.path("d/x"), "").unwrap();
        std::fs::remove_file(place.path("d/x")).unwrap();
        assert!(nodes.changed().is_empty());
        std::fs::remove_file(&path).unwrap();
        assert_eq!(nodes.changed(), BTreeSet::from([PORT]));
        assert_eq!(nodes.heal(PORT), Ok(Healed::Back(path)));
    }

    #[test]
    fn spares_of_an_earlier_run() {
        let place = Place::new("earlier");
        let (path, spares) = (place.path("d/s"), place.0.join("spares"));
        let listener = UnixListener::bind(&path).unwrap();
        let mut nodes = Nodes::new().unwrap();
        nodes.keep(PORT, &path, &spares, "a", 0o755).unwrap();
        nodes.forget(PORT, true);
        // The socket went on without us and lost its node: it is put back.
        std::fs::remove_file(&path).unwrap();
        nodes.keep(PORT, &path, &spares, "a", 0o755).unwrap();
        UnixStream::connect(&path).unwrap();
        nodes.forget(PORT, true);
        // Another socket is made there: the old spare means nothing.
        drop(listener);
        std::fs::remove_file(&path).unwrap();
        let _new = UnixListener::bind(&path).unwrap();
        nodes.keep(PORT, &path, &spares, "a", 0o755).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(nodes.heal(PORT), Ok(Healed::Back(path.clone())));
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn without_a_second_name_nothing_is_promised() {
        let place = Place::new("none");
        let spares = place.0.join("spares");
        let mut nodes = Nodes::new().unwrap();
        assert_eq!(nodes.keep(PORT, &place.path("d/none"), &spares, "a", 0o755), Err(Errno::ENOENT));
        std::fs::write(place.path("d/file"), "").unwrap();
        assert_eq!(nodes.keep(PORT, &place.path("d/file"), &spares, "a", 0o755), Err(Errno::EINVAL));
        // Both names gone: the kernel makes no third.
        let path = place.path("d/s");
        let _listener = UnixListener::bind(&path).unwrap();
        nodes.keep(PORT, &path, &spares, "a", 0o755).unwrap();
        std::fs::remove_file(spares.join("a")).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(nodes.changed(), BTreeSet::from([PORT]));
        assert_eq!(nodes.heal(PORT), Err(Errno::ENOENT));
    }
}
