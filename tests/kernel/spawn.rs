//! Children on the real kernel: every step has its effect, and nothing between clone and exec
//! allocates (the allocator of this test ends a child that tries).
#![allow(unsafe_code)] // the poisoned allocator
#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // tests look at the world as it is
#![allow(clippy::unnecessary_cast)] // numbers of limits have another type with musl

mod spawn_effects;
mod spawn_failures;
mod spawn_identity;
mod spawn_processes;

use nix::errno::Errno;
use porterd::linux::clone::{self, Child, Outcome};
use porterd::linux::process::{self, Exit};
use porterd::plan::program::{Pace, Program, Slot, Stamp, Step, Supply};
use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::CString;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

/// The process that may allocate. Children share or copy this word, and find another pid.
static OWNER: AtomicI32 = AtomicI32::new(0);
const POISONED: i32 = 99;

struct Poisoned;

impl Poisoned {
    fn check() {
        // SAFETY: getpid and _exit have no preconditions. Raw, because libc may remember the pid.
        let pid = unsafe { libc::syscall(libc::SYS_getpid) } as i32;
        let owner = OWNER.load(Ordering::Relaxed);
        if owner == 0 {
            OWNER.store(pid, Ordering::Relaxed);
        } else if owner != pid {
            // SAFETY: as above.
            unsafe { libc::_exit(POISONED) };
        }
    }
}

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Poisoned {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Poisoned::check();
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        Poisoned::check();
        // SAFETY: passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Poisoned = Poisoned;

/// A program under construction; standard output is slot 0.
struct Case(Program);

impl Case {
    fn new(pace: Pace, steps: Vec<Step>, argv: &[&str]) -> Case {
        Case(Program {
            steps: steps.into(),
            supplies: [Supply::Passed(0)].into(),
            slots: 8,
            argv: argv.iter().map(|word| c(word)).collect(),
            argv_stamps: Vec::new(),
            envp: vec![c("PATH=/usr/bin:/bin")],
            stamps: Vec::new(),
            pace,
        })
    }

    /// Adds the usual end.
    fn exec(mut self, place: Vec<(Slot, i32)>) -> Case {
        let candidates = vec![self.0.argv[0].clone()];
        let end = [Step::Place(place), Step::Unmask, Step::StampPid, Step::Exec { candidates, missing_ok: false }];
        self.0.steps = self.0.steps.iter().cloned().chain(end).collect();
        self
    }

    fn environment(mut self, entries: &[&str], stamps: &[(u16, u16)]) -> Case {
        self.0.envp.extend(entries.iter().map(|e| c(e)));
        self.0.stamps = stamps.iter().map(|(entry, offset)| Stamp { entry: *entry, offset: *offset }).collect();
        self
    }
}

fn c(text: &str) -> CString {
    CString::new(text).unwrap()
}

/// Ends a child of a test that broke off.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        if process::signal_child(self.0.pid, libc::SIGKILL).is_ok() {
            wait(&self.0);
        }
    }
}

/// Waits, but not for ever.
fn wait(child: &Child) -> Exit {
    use nix::poll::{PollFd, PollFlags, poll};
    let held = process::Process::adopt(child.pid).unwrap();
    let mut fds = [PollFd::new(held.pidfd.as_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut fds, 20_000u16), Ok(1), "the child does not end");
    held.try_wait().unwrap().unwrap()
}

/// What became of a child: how it ended, what it wrote, and the failed step if there was one.
#[derive(Debug)]
struct Result_ {
    exit: Exit,
    output: String,
    failure: Option<(usize, Errno)>,
}

fn run(case: &Case, more: &[BorrowedFd<'_>]) -> Result_ {
    let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
    let mut supplies = vec![write.as_fd()];
    supplies.extend(more);
    let mut program = case.0.clone();
    program.supplies = vec![Supply::Passed(0); supplies.len()].into();
    let child = Guard(clone::spawn(&Arc::new(program), &supplies, None).unwrap());
    drop(write);
    let mut output = Vec::new();
    std::fs::File::from(read).read_to_end(&mut output).unwrap();
    let exit = wait(&child.0);
    // Whatever the pace: the outcome is known when the child has ended.
    let failure = match &child.0.outcome {
        Outcome::Execed => None,
        Outcome::Failed(failure) => Some(*failure),
        Outcome::Underway(passage) => passage.outcome().unwrap().err(),
        Outcome::Pending(pipe) => clone::read_report(pipe.as_fd()).unwrap().err(),
    };
    let failure = failure.map(|failure| (failure.step, failure.errno));
    Result_ { exit, output: String::from_utf8(output).unwrap(), failure }
}

const PACES: [Pace; 3] = [Pace::Prompt, Pace::Awaited, Pace::Patient];

/// Runs a command after the given steps, at these paces, and gives what it wrote at each.
fn after_at<const N: usize>(paces: [Pace; N], steps: &[Step], argv: &[&str]) -> [String; N] {
    paces.map(|pace| {
        let result = run(&Case::new(pace, steps.to_vec(), argv).exec(vec![(Slot(0), 1)]), &[]);
        assert_eq!((result.exit, result.failure), (Exit::Code(0), None), "{pace:?} {steps:?}");
        result.output
    })
}

/// The same at every pace; it makes no difference.
fn after(steps: Vec<Step>, argv: &[&str]) -> String {
    let [prompt, awaited, patient] = after_at(PACES, &steps, argv);
    if !argv.contains(&"/proc/self/stat") && !argv.contains(&"/proc/self/status") {
        assert_eq!((&prompt, &prompt), (&awaited, &patient));
    }
    prompt
}

/// The value of a field of /proc/self/status after the given steps.
fn status(steps: Vec<Step>, field: &str) -> String {
    let text = after(steps, &["/bin/cat", "/proc/self/status"]);
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {field} in {text}")).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Some tests are about what only root may do.
fn root() -> bool {
    let yes = nix::unistd::geteuid().is_root();
    if !yes {
        eprintln!("skipped: needs root");
    }
    yes
}

fn null() -> OwnedFd {
    std::fs::File::open("/dev/null").unwrap().into()
}
