//! How a socket unit becomes a [`Recipe`]: the order of calls.
//!
//! Order matters to programs and administrators (an early connection sees only the options set so
//! far), so it is systemd's. Knows no descriptors; whether a call succeeds is seen when it is
//! carried out.

use super::beyond;
use super::bind::{Chown, OnError, Port, Recipe, Remove, SocketCall, Symlink};
use super::labels;
use super::options::options;
use crate::ids::Text;
use crate::unit::ServiceUnit;
use crate::unit::socket::{Address, BindIpv6Only, Listen, SocketKind, SocketOptions, SocketUnit};
use crate::unit::values::address::{display, type_word};
use std::ffi::c_int;

/// What the recipe depends on beside the unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BindFacts {
    /// `--strict-systemd`: sockets in the way are taken over even if somebody listens on them; queues stay
    /// ours; a FIFO or queue that was given away by an earlier start is refused.
    pub strict: bool,
    /// The kernel runs SMACK, so labels mean something.
    pub smack: bool,
}

/// The whole recipe of a socket unit. `service` is what it starts; only USB functions look at it.
pub fn recipe(unit: &SocketUnit, service: Option<&ServiceUnit>, facts: &BindFacts) -> Recipe {
    let ports =
        unit.listen.iter().enumerate().map(|(index, listen)| port(index, listen, unit, service, facts)).collect();
    let all: Vec<u16> = (0..=u16::MAX).take(unit.listen.len()).collect();
    let beyond = &unit.options.beyond;
    let (publish, waits) = (beyond.publish_address.clone(), beyond.bind_retry);
    let kept = if beyond.heal_node { unit.listen.iter().filter_map(node).collect() } else { Vec::new() };
    Recipe {
        ports,
        symlinks: symlinks(unit),
        chown: chown(unit, facts),
        waits,
        kept,
        publish,
        remove: removals(unit, &all),
    }
}

/// What every connection accepted on a port needs before it is handed over. Nothing at all unless
/// the unit sets options, so that the usual connection costs no call.
pub fn connection_calls(unit: &SocketUnit, port: &Listen, facts: &BindFacts) -> Vec<SocketCall> {
    let domain = match port {
        Listen::Socket { address, .. } => domain(address),
        Listen::Netlink { .. } => libc::AF_NETLINK,
        Listen::Fifo(_) | Listen::Special(_) | Listen::MessageQueue(_) | Listen::UsbFunction(_) => return Vec::new(),
    };
    let mut calls = options(&unit.options, domain, facts);
    calls.extend(beyond::raw_options(unit, port, OnError::Ignore));
    calls.extend(labels::attributes("XAttrAccept", &unit.options.xattr_accept));
    calls
}

/// What is taken away when these ports (indexes into `listen`) were open.
pub fn removals(unit: &SocketUnit, open: &[u16]) -> Vec<Remove> {
    let published = unit.options.beyond.publish_address.iter().cloned().map(Remove::Node);
    if !unit.remove_on_stop {
        return published.collect();
    }
    let ports = open.iter().filter_map(|&i| unit.listen.get(usize::from(i)));
    let nodes = ports.filter_map(|listen| match listen {
        Listen::MessageQueue(name) => Some(Remove::MessageQueue(name.clone())),
        _ => node(listen).map(Remove::Node),
    });
    nodes.chain(unit.options.symlinks.iter().cloned().map(Remove::Node)).chain(published).collect()
}

/// The file system node a port makes, as far as links and owners apply to it.
fn node(listen: &Listen) -> Option<Text> {
    match listen {
        Listen::Socket { address: Address::Path(path), .. } | Listen::Fifo(path) => Some(path.clone()),
        _ => None,
    }
}

fn symlinks(unit: &SocketUnit) -> Vec<Symlink> {
    let mut nodes = unit.listen.iter().filter_map(node);
    // With two nodes nobody could say which one a link means.
    let (Some(target), None) = (nodes.next(), nodes.next()) else {
        return Vec::new();
    };
    let link = |link: &Text| Symlink {
        link: link.clone(),
        target: target.clone(),
        replace: unit.remove_on_stop,
        directory_mode: unit.directory_mode,
    };
    unit.options.symlinks.iter().map(link).collect()
}

