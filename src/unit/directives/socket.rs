//! Rows of the section [Socket].

use super::line::{Line, Outcome, Problem};
use super::{Row, SOCKET, full};
use crate::ids::{INFINITY_USEC, Text};
use crate::syntax::words::Rules;
use crate::unit::draft::{Draft, Scope};
use crate::unit::socket::{Address, BindIpv6Only, DeferTrigger, Listen, SocketKind, Timestamping, XAttr};
use crate::unit::values::address::AddressContext;
use crate::unit::values::{address, names, path, scalar, time};
use crate::unit::{RateLimit, UnitKind, UnitName};

pub(super) static ROWS: &[Row] = &[
    full(
        SOCKET,
        "ListenStream",
        |l| listen(l, SocketKind::Stream),
        "Address of a stream socket: port, IP:port, path, @name or vsock:CID:port",
    ),
    full(SOCKET, "ListenDatagram", |l| listen(l, SocketKind::Datagram), "Address of a datagram socket"),
    full(
        SOCKET,
        "ListenSequentialPacket",
        |l| listen(l, SocketKind::SequentialPacket),
        "Path or @name of a sequential packet socket",
    ),
    full(SOCKET, "ListenFIFO", |l| node(l, false, Listen::Fifo), "Path of a FIFO"),
    full(
        SOCKET,
        "ListenSpecial",
        |l| node(l, true, Listen::Special),
        "Path of a character device or of a file in /proc or /sys",
    ),
    full(SOCKET, "ListenNetlink", netlink, "Netlink family, and the bit mask of its multicast groups"),
    full(SOCKET, "ListenMessageQueue", |l| node(l, false, Listen::MessageQueue), "Name of a POSIX message queue"),
    full(
        SOCKET,
        "ListenUSBFunction",
        |l| node(l, false, Listen::UsbFunction),
        "Directory of a USB FunctionFS instance",
    ),
    full(SOCKET, "SocketProtocol", protocol, "IP protocol instead of the usual one: udplite, sctp or mptcp"),
    full(SOCKET, "BindIPv6Only", bind_ipv6_only, "Whether IPv6 sockets take IPv4 too: default, both or ipv6-only"),
    full(
        SOCKET,
        "Backlog",
        |l| l.set(scalar::unsigned32, |d| &mut d.socket.backlog),
        "Connections that wait to be accepted, at most",
    ),
    full(SOCKET, "BindToDevice", device, "Network interface that traffic must come through"),
    full(
        SOCKET,
        "SocketUser",
        |l| l.identity(|d| &mut d.socket.socket_user),
        "Owner of the socket's node in the file system",
    ),
    full(
        SOCKET,
        "SocketGroup",
        |l| l.identity(|d| &mut d.socket.socket_group),
        "Group of the socket's node in the file system",
    ),
    full(
        SOCKET,
        "SocketMode",
        |l| l.set(scalar::mode, |d| &mut d.socket.socket_mode),
        "Permissions of the socket's node in the file system",
    ),
    full(
        SOCKET,
        "DirectoryMode",
        |l| l.set(scalar::mode, |d| &mut d.socket.directory_mode),
        "Permissions of directories that are made for the node",
    ),
    full(
        SOCKET,
        "Accept",
        |l| l.set(scalar::boolean, |d| &mut d.socket.accept),
        "Whether each connection gets a service instance of its own",
    ),
    full(
        SOCKET,
        "Writable",
        |l| l.set(scalar::boolean, |d| &mut d.options.writable),
        "Open the special file for writing too",
    ),
    full(
        SOCKET,
        "FlushPending",
        |l| l.set(scalar::boolean, |d| &mut d.socket.flush_pending),
        "Throw away what is queued before listening again",
    ),
    full(
        SOCKET,
        "MaxConnections",
        |l| l.set(scalar::unsigned32, |d| &mut d.socket.max_connections),
        "Connections served at the same time, at most",
    ),
    full(
        SOCKET,
        "MaxConnectionsPerSource",
        |l| l.set(scalar::unsigned32, |d| &mut d.socket.max_connections_per_source),
        "Connections from one peer at the same time, at most; 0 is no limit",
    ),
    full(SOCKET, "KeepAlive", |l| l.set(scalar::boolean, |d| &mut d.options.keep_alive), "Probe idle TCP connections"),
    full(
        SOCKET,
        "KeepAliveTimeSec",
        |l| l.set_some(time::span_usec, |d| &mut d.options.keep_alive_time_usec),
        "Idle time before the first probe",
    ),
    full(
        SOCKET,
        "KeepAliveIntervalSec",
        |l| l.set_some(time::span_usec, |d| &mut d.options.keep_alive_interval_usec),
        "Time between probes",
    ),
    full(
        SOCKET,
        "KeepAliveProbes",
        |l| l.set(scalar::unsigned32, |d| &mut d.options.keep_alive_probes),
        "Unanswered probes that end a connection",
    ),
    full(SOCKET, "NoDelay", |l| l.set(scalar::boolean, |d| &mut d.options.no_delay), "Send small segments at once"),
    full(
        SOCKET,
        "Priority",
        |l| l.set_some(scalar::int32, |d| &mut d.options.priority),
        "Priority of outgoing packets on this machine",
    ),
    full(
        SOCKET,
        "DeferAcceptSec",
        |l| l.set_some(time::span_usec, |d| &mut d.options.defer_accept_usec),
        "Wait that long for data before a connection counts",
    ),
    full(
        SOCKET,
        "ReceiveBuffer",
        |l| l.set(scalar::size, |d| &mut d.options.receive_buffer),
        "Size of the receive buffer",
    ),
    full(SOCKET, "SendBuffer", |l| l.set(scalar::size, |d| &mut d.options.send_buffer), "Size of the send buffer"),
    full(
        SOCKET,
        "IPTOS",
        |l| l.set_or_unset(names::ip_tos, |d| &mut d.options.ip_tos),
        "Type of service of outgoing IP packets: a number or low-delay, throughput, reliability, low-cost",
    ),
    full(
        SOCKET,
        "IPTTL",
        |l| l.set_some(scalar::int32, |d| &mut d.options.ip_ttl),
        "Time to live or hop limit of outgoing IP packets",
    ),
    full(SOCKET, "Mark", |l| l.set_some(scalar::int32, |d| &mut d.options.mark), "Firewall mark of outgoing packets"),
    full(
        SOCKET,
        "ReusePort",
        |l| l.set(scalar::boolean, |d| &mut d.options.reuse_port),
        "Allow several sockets on one address",
    ),
    full(
        SOCKET,
        "SmackLabel",
        |l| label(l, |d| &mut d.options.smack_label),
        "Security label of the FIFO, queue, or socket and its node (Smack)",
    ),
    full(
        SOCKET,
        "SmackLabelIPIn",
        |l| label(l, |d| &mut d.options.smack_label_ip_in),
        "Security label of incoming packets (Smack)",
    ),
    full(
        SOCKET,
        "SmackLabelIPOut",
        |l| label(l, |d| &mut d.options.smack_label_ip_out),
        "Security label of outgoing packets (Smack)",
    ),
    full(
        SOCKET,
        "SELinuxContextFromNet",
        |l| l.set(scalar::boolean, |d| &mut d.options.selinux_context_from_net),
        "Take the security level of the service from its peer (SELinux)",
    ),
    full(SOCKET, "PipeSize", |l| l.set(scalar::size, |d| &mut d.options.pipe_size), "Buffer size of FIFOs"),
    full(
        SOCKET,
        "MessageQueueMaxMessages",
        |l| l.set(scalar::long, |d| &mut d.options.message_queue_max_messages),
        "Messages that fit into the queue, when it is made",
    ),
    full(
        SOCKET,
        "MessageQueueMessageSize",
        |l| l.set(scalar::long, |d| &mut d.options.message_queue_message_size),
        "Longest message of the queue in bytes, when it is made",
    ),
    full(
        SOCKET,
        "FreeBind",
        |l| l.set(scalar::boolean, |d| &mut d.options.free_bind),
        "Bind to an address this machine does not have yet",
    ),
    full(
        SOCKET,
        "Transparent",
        |l| l.set(scalar::boolean, |d| &mut d.options.transparent),
        "Take connections to foreign addresses (transparent proxy)",
    ),
    full(
        SOCKET,
        "Broadcast",
        |l| l.set(scalar::boolean, |d| &mut d.options.broadcast),
        "Allow datagrams to broadcast addresses",
    ),
    full(
        SOCKET,
        "PassCredentials",
        |l| l.set(scalar::boolean, |d| &mut d.options.pass_credentials),
        "Receive the sender's pid, uid and gid",
    ),
    full(
        SOCKET,
        "PassPIDFD",
        |l| l.set(scalar::boolean, |d| &mut d.options.pass_pidfd),
        "Receive a pidfd of the sender",
    )
    .since(258),
    full(
        SOCKET,
        "PassSecurity",
        |l| l.set(scalar::boolean, |d| &mut d.options.pass_security),
        "Receive the sender's security context",
    ),
    full(
        SOCKET,
        "PassPacketInfo",
        |l| l.set(scalar::boolean, |d| &mut d.options.pass_packet_info),
        "Receive the destination address of datagrams",
    ),
    full(SOCKET, "AcceptFileDescriptors", accept_descriptors, "Whether peers may send file descriptors").since(258),
    full(SOCKET, "Timestamping", timestamping, "Receive arrival times: off, us or ns"),
    full(
        SOCKET,
        "TCPCongestion",
        |l| l.verbatim(|d| &mut d.options.tcp_congestion),
        "TCP congestion control algorithm",
    ),
    full(
        SOCKET,
        "ExecStartPre",
        |l| l.commands(|d| &mut d.socket.exec_start_pre),
        "Commands run before the sockets are made",
    ),
    full(
        SOCKET,
        "ExecStartPost",
        |l| l.commands(|d| &mut d.socket.exec_start_post),
        "Commands run once the sockets are made",
    ),
    full(
        SOCKET,
        "ExecStopPre",
        |l| l.commands(|d| &mut d.socket.exec_stop_pre),
        "Commands run before the sockets are closed",
    ),
    full(
        SOCKET,
        "ExecStopPost",
        |l| l.commands(|d| &mut d.socket.exec_stop_post),
        "Commands run once the sockets are closed",
    ),
    full(
        SOCKET,
        "TimeoutSec",
        |l| l.set(time::span_usec_zero_is_infinity, |d| &mut d.socket.timeout_usec),
        "Longest time each command may take; 0 is no limit",
    ),
    full(SOCKET, "Service", service, "The service that traffic starts, instead of the one of the same name"),
    full(
        SOCKET,
        "RemoveOnStop",
        |l| l.set(scalar::boolean, |d| &mut d.socket.remove_on_stop),
        "Remove nodes, queues and links when the socket stops",
    ),
    full(SOCKET, "Symlinks", symlinks, "Links to the one node of this unit"),
    full(SOCKET, "FileDescriptorName", fd_name, "Name of the descriptors in LISTEN_FDNAMES"),
    full(
        SOCKET,
        "TriggerLimitIntervalSec",
        |l| interval(l, |d| &mut d.socket.trigger_limit),
        "Window in which activations are counted; 0 is no limit",
    ),
    full(
        SOCKET,
        "TriggerLimitBurst",
        |l| burst(l, |d| (&mut d.given.trigger_limit_burst, &mut d.socket.trigger_limit)),
        "Activations allowed in one window; 0 is no limit",
    ),
    full(
        SOCKET,
        "PollLimitIntervalSec",
        |l| interval(l, |d| &mut d.socket.poll_limit),
        "Window in which wake-ups of one port are counted",
    )
    .since(255),
    full(
        SOCKET,
        "PollLimitBurst",
        |l| burst(l, |d| (&mut d.given.poll_limit_burst, &mut d.socket.poll_limit)),
        "Wake-ups of one port allowed in one window before it pauses",
    )
    .since(255),
    full(
        SOCKET,
        "PassFileDescriptorsToExec",
        |l| l.set(scalar::boolean, |d| &mut d.options.pass_file_descriptors_to_exec),
        "Hand the sockets to the commands that run while they are open",
    )
    .since(256),
    full(
        SOCKET,
        "DeferTrigger",
        defer_trigger,
        "Wait for conflicting units instead of stopping them: no, yes or patient",
    )
    .since(258),
    full(
        SOCKET,
        "DeferTriggerMaxSec",
        |l| l.set(time::span_usec_zero_is_infinity, |d| &mut d.options.defer_trigger_max_usec),
        "Longest wait of DeferTrigger=",
    )
    .since(258),
    full(
        SOCKET,
        "XAttrEntryPoint",
        |l| xattr(l, |d| &mut d.options.xattr_entry_point),
        "Extended attribute of the socket's node: user.NAME=VALUE",
    )
    .since(262),
    full(
        SOCKET,
        "XAttrListen",
        |l| xattr(l, |d| &mut d.options.xattr_listen),
        "Extended attribute of the listening socket: user.NAME=VALUE",
    )
    .since(262),
    full(
        SOCKET,
        "XAttrAccept",
        |l| xattr(l, |d| &mut d.options.xattr_accept),
        "Extended attribute of accepted connections: user.NAME=VALUE",
    )
    .since(262),
];

