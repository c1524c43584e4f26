//! Keys of our own that have no effect on any port of their unit.

use super::Findings;
use crate::unit::socket::{Address, Listen, SocketKind, SocketUnit};
use crate::unit::values::address::display;
use std::net::IpAddr;

pub(super) fn socket(findings: &mut Findings<'_>, socket: &SocketUnit) {
    multicast(findings, socket);
    for option in &socket.options.beyond.raw_options {
        if !socket.listen.iter().any(|listen| option.fits(listen, socket.options.socket_protocol)) {
            let message = format!("X-SockOpt={option} has no effect: no socket of this unit has such options");
            findings.add("no-effect-here", message, "remove it, or listen on a socket of the level's family");
        }
    }
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
