//! Tests of the way without clone3, and of what the parent keeps.

use super::*;
use crate::linux::process::{self, Exit};
use crate::plan::program::Step;

fn program(path: &std::ffi::CStr, pace: Pace, steps: &[Step]) -> Arc<Program> {
    let exec = Step::Exec { candidates: vec![path.to_owned()], missing_ok: false };
    Arc::new(Program {
        steps: steps.iter().cloned().chain([Step::Unmask, exec]).collect(),
        supplies: [].into(),
        slots: 0,
        argv: [c"x".to_owned()].into(),
        envp: Vec::new(),
        stamps: Vec::new(),
        argv_stamps: Vec::new(),
        pace,
    })
}

/// How it ended, and its report, from the way without clone3.
fn forked(program: &Arc<Program>, cgroup: Option<BorrowedFd<'_>>) -> (Exit, Option<StepFailure>) {
    let child = spawn_by_fork(program, &[], cgroup).unwrap();
    let mut exit = None;
    while exit.is_none() {
        exit = process::try_wait(child.pid).unwrap();
    }
    let failure = match child.outcome {
        Outcome::Execed => None,
        Outcome::Failed(failure) => Some(failure),
        Outcome::Underway(_) => unreachable!("it does not share our memory"),
        Outcome::Pending(pipe) => read_report(pipe.as_fd()).unwrap().err(),
    };
    (exit.unwrap(), failure)
}

#[test]
fn without_clone3_the_outcome_is_the_same() {
    for pace in [Pace::Prompt, Pace::Awaited, Pace::Patient] {
        assert_eq!(forked(&program(c"/bin/true", pace, &[]), None), (Exit::Code(0), None));
        let failure = StepFailure { step: 2, errno: Errno::ENOENT };
        let missing = program(c"/not/there", pace, &[Step::Umask(0)]);
        assert_eq!(forked(&missing, None), (Exit::Code(203), Some(failure)));
    }
}

#[test]
fn without_clone3_the_child_enters_the_cgroup_by_itself() {
    let program = program(c"/bin/true", Pace::Prompt, &[]);
    // No cgroup, so that it needs no privilege to see who tried: step 2 is one past the last.
    let directory = nix::fcntl::open("/", OFlag::O_PATH, nix::sys::stat::Mode::empty());
    let failure = StepFailure { step: 2, errno: Errno::ENOENT };
    assert_eq!(forked(&program, Some(directory.unwrap().as_fd())), (Exit::Code(219), Some(failure)));
}

#[test]
fn the_signal_mask_is_restored() {
    let before = BlockedSignals::all().before;
    let child = spawn(&program(c"/bin/true", Pace::Patient, &[]), &[], None).unwrap();
    assert_eq!(BlockedSignals::all().before, before);
    while process::try_wait(child.pid).unwrap().is_none() {}
}
