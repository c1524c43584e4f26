//! The system calls of a child between clone and exec, each as a small safe function. The child may
//! share the parent's memory, so nothing here allocates, takes a lock, calls libc, keeps state or can
//! panic; errors are positive errno values. What is called when is decided by [`steps`](super::steps).
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char};

/// The bare system call: no libc, no errno variable, a negative errno as the result. The child that
/// shares memory with its parent may use nothing else.
///
/// # Safety
/// The arguments must be what the call with this number asks for; pointers must be valid for it.
#[inline(always)]
pub(super) unsafe fn syscall(number: libc::c_long, args: [usize; 6]) -> isize {
    let [a, b, c, d, e, f] = args;
    #[cfg(target_arch = "x86_64")]
    {
        let result: isize;
        // SAFETY: the kernel reads and writes only what the caller vouched for; rcx and r11 are lost.
        unsafe {
            std::arch::asm!(
                "syscall",
                inlateout("rax") number as isize => result,
                in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
                lateout("rcx") _, lateout("r11") _,
                options(nostack),
            );
        }
        result
    }
    #[cfg(target_arch = "aarch64")]
    {
        let result: isize;
        // SAFETY: the kernel reads and writes only what the caller vouched for.
        unsafe {
            std::arch::asm!(
                "svc 0",
                in("x8") number,
                inlateout("x0") a as isize => result,
                in("x1") b, in("x2") c, in("x3") d, in("x4") e, in("x5") f,
                options(nostack),
            );
        }
        result
    }
    #[cfg(target_arch = "riscv64")]
    {
        let result: isize;
        // SAFETY: the kernel reads and writes only what the caller vouched for.
        unsafe {
            std::arch::asm!(
                "ecall",
                in("a7") number,
                inlateout("a0") a as isize => result,
                in("a1") b, in("a2") c, in("a3") d, in("a4") e, in("a5") f,
                options(nostack),
            );
        }
        result
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
    {
        // SAFETY: as the caller vouched for. errno is this thread's own: these architectures always
        // copy memory when they clone.
        let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
        if result == -1 { -(Errno::last_raw() as isize) } else { result as isize }
    }
}

/// `_LINUX_CAPABILITY_VERSION_3`
const CAP_VERSION_3: u32 = 0x2008_0522;

/// `struct __user_cap_header_struct`
#[repr(C)]
struct CapHeader {
    version: u32,
    pid: i32,
}

/// `struct __user_cap_data_struct`
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct CapData {
    pub(super) effective: u32,
    pub(super) permitted: u32,
    pub(super) inheritable: u32,
}

#[cfg(not(any(target_arch = "x86", target_arch = "arm")))]
const SYS_SETRESUID: libc::c_long = libc::SYS_setresuid;

#[cfg(not(any(target_arch = "x86", target_arch = "arm")))]
const SYS_SETRESGID: libc::c_long = libc::SYS_setresgid;

#[cfg(not(any(target_arch = "x86", target_arch = "arm")))]
const SYS_SETGROUPS: libc::c_long = libc::SYS_setgroups;

#[cfg(any(target_arch = "x86", target_arch = "arm"))]
const SYS_SETRESUID: libc::c_long = libc::SYS_setresuid32;

#[cfg(any(target_arch = "x86", target_arch = "arm"))]
const SYS_SETRESGID: libc::c_long = libc::SYS_setresgid32;

#[cfg(any(target_arch = "x86", target_arch = "arm"))]
const SYS_SETGROUPS: libc::c_long = libc::SYS_setgroups32;

#[cfg(target_pointer_width = "32")]
const SYS_FCNTL: libc::c_long = libc::SYS_fcntl64;

#[cfg(not(target_pointer_width = "32"))]
const SYS_FCNTL: libc::c_long = libc::SYS_fcntl;

/// Bytes of the kernel's signal set.
const SIGSET_BYTES: usize = 8;

#[repr(C)]
struct KernelSigaction {
    handler: usize,
    flags: usize,
    restorer: usize,
    mask: u64,
}

#[repr(C)]
pub(super) struct Limit64 {
    pub(super) soft: u64,
    pub(super) hard: u64,
}

/// # Safety
/// As for [`syscall`].
#[inline(always)]
unsafe fn call(number: libc::c_long, args: [usize; 6]) -> Result<usize, i32> {
    // SAFETY: passed on to the caller.
    let result = unsafe { syscall(number, args) };
    if result < 0 { Err(-result as i32) } else { Ok(result as usize) }
}

/// Calls that take nothing but numbers.
#[derive(Clone, Copy)]
pub(super) enum Plain {
    Close,
    CloseRange,
    Dup3,
    ExitGroup,
    Fcntl,
    Getpid,
    Getpriority,
    IoprioSet,
    Personality,
    Prctl,
    Setns,
    Setpriority,
    Setresgid,
    Setresuid,
    Setsid,
    Umask,
}

/// Makes one of them. `Fcntl` and `Prctl` only with operations that take numbers.
pub(super) fn numbers(which: Plain, [a, b, c]: [usize; 3]) -> Result<usize, i32> {
    let number = match which {
        Plain::Close => libc::SYS_close,
        Plain::CloseRange => libc::SYS_close_range,
        Plain::Dup3 => libc::SYS_dup3,
        Plain::ExitGroup => libc::SYS_exit_group,
        Plain::Fcntl => SYS_FCNTL,
        Plain::Getpid => libc::SYS_getpid,
        Plain::Getpriority => libc::SYS_getpriority,
        Plain::IoprioSet => libc::SYS_ioprio_set,
        Plain::Personality => libc::SYS_personality,
        Plain::Prctl => libc::SYS_prctl,
        Plain::Setns => libc::SYS_setns,
        Plain::Setpriority => libc::SYS_setpriority,
        Plain::Setresgid => SYS_SETRESGID,
        Plain::Setresuid => SYS_SETRESUID,
        Plain::Setsid => libc::SYS_setsid,
        Plain::Umask => libc::SYS_umask,
    };
    // SAFETY: none of these takes a pointer, under the condition above. Descriptors that are closed
    // or replaced are the child's own copies.
    unsafe { call(number, [a, b, c, 0, 0, 0]) }
}

/// The same where there is no answer but success.
pub(super) fn plain(which: Plain, args: [usize; 3]) -> Result<(), i32> {
    numbers(which, args).map(drop)
}

/// Makes a terminal the controlling one of the session, taking it from another if `force`.
pub(super) fn take_terminal(fd: usize, force: bool) -> Result<(), i32> {
    let args = [fd, libc::TIOCSCTTY as usize, usize::from(force), 0, 0, 0];
    // SAFETY: this request takes a number.
    unsafe { call(libc::SYS_ioctl, args) }.map(drop)
}

/// prctl(2) with an operation that takes numbers.
pub(super) fn prctl(operation: i32, a: usize, b: usize) -> Result<usize, i32> {
    numbers(Plain::Prctl, [operation as usize, a, b])
}

/// chdir(2) or chroot(2).
fn at_path(number: libc::c_long, path: &CStr) -> Result<(), i32> {
    // SAFETY: chdir and chroot take one C string.
    unsafe { call(number, [path.as_ptr() as usize, 0, 0, 0, 0, 0]) }.map(drop)
}

pub(super) fn exit(status: u8) -> ! {
    loop {
        // Cannot fail; the loop only tells the compiler.
        let _never = numbers(Plain::ExitGroup, [usize::from(status), 0, 0]);
    }
}

pub(super) fn open_at(directory: i32, path: &CStr, flags: i32, mode: u32) -> Result<usize, i32> {
    let flags = flags | libc::O_CLOEXEC | libc::O_NOCTTY;
    let args = [directory as usize, path.as_ptr() as usize, flags as usize, mode as usize, 0, 0];
    loop {
        // SAFETY: openat takes one C string.
        match unsafe { call(libc::SYS_openat, args) } {
            Err(libc::EINTR) => continue,
            result => return result,
        }
    }
}

pub(super) fn open(path: &CStr, flags: i32, mode: u32) -> Result<usize, i32> {
    open_at(libc::AT_FDCWD, path, flags, mode)
}

pub(super) fn write_all(fd: i32, mut bytes: &[u8]) -> Result<(), i32> {
    while !bytes.is_empty() {
        let args = [fd as usize, bytes.as_ptr() as usize, bytes.len(), 0, 0, 0];
        // SAFETY: write reads a slice of this length.
        match unsafe { call(libc::SYS_write, args) } {
            Err(libc::EINTR) => {}
            Err(errno) => return Err(errno),
            Ok(0) => return Err(libc::EIO),
            Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
        }
    }
    Ok(())
}

/// connect(2) to a stream socket that was to be opened with these flags: the other direction is shut down.
pub(super) fn connect(path: &CStr, flags: i32) -> Result<usize, i32> {
    let bytes = path.to_bytes_with_nul();
    // SAFETY: plain data for which zero is a valid value.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    if bytes.len() > address.sun_path.len() {
        return Err(libc::ENAMETOOLONG);
    }
    for (to, from) in address.sun_path.iter_mut().zip(bytes) {
        *to = *from as c_char;
    }
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
    let args = [libc::AF_UNIX as usize, kind as usize, 0, 0, 0, 0];
    // SAFETY: socket takes numbers.
    let fd = unsafe { call(libc::SYS_socket, args) }?;
    let args = [fd, &raw const address as usize, size_of::<libc::sockaddr_un>(), 0, 0, 0];
    // SAFETY: connect reads an address of this length.
    unsafe { call(libc::SYS_connect, args) }?;
    let unused = match flags & libc::O_ACCMODE {
        libc::O_RDONLY => libc::SHUT_WR,
        libc::O_WRONLY => libc::SHUT_RD,
        _ => return Ok(fd),
    };
    // SAFETY: shutdown takes numbers.
    unsafe { call(libc::SYS_shutdown, [fd, unused as usize, 0, 0, 0, 0]) }?;
    Ok(fd)
}

