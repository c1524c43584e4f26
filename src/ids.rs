//! Newtypes shared by all layers. Nothing here knows what it names.

use std::fmt;
use std::sync::Arc;

/// A unit known to the engine. Used again only after many others (`engine/table.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitId(pub u32);

impl UnitId {
    /// Not after any other.
    pub const MIN: UnitId = UnitId(0);
    /// Not before any other.
    pub const MAX: UnitId = UnitId(u32::MAX);
}

/// A descriptor held by the runtime. Never reused, so that an event for a closed descriptor cannot
/// reach its successor (R5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FdToken(pub u64);

/// A process started or adopted for a unit. Chosen by the engine, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcToken(pub u64);

/// A network namespace that units share. Chosen by the engine, never reused; the runtime makes it when
/// it is first used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespaceToken(pub u64);

/// A control client that waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

/// Microseconds of `CLOCK_BOOTTIME`; counts suspend, as systemd's rate limits do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(pub u64);

/// A span of time that never ends, in microseconds.
pub const INFINITY_USEC: u64 = u64::MAX;

impl Mono {
    /// This moment plus a span; an infinite span (or overflow) has no end.
    pub fn after(self, span_usec: u64) -> Option<Mono> {
        if span_usec == INFINITY_USEC {
            return None;
        }
        self.0.checked_add(span_usec).map(Mono)
    }

    /// Microseconds since an earlier moment; 0 if it is not earlier.
    pub fn since(self, earlier: Mono) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "u{}", self.0)
    }
}
impl fmt::Display for FdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
impl fmt::Display for ProcToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0)
    }
}

/// Cheaply shared immutable text.
pub type Text = Arc<str>;
