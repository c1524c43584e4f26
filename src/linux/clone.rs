//! Makes a child that runs a program: clone3(2) onto a private stack. A prompt program shares our
//! memory and suspends us until its exec; a patient one gets a copy and reports through a pipe.
//! Knows how to start the interpreter, not what the steps mean.
#![allow(unsafe_code)]

use super::child::{Words, syscall};
use super::prepared::Prepared;
use super::raw;
use super::steps::{self, Frame};
use crate::bounds::CHILD_STACK_BYTES;
use crate::plan::program::{Pace, Program, Step};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use std::cell::Cell;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

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
/// cgroup v2 hierarchy in which the child shall be born (opened with or without `O_PATH`).
pub fn spawn(program: &Program, supplies: &[BorrowedFd<'_>], cgroup: Option<BorrowedFd<'_>>) -> Result<Child, Errno> {
    let prepared = Prepared::new(program, supplies)?;
    match spawn_shared(program, &prepared, cgroup) {
        // No clone3 here, or one that does not know a flag we need: copy as fork(2) does.
        Err(Errno::ENOSYS | Errno::EPERM | Errno::EINVAL | Errno::E2BIG) => {
            spawn_by_fork(program, &Prepared::new(program, supplies)?, cgroup)
        }
        result => result,
    }
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

fn frame<'a>(prepared: &'a Prepared, program: &'a Program, report: i32, cgroup: i32) -> Frame<'a> {
    // SAFETY: `new` ended both with null; the strings live in the program and in `prepared`, which
    // the frame borrows.
    let words = unsafe { Words::new(prepared.pointers.as_ptr(), prepared.pointers[prepared.envp..].as_ptr()) };
    Frame {
        steps: &program.steps,
        words,
        slots: &prepared.slots,
        stamped: &prepared.stamped,
        stamp_offsets: &prepared.stamp_offsets,
        report: Cell::new(report),
        cgroup,
        failure: Cell::new(None),
    }
}

fn outcome(failure: Option<(u32, i32)>) -> Outcome {
    match failure {
        None => Outcome::Execed,
        Some((step, errno)) => Outcome::Failed(StepFailure { step: step as usize, errno: Errno::from_raw(errno) }),
    }
}

fn report_pipe(nonblocking: OFlag) -> Result<(OwnedFd, OwnedFd), Errno> {
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    nix::fcntl::fcntl(&read, nix::fcntl::FcntlArg::F_SETFL(nonblocking))?;
    Ok((read, write))
}

fn spawn_shared(program: &Program, prepared: &Prepared, cgroup: Option<BorrowedFd<'_>>) -> Result<Child, Errno> {
    let pipe = match program.pace {
        Pace::Prompt => None,
        Pace::Patient => Some(report_pipe(OFlag::O_NONBLOCK)?),
    };
    let report = pipe.as_ref().map_or(-1, |(_, write)| write.as_raw_fd());
    let frame = frame(prepared, program, report, -1);
    let mut flags = CLONE_CLEAR_SIGHAND;
    if pipe.is_none() {
        flags |= (libc::CLONE_VM | libc::CLONE_VFORK) as u64;
    }
    let pid = clone_onto_stack(&frame, flags, cgroup)?;
    let outcome = match pipe {
        None => outcome(frame.failure.get()),
        Some((read, _)) => Outcome::Pending(read),
    };
    Ok(Child { pid, outcome })
}

/// The way of kernels and architectures without our clone3: memory is copied, the child enters the
/// cgroup by itself, and the parent of a prompt child waits for the report.
fn spawn_by_fork(program: &Program, prepared: &Prepared, cgroup: Option<BorrowedFd<'_>>) -> Result<Child, Errno> {
    let patient = program.pace == Pace::Patient;
    let (read, write) = report_pipe(if patient { OFlag::O_NONBLOCK } else { OFlag::empty() })?;
    let frame = frame(prepared, program, write.as_raw_fd(), cgroup.map_or(-1, |fd| fd.as_raw_fd()));
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

/// All signals are blocked while it lives: a handler of ours must not run in a child that fork(2)
/// made, between there and its exec.
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

/// Caught signals are default in the child from its first instruction.
const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// `struct clone_args`
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// The stack of children, made once. One child at a time is on it: a sharing clone suspends the
/// caller until the child has left, a copying one takes its own copy along.
static STACK: Mutex<Option<Stack>> = Mutex::new(None);

#[derive(Clone, Copy)]
struct Stack {
    base: usize,
}

impl Stack {
    fn map() -> Result<Stack, Errno> {
        const GUARD: usize = 64 << 10; // the largest page of any architecture
        let bytes = CHILD_STACK_BYTES + GUARD;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK;
        // SAFETY: a new mapping at a place the kernel chooses.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_NONE, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        let base = start as usize + GUARD;
        // SAFETY: the upper part of the mapping that was just made.
        let result =
            unsafe { libc::mprotect(base as *mut libc::c_void, CHILD_STACK_BYTES, libc::PROT_READ | libc::PROT_WRITE) };
        if result < 0 { Err(Errno::last()) } else { Ok(Stack { base }) }
    }
}

fn clone_onto_stack(frame: &Frame<'_>, flags: u64, cgroup: Option<BorrowedFd<'_>>) -> Result<i32, Errno> {
    let mut stack = STACK.lock().unwrap_or_else(PoisonError::into_inner);
    let base = match *stack {
        Some(stack) => stack.base,
        None => stack.insert(Stack::map()?).base,
    };
    let mut args = CloneArgs {
        flags,
        exit_signal: libc::SIGCHLD as u64,
        stack: base as u64,
        stack_size: CHILD_STACK_BYTES as u64,
        ..CloneArgs::default()
    };
    if let Some(fd) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = fd.as_raw_fd() as u64;
    }
    // A child that changes its user makes the memory it shares with us undumpable (which protects it
    // from that user). Afterwards it is ours alone again, and may be debugged as before.
    let shared = flags & libc::CLONE_VM as u64 != 0;
    let restore = shared && frame.steps.iter().any(changes_rights) && nix::sys::prctl::get_dumpable() == Ok(true);
    // No signal need be blocked: CLONE_CLEAR_SIGHAND leaves the child none of our handlers.
    // SAFETY: the stack is ours alone while the lock is held; `frame` outlives the call,
    // and with it the time in which a child shares our memory (CLONE_VFORK).
    let result = unsafe { clone3(&args, frame) };
    if restore {
        let _cannot_fail = nix::sys::prctl::set_dumpable(true);
    }
    drop(stack);
    if result < 0 {
        return Err(Errno::from_raw(-result as i32));
    }
    Ok(result as i32)
}

/// Whether a step may make the process's memory undumpable.
fn changes_rights(step: &Step) -> bool {
    matches!(step, Step::Gid(_) | Step::Uid { .. } | Step::BoundingSet(_) | Step::AmbientSet(_) | Step::SecureBits(_))
}

/// First function of the child, on its own stack.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
extern "C" fn begin(frame: *const Frame<'_>) -> ! {
    // SAFETY: `clone3` passes the frame it was given, which the parent keeps alive.
    steps::run(unsafe { &*frame })
}

/// The child's pid, or a negative errno. The child calls [`begin`] on the stack in `args`.
///
/// # Safety
/// The stack must be used by nobody else until the child has called exec or ended; without
/// `CLONE_VM`, until this returns. The same holds for `frame`.
unsafe fn clone3(args: &CloneArgs, frame: &Frame<'_>) -> isize {
    // Kernels before 5.7 refuse fields they do not know, unless those are left out.
    let size = if args.flags & CLONE_INTO_CGROUP == 0 { 64 } else { size_of::<CloneArgs>() };
    let result: isize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the parent only sees a system call. The child comes out of it on an empty, aligned
    // stack, where `call` leaves the alignment a function expects, and never reaches label 2.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, {frame}",
            "call {begin}",
            "ud2",
            "2:",
            frame = in(reg) frame,
            begin = in(reg) begin as extern "C" fn(*const Frame<'_>) -> !,
            inlateout("rax") libc::SYS_clone3 as isize => result,
            in("rdi") args,
            in("rsi") size,
            // Not `lateout`: an input must not live where the system call writes.
            out("rcx") _,
            out("r11") _,
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above; the stack is aligned to 16 bytes.
    unsafe {
        std::arch::asm!(
            "svc 0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x0, {frame}",
            "blr {begin}",
            "brk 1",
            "2:",
            frame = in(reg) frame,
            begin = in(reg) begin as extern "C" fn(*const Frame<'_>) -> !,
            in("x8") libc::SYS_clone3,
            inlateout("x0") &raw const *args => result,
            in("x1") size,
        );
    }
    #[cfg(target_arch = "riscv64")]
    // SAFETY: as above; the stack is aligned to 16 bytes.
    unsafe {
        std::arch::asm!(
            "ecall",
            "bnez a0, 2f",
            "mv a0, {frame}",
            "jalr {begin}",
            "ebreak",
            "2:",
            frame = in(reg) frame,
            begin = in(reg) begin as extern "C" fn(*const Frame<'_>) -> !,
            in("a7") libc::SYS_clone3,
            inlateout("a0") &raw const *args => result,
            in("a1") size,
        );
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
    {
        let _unused = (args, frame, size);
        result = -(libc::ENOSYS as isize);
    }
    result
}

#[cfg(test)]
#[path = "clone_tests.rs"]
mod tests;
