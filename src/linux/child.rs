//! The interpreter of a [`Program`](crate::plan::program::Program): all that runs between clone and
//! exec (R6). It may share the parent's memory, so it allocates nothing, takes no lock, calls no
//! libc, cannot panic, and writes only to its stack and to the scratch words of its [`Frame`].
#![allow(unsafe_code)]

use super::raw::{self, CAP_VERSION_3, CapData, CapHeader};
use crate::bounds::CLOSE_SCAN_MAX;
use crate::plan::program::{Purpose, Slot, Step};
use std::cell::Cell;
use std::ffi::{CStr, c_char};

/// Bytes reserved for a pid.
pub(super) const STAMP_DIGITS: usize = 10;

/// What the child is given. Everything in it was made by the parent before the clone.
pub(super) struct Frame<'a> {
    pub(super) steps: &'a [Step],
    /// Ends with a null pointer, as `envp` does.
    pub(super) argv: *const *const c_char,
    pub(super) envp: *const *const c_char,
    /// Scratch: descriptor of each slot, -1 while it has none.
    pub(super) slots: &'a [Cell<i32>],
    /// Scratch: the words that get the pid.
    pub(super) stamped: &'a [Cell<u8>],
    /// Where in `stamped` the digits begin, descending.
    pub(super) stamp_offsets: &'a [usize],
    /// Write end of the report pipe, or -1: the report stays in `failure`.
    pub(super) report: Cell<i32>,
    /// Group to enter first, or -1 (it was born there, or there is none).
    pub(super) cgroup: i32,
    /// Scratch: index of the step that failed, and errno.
    pub(super) failure: Cell<Option<(u32, i32)>>,
}

/// A positive errno on failure.
type Done = Result<(), i32>;

/// Runs the program. Does not come back.
pub(super) fn run(frame: &Frame<'_>) -> ! {
    if frame.cgroup >= 0
        && let Err(errno) = enter_cgroup(frame.cgroup)
    {
        give_up(frame, frame.steps.len(), errno, Purpose::Cgroup);
    }
    for (index, step) in frame.steps.iter().enumerate() {
        if let Err(errno) = perform(frame, step) {
            give_up(frame, index, errno, step.purpose());
        }
    }
    // A program without `Exec` has nothing to become.
    give_up(frame, frame.steps.len(), libc::ENOEXEC, Purpose::Exec)
}

fn give_up(frame: &Frame<'_>, index: usize, errno: i32, purpose: Purpose) -> ! {
    frame.failure.set(Some((index as u32, errno)));
    let report = frame.report.get();
    if report >= 0 {
        // Eight bytes: a pipe takes them whole. Nobody is left to be told if it does not.
        let [a, b, c, d] = (index as u32).to_ne_bytes();
        let [e, f, g, h] = errno.to_ne_bytes();
        let _unreportable = write_all(report, &[a, b, c, d, e, f, g, h]);
    }
    exit(purpose.exit_status())
}

