//! Collecting orphans, in a process of its own: it concerns every child there is.
#![allow(clippy::unwrap_used)]

use porterd::linux::clone::{Child, fork_child, spawn};
use porterd::linux::process::{self, Exit};
use porterd::plan::program::{Pace, Program, Step};
use std::ffi::CString;
use std::os::fd::AsFd;

fn shell(script: &str) -> Child {
    shell_after(script, &[])
}

fn shell_after(script: &str, steps: &[Step]) -> Child {
    let argv: Vec<CString> = ["/bin/sh", "-c", script].iter().map(|word| CString::new(*word).unwrap()).collect();
    let candidates = vec![argv[0].clone()];
    let end = [Step::Unmask, Step::Exec { candidates, missing_ok: false }];
    let program = Program {
        steps: steps.iter().cloned().chain(end).collect(),
        supplies: [].into(),
        slots: 0,
        argv: argv.into(),
        envp: Vec::new(),
        stamps: Vec::new(),
        argv_stamps: Vec::new(),
        pace: Pace::Prompt,
    };
    spawn(&program, &[], None).unwrap()
}

fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    for _ in 0..500 {
        if let Some(value) = found() {
            return value;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("it does not come true: {what}");
}

fn wait(child: &Child) -> Exit {
    until("a child ends", || process::try_wait(child.pidfd.as_fd()).unwrap())
}

#[test]
fn orphans_are_collected_and_tracked_children_are_not() {
    process::become_subreaper().unwrap();
    let children = process::Children::open();
    // With nobody in front, and with tracked ones in front that have ended.
    for before in [0, 2] {
        let tracked: Vec<Child> = (0..before).map(|_| shell("exit 5")).collect();
        for child in &tracked {
            until("it ends", || process::has_ended(child.pidfd.as_fd()).then_some(()));
        }
        let parent = shell("(sleep 0.1; exit 3) & exit 0");
        assert_eq!(wait(&parent), Exit::Code(0));
        let is_tracked = |pid| tracked.iter().any(|child| child.pid == pid);
        let strangers = until("the orphan is collected", || {
            Some(children.reap_strangers(is_tracked)).filter(|found| !found.is_empty())
        });
        assert_eq!(strangers.iter().map(|(_, exit)| *exit).collect::<Vec<_>>(), [Exit::Code(3)]);
        assert!(!children.has_strangers(is_tracked));
        for child in &tracked {
            assert_eq!(wait(child), Exit::Code(5));
        }
    }
    assert_eq!(children.reap_strangers(|_| false), []);

    // Work of our own in a copy, even if it panics.
    for (work, status) in [(false, 42), (true, 255)] {
        let (_, pidfd) = fork_child(|| if work { panic!("as planned") } else { 42 }).unwrap();
        let exit = until("the copy ends", || process::try_wait(pidfd.as_fd()).unwrap());
        assert_eq!(exit, Exit::Code(status));
    }

    // Starting another user's program leaves us as debuggable as before.
    if nix::unistd::geteuid().is_root() {
        let user = Step::Uid { uid: 65_534, keep_caps: false };
        assert_eq!(wait(&shell_after("exit 0", &[user])), Exit::Code(0));
        assert_eq!(nix::sys::prctl::get_dumpable(), Ok(true));
    }
}
