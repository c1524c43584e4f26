//! What the loop sleeps on: level-triggered epoll with tokens, one timer on the boot clock, signals
//! as a descriptor. Knows neither what a token names nor what time it is.

use crate::bounds::EVENTS_PER_TURN;
use crate::ids::Mono;
use nix::Result;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use std::os::fd::{AsFd, BorrowedFd};

/// Kinds of sources, in the order in which a turn hears them: last words before exits, exits before
/// listeners, so that slots are free when somebody knocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The signal descriptor.
    Signal,
    /// A notification socket.
    Notify,
    /// A pidfd, or the error pipe of a starting child.
    Exit,
    /// A group that may have emptied, a pid file that may have come.
    Group,
    /// Output of a service.
    Output,
    /// The control socket and its clients.
    Control,
    /// A stored descriptor.
    Stored,
    /// A port on which somebody may knock.
    Listener,
}

const CLASSES: [Class; 8] = [
    Class::Signal,
    Class::Notify,
    Class::Exit,
    Class::Group,
    Class::Output,
    Class::Control,
    Class::Stored,
    Class::Listener,
];

/// What to be told about. HUP and ERR are always told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Readable.
    Read,
    /// Readable; told once, and then not before it is asked for again with [`Poll::modify`]. Such a
    /// descriptor may simply be closed: a copy in a child that has not reached its exec is silent.
    ReadOnce,
    /// Readable, or an exceptional condition (files of /proc and /sys that announce changes).
    ReadOrPriority,
    /// An exceptional condition alone.
    Priority,
    /// Writable.
    Write,
    /// Both.
    ReadWrite,
    /// Nothing but HUP and ERR.
    Hangup,
}

impl Interest {
    fn flags(self) -> EpollFlags {
        match self {
            Interest::Read => EpollFlags::EPOLLIN,
            Interest::ReadOnce => EpollFlags::EPOLLIN | EpollFlags::EPOLLONESHOT,
            Interest::ReadOrPriority => EpollFlags::EPOLLIN | EpollFlags::EPOLLPRI,
            Interest::Priority => EpollFlags::EPOLLPRI,
            Interest::Write => EpollFlags::EPOLLOUT,
            Interest::ReadWrite => EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT,
            Interest::Hangup => EpollFlags::empty(),
        }
    }
}

/// A source that has something to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// What kind of source.
    pub class: Class,
    /// As it was added.
    pub token: u64,
    /// It can be read (or accepted from).
    pub readable: bool,
    /// It can be written.
    pub writable: bool,
    /// Exceptional condition.
    pub priority: bool,
    /// The other side is gone, or somebody called shutdown(2).
    pub hangup: bool,
    /// Error condition.
    pub error: bool,
}

/// The low bits of the kernel's datum are the token, the high ones the class.
const TOKEN_BITS: u32 = 56;
const TOKEN_MASK: u64 = (1 << TOKEN_BITS) - 1;
/// Datum of the timer; no class has this number.
const TIMER: u64 = u64::MAX;

/// The place where the loop sleeps.
#[derive(Debug)]
pub struct Poll {
    epoll: Epoll,
    timer: TimerFd,
    /// What the timer is set to; remembered so that an unchanged deadline costs no call.
    armed: Option<Mono>,
    events: Vec<EpollEvent>,
}

