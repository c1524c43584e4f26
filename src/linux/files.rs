//! Ports that are no sockets, and everything about nodes: parents, FIFOs, special files, message
//! queues, USB functions, links, owners, removal. Knows no unit.
#![allow(clippy::disallowed_methods)] // this layer touches files

use super::raw;
use crate::bounds::USB_FILE_BYTES_MAX;
use crate::plan::bind::{Remove, Symlink};
use nix::Result;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, FcntlArg, OFlag, fcntl, open};
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, UtimensatFlags, fchmodat, fstat, umask, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchown, getegid, geteuid, mkfifo, symlinkat, unlink};
use std::ffi::CString;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Puts the process's file creation mask back when it goes.
struct UmaskGuard(Mode);

impl Drop for UmaskGuard {
    fn drop(&mut self) {
        umask(self.0);
    }
}

/// Runs something under a file creation mask that leaves exactly `mode`'s permission bits. A mask,
/// and not a chmod(2) afterwards, because then there would be a moment with wrong permissions.
pub(super) fn creating<T>(mode: u32, work: impl FnOnce() -> T) -> T {
    let _guard = UmaskGuard(umask(Mode::from_bits_truncate(!mode & 0o777)));
    work()
}

/// Makes the missing directories above `path` with this mode. Failures do not matter here: what
/// needs the directory will fail and say so.
pub fn make_parents(path: &str, mode: u32) {
    let Some(parent) = Path::new(path).parent() else {
        return;
    };
    let mut missing = Vec::new();
    for directory in parent.ancestors() {
        if directory.as_os_str().is_empty() || directory.exists() {
            break;
        }
        missing.push(directory);
    }
    if missing.is_empty() {
        return;
    }
    creating(mode, || {
        for directory in missing.into_iter().rev() {
            let bits = Mode::from_bits_truncate(mode & 0o7777);
            match nix::unistd::mkdir(directory, bits) {
                // mkdir(2) leaves out the set-id bits.
                Ok(()) if mode & 0o6000 != 0 => {
                    fchmodat(AT_FDCWD, directory, bits, FchmodatFlags::FollowSymlink).unwrap_or_default();
                }
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(_) => return,
            }
        }
    });
}

/// Changes the times of a node: whoever waits for it with inotify wakes up.
pub fn touch(path: &str) -> Result<()> {
    let now = TimeSpec::UTIME_NOW;
    utimensat(AT_FDCWD, path, &now, &now, UtimensatFlags::NoFollowSymlink)
}

/// Owners besides our own that a FIFO or queue from an earlier run may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// User id.
    pub uid: Option<u32>,
    /// Group id.
    pub gid: Option<u32>,
}

/// Whether a node that may have been there before is what we would have made: its permission bits,
/// and either our owner or the one it is going to be given.
fn is_ours(stat: &FileStat, mode: u32, owner: Owner) -> bool {
    stat.st_mode & 0o777 == mode
        && (stat.st_uid == geteuid().as_raw() || Some(stat.st_uid) == owner.uid)
        && (stat.st_gid == getegid().as_raw() || Some(stat.st_gid) == owner.gid)
}

/// A FIFO, made if missing, open for reading and writing, so that writers never see EPIPE and
/// readers never see the end. EEXIST if something else is there.
pub fn fifo(path: &str, mode: u32, owner: Owner) -> Result<OwnedFd> {
    match creating(mode, || mkfifo(path, Mode::from_bits_truncate(mode & 0o7777))) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(errno) => return Err(errno),
    }
    let fd = open(path, OFlag::O_RDWR | OPEN_FLAGS, Mode::empty())?;
    let stat = fstat(&fd)?;
    if stat.st_mode & libc::S_IFMT != libc::S_IFIFO || !is_ours(&stat, mode, owner) {
        return Err(Errno::EEXIST);
    }
    Ok(fd)
}

const OPEN_FLAGS: OFlag = OFlag::O_NONBLOCK.union(OFlag::O_NOFOLLOW).union(OFlag::O_NOCTTY).union(OFlag::O_CLOEXEC);

/// An existing character device or regular file; EEXIST if it is anything else.
pub fn special(path: &str, writable: bool) -> Result<OwnedFd> {
    let access = if writable { OFlag::O_RDWR } else { OFlag::O_RDONLY };
    let fd = open(path, access | OPEN_FLAGS, Mode::empty())?;
    match fstat(&fd)?.st_mode & libc::S_IFMT {
        libc::S_IFREG | libc::S_IFCHR => Ok(fd),
        _ => Err(Errno::EEXIST),
    }
}

/// A POSIX message queue, made if missing; EEXIST if it has other permissions or owners.
pub fn message_queue(name: &str, mode: u32, attributes: Option<(i64, i64)>, owner: Owner) -> Result<OwnedFd> {
    let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
    let fd = creating(mode, || raw::mq_open(&name, mode & 0o7777, attributes))?;
    if is_ours(&fstat(&fd)?, mode, owner) { Ok(fd) } else { Err(Errno::EEXIST) }
}

