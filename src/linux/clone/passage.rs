//! Children that share our memory: what each of them reads and writes, and the stack it is on, are
//! kept until it has left. Makes no child and knows no step.
#![allow(unsafe_code)]

use super::super::steps::Frame;
use super::StepFailure;
use super::call::{Way, clone_onto};
use crate::bounds::{CHILD_STACK_BYTES, PASSAGES_MAX};
use crate::plan::program::{Program, Step};
use nix::errno::Errno;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A child's stay in our memory, from clone to exec: what it reads and writes until it has left.
#[derive(Debug)]
pub struct Passage {
    place: NonNull<Place>,
}

struct Place {
    /// Cleared by the kernel when the child leaves our memory (`CLONE_CHILD_CLEARTID`).
    here: AtomicU32,
    frame: Frame,
    stack: Stack,
    /// No other stack is left.
    is_last: bool,
    changes_rights: bool,
}

impl Passage {
    /// A place for a child that will begin with this frame.
    pub(super) fn new(frame: Frame) -> Result<Passage, Errno> {
        let changes_rights = frame.program.steps.iter().any(changes_rights);
        let (stack, is_last) = stacks().take(changes_rights)?;
        let place = Place { here: AtomicU32::new(0), frame, stack, is_last, changes_rights };
        Ok(Passage { place: NonNull::from(Box::leak(Box::new(place))) })
    }

    /// Makes the child. The caller is suspended until it has left if it must be, or if no place
    /// would be left for the next one. To be called once.
    pub(super) fn enter(&self, way: Way, wait: bool, cgroup: Option<BorrowedFd<'_>>) -> Result<i32, Errno> {
        let place = self.place.as_ptr();
        // SAFETY: `drop` alone ends the place, and not before the child has left. From the clone on only
        // the kernel and the child write to it, to atomics and cells.
        let (here, frame, stack, is_last) =
            unsafe { (&(*place).here, &raw const (*place).frame, (*place).stack, (*place).is_last) };
        here.store(1, Ordering::Relaxed);
        let mut flags = libc::CLONE_VM | libc::CLONE_CHILD_CLEARTID;
        if wait || is_last {
            flags |= libc::CLONE_VFORK;
        }
        // SAFETY: stack and frame are the child's until it has left.
        let made = unsafe { clone_onto(way, stack, frame, here.as_ptr(), flags as u64, cgroup) };
        made.inspect_err(|_| here.store(0, Ordering::Relaxed))
    }

    /// `None` while the child is on its way. `Ok`: its program runs (or it ended without failing).
    pub fn outcome(&self) -> Option<Result<(), StepFailure>> {
        // SAFETY: `drop` alone ends the place.
        let (here, failure) = unsafe { (&(*self.place.as_ptr()).here, &(*self.place.as_ptr()).frame.failure) };
        // Acquire: what the child wrote before the kernel cleared the word.
        (here.load(Ordering::Acquire) == 0).then(|| {
            failure
                .get()
                .map_or(Ok(()), |(step, errno)| Err(StepFailure { step: step as usize, errno: Errno::from_raw(errno) }))
        })
    }

    /// What the child does, in order.
    pub fn program(&self) -> &Arc<Program> {
        // SAFETY: as above; and nobody writes to this.
        unsafe { &(*self.place.as_ptr()).frame.program }
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        // A child that is still there keeps its place for ever: whoever forgets it would otherwise
        // have to wait for it.
        if self.outcome().is_none() {
            return;
        }
        // SAFETY: made by `new`, ended once, and the child has left.
        let place = unsafe { Box::from_raw(self.place.as_ptr()) };
        stacks().give_back(place.stack, place.changes_rights);
    }
}

/// Stacks for children. One that shares our memory has its stack to itself until it has left; one
/// that copies takes its own copy along.
struct Stacks {
    free: Vec<Stack>,
    made: usize,
    /// Children underway that change their rights.
    changing: usize,
    /// Whether this process may be debugged while there are none.
    dumpable: bool,
}

static STACKS: Mutex<Stacks> = Mutex::new(Stacks { free: Vec::new(), made: 0, changing: 0, dumpable: false });

fn stacks() -> MutexGuard<'static, Stacks> {
    STACKS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stacks {
    /// One of them, and whether it was the last.
    fn take(&mut self, changes_rights: bool) -> Result<(Stack, bool), Errno> {
        let stack = match self.free.pop() {
            Some(stack) => stack,
            None => Stack::map().inspect(|_| self.made += 1)?,
        };
        if changes_rights {
            if self.changing == 0 {
                self.dumpable = nix::sys::prctl::get_dumpable() == Ok(true);
            }
            self.changing += 1;
        }
        Ok((stack, self.free.is_empty() && self.made >= PASSAGES_MAX))
    }

    /// A child that changes its user makes the memory it shares with us undumpable (which protects it
    /// from that user). Once that is ours alone again, it may be debugged as before.
    fn give_back(&mut self, stack: Stack, changes_rights: bool) {
        self.free.push(stack);
        if changes_rights {
            self.changing -= 1;
            if self.changing == 0 && self.dumpable {
                let _cannot_fail = nix::sys::prctl::set_dumpable(true);
            }
        }
    }
}

/// Runs something with a stack that is free again afterwards.
pub(super) fn with_stack<T>(then: impl FnOnce(Stack) -> T) -> Result<T, Errno> {
    let (stack, _) = stacks().take(false)?;
    let result = then(stack);
    stacks().give_back(stack, false);
    Ok(result)
}

/// One of them: `CHILD_STACK_BYTES` above a guard.
#[derive(Clone, Copy)]
pub(super) struct Stack {
    pub(super) base: usize,
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

/// Whether a step may make the process's memory undumpable.
fn changes_rights(step: &Step) -> bool {
    matches!(step, Step::Gid(_) | Step::Uid { .. } | Step::BoundingSet(_) | Step::AmbientSet(_) | Step::SecureBits(_))
}
