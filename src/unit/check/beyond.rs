//! Keys of our own that have no effect on any port of their unit.

use super::Findings;
use crate::unit::socket::{Address, Listen, SocketKind, SocketUnit};
use crate::unit::values::address::display;
use std::net::IpAddr;

pub(super) fn socket(findings: &mut Findings<'_>, socket: &SocketUnit) {
    multicast(findings, socket);
    let beyond = &socket.options.beyond;
    if beyond.heal_node && !socket.listen.iter().any(has_node) {
        let message = "X-HealNode= has no effect: the unit has no socket or FIFO in the file system".to_owned();
        findings.add("no-effect-here", message, "remove it, or listen on a path");
    }
    if beyond.bind_retry && !may_lack_an_address(socket) {
        let message = "X-BindRetry= has no effect: no address of the unit can be missing".to_owned();
        findings.add("no-effect-here", message, "remove it; all addresses, loopback and paths are always there");
    }
    if beyond.publish_address.is_some() && !socket.listen.iter().any(|l| matches!(l, Listen::Socket { .. })) {
        let message = "X-PublishAddress= has no effect: the unit has no socket with an address".to_owned();
        findings.add("no-effect-here", message, "remove it, or listen on a socket");
    }
    for option in &socket.options.beyond.raw_options {
        if !socket.listen.iter().any(|listen| option.fits(listen, socket.options.socket_protocol)) {
            let message = format!("X-SockOpt={option} has no effect: no socket of this unit has such options");
            findings.add("no-effect-here", message, "remove it, or listen on a socket of the level's family");
        }
    }
}

fn has_node(listen: &Listen) -> bool {
    matches!(listen, Listen::Socket { address: Address::Path(_), .. } | Listen::Fifo(_))
}

/// An address of one machine, a scope, or an interface that is named.
fn may_lack_an_address(socket: &SocketUnit) -> bool {
    let beyond = &socket.options.beyond;
    let one = |listen: &Listen| match listen {
        Listen::Socket { address: Address::V4(ip, _), .. } => !ip.is_unspecified() && !ip.is_loopback(),
        Listen::Socket { address: Address::V6(ip, ..), .. } => !ip.is_unspecified() && !ip.is_loopback(),
        Listen::Socket { address: Address::Vsock(..), .. } => true,
        _ => false,
    };
    socket.options.bind_to_device.is_some()
        || !beyond.multicast_groups.is_empty()
        || beyond.multicast_interface.is_some()
        || !beyond.scopes.is_empty()
        || socket.listen.iter().any(one)
}

fn ip_datagrams(socket: &SocketUnit) -> impl Iterator<Item = (&Listen, IpAddr)> {
    socket.listen.iter().filter_map(|listen| match listen {
        Listen::Socket { kind: SocketKind::Datagram, address: Address::V4(ip, _) } => Some((listen, (*ip).into())),
        Listen::Socket { kind: SocketKind::Datagram, address: Address::V6(ip, ..) } => Some((listen, (*ip).into())),
        _ => None,
    })
}

fn multicast(findings: &mut Findings<'_>, socket: &SocketUnit) {
    let beyond = &socket.options.beyond;
    if !beyond.speaks_of_multicast() {
        return;
    }
    if ip_datagrams(socket).next().is_none() {
        let message = "X-Multicast…= has no effect: the unit has no IPv4 or IPv6 datagram socket".to_owned();
        return findings.add("no-effect-here", message, "listen with ListenDatagram=PORT, or remove it");
    }
    for group in &beyond.multicast_groups {
        if !socket.listen.iter().any(|listen| group.fits(listen, socket.bind_ipv6_only)) {
            let message = format!("X-MulticastGroup={group} has no effect: no datagram socket is of its family");
            findings.add("no-effect-here", message, "listen with ListenDatagram=PORT, which is for both families");
        }
    }
    if beyond.multicast_groups.is_empty() {
        return;
    }
    for (listen, ip) in ip_datagrams(socket) {
        if !ip.is_unspecified() && !ip.is_multicast() {
            let message = format!(
                "{} hears no multicast group: the kernel compares where a datagram is sent to",
                display(listen)
            );
            findings.add("no-effect-here", message, "listen on the port alone, or on the group's own address");
        }
    }
}
