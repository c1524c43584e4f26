//! Makes a child that runs a program: clone3(2), or clone(2) where there is no other, onto a stack of its own. A prompt program shares our
//! memory until its exec while we go on; an awaited one suspends us meanwhile; a patient one gets a
//! copy and reports through a pipe. Knows how to start the interpreter, not what the steps mean.
#![allow(unsafe_code)]

mod call;
mod passage;

pub use passage::Passage;

use super::child::{Words, syscall};
use super::prepared::Prepared;
use super::raw;
use super::steps::{self, Frame};
use crate::plan::program::{Pace, Program};
use call::{Way, clone_onto};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use passage::with_stack;
use std::cell::Cell;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// A process that was made.
#[derive(Debug)]
pub struct Child {
    /// Its pid; valid until it has been waited for.
    pub pid: i32,
    /// How far it is known to have come.
    pub outcome: Outcome,
}

/// How far a child came.
#[derive(Debug)]
pub enum Outcome {
    /// It reached execve(2) and that succeeded; or it ended early without failing (a program that is
    /// missing and may be; a SIGKILL from outside).
    Execed,
    /// A step failed; the child exits with the exit status of that step.
    Failed(StepFailure),
    /// Not known yet: ask it again, at the latest when the child has ended.
    Underway(Passage),
    /// Not known yet: watch this pipe, and ask [`read_report`] when it is readable.
    Pending(OwnedFd),
}

/// A step that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepFailure {
    /// Index of the step. The number of steps itself stands for entering the cgroup, where clone3(2)
    /// could not do it.
    pub step: usize,
    /// Why.
    pub errno: Errno,
}

