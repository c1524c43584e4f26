//! Rate limits and back-off: fixed windows as systemd has them, and pauses that grow.

use crate::bounds::{PAUSE_USEC_MAX, PAUSE_USEC_MIN};
use crate::ids::Mono;
use crate::unit::RateLimit;

/// A fixed window: the first event opens it, `burst` events pass, the first event after it opens a
/// new one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    begin: Option<Mono>,
    count: u32,
}

impl Window {
    /// Counts one event; whether it passes.
    pub fn admit(&mut self, now: Mono, limit: RateLimit) -> bool {
        if limit.interval_usec == 0 || limit.burst == 0 {
            return true;
        }
        match self.begin {
            Some(begin) if now.since(begin) <= limit.interval_usec => {
                // Saturates: events beyond the burst need no exact count.
                self.count = self.count.saturating_add(1);
                self.count <= limit.burst
            }
            Some(_) | None => {
                *self = Window { begin: Some(now), count: 1 };
                true
            }
        }
    }

    /// Takes back the last event that passed.
    pub fn give_back(&mut self) {
        self.count = self.count.saturating_sub(1);
    }

    /// When the present window is over, so that the next event opens a new one.
    pub fn ends(&self, limit: RateLimit) -> Option<Mono> {
        self.begin?.after(limit.interval_usec.saturating_add(1))
    }
}

/// A pause that doubles each time it is needed again soon, up to a bound (R10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    last_usec: u64,
    until: Option<Mono>,
}

impl Backoff {
    /// The end of the next pause. A quiet time as long as the longest pause starts over.
    pub fn next(&mut self, now: Mono) -> Mono {
        let quiet = self.until.is_none_or(|until| now.since(until) > PAUSE_USEC_MAX);
        let span = if quiet { PAUSE_USEC_MIN } else { (self.last_usec * 2).clamp(PAUSE_USEC_MIN, PAUSE_USEC_MAX) };
        let until = Mono(now.0.saturating_add(span));
        *self = Backoff { last_usec: span, until: Some(until) };
        until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_passes_burst_events_and_reopens_after_the_interval() {
        let limit = RateLimit { interval_usec: 100, burst: 2 };
        let mut w = Window::default();
        assert!(w.admit(Mono(10), limit) && w.admit(Mono(11), limit));
        assert!(!w.admit(Mono(110), limit), "the window is inclusive");
        assert!(w.admit(Mono(111), limit));
        assert_eq!(w.ends(limit), Some(Mono(212)));
    }

    #[test]
    fn zero_means_no_limit() {
        let mut w = Window::default();
        for limit in [RateLimit { interval_usec: 0, burst: 1 }, RateLimit { interval_usec: 1, burst: 0 }] {
            assert!((0..10).all(|_| w.admit(Mono(1), limit)));
        }
    }

    #[test]
    fn pauses_double_up_to_the_bound_and_start_over_after_quiet() {
        let mut b = Backoff::default();
        let mut now = Mono(0);
        let mut spans = Vec::new();
        for _ in 0..8 {
            let until = b.next(now);
            spans.push(until.since(now));
            now = until;
        }
        assert_eq!(spans[..3], [100_000, 200_000, 400_000]);
        assert_eq!(spans[7], PAUSE_USEC_MAX);
        let later = Mono(now.0 + PAUSE_USEC_MAX + 1);
        assert_eq!(b.next(later).since(later), PAUSE_USEC_MIN);
    }
}