impl Poll {
    /// An empty one.
    pub fn new() -> Result<Poll> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        let timer = TimerFd::new(ClockId::CLOCK_BOOTTIME, flags)?;
        epoll.add(&timer, EpollEvent::new(EpollFlags::EPOLLIN, TIMER))?;
        Ok(Poll { epoll, timer, armed: None, events: vec![EpollEvent::empty(); EVENTS_PER_TURN] })
    }

    /// Watches a descriptor, level-triggered. EPERM: the kernel cannot watch it (regular files,
    /// `/dev/null`). EINVAL: the token needs more than 56 bits.
    pub fn add(&self, fd: impl AsFd, class: Class, token: u64, interest: Interest) -> Result<()> {
        self.epoll.add(fd, EpollEvent::new(interest.flags(), datum(class, token)?))
    }

    /// Changes what a watched descriptor is watched for.
    pub fn modify(&self, fd: impl AsFd, class: Class, token: u64, interest: Interest) -> Result<()> {
        self.epoll.modify(fd, &mut EpollEvent::new(interest.flags(), datum(class, token)?))
    }

    /// Stops watching. Needed before closing whenever another process may share the descriptor: the
    /// kernel forgets only what nobody has open.
    pub fn remove(&self, fd: impl AsFd) -> Result<()> {
        self.epoll.delete(fd)
    }

    /// Sleeps until a source is ready or the deadline has come; fills `ready` in class order and
    /// tells whether the deadline has come. A signal handler's interruption is a spurious wake-up.
    pub fn wait(&mut self, deadline: Option<Mono>, ready: &mut Vec<Ready>) -> Result<bool> {
        self.arm(deadline)?;
        self.collect(EpollTimeout::NONE, ready)
    }

    /// As [`Poll::wait`], but does not sleep.
    pub fn look(&mut self, deadline: Option<Mono>, ready: &mut Vec<Ready>) -> Result<bool> {
        self.arm(deadline)?;
        self.collect(EpollTimeout::ZERO, ready)
    }

    fn arm(&mut self, deadline: Option<Mono>) -> Result<()> {
        if self.armed == deadline {
            return Ok(());
        }
        match deadline {
            None => self.timer.unset()?,
            Some(at) => {
                // Zero would disarm; one nanosecond after boot is as long past.
                let nanoseconds = (at.0 % 1_000_000 * 1000).max(u64::from(at.0 == 0));
                let seconds = i64::try_from(at.0 / 1_000_000).unwrap_or(i64::MAX);
                let at = TimeSpec::new(seconds as _, nanoseconds as _);
                self.timer.set(Expiration::OneShot(at), TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
            }
        }
        self.armed = deadline;
        Ok(())
    }

    fn collect(&mut self, timeout: EpollTimeout, ready: &mut Vec<Ready>) -> Result<bool> {
        ready.clear();
        let count = match self.epoll.wait(&mut self.events, timeout) {
            Ok(count) => count,
            Err(Errno::EINTR) => 0,
            Err(errno) => return Err(errno),
        };
        let mut due = false;
        for event in &self.events[..count] {
            if event.data() == TIMER {
                due = true;
            } else {
                ready.push(Ready::new(event));
            }
        }
        if due {
            // Disarming makes it unreadable again, and the same deadline can be set once more.
            self.timer.unset()?;
            self.armed = None;
        }
        ready.sort_by_key(|one| one.class); // stable: the kernel's order within a class
        Ok(due)
    }
}

impl AsFd for Poll {
    /// Readable whenever [`Poll::wait`] would not sleep.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}

fn datum(class: Class, token: u64) -> Result<u64> {
    if token > TOKEN_MASK {
        return Err(Errno::EINVAL);
    }
    Ok((class as u64) << TOKEN_BITS | token)
}

impl Ready {
    fn new(event: &EpollEvent) -> Ready {
        let flags = event.events();
        let class = usize::try_from(event.data() >> TOKEN_BITS).unwrap_or(usize::MAX);
        Ready {
            class: CLASSES.get(class).copied().unwrap_or(Class::Listener),
            token: event.data() & TOKEN_MASK,
            readable: flags.contains(EpollFlags::EPOLLIN),
            writable: flags.contains(EpollFlags::EPOLLOUT),
            priority: flags.contains(EpollFlags::EPOLLPRI),
            hangup: flags.contains(EpollFlags::EPOLLHUP),
            error: flags.contains(EpollFlags::EPOLLERR),
        }
    }
}

/// Signals that arrive as readable data instead of interrupting.
#[derive(Debug)]
pub struct Signals(SignalFd);

/// A signal that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caught {
    /// Its number.
    pub signal: i32,
    /// Who sent it; for SIGCHLD, the child.
    pub pid: i32,
    /// The sender's user.
    pub uid: u32,
}