/// Starts a program. `supplies` go into the first slots, in order. `cgroup` is a directory of the
/// cgroup v2 hierarchy in which the child shall be born (opened with or without `O_PATH`); it must
/// not be one where memory has limits that are not our own, too, because the kernel could end us for
/// what a child that shares our memory does there.
pub fn spawn(
    program: &Arc<Program>,
    supplies: &[BorrowedFd<'_>],
    cgroup: Option<BorrowedFd<'_>>,
) -> Result<Child, Errno> {
    match spawn_by(Way::Clone3, program, supplies, cgroup) {
        // No clone3 here, or one that does not know a flag we need.
        Err(Errno::ENOSYS | Errno::EPERM | Errno::EINVAL | Errno::E2BIG) => {}
        result => return result,
    }
    match spawn_by(Way::Clone, program, supplies, cgroup) {
        // An architecture for which we cannot make the call.
        Err(Errno::ENOSYS) => spawn_by_fork(program, supplies, cgroup),
        result => result,
    }
}

fn spawn_by(
    way: Way,
    program: &Arc<Program>,
    supplies: &[BorrowedFd<'_>],
    cgroup: Option<BorrowedFd<'_>>,
) -> Result<Child, Errno> {
    let blocked = (way == Way::Clone).then(BlockedSignals::all);
    let made = match program.pace {
        Pace::Prompt | Pace::Awaited => spawn_sharing(way, program, supplies, cgroup),
        Pace::Patient => spawn_copying(way, program, supplies, cgroup),
    };
    drop(blocked);
    made
}

/// The outcome of a patient child. `None`: not known yet. `Ok`: execve(2) succeeded (or the child
/// ended without failing).
pub fn read_report(pipe: BorrowedFd<'_>) -> Option<Result<(), StepFailure>> {
    let mut bytes = [0; 8];
    loop {
        match nix::unistd::read(pipe, &mut bytes) {
            Err(Errno::EINTR) => continue,
            Err(Errno::EAGAIN) => return None,
            Ok(8) => {
                let [a, b, c, d, e, f, g, h] = bytes;
                let step = u32::from_ne_bytes([a, b, c, d]) as usize;
                let errno = Errno::from_raw(i32::from_ne_bytes([e, f, g, h]));
                return Some(Err(StepFailure { step, errno }));
            }
            // End of file: exec closed the other end.
            Ok(_) | Err(_) => return Some(Ok(())),
        }
    }
}

fn frame(
    program: &Arc<Program>,
    supplies: &[BorrowedFd<'_>],
    report: Option<&OwnedFd>,
    cgroup: Option<BorrowedFd<'_>>,
) -> Result<Frame, Errno> {
    let prepared = Prepared::new(program, supplies)?;
    // SAFETY: `new` ended both with null; the strings are on the heap, kept by the program and by
    // `prepared`, and those by the frame.
    let words = unsafe { Words::new(prepared.pointers.as_ptr(), prepared.pointers[prepared.envp..].as_ptr()) };
    Ok(Frame {
        program: program.clone(),
        prepared,
        words,
        report: Cell::new(report.map_or(-1, |fd| fd.as_raw_fd())),
        cgroup: cgroup.map_or(-1, |fd| fd.as_raw_fd()),
        failure: Cell::new(None),
    })
}

fn report_pipe(nonblocking: OFlag) -> Result<(OwnedFd, OwnedFd), Errno> {
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    nix::fcntl::fcntl(&read, nix::fcntl::FcntlArg::F_SETFL(nonblocking))?;
    Ok((read, write))
}

fn spawn_sharing(
    way: Way,
    program: &Arc<Program>,
    supplies: &[BorrowedFd<'_>],
    cgroup: Option<BorrowedFd<'_>>,
) -> Result<Child, Errno> {
    let by_itself = cgroup.filter(|_| way == Way::Clone);
    let passage = Passage::new(frame(program, supplies, None, by_itself)?)?;
    let pid = passage.enter(way, program.pace == Pace::Awaited, cgroup)?;
    let outcome = match passage.outcome() {
        Some(Ok(())) => Outcome::Execed,
        Some(Err(failure)) => Outcome::Failed(failure),
        None => Outcome::Underway(passage),
    };
    Ok(Child { pid, outcome })
}

fn spawn_copying(
    way: Way,
    program: &Arc<Program>,
    supplies: &[BorrowedFd<'_>],
    cgroup: Option<BorrowedFd<'_>>,
) -> Result<Child, Errno> {
    let (read, write) = report_pipe(OFlag::O_NONBLOCK)?;
    let by_itself = cgroup.filter(|_| way == Way::Clone);
    let frame = frame(program, supplies, Some(&write), by_itself)?;
    // SAFETY: the child runs on its own copy of both.
    let made = with_stack(|stack| unsafe { clone_onto(way, stack, &raw const frame, std::ptr::null(), 0, cgroup) })?;
    Ok(Child { pid: made?, outcome: Outcome::Pending(read) })
}

/// The way of architectures without our calls: memory is copied, the child enters the
/// cgroup by itself, and the parent of a prompt child waits for the report.
fn spawn_by_fork(
    program: &Arc<Program>,
    supplies: &[BorrowedFd<'_>],
    cgroup: Option<BorrowedFd<'_>>,
) -> Result<Child, Errno> {
    let patient = program.pace == Pace::Patient;
    let (read, write) = report_pipe(if patient { OFlag::O_NONBLOCK } else { OFlag::empty() })?;
    let frame = frame(program, supplies, Some(&write), cgroup)?;
    let blocked = BlockedSignals::all();
    // SAFETY: the child runs only the interpreter, which does not come back.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        steps::run(&frame);
    }
    drop(blocked);
    if pid < 0 {
        return Err(Errno::last());
    }
    drop(write);
    // What a patient child reports is for whoever watches the pipe; it may be there already.
    let outcome = match patient {
        true => Outcome::Pending(read),
        false => match read_report(read.as_fd()) {
            Some(Err(failure)) => Outcome::Failed(failure),
            Some(Ok(())) | None => Outcome::Execed,
        },
    };
    Ok(Child { pid, outcome })
}

/// Runs a function of ours in a copy of this process and ends that with the result as its exit
/// status: for what may block inside libc (user look-ups) or changes what cannot be changed back
/// (namespaces). Only for a process with one thread: the copy may then use everything.
pub fn fork_child(work: impl FnOnce() -> u8) -> Result<(i32, OwnedFd), Errno> {
    // SAFETY: by the contract of this function no other thread can hold a lock the copy needs.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let status = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(255);
        // SAFETY: ends the copy without running the exit handlers of the original.
        unsafe { libc::_exit(i32::from(status)) }
    }
    if pid < 0 {
        return Err(Errno::last());
    }
    Ok((pid, pidfd_of_own(pid)?))
}

/// A child that cannot be watched must not be: it is ended and collected.
fn pidfd_of_own(pid: i32) -> Result<OwnedFd, Errno> {
    raw::pidfd_open(pid).inspect_err(|_| {
        // SAFETY: a child of ours that nobody has waited for, so the pid is still its own.
        unsafe {
            libc::kill(pid, libc::SIGKILL);
            libc::waitpid(pid, std::ptr::null_mut(), 0);
        }
    })
}

/// All signals are blocked while it lives: a handler of ours must not run in a child between its making
/// and its exec, and only clone3(2) can take the handlers away.
struct BlockedSignals {
    before: u64,
}

impl BlockedSignals {
    fn all() -> BlockedSignals {
        let mut before = 0;
        set_mask(&u64::MAX, &mut before);
        BlockedSignals { before }
    }
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {
        set_mask(&self.before, &mut 0);
    }
}

/// Raw, because libc leaves its own two signals unblocked.
fn set_mask(new: &u64, old: &mut u64) {
    let (new, old): (*const u64, *mut u64) = (new, old);
    let args = [libc::SIG_SETMASK as usize, new as usize, old as usize, 8, 0, 0];
    // SAFETY: two sets of eight bytes. Cannot fail with these arguments.
    unsafe { syscall(libc::SYS_rt_sigprocmask, args) };
}

#[cfg(test)]
mod tests;
