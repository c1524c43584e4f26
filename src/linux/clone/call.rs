//! The call clone3(2) with a stack of its own for the child, which no library offers.
#![allow(unsafe_code)]

use super::super::steps::{self, Frame};
use super::passage::Stack;
use crate::bounds::CHILD_STACK_BYTES;
use nix::errno::Errno;
use std::os::fd::{AsRawFd, BorrowedFd};

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

/// The pid of a child that begins with this frame on this stack. `here` is the word that the kernel
/// clears when a sharing child leaves, or null.
///
/// # Safety
/// What [`clone3`] asks for.
pub(super) unsafe fn clone_onto(
    stack: Stack,
    frame: *const Frame,
    here: *const u32,
    flags: u64,
    cgroup: Option<BorrowedFd<'_>>,
) -> Result<i32, Errno> {
    // No signal need be blocked: the child has none of our handlers.
    let mut args = CloneArgs {
        flags: flags | CLONE_CLEAR_SIGHAND,
        child_tid: here as u64,
        exit_signal: libc::SIGCHLD as u64,
        stack: stack.base as u64,
        stack_size: CHILD_STACK_BYTES as u64,
        ..CloneArgs::default()
    };
    if let Some(fd) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = fd.as_raw_fd() as u64;
    }
    // SAFETY: as the caller vouches.
    match unsafe { clone3(&args, frame) } {
        pid @ 0.. => Ok(pid as i32),
        errno => Err(Errno::from_raw(-errno as i32)),
    }
}

/// First function of the child, on its own stack.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
extern "C" fn begin(frame: *const Frame) -> ! {
    // SAFETY: `clone3` passes the frame it was given, which the parent keeps alive.
    steps::run(unsafe { &*frame })
}

/// The child's pid, or a negative errno. The child calls [`begin`] on the stack in `args`.
///
/// # Safety
/// With `CLONE_VM` the stack must be used by nobody else until the child has called exec or ended, and
/// the frame must live as long; without, both until this returns.
unsafe fn clone3(args: &CloneArgs, frame: *const Frame) -> isize {
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
            begin = in(reg) begin as extern "C" fn(*const Frame) -> !,
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
            begin = in(reg) begin as extern "C" fn(*const Frame) -> !,
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
            begin = in(reg) begin as extern "C" fn(*const Frame) -> !,
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
