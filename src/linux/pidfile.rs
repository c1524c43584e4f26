//! `PIDFile=`: reads one, judges whether the process it names may be the main process of a service,
//! and waits for one that is not there yet. Knows no units: who belongs to one is asked.

use super::process::{self, Process};
use crate::bounds::{PID_FILE_BYTES_MAX, PID_FILE_LINKS_MAX};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat, readlinkat};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// Why a PID file names no main process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It cannot be read; with `ENOENT` it may still come.
    #[error("PID file {} cannot be read: {}", .0.display(), .1.desc())]
    Unreadable(PathBuf, Errno),
    /// Its first line is no number.
    #[error("PID file {}: its first line is not a process id", .0.display())]
    Garbage(PathBuf),
    /// The number of init, of porterd, or of the control process.
    #[error("PID file {} names process {}, which cannot be the main process", .0.display(), .1)]
    Impossible(PathBuf, i32),
    /// There is no such process any more.
    #[error("PID file {} names process {}, which does not run", .0.display(), .1)]
    Dead(PathBuf, i32),
    /// A process outside of the unit, named by a file that root did not write.
    #[error("PID file {} names process {}, which is not part of the unit, and root does not own the file", .0.display(), .1)]
    Foreign(PathBuf, i32),
    /// A process outside of the unit, and somebody but root could have led us to this file.
    #[error("PID file {} names process {}, which is not part of the unit, and the way to the file can be changed by an unprivileged user", .0.display(), .1)]
    UnsafePath(PathBuf, i32),
}

/// Reads a PID file and takes hold of the process it names. `control` is the control process, which
/// cannot be the main one; `in_unit` says who belongs to the unit.
pub fn read(path: &Path, control: Option<i32>, in_unit: impl FnOnce(i32) -> bool) -> Result<Process, Refusal> {
    let unreadable = |errno| Refusal::Unreadable(path.to_owned(), errno);
    let found = follow(path).map_err(unreadable)?;
    let pid = parse(&content(&found.file).map_err(unreadable)?).ok_or_else(|| Refusal::Garbage(path.to_owned()))?;
    if pid == 1 || pid == std::process::id() as i32 || Some(pid) == control {
        return Err(Refusal::Impossible(path.to_owned(), pid));
    }
    // First hold, then look: what is true of the pid now stays true of the pidfd.
    let dead = || Refusal::Dead(path.to_owned(), pid);
    let process = Process::adopt(pid).map_err(|_| dead())?;
    if process::stat(pid).is_none_or(|stat| stat.is_gone()) {
        return Err(dead());
    }
    if in_unit(pid) {
        return Ok(process);
    }
    if !found.safe {
        return Err(Refusal::UnsafePath(path.to_owned(), pid));
    }
    match found.stat.st_uid {
        0 => Ok(process),
        _ => Err(Refusal::Foreign(path.to_owned(), pid)),
    }
}

/// A decimal number on the first line, above 0.
fn parse(bytes: &[u8]) -> Option<i32> {
    let line = std::str::from_utf8(bytes).ok()?.lines().next()?.trim();
    line.parse().ok().filter(|pid| *pid > 0)
}

fn content(file: &OwnedFd) -> Result<Vec<u8>, Errno> {
    // The descriptor only names the file (O_PATH); this opens the same one for reading.
    let again = format!("/proc/self/fd/{}", file.as_raw_fd());
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let readable = openat(AT_FDCWD, again.as_str(), flags, Mode::empty())?;
    let mut bytes = vec![0; PID_FILE_BYTES_MAX];
    let n = nix::unistd::read(&readable, &mut bytes)?;
    bytes.truncate(n);
    Ok(bytes)
}

struct Found {
    file: OwnedFd,
    stat: FileStat,
    /// Nobody but root, and the owner of the file, could have changed the way to it.
    safe: bool,
}

/// Walks to a file, through symbolic links, and watches who owns the way.
fn follow(path: &Path) -> Result<Found, Errno> {
    let named = OFlag::O_PATH | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
    let open = |directory: BorrowedFd<'_>, name: &Path| openat(directory, name, named, Mode::empty());
    let parts = |path: &Path| -> VecDeque<OsString> {
        let kept = |part: &Component<'_>| matches!(part, Component::Normal(_) | Component::ParentDir);
        path.components().filter(kept).map(|part| part.as_os_str().to_owned()).collect()
    };
    let mut todo = parts(path);
    let mut file = open(AT_FDCWD, Path::new("/"))?;
    let mut stat = fstat(&file)?;
    let mut safe = true;
    let mut links = 0;
    while let Some(name) = todo.pop_front() {
        let next = open(file.as_fd(), Path::new(&name))?;
        let next_stat = fstat(&next)?;
        // From what a user owns the way may only lead to what the same user owns.
        safe &= stat.st_uid == 0 || stat.st_uid == next_stat.st_uid;
        let kind = SFlag::from_bits_truncate(next_stat.st_mode) & SFlag::S_IFMT;
        if kind != SFlag::S_IFLNK {
            (file, stat) = (next, next_stat);
            continue;
        }
        links += 1;
        if links > PID_FILE_LINKS_MAX {
            return Err(Errno::ELOOP);
        }
        let target = PathBuf::from(readlinkat(&next, "")?);
        if target.is_absolute() {
            file = open(AT_FDCWD, Path::new("/"))?;
        }
        // The link's owner decided where to go on from here.
        stat = next_stat;
        let mut way = parts(&target);
        way.append(&mut todo);
        todo = way;
    }
    let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
    if kind == SFlag::S_IFREG { Ok(Found { file, stat, safe }) } else { Err(Errno::EINVAL) }
}

