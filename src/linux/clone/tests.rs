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

/// How it ended, and its report.
fn end_of(child: Child) -> (Exit, Option<StepFailure>) {
    let mut exit = None;
    while exit.is_none() {
        exit = process::try_wait(child.pid).unwrap();
    }
    let failure = match child.outcome {
        Outcome::Execed => None,
        Outcome::Failed(failure) => Some(failure),
        Outcome::Underway(passage) => passage.outcome().unwrap().err(),
        Outcome::Pending(pipe) => read_report(pipe.as_fd()).unwrap().err(),
    };
    (exit.unwrap(), failure)
}

/// The ways without clone3.
fn other_ways(program: &Arc<Program>, cgroup: Option<BorrowedFd<'_>>) -> [(Exit, Option<StepFailure>); 2] {
    let forked = end_of(spawn_by_fork(program, &[], cgroup).unwrap());
    match spawn_by(Way::Clone, program, &[], cgroup) {
        Ok(child) => [forked, end_of(child)],
        Err(Errno::ENOSYS) => [forked, forked],
        Err(errno) => panic!("{errno}"),
    }
}

#[test]
fn without_clone3_the_outcome_is_the_same() {
    for pace in [Pace::Prompt, Pace::Awaited, Pace::Patient] {
        assert_eq!(other_ways(&program(c"/bin/true", pace, &[]), None), [(Exit::Code(0), None); 2]);
        let failure = StepFailure { step: 2, errno: Errno::ENOENT };
        let missing = program(c"/not/there", pace, &[Step::Umask(0)]);
        assert_eq!(other_ways(&missing, None), [(Exit::Code(203), Some(failure)); 2]);
    }
}

#[test]
fn without_clone3_the_child_enters_the_cgroup_by_itself() {
    for pace in [Pace::Prompt, Pace::Patient] {
        let program = program(c"/bin/true", pace, &[]);
        // No cgroup, so that it needs no privilege to see who tried: step 2 is one past the last.
        let directory = nix::fcntl::open("/", OFlag::O_PATH, nix::sys::stat::Mode::empty());
        let failure = StepFailure { step: 2, errno: Errno::ENOENT };
        assert_eq!(other_ways(&program, Some(directory.unwrap().as_fd())), [(Exit::Code(219), Some(failure)); 2]);
    }
}

#[test]
fn the_signal_mask_is_restored() {
    let before = BlockedSignals::all().before;
    for way in [Way::Clone3, Way::Clone] {
        let child = spawn_by(way, &program(c"/bin/true", Pace::Patient, &[]), &[], None).unwrap();
        assert_eq!(BlockedSignals::all().before, before);
        while process::try_wait(child.pid).unwrap().is_none() {}
    }
}
