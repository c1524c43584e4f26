//! Who may come in through a socket with `Accept=yes`, and what happens at its limits: what only
//! porterd knows. Field names are the directives' names in snake case.

use super::RateLimit;
use super::prefixes::{Prefix, PrefixTable};
use crate::ids::Text;
use std::net::IpAddr;
use std::sync::Arc;

/// What to do when something is at its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLimit {
    /// The socket fails and closes, as under systemd.
    Fail,
    /// The listener rests with back-off and comes back by itself (R10).
    Pause,
}

/// What to do with connections for which there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMaxConnections {
    /// They wait in the kernel's queue until somebody leaves.
    Wait,
    /// They are accepted and closed, as under systemd.
    Refuse,
}

/// Connections from one network at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixLimit {
    /// At most so many; never 0.
    pub connections: u32,
    /// Leading bits of an IPv4 address that make a network.
    pub v4_bits: u8,
    /// The same for IPv6.
    pub v6_bits: u8,
}

impl PrefixLimit {
    /// The network of an address.
    pub fn network(&self, ip: IpAddr) -> Option<Prefix> {
        let ip = ip.to_canonical();
        Prefix::new(ip, if ip.is_ipv4() { self.v4_bits } else { self.v6_bits })
    }
}

/// Rules about peers; a socket that sets none of them has no such value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Admission {
    /// `X-AllowFrom=`: prefixes and files as written. `None` if the list is not given; one that is
    /// given and empty admits nobody.
    pub allow_from: Option<Vec<Text>>,
    /// `X-DenyFrom=`
    pub deny_from: Vec<Text>,
    /// Both lists with the content of their files.
    pub prefixes: Arc<PrefixTable>,
    /// The file of `X-DenyFrom=` that could not be read: nobody can be told from those it denies.
    pub unreadable: Option<Text>,
    /// `X-AllowPeerUser=`: names and numbers. `None` if the list is not given.
    pub allow_peer_user: Option<Vec<Text>>,
    /// `X-AllowPeerGroup=`
    pub allow_peer_group: Option<Vec<Text>>,
    /// `X-MaxConnectionsPerPrefix=`
    pub max_connections_per_prefix: Option<PrefixLimit>,
    /// `X-ConnectionRatePerSource=`
    pub connection_rate_per_source: Option<RateLimit>,
}

impl Admission {
    /// Some rule is about addresses.
    pub fn guards_addresses(&self) -> bool {
        self.allow_from.is_some() || !self.deny_from.is_empty()
    }

    /// Some rule is about users or groups.
    pub fn guards_users(&self) -> bool {
        self.allow_peer_user.is_some() || self.allow_peer_group.is_some()
    }
}
