//! Steps that fail say which one, why, and end the child with the status systemd has for it.

use super::{Case, PACES, c, root, run};
use nix::errno::Errno;
use porterd::linux::clone;
use porterd::linux::process::Exit;
use porterd::plan::program::{Pace, Purpose, Slot, Step, Supply, Taken};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;

/// The step fails with this errno and exit status, at both paces, wherever it stands.
fn fails(step: Step, status: u8, errno: Errno) {
    for pace in PACES {
        for before in [0, 2] {
            let mut steps = vec![Step::Umask(0o022); before];
            steps.push(step.clone());
            let result = run(&Case::new(pace, steps, &["/bin/true"]).exec(vec![(Slot(0), 1)]), &[]);
            assert_eq!(result.exit, Exit::Code(status), "{step:?}");
            assert_eq!(result.failure, Some((before, errno)), "{step:?}");
        }
    }
}

#[test]
fn each_step_has_its_exit_status() {
    let nowhere = || c("/not/there");
    fails(Step::Chdir { path: nowhere(), optional: false }, 200, Errno::ENOENT);
    fails(Step::Place(vec![(Slot(7), 3)]), 202, Errno::EBADF);
    fails(Step::Blocking { slot: Slot(900), blocking: true }, 202, Errno::EBADF);
    fails(Step::Limit(999, 1, 1), 205, Errno::EINVAL);
    let open = |stream| Step::Open { path: nowhere(), flags: 0, mode: 0, into: Slot(3), stream };
    fails(open(0), 208, Errno::ENOENT);
    fails(open(1), 209, Errno::ENOENT);
    fails(open(2), 222, Errno::ENOENT);
    for taken in [Taken::Wait, Taken::Force, Taken::Fail] {
        fails(Step::Terminal { slot: Slot(0), path: nowhere(), taken }, 208, Errno::ENOTTY);
    }
    fails(Step::Chroot(nowhere()), 210, Errno::ENOENT);
    fails(Step::IoPriority(-1), 211, Errno::EINVAL);
    fails(Step::Scheduler { policy: 77, priority: 0 }, 214, Errno::EINVAL);
    fails(Step::Affinity(vec![0]), 215, Errno::EINVAL);
    fails(Step::Groups(vec![u32::MAX]), 216, Errno::EINVAL);
    fails(Step::Fail { purpose: Purpose::User, errno: libc::ESRCH }, 217, Errno::ESRCH);
    let write = |optional| Step::Write { path: nowhere(), content: vec![b'1'], optional, purpose: Purpose::OomAdjust };
    fails(write(true), 206, Errno::ENOENT);
    fails(write(false), 206, Errno::ENOENT);
}

#[test]
fn a_socket_that_nobody_listens_on_cannot_be_opened() {
    let path = std::env::temp_dir().join(format!("porterd-refused-{}", std::process::id()));
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let path_c = c(path.to_str().unwrap());
    fails(Step::Open { path: path_c, flags: 0, mode: 0, into: Slot(3), stream: 0 }, 208, Errno::ECONNREFUSED);
    std::fs::remove_file(path).unwrap();
}

/// `StandardInput=tty`, `tty-fail` and `tty-force` where another session has the terminal.
#[test]
fn a_terminal_is_waited_for_unless_told_otherwise() {
    let master = nix::pty::posix_openpt(nix::fcntl::OFlag::O_RDWR | nix::fcntl::OFlag::O_NOCTTY).unwrap();
    nix::pty::grantpt(&master).unwrap();
    nix::pty::unlockpt(&master).unwrap();
    let name = nix::pty::ptsname_r(&master).unwrap();
    let path = || c(&name);
    let slave = || std::fs::File::options().read(true).write(true).custom_flags(libc::O_NOCTTY).open(&name).unwrap();
    let take = |taken| {
        let open = Step::Open { path: path(), flags: libc::O_RDWR, mode: 0, into: Slot(1), stream: 0 };
        let terminal = Step::Terminal { slot: Slot(1), path: path(), taken };
        let steps = vec![Step::Session, open, terminal];
        run(&Case::new(Pace::Patient, steps, &["/bin/true"]).exec(vec![(Slot(0), 1)]), &[])
    };
    let mut owner = std::process::Command::new("/usr/bin/setsid")
        .args(["--ctty", "/bin/sh", "-c", "echo; exec sleep 0.3"])
        .stdin(slave())
        .stdout(slave())
        .spawn()
        .unwrap();
    // It has the terminal as soon as it writes there.
    nix::unistd::read(&master, &mut [0; 8]).unwrap();
    let failed = take(Taken::Fail);
    assert_eq!((failed.exit, failed.failure), (Exit::Code(208), Some((2, Errno::EPERM))));
    let began = std::time::Instant::now();
    assert_eq!(take(Taken::Wait).exit, Exit::Code(0));
    assert!(began.elapsed().as_millis() > 100, "it waited for the end of the other session");
    owner.wait().unwrap();
}