fn chown(unit: &SocketUnit, facts: &BindFacts) -> Option<Chown> {
    let queue = |listen: &Listen| match listen {
        Listen::MessageQueue(name) if !facts.strict => Some(name.clone()),
        _ => None,
    };
    // Even without a node the names are looked up: an unknown one fails the start, as in systemd.
    (unit.socket_user.is_some() || unit.socket_group.is_some()).then(|| Chown {
        user: unit.socket_user.clone(),
        group: unit.socket_group.clone(),
        paths: unit.listen.iter().filter_map(node).collect(),
        queues: unit.listen.iter().filter_map(queue).collect(),
    })
}

fn port(index: usize, listen: &Listen, unit: &SocketUnit, service: Option<&ServiceUnit>, facts: &BindFacts) -> Port {
    let mut calls = match listen {
        Listen::Socket { kind, address } => socket(*kind, address, listen, unit, facts),
        Listen::Netlink { family, groups } => netlink(*family, *groups, listen, unit, facts),
        Listen::Fifo(path) => fifo(path, unit, facts),
        Listen::Special(path) => vec![SocketCall::Special { path: path.clone(), writable: unit.options.writable }],
        Listen::MessageQueue(name) => message_queue(name, unit, facts),
        Listen::UsbFunction(path) => vec![usb_function(path, service)],
    };
    let mut display = display(listen);
    if let Some(name) = unit.options.beyond.scope(index) {
        // Shown as it is written: its index may not be there, or change.
        display = format!("{}%{name}", display.split('%').next().unwrap_or_default());
        for call in &mut calls {
            if let SocketCall::Bind { scope, .. } = call {
                *scope = Some(name.clone());
            }
        }
    }
    Port { display: display.into(), type_word: type_word(listen), calls }
}

fn domain(address: &Address) -> c_int {
    match address {
        Address::V4(..) => libc::AF_INET,
        Address::V6(..) => libc::AF_INET6,
        Address::Path(_) | Address::Abstract(_) => libc::AF_UNIX,
        Address::Vsock(..) => libc::AF_VSOCK,
    }
}

fn socket(
    kind: SocketKind,
    address: &Address,
    listen: &Listen,
    unit: &SocketUnit,
    facts: &BindFacts,
) -> Vec<SocketCall> {
    let domain = domain(address);
    let (number, listens) = match kind {
        SocketKind::Stream => (libc::SOCK_STREAM, true),
        SocketKind::SequentialPacket => (libc::SOCK_SEQPACKET, true),
        SocketKind::Datagram => (libc::SOCK_DGRAM, false),
    };
    let mut calls = vec![SocketCall::Socket { domain, kind: number, protocol: protocol(kind, &unit.options) }];
    calls.extend(labels::of_descriptor(unit, facts));
    calls.extend(before_bind(domain, unit));
    calls.extend(beyond::raw_options(unit, listen, OnError::Warn));
    calls.extend(beyond::multicast(unit, listen));
    if let Address::Path(path) = address {
        calls.push(SocketCall::MakeParents { path: path.clone(), mode: unit.directory_mode });
    }
    calls.push(SocketCall::Bind {
        address: address.clone(),
        mode: unit.socket_mode,
        take_over: facts.strict,
        scope: None,
    });
    if let Address::Path(path) = address {
        calls.extend(labels::of_node(path, unit, facts));
    }
    if listens {
        // 4294967295 becomes -1, which the kernel takes for "as many as allowed".
        calls.push(SocketCall::Listen { backlog: unit.backlog.cast_signed() });
    }
    if let Address::Path(path) = address {
        calls.push(SocketCall::Touch { path: path.clone() });
    }
    calls.extend(options(&unit.options, domain, facts));
    calls
}

/// `SocketProtocol=` counts only for the types that have it; the family is not looked at.
fn protocol(kind: SocketKind, options: &SocketOptions) -> c_int {
    let asked = options.socket_protocol.unwrap_or(0);
    let fits = match kind {
        SocketKind::Stream => asked == libc::IPPROTO_SCTP || asked == libc::IPPROTO_MPTCP,
        SocketKind::SequentialPacket => asked == libc::IPPROTO_SCTP,
        SocketKind::Datagram => asked == libc::IPPROTO_UDPLITE,
    };
    if fits { asked } else { 0 }
}

fn set(directive: &'static str, level: c_int, (name, symbol): (c_int, &'static str), on_error: OnError) -> SocketCall {
    SocketCall::SetInt { directive, level, name, symbol, value: 1, on_error }
}