/// Until there is something to read, or the time is over; `None` is for ever.
pub(super) fn await_readable(fd: usize, timeout_msec: Option<i32>) -> Result<(), i32> {
    let mut pollfd = libc::pollfd { fd: fd as i32, events: libc::POLLIN, revents: 0 };
    let msec = timeout_msec.unwrap_or_default().max(0);
    // The kernel counts it down, so an interruption does not prolong the wait.
    let mut left = libc::timespec { tv_sec: (msec / 1000).into(), tv_nsec: (msec % 1000 * 1_000_000).into() };
    let until = if timeout_msec.is_some() { &raw mut left as usize } else { 0 };
    loop {
        let args = [&raw mut pollfd as usize, 1, until, 0, 0, 0];
        // SAFETY: one pollfd, one timespec or none, no signal mask.
        match unsafe { call(libc::SYS_ppoll, args) } {
            Err(libc::EINTR) => continue,
            Err(errno) => return Err(errno),
            Ok(_) => return Ok(()),
        }
    }
}

/// A descriptor that becomes readable when somebody closes the file.
pub(super) fn watch_closes(path: &CStr) -> Result<usize, i32> {
    let flags = libc::IN_CLOEXEC | libc::IN_NONBLOCK;
    // SAFETY: inotify_init1 takes a number.
    let watch = unsafe { call(libc::SYS_inotify_init1, [flags as usize, 0, 0, 0, 0, 0]) }?;
    let args = [watch, path.as_ptr() as usize, libc::IN_CLOSE as usize, 0, 0, 0];
    // SAFETY: inotify_add_watch takes one C string.
    unsafe { call(libc::SYS_inotify_add_watch, args) }?;
    Ok(watch)
}

