//! What a socket unit can say beyond systemd about its addresses and nodes (keys that begin with
//! `X-`, which systemd skips in silence).

use super::{Address, BindIpv6Only, Listen, SocketKind};
use crate::ids::Text;
use std::net::IpAddr;

/// All of it. The default asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beyond {
    /// `X-MulticastGroup=`, in file order
    pub multicast_groups: Vec<Membership>,
    /// `X-MulticastLoop=`
    pub multicast_loop: Option<bool>,
    /// `X-MulticastTTL=`
    pub multicast_ttl: Option<u8>,
    /// `X-MulticastInterface=`: a name or an index, looked up when the socket is made
    pub multicast_interface: Option<Text>,
    /// `X-SockOpt=`, in file order
    pub raw_options: Vec<RawOption>,
    /// `X-PublishAddress=`
    pub publish_address: Option<Text>,
    /// `X-BindRetry=address-up`
    pub bind_retry: bool,
    /// Scopes of addresses by index of their port, looked up when the socket is made; only with
    /// `bind_retry`.
    pub scopes: Vec<(u16, Text)>,
    /// `X-HealNode=`
    pub heal_node: bool,
}

impl Beyond {
    /// The interface that the address of a port names and that is looked up when it is made.
    pub fn scope(&self, port: usize) -> Option<&Text> {
        self.scopes.iter().find(|(index, _)| usize::from(*index) == port).map(|(_, name)| name)
    }

    /// Something is said about multicast.
    pub fn speaks_of_multicast(&self) -> bool {
        !self.multicast_groups.is_empty()
            || self.multicast_loop.is_some()
            || self.multicast_ttl.is_some()
            || self.multicast_interface.is_some()
    }
}

/// One group that a socket joins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// A multicast address.
    pub group: IpAddr,
    /// A name or an index, looked up when the socket is made; `None` leaves it to the routes.
    pub interface: Option<Text>,
    /// Only datagrams of this sender, an address of the same family.
    pub source: Option<IpAddr>,
}

impl Membership {
    /// Whether the socket of this port can be a member: a datagram socket of the group's family, or
    /// one of IPv6 that takes IPv4 too.
    pub fn fits(&self, listen: &Listen, bind_ipv6_only: BindIpv6Only) -> bool {
        let Listen::Socket { kind: SocketKind::Datagram, address } = listen else {
            return false;
        };
        match address {
            Address::V4(..) => self.group.is_ipv4(),
            Address::V6(ip, ..) => {
                self.group.is_ipv6() || ip.is_unspecified() && bind_ipv6_only != BindIpv6Only::Ipv6Only
            }
            Address::Path(_) | Address::Abstract(_) | Address::Vsock(..) => false,
        }
    }
}

impl std::fmt::Display for Membership {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.group)?;
        if let Some(interface) = &self.interface {
            write!(f, "%{interface}")?;
        }
        match &self.source {
            Some(source) => write!(f, " {source}"),
            None => Ok(()),
        }
    }
}

/// One option that is set as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawOption {
    /// `SOL_*`, `IPPROTO_*`
    pub level: i32,
    /// Option number.
    pub name: i32,
    /// Level and name for people, e.g. `IPPROTO_TCP:TCP_USER_TIMEOUT`.
    pub symbol: Text,
    /// What it is set to.
    pub value: OptionValue,
}

impl RawOption {
    /// Whether the socket of this port can have the option, as far as its level tells. `protocol` is
    /// `SocketProtocol=`.
    pub fn fits(&self, listen: &Listen, protocol: Option<i32>) -> bool {
        const MPTCP: i32 = 284;
        let (kind, address) = match listen {
            Listen::Socket { kind, address } => (kind, address),
            Listen::Netlink { .. } => return !self.is_of_ip() && self.level != libc::AF_VSOCK,
            Listen::Fifo(_) | Listen::Special(_) | Listen::MessageQueue(_) | Listen::UsbFunction(_) => return false,
        };
        let (v4, v6) = (matches!(address, Address::V4(..)), matches!(address, Address::V6(..)));
        let sctp = protocol == Some(libc::IPPROTO_SCTP);
        match self.level {
            libc::IPPROTO_IP => v4 || v6,
            libc::IPPROTO_IPV6 => v6,
            libc::IPPROTO_TCP | MPTCP => (v4 || v6) && *kind == SocketKind::Stream && !sctp,
            libc::IPPROTO_UDP | libc::IPPROTO_UDPLITE => (v4 || v6) && *kind == SocketKind::Datagram,
            libc::IPPROTO_SCTP => (v4 || v6) && sctp,
            libc::SOL_NETLINK => false,
            libc::AF_VSOCK => matches!(address, Address::Vsock(..)),
            _ => true,
        }
    }

    fn is_of_ip(&self) -> bool {
        const LEVELS: [i32; 6] = [
            libc::IPPROTO_IP,
            libc::IPPROTO_IPV6,
            libc::IPPROTO_TCP,
            libc::IPPROTO_UDP,
            libc::IPPROTO_UDPLITE,
            libc::IPPROTO_SCTP,
        ];
        LEVELS.contains(&self.level)
    }
}

/// What a raw option is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionValue {
    /// A C `int`.
    Int(i32),
    /// These bytes.
    Bytes(Box<[u8]>),
}

impl std::fmt::Display for OptionValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            OptionValue::Int(number) => write!(f, "{number}"),
            OptionValue::Bytes(bytes) => {
                write!(f, "hex:")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

impl std::fmt::Display for RawOption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.symbol, self.value)
    }
}
