//! A program: what a child does between clone and exec, as data. The interpreter is
//! `linux::child`; it runs on shared memory, so everything here is prepared before the clone.

use crate::unit::exec::Beside;
use std::ffi::CString;
use std::sync::Arc;

/// A descriptor the child has: the first ones are given by the runtime, in the order in which
/// `plan::exec` asked for them; `Open` steps fill further ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(pub u16);

/// What the runtime has to put into the first slots, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supply {
    /// The n-th passed descriptor of the occasion.
    Passed(u16),
    /// Write end of porterd's log pipe, or a connection to the journal, for this unit.
    Log(Beside),
    /// Read end of a pipe or memfd with `StandardInputText=`.
    Data,
    /// Read end of the pipe that `Type=idle` waits on.
    Idle,
    /// The network namespace of the unit.
    Network,
}

/// Whose memory the child is in until its exec, and whether the parent waits for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Nothing in it can block on somebody else: memory is shared. The parent goes on at once and
    /// finds the result when it looks again, which is no later than the child's end.
    Prompt,
    /// The same, but the parent is suspended until exec, as by vfork(2).
    Awaited,
    /// A step may block (a path chosen by the unit) or would change our memory's own properties:
    /// memory is copied, the result is an event.
    Patient,
}

/// A complete child. What all instances of one template share is shared memory here, too.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// In order; the last one is `Exec`.
    pub steps: Arc<[Step]>,
    /// What the first slots are.
    pub supplies: Arc<[Supply]>,
    /// Slots in use in all.
    pub slots: u16,
    /// Arguments.
    pub argv: Arc<[CString]>,
    /// `NAME=VALUE`, ready for execve(2).
    pub envp: Vec<CString>,
    /// Entries of `envp` into which the child writes its own pid: index and offset of ten
    /// reserved bytes (`LISTEN_PID=0000000000`).
    pub stamps: Vec<Stamp>,
    /// The same for `argv` (`${LISTEN_PID}` in a command line); the last one of an argument comes
    /// first, so that moving its tail leaves the others in place. Nearly always empty.
    pub argv_stamps: Vec<Stamp>,
    /// Pace.
    pub pace: Pace,
}

/// Where the pid goes. The child writes decimal digits over the ten reserved bytes and moves what
/// follows these (at least the NUL) up behind the last digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Index into `envp` or `argv`.
    pub entry: u16,
    /// Byte offset of the first reserved digit.
    pub offset: u16,
}

/// What to do about a terminal that another session has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Wait until it is free.
    Wait,
    /// Take it away.
    Force,
    /// Fail.
    Fail,
}

