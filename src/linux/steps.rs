//! The interpreter of a [`Program`](crate::plan::program::Program): all that runs between clone and
//! exec (R6). It may share the parent's memory, so it allocates nothing, takes no lock, calls no
//! libc, cannot panic, and writes only to its stack and to the scratch words of its [`Frame`].

use super::child::*;
use super::prepared::Prepared;
use crate::bounds::CLOSE_SCAN_MAX;
use crate::plan::program::{Program, Purpose, Slot, Step, Taken};
use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::sync::Arc;

const IOPRIO_WHO_PROCESS: usize = 1;
/// Between tries of a terminal that was hung up under our hands.
const TERMINAL_RETRY_MSEC: i32 = 100;
/// libc has it in a type that differs between its versions.
const RLIMIT_NICE: u32 = 13;
/// Bytes reserved for a pid.
pub(super) const STAMP_DIGITS: usize = 10;

/// What the child is given. Everything in it was made by the parent before the clone; the parent
/// touches none of it before the child has left.
pub(super) struct Frame {
    pub(super) program: Arc<Program>,
    /// With the scratch words: descriptors of the slots, and the words that get the pid.
    pub(super) prepared: Prepared,
    /// Arguments and environment; they point into `program` and `prepared`.
    pub(super) words: Words,
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
pub(super) fn run(frame: &Frame) -> ! {
    if frame.cgroup >= 0
        && let Err(errno) = enter_cgroup(frame.cgroup)
    {
        give_up(frame, frame.program.steps.len(), errno, Purpose::Cgroup);
    }
    for (index, step) in frame.program.steps.iter().enumerate() {
        if let Err(errno) = perform(frame, step) {
            give_up(frame, index, errno, step.purpose());
        }
    }
    // A program without `Exec` has nothing to become.
    give_up(frame, frame.program.steps.len(), libc::ENOEXEC, Purpose::Exec)
}

fn give_up(frame: &Frame, index: usize, errno: i32, purpose: Purpose) -> ! {
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

fn perform(frame: &Frame, step: &Step) -> Done {
    match step {
        Step::Session => plain(Plain::Setsid, [0; 3]),
        Step::DefaultSignals(mask) => dispositions(*mask, libc::SIG_DFL),
        Step::IgnoreSignals(mask) => dispositions(*mask, libc::SIG_IGN),
        Step::Unmask => unmask(),
        Step::Open { path, flags, mode, into, .. } => {
            let fd = match open(path, *flags, *mode) {
                // A socket cannot be opened, but connected to.
                Err(libc::ENXIO) => connect(path, *flags)?,
                opened => opened?,
            };
            fill(frame, *into, fd)
        }
        Step::Terminal { slot, taken: Taken::Wait, path } => await_terminal(frame, *slot, path),
        Step::Terminal { slot, taken, .. } => take_terminal(held(frame, *slot)?, *taken == Taken::Force),
        Step::Blocking { slot, blocking } => set_blocking(held(frame, *slot)?, *blocking),
        Step::Place(places) => place(frame, places),
        Step::CloseFrom(first) => close_from(*first),
        Step::Write { path, content, optional, .. } => match write_file(path, content) {
            Err(libc::EPERM | libc::EACCES) if *optional => Ok(()),
            done => done,
        },
        Step::Nice(level) => nice(*level),
        Step::Scheduler { policy, priority } => scheduler(*policy, *priority),
        Step::Affinity(mask) => affinity(mask),
        Step::IoPriority(value) => plain(Plain::IoprioSet, [IOPRIO_WHO_PROCESS, 0, *value as usize]),
        Step::TimerSlack(nsec) => prctl(libc::PR_SET_TIMERSLACK, *nsec as usize, 0).map(drop),
        Step::Personality(value) => plain(Plain::Personality, [*value as usize, 0, 0]),
        Step::Umask(mask) => plain(Plain::Umask, [*mask as usize, 0, 0]),
        Step::Limit(resource, soft, hard) => limit(*resource, *soft, *hard),
        Step::Network { slot } => plain(Plain::Setns, [held(frame, *slot)?, libc::CLONE_NEWNET as usize, 0]),
        Step::Chroot(path) => chroot(path).and_then(|()| chdir(c"/")),
        Step::Groups(groups) => set_groups(groups),
        Step::Gid(gid) => plain(Plain::Setresgid, [*gid as usize; 3]),
        Step::Uid { uid, keep_caps } => {
            if *keep_caps {
                prctl(libc::PR_SET_KEEPCAPS, 1, 0)?;
            }
            plain(Plain::Setresuid, [*uid as usize; 3])
        }
        Step::BoundingSet(mask) => bounding_set(*mask),
        Step::AmbientSet(mask) => ambient_set(*mask),
        Step::SecureBits(bits) => with_setpcap(|| prctl(libc::PR_SET_SECUREBITS, *bits as usize, 0).map(drop)),
        Step::NoNewPrivileges => prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0).map(drop),
        Step::Chdir { path, optional } => match chdir(path) {
            // The daemon's own directory is nothing a service may rely on.
            Err(_) if *optional => chdir(c"/"),
            done => done,
        },
        Step::StampPid => stamp(frame),
        Step::IdleWait { slot, timeout_msec } => await_readable(held(frame, *slot)?, Some(*timeout_msec)),
        Step::Fail { errno, .. } => Err(*errno),
        Step::Exec { candidates, missing_ok } => exec(frame, candidates, *missing_ok),
    }
}

const CAP_SETPCAP: u32 = 8;

fn held(frame: &Frame, slot: Slot) -> Result<usize, i32> {
    match frame.prepared.slots.get(usize::from(slot.0)).map(Cell::get) {
        Some(fd) if fd >= 0 => Ok(fd as usize),
        _ => Err(libc::EBADF),
    }
}

fn fill(frame: &Frame, slot: Slot, fd: usize) -> Done {
    frame.prepared.slots.get(usize::from(slot.0)).ok_or(libc::EBADF)?.set(fd as i32);
    Ok(())
}

/// Until another session gives the terminal up. That hangs it up: it is opened again for each try.
fn await_terminal(frame: &Frame, slot: Slot, path: &CStr) -> Done {
    let watch = match take_terminal(held(frame, slot)?, false) {
        Err(libc::EPERM) => watch_closes(path)?,
        done => return done,
    };
    loop {
        let before = held(frame, slot)?;
        plain(Plain::Close, [before, 0, 0])?;
        fill(frame, slot, open(path, libc::O_RDWR, 0)?)?;
        // Our own closing is no news.
        forget_events(watch)?;
        match take_terminal(held(frame, slot)?, false) {
            Err(libc::EPERM) => await_readable(watch, None)?,
            // Hung up since it was opened.
            Err(libc::EIO) => await_readable(watch, Some(TERMINAL_RETRY_MSEC))?,
            done => {
                plain(Plain::Close, [watch, 0, 0])?;
                return done;
            }
        }
    }
}

fn write_and_close(fd: usize, content: &[u8]) -> Done {
    let done = write_all(fd as i32, content);
    plain(Plain::Close, [fd, 0, 0])?;
    done
}

fn write_file(path: &CStr, content: &[u8]) -> Done {
    write_and_close(open(path, libc::O_WRONLY, 0)?, content)
}

fn enter_cgroup(directory: i32) -> Done {
    write_and_close(open_at(directory, c"cgroup.procs", libc::O_WRONLY, 0)?, b"0")
}

fn set_blocking(fd: usize, blocking: bool) -> Done {
    let before = numbers(Plain::Fcntl, [fd, libc::F_GETFL as usize, 0])?;
    let bit = libc::O_NONBLOCK as usize;
    let after = if blocking { before & !bit } else { before | bit };
    if after == before { Ok(()) } else { plain(Plain::Fcntl, [fd, libc::F_SETFL as usize, after]) }
}

/// Everything that lies in the target range is lifted above it first, the report pipe included; then
/// no order of numbers can overwrite a source. dup3(2) leaves close-on-exec off.
fn place(frame: &Frame, places: &[(Slot, i32)]) -> Done {
    let Some(highest) = places.iter().map(|(_, number)| *number).max() else {
        return Ok(());
    };
    for cell in frame.prepared.slots.iter().chain(std::iter::once(&frame.report)) {
        let fd = cell.get();
        if (0..=highest).contains(&fd) {
            let lifted = [fd as usize, libc::F_DUPFD_CLOEXEC as usize, highest as usize + 1];
            cell.set(numbers(Plain::Fcntl, lifted)? as i32);
        }
    }
    for (slot, number) in places {
        plain(Plain::Dup3, [held(frame, *slot)?, *number as usize, 0])?;
    }
    Ok(())
}

/// Close-on-exec rather than closed: the report pipe must live until exec.
fn close_from(first: i32) -> Done {
    let flags = libc::CLOSE_RANGE_CLOEXEC as usize;
    match plain(Plain::CloseRange, [first as usize, u32::MAX as usize, flags]) {
        Err(libc::ENOSYS | libc::EINVAL | libc::EPERM) => {
            for fd in first..CLOSE_SCAN_MAX {
                // Most numbers have no descriptor: that is no failure.
                let _absent = numbers(Plain::Fcntl, [fd as usize, libc::F_SETFD as usize, libc::FD_CLOEXEC as usize]);
            }
            Ok(())
        }
        done => done,
    }
}

fn dispositions(mask: u64, handler: usize) -> Done {
    for signal in (1..=64).filter(|n| mask >> (n - 1) & 1 == 1) {
        match disposition(signal, handler) {
            // SIGKILL and SIGSTOP.
            Ok(()) | Err(libc::EINVAL) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

fn limit(resource: u32, soft: u64, hard: u64) -> Done {
    match set_limit(resource, &Limit64 { soft, hard }) {
        Err(libc::EPERM) => {
            let highest = get_limit(resource)?.hard;
            set_limit(resource, &Limit64 { soft: soft.min(highest), hard: hard.min(highest) })
        }
        done => done,
    }
}

fn nice(level: i32) -> Done {
    match set_priority(level) {
        Err(libc::EPERM | libc::EACCES) => {
            let lowest = 20 - get_limit(RLIMIT_NICE)?.soft.min(40) as i32;
            // The system call, unlike libc, answers 20 - nice.
            let now = 20 - numbers(Plain::Getpriority, [libc::PRIO_PROCESS as usize, 0, 0])? as i32;
            if now <= lowest { Ok(()) } else { set_priority(lowest.max(level)) }
        }
        done => done,
    }
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
    let wanted = (low.inheritable & mask as u32, high.inheritable & (mask >> 32) as u32);
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
        prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE as usize, capability)?;
    }
    Ok(())
}

fn stamp(frame: &Frame) -> Done {
    let pid = numbers(Plain::Getpid, [0; 3])?;
    for offset in &frame.prepared.stamp_offsets {
        let cells = frame.prepared.stamped.get(*offset..).unwrap_or_default();
        let (digits, tail) = cells.split_at_checked(STAMP_DIGITS).ok_or(libc::EFAULT)?;
        let mut divisor = 1;
        while pid / divisor >= 10 {
            divisor *= 10;
        }
        let mut to = digits.iter().chain(tail);
        while divisor > 0 {
            to.next().ok_or(libc::EFAULT)?.set(b'0' + (pid / divisor % 10) as u8);
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

fn exec(frame: &Frame, candidates: &[CString], missing_ok: bool) -> Done {
    // The most telling one: "not allowed" beats "not there".
    let mut verdict = libc::ENOENT;
    for path in candidates {
        match execve(path, frame.words) {
            libc::ENOENT => {}
            errno @ (libc::EACCES | libc::ENOTDIR) if verdict == libc::ENOENT => verdict = errno,
            libc::EACCES | libc::ENOTDIR => {}
            errno => return Err(errno),
        }
    }
    if missing_ok && verdict == libc::ENOENT {
        exit(0);
    }
    Err(verdict)
}