/// Reads what is there and throws it away.
pub(super) fn forget_events(watch: usize) -> Result<(), i32> {
    let mut events = [0u8; 4096];
    loop {
        // SAFETY: read writes at most the length of the buffer.
        match unsafe { call(libc::SYS_read, [watch, events.as_mut_ptr() as usize, events.len(), 0, 0, 0]) } {
            Ok(_) | Err(libc::EINTR) => {}
            Err(libc::EAGAIN) => return Ok(()),
            Err(errno) => return Err(errno),
        }
    }
}

pub(super) fn unmask() -> Result<(), i32> {
    let empty = 0u64;
    let args = [libc::SIG_SETMASK as usize, &raw const empty as usize, 0, SIGSET_BYTES, 0, 0];
    // SAFETY: a set of eight bytes.
    unsafe { call(libc::SYS_rt_sigprocmask, args) }.map(drop)
}

pub(super) fn get_limit(resource: u32) -> Result<Limit64, i32> {
    let mut old = Limit64 { soft: 0, hard: 0 };
    let args = [0, resource as usize, 0, &raw mut old as usize, 0, 0];
    // SAFETY: the kernel's own structure, to be filled.
    unsafe { call(libc::SYS_prlimit64, args) }?;
    Ok(old)
}

pub(super) fn set_limit(resource: u32, new: &Limit64) -> Result<(), i32> {
    let args = [0, resource as usize, &raw const *new as usize, 0, 0, 0];
    // SAFETY: the kernel's own structure, to be read.
    unsafe { call(libc::SYS_prlimit64, args) }.map(drop)
}

