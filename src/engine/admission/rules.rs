//! Why a connection was let in or refused, and how often.

use crate::bounds::COUNTED_RULES_MAX;
use crate::unit::prefixes::Prefix;
use std::collections::BTreeMap;
use std::fmt;

/// A rule about peers that was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The longest prefix around the peer, and whether it admits.
    Prefix(Prefix, bool),
    /// There is a list of allowed prefixes, and none is around the peer.
    NotAllowed,
    /// A list of denied prefixes could not be read, so nobody is admitted.
    Unreadable,
    /// A user or group that is allowed.
    PeerAllowed,
    /// Neither the user nor a group of the peer is allowed.
    PeerNotAllowed,
    /// Too many connections in a time.
    Rate,
    /// Too many at the same time from this peer.
    PerSource,
    /// Too many at the same time from this network.
    PerPrefix,
    /// Too many at the same time.
    Full,
    /// Any further prefix; the table of counts is full.
    OtherPrefix(bool),
}

impl Rule {
    /// Whether it lets the connection in.
    pub fn admits(self) -> bool {
        match self {
            Rule::Prefix(_, admits) | Rule::OtherPrefix(admits) => admits,
            Rule::PeerAllowed => true,
            Rule::NotAllowed
            | Rule::Unreadable
            | Rule::PeerNotAllowed
            | Rule::Rate
            | Rule::PerSource
            | Rule::PerPrefix
            | Rule::Full => false,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let directive = |admits| if admits { "X-AllowFrom=" } else { "X-DenyFrom=" };
        match self {
            Rule::Prefix(prefix, admits) => write!(f, "{}{prefix}", directive(*admits)),
            Rule::NotAllowed => f.write_str("X-AllowFrom= has no prefix for it"),
            Rule::Unreadable => f.write_str("X-DenyFrom= has a file that cannot be read"),
            Rule::PeerAllowed => f.write_str("X-AllowPeerUser= or X-AllowPeerGroup="),
            Rule::PeerNotAllowed => f.write_str("X-AllowPeerUser= and X-AllowPeerGroup= do not name it"),
            Rule::Rate => f.write_str("X-ConnectionRatePerSource="),
            Rule::PerSource => f.write_str("MaxConnectionsPerSource="),
            Rule::PerPrefix => f.write_str("X-MaxConnectionsPerPrefix="),
            Rule::Full => f.write_str("MaxConnections="),
            Rule::OtherPrefix(admits) => write!(f, "{} further prefixes", directive(*admits)),
        }
    }
}

/// How often each rule was applied since the socket was first started.
#[derive(Clone, Debug, Default)]
pub(super) struct RuleCounts(BTreeMap<Rule, u64>);

impl RuleCounts {
    pub(super) fn count(&mut self, mut rule: Rule) {
        if let Rule::Prefix(_, admits) = rule
            && self.0.len() >= COUNTED_RULES_MAX
            && !self.0.contains_key(&rule)
        {
            rule = Rule::OtherPrefix(admits);
        }
        *self.0.entry(rule).or_default() += 1;
    }

    /// All of them, the most frequent first.
    pub(super) fn ranked(&self) -> Vec<(Rule, u64)> {
        let mut all: Vec<(Rule, u64)> = self.0.iter().map(|(rule, count)| (*rule, *count)).collect();
        all.sort_by_key(|(rule, count)| (std::cmp::Reverse(*count), *rule));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    #[test]
    fn counts_are_ranked_and_bounded() {
        let mut counts = RuleCounts::default();
        let prefix = |n: u32| Rule::Prefix(Prefix::new(IpAddr::V4(Ipv4Addr::from(n)), 32).unwrap(), false);
        let most = u32::try_from(COUNTED_RULES_MAX).unwrap();
        for n in 0..most + 7 {
            counts.count(prefix(n));
        }
        counts.count(prefix(3));
        counts.count(Rule::Rate);
        let ranked = counts.ranked();
        assert_eq!(ranked[..2], [(Rule::OtherPrefix(false), 7), (prefix(3), 2)]);
        assert_eq!(ranked.iter().map(|(_, count)| count).sum::<u64>(), u64::from(most) + 9);
        assert!(ranked.len() <= COUNTED_RULES_MAX + 10);
    }
}