/// Waits for a PID file. Read the file after making this and after each change, not before.
#[derive(Debug)]
pub struct Watch {
    path: PathBuf,
    inotify: Inotify,
    armed: Option<(PathBuf, WatchDescriptor)>,
}

impl Watch {
    /// Watches the directory of the file, or the nearest one above it that exists.
    pub fn new(path: &Path) -> Result<Watch, Errno> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let mut watch = Watch { path: path.to_owned(), inotify, armed: None };
        watch.arm()?;
        Ok(watch)
    }

    /// Readable when something happened there.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }

    /// Takes what happened (never blocks) and follows a directory that has come into being. Whether
    /// it is worth while to read the file again.
    pub fn changed(&mut self) -> Result<bool, Errno> {
        let mut any = false;
        while let Ok(events) = self.inotify.read_events() {
            any |= !events.is_empty();
        }
        if any {
            self.arm()?;
        }
        Ok(any)
    }

    fn arm(&mut self) -> Result<(), Errno> {
        let what = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_MODIFY
            | AddWatchFlags::IN_ATTRIB
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_ONLYDIR;
        for directory in self.path.ancestors().skip(1) {
            match self.inotify.add_watch(directory, what) {
                Err(Errno::ENOENT | Errno::ENOTDIR) => continue,
                Err(errno) => return Err(errno),
                Ok(watch) => {
                    let before = self.armed.replace((directory.to_owned(), watch));
                    if let Some((_, old)) = before
                        && old != watch
                    {
                        // Gone by itself if the directory was removed.
                        let _gone = self.inotify.rm_watch(old);
                    }
                    return Ok(());
                }
            }
        }
        Err(Errno::ENOENT)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)] // real files
    use super::*;

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("porterd-pidfile-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn only_the_first_line_counts() {
        assert_eq!(parse(b"123\nrest"), Some(123));
        assert_eq!(parse(b" 7 \n"), Some(7));
        for garbage in [&b""[..], b"\n12", b"0\n", b"-4\n", b"12 13\n", b"x\n", b"\xff\n", b"99999999999\n"] {
            assert_eq!(parse(garbage), None, "{garbage:?}");
        }
    }

    #[test]
    fn bad_files_are_refused_with_the_reason() {
        let directory = directory("bad");
        let file = directory.join("pid");
        let read = |content: &str| {
            std::fs::write(&file, content).unwrap();
            super::read(&file, None, |_| true).map(|p| p.pid)
        };
        let me = std::process::id() as i32;
        assert_eq!(read("what\n"), Err(Refusal::Garbage(file.clone())));
        assert_eq!(read("1\n"), Err(Refusal::Impossible(file.clone(), 1)));
        assert_eq!(read(&format!("{me}\n")), Err(Refusal::Impossible(file.clone(), me)));
        assert_eq!(read("999999999\n"), Err(Refusal::Dead(file.clone(), 999_999_999)));
        let parent = std::os::unix::process::parent_id() as i32;
        assert_eq!(read(&format!("{parent}\n")), Ok(parent));
        std::fs::remove_file(&file).unwrap();
        let missing = super::read(&file, None, |_| true).unwrap_err();
        assert_eq!(missing, Refusal::Unreadable(file, Errno::ENOENT));
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_stranger_is_accepted_only_from_root_over_a_safe_way() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let directory = directory("owner");
        let (file, link) = (directory.join("pid"), directory.join("link"));
        let parent = std::os::unix::process::parent_id() as i32;
        std::fs::write(&file, format!("{parent}\n")).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let read = |path: &Path| super::read(path, None, |_| false).map(|p| p.pid);
        assert_eq!(read(&file), Ok(parent));
        assert_eq!(read(&link), Ok(parent));
        std::os::unix::fs::lchown(&link, Some(12345), None).unwrap();
        assert_eq!(read(&link), Err(Refusal::UnsafePath(link.clone(), parent)));
        std::os::unix::fs::chown(&file, Some(12345), None).unwrap();
        assert_eq!(read(&file), Err(Refusal::Foreign(file.clone(), parent)));
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn links_in_a_circle_end() {
        let directory = directory("circle");
        let link = directory.join("link");
        std::os::unix::fs::symlink(&link, &link).unwrap();
        assert_eq!(follow(&link).err(), Some(Errno::ELOOP));
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_file_is_noticed_even_if_its_directories_come_later() {
        let directory = directory("later");
        let file = directory.join("a/b/pid");
        let mut watch = Watch::new(&file).unwrap();
        assert_eq!(watch.changed(), Ok(false));
        std::fs::create_dir_all(directory.join("a/b")).unwrap();
        assert_eq!(watch.changed(), Ok(true));
        assert!(!file.exists());
        std::fs::write(&file, "1\n").unwrap();
        assert_eq!(watch.changed(), Ok(true));
        assert_eq!(watch.changed(), Ok(false));
        std::fs::remove_dir_all(directory).unwrap();
    }
}