/// An empty value of any of them forgets the ports of all kinds.
fn forget_all(line: &mut Line<'_>) -> bool {
    if line.is_empty() {
        line.draft.socket.listen.clear();
        line.draft.given.without_sctp.clear();
        line.draft.given.scopes.clear();
    }
    line.is_empty()
}

fn listen(line: &mut Line<'_>, kind: SocketKind) -> Outcome {
    if forget_all(line) {
        return Ok(());
    }
    let text = line.expand(line.text())?;
    let text = moved(line, text);
    let interface = line.reading.machine.interface;
    let ipv6 = line.reading.machine.ipv6;
    let strict = line.reading.machine.strict;
    let context = AddressContext { ipv6, interface: &interface, services: None, strict };
    let address = match address::listen_address(&text, kind, &context) {
        Err((code, why)) if kind == SocketKind::SequentialPacket && !strict => {
            // SCTP has sequential packets over IP; whether it is asked for is known at the end only.
            let stream = address::listen_address(&text, SocketKind::Stream, &context).ok();
            let Some(address) = stream.filter(|a| matches!(a, Address::V4(..) | Address::V6(..))) else {
                return Err((code, why).into());
            };
            line.warn_unless_sctp(code, why);
            address
        }
        Err(_) if !strict => {
            let services = |name: &str, protocol: &str| line.reading.services.port(name, protocol);
            // Whether a unit that waits for addresses may name it is known when all lines are read.
            let any = |name: &str| interface(name).or_else(|| names::interface(name).is_ok().then_some(0));
            let wider = AddressContext { services: Some(&services), interface: &any, ipv6, strict };
            let address = address::listen_address(&text, kind, &wider)?;
            if !is_scope_missing(&address, &text) {
                let message = format!("systemd does not take {text}; porterd does, unless it is strict");
                line.warn("not-in-systemd", message, 0..usize::MAX);
            }
            address
        }
        result => result?,
    };
    if let (Address::V6(..), Some((_, name))) = (&address, text.rsplit_once('%')) {
        let missing = is_scope_missing(&address, &text).then(|| line.place.clone());
        let index = line.draft.socket.listen.len();
        line.draft.given.scopes.push(Scope { index, name: name.into(), missing });
    }
    line.draft.socket.listen.push(Listen::Socket { kind, address });
    Ok(())
}

