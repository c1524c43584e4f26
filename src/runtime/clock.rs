//! The clock; the only place that reads one (R2).

use crate::ids::Mono;
use nix::time::{ClockId, clock_gettime};

/// Now, on the clock of all deadlines and rate limits: it counts time spent in suspend.
pub(super) fn now() -> Mono {
    Mono(read(ClockId::CLOCK_BOOTTIME))
}

/// Now, in microseconds of `CLOCK_MONOTONIC`, as `MONOTONIC_USEC=` of sd_notify(3) wants it.
pub(super) fn monotonic_usec() -> u64 {
    read(ClockId::CLOCK_MONOTONIC)
}

/// Now, in microseconds since 1970.
pub(super) fn realtime_usec() -> u64 {
    read(ClockId::CLOCK_REALTIME)
}

/// The wall clock's reading at a moment of [`now`]'s clock, for people.
pub(super) fn realtime_of(moment: Mono) -> u64 {
    realtime_usec().saturating_sub(now().since(moment))
}

fn read(clock: ClockId) -> u64 {
    // These three clocks exist on every kernel porterd runs on; 0 would be "boot", never a panic.
    clock_gettime(clock).map_or(0, |t| t.tv_sec().unsigned_abs() * 1_000_000 + t.tv_nsec().unsigned_abs() / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on() {
        let first = now();
        assert!(first.0 > 0 && now() >= first);
        assert!(realtime_of(first) <= realtime_usec());
    }
}
