//! Ordered deadlines with reasons. One per unit and reason; setting it again moves it.

use crate::ids::{FdToken, Mono, UnitId};
use std::collections::{BTreeMap, BTreeSet};

/// Why the engine wants to be woken for a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The present state lasts too long (`Timeout…Sec=`).
    State,
    /// `RestartSec=` is over.
    Restart,
    /// `RuntimeMaxSec=` is over.
    RuntimeMax,
    /// No `WATCHDOG=1` in time.
    Watchdog,
    /// `JobTimeoutSec=` is over.
    Job,
    /// A paused listener opens again.
    Pause,
    /// A port that was polled too often is polled again (`PollLimit…=`).
    Poll(FdToken),
    /// A socket that waits for its address is tried again.
    Rebind,
    /// Ports that a reload asked for and that could not be opened are tried again.
    Reopen,
    /// A node that was removed too often is put back.
    Heal(FdToken),
    /// Boot may be waiting for nothing but addresses.
    Boot,
    /// `Type=idle` has waited long enough.
    Idle,
}

impl Reason {
    /// For `status`: what the unit waits for.
    pub fn describe(self) -> &'static str {
        match self {
            Reason::State => "the present step to end",
            Reason::Restart => "its restart",
            Reason::RuntimeMax => "the end of its run time",
            Reason::Watchdog => "its next watchdog message",
            Reason::Job => "its job to end",
            Reason::Pause => "the end of a pause",
            Reason::Poll(_) => "the end of its poll limit",
            Reason::Rebind => "the next try to bind it",
            Reason::Reopen => "the next try to open its new ports",
            Reason::Heal(_) => "its node to be put back",
            Reason::Boot => "its address",
            Reason::Idle => "other jobs to end",
        }
    }
}

/// All deadlines.
#[derive(Clone, Debug, Default)]
pub struct Deadlines {
    by_time: BTreeSet<(Mono, UnitId, Reason)>,
    by_unit: BTreeMap<(UnitId, Reason), Mono>,
}

impl Deadlines {
    /// Sets or moves a deadline; `None` clears it.
    pub fn set(&mut self, unit: UnitId, reason: Reason, at: Option<Mono>) {
        let old = match at {
            Some(at) => self.by_unit.insert((unit, reason), at),
            None => self.by_unit.remove(&(unit, reason)),
        };
        if let Some(old) = old {
            self.by_time.remove(&(old, unit, reason));
        }
        if let Some(at) = at {
            self.by_time.insert((at, unit, reason));
        }
    }

    /// When this one is due.
    pub fn get(&self, unit: UnitId, reason: Reason) -> Option<Mono> {
        self.by_unit.get(&(unit, reason)).copied()
    }

    /// All of one unit.
    pub fn of(&self, unit: UnitId) -> impl Iterator<Item = (Reason, Mono)> + '_ {
        self.by_unit.range((unit, Reason::State)..=(unit, Reason::Idle)).map(|((_, reason), at)| (*reason, *at))
    }

    /// Forgets a unit.
    pub fn clear(&mut self, unit: UnitId) {
        let reasons: Vec<Reason> = self.of(unit).map(|(reason, _)| reason).collect();
        for reason in reasons {
            self.set(unit, reason, None);
        }
    }

    /// The earliest.
    pub fn next(&self) -> Option<(Mono, UnitId, Reason)> {
        self.by_time.first().copied()
    }

    /// Takes the earliest if it is due.
    pub fn take_due(&mut self, now: Mono) -> Option<(UnitId, Reason)> {
        let (at, unit, reason) = self.next()?;
        if at > now {
            return None;
        }
        self.set(unit, reason, None);
        Some((unit, reason))
    }

    /// Everything, for the image.
    pub fn all(&self) -> impl Iterator<Item = (UnitId, Reason, Mono)> + '_ {
        self.by_unit.iter().map(|((unit, reason), at)| (*unit, *reason, *at))
    }
}