#[test]
fn a_second_session_is_impossible() {
    for pace in PACES {
        let steps = vec![Step::Session, Step::Session];
        let result = run(&Case::new(pace, steps, &["/bin/true"]).exec(vec![(Slot(0), 1)]), &[]);
        assert_eq!((result.exit, result.failure), (Exit::Code(220), Some((1, Errno::EPERM))));
    }
}

/// Ends with `Exec` of these candidates.
fn exec(pace: Pace, candidates: &[&str], missing_ok: bool) -> (Exit, Option<(usize, Errno)>, String) {
    let candidates = candidates.iter().map(|path| c(path)).collect();
    let steps = vec![Step::Place(vec![(Slot(0), 1)]), Step::Unmask, Step::Exec { candidates, missing_ok }];
    let result = run(&Case::new(pace, steps, &["echo", "ran"]), &[]);
    (result.exit, result.failure, result.output)
}

#[test]
fn exec_takes_the_first_candidate_that_exists() {
    for pace in PACES {
        let all = ["/not/there/echo", "/etc/passwd/echo", "/etc/passwd", "/bin/echo", "/bin/false"];
        assert_eq!(exec(pace, &all, false), (Exit::Code(0), None, "ran\n".into()));
        let failed = |errno| (Exit::Code(203), Some((2, errno)), String::new());
        assert_eq!(exec(pace, &["/not/there"], false), failed(Errno::ENOENT));
        assert_eq!(exec(pace, &["/not/there", "/etc/passwd", "/nor/this"], false), failed(Errno::EACCES));
        assert_eq!(exec(pace, &[], false), failed(Errno::ENOENT));
    }
}

#[test]
fn a_missing_program_may_be_success_and_a_forbidden_one_may_not() {
    for pace in PACES {
        assert_eq!(exec(pace, &["/not/there"], true), (Exit::Code(0), None, String::new()));
        let failed = (Exit::Code(203), Some((2, Errno::EACCES)), String::new());
        assert_eq!(exec(pace, &["/etc/passwd"], true), failed);
    }
}

#[test]
fn a_program_without_exec_does_not_run_on() {
    for pace in PACES {
        let result = run(&Case::new(pace, vec![Step::Umask(0)], &["/bin/true"]), &[]);
        assert_eq!((result.exit, result.failure), (Exit::Code(203), Some((1, Errno::ENOEXEC))));
    }
}

#[test]
fn what_the_user_may_not_do_fails_and_what_is_optional_is_skipped() {
    if !root() {
        return;
    }
    let nobody = Step::Uid { uid: 65534, keep_caps: false };
    let after = |step: Step| {
        let steps = vec![nobody.clone(), step];
        let result = run(&Case::new(Pace::Prompt, steps, &["/bin/true"]).exec(vec![(Slot(0), 1)]), &[]);
        (result.exit, result.failure)
    };
    let failed = |status, errno| (Exit::Code(status), Some((1, errno)));
    assert_eq!(after(Step::Uid { uid: 0, keep_caps: false }), failed(217, Errno::EPERM));
    assert_eq!(after(Step::Groups(vec![1])), failed(216, Errno::EPERM));
    assert_eq!(after(Step::BoundingSet(0)), failed(218, Errno::EPERM));
    assert_eq!(after(Step::AmbientSet(1)), failed(218, Errno::EPERM));
    assert_eq!(after(Step::SecureBits(1)), failed(213, Errno::EPERM));
    assert_eq!(after(Step::Scheduler { policy: 1, priority: 5 }), failed(214, Errno::EPERM));
    let write = |optional| Step::Write {
        path: c("/proc/sys/kernel/hostname"),
        content: b"x".to_vec(),
        optional,
        purpose: Purpose::Memory,
    };
    assert_eq!(after(write(false)), failed(204, Errno::EACCES));
    assert_eq!(after(write(true)), (Exit::Code(0), None));
}

#[test]
fn a_program_that_does_not_fit_its_supplies_is_refused_before_the_clone() {
    let null = super::null();
    let case = Case::new(Pace::Prompt, vec![], &["/bin/true"]).exec(vec![]);
    assert_eq!(clone::spawn(&case.0.clone().into(), &[], None).unwrap_err(), Errno::EINVAL);
    let mut few_slots = case.0.clone();
    few_slots.slots = 0;
    assert_eq!(clone::spawn(&few_slots.clone().into(), &[null.as_fd()], None).unwrap_err(), Errno::EINVAL);
    let mut stamps = case.environment(&["A=000000000"], &[(1, 2)]).0;
    assert_eq!(clone::spawn(&stamps.clone().into(), &[null.as_fd()], None).unwrap_err(), Errno::EINVAL);
    stamps.stamps[0].entry = 9;
    assert_eq!(clone::spawn(&stamps.clone().into(), &[null.as_fd()], None).unwrap_err(), Errno::EINVAL);
    assert_eq!(stamps.supplies[..], [Supply::Passed(0)]);
}
