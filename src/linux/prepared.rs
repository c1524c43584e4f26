//! What a child needs beside its program, made by the parent before the clone: the child itself may
//! not allocate. Makes no system call.

use super::steps::STAMP_DIGITS;
use crate::plan::program::Program;
use nix::errno::Errno;
use std::cell::Cell;
use std::ffi::c_char;
use std::os::fd::{AsRawFd, BorrowedFd};

/// What the child needs beside the program, made before the clone because the child cannot.
pub(super) struct Prepared {
    /// Arguments, null, environment, null.
    pub(super) pointers: Vec<*const c_char>,
    /// Index of the environment in `pointers`.
    pub(super) envp: usize,
    pub(super) slots: Vec<Cell<i32>>,
    /// Copies of the words that get the pid: the program itself is never written to.
    pub(super) stamped: Vec<Cell<u8>>,
    pub(super) stamp_offsets: Vec<usize>,
}

impl Prepared {
    pub(super) fn new(program: &Program, supplies: &[BorrowedFd<'_>]) -> Result<Prepared, Errno> {
        let slot_count = usize::from(program.slots);
        if supplies.len() != program.supplies.len() || supplies.len() > slot_count {
            return Err(Errno::EINVAL);
        }
        let mut slots = Vec::with_capacity(slot_count);
        slots.extend(supplies.iter().map(|fd| Cell::new(fd.as_raw_fd())));
        slots.resize(slot_count, Cell::new(-1));

        let envp = program.argv.len() + 1;
        let mut pointers = Vec::with_capacity(envp + program.envp.len() + 1);
        pointers.extend(program.argv.iter().map(|word| word.as_ptr()));
        pointers.push(std::ptr::null());
        pointers.extend(program.envp.iter().map(|entry| entry.as_ptr()));
        pointers.push(std::ptr::null());

        let mut prepared = Prepared { pointers, envp, slots, stamped: Vec::new(), stamp_offsets: Vec::new() };
        prepared.copy_stamped(program)?;
        Ok(prepared)
    }

    fn copy_stamped(&mut self, program: &Program) -> Result<(), Errno> {
        let arguments = program.argv_stamps.iter().map(|stamp| (0, &program.argv[..], stamp));
        let variables = program.stamps.iter().map(|stamp| (self.envp, &program.envp[..], stamp));
        // Index of the pointer, and where its copy begins.
        let mut copies: Vec<(usize, usize)> = Vec::new();
        for (first, words, stamp) in arguments.chain(variables) {
            let word = words.get(usize::from(stamp.entry)).ok_or(Errno::EINVAL)?;
            if usize::from(stamp.offset) + STAMP_DIGITS > word.as_bytes().len() {
                return Err(Errno::EINVAL);
            }
            let pointer = first + usize::from(stamp.entry);
            let base = match copies.iter().find(|(known, _)| *known == pointer) {
                Some((_, base)) => *base,
                None => {
                    copies.push((pointer, self.stamped.len()));
                    let base = self.stamped.len();
                    self.stamped.extend(word.as_bytes_with_nul().iter().map(|b| Cell::new(*b)));
                    base
                }
            };
            self.stamp_offsets.push(base + usize::from(stamp.offset));
        }
        // The last one first: writing a pid moves what follows it.
        self.stamp_offsets.sort_unstable_by(|a, b| b.cmp(a));
        // Only now, because the buffer has moved while it grew.
        for (index, base) in copies {
            if let (Some(pointer), Some(copy)) = (self.pointers.get_mut(index), self.stamped.get(base..)) {
                *pointer = copy.as_ptr().cast();
            }
        }
        Ok(())
    }
}