fn is_scope_missing(address: &Address, text: &str) -> bool {
    matches!(address, Address::V6(_, _, 0)) && text.contains('%')
}

fn node(line: &mut Line<'_>, special: bool, kind: fn(Text) -> Listen) -> Outcome {
    if forget_all(line) {
        return Ok(());
    }
    let text = address::listen_path(&line.expand(line.text())?, special, line.reading.machine.strict)?;
    let listen = kind(text.into());
    let listen =
        if let Listen::Fifo(path) = listen { Listen::Fifo(moved(line, path.to_string()).into()) } else { listen };
    line.draft.socket.listen.push(listen);
    Ok(())
}

/// A window without end is the default one, as systemd has it.
fn interval(line: &mut Line<'_>, field: fn(&mut Draft) -> &mut RateLimit) -> Outcome {
    const DEFAULT_USEC: u64 = 2_000_000;
    let usec = time::span_usec(line.text())?;
    field(line.draft).interval_usec = if usec == INFINITY_USEC { DEFAULT_USEC } else { usec };
    Ok(())
}

/// The largest number is no number, as systemd has it: it stands for the default.
fn burst(line: &mut Line<'_>, field: fn(&mut Draft) -> (&mut Option<u32>, &mut RateLimit)) -> Outcome {
    let burst = scalar::unsigned32(line.text())?;
    let (given, limit) = field(line.draft);
    *given = (burst != u32::MAX).then_some(burst);
    // Shown as it is even when the rest of the file cannot be read.
    limit.burst = burst;
    Ok(())
}

