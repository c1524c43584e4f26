//! The table of socket options, in the order in which systemd sets them after listen(2) and again
//! on accepted connections.
//!
//! Options are tried on every socket, whatever its family: what the kernel refuses is told, and the
//! socket goes on. Knows the settings only.

use super::bind::{OnError, SocketCall};
use super::recipe::BindFacts;
use crate::ids::Text;
use crate::unit::socket::{SocketOptions, Timestamping};
use std::ffi::c_int;

/// Options that few C libraries name. Numbers of the kernel's generic socket.h, netlink.h, sctp.h.
const SO_PASSSEC: c_int = 34;
const SO_PASSPIDFD: c_int = 76;
const SO_PASSRIGHTS: c_int = 83;
const NETLINK_PKTINFO: c_int = 3;
const SCTP_NODELAY: c_int = 3;

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
    Text(c_int, c_int, &'static str, fn(&SocketOptions) -> Option<&Text>),
    /// An attribute of the descriptor, where the kernel runs SMACK.
    Smack(&'static str, fn(&SocketOptions) -> Option<&Text>),
}

/// One socket option: directive, how, and the value if it is to be set.
struct Row(&'static str, How, fn(&SocketOptions) -> Option<u64>);

use How::{Buffer, Family, Options, Plain, Smack, Text as TextOption};

/// In the order in which systemd sets them after listen(2).
const OPTIONS: [Row; 22] = [
    Row("KeepAlive", Plain(libc::SOL_SOCKET, libc::SO_KEEPALIVE, "SO_KEEPALIVE"), |o| flag(o.keep_alive)),
    Row("KeepAliveTimeSec", Plain(libc::SOL_TCP, libc::TCP_KEEPIDLE, "TCP_KEEPIDLE"), |o| {
        seconds(o.keep_alive_time_usec)
    }),
    Row("KeepAliveIntervalSec", Plain(libc::SOL_TCP, libc::TCP_KEEPINTVL, "TCP_KEEPINTVL"), |o| {
        seconds(o.keep_alive_interval_usec)
    }),
    Row("KeepAliveProbes", Plain(libc::SOL_TCP, libc::TCP_KEEPCNT, "TCP_KEEPCNT"), |o| {
        positive(u64::from(o.keep_alive_probes))
    }),
    Row("DeferAcceptSec", Plain(libc::SOL_TCP, libc::TCP_DEFER_ACCEPT, "TCP_DEFER_ACCEPT"), |o| {
        seconds(o.defer_accept_usec)
    }),
    Row("NoDelay", Options(no_delay), |o| flag(o.no_delay)),
    Row("Broadcast", Plain(libc::SOL_SOCKET, libc::SO_BROADCAST, "SO_BROADCAST"), |o| flag(o.broadcast)),
    Row("PassCredentials", Plain(libc::SOL_SOCKET, libc::SO_PASSCRED, "SO_PASSCRED"), |o| flag(o.pass_credentials)),
    Row("PassPIDFD", Plain(libc::SOL_SOCKET, SO_PASSPIDFD, "SO_PASSPIDFD"), |o| flag(o.pass_pidfd)),
    Row("PassSecurity", Plain(libc::SOL_SOCKET, SO_PASSSEC, "SO_PASSSEC"), |o| flag(o.pass_security)),
    Row("PassPacketInfo", Family(packet_info), |o| flag(o.pass_packet_info)),
    Row("AcceptFileDescriptors", Plain(libc::SOL_SOCKET, SO_PASSRIGHTS, "SO_PASSRIGHTS"), |o| {
        o.refuse_file_descriptors.then_some(0)
    }),
    Row("Timestamping", Options(timestamp), |o| flag(o.timestamping != Timestamping::Off)),
    Row("Priority", Plain(libc::SOL_SOCKET, libc::SO_PRIORITY, "SO_PRIORITY"), |o| natural(o.priority)),
    Row("ReceiveBuffer", Buffer(true), |o| positive(o.receive_buffer)),
    Row("SendBuffer", Buffer(false), |o| positive(o.send_buffer)),
    Row("Mark", Plain(libc::SOL_SOCKET, libc::SO_MARK, "SO_MARK"), |o| natural(o.mark)),
    // Also on AF_INET6: the kernel takes it there, and IPV6_TCLASS stays alone.
    Row("IPTOS", Plain(libc::IPPROTO_IP, libc::IP_TOS, "IP_TOS"), |o| natural(o.ip_tos)),
    Row("IPTTL", Family(hop_limit), |o| natural(o.ip_ttl)),
    Row(
        "TCPCongestion",
        TextOption(libc::SOL_TCP, libc::TCP_CONGESTION, "TCP_CONGESTION", |o| o.tcp_congestion.as_ref()),
        |o| flag(o.tcp_congestion.is_some()),
    ),
    Row("SmackLabelIPIn", Smack("security.SMACK64IPIN", |o| o.smack_label_ip_in.as_ref()), |o| {
        flag(o.smack_label_ip_in.is_some())
    }),
    Row("SmackLabelIPOut", Smack("security.SMACK64IPOUT", |o| o.smack_label_ip_out.as_ref()), |o| {
        flag(o.smack_label_ip_out.is_some())
    }),
];

/// All options of a unit as calls for a socket of this family.
pub(super) fn options(options: &SocketOptions, domain: c_int, facts: &BindFacts) -> Vec<SocketCall> {
    OPTIONS
        .iter()
        .filter_map(|Row(directive, how, value)| call(directive, how, value(options)?, options, domain, facts))
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
            return Some(SocketCall::SetBuffer { directive, receive: *receive, bytes: value });
        }
        TextOption(level, name, symbol, pick) => {
            let (level, name, symbol, value) = (*level, *name, *symbol, pick(options)?.clone());
            return Some(SocketCall::SetText { directive, level, name, symbol, value, on_error: OnError::Warn });
        }
        Smack(name, pick) => {
            let value = pick(options)?.clone();
            let name: Text = (*name).into();
            return facts.smack.then_some(SocketCall::SetXattr { directive, path: None, name, value });
        }
    };
    let value = c_int::try_from(value).unwrap_or(c_int::MAX);
    Some(SocketCall::SetInt { directive, level, name, symbol, value, on_error: OnError::Warn })
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
    usec.filter(|&u| u > 0 && u != crate::ids::INFINITY_USEC).map(|u| u / 1_000_000)
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
        Timestamping::Microseconds | Timestamping::Off => (libc::SOL_SOCKET, libc::SO_TIMESTAMP, "SO_TIMESTAMP"),
    }
}

fn packet_info(domain: c_int) -> Option<(c_int, c_int, &'static str)> {
    match domain {
        libc::AF_INET => Some((libc::IPPROTO_IP, libc::IP_PKTINFO, "IP_PKTINFO")),
        libc::AF_INET6 => Some((libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, "IPV6_RECVPKTINFO")),
        libc::AF_NETLINK => Some((libc::SOL_NETLINK, NETLINK_PKTINFO, "NETLINK_PKTINFO")),
        _ => None,
    }
}

fn hop_limit(domain: c_int) -> Option<(c_int, c_int, &'static str)> {
    match domain {
        libc::AF_INET => Some((libc::IPPROTO_IP, libc::IP_TTL, "IP_TTL")),
        libc::AF_INET6 => Some((libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, "IPV6_UNICAST_HOPS")),
        _ => None,
    }
}
