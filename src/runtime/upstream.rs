//! The supervisor above: sd_notify(3), its watchdog, and the descriptors it gave us.

use crate::config::Surroundings;
use crate::ids::Mono;
use crate::runtime::clock;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, sendmsg, socket};
use sd_notify::NotifyState;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// Messages that wait for a supervisor that does not read; the oldest is dropped beyond it.
const WAITING_MAX: usize = 16;

/// Listeners that wait to be stored; those beyond are only ours (systemd keeps at most so many).
const STORING_MAX: usize = 4096;

/// When a supervisor whose queue is full is tried again.
const RETRY_USEC: u64 = 100_000;

/// What the supervisor above wants from us.
#[derive(Debug, Default)]
pub(super) struct Upstream {
    /// Where it listens, and a socket that never blocks: sd-notify's own waits for a supervisor that
    /// does not read, and everybody behind the door would wait with it.
    to: Option<(UnixAddr, OwnedFd)>,
    waiting: VecDeque<(String, Option<OwnedFd>)>,
    /// systemd started us: what it stores for us it hands back after a restart.
    stores: bool,
    leaving: bool,
    retry: Option<Mono>,
    watchdog_usec: u64,
    next_ping: Option<Mono>,
}

impl Upstream {
    pub(super) fn new(around: &Surroundings) -> Upstream {
        let own_pid = std::process::id();
        let for_us = |name: &str| around.text(name).is_none_or(|pid| pid.parse() == Ok(own_pid));
        let watchdog_usec = around.text("WATCHDOG_USEC").and_then(|text| text.parse().ok()).unwrap_or(0);
        let watchdog_usec = if for_us("WATCHDOG_PID") { watchdog_usec } else { 0 };
        let to = around.text("NOTIFY_SOCKET").and_then(open);
        let next_ping = (to.is_some() && watchdog_usec > 0).then(clock::now);
        let stores = around.text("SYSTEMD_EXEC_PID").is_some_and(|pid| pid.parse() == Ok(own_pid));
        Upstream { to, watchdog_usec, next_ping, stores, ..Upstream::default() }
    }

