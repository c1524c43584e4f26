//! How often each source has come lately (`X-ConnectionRatePerSource=`).
//!
//! A source has `burst` connections at once, and they grow back evenly over the interval. What is
//! remembered of it is one moment: when all of them will have grown back. After that moment it is as
//! if it had never come, so forgetting it then changes nothing.

use crate::bounds::RATED_SOURCES_MAX;
use crate::engine::accept::Source;
use crate::ids::Mono;
use crate::unit::RateLimit;
use std::collections::{BTreeMap, BTreeSet};

/// Sources that came lately, at most [`RATED_SOURCES_MAX`]. If there is no room for one more, the one
/// that would be forgotten first is forgotten now: it gets its connections back a little early.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Rates {
    /// When a source has all its connections again.
    full_at: BTreeMap<Source, Mono>,
    by_time: BTreeSet<(Mono, Source)>,
}

impl Rates {
    /// Counts a connection; whether it is within the rate. One that is not costs nothing.
    pub(super) fn admit(&mut self, now: Mono, source: &Source, rate: RateLimit) -> bool {
        let burst = u64::from(rate.burst).max(1);
        // Rounded up, so that no more than the rate grows back.
        let each_usec = rate.interval_usec.div_ceil(burst);
        let before = self.full_at.get(source).copied();
        let full = Mono(before.unwrap_or(now).max(now).0.saturating_add(each_usec));
        if full.since(now) > each_usec.saturating_mul(burst) {
            return false;
        }
        self.make_room(now, before.is_none());
        if let Some(before) = self.full_at.insert(source.clone(), full) {
            self.by_time.remove(&(before, source.clone()));
        }
        self.by_time.insert((full, source.clone()));
        true
    }

    /// Forgets who has all its connections again, two per call, and somebody else if need be.
    fn make_room(&mut self, now: Mono, one_more: bool) {
        for _ in 0..2 {
            let due = self.by_time.first().is_some_and(|(at, _)| *at <= now);
            let crowded = one_more && self.full_at.len() >= RATED_SOURCES_MAX;
            if !(due || crowded) {
                return;
            }
            if let Some((_, source)) = self.by_time.pop_first() {
                self.full_at.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    const RATE: RateLimit = RateLimit { interval_usec: 10_000_000, burst: 20 };

    fn source(number: u32) -> Source {
        Source::Ip(IpAddr::V4(Ipv4Addr::from(number)))
    }

    #[test]
    fn a_burst_passes_and_grows_back_evenly() {
        let mut rates = Rates::default();
        let mut admitted = |at: u64| rates.admit(Mono(at), &source(1), RATE);
        assert_eq!((0..100).filter(|_| admitted(5)).count(), 20);
        assert!(!admitted(5 + 499_999), "a twentieth of ten seconds");
        assert!(admitted(5 + 500_000) && !admitted(5 + 500_000));
        assert_eq!((0..100).filter(|_| admitted(60_000_000)).count(), 20, "never more than the burst");
    }

    #[test]
    fn sources_do_not_touch_each_other_and_refusals_cost_nothing() {
        let mut rates = Rates::default();
        let mut passed = [0; 2];
        // Source 0 knocks a thousand times a second, source 1 once a second, for ten seconds.
        for tick in 0..10_000u64 {
            passed[0] += u32::from(rates.admit(Mono(tick * 1000), &source(0), RATE));
            if tick % 1000 == 0 {
                passed[1] += u32::from(rates.admit(Mono(tick * 1000), &source(1), RATE));
            }
        }
        assert_eq!(passed, [20 + 19, 10]);
    }

    #[test]
    fn the_table_is_bounded_and_forgets_what_is_over() {
        let mut rates = Rates::default();
        let most = u32::try_from(RATED_SOURCES_MAX).unwrap();
        for number in 0..most + 10 {
            assert!(rates.admit(Mono(u64::from(number)), &source(number), RATE));
            assert!(rates.full_at.len() <= RATED_SOURCES_MAX && rates.by_time.len() == rates.full_at.len());
        }
        // The first ones were forgotten for the last ones, nobody else was.
        assert_eq!(rates.full_at.len(), RATED_SOURCES_MAX);
        assert!(!rates.full_at.contains_key(&source(9)) && rates.full_at.contains_key(&source(10)));
        // Long after, each newcomer lets two go.
        let later = 1_000_000_000;
        for number in 0..most {
            rates.admit(Mono(later), &source(most + 100 + number), RateLimit { interval_usec: 1, burst: 1 });
        }
        assert!(rates.full_at.keys().all(|known| *known > source(most + 99)));
    }

    #[test]
    fn extreme_rates_do_not_overflow() {
        let mut rates = Rates::default();
        let many = RateLimit { interval_usec: 1, burst: u32::MAX };
        assert!((0..1000).all(|_| rates.admit(Mono(u64::MAX - 5), &source(1), many)));
        let slow = RateLimit { interval_usec: u64::MAX / 4, burst: 1 };
        assert!(rates.admit(Mono(1), &source(2), slow) && !rates.admit(Mono(2), &source(2), slow));
    }
}