impl Signals {
    /// Blocks these signals in this thread and takes them over. Children must unblock them.
    pub fn new(signals: &[Signal]) -> Result<Signals> {
        let mut mask = SigSet::empty();
        for signal in signals {
            mask.add(*signal);
        }
        mask.thread_block()?;
        SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).map(Signals)
    }

    /// The next signal; `None` if there is none.
    pub fn read(&self) -> Result<Option<Caught>> {
        match self.0.read_signal() {
            Ok(info) => Ok(info.map(|info| Caught {
                signal: info.ssi_signo as i32,
                pid: info.ssi_pid as i32,
                uid: info.ssi_uid,
            })),
            Err(Errno::EINTR) => Ok(None),
            Err(errno) => Err(errno),
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    #[test]
    fn classes_are_numbered_in_their_order() {
        for (i, class) in CLASSES.iter().enumerate() {
            assert_eq!(*class as usize, i);
        }
        assert!(CLASSES.is_sorted());
        assert_eq!(datum(Class::Notify, TOKEN_MASK + 1), Err(Errno::EINVAL));
        assert_ne!(datum(Class::Listener, TOKEN_MASK), Ok(TIMER));
    }

    #[test]
    fn sources_come_in_class_order_with_their_tokens() {
        let mut poll = Poll::new().unwrap();
        let pairs: Vec<_> = (0..3).map(|_| UnixStream::pair().unwrap()).collect();
        let classes = [Class::Listener, Class::Exit, Class::Notify];
        for (i, ((ours, _), class)) in pairs.iter().zip(classes).enumerate() {
            poll.add(ours, class, (1 << 50) + i as u64, Interest::Read).unwrap();
        }
        for (_, theirs) in &pairs {
            (&*theirs).write_all(b"x").unwrap();
        }
        let mut ready = Vec::new();
        for _ in 0..2 {
            // Twice: level-triggered.
            assert!(!poll.wait(None, &mut ready).unwrap());
            let tokens: Vec<u64> = ready.iter().map(|r| r.token - (1 << 50)).collect();
            assert_eq!(tokens, [2, 1, 0]);
            assert!(ready.iter().all(|r| r.readable && !r.hangup && !r.writable));
        }
        poll.modify(&pairs[0].0, Class::Listener, 9, Interest::Write).unwrap();
        poll.remove(&pairs[1].0).unwrap();
        poll.remove(&pairs[2].0).unwrap();
        poll.wait(None, &mut ready).unwrap();
        assert_eq!((ready.len(), ready[0].token, ready[0].writable, ready[0].readable), (1, 9, true, false));
    }

    #[test]
    fn a_hangup_is_told_without_being_asked_for() {
        let mut poll = Poll::new().unwrap();
        let (ours, theirs) = UnixStream::pair().unwrap();
        poll.add(&ours, Class::Stored, 1, Interest::Hangup).unwrap();
        let mut ready = Vec::new();
        poll.look(None, &mut ready).unwrap();
        assert_eq!(ready, []);
        drop(theirs);
        poll.wait(None, &mut ready).unwrap();
        assert!(ready[0].hangup && !ready[0].readable);
    }

    #[test]
    fn deadlines_come_once_each_time_they_are_set() {
        let mut poll = Poll::new().unwrap();
        let mut ready = Vec::new();
        for deadline in [Mono(0), Mono(1), Mono(1), Mono(2_500_000)] {
            assert!(poll.wait(Some(deadline), &mut ready).unwrap());
            assert!(!poll.look(None, &mut ready).unwrap());
        }
        assert!(!poll.look(Some(Mono(u64::MAX)), &mut ready).unwrap());
        assert!(poll.wait(Some(Mono(1)), &mut ready).unwrap());
    }

    #[test]
    fn signals_are_read_with_their_sender() {
        let signals = Signals::new(&[Signal::SIGUSR2]).unwrap();
        assert_eq!(signals.read().unwrap(), None);
        nix::sys::signal::raise(Signal::SIGUSR2).unwrap();
        let caught = signals.read().unwrap().unwrap();
        assert_eq!((caught.signal, caught.pid), (libc::SIGUSR2, std::process::id() as i32));
    }
}