    fn send(&mut self, state: &[NotifyState<'_>]) {
        if self.to.is_none() {
            return;
        }
        let message: String = state.iter().map(|word| format!("{word}\n")).collect();
        let idle = self.waiting.iter().filter(|(_, fd)| fd.is_none()).count();
        if idle >= WAITING_MAX
            && let Some(oldest) = self.waiting.iter().position(|(_, fd)| fd.is_none())
        {
            self.waiting.remove(oldest);
        }
        self.waiting.push_back((message, None));
        self.flush();
    }

    /// Whether listeners are stored at all.
    pub(super) fn stores(&self) -> bool {
        self.stores && self.to.is_some()
    }

    /// Gives systemd a duplicate of a listener to keep over a restart (sd_pid_notify_with_fds(3)).
    pub(super) fn store(&mut self, name: &str, fd: BorrowedFd<'_>) {
        if !self.stores() || self.waiting.len() >= STORING_MAX {
            return;
        }
        match fd.try_clone_to_owned() {
            Ok(copy) => self.waiting.push_back((format!("FDSTORE=1\nFDPOLL=0\nFDNAME={name}\n"), Some(copy))),
            Err(error) => tracing::debug!("{name} cannot be stored upstream: {error}"),
        }
        self.flush();
    }

    /// Takes a listener out of systemd's store, unless porterd itself is about to end: then it may be
    /// a restart, and the door stays with systemd.
    pub(super) fn unstore(&mut self, name: &str) {
        if self.stores && !self.leaving {
            self.send(&[NotifyState::Custom(&format!("FDSTOREREMOVE=1\nFDNAME={name}"))]);
        }
    }

    /// Listeners outlive this process in systemd's store, so their nodes have to stay as well.
    pub(super) fn keeps_doors(&self) -> bool {
        self.stores && self.leaving
    }

    /// Hands over what waits, in order, as far as the supervisor takes it.
    fn flush(&mut self) {
        self.retry = None;
        let Some((address, socket)) = &self.to else { return };
        while let Some((message, fd)) = self.waiting.front() {
            let raw = fd.as_ref().map(|fd| [fd.as_raw_fd()]);
            let rights: Vec<ControlMessage<'_>> = raw.iter().map(|fds| ControlMessage::ScmRights(fds)).collect();
            let text = [IoSlice::new(message.as_bytes())];
            match sendmsg(socket.as_raw_fd(), &text, &rights, MsgFlags::MSG_NOSIGNAL, Some(address)) {
                Err(Errno::EAGAIN) => {
                    self.retry = clock::now().after(RETRY_USEC);
                    return;
                }
                Err(errno) => tracing::debug!("NOTIFY_SOCKET cannot be reached: {}", errno.desc()),
                Ok(_) => {}
            }
            self.waiting.pop_front();
        }
    }

    pub(super) fn ready(&mut self) {
        self.send(&[NotifyState::Ready]);
    }

    pub(super) fn stopping(&mut self) {
        self.leaving = true;
        self.send(&[NotifyState::Stopping]);
    }

    pub(super) fn status(&mut self, text: &str) {
        self.send(&[NotifyState::Status(text)]);
    }

    /// `Type=notify-reload` wants the time of the monotonic clock with it.
    pub(super) fn reloading(&mut self) {
        let now = clock::monotonic_usec();
        self.send(&[NotifyState::Reloading, NotifyState::MonotonicUsec(i128::from(now))]);
    }

    /// When the watchdog wants to be fed.
    pub(super) fn next_deadline(&self) -> Option<Mono> {
        [self.next_ping, self.retry].into_iter().flatten().min()
    }

    /// Feeds the watchdog twice as often as it asks for.
    pub(super) fn ping_if_due(&mut self, now: Mono) {
        if self.retry.is_some_and(|at| at <= now) {
            self.flush();
        }
        if self.next_ping.is_some_and(|at| at <= now) {
            self.send(&[NotifyState::Watchdog]);
            self.next_ping = now.after(self.watchdog_usec / 2);
        }
    }
}

/// The supervisor's socket: a path, or an abstract name after `@` (sd_notify(3)).
fn open(path: &str) -> Option<(UnixAddr, OwnedFd)> {
    let address = match path.strip_prefix('@') {
        Some(name) => UnixAddr::new_abstract(name.as_bytes()),
        None => UnixAddr::new(path),
    };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    match (address, socket(AddressFamily::Unix, SockType::Datagram, flags, None)) {
        (Ok(address), Ok(socket)) => Some((address, socket)),
        (Err(errno), _) | (_, Err(errno)) => {
            tracing::warn!("NOTIFY_SOCKET={path} cannot be used: {}", errno.desc());
            None
        }
    }
}

/// How many descriptors were given to this process (`LISTEN_FDS`, for us by `LISTEN_PID`).
pub(super) fn listen_fds(around: &Surroundings) -> u32 {
    let own_pid = std::process::id();
    let ours = around.text("LISTEN_PID").is_some_and(|pid| pid.parse() == Ok(own_pid));
    let count = around.text("LISTEN_FDS").and_then(|count| count.parse::<u32>().ok());
    count.filter(|_| ours).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_for_somebody_else_are_not_ours() {
        let own = std::process::id().to_string();
        let with =
            |pid: &str| Surroundings::new([("LISTEN_PID".into(), pid.into()), ("LISTEN_FDS".into(), "2".into())], 0);
        assert_eq!(listen_fds(&with(&own)), 2);
        assert_eq!(listen_fds(&with("1")), 0);
        assert_eq!(listen_fds(&Surroundings::default()), 0);
    }

    #[test]
    fn the_watchdog_is_fed_in_half_its_period() {
        let around = Surroundings::new(
            [("WATCHDOG_USEC".into(), "2000000".into()), ("NOTIFY_SOCKET".into(), "/no/such".into())],
            0,
        );
        let mut upstream = Upstream::new(&around);
        let first = upstream.next_deadline().unwrap();
        upstream.ping_if_due(first);
        assert_eq!(upstream.next_deadline(), Some(Mono(first.0 + 1_000_000)));
    }
}