/// One step. Steps that would change nothing are not planned.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// setsid(2)
    Session,
    /// Signals that must be default again in the child (bit n-1 for signal n).
    DefaultSignals(u64),
    /// Signals to be ignored.
    IgnoreSignals(u64),
    /// Empty signal mask.
    Unmask,
    /// open(2) into a slot.
    Open {
        /// What.
        path: CString,
        /// `O_*`
        flags: i32,
        /// For `O_CREAT`, under the umask of the moment.
        mode: u32,
        /// Where it goes.
        into: Slot,
        /// Which stream it is for: 0, 1 or 2; decides the exit status.
        stream: u8,
    },
    /// Make a slot's descriptor the controlling terminal (`StandardInput=tty`).
    Terminal {
        /// Which.
        slot: Slot,
        /// What it was opened as; a wait has to open it again.
        path: CString,
        /// What to do if another session has it.
        taken: Taken,
    },
    /// Set or clear `O_NONBLOCK`.
    Blocking {
        /// Which.
        slot: Slot,
        /// Blocking (true) or not.
        blocking: bool,
    },
    /// Put descriptors at their final numbers, close-on-exec off. All at once, so that no order of
    /// numbers can go wrong. `(slot, number)`, numbers ascending.
    Place(Vec<(Slot, i32)>),
    /// Close everything from this number up that is not close-on-exec yet (close_range(2)).
    CloseFrom(i32),
    /// Write a small file, e.g. `/proc/self/oom_score_adj`, or `cgroup.procs` of the group.
    Write {
        /// Path.
        path: CString,
        /// Content.
        content: Vec<u8>,
        /// Carry on if the kernel refuses with EPERM or EACCES.
        optional: bool,
        /// What it is for; decides the exit status.
        purpose: Purpose,
    },
    /// setpriority(2); closest allowed value if refused.
    Nice(i32),
    /// sched_setscheduler(2)
    Scheduler {
        /// `SCHED_*`, with `SCHED_RESET_ON_FORK` if asked for.
        policy: i32,
        /// Static priority.
        priority: i32,
    },
    /// sched_setaffinity(2): CPU mask, 64 per word.
    Affinity(Vec<u64>),
    /// ioprio_set(2)
    IoPriority(i32),
    /// `PR_SET_TIMERSLACK`, nanoseconds
    TimerSlack(u64),
    /// personality(2)
    Personality(u64),
    /// umask(2)
    Umask(u32),
    /// setrlimit(2): resource number, soft, hard (`u64::MAX` is infinity). Clamped if refused.
    Limit(u32, u64, u64),
    /// setns(2): go on in the network namespace that the descriptor stands for.
    Network {
        /// Which.
        slot: Slot,
    },
    /// chroot(2), and chdir(2) to the new root
    Chroot(CString),
    /// setgroups(2)
    Groups(Vec<u32>),
    /// setresgid(2)
    Gid(u32),
    /// setresuid(2); keep capabilities across it if asked.
    Uid {
        /// The user.
        uid: u32,
        /// `SECBIT_KEEP_CAPS` around it, so that ambient capabilities can follow.
        keep_caps: bool,
    },
    /// `PR_CAPBSET_DROP` of everything not in the mask.
    BoundingSet(u64),
    /// capset(2) and `PR_CAP_AMBIENT_RAISE` of the mask.
    AmbientSet(u64),
    /// `PR_SET_SECUREBITS`
    SecureBits(u32),
    /// `PR_SET_NO_NEW_PRIVS`
    NoNewPrivileges,
    /// chdir(2)
    Chdir {
        /// Where to.
        path: CString,
        /// Go to `/` if it fails.
        optional: bool,
    },
    /// Write the own pid into the stamps.
    StampPid,
    /// `Type=idle`: wait until the runtime closes the other end, at most this long.
    IdleWait {
        /// Read end of a pipe.
        slot: Slot,
        /// Longest wait, milliseconds.
        timeout_msec: i32,
    },
    /// Give up before exec with a known exit status, e.g. 217 for a user that does not exist.
    Fail {
        /// Which step of systemd's it stands for.
        purpose: Purpose,
        /// errno to report.
        errno: i32,
    },
    /// execve(2): the first candidate that exists wins.
    Exec {
        /// Absolute paths in order.
        candidates: Vec<CString>,
        /// A missing program is success (prefix `-`).
        missing_ok: bool,
    },
}

/// systemd's names for what can fail before exec, with their exit statuses (systemd.exec(5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Purpose {
    Chdir,
    Nice,
    Fds,
    Exec,
    Memory,
    Limits,
    OomAdjust,
    SignalMask,
    Stdin,
    Stdout,
    Chroot,
    Ioprio,
    TimerSlack,
    SecureBits,
    SetScheduler,
    CpuAffinity,
    Group,
    User,
    Capabilities,
    Cgroup,
    Setsid,
    Stderr,
    Network,
    NoNewPrivileges,
    SelinuxContext,
    Personality,
}