fn perform(frame: &Frame<'_>, step: &Step) -> Done {
    match step {
        Step::Session => plain(libc::SYS_setsid, [0; 3]),
        Step::DefaultSignals(mask) => dispositions(*mask, libc::SIG_DFL),
        Step::IgnoreSignals(mask) => dispositions(*mask, libc::SIG_IGN),
        Step::Unmask => unmask(),
        Step::Open {
            path,
            flags,
            mode,
            into,
            ..
        } => fill(frame, *into, open(path, *flags, *mode)?),
        Step::Connect { path, into, .. } => fill(frame, *into, connect(path)?),
        Step::Terminal { slot, force } => plain(
            libc::SYS_ioctl,
            [
                held(frame, *slot)?,
                libc::TIOCSCTTY as usize,
                usize::from(*force),
            ],
        ),
        Step::Blocking { slot, blocking } => set_blocking(held(frame, *slot)?, *blocking),
        Step::Place(places) => place(frame, places),
        Step::CloseFrom(first) => close_from(*first),
        Step::Write {
            path,
            content,
            optional,
            ..
        } => match write_file(path, content) {
            Err(libc::EPERM | libc::EACCES) if *optional => Ok(()),
            done => done,
        },
        Step::Nice(level) => nice(*level),
        Step::Scheduler { policy, priority } => scheduler(*policy, *priority),
        Step::Affinity(mask) => affinity(mask),
        Step::IoPriority(value) => plain(
            libc::SYS_ioprio_set,
            [IOPRIO_WHO_PROCESS, 0, *value as usize],
        ),
        Step::TimerSlack(nsec) => prctl(libc::PR_SET_TIMERSLACK, *nsec as usize, 0).map(drop),
        Step::Personality(value) => plain(libc::SYS_personality, [*value as usize, 0, 0]),
        Step::Umask(mask) => plain(libc::SYS_umask, [*mask as usize, 0, 0]),
        Step::Limit(resource, soft, hard) => limit(*resource, *soft, *hard),
        Step::Chroot(path) => {
            at_path(libc::SYS_chroot, path).and_then(|()| at_path(libc::SYS_chdir, c"/"))
        }
        Step::Groups(groups) => set_groups(groups),
        Step::Gid(gid) => plain(SYS_SETRESGID, [*gid as usize; 3]),
        Step::Uid { uid, keep_caps } => {
            if *keep_caps {
                prctl(libc::PR_SET_KEEPCAPS, 1, 0)?;
            }
            plain(SYS_SETRESUID, [*uid as usize; 3])
        }
        Step::BoundingSet(mask) => bounding_set(*mask),
        Step::AmbientSet(mask) => ambient_set(*mask),
        Step::SecureBits(bits) => {
            with_setpcap(|| prctl(libc::PR_SET_SECUREBITS, *bits as usize, 0).map(drop))
        }
        Step::NoNewPrivileges => prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0).map(drop),
        Step::Chdir { path, optional } => match at_path(libc::SYS_chdir, path) {
            // The daemon's own directory is nothing a service may rely on.
            Err(_) if *optional => at_path(libc::SYS_chdir, c"/"),
            done => done,
        },
        Step::StampPid => stamp(frame),
        Step::IdleWait { slot, timeout_msec } => idle_wait(held(frame, *slot)?, *timeout_msec),
        Step::Fail { errno, .. } => Err(*errno),
        Step::Exec {
            candidates,
            missing_ok,
        } => exec(frame, candidates, *missing_ok),
    }
}

// Numbers and structures of the kernel.

#[cfg(not(any(target_arch = "x86", target_arch = "arm")))]
const SYS_SETRESUID: libc::c_long = libc::SYS_setresuid;
#[cfg(not(any(target_arch = "x86", target_arch = "arm")))]
const SYS_SETRESGID: libc::c_long = libc::SYS_setresgid;
#[cfg(not(any(target_arch = "x86", target_arch = "arm")))]
const SYS_SETGROUPS: libc::c_long = libc::SYS_setgroups;
// The plain numbers of these two know 16-bit ids only.
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

const IOPRIO_WHO_PROCESS: usize = 1;
const CAP_SETPCAP: u32 = 8;
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
struct Limit64 {
    soft: u64,
    hard: u64,
}

// The only ways out: one that may pass pointers, one that cannot.

/// # Safety
/// As for [`raw::syscall`].
#[inline(always)]
unsafe fn call(number: libc::c_long, args: [usize; 6]) -> Result<usize, i32> {
    // SAFETY: passed on to the caller.
    let result = unsafe { raw::syscall(number as i64, args) };
    if result < 0 {
        Err(-result as i32)
    } else {
        Ok(result as usize)
    }
}

/// A call whose arguments are all plain numbers to the kernel.
fn numbers(number: libc::c_long, [a, b, c]: [usize; 3]) -> Result<usize, i32> {
    // SAFETY: every caller in this file names a call that takes no pointer, or gives it null.
    unsafe { call(number, [a, b, c, 0, 0, 0]) }
}

fn plain(number: libc::c_long, args: [usize; 3]) -> Done {
    numbers(number, args).map(drop)
}

/// prctl(2) with an operation that takes numbers.
fn prctl(operation: i32, a: usize, b: usize) -> Result<usize, i32> {
    numbers(libc::SYS_prctl, [operation as usize, a, b])
}

fn at_path(number: libc::c_long, path: &CStr) -> Done {
    // SAFETY: chdir and chroot take one C string.
    unsafe { call(number, [path.as_ptr() as usize, 0, 0, 0, 0, 0]) }.map(drop)
}

fn exit(status: u8) -> ! {
    loop {
        // Cannot fail; the loop only tells the compiler.
        let _never = numbers(libc::SYS_exit_group, [usize::from(status), 0, 0]);
    }
}

// Descriptors.

fn held(frame: &Frame<'_>, slot: Slot) -> Result<usize, i32> {
    match frame.slots.get(usize::from(slot.0)).map(Cell::get) {
        Some(fd) if fd >= 0 => Ok(fd as usize),
        _ => Err(libc::EBADF),
    }
}

