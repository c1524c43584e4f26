//! The calls clone3(2) and clone(2) with a stack of its own for the child, which no library offers.
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

/// Which call makes the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// clone3(2): born in its control group, without our signal handlers.
    Clone3,
    /// clone(2), for kernels before 5.3 and containers that forbid the other; signals must be blocked
    /// meanwhile, and the child enters the control group by itself.
    Clone,
}

/// The pid of a child that begins with this frame on this stack. `here` is the word that the kernel
/// clears when a sharing child leaves, or null. `cgroup` has no effect on [`Way::Clone`].
///
/// # Safety
/// What [`call_twice`] asks for.
pub(super) unsafe fn clone_onto(
    way: Way,
    stack: Stack,
    frame: *const Frame,
    here: *const u32,
    flags: u64,
    cgroup: Option<BorrowedFd<'_>>,
) -> Result<i32, Errno> {
    let result = match way {
        Way::Clone3 => {
            // No signal need be blocked: the child has none of our handlers.
            let mut args = CloneArgs {
                flags: flags | CLONE_CLEAR_SIGHAND,
                child_tid: here as u64,
                exit_signal: libc::SIGCHLD as u64,
                stack: stack.base as u64,
                stack_size: CHILD_STACK_BYTES as u64,
                ..CloneArgs::default()
            };
            // Kernels before 5.7 refuse fields they do not know, unless those are left out.
            let mut size = 64;
            if let Some(fd) = cgroup {
                args.flags |= CLONE_INTO_CGROUP;
                args.cgroup = fd.as_raw_fd() as u64;
                size = size_of::<CloneArgs>();
            }
            // SAFETY: as the caller vouches; the structure is read before the call returns.
            unsafe { call_twice(libc::SYS_clone3, [&raw const args as usize, size, 0, 0, 0], frame) }
        }
        Way::Clone => {
            let flags = flags as usize | libc::SIGCHLD as usize;
            let (top, here, tls) = (stack.base + CHILD_STACK_BYTES, here as usize, 0);
            // The last two are the other way round elsewhere (clone(2), "C library/kernel differences").
            let args =
                if cfg!(target_arch = "x86_64") { [flags, top, 0, here, tls] } else { [flags, top, 0, tls, here] };
            // SAFETY: as the caller vouches.
            unsafe { call_twice(libc::SYS_clone, args, frame) }
        }
    };
    match result {
        pid @ 0.. => Ok(pid as i32),
        errno => Err(Errno::from_raw(-errno as i32)),
    }
}

/// First function of the child, on its own stack.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
extern "C" fn begin(frame: *const Frame) -> ! {
    // SAFETY: `call_twice` passes the frame it was given, which the parent keeps alive.
    steps::run(unsafe { &*frame })
}

/// The child's pid, or a negative errno. The child calls [`begin`] on the stack that the arguments name.
///
/// # Safety
/// The call must be clone(2) or clone3(2) and its arguments must give the child a stack, aligned to 16
/// bytes. With `CLONE_VM` the stack must be used by nobody else until the child has called exec or
/// ended, and the frame must live as long; without, both until this returns.
unsafe fn call_twice(number: libc::c_long, args: [usize; 5], frame: *const Frame) -> isize {
    let [a, b, c, d, e] = args;
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
            inlateout("rax") number as isize => result,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e,
            // Not `lateout`: an input must not live where the system call writes.
            out("rcx") _,
            out("r11") _,
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
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
            in("x8") number,
            inlateout("x0") a as isize => result,
            in("x1") b, in("x2") c, in("x3") d, in("x4") e,
        );
    }
    #[cfg(target_arch = "riscv64")]
    // SAFETY: as above.
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
            in("a7") number,
            inlateout("a0") a as isize => result,
            in("a1") b, in("a2") c, in("a3") d, in("a4") e,
        );
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
    {
        let _unused = (number, a, b, c, d, e, frame);
        result = -(libc::ENOSYS as isize);
    }
    result
}
