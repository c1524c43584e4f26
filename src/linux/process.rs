//! Processes other than ourselves: watching, signalling, collecting, and finding those of a unit
//! where there are no cgroups. Knows pids and descriptors, not what they are for.
#![allow(clippy::disallowed_methods)] // /proc is read here and nowhere else

use super::raw::{self, Whom};
use crate::bounds::{ENVIRON_BYTES_MAX, KILL_ROUNDS_MAX};
use nix::errno::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

/// Orphans among our descendants become our children (`PR_SET_CHILD_SUBREAPER`).
pub fn become_subreaper() -> Result<(), Errno> {
    nix::sys::prctl::set_child_subreaper(true)
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// exit(n)
    Code(u8),
    /// Killed by a signal.
    Signal(u8),
    /// Killed by a signal, with a core dump.
    Dumped(u8),
}

/// A process that is held by a descriptor, so that its pid cannot come to mean another one.
#[derive(Debug)]
pub struct Process {
    /// Its pid.
    pub pid: i32,
    /// Readable once it has ended.
    pub pidfd: OwnedFd,
}

impl Process {
    /// Takes hold of a process that exists already. The caller checks afterwards that it is the one
    /// that was meant: the pid may have been reused a moment ago.
    pub fn adopt(pid: i32) -> Result<Process, Errno> {
        Ok(Process { pid, pidfd: raw::pidfd_open(pid)? })
    }

    /// See [`send_signal`].
    pub fn signal(&self, signal: i32) -> Result<(), Errno> {
        send_signal(self.pidfd.as_fd(), signal)
    }

    /// See [`try_wait_for`].
    pub fn try_wait(&self) -> Result<Option<Exit>, Errno> {
        try_wait_for(self.pidfd.as_fd())
    }
}

/// Sends a signal to the process of a pidfd. `ESRCH`: it has ended.
pub fn send_signal(pidfd: BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    raw::pidfd_send_signal(pidfd, signal)
}

/// Sends a signal to a child of ours that has not been collected: until then its pid is its own.
pub fn signal_child(pid: i32, signal: i32) -> Result<(), Errno> {
    raw::kill(pid, signal)
}

/// Collects a child that has ended. `None`: it still runs. `ECHILD`: not our child, or collected before.
pub fn try_wait(pid: i32) -> Result<Option<Exit>, Errno> {
    Ok(raw::wait(Whom::Pid(pid))?.map(exit_of))
}

/// Collects the process of a pidfd if it is a child of ours that has ended. `None`: it still runs. `ECHILD`: not
/// our child (or collected before), nobody can say how it ended.
pub fn try_wait_for(pidfd: BorrowedFd<'_>) -> Result<Option<Exit>, Errno> {
    Ok(raw::wait(Whom::Pidfd(pidfd))?.map(exit_of))
}

/// What a sweep left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// Its budget is used; more may have ended.
    More,
    /// Children that live.
    Others,
    /// No child at all.
    Nobody,
}

/// Collects children that have ended, whoever they are, at most `budget`.
pub fn sweep(budget: usize, ended: &mut Vec<(i32, Exit)>) -> Sweep {
    for _ in 0..budget {
        match raw::wait(Whom::Any) {
            Ok(Some(child)) => ended.push((child.pid, exit_of(child))),
            Ok(None) => return Sweep::Others,
            // ECHILD; nothing else can be with these arguments.
            Err(_) => return Sweep::Nobody,
        }
    }
    Sweep::More
}

fn exit_of(ended: raw::Ended) -> Exit {
    let number = ended.status as u8;
    match ended.code {
        libc::CLD_KILLED => Exit::Signal(number),
        libc::CLD_DUMPED => Exit::Dumped(number),
        _ => Exit::Code(number),
    }
}

/// Whether the process of a pidfd has ended; works for processes that are not our children.
pub fn has_ended(pidfd: BorrowedFd<'_>) -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let mut fds = [PollFd::new(pidfd, PollFlags::POLLIN)];
    matches!(poll(&mut fds, PollTimeout::ZERO), Ok(1))
}

/// The kernel's list of our children. It is kept open, because it is asked again and again.
#[derive(Debug)]
pub struct Children(Option<File>);

impl Children {
    /// Of the main thread, which is the one that gets orphans.
    pub fn open() -> Children {
        Children(File::open(format!("/proc/self/task/{}/children", std::process::id())).ok())
    }