fn fill(frame: &Frame<'_>, slot: Slot, fd: usize) -> Done {
    frame
        .slots
        .get(usize::from(slot.0))
        .ok_or(libc::EBADF)?
        .set(fd as i32);
    Ok(())
}

fn open_at(directory: i32, path: &CStr, flags: i32, mode: u32) -> Result<usize, i32> {
    let flags = flags | libc::O_CLOEXEC | libc::O_NOCTTY;
    let args = [
        directory as usize,
        path.as_ptr() as usize,
        flags as usize,
        mode as usize,
        0,
        0,
    ];
    loop {
        // SAFETY: openat takes one C string.
        match unsafe { call(libc::SYS_openat, args) } {
            Err(libc::EINTR) => continue,
            result => return result,
        }
    }
}

fn open(path: &CStr, flags: i32, mode: u32) -> Result<usize, i32> {
    open_at(libc::AT_FDCWD, path, flags, mode)
}

fn write_all(fd: i32, mut bytes: &[u8]) -> Done {
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

fn write_and_close(fd: usize, content: &[u8]) -> Done {
    let done = write_all(fd as i32, content);
    plain(libc::SYS_close, [fd, 0, 0])?;
    done
}

fn write_file(path: &CStr, content: &[u8]) -> Done {
    write_and_close(open(path, libc::O_WRONLY, 0)?, content)
}

fn enter_cgroup(directory: i32) -> Done {
    write_and_close(
        open_at(directory, c"cgroup.procs", libc::O_WRONLY, 0)?,
        b"0",
    )
}

fn connect(path: &CStr) -> Result<usize, i32> {
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
    let fd = numbers(libc::SYS_socket, [libc::AF_UNIX as usize, kind as usize, 0])?;
    let args = [
        fd,
        &raw const address as usize,
        size_of::<libc::sockaddr_un>(),
        0,
        0,
        0,
    ];
    // SAFETY: connect reads an address of this length.
    unsafe { call(libc::SYS_connect, args) }?;
    Ok(fd)
}

fn set_blocking(fd: usize, blocking: bool) -> Done {
    let before = numbers(SYS_FCNTL, [fd, libc::F_GETFL as usize, 0])?;
    let bit = libc::O_NONBLOCK as usize;
    let after = if blocking {
        before & !bit
    } else {
        before | bit
    };
    if after == before {
        Ok(())
    } else {
        plain(SYS_FCNTL, [fd, libc::F_SETFL as usize, after])
    }
}

/// Everything that lies in the target range is lifted above it first, the report pipe included; then
/// no order of numbers can overwrite a source. dup3(2) leaves close-on-exec off.
fn place(frame: &Frame<'_>, places: &[(Slot, i32)]) -> Done {
    let Some(highest) = places.iter().map(|(_, number)| *number).max() else {
        return Ok(());
    };
    for cell in frame.slots.iter().chain(std::iter::once(&frame.report)) {
        let fd = cell.get();
        if (0..=highest).contains(&fd) {
            let lifted = [
                fd as usize,
                libc::F_DUPFD_CLOEXEC as usize,
                highest as usize + 1,
            ];
            cell.set(numbers(SYS_FCNTL, lifted)? as i32);
        }
    }
    for (slot, number) in places {
        plain(libc::SYS_dup3, [held(frame, *slot)?, *number as usize, 0])?;
    }
    Ok(())
}

/// Close-on-exec rather than closed: the report pipe must live until exec.
fn close_from(first: i32) -> Done {
    let flags = libc::CLOSE_RANGE_CLOEXEC as usize;
    match plain(
        libc::SYS_close_range,
        [first as usize, u32::MAX as usize, flags],
    ) {
        Err(libc::ENOSYS | libc::EINVAL | libc::EPERM) => {
            for fd in first..CLOSE_SCAN_MAX {
                // Most numbers have no descriptor: that is no failure.
                let _absent = numbers(
                    SYS_FCNTL,
                    [
                        fd as usize,
                        libc::F_SETFD as usize,
                        libc::FD_CLOEXEC as usize,
                    ],
                );
            }
            Ok(())
        }
        done => done,
    }
}

fn idle_wait(fd: usize, timeout_msec: i32) -> Done {
    let mut pollfd = libc::pollfd {
        fd: fd as i32,
        events: libc::POLLIN,
        revents: 0,
    };
    let timeout_msec = timeout_msec.max(0);
    // The kernel counts it down, so an interruption does not prolong the wait.
    let mut left = libc::timespec {
        tv_sec: (timeout_msec / 1000).into(),
        tv_nsec: (timeout_msec % 1000 * 1_000_000).into(),
    };
    loop {
        let args = [&raw mut pollfd as usize, 1, &raw mut left as usize, 0, 0, 0];
        // SAFETY: one pollfd, one timespec, no signal mask.
        match unsafe { call(libc::SYS_ppoll, args) } {
            Err(libc::EINTR) => continue,
            Err(errno) => return Err(errno),
            Ok(_) => return Ok(()),
        }
    }
}

// Signals.

fn dispositions(mask: u64, handler: usize) -> Done {
    let action = KernelSigaction {
        handler,
        flags: 0,
        restorer: 0,
        mask: 0,
    };
    for signal in (1..=64).filter(|n| mask >> (n - 1) & 1 == 1) {
        let args = [signal, &raw const action as usize, 0, SIGSET_BYTES, 0, 0];
        // SAFETY: the kernel's own structure. The table of dispositions is not shared with the parent.
        match unsafe { call(libc::SYS_rt_sigaction, args) } {
            // SIGKILL and SIGSTOP.
            Ok(_) | Err(libc::EINVAL) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

fn unmask() -> Done {
    let empty = 0u64;
    let args = [
        libc::SIG_SETMASK as usize,
        &raw const empty as usize,
        0,
        SIGSET_BYTES,
        0,
        0,
    ];
    // SAFETY: a set of eight bytes.
    unsafe { call(libc::SYS_rt_sigprocmask, args) }.map(drop)
}

// Scheduling and limits.

fn get_limit(resource: u32) -> Result<Limit64, i32> {
    let mut old = Limit64 { soft: 0, hard: 0 };
    let args = [0, resource as usize, 0, &raw mut old as usize, 0, 0];
    // SAFETY: the kernel's own structure, to be filled.
    unsafe { call(libc::SYS_prlimit64, args) }?;
    Ok(old)
}

fn set_limit(resource: u32, new: &Limit64) -> Done {
    let args = [0, resource as usize, &raw const *new as usize, 0, 0, 0];
    // SAFETY: the kernel's own structure, to be read.
    unsafe { call(libc::SYS_prlimit64, args) }.map(drop)
}

fn limit(resource: u32, soft: u64, hard: u64) -> Done {
    match set_limit(resource, &Limit64 { soft, hard }) {
        Err(libc::EPERM) => {
            let highest = get_limit(resource)?.hard;
            set_limit(
                resource,
                &Limit64 {
                    soft: soft.min(highest),
                    hard: hard.min(highest),
                },
            )
        }
        done => done,
    }
}

fn set_priority(level: i32) -> Done {
    plain(
        libc::SYS_setpriority,
        [libc::PRIO_PROCESS as usize, 0, level as usize],
    )
}

fn nice(level: i32) -> Done {
    match set_priority(level) {
        Err(libc::EPERM | libc::EACCES) => {
            let lowest = 20 - get_limit(libc::RLIMIT_NICE as u32)?.soft.min(40) as i32;
            // The system call, unlike libc, answers 20 - nice.
            let now =
                20 - numbers(libc::SYS_getpriority, [libc::PRIO_PROCESS as usize, 0, 0])? as i32;
            if now <= lowest {
                Ok(())
            } else {
                set_priority(lowest.max(level))
            }
        }
        done => done,
    }
}

fn scheduler(policy: i32, priority: i32) -> Done {
    let args = [0, policy as usize, &raw const priority as usize, 0, 0, 0];
    // SAFETY: `struct sched_param` is one int to the kernel.
    unsafe { call(libc::SYS_sched_setscheduler, args) }.map(drop)
}

fn affinity(mask: &[u64]) -> Done {
    let args = [0, size_of_val(mask), mask.as_ptr() as usize, 0, 0, 0];
    // SAFETY: a slice with its length in bytes.
    unsafe { call(libc::SYS_sched_setaffinity, args) }.map(drop)
}

// Identity.

fn set_groups(groups: &[u32]) -> Done {
    let args = [groups.len(), groups.as_ptr() as usize, 0, 0, 0, 0];
    // SAFETY: a slice with its length. Raw, because libc would try to tell other threads.
    unsafe { call(SYS_SETGROUPS, args) }.map(drop)
}

fn capget() -> Result<[CapData; 2], i32> {
    let header = CapHeader {
        version: CAP_VERSION_3,
        pid: 0,
    };
    let mut data = [CapData::default(); 2];
    let args = [
        &raw const header as usize,
        &raw mut data as usize,
        0,
        0,
        0,
        0,
    ];
    // SAFETY: header and two data words, as version 3 asks for.
    unsafe { call(libc::SYS_capget, args) }?;
    Ok(data)
}

fn capset(data: &[CapData; 2]) -> Done {
    let header = CapHeader {
        version: CAP_VERSION_3,
        pid: 0,
    };
    let args = [
        &raw const header as usize,
        data.as_ptr() as usize,
        0,
        0,
        0,
        0,
    ];
    // SAFETY: header and two data words, as version 3 asks for.
    unsafe { call(libc::SYS_capset, args) }.map(drop)
}

/// Makes `CAP_SETPCAP` effective around a call, if it is permitted: after a change of user with kept
/// capabilities it is not.
fn with_setpcap(step: impl FnOnce() -> Done) -> Done {
    let before = capget()?;
    let mut raised = before;
    raised[0].effective |= before[0].permitted & 1 << CAP_SETPCAP;
    if raised[0].effective == before[0].effective {
        return step();
    }
    capset(&raised)?;
    step()?;
    capset(&before)
}

fn bounding_set(mask: u64) -> Done {
    with_setpcap(|| {
        for capability in 0..64 {
            match prctl(libc::PR_CAPBSET_READ, capability, 0) {
                // One more than the kernel knows.
                Err(_) => break,
                Ok(1) if mask >> capability & 1 == 0 => {
                    prctl(libc::PR_CAPBSET_DROP, capability, 0)?;
                }
                Ok(_) => {}
            }
        }
        Ok(())
    })?;
    let mut sets = capget()?;
    let [low, high] = &mut sets;
    let wanted = (
        low.inheritable & mask as u32,
        high.inheritable & (mask >> 32) as u32,
    );
    if wanted == (low.inheritable, high.inheritable) {
        return Ok(());
    }
    (low.inheritable, high.inheritable) = wanted;
    capset(&sets)
}

fn ambient_set(mask: u64) -> Done {
    let mut sets = capget()?;
    let [low, high] = &mut sets;
    low.inheritable |= mask as u32;
    high.inheritable |= (mask >> 32) as u32;
    capset(&sets)?;
    for capability in (0..64).filter(|n| mask >> n & 1 == 1) {
        prctl(
            libc::PR_CAP_AMBIENT,
            libc::PR_CAP_AMBIENT_RAISE as usize,
            capability,
        )?;
    }
    Ok(())
}

// The end.

fn stamp(frame: &Frame<'_>) -> Done {
    let pid = numbers(libc::SYS_getpid, [0; 3])?;
    for offset in frame.stamp_offsets {
        let cells = frame.stamped.get(*offset..).unwrap_or_default();
        let (digits, tail) = cells.split_at_checked(STAMP_DIGITS).ok_or(libc::EFAULT)?;
        let mut divisor = 1;
        while pid / divisor >= 10 {
            divisor *= 10;
        }
        let mut to = digits.iter().chain(tail);
        while divisor > 0 {
            to.next()
                .ok_or(libc::EFAULT)?
                .set(b'0' + (pid / divisor % 10) as u8);
            divisor /= 10;
        }
        // What follows moves up to the last digit, as far as its NUL.
        for (to, from) in to.zip(tail) {
            to.set(from.get());
            if from.get() == 0 {
                break;
            }
        }
    }
    Ok(())
}

fn exec(frame: &Frame<'_>, candidates: &[std::ffi::CString], missing_ok: bool) -> Done {
    // The most telling one: "not allowed" beats "not there".
    let mut verdict = libc::ENOENT;
    for path in candidates {
        let args = [
            path.as_ptr() as usize,
            frame.argv as usize,
            frame.envp as usize,
            0,
            0,
            0,
        ];
        // SAFETY: a C string and two arrays of C strings that end with null, made by the parent.
        match unsafe { call(libc::SYS_execve, args) } {
            Err(libc::ENOENT) | Ok(_) => {}
            Err(errno @ (libc::EACCES | libc::ENOTDIR)) => {
                if verdict == libc::ENOENT {
                    verdict = errno;
                }
            }
            Err(errno) => return Err(errno),
        }
    }
    if missing_ok && verdict == libc::ENOENT {
        exit(0);
    }
    Err(verdict)
}