/// `F_SETPIPE_SZ`
pub fn pipe_size(fd: impl AsFd, bytes: u64) -> Result<()> {
    let bytes = i32::try_from(bytes).map_err(|_| Errno::ERANGE)?;
    fcntl(fd, FcntlArg::F_SETPIPE_SZ(bytes)).map(drop)
}

/// A FunctionFS directory: descriptors and strings go into `ep0`, then every other entry is an
/// endpoint, in name order. `ep0` comes first in the answer.
pub fn usb_function(directory: &str, descriptors: &str, strings: &str) -> Result<Vec<OwnedFd>> {
    if descriptors.is_empty() || strings.is_empty() {
        return Err(Errno::EINVAL);
    }
    let control = open_endpoint(&format!("{directory}/ep0"))?;
    for source in [descriptors, strings] {
        let content = read_bounded(source)?;
        // One write: FunctionFS parses each write as a whole.
        if nix::unistd::write(&control, &content)? != content.len() {
            return Err(Errno::EIO);
        }
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(errno_of)? {
        let name = entry.map_err(errno_of)?.file_name().into_string().map_err(|_| Errno::EILSEQ)?;
        if !name.starts_with('.') && name != "ep0" {
            names.push(name);
        }
    }
    names.sort();
    let mut fds = vec![control];
    for name in names {
        fds.push(open_endpoint(&format!("{directory}/{name}"))?);
    }
    Ok(fds)
}

fn open_endpoint(path: &str) -> Result<OwnedFd> {
    let fd = open(path, OFlag::O_RDWR | OPEN_FLAGS, Mode::empty())?;
    if fstat(&fd)?.st_mode & libc::S_IFMT == libc::S_IFREG { Ok(fd) } else { Err(Errno::EEXIST) }
}

fn read_bounded(path: &str) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    let file = std::fs::File::open(path).map_err(errno_of)?;
    file.take(USB_FILE_BYTES_MAX as u64 + 1).read_to_end(&mut content).map_err(errno_of)?;
    if content.len() > USB_FILE_BYTES_MAX { Err(Errno::EFBIG) } else { Ok(content) }
}

/// The errno inside an I/O error.
pub(super) fn errno_of(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
}

/// Makes a link and its parents. A link that already leads there is fine; anything else is in the
/// way unless it may be replaced.
pub fn symlink(wanted: &Symlink) -> Result<()> {
    let (link, target) = (&*wanted.link, &*wanted.target);
    make_parents(link, wanted.directory_mode);
    match symlinkat(target, AT_FDCWD, link) {
        Err(Errno::EEXIST) => {}
        result => return result,
    }
    if std::fs::read_link(link).is_ok_and(|there| there == Path::new(target)) {
        return Ok(());
    }
    if !wanted.replace {
        return Err(Errno::EEXIST);
    }
    unlink(link)?;
    symlinkat(target, AT_FDCWD, link)
}

/// Takes away a node, link or queue. What is already gone is no error.
pub fn remove(what: &Remove) -> Result<()> {
    let result = match what {
        Remove::Node(path) => unlink(&**path),
        Remove::MessageQueue(name) => nix::mqueue::mq_unlink(&**name),
    };
    if result == Err(Errno::ENOENT) { Ok(()) } else { result }
}

/// Puts a file where nobody can read half of it: a new one beside it takes its place.
pub fn replace(path: &str, content: &[u8]) -> Result<()> {
    let (directory, name) = path.rsplit_once('/').ok_or(Errno::EINVAL)?;
    let new = format!("{directory}/.{name}.new");
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let make = || creating(0o644, || open(new.as_str(), flags, Mode::from_bits_truncate(0o644)));
    let file = match make() {
        // Left by a run that was killed here.
        Err(Errno::EEXIST) => unlink(new.as_str()).and_then(|()| make())?,
        made => made?,
    };
    let written = nix::unistd::write(&file, content).and_then(|written| {
        if written == content.len() {
            nix::fcntl::renameat(AT_FDCWD, new.as_str(), AT_FDCWD, path)
        } else {
            Err(Errno::EIO)
        }
    });
    if written.is_err() {
        unlink(new.as_str()).ok();
    }
    written
}

/// Changes the permissions of a node (links are followed).
pub fn chmod(path: &str, mode: u32) -> Result<()> {
    let mode = Mode::from_bits_truncate(mode);
    nix::sys::stat::fchmodat(AT_FDCWD, path, mode, nix::sys::stat::FchmodatFlags::FollowSymlink)
}

/// The same for what a descriptor leads to (FIFOs, message queues).
pub fn chmod_fd(fd: impl AsFd, mode: u32) -> Result<()> {
    nix::sys::stat::fchmod(fd, Mode::from_bits_truncate(mode))
}

/// Changes the owner of a node (links are followed); `None` leaves it alone.
pub fn chown(path: &str, owner: Owner) -> Result<()> {
    nix::unistd::chown(path, owner.uid.map(Uid::from_raw), owner.gid.map(Gid::from_raw))
}

/// Changes the owner of a message queue, which has no path.
pub fn chown_queue(name: &str, owner: Owner) -> Result<()> {
    let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
    let fd = raw::mq_open(&name, 0, None)?;
    fchown(fd, owner.uid.map(Uid::from_raw), owner.gid.map(Gid::from_raw))
}