/// Options that decide what bind(2) may take.
fn before_bind(domain: c_int, unit: &SocketUnit) -> Vec<SocketCall> {
    let options = &unit.options;
    let v6 = domain == libc::AF_INET6;
    let mut calls = Vec::new();
    if v6 && unit.bind_ipv6_only != BindIpv6Only::Default {
        calls.push(SocketCall::SetInt {
            directive: "BindIPv6Only",
            level: libc::IPPROTO_IPV6,
            name: libc::IPV6_V6ONLY,
            symbol: "IPV6_V6ONLY",
            value: c_int::from(unit.bind_ipv6_only == BindIpv6Only::Ipv6Only),
            on_error: OnError::Fail,
        });
    }
    if v6 || domain == libc::AF_INET {
        if let Some(device) = &options.bind_to_device {
            calls.push(SocketCall::SetText {
                directive: "BindToDevice",
                level: libc::SOL_SOCKET,
                name: libc::SO_BINDTODEVICE,
                symbol: "SO_BINDTODEVICE",
                value: device.clone(),
                on_error: OnError::Fail,
            });
        }
        let ip = |v4: (c_int, &'static str), of_v6: (c_int, &'static str)| {
            if v6 { (libc::IPPROTO_IPV6, of_v6) } else { (libc::IPPROTO_IP, v4) }
        };
        if options.reuse_port {
            calls.push(set("ReusePort", libc::SOL_SOCKET, (libc::SO_REUSEPORT, "SO_REUSEPORT"), OnError::Warn));
        }
        if options.free_bind {
            let (level, option) = ip((libc::IP_FREEBIND, "IP_FREEBIND"), (libc::IPV6_FREEBIND, "IPV6_FREEBIND"));
            calls.push(set("FreeBind", level, option, OnError::Warn));
        }
        if options.transparent {
            let (level, option) =
                ip((libc::IP_TRANSPARENT, "IP_TRANSPARENT"), (libc::IPV6_TRANSPARENT, "IPV6_TRANSPARENT"));
            calls.push(set("Transparent", level, option, OnError::Warn));
        }
    }
    calls.push(set("", libc::SOL_SOCKET, (libc::SO_REUSEADDR, "SO_REUSEADDR"), OnError::Fail));
    calls.extend(labels::attributes("XAttrListen", &options.xattr_listen));
    calls
}

fn netlink(family: i32, groups: u32, listen: &Listen, unit: &SocketUnit, facts: &BindFacts) -> Vec<SocketCall> {
    let mut calls = vec![SocketCall::Socket { domain: libc::AF_NETLINK, kind: libc::SOCK_RAW, protocol: family }];
    calls.extend(labels::of_descriptor(unit, facts));
    calls.extend(before_bind(libc::AF_NETLINK, unit));
    calls.extend(beyond::raw_options(unit, listen, OnError::Warn));
    calls.push(SocketCall::BindNetlink { groups });
    calls.extend(options(&unit.options, libc::AF_NETLINK, facts));
    calls
}

fn fifo(path: &Text, unit: &SocketUnit, facts: &BindFacts) -> Vec<SocketCall> {
    let mut calls = vec![
        SocketCall::MakeParents { path: path.clone(), mode: unit.directory_mode },
        SocketCall::Fifo { path: path.clone(), mode: unit.socket_mode },
    ];
    if unit.options.pipe_size > 0 {
        calls.push(SocketCall::PipeSize { bytes: unit.options.pipe_size });
    }
    calls.extend(labels::of_fifo(unit, facts));
    calls
}

fn message_queue(name: &Text, unit: &SocketUnit, facts: &BindFacts) -> Vec<SocketCall> {
    let limits = (unit.options.message_queue_max_messages, unit.options.message_queue_message_size);
    // One of the two alone leaves the kernel's defaults in force.
    let attributes = (limits.0 > 0 && limits.1 > 0).then_some(limits);
    let mut calls = vec![SocketCall::MessageQueue { name: name.clone(), mode: unit.socket_mode, attributes }];
    calls.extend(labels::of_descriptor(unit, facts));
    calls
}

fn usb_function(path: &Text, service: Option<&ServiceUnit>) -> SocketCall {
    let file = |pick: fn(&ServiceUnit) -> Option<&Text>| service.and_then(pick).cloned().unwrap_or_default();
    SocketCall::UsbFunction {
        path: path.clone(),
        descriptors: file(|s| s.more.usb_function_descriptors.as_ref()),
        strings: file(|s| s.more.usb_function_strings.as_ref()),
    }
}