/// The place below /run of a path below /var/run.
fn moved(line: &mut Line<'_>, text: String) -> String {
    let Some(now) = path::strip_var_run(&text) else { return text };
    let message = format!("/var/run is an old name of /run; using {now}");
    line.warn("moved-path", message, 0..usize::MAX);
    now
}

fn netlink(line: &mut Line<'_>) -> Outcome {
    if forget_all(line) {
        return Ok(());
    }
    let (family, groups) = address::netlink(&line.expand(line.text())?)?;
    line.draft.socket.listen.push(Listen::Netlink { family, groups });
    Ok(())
}

fn protocol(line: &mut Line<'_>) -> Outcome {
    const MPTCP: i32 = 262;
    match names::socket_protocol(line.text())? {
        MPTCP if line.reading.machine.strict => Err("systemd has mptcp since 257, and 252 counts".into()),
        number => {
            line.draft.options.socket_protocol = Some(number);
            Ok(())
        }
    }
}

fn bind_ipv6_only(line: &mut Line<'_>) -> Outcome {
    let text = line.text();
    line.draft.socket.bind_ipv6_only = match text {
        "default" => BindIpv6Only::Default,
        "both" => BindIpv6Only::Both,
        "ipv6-only" => BindIpv6Only::Ipv6Only,
        _ => match scalar::boolean(text) {
            Ok(true) => BindIpv6Only::Ipv6Only,
            Ok(false) => BindIpv6Only::Both,
            Err(_) => return Err("not default, both or ipv6-only".into()),
        },
    };
    Ok(())
}

