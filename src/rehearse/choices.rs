//! Where a pretend kernel's decisions come from, and how often they are unkind.

/// A source of bounded numbers.
pub trait Choices {
    /// A number below `bound`; `bound` is at least 1.
    fn below(&mut self, bound: u64) -> u64;

    /// True in about `percent` of a hundred cases.
    fn chance(&mut self, percent: u64) -> bool {
        percent > 0 && self.below(100) < percent
    }
}

/// Numbers from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Seeded(pub u64);

impl Choices for Seeded {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }
}

/// Numbers from a fuzzer's bytes; zeros when they run out.
#[derive(Clone, Debug)]
pub struct Bytes<'a>(pub &'a [u8]);

impl Choices for Bytes<'_> {
    fn below(&mut self, bound: u64) -> u64 {
        let mut value = 0u64;
        let mut span = 1u64;
        while span < bound {
            let Some((first, rest)) = self.0.split_first() else { break };
            self.0 = rest;
            value = value << 8 | u64::from(*first);
            span = span.saturating_mul(256);
        }
        value % bound.max(1)
    }
}

/// How often things go wrong, in percent. Swarm testing: per run most are 0 and a few are high.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// A port cannot be opened.
    pub bind: u64,
    /// An address is not there yet, where the unit waits for it.
    pub absent: u64,
    /// Somebody removes the node of a port.
    pub remove: u64,
    /// accept(2) runs out of descriptors.
    pub accept: u64,
    /// A process cannot be made.
    pub spawn: u64,
    /// A step before exec fails.
    pub step: u64,
    /// The peer of a connection is gone before it can be asked.
    pub vanish: u64,
    /// A program crashes or exits non-zero.
    pub crash: u64,
    /// A program ignores SIGTERM.
    pub stubborn: u64,
    /// A program leaves a child behind.
    pub orphan: u64,
    /// A program does not take what triggered it.
    pub idle: u64,
    /// A notification says nonsense.
    pub garbage: u64,
    /// A condition is not met.
    pub condition: u64,
}
