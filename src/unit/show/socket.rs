//! Properties of the section [Socket].

use super::Properties;
use crate::unit::UnitName;
use crate::unit::socket::{Beyond, BindIpv6Only, DeferTrigger, SocketOptions, SocketUnit, Timestamping, XAttr};
use crate::unit::values::address;

pub(super) fn add(socket: &SocketUnit, name: &UnitName, out: &mut Properties) {
    out.text(
        "BindIPv6Only",
        match socket.bind_ipv6_only {
            BindIpv6Only::Default => "default",
            BindIpv6Only::Both => "both",
            BindIpv6Only::Ipv6Only => "ipv6-only",
        },
    );
    out.number("Backlog", socket.backlog);
    out.span("TimeoutUSec", socket.timeout_usec);
    out.maybe("SocketUser", socket.socket_user.as_deref());
    out.maybe("SocketGroup", socket.socket_group.as_deref());
    out.mode("SocketMode", socket.socket_mode);
    out.mode("DirectoryMode", socket.directory_mode);
    out.flag("Accept", socket.accept);
    out.flag("FlushPending", socket.flush_pending);
    out.flag("RemoveOnStop", socket.remove_on_stop);
    for listen in &socket.listen {
        out.text("Listen", format!("{} ({})", address::display(listen), address::type_word(listen)));
    }
    out.number("MaxConnections", socket.max_connections);
    out.number("MaxConnectionsPerSource", socket.max_connections_per_source);
    out.text("FileDescriptorName", socket.fd_name(name));
    out.span("TriggerLimitIntervalUSec", socket.trigger_limit.interval_usec);
    out.number("TriggerLimitBurst", socket.trigger_limit.burst);
    out.span("PollLimitIntervalUSec", socket.poll_limit.interval_usec);
    out.number("PollLimitBurst", socket.poll_limit.burst);
    options(&socket.options, out);
    beyond(&socket.options.beyond, out);
    out.commands("ExecStartPre", &socket.exec_start_pre);
    out.commands("ExecStartPost", &socket.exec_start_post);
    out.commands("ExecStopPre", &socket.exec_stop_pre);
    out.commands("ExecStopPost", &socket.exec_stop_post);
}

/// Keys that systemd does not have keep their names.
fn beyond(beyond: &Beyond, out: &mut Properties) {
    for group in &beyond.multicast_groups {
        out.text("X-MulticastGroup", group.to_string());
    }
    if let Some(on) = beyond.multicast_loop {
        out.flag("X-MulticastLoop", on);
    }
    if let Some(ttl) = beyond.multicast_ttl {
        out.number("X-MulticastTTL", ttl);
    }
    if let Some(interface) = &beyond.multicast_interface {
        out.text("X-MulticastInterface", interface.to_string());
    }
    if beyond.bind_retry {
        out.text("X-BindRetry", "address-up");
    }
    if beyond.heal_node {
        out.flag("X-HealNode", true);
    }
    if let Some(path) = &beyond.publish_address {
        out.text("X-PublishAddress", path.to_string());
    }
    for option in &beyond.raw_options {
        out.text("X-SockOpt", option.to_string());
    }
}

fn options(options: &SocketOptions, out: &mut Properties) {
    let unset = |value: Option<i32>| value.unwrap_or(-1);
    out.maybe("BindToDevice", options.bind_to_device.as_deref());
    out.flag("Writable", options.writable);
    out.flag("KeepAlive", options.keep_alive);
    out.span("KeepAliveTimeUSec", options.keep_alive_time_usec.unwrap_or(0));
    out.span("KeepAliveIntervalUSec", options.keep_alive_interval_usec.unwrap_or(0));
    out.number("KeepAliveProbes", options.keep_alive_probes);
    out.span("DeferAcceptUSec", options.defer_accept_usec.unwrap_or(0));
    out.flag("NoDelay", options.no_delay);
    out.number("Priority", unset(options.priority));
    out.number("ReceiveBuffer", options.receive_buffer);
    out.number("SendBuffer", options.send_buffer);
    out.number("IPTOS", unset(options.ip_tos));
    out.number("IPTTL", unset(options.ip_ttl));
    out.number("PipeSize", options.pipe_size);
    out.flag("FreeBind", options.free_bind);
    out.flag("Transparent", options.transparent);
    out.flag("Broadcast", options.broadcast);
    out.flag("PassCredentials", options.pass_credentials);
    out.flag("PassPIDFD", options.pass_pidfd);
    out.flag("PassSecurity", options.pass_security);
    out.flag("PassPacketInfo", options.pass_packet_info);
    out.flag("AcceptFileDescriptors", !options.refuse_file_descriptors);
    out.text(
        "Timestamping",
        match options.timestamping {
            Timestamping::Off => "off",
            Timestamping::Microseconds => "us",
            Timestamping::Nanoseconds => "ns",
        },
    );
    out.list("Symlinks", &options.symlinks);
    out.number("Mark", unset(options.mark));
    out.number("MessageQueueMaxMessages", options.message_queue_max_messages);
    out.number("MessageQueueMessageSize", options.message_queue_message_size);
    out.maybe("TCPCongestion", options.tcp_congestion.as_deref());
    out.flag("ReusePort", options.reuse_port);
    out.maybe("SmackLabel", options.smack_label.as_deref());
    out.maybe("SmackLabelIPIn", options.smack_label_ip_in.as_deref());
    out.maybe("SmackLabelIPOut", options.smack_label_ip_out.as_deref());
    for (name, list) in [
        ("XAttrEntryPoint", &options.xattr_entry_point),
        ("XAttrListen", &options.xattr_listen),
        ("XAttrAccept", &options.xattr_accept),
    ] {
        out.list(name, list.iter().map(|XAttr { name, value }| format!("{name}={value}")));
    }
    out.number("SocketProtocol", options.socket_protocol.unwrap_or(0));
    out.flag("PassFileDescriptorsToExec", options.pass_file_descriptors_to_exec);
    out.text(
        "DeferTrigger",
        match options.defer_trigger {
            DeferTrigger::No => "no",
            DeferTrigger::Yes => "yes",
            DeferTrigger::Patient => "patient",
        },
    );
    out.span(
        "DeferTriggerMaxUSec",
        match options.defer_trigger_max_usec {
            0 => crate::ids::INFINITY_USEC,
            usec => usec,
        },
    );
}
