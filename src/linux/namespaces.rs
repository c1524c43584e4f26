//! Network namespaces: made, opened and visited by a short-lived copy of porterd, which sends back a
//! descriptor. porterd itself never leaves its own: a way back that fails would leave it, and every
//! socket it opens from then on, in the wrong place. Knows no unit.
#![allow(clippy::disallowed_methods)] // opens the files that stand for namespaces

use super::{clone, process, raw};
use crate::bounds::NAMESPACE_TIMEOUT_USEC;
use nix::Result;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::socket::{AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, sendmsg, socketpair};
use nix::sys::stat::Mode;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// A new network namespace with its loopback interface up. `EPERM` without CAP_SYS_ADMIN.
pub fn make_network() -> Result<OwnedFd> {
    visit(|| {
        unshare(CloneFlags::CLONE_NEWNET)?;
        raw::interface_up(c"lo")?;
        open(c"/proc/self/ns/net", FLAGS, Mode::empty())
    })
}

/// The network namespace that a path stands for (`/run/netns/NAME`, `/proc/PID/ns/net`); `EINVAL` if it
/// stands for anything else.
pub fn open_network(path: &Path) -> Result<OwnedFd> {
    visit(|| {
        let namespace = open(path, FLAGS, Mode::empty())?;
        setns(&namespace, CloneFlags::CLONE_NEWNET)?;
        Ok(namespace)
    })
}

/// socket(2) in another network namespace. A socket stays where it was made, so everything else can
/// be done to it from here.
pub fn socket_in(namespace: BorrowedFd<'_>, domain: i32, kind: i32, protocol: i32) -> Result<OwnedFd> {
    visit(|| {
        setns(namespace, CloneFlags::CLONE_NEWNET)?;
        raw::socket(domain, kind, protocol)
    })
}

const FLAGS: OFlag = OFlag::O_RDONLY.union(OFlag::O_CLOEXEC).union(OFlag::O_NONBLOCK).union(OFlag::O_NOCTTY);
const ERRNO_BYTES: usize = 4;

/// Runs something in a copy of this process, which may change what cannot be changed back, and takes
/// the descriptor over that comes of it. `ETIMEDOUT` if it takes too long (a path on a dead file server).
fn visit(work: impl FnOnce() -> Result<OwnedFd>) -> Result<OwnedFd> {
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    let (pid, pidfd) = clone::fork_child(|| u8::from(send(&theirs, work()).is_err()))?;
    drop(theirs);
    let answer = await_answer(&ours).and_then(|()| receive(&ours));
    match answer {
        // It may be beyond the reach of signals; it is collected as a stranger when it ends.
        Err(Errno::ETIMEDOUT) => process::send_signal(pidfd.as_fd(), libc::SIGKILL).ok(),
        // It has nothing left to do but end.
        Ok(_) | Err(_) => waitpid(Pid::from_raw(pid), None).ok().map(drop),
    };
    answer
}

fn send(to: &OwnedFd, result: Result<OwnedFd>) -> Result<()> {
    let errno = result.as_ref().err().map_or(0, |errno| *errno as i32).to_ne_bytes();
    let fds: Vec<i32> = result.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&fds)];
    let rights = if fds.is_empty() { &rights[..0] } else { &rights };
    sendmsg::<()>(to.as_raw_fd(), &[IoSlice::new(&errno)], rights, MsgFlags::MSG_NOSIGNAL, None).map(drop)
}

fn await_answer(from: &OwnedFd) -> Result<()> {
    let timeout = PollTimeout::try_from(NAMESPACE_TIMEOUT_USEC / 1000).map_err(|_| Errno::EINVAL)?;
    loop {
        match poll(&mut [PollFd::new(from.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) => return Err(Errno::ETIMEDOUT),
            Err(Errno::EINTR) => {}
            other => return other.map(drop),
        }
    }
}

fn receive(from: &OwnedFd) -> Result<OwnedFd> {
    let mut errno = [0u8; ERRNO_BYTES];
    let received = raw::receive(from.as_fd(), &mut errno)?;
    match (received.fds.into_iter().next(), i32::from_ne_bytes(errno)) {
        (Some(fd), 0) => Ok(fd),
        // An end without an answer: the copy was killed, or died.
        (None, 0) => Err(Errno::EIO),
        (_, errno) => Err(Errno::from_raw(errno)),
    }
}