/// `(purpose, exit status, name)`
const PURPOSES: [(Purpose, u8, &str); 26] = [
    (Purpose::Chdir, 200, "CHDIR"),
    (Purpose::Nice, 201, "NICE"),
    (Purpose::Fds, 202, "FDS"),
    (Purpose::Exec, 203, "EXEC"),
    (Purpose::Memory, 204, "MEMORY"),
    (Purpose::Limits, 205, "LIMITS"),
    (Purpose::OomAdjust, 206, "OOM_ADJUST"),
    (Purpose::SignalMask, 207, "SIGNAL_MASK"),
    (Purpose::Stdin, 208, "STDIN"),
    (Purpose::Stdout, 209, "STDOUT"),
    (Purpose::Chroot, 210, "CHROOT"),
    (Purpose::Ioprio, 211, "IOPRIO"),
    (Purpose::TimerSlack, 212, "TIMERSLACK"),
    (Purpose::SecureBits, 213, "SECUREBITS"),
    (Purpose::SetScheduler, 214, "SETSCHEDULER"),
    (Purpose::CpuAffinity, 215, "CPUAFFINITY"),
    (Purpose::Group, 216, "GROUP"),
    (Purpose::User, 217, "USER"),
    (Purpose::Capabilities, 218, "CAPABILITIES"),
    (Purpose::Cgroup, 219, "CGROUP"),
    (Purpose::Setsid, 220, "SETSID"),
    (Purpose::Stderr, 222, "STDERR"),
    (Purpose::Network, 225, "NETWORK"),
    (Purpose::NoNewPrivileges, 227, "NO_NEW_PRIVILEGES"),
    (Purpose::SelinuxContext, 229, "SELINUX_CONTEXT"),
    (Purpose::Personality, 230, "PERSONALITY"),
];

impl Purpose {
    /// Exit status of the child if this fails.
    pub const fn exit_status(self) -> u8 {
        PURPOSES[self as usize].1
    }

    /// systemd's name of the exit status.
    pub const fn name(self) -> &'static str {
        PURPOSES[self as usize].2
    }
}

impl Step {
    /// What a failure of this step is called.
    pub const fn purpose(&self) -> Purpose {
        match self {
            Step::Session => Purpose::Setsid,
            Step::DefaultSignals(_) | Step::IgnoreSignals(_) | Step::Unmask => Purpose::SignalMask,
            Step::Open { stream, .. } => match *stream {
                0 => Purpose::Stdin,
                1 => Purpose::Stdout,
                _ => Purpose::Stderr,
            },
            Step::Terminal { .. } => Purpose::Stdin,
            Step::Blocking { .. } | Step::Place(_) | Step::CloseFrom(_) | Step::IdleWait { .. } => Purpose::Fds,
            Step::Write { purpose, .. } | Step::Fail { purpose, .. } => *purpose,
            Step::Nice(_) => Purpose::Nice,
            Step::Scheduler { .. } => Purpose::SetScheduler,
            Step::Affinity(_) => Purpose::CpuAffinity,
            Step::IoPriority(_) => Purpose::Ioprio,
            Step::TimerSlack(_) => Purpose::TimerSlack,
            Step::Personality(_) => Purpose::Personality,
            Step::Umask(_) | Step::StampPid => Purpose::Memory,
            Step::Limit(..) => Purpose::Limits,
            Step::Network { .. } => Purpose::Network,
            Step::Chroot(_) => Purpose::Chroot,
            Step::Groups(_) | Step::Gid(_) => Purpose::Group,
            Step::Uid { .. } => Purpose::User,
            Step::BoundingSet(_) | Step::AmbientSet(_) => Purpose::Capabilities,
            Step::SecureBits(_) => Purpose::SecureBits,
            Step::NoNewPrivileges => Purpose::NoNewPrivileges,
            Step::Chdir { .. } => Purpose::Chdir,
            Step::Exec { .. } => Purpose::Exec,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (i, (purpose, _, _)) in PURPOSES.iter().enumerate() {
            assert_eq!(*purpose as usize, i);
        }
        assert_eq!((Purpose::Exec.exit_status(), Purpose::Exec.name()), (203, "EXEC"));
    }
}
