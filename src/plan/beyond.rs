//! Calls that a recipe has beyond systemd's: multicast, and options as they are written. All come
//! before bind(2), so that not even the first datagram is an exception.

use super::bind::{OnError, SocketCall};
use crate::unit::SocketUnit;
use crate::unit::socket::{Address, BindIpv6Only, Listen, SocketKind};
use std::ffi::c_int;

/// Names of C libraries differ here; numbers of the kernel's in.h and in6.h.
const IP_MULTICAST_ALL: c_int = 49;
const IPV6_MULTICAST_ALL: c_int = 29;

/// `X-SockOpt=`, as far as the socket of this port can have it.
pub(super) fn raw_options(unit: &SocketUnit, listen: &Listen, on_error: OnError) -> Vec<SocketCall> {
    let options = unit.options.beyond.raw_options.iter();
    let fitting = options.filter(|option| option.fits(listen, unit.options.socket_protocol));
    fitting.map(|option| SocketCall::SetRaw { option: option.clone(), on_error }).collect()
}

/// Everything about multicast for the socket of this port; nothing unless it is an IP datagram
/// socket. One of IPv6 that takes IPv4 too is told for both.
pub(super) fn multicast(unit: &SocketUnit, listen: &Listen) -> Vec<SocketCall> {
    let beyond = &unit.options.beyond;
    let levels: &[c_int] = match listen {
        Listen::Socket { kind: SocketKind::Datagram, address: Address::V4(..) } => &[libc::IPPROTO_IP],
        Listen::Socket { kind: SocketKind::Datagram, address: Address::V6(ip, ..) } => {
            match ip.is_unspecified() && unit.bind_ipv6_only != BindIpv6Only::Ipv6Only {
                true => &[libc::IPPROTO_IPV6, libc::IPPROTO_IP],
                false => &[libc::IPPROTO_IPV6],
            }
        }
        _ => return Vec::new(),
    };
    let mut calls = Vec::new();
    for level in levels {
        let of_family = |v4: (c_int, &'static str), v6: (c_int, &'static str)| {
            if *level == libc::IPPROTO_IP { v4 } else { v6 }
        };
        let mut set = |directive, (name, symbol), value| {
            let (level, on_error) = (*level, OnError::Warn);
            calls.push(SocketCall::SetInt { directive, level, name, symbol, value, on_error });
        };
        if let Some(on) = beyond.multicast_loop {
            let v6 = (libc::IPV6_MULTICAST_LOOP, "IPV6_MULTICAST_LOOP");
            set("X-MulticastLoop", of_family((libc::IP_MULTICAST_LOOP, "IP_MULTICAST_LOOP"), v6), c_int::from(on));
        }
        if let Some(ttl) = beyond.multicast_ttl {
            let v6 = (libc::IPV6_MULTICAST_HOPS, "IPV6_MULTICAST_HOPS");
            set("X-MulticastTTL", of_family((libc::IP_MULTICAST_TTL, "IP_MULTICAST_TTL"), v6), c_int::from(ttl));
        }
        // A socket bound to all addresses would otherwise hear every group that anybody on this
        // machine has joined.
        if !beyond.multicast_groups.is_empty() {
            let v6 = (IPV6_MULTICAST_ALL, "IPV6_MULTICAST_ALL");
            set("X-MulticastGroup", of_family((IP_MULTICAST_ALL, "IP_MULTICAST_ALL"), v6), 0);
        }
        if let Some(interface) = beyond.multicast_interface.clone() {
            calls.push(SocketCall::MulticastInterface { level: *level, interface });
        }
    }
    let groups = beyond.multicast_groups.iter().filter(|group| group.fits(listen, unit.bind_ipv6_only));
    calls.extend(groups.cloned().map(SocketCall::Join));
    calls
}
