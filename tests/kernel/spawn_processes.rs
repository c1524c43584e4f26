//! Watching, signalling, finding and collecting processes, and the groups they live in.

use super::{Case, Guard, c, null, wait};
use nix::errno::Errno;
use porterd::linux::cgroup::Tree;
use porterd::linux::clone;
use porterd::linux::process::{self, Exit, Process, Roots};
use porterd::plan::program::{Pace, Slot, Step, Supply};
use std::os::fd::{AsFd, BorrowedFd};

fn shell(script: &str, steps: Vec<Step>, cgroup: Option<BorrowedFd<'_>>) -> Guard {
    let sink = null();
    let case = Case::new(Pace::Prompt, steps, &["/bin/sh", "-c", script]).exec(vec![(Slot(0), 1)]);
    Guard(clone::spawn(&case.0.clone().into(), &[sink.as_fd()], cgroup).unwrap())
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..500 {
        if done() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("it does not come true: {what}");
}

#[test]
fn the_end_of_a_child_is_told_once() {
    let child = shell("exit 7", vec![], None);
    assert_eq!(wait(&child.0), Exit::Code(7));
    assert_eq!(process::try_wait(child.0.pid), Err(Errno::ECHILD));
    let child = shell("sleep 60", vec![], None);
    let pid = child.0.pid;
    assert_eq!(process::try_wait(pid), Ok(None));
    let other = Process::adopt(pid).unwrap();
    assert!(!process::has_ended(other.pidfd.as_fd()));
    other.signal(libc::SIGTERM).unwrap();
    assert_eq!(wait(&child.0), Exit::Signal(libc::SIGTERM as u8));
    assert_eq!(other.signal(libc::SIGTERM), Err(Errno::ESRCH));
}

#[test]
fn a_stranger_can_be_held_but_not_collected() {
    let init = Process::adopt(std::os::unix::process::parent_id() as i32).unwrap();
    assert_eq!(init.try_wait(), Err(Errno::ECHILD));
}

#[test]
fn a_unit_is_found_without_cgroups_and_killed() {
    let entry = format!("INVOCATION_ID={:032x}", std::process::id());
    let sink = null();
    // A child in a session of its own, one that has lost its parent, and the shell itself.
    let script = "setsid sleep 61 & (sleep 62 &) ; wait";
    let mut case = Case::new(Pace::Prompt, vec![Step::Session], &["/bin/sh", "-c", script]).exec(vec![(Slot(0), 1)]);
    case.0.envp.push(c(&entry));
    let child = Guard(clone::spawn(&case.0.clone().into(), &[sink.as_fd()], None).unwrap());
    let roots = Roots { alive: &[child.0.pid], past: &[], invocation: Some(&entry) };
    let names = || -> Vec<String> { process::members(&roots).iter().filter_map(|pid| process::comm(*pid)).collect() };
    until("all three are there", || names().iter().filter(|n| *n == "sleep").count() == 2);
    let found = process::members(&roots);
    let signalled = process::kill_all(|| process::members(&roots), &[libc::SIGKILL], &[]);
    assert!(found.iter().all(|pid| signalled.contains(pid)), "{found:?} {signalled:?}");
    assert_eq!(wait(&child.0), Exit::Signal(9));
    until("nobody is left", || found.iter().all(|pid| process::stat(*pid).is_none_or(|s| s.is_gone())));
}

/// A tree of its own for each test; `None`, with the reason told, where there can be none.
fn tree(name: &str) -> Option<Tree> {
    let name = format!("porterd-test-{name}-{}", std::process::id());
    Tree::open(Some(&name)).inspect_err(|why| eprintln!("skipped: {why}")).ok()
}

#[test]
fn a_child_is_born_into_its_group() {
    let Some(mut tree) = tree("born") else { return };
    let path = "system.slice/system-echo.slice/echo@1.service";
    tree.create(path).unwrap();
    tree.create(path).unwrap();
    assert!(!tree.populated(path));
    let group = tree.open_dir(path).unwrap();
    tree.watch(path).unwrap();
    let child = shell("sleep 60 & sleep 60", vec![], Some(group.as_fd()));
    until("two or three live there", || tree.procs(path).len() >= 2);
    assert!(tree.procs("system.slice").contains(&child.0.pid), "groups below count");
    assert!(tree.populated(path) && tree.populated("system.slice"));
    assert_eq!(tree.remove(path), Err(Errno::EBUSY));
    tree.changed();
    tree.kill(path).unwrap();
    assert_eq!(wait(&child.0), Exit::Signal(9));
    let mut told = std::collections::BTreeSet::new();
    until("its end is told", || {
        told.extend(tree.changed());
        told.contains(path) && !tree.populated(path)
    });
    tree.remove(path).unwrap();
    tree.remove(path).unwrap();
    let place = tree.path().to_owned();
    tree.remove_all();
    assert!(!place.exists());
}

#[test]
fn groups_are_removed_with_what_is_below_and_nothing_leads_out() {
    let Some(mut tree) = tree("below") else {
        return;
    };
    tree.create("a.slice/b.service/inner/most").unwrap();
    tree.remove("a.slice").unwrap();
    assert!(tree.open_dir("a.slice").is_err());
    for path in ["", "/a", "../a", "a/../b", "a//b", "a/", ".", "a\0b"] {
        assert_eq!(tree.create(path), Err(Errno::EINVAL), "{path:?}");
        assert_eq!(tree.remove(path), Err(Errno::EINVAL), "{path:?}");
    }
    assert_eq!(tree.write("nowhere", "no.such", "1"), Err(Errno::ENOENT));
    tree.create("x.service").unwrap();
    assert_eq!(tree.write("x.service", "cgroup.max.depth", "3"), Ok(()));
    assert_eq!(tree.write("x.service", "nonsense.max", "3"), Err(Errno::ENOENT));
    tree.remove_all();
}

#[test]
fn a_group_that_is_none_fails_the_clone() {
    let nowhere = null();
    let case = Case::new(Pace::Prompt, vec![], &["/bin/true"]).exec(vec![]);
    let result = clone::spawn(&case.0.clone().into(), &[nowhere.as_fd()], Some(nowhere.as_fd()));
    assert_eq!(result.unwrap_err(), Errno::EBADF);
    assert_eq!(case.0.supplies[..], [Supply::Passed(0)]);
}