/// Specifiers may leave it empty, and then that is the name.
fn fd_name(line: &mut Line<'_>) -> Outcome {
    if line.is_empty() {
        line.draft.socket.file_descriptor_name = None;
        return Ok(());
    }
    let text = line.expand(line.text())?;
    line.draft.socket.file_descriptor_name = Some(if text.is_empty() { text } else { names::fd_name(&text)? }.into());
    Ok(())
}

fn device(line: &mut Line<'_>) -> Outcome {
    if line.text() == "*" {
        line.draft.options.bind_to_device = None;
        return Ok(());
    }
    if line.reading.machine.strict {
        // 252 expands nothing here.
        return line.set_or_unset(|text| names::interface(text).map(Into::into), |d| &mut d.options.bind_to_device);
    }
    line.checked(names::interface, |d| &mut d.options.bind_to_device)
}

fn accept_descriptors(line: &mut Line<'_>) -> Outcome {
    line.draft.options.refuse_file_descriptors = !scalar::boolean(line.text())?;
    Ok(())
}

fn timestamping(line: &mut Line<'_>) -> Outcome {
    let text = line.text();
    line.draft.options.timestamping = match text {
        "off" => Timestamping::Off,
        "us" | "usec" | "µs" | "μs" => Timestamping::Microseconds,
        "ns" | "nsec" => Timestamping::Nanoseconds,
        _ => match scalar::boolean(text) {
            Ok(true) => Timestamping::Nanoseconds,
            Ok(false) => Timestamping::Off,
            Err(_) => return Err("not off, us or ns".into()),
        },
    };
    Ok(())
}

fn service(line: &mut Line<'_>) -> Outcome {
    let text = line.expand_name(line.text())?;
    let name = UnitName::parse(&text).filter(|n| n.kind() == UnitKind::Service && !n.is_template());
    let Some(name) = name else {
        return Err(Problem::from("not the name of a service").help("write NAME.service, not a template"));
    };
    line.draft.given.service = Some(name);
    Ok(())
}

/// Paths up to the first that is none: what stands behind it on the line is lost with it, as in systemd.
fn symlinks(line: &mut Line<'_>) -> Outcome {
    if line.is_empty() {
        line.draft.options.symlinks.clear();
    }
    for (word, range) in line.words(Rules::PATHS) {
        let path = line.absolute(&word).map_err(|why| {
            let left_out = format!("{word:?} is left out, and what stands behind it: {why}");
            Problem { code: "invalid-item", ..Problem::from(left_out) }.at(range.start..range.end)
        })?;
        line.draft.options.symlinks.push(path.into());
    }
    Ok(())
}

/// Any text, as in systemd; what SMACK will not take is told here already.
fn label(line: &mut Line<'_>, field: fn(&mut Draft) -> &mut Option<Text>) -> Outcome {
    line.string(field)?;
    if let Some(why) = field(line.draft).as_deref().and_then(names::smack_label_trouble) {
        line.warn("bad-label", format!("no kernel takes this label: {why}"), 0..usize::MAX);
    }
    Ok(())
}

/// `user.NAME=VALUE`, specifiers in both; empty forgets all so far.
fn xattr(line: &mut Line<'_>, field: fn(&mut Draft) -> &mut Vec<XAttr>) -> Outcome {
    if line.is_empty() {
        field(line.draft).clear();
        return Ok(());
    }
    let (name, value) = line.text().split_once('=').ok_or("not user.NAME=VALUE")?;
    let (name, value) = (line.expand(name)?, line.expand(value)?);
    names::user_attribute(&name)?;
    field(line.draft).push(XAttr { name: name.into(), value: value.into() });
    Ok(())
}

fn defer_trigger(line: &mut Line<'_>) -> Outcome {
    let text = line.text();
    line.draft.options.defer_trigger = match (text, scalar::boolean(text)) {
        ("patient", _) => DeferTrigger::Patient,
        (_, Ok(true)) => DeferTrigger::Yes,
        (_, Ok(false)) => DeferTrigger::No,
        _ => return Err("not no, yes or patient".into()),
    };
    Ok(())
}