pub(super) fn set_priority(level: i32) -> Result<(), i32> {
    plain(Plain::Setpriority, [libc::PRIO_PROCESS as usize, 0, level as usize])
}

pub(super) fn scheduler(policy: i32, priority: i32) -> Result<(), i32> {
    let args = [0, policy as usize, &raw const priority as usize, 0, 0, 0];
    // SAFETY: `struct sched_param` is one int to the kernel.
    unsafe { call(libc::SYS_sched_setscheduler, args) }.map(drop)
}

pub(super) fn affinity(mask: &[u64]) -> Result<(), i32> {
    let args = [0, size_of_val(mask), mask.as_ptr() as usize, 0, 0, 0];
    // SAFETY: a slice with its length in bytes.
    unsafe { call(libc::SYS_sched_setaffinity, args) }.map(drop)
}

pub(super) fn set_groups(groups: &[u32]) -> Result<(), i32> {
    let args = [groups.len(), groups.as_ptr() as usize, 0, 0, 0, 0];
    // SAFETY: a slice with its length. Raw, because libc would try to tell other threads.
    unsafe { call(SYS_SETGROUPS, args) }.map(drop)
}

pub(super) fn capget() -> Result<[CapData; 2], i32> {
    let header = CapHeader { version: CAP_VERSION_3, pid: 0 };
    let mut data = [CapData::default(); 2];
    let args = [&raw const header as usize, &raw mut data as usize, 0, 0, 0, 0];
    // SAFETY: header and two data words, as version 3 asks for.
    unsafe { call(libc::SYS_capget, args) }?;
    Ok(data)
}

pub(super) fn capset(data: &[CapData; 2]) -> Result<(), i32> {
    let header = CapHeader { version: CAP_VERSION_3, pid: 0 };
    let args = [&raw const header as usize, data.as_ptr() as usize, 0, 0, 0, 0];
    // SAFETY: header and two data words, as version 3 asks for.
    unsafe { call(libc::SYS_capset, args) }.map(drop)
}

/// Sets what becomes of one signal. The table of dispositions is never shared with the parent.
pub(super) fn disposition(signal: usize, handler: usize) -> Result<(), i32> {
    let action = KernelSigaction { handler, flags: 0, restorer: 0, mask: 0 };
    let args = [signal, &raw const action as usize, 0, SIGSET_BYTES, 0, 0];
    // SAFETY: the kernel's own structure; the handler is `SIG_DFL` or `SIG_IGN`.
    unsafe { call(libc::SYS_rt_sigaction, args) }.map(drop)
}

/// Arguments and environment of execve(2).
#[derive(Clone, Copy)]
pub(super) struct Words {
    argv: *const *const c_char,
    envp: *const *const c_char,
}

impl Words {
    /// # Safety
    /// Both must be arrays of C strings that end with null, and stay so until the exec.
    pub(super) unsafe fn new(argv: *const *const c_char, envp: *const *const c_char) -> Words {
        Words { argv, envp }
    }
}

/// execve(2); comes back only with an errno.
pub(super) fn execve(path: &CStr, words: Words) -> i32 {
    let args = [path.as_ptr() as usize, words.argv as usize, words.envp as usize, 0, 0, 0];
    // SAFETY: a C string, and arrays for which the maker of `words` vouched.
    match unsafe { call(libc::SYS_execve, args) } {
        Err(errno) => errno,
        Ok(_) => libc::ENOEXEC,
    }
}

/// chdir(2)
pub(super) fn chdir(path: &CStr) -> Result<(), i32> {
    at_path(libc::SYS_chdir, path)
}

/// chroot(2)
pub(super) fn chroot(path: &CStr) -> Result<(), i32> {
    at_path(libc::SYS_chroot, path)
}