    /// All of them, ended ones included. `None` where the kernel does not list them.
    fn list(&self) -> Option<Vec<i32>> {
        let file = self.0.as_ref()?;
        let mut text = Vec::new();
        let mut page = [0; 4096];
        loop {
            match file.read_at(&mut page, text.len() as u64) {
                Ok(0) => break,
                Ok(count) => text.extend_from_slice(&page[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        let words = text.split(|b| *b == b' ');
        Some(words.filter_map(|word| std::str::from_utf8(word).ok()?.parse().ok()).collect())
    }

    /// Whether there is one that nobody tracks. Where the kernel does not say: perhaps.
    pub fn has_strangers(&self, tracked: impl Fn(i32) -> bool) -> bool {
        self.list().is_none_or(|all| all.into_iter().any(|pid| !tracked(pid)))
    }
}

/// What `/proc/PID/stat` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Name, at most 15 bytes.
    pub comm: String,
    /// State letter: `R`, `S`, `Z`, …
    pub state: char,
    /// Parent.
    pub parent: i32,
    /// Process group.
    pub group: i32,
    /// Session.
    pub session: i32,
    /// It is a kernel thread.
    pub kernel: bool,
}

impl Stat {
    /// It has ended and only waits to be collected.
    pub fn is_gone(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }
}

/// Facts about a process; `None` if it does not exist or may not be seen.
pub fn stat(pid: i32) -> Option<Stat> {
    parse_stat(&read_bounded(&format!("/proc/{pid}/stat"))?)
}

fn parse_stat(bytes: &[u8]) -> Option<Stat> {
    const PF_KTHREAD: u64 = 0x0020_0000;
    let text = String::from_utf8_lossy(bytes);
    // The name may hold blanks and parentheses; nothing after it does.
    let (open, close) = (text.find('(')?, text.rfind(')')?);
    let mut rest = text.get(close + 1..)?.split_ascii_whitespace();
    let state = rest.next()?.chars().next()?;
    let mut number = || rest.next()?.parse::<i64>().ok();
    let (parent, group, session, _tty, _tty_group, flags) =
        (number()?, number()?, number()?, number()?, number()?, number()?);
    Some(Stat {
        comm: text.get(open + 1..close)?.to_owned(),
        state,
        parent: parent as i32,
        group: group as i32,
        session: session as i32,
        kernel: flags as u64 & PF_KTHREAD != 0,
    })
}

/// Parent of a process.
pub fn parent(pid: i32) -> Option<i32> {
    stat(pid).map(|s| s.parent)
}

/// Name of a process.
pub fn comm(pid: i32) -> Option<String> {
    stat(pid).map(|s| s.comm)
}

/// Arguments of a process; empty for a kernel thread or one that has ended.
pub fn cmdline(pid: i32) -> Option<Vec<String>> {
    let bytes = read_bounded(&format!("/proc/{pid}/cmdline"))?;
    let words = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
    if words.is_empty() {
        return Some(Vec::new());
    }
    Some(words.split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect())
}

/// Whether the initial environment of a process holds `NAME=VALUE`.
pub fn has_variable(pid: i32, entry: &str) -> bool {
    read_bounded(&format!("/proc/{pid}/environ"))
        .is_some_and(|bytes| bytes.split(|b| *b == 0).any(|e| e == entry.as_bytes()))
}

fn read_bounded(path: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(ENVIRON_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// All processes we can see.
pub fn snapshot() -> BTreeMap<i32, Stat> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return BTreeMap::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(|pid| Some((pid, stat(pid)?)))
        .collect()
}

/// By what the processes of a unit are known where there is no cgroup.
#[derive(Clone, Copy, Debug)]
pub struct Roots<'a> {
    /// Main and control processes that have not been collected yet.
    pub alive: &'a [i32],
    /// Those that have: their sessions may outlive them.
    pub past: &'a [i32],
    /// `INVOCATION_ID=…` as it stands in the environment.
    pub invocation: Option<&'a str>,
}

/// The processes of a unit: its roots, everything that descends from them, their sessions and
/// process groups, and orphans (children of ours) that carry the invocation. Ascending; without
/// ourselves, kernel threads and what has ended.
pub fn members(roots: &Roots<'_>) -> Vec<i32> {
    let me = std::process::id() as i32;
    members_in(&snapshot(), roots, me, |pid| roots.invocation.is_some_and(|entry| has_variable(pid, entry)))
}

fn members_in(all: &BTreeMap<i32, Stat>, roots: &Roots<'_>, me: i32, carries: impl Fn(i32) -> bool) -> Vec<i32> {
    let ours = all.get(&me).map_or((0, 0), |s| (s.group, s.session));
    let mut groups: BTreeSet<i32> = BTreeSet::new();
    let mut sessions: BTreeSet<i32> = BTreeSet::new();
    for stat in roots.alive.iter().filter_map(|pid| all.get(pid)) {
        groups.insert(stat.group);
        sessions.insert(stat.session);
    }
    // A root that was not given a session of its own shares ours; that says nothing.
    for foreign in [0, ours.0, ours.1] {
        groups.remove(&foreign);
        sessions.remove(&foreign);
    }
    let mut found: BTreeSet<i32> = BTreeSet::new();
    // Each pass adds at least one process or is the last.
    loop {
        let before = found.len();
        for (pid, stat) in all {
            if *pid == me || stat.kernel || found.contains(pid) {
                continue;
            }
            let known = roots.alive.contains(pid)
                || found.contains(&stat.parent)
                || groups.contains(&stat.group)
                || sessions.contains(&stat.session);
            // A number of the past may have been given to somebody else: the environment decides.
            let maybe = stat.parent == me
                || roots.past.contains(&stat.session)
                || roots.past.contains(&stat.group)
                || roots.past.contains(&stat.parent);
            if known || (maybe && carries(*pid)) {
                found.insert(*pid);
            }
        }
        if found.len() == before {
            break;
        }
    }
    found.into_iter().filter(|pid| all.get(pid).is_some_and(|s| !s.is_gone())).collect()
}

/// Sends signals, in order, to every process that `list` names and its own repetition still finds,
/// until no new one shows up. Answers who was signalled. `spare` are left out (already signalled).
pub fn kill_all(mut list: impl FnMut() -> Vec<i32>, signals: &[i32], spare: &[i32]) -> Vec<i32> {
    let me = std::process::id() as i32;
    let mut seen: BTreeSet<i32> = spare.iter().copied().chain([me]).collect();
    let mut signalled = Vec::new();
    for _ in 0..KILL_ROUNDS_MAX {
        let fresh: Vec<i32> = list().into_iter().filter(|pid| *pid > 1 && !seen.contains(pid)).collect();
        if fresh.is_empty() {
            break;
        }
        for pid in fresh {
            seen.insert(pid);
            let Ok(pidfd) = raw::pidfd_open(pid) else {
                continue;
            };
            let sent = signals.iter().filter(|s| raw::pidfd_send_signal(pidfd.as_fd(), **s).is_ok()).count();
            if sent > 0 {
                signalled.push(pid);
            }
        }
    }
    signalled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(parent: i32, group: i32, session: i32) -> Stat {
        Stat { comm: "x".into(), state: 'S', parent, group, session, kernel: false }
    }

    #[test]
    fn a_name_cannot_fool_the_parser() {
        let line = b"77 (a) Z 1 (b c) S 5 6 7 0 -1 4194304 1 2 3";
        let stat = parse_stat(line).unwrap();
        assert_eq!((stat.comm.as_str(), stat.state), ("a) Z 1 (b c", 'S'));
        assert_eq!((stat.parent, stat.group, stat.session, stat.kernel), (5, 6, 7, false));
    }

    #[test]
    fn members_are_found_by_ancestry_session_group_and_environment() {
        let all: BTreeMap<i32, Stat> = [
            (2, Stat { kernel: true, ..row(0, 0, 0) }),
            (10, row(1, 10, 10)),                         // ourselves
            (20, row(10, 20, 20)),                        // main
            (21, row(20, 21, 21)),                        // its child with a session of its own
            (22, row(21, 22, 22)),                        // grandchild
            (23, row(1, 20, 20)),                         // orphan in the session
            (24, row(10, 24, 24)),                        // orphan that is ours, by environment
            (25, row(10, 25, 25)),                        // somebody else's child of ours
            (26, Stat { state: 'Z', ..row(20, 20, 20) }), // ended
            (27, row(10, 10, 10)),                        // in our own session
        ]
        .into();
        let roots = Roots { alive: &[20], past: &[], invocation: None };
        assert_eq!(members_in(&all, &roots, 10, |pid| pid == 24), [20, 21, 22, 23, 24]);
    }

    #[test]
    fn a_number_of_the_past_needs_the_environment() {
        let all: BTreeMap<i32, Stat> = [(10, row(1, 10, 10)), (30, row(1, 20, 20)), (31, row(1, 20, 20))].into();
        let roots = Roots { alive: &[], past: &[20], invocation: None };
        assert_eq!(members_in(&all, &roots, 10, |pid| pid == 31), [31]);
    }

    #[test]
    fn we_can_be_read() {
        let me = std::process::id() as i32;
        let all = snapshot();
        assert_eq!(all.get(&me).map(|s| s.parent), parent(me));
        assert!(cmdline(me).is_some_and(|words| !words.is_empty()));
    }

    #[test]
    fn killing_stops_when_nobody_new_appears_and_spares_us() {
        let me = std::process::id() as i32;
        let mut rounds = 0;
        let signalled = kill_all(
            || {
                rounds += 1;
                vec![me, 1]
            },
            &[0],
            &[],
        );
        assert_eq!((signalled.len(), rounds), (0, 1));
    }
}
