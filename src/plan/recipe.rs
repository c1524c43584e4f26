//! How a socket unit becomes a [`Recipe`]: the order of calls, and the table of socket options.
//!
//! Order matters to programs and administrators (an early connection sees only the options set so
//! far), so it is systemd's. Knows no descriptors; whether a call succeeds is seen when it is
//! carried out.

use super::bind::{Chown, OnError, Port, Recipe, Remove, SocketCall, Symlink};
use super::display::{display, type_word};
use crate::ids::Text;
use crate::unit::ServiceUnit;
use crate::unit::socket::{
    Address, BindIpv6Only, Listen, SocketKind, SocketOptions, SocketUnit, Timestamping,
};
use std::ffi::c_int;

/// What the recipe depends on beside the unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BindFacts {
    /// `--strict-systemd`: sockets in the way are taken over even if somebody listens on them.
    pub strict: bool,
    /// The kernel runs SMACK, so labels mean something.
    pub smack: bool,
}

/// Options that few C libraries name. Numbers of the kernel's generic socket.h, netlink.h, sctp.h.
const SO_PASSSEC: c_int = 34;
const SO_PASSPIDFD: c_int = 76;
const SO_PASSRIGHTS: c_int = 83;
const NETLINK_PKTINFO: c_int = 3;
const SCTP_NODELAY: c_int = 3;

const SMACK64: &str = "security.SMACK64";

/// The whole recipe of a socket unit. `service` is what it starts; only USB functions look at it.
pub fn recipe(unit: &SocketUnit, service: Option<&ServiceUnit>, facts: &BindFacts) -> Recipe {
    let ports = unit
        .listen
        .iter()
        .map(|listen| port(listen, unit, service, facts))
        .collect();
    let all: Vec<u16> = (0..=u16::MAX).take(unit.listen.len()).collect();
    Recipe {
        ports,
        symlinks: symlinks(unit),
        chown: chown(unit),
        remove: removals(unit, &all),
    }
}

/// What every connection accepted on a port needs before it is handed over. Nothing at all unless
/// the unit sets options, so that the usual connection costs no call.
pub fn connection_calls(unit: &SocketUnit, port: &Listen, facts: &BindFacts) -> Vec<SocketCall> {
    match port {
        Listen::Socket { address, .. } => options(unit, domain(address), facts),
        Listen::Netlink { .. } => options(unit, libc::AF_NETLINK, facts),
        Listen::Fifo(_) | Listen::Special(_) | Listen::MessageQueue(_) | Listen::UsbFunction(_) => {
            Vec::new()
        }
    }
}

/// What `RemoveOnStop=` takes away when these ports (indexes into `listen`) were open.
pub fn removals(unit: &SocketUnit, open: &[u16]) -> Vec<Remove> {
    if !unit.remove_on_stop {
        return Vec::new();
    }
    let ports = open.iter().filter_map(|&i| unit.listen.get(usize::from(i)));
    let nodes = ports.filter_map(|listen| match listen {
        Listen::MessageQueue(name) => Some(Remove::MessageQueue(name.clone())),
        _ => node(listen).map(Remove::Node),
    });
    nodes
        .chain(unit.options.symlinks.iter().cloned().map(Remove::Node))
        .collect()
}

