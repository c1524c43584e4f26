//! Which cgroup of the version 2 hierarchy this process runs in, and whether it is ours to divide.
//! Reads; changes nothing.
#![allow(clippy::disallowed_methods)] // /proc and the hierarchy itself are what this is about

use nix::errno::Errno;
use std::path::{Path, PathBuf};

/// The group into which porterd moves itself: a group with controllers enabled for its children may
/// hold no processes.
pub(super) const LEAF: &str = "porterd.scope";

/// Why there is no subtree for us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Nowhere mounted, or not where this process lives.
    #[error("no cgroup v2 hierarchy is mounted that shows the group of this process")]
    NoHierarchy,
    /// It belongs to systemd, which has not handed it over.
    #[error("cgroup {} is managed by systemd and not delegated; set Delegate=yes in the unit that runs porterd", .0.display())]
    NotDelegated(PathBuf),
    /// It holds threads of a process elsewhere.
    #[error("cgroup {} is of type \"{}\", not \"domain\"", .0.display(), .1)]
    Threaded(PathBuf, String),
    /// The kernel refused to let us work in it.
    #[error("cgroup {}: cannot make groups in it: {}", .0.display(), .1.desc())]
    Refused(PathBuf, Errno),
}

/// The group we may divide.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Own {
    pub(super) path: PathBuf,
    /// The topmost group of the machine: it may hold processes and have controllers.
    pub(super) topmost: bool,
}

pub(super) fn own() -> Result<Own, Unavailable> {
    let text = |path| std::fs::read_to_string(path).map_err(|_| Unavailable::NoHierarchy);
    let path = locate(&text("/proc/self/mountinfo")?, &text("/proc/self/cgroup")?).ok_or(Unavailable::NoHierarchy)?;
    let kind = std::fs::read_to_string(path.join("cgroup.type")).ok();
    let kind = kind.as_deref().map(str::trim);
    if let Some(kind) = kind
        && kind != "domain"
    {
        return Err(Unavailable::Threaded(path, kind.to_owned()));
    }
    if is_systemds() && !is_delegated(&path) {
        return Err(Unavailable::NotDelegated(path));
    }
    Ok(Own { topmost: kind.is_none(), path })
}

/// Whether the hierarchy has systemd for its one writer. The directory alone says that it was booted
/// somewhere; in a container that shares /run it is not the process that would mind.
fn is_systemds() -> bool {
    let init = std::fs::read_to_string("/proc/1/comm");
    Path::new("/run/systemd/system").is_dir() && init.is_ok_and(|comm| comm.trim_end() == "systemd")
}

/// systemd marks what it delegates.
fn is_delegated(path: &Path) -> bool {
    let Ok(directory) = std::fs::File::open(path) else {
        return false;
    };
    [c"trusted.delegate", c"user.delegate"].iter().any(|name| {
        let mut value = [0; 8];
        let fd = std::os::fd::AsFd::as_fd(&directory);
        super::raw::fgetxattr(fd, name, &mut value).is_ok_and(|n| value.get(..n) == Some(&b"1"[..]))
    })
}

/// Directory of our group: our path in the hierarchy, seen through one of its mounts. The leaf in
/// which an earlier run put us counts as its parent.
fn locate(mountinfo: &str, cgroup: &str) -> Option<PathBuf> {
    let own = cgroup.lines().find_map(|line| line.strip_prefix("0::"))?;
    let own = Path::new(own);
    // Outside of our cgroup namespace.
    if own.components().any(|part| part == std::path::Component::ParentDir) {
        return None;
    }
    let own = match own.file_name() {
        Some(name) if name == LEAF => own.parent()?,
        _ => own,
    };
    mountinfo.lines().find_map(|line| {
        let (front, back) = line.split_once(" - ")?;
        if back.split(' ').next() != Some("cgroup2") {
            return None;
        }
        let mut fields = front.split(' ').skip(3);
        let (root, point) = (unescape(fields.next()?), unescape(fields.next()?));
        let below = own.strip_prefix(&root).ok()?;
        // Joining nothing would add a slash.
        Some(if below.as_os_str().is_empty() { point.into() } else { Path::new(&point).join(below) })
    })
}

/// Blanks and the like stand as `\040` in mountinfo.
fn unescape(field: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(field.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PURE: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
    const HYBRID: &str = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n\
        35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

    #[test]
    fn pure_and_hybrid_layouts_are_understood() {
        let at = |mounts, cgroup| locate(mounts, cgroup).map(|p| p.to_str().unwrap().to_owned());
        assert_eq!(
            at(PURE, "0::/system.slice/porterd.service\n").as_deref(),
            Some("/sys/fs/cgroup/system.slice/porterd.service")
        );
        assert_eq!(at(HYBRID, "8:pids:/x\n0::/\n").as_deref(), Some("/sys/fs/cgroup/unified"));
        assert_eq!(at(PURE, "0::/a/porterd.scope\n").as_deref(), Some("/sys/fs/cgroup/a"));
    }

    #[test]
    fn a_bind_mount_shows_only_its_part() {
        let part = "30 23 0:26 /box /mnt/my\\040cgroup rw - cgroup2 cgroup2 rw\n";
        assert_eq!(locate(part, "0::/box/inner\n"), Some("/mnt/my cgroup/inner".into()));
        assert_eq!(locate(part, "0::/elsewhere\n"), None);
    }

    #[test]
    fn what_lies_outside_the_namespace_or_in_version_1_is_not_ours() {
        assert_eq!(locate(PURE, "0::/../neighbour\n"), None);
        assert_eq!(locate("35 31 0:32 / /c rw - cgroup cgroup rw,memory\n", "0::/\n"), None);
        assert_eq!(locate(PURE, "8:pids:/x\n"), None);
    }
}
