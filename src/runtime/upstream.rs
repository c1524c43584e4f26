//! The supervisor above: sd_notify(3), its watchdog, and the descriptors it gave us.

use crate::config::Surroundings;
use crate::ids::Mono;
use crate::runtime::clock;
use sd_notify::NotifyState;

/// What the supervisor above wants from us.
#[derive(Debug, Default)]
pub(super) struct Upstream {
    listens: bool,
    watchdog_usec: u64,
    next_ping: Option<Mono>,
}

impl Upstream {
    pub(super) fn new(around: &Surroundings) -> Upstream {
        let own_pid = std::process::id();
        let for_us = |name: &str| around.text(name).is_none_or(|pid| pid.parse() == Ok(own_pid));
        let watchdog_usec = around.text("WATCHDOG_USEC").and_then(|text| text.parse().ok()).unwrap_or(0);
        let watchdog_usec = if for_us("WATCHDOG_PID") { watchdog_usec } else { 0 };
        let listens = around.text("NOTIFY_SOCKET").is_some();
        let next_ping = (listens && watchdog_usec > 0).then(clock::now);
        Upstream { listens, watchdog_usec, next_ping }
    }

    fn send(&self, state: &[NotifyState<'_>]) {
        if self.listens
            && let Err(error) = sd_notify::notify(state)
        {
            tracing::debug!("NOTIFY_SOCKET cannot be reached: {error}");
        }
    }

    pub(super) fn ready(&self) {
        self.send(&[NotifyState::Ready]);
    }

    pub(super) fn stopping(&self) {
        self.send(&[NotifyState::Stopping]);
    }

    pub(super) fn status(&self, text: &str) {
        self.send(&[NotifyState::Status(text)]);
    }

    /// `Type=notify-reload` wants the time of the monotonic clock with it.
    pub(super) fn reloading(&self) {
        let now = clock::monotonic_usec();
        self.send(&[NotifyState::Reloading, NotifyState::MonotonicUsec(i128::from(now))]);
    }

    /// When the watchdog wants to be fed.
    pub(super) fn next_deadline(&self) -> Option<Mono> {
        self.next_ping
    }

    /// Feeds the watchdog twice as often as it asks for.
    pub(super) fn ping_if_due(&mut self, now: Mono) {
        if self.next_ping.is_some_and(|at| at <= now) {
            self.send(&[NotifyState::Watchdog]);
            self.next_ping = now.after(self.watchdog_usec / 2);
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