/// The file system node a port makes, as far as links and owners apply to it.
fn node(listen: &Listen) -> Option<Text> {
    match listen {
        Listen::Socket {
            address: Address::Path(path),
            ..
        }
        | Listen::Fifo(path) => Some(path.clone()),
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

fn chown(unit: &SocketUnit) -> Option<Chown> {
    // Even without a node the names are looked up: an unknown one fails the start, as in systemd.
    (unit.socket_user.is_some() || unit.socket_group.is_some()).then(|| Chown {
        user: unit.socket_user.clone(),
        group: unit.socket_group.clone(),
        paths: unit.listen.iter().filter_map(node).collect(),
    })
}

fn port(
    listen: &Listen,
    unit: &SocketUnit,
    service: Option<&ServiceUnit>,
    facts: &BindFacts,
) -> Port {
    let calls = match listen {
        Listen::Socket { kind, address } => socket(*kind, address, unit, facts),
        Listen::Netlink { family, groups } => netlink(*family, *groups, unit, facts),
        Listen::Fifo(path) => fifo(path, unit, facts),
        Listen::Special(path) => vec![SocketCall::Special {
            path: path.clone(),
            writable: unit.options.writable,
        }],
        Listen::MessageQueue(name) => vec![message_queue(name, unit)],
        Listen::UsbFunction(path) => vec![usb_function(path, service)],
    };
    Port {
        display: display(listen).into(),
        type_word: type_word(listen),
        calls,
    }
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
    unit: &SocketUnit,
    facts: &BindFacts,
) -> Vec<SocketCall> {
    let domain = domain(address);
    let (number, listens) = match kind {
        SocketKind::Stream => (libc::SOCK_STREAM, true),
        SocketKind::SequentialPacket => (libc::SOCK_SEQPACKET, true),
        SocketKind::Datagram => (libc::SOCK_DGRAM, false),
    };
    let mut calls = vec![SocketCall::Socket {
        domain,
        kind: number,
        protocol: protocol(kind, &unit.options),
    }];
    calls.extend(smack_label(unit, facts));
    calls.extend(before_bind(domain, unit));
    if let Address::Path(path) = address {
        calls.push(SocketCall::MakeParents {
            path: path.clone(),
            mode: unit.directory_mode,
        });
    }
    calls.push(SocketCall::Bind {
        address: address.clone(),
        mode: unit.socket_mode,
        take_over: facts.strict,
    });
    if listens {
        // 4294967295 becomes -1, which the kernel takes for "as many as allowed".
        calls.push(SocketCall::Listen {
            backlog: unit.backlog.cast_signed(),
        });
    }
    if let Address::Path(path) = address {
        calls.push(SocketCall::Touch { path: path.clone() });
    }
    calls.extend(options(unit, domain, facts));
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

fn set(
    directive: &'static str,
    level: c_int,
    (name, symbol): (c_int, &'static str),
    on_error: OnError,
) -> SocketCall {
    SocketCall::SetInt {
        directive,
        level,
        name,
        symbol,
        value: 1,
        on_error,
    }
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
            if v6 {
                (libc::IPPROTO_IPV6, of_v6)
            } else {
                (libc::IPPROTO_IP, v4)
            }
        };
        if options.reuse_port {
            calls.push(set(
                "ReusePort",
                libc::SOL_SOCKET,
                (libc::SO_REUSEPORT, "SO_REUSEPORT"),
                OnError::Warn,
            ));
        }
        if options.free_bind {
            let (level, option) = ip(
                (libc::IP_FREEBIND, "IP_FREEBIND"),
                (libc::IPV6_FREEBIND, "IPV6_FREEBIND"),
            );
            calls.push(set("FreeBind", level, option, OnError::Warn));
        }
        if options.transparent {
            let (level, option) = ip(
                (libc::IP_TRANSPARENT, "IP_TRANSPARENT"),
                (libc::IPV6_TRANSPARENT, "IPV6_TRANSPARENT"),
            );
            calls.push(set("Transparent", level, option, OnError::Warn));
        }
    }
    calls.push(set(
        "",
        libc::SOL_SOCKET,
        (libc::SO_REUSEADDR, "SO_REUSEADDR"),
        OnError::Fail,
    ));
    calls
}

fn netlink(family: i32, groups: u32, unit: &SocketUnit, facts: &BindFacts) -> Vec<SocketCall> {
    let mut calls = vec![SocketCall::Socket {
        domain: libc::AF_NETLINK,
        kind: libc::SOCK_RAW,
        protocol: family,
    }];
    calls.extend(smack_label(unit, facts));
    calls.extend(before_bind(libc::AF_NETLINK, unit));
    calls.push(SocketCall::BindNetlink { groups });
    calls.extend(options(unit, libc::AF_NETLINK, facts));
    calls
}

fn fifo(path: &Text, unit: &SocketUnit, facts: &BindFacts) -> Vec<SocketCall> {
    let mut calls = vec![
        SocketCall::MakeParents {
            path: path.clone(),
            mode: unit.directory_mode,
        },
        SocketCall::Fifo {
            path: path.clone(),
            mode: unit.socket_mode,
        },
    ];
    if unit.options.pipe_size > 0 {
        calls.push(SocketCall::PipeSize {
            bytes: unit.options.pipe_size,
        });
    }
    calls.extend(smack_label(unit, facts));
    calls
}

fn message_queue(name: &Text, unit: &SocketUnit) -> SocketCall {
    let limits = (
        unit.options.message_queue_max_messages,
        unit.options.message_queue_message_size,
    );
    // One of the two alone leaves the kernel's defaults in force.
    let attributes = (limits.0 > 0 && limits.1 > 0).then_some(limits);
    SocketCall::MessageQueue {
        name: name.clone(),
        mode: unit.socket_mode,
        attributes,
    }
}

fn usb_function(path: &Text, service: Option<&ServiceUnit>) -> SocketCall {
    let file = |pick: fn(&ServiceUnit) -> Option<&Text>| {
        service.and_then(pick).cloned().unwrap_or_default()
    };
    SocketCall::UsbFunction {
        path: path.clone(),
        descriptors: file(|s| s.more.usb_function_descriptors.as_ref()),
        strings: file(|s| s.more.usb_function_strings.as_ref()),
    }
}

fn smack_label(unit: &SocketUnit, facts: &BindFacts) -> Option<SocketCall> {
    let value = unit.options.smack_label.clone().filter(|_| facts.smack)?;
    Some(SocketCall::SetXattr {
        directive: "SmackLabel",
        name: SMACK64,
        value,
    })
}

/// How an option is set.
enum How {
    /// Level, number, name.
    Plain(c_int, c_int, &'static str),
    /// Depends on the family; `None` for families that do not have it.
    Family(fn(c_int) -> Option<(c_int, c_int, &'static str)>),
    /// Depends on other options.
    Options(fn(&SocketOptions) -> (c_int, c_int, &'static str)),
    /// `SO_RCVBUF` (true) or `SO_SNDBUF`, with the rules of [`SocketCall::SetBuffer`].
    Buffer(bool),
    /// The value is this text.
    Text(
        c_int,
        c_int,
        &'static str,
        fn(&SocketOptions) -> Option<&Text>,
    ),
    /// An attribute of the descriptor, where the kernel runs SMACK.
    Smack(&'static str, fn(&SocketOptions) -> Option<&Text>),
}

/// One socket option: directive, how, and the value if it is to be set.
struct Row(&'static str, How, fn(&SocketOptions) -> Option<u64>);

use How::{Buffer, Family, Options, Plain, Smack, Text as TextOption};

/// In the order in which systemd sets them after listen(2).
const OPTIONS: [Row; 22] = [
    Row(
        "KeepAlive",
        Plain(libc::SOL_SOCKET, libc::SO_KEEPALIVE, "SO_KEEPALIVE"),
        |o| flag(o.keep_alive),
    ),
    Row(
        "KeepAliveTimeSec",
        Plain(libc::SOL_TCP, libc::TCP_KEEPIDLE, "TCP_KEEPIDLE"),
        |o| seconds(o.keep_alive_time_usec),
    ),
    Row(
        "KeepAliveIntervalSec",
        Plain(libc::SOL_TCP, libc::TCP_KEEPINTVL, "TCP_KEEPINTVL"),
        |o| seconds(o.keep_alive_interval_usec),
    ),
    Row(
        "KeepAliveProbes",
        Plain(libc::SOL_TCP, libc::TCP_KEEPCNT, "TCP_KEEPCNT"),
        |o| positive(u64::from(o.keep_alive_probes)),
    ),
    Row(
        "DeferAcceptSec",
        Plain(libc::SOL_TCP, libc::TCP_DEFER_ACCEPT, "TCP_DEFER_ACCEPT"),
        |o| seconds(o.defer_accept_usec),
    ),
    Row("NoDelay", Options(no_delay), |o| flag(o.no_delay)),
    Row(
        "Broadcast",
        Plain(libc::SOL_SOCKET, libc::SO_BROADCAST, "SO_BROADCAST"),
        |o| flag(o.broadcast),
    ),
    Row(
        "PassCredentials",
        Plain(libc::SOL_SOCKET, libc::SO_PASSCRED, "SO_PASSCRED"),
        |o| flag(o.pass_credentials),
    ),
    Row(
        "PassPIDFD",
        Plain(libc::SOL_SOCKET, SO_PASSPIDFD, "SO_PASSPIDFD"),
        |o| flag(o.pass_pidfd),
    ),
    Row(
        "PassSecurity",
        Plain(libc::SOL_SOCKET, SO_PASSSEC, "SO_PASSSEC"),
        |o| flag(o.pass_security),
    ),
    Row("PassPacketInfo", Family(packet_info), |o| {
        flag(o.pass_packet_info)
    }),
    Row(
        "AcceptFileDescriptors",
        Plain(libc::SOL_SOCKET, SO_PASSRIGHTS, "SO_PASSRIGHTS"),
        |o| o.refuse_file_descriptors.then_some(0),
    ),
    Row("Timestamping", Options(timestamp), |o| {
        flag(o.timestamping != Timestamping::Off)
    }),
    Row(
        "Priority",
        Plain(libc::SOL_SOCKET, libc::SO_PRIORITY, "SO_PRIORITY"),
        |o| natural(o.priority),
    ),
    Row("ReceiveBuffer", Buffer(true), |o| {
        positive(o.receive_buffer)
    }),
    Row("SendBuffer", Buffer(false), |o| positive(o.send_buffer)),
    Row(
        "Mark",
        Plain(libc::SOL_SOCKET, libc::SO_MARK, "SO_MARK"),
        |o| natural(o.mark),
    ),
    // Also on AF_INET6: the kernel takes it there, and IPV6_TCLASS stays alone.
    Row(
        "IPTOS",
        Plain(libc::IPPROTO_IP, libc::IP_TOS, "IP_TOS"),
        |o| natural(o.ip_tos),
    ),
    Row("IPTTL", Family(hop_limit), |o| natural(o.ip_ttl)),
    Row(
        "TCPCongestion",
        TextOption(libc::SOL_TCP, libc::TCP_CONGESTION, "TCP_CONGESTION", |o| {
            o.tcp_congestion.as_ref()
        }),
        |o| flag(o.tcp_congestion.is_some()),
    ),
    Row(
        "SmackLabelIPIn",
        Smack("security.SMACK64IPIN", |o| o.smack_label_ip_in.as_ref()),
        |o| flag(o.smack_label_ip_in.is_some()),
    ),
    Row(
        "SmackLabelIPOut",
        Smack("security.SMACK64IPOUT", |o| o.smack_label_ip_out.as_ref()),
        |o| flag(o.smack_label_ip_out.is_some()),
    ),
];

/// All options of the unit as calls for a socket of this family. Tried whatever the family is, as
/// in systemd; a kernel that refuses is told, and the socket goes on.
fn options(unit: &SocketUnit, domain: c_int, facts: &BindFacts) -> Vec<SocketCall> {
    let options = &unit.options;
    OPTIONS
        .iter()
        .filter_map(|Row(directive, how, value)| {
            call(directive, how, value(options)?, options, domain, facts)
        })
        .collect()
}

fn call(
    directive: &'static str,
    how: &How,
    value: u64,
    options: &SocketOptions,
    domain: c_int,
    facts: &BindFacts,
) -> Option<SocketCall> {
    let (level, name, symbol) = match how {
        Plain(level, name, symbol) => (*level, *name, *symbol),
        Options(pick) => pick(options),
        Family(pick) => match pick(domain) {
            Some(found) => found,
            None => return Some(SocketCall::Unsupported { directive }),
        },
        Buffer(receive) => {
            return Some(SocketCall::SetBuffer {
                directive,
                receive: *receive,
                bytes: value,
            });
        }
        TextOption(level, name, symbol, pick) => {
            let (level, name, symbol, value) = (*level, *name, *symbol, pick(options)?.clone());
            return Some(SocketCall::SetText {
                directive,
                level,
                name,
                symbol,
                value,
                on_error: OnError::Warn,
            });
        }
        Smack(name, pick) => {
            let value = pick(options)?.clone();
            return facts.smack.then_some(SocketCall::SetXattr {
                directive,
                name,
                value,
            });
        }
    };
    let value = c_int::try_from(value).unwrap_or(c_int::MAX);
    Some(SocketCall::SetInt {
        directive,
        level,
        name,
        symbol,
        value,
        on_error: OnError::Warn,
    })
}

fn flag(on: bool) -> Option<u64> {
    on.then_some(1)
}

fn positive(value: u64) -> Option<u64> {
    (value > 0).then_some(value)
}

/// `-1` is "leave alone"; 0 is a value.
fn natural(value: Option<i32>) -> Option<u64> {
    value.and_then(|v| u64::try_from(v).ok())
}

/// Whole seconds, truncated; less than one second reaches the kernel as 0 and is refused there.
fn seconds(usec: Option<u64>) -> Option<u64> {
    usec.filter(|&u| u > 0 && u != crate::ids::INFINITY_USEC)
        .map(|u| u / 1_000_000)
}

fn no_delay(options: &SocketOptions) -> (c_int, c_int, &'static str) {
    if options.socket_protocol == Some(libc::IPPROTO_SCTP) {
        (libc::IPPROTO_SCTP, SCTP_NODELAY, "SCTP_NODELAY")
    } else {
        (libc::SOL_TCP, libc::TCP_NODELAY, "TCP_NODELAY")
    }
}

fn timestamp(options: &SocketOptions) -> (c_int, c_int, &'static str) {
    match options.timestamping {
        Timestamping::Nanoseconds => (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, "SO_TIMESTAMPNS"),
        Timestamping::Microseconds | Timestamping::Off => {
            (libc::SOL_SOCKET, libc::SO_TIMESTAMP, "SO_TIMESTAMP")
        }
    }
}

fn packet_info(domain: c_int) -> Option<(c_int, c_int, &'static str)> {
    match domain {
        libc::AF_INET => Some((libc::IPPROTO_IP, libc::IP_PKTINFO, "IP_PKTINFO")),
        libc::AF_INET6 => Some((
            libc::IPPROTO_IPV6,
            libc::IPV6_RECVPKTINFO,
            "IPV6_RECVPKTINFO",
        )),
        libc::AF_NETLINK => Some((libc::SOL_NETLINK, NETLINK_PKTINFO, "NETLINK_PKTINFO")),
        _ => None,
    }
}

fn hop_limit(domain: c_int) -> Option<(c_int, c_int, &'static str)> {
    match domain {
        libc::AF_INET => Some((libc::IPPROTO_IP, libc::IP_TTL, "IP_TTL")),
        libc::AF_INET6 => Some((
            libc::IPPROTO_IPV6,
            libc::IPV6_UNICAST_HOPS,
            "IPV6_UNICAST_HOPS",
        )),
        _ => None,
    }
}
