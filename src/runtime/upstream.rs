//! The supervisor above: sd_notify(3), its watchdog, and the descriptors it gave us.

use crate::config::Surroundings;
use crate::ids::Mono;
use crate::runtime::clock;
use sd_notify::NotifyState;
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Messages that wait for a supervisor that does not read; the oldest is dropped beyond it.
const WAITING_MAX: usize = 16;

/// When a supervisor whose queue is full is tried again.
const RETRY_USEC: u64 = 100_000;

/// What the supervisor above wants from us.
#[derive(Debug, Default)]
pub(super) struct Upstream {
    /// Where it listens, and a socket that never blocks: sd-notify's own waits for a supervisor that
    /// does not read, and everybody behind the door would wait with it.
    to: Option<(SocketAddr, UnixDatagram)>,
    waiting: VecDeque<String>,
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
        Upstream { to, watchdog_usec, next_ping, ..Upstream::default() }
    }

    fn send(&mut self, state: &[NotifyState<'_>]) {
        if self.to.is_none() {
            return;
        }
        let message: String = state.iter().map(|word| format!("{word}\n")).collect();
        if self.waiting.len() == WAITING_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back(message);
        self.flush();
    }

    /// Hands over what waits, in order, as far as the supervisor takes it.
    fn flush(&mut self) {
        self.retry = None;
        let Some((address, socket)) = &self.to else { return };
        while let Some(message) = self.waiting.front() {
            match socket.send_to_addr(message.as_bytes(), address) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.retry = clock::now().after(RETRY_USEC);
                    return;
                }
                Err(error) => tracing::debug!("NOTIFY_SOCKET cannot be reached: {error}"),
                Ok(_) => {}
            }
            self.waiting.pop_front();
        }
    }

    pub(super) fn ready(&mut self) {
        self.send(&[NotifyState::Ready]);
    }

    pub(super) fn stopping(&mut self) {
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
fn open(path: &str) -> Option<(SocketAddr, UnixDatagram)> {
    let address = match path.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(path),
    };
    let socket = UnixDatagram::unbound().and_then(|socket| socket.set_nonblocking(true).map(|()| socket));
    match (address, socket) {
        (Ok(address), Ok(socket)) => Some((address, socket)),
        (Err(error), _) | (_, Err(error)) => {
            tracing::warn!("NOTIFY_SOCKET={path} cannot be used: {error}");
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
