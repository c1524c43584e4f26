//! Collecting orphans, in a process of its own: it concerns every child there is.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // tests look at the world as it is

use porterd::linux::clone::{Child, Outcome, fork_child, spawn};
use porterd::linux::process::{self, Exit, Sweep};
use porterd::plan::program::{Pace, Program, Slot, Step};
use std::ffi::CString;
use std::os::fd::AsFd as _;

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
        slots: 1,
        argv: argv.into(),
        envp: Vec::new(),
        stamps: Vec::new(),
        argv_stamps: Vec::new(),
        pace: Pace::Prompt,
    };
    spawn(&program.into(), &[], None).unwrap()
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
    until("a child ends", || process::try_wait(child.pid).unwrap())
}

/// Sweeps until nobody has ended who was not told, and says how far that came.
fn swept(ended: &mut Vec<(i32, Exit)>) -> Sweep {
    let sweep = process::sweep(100, ended);
    assert_ne!(sweep, Sweep::More);
    sweep
}

#[test]
fn whoever_ended_is_collected_and_strangers_are_known() {
    process::become_subreaper().unwrap();
    let children = process::Children::open();
    // With nobody in front, and with tracked ones in front.
    for before in [0, 2] {
        let tracked: Vec<Child> = (0..before).map(|_| shell("exit 5")).collect();
        let parent = shell("(sleep 0.1; exit 3) & exit 0");
        let is_tracked = |pid| tracked.iter().any(|child| child.pid == pid);
        let mut ended = Vec::new();
        until("all but the orphan end", || {
            swept(&mut ended);
            (ended.len() == before + 1).then_some(())
        });
        assert!(children.has_strangers(is_tracked), "the orphan is our child now");
        assert_eq!(until("the orphan ends", || (swept(&mut ended) == Sweep::Nobody).then_some(())), ());
        assert!(!children.has_strangers(is_tracked));
        let of = |pid| ended.iter().find(|(p, _)| *p == pid).map(|(_, exit)| *exit);
        assert!(tracked.iter().all(|child| of(child.pid) == Some(Exit::Code(5))));
        assert_eq!(of(parent.pid), Some(Exit::Code(0)));
        assert!(ended.iter().any(|(_, exit)| *exit == Exit::Code(3)), "{ended:?}");
    }
    assert_eq!(process::sweep(1, &mut Vec::new()), Sweep::Nobody);
    let two = [shell("exit 0"), shell("exit 0")];
    for child in &two {
        let held = process::Process::adopt(child.pid).unwrap();
        until("it ends", || process::has_ended(held.pidfd.as_fd()).then_some(()));
    }
    let mut ended = Vec::new();
    assert_eq!((process::sweep(1, &mut ended), ended.len()), (Sweep::More, 1), "a budget is kept");
    assert_eq!((process::sweep(2, &mut ended), ended.len()), (Sweep::Nobody, 2));

    // Work of our own in a copy, even if it panics.
    for (work, status) in [(false, 42), (true, 255)] {
        let (pid, _pidfd) = fork_child(|| if work { panic!("as planned") } else { 42 }).unwrap();
        let exit = until("the copy ends", || process::try_wait(pid).unwrap());
        assert_eq!(exit, Exit::Code(status));
    }

    // Starting another user's program leaves us as debuggable as before.
    if nix::unistd::geteuid().is_root() {
        let user = Step::Uid { uid: 65_534, keep_caps: false };
        assert_eq!(wait(&shell_after("exit 0", std::slice::from_ref(&user))), Exit::Code(0));
        assert_eq!(nix::sys::prctl::get_dumpable(), Ok(true));
        not_debuggable_while_one_is_underway(user);
    }
}

/// A process that has given up root could otherwise be traced by its user, and our memory with it.
fn not_debuggable_while_one_is_underway(user: Step) {
    let fifo = std::env::temp_dir().join(format!("porterd-reaping-{}", std::process::id()));
    let path = CString::new(fifo.to_str().unwrap()).unwrap();
    nix::unistd::mkfifo(&*path, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    std::os::unix::fs::chown(&fifo, Some(65_534), None).unwrap();
    let open = Step::Open { path, flags: libc::O_RDONLY, mode: 0, into: Slot(0), stream: 0 };
    let held = shell_after("exit 7", &[user.clone(), open]);
    let Outcome::Underway(passage) = &held.outcome else { panic!("{held:?}") };
    let debuggable = || nix::sys::prctl::get_dumpable().unwrap();
    until("it has changed its user", || (!debuggable()).then_some(()));
    assert_eq!(wait(&shell_after("exit 0", &[user])), Exit::Code(0));
    assert!(!debuggable(), "another one that has left changes nothing");
    assert_eq!(passage.outcome(), None);
    drop(std::fs::File::options().write(true).open(&fifo).unwrap());
    assert_eq!(wait(&held), Exit::Code(7));
    assert_eq!(passage.outcome(), Some(Ok(())));
    drop(held);
    assert!(debuggable());
    std::fs::remove_file(fifo).unwrap();
}
