//! Socket units become kernel calls in systemd's order.

use expect_test::{Expect, expect};
use porterd::ids::Text;
use porterd::plan::bind::{BindFacts, Remove, SocketCall, connection_calls, recipe, removals};
use porterd::plan::explain;
use porterd::unit::ServiceUnit;
use porterd::unit::socket::{
    Address, BindIpv6Only, Listen, SocketKind, SocketOptions, SocketUnit, Timestamping, XAttr,
};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

const STRICT: BindFacts = BindFacts { strict: true, smack: false };

fn stream(address: Address) -> Listen {
    Listen::Socket { kind: SocketKind::Stream, address }
}

fn v4(port: u16) -> Address {
    Address::V4(Ipv4Addr::LOCALHOST, port)
}

fn v6(port: u16) -> Address {
    Address::V6(Ipv6Addr::UNSPECIFIED, port, 0)
}

fn path(path: &str) -> Address {
    Address::Path(path.into())
}

fn unit(listen: Vec<Listen>, options: SocketOptions) -> SocketUnit {
    SocketUnit { listen, options: Arc::new(options), ..SocketUnit::default() }
}

fn check(unit: &SocketUnit, expected: Expect) {
    expected.assert_eq(&explain::recipe(&recipe(unit, None, &STRICT)));
}

#[test]
fn a_plain_stream_costs_four_calls() {
    check(
        &unit(vec![stream(v4(7001))], SocketOptions::default()),
        expect![[r#"
        127.0.0.1:7001 (Stream)
          socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0)
          setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
          bind(127.0.0.1:7001)
          listen(2147483647)
    "#]],
    );
}

#[test]
fn a_path_is_replaced_and_touched() {
    let mut unit = unit(vec![stream(path("/run/a.sock"))], SocketOptions::default());
    check(
        &unit,
        expect![[r#"
        /run/a.sock (Stream)
          socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0)
          setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
          mkdir(parents of "/run/a.sock", 0755); a failure is ignored
          bind("/run/a.sock", mode 0666); replaces what is in the way
          listen(2147483647)
          utimensat("/run/a.sock", now); a failure is ignored
    "#]],
    );
    (unit.socket_mode, unit.directory_mode, unit.backlog) = (0o600, 0o700, u32::MAX);
    let gentle = BindFacts { strict: false, smack: false };
    expect![[r#"
        /run/a.sock (Stream)
          socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0)
          setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
          mkdir(parents of "/run/a.sock", 0700); a failure is ignored
          bind("/run/a.sock", mode 0600); replaces what is in the way unless somebody listens there
          listen(-1)
          utimensat("/run/a.sock", now); a failure is ignored
    "#]]
    .assert_eq(&explain::recipe(&recipe(&unit, None, &gentle)));
}

#[test]
fn datagrams_are_not_listened_for() {
    let listen = vec![
        Listen::Socket { kind: SocketKind::Datagram, address: v4(7001) },
        Listen::Socket { kind: SocketKind::SequentialPacket, address: Address::Abstract("a b".into()) },
        stream(Address::Vsock(u32::MAX, 1024)),
    ];
    check(
        &unit(listen, SocketOptions::default()),
        expect![[r#"
        127.0.0.1:7001 (Datagram)
          socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0)
          setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
          bind(127.0.0.1:7001)
        @a b (SequentialPacket)
          socket(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC|SOCK_NONBLOCK, 0)
          setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
          bind("@a b")
          listen(2147483647)
        vsock::1024 (Stream)
          socket(AF_VSOCK, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0)
          setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
          bind(cid 4294967295, port 1024)
          listen(2147483647)
    "#]],
    );
}

#[test]
fn what_comes_before_bind_depends_on_the_family() {
    let options = || SocketOptions {
        bind_to_device: Some("lo".into()),
        reuse_port: true,
        free_bind: true,
        transparent: true,
        ..SocketOptions::default()
    };
    let mut unit = unit(vec![stream(v4(1)), stream(v6(1)), stream(path("/run/a"))], options());
    unit.bind_ipv6_only = BindIpv6Only::Both;
    check(
        &unit,
        expect![[r#"
        127.0.0.1:1 (Stream)
          socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0)
          setsockopt(SOL_SOCKET, SO_BINDTODEVICE, "lo")
          setsockopt(SOL_SOCKET, SO_REUSEPORT, 1); a failure is told
          setsockopt(IPPROTO_IP, IP_FREEBIND, 1); a failure is told
          setsockopt(IPPROTO_IP, IP_TRANSPARENT, 1); a failure is told
          setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
          bind(127.0.0.1:1)
          listen(2147483647)
        [::]:1 (Stream)
          socket(AF_INET6, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0)
          setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 0)
          setsockopt(SOL_SOCKET, SO_BINDTODEVICE, "lo")
          setsockopt(SOL_SOCKET, SO_REUSEPORT, 1); a failure is told
          setsockopt(IPPROTO_IPV6, IPV6_FREEBIND, 1); a failure is told
          setsockopt(IPPROTO_IPV6, IPV6_TRANSPARENT, 1); a failure is told
          setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
          bind([::]:1)
          listen(2147483647)
        /run/a (Stream)
          socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0)
          setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
          mkdir(parents of "/run/a", 0755); a failure is ignored
          bind("/run/a", mode 0666); replaces what is in the way
          listen(2147483647)
          utimensat("/run/a", now); a failure is ignored
    "#]],
    );
}

fn all_options() -> SocketOptions {
    SocketOptions {
        keep_alive: true,
        keep_alive_time_usec: Some(7_000_000),
        keep_alive_interval_usec: Some(1_500_000),
        keep_alive_probes: 3,
        defer_accept_usec: Some(10_000_000),
        no_delay: true,
        broadcast: true,
        pass_credentials: true,
        pass_pidfd: true,
        pass_security: true,
        pass_packet_info: true,
        refuse_file_descriptors: true,
        timestamping: Timestamping::Nanoseconds,
        priority: Some(3),
        receive_buffer: 8192,
        send_buffer: 1 << 40,
        mark: Some(0),
        ip_tos: Some(16),
        ip_ttl: Some(0),
        tcp_congestion: Some("nosuch".into()),
        smack_label_ip_in: Some("in".into()),
        smack_label_ip_out: Some("out".into()),
        ..SocketOptions::default()
    }
}

#[test]
fn every_option_is_set_after_listen_in_order() {
    check(
        &unit(vec![stream(v4(1))], all_options()),
        expect![[r#"
        127.0.0.1:1 (Stream)
          socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0)
          setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
          bind(127.0.0.1:1)
          listen(2147483647)
          setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1); a failure is told
          setsockopt(SOL_TCP, TCP_KEEPIDLE, 7); a failure is told
          setsockopt(SOL_TCP, TCP_KEEPINTVL, 1); a failure is told
          setsockopt(SOL_TCP, TCP_KEEPCNT, 3); a failure is told
          setsockopt(SOL_TCP, TCP_DEFER_ACCEPT, 10); a failure is told
          setsockopt(SOL_TCP, TCP_NODELAY, 1); a failure is told
          setsockopt(SOL_SOCKET, SO_BROADCAST, 1); a failure is told
          setsockopt(SOL_SOCKET, SO_PASSCRED, 1); a failure is told
          setsockopt(SOL_SOCKET, SO_PASSPIDFD, 1); a failure is told
          setsockopt(SOL_SOCKET, SO_PASSSEC, 1); a failure is told
          setsockopt(IPPROTO_IP, IP_PKTINFO, 1); a failure is told
          setsockopt(SOL_SOCKET, SO_PASSRIGHTS, 0); a failure is told
          setsockopt(SOL_SOCKET, SO_TIMESTAMPNS, 1); a failure is told
          setsockopt(SOL_SOCKET, SO_PRIORITY, 3); a failure is told
          setsockopt(SOL_SOCKET, SO_RCVBUF, 8192), else SO_RCVBUFFORCE; a failure is told
          setsockopt(SOL_SOCKET, SO_SNDBUF, 1099511627776), else SO_SNDBUFFORCE; a failure is told
          setsockopt(SOL_SOCKET, SO_MARK, 0); a failure is told
          setsockopt(IPPROTO_IP, IP_TOS, 16); a failure is told
          setsockopt(IPPROTO_IP, IP_TTL, 0); a failure is told
          setsockopt(SOL_TCP, TCP_CONGESTION, "nosuch"); a failure is told
    "#]],
    );
}

#[test]
fn options_are_tried_on_families_that_do_not_have_them() {
    let options = || SocketOptions {
        no_delay: true,
        pass_packet_info: true,
        ip_tos: Some(8),
        ip_ttl: Some(9),
        tcp_congestion: Some("reno".into()),
        ..SocketOptions::default()
    };
    check(
        &unit(vec![stream(path("/run/a"))], options()),
        expect![[r#"
        /run/a (Stream)
          socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0)
          setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
          mkdir(parents of "/run/a", 0755); a failure is ignored
          bind("/run/a", mode 0666); replaces what is in the way
          listen(2147483647)
          utimensat("/run/a", now); a failure is ignored
          setsockopt(SOL_TCP, TCP_NODELAY, 1); a failure is told
          nothing: PassPacketInfo= does not exist for this family; told
          setsockopt(IPPROTO_IP, IP_TOS, 8); a failure is told
          nothing: IPTTL= does not exist for this family; told
          setsockopt(SOL_TCP, TCP_CONGESTION, "reno"); a failure is told
    "#]],
    );
    check(
        &unit(vec![stream(v6(1))], options()),
        expect![[r#"
        [::]:1 (Stream)
          socket(AF_INET6, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0)
          setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
          bind([::]:1)
          listen(2147483647)
          setsockopt(SOL_TCP, TCP_NODELAY, 1); a failure is told
          setsockopt(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1); a failure is told
          setsockopt(IPPROTO_IP, IP_TOS, 8); a failure is told
          setsockopt(IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9); a failure is told
          setsockopt(SOL_TCP, TCP_CONGESTION, "reno"); a failure is told
    "#]],
    );
    check(
        &unit(vec![Listen::Netlink { family: 15, groups: 2 }], options()),
        expect![[r#"
            kobject-uevent 2 (Netlink)
              socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC|SOCK_NONBLOCK, 15)
              setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
              bind(AF_NETLINK, groups 0x2)
              setsockopt(SOL_TCP, TCP_NODELAY, 1); a failure is told
              setsockopt(SOL_NETLINK, NETLINK_PKTINFO, 1); a failure is told
              setsockopt(IPPROTO_IP, IP_TOS, 8); a failure is told
              nothing: IPTTL= does not exist for this family; told
              setsockopt(SOL_TCP, TCP_CONGESTION, "reno"); a failure is told
        "#]],
    );
}

#[test]
fn accepted_connections_get_the_options_again_and_none_by_default() {
    let plain = unit(vec![stream(v4(1))], SocketOptions::default());
    assert_eq!(connection_calls(&plain, &plain.listen[0], &STRICT), []);
    let full = unit(vec![stream(v4(1)), Listen::Fifo("/f".into())], all_options());
    let after_listen = |calls: &[SocketCall]| {
        let listen = calls.iter().position(|c| matches!(c, SocketCall::Listen { .. })).unwrap();
        calls[listen + 1..].to_vec()
    };
    let opened = recipe(&full, None, &STRICT);
    assert_eq!(connection_calls(&full, &full.listen[0], &STRICT), after_listen(&opened.ports[0].calls));
    assert_eq!(connection_calls(&full, &full.listen[1], &STRICT), []);
}

#[test]
fn labels_are_set_where_the_kernel_runs_smack() {
    let options = SocketOptions { smack_label: Some("web".into()), ..all_options() };
    let unit = unit(vec![stream(v4(1)), Listen::Fifo("/run/f".into())], options);
    let facts = BindFacts { strict: false, smack: true };
    let labels = |facts: &BindFacts| -> Vec<Vec<(usize, Text, Text)>> {
        let label = |(i, call): (usize, &SocketCall)| match call {
            SocketCall::SetXattr { name, value, .. } => Some((i, name.clone(), value.clone())),
            _ => None,
        };
        recipe(&unit, None, facts)
            .ports
            .iter()
            .map(|p| p.calls.iter().enumerate().filter_map(label).collect())
            .collect()
    };
    let ports = labels(&facts);
    assert_eq!(ports[0][0], (1, "security.SMACK64".into(), "web".into()));
    assert_eq!(
        ports[0][1..].iter().map(|(_, name, _)| &**name).collect::<Vec<_>>(),
        ["security.SMACK64IPIN", "security.SMACK64IPOUT"]
    );
    assert_eq!(ports[1], [(2, "security.SMACK64".into(), "web".into())]);
    // systemd 252 labels FIFOs only.
    let strict = labels(&BindFacts { strict: true, smack: true });
    assert_eq!((strict[0].len(), strict[1].len()), (2, 1));
    assert_eq!(labels(&STRICT), [vec![], vec![]]);
}

#[test]
fn labels_and_attributes_have_their_places() {
    let attribute = |name: &str| vec![XAttr { name: name.into(), value: "v=w".into() }];
    let options = SocketOptions {
        smack_label: Some("web".into()),
        smack_label_ip_in: Some("in".into()),
        xattr_entry_point: attribute("user.node"),
        xattr_listen: attribute("user.listen"),
        xattr_accept: attribute("user.accept"),
        ..SocketOptions::default()
    };
    let unit = unit(vec![stream(path("/run/a")), Listen::MessageQueue("/q".into())], options);
    let facts = BindFacts { strict: false, smack: true };
    expect![[r#"
        /run/a (Stream)
          socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0)
          fsetxattr("security.SMACK64", "web") where the kernel runs SMACK; a failure is told
          setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
          fsetxattr("user.listen", "v=w"); a failure is told
          mkdir(parents of "/run/a", 0755); a failure is ignored
          bind("/run/a", mode 0666); replaces what is in the way unless somebody listens there
          lsetxattr("/run/a", "security.SMACK64", "web") where the kernel runs SMACK; a failure is told
          lsetxattr("/run/a", "user.node", "v=w"); a failure is told
          listen(2147483647)
          utimensat("/run/a", now); a failure is ignored
          fsetxattr("security.SMACK64IPIN", "in") where the kernel runs SMACK; a failure is told
        /q (MessageQueue)
          mq_open("/q", O_RDONLY|O_NONBLOCK|O_CREAT, 0666)
          fsetxattr("security.SMACK64", "web") where the kernel runs SMACK; a failure is told
    "#]]
    .assert_eq(&explain::recipe(&recipe(&unit, None, &facts)));
    let calls: Vec<String> =
        connection_calls(&unit, &unit.listen[0], &facts).iter().map(explain::socket_call).collect();
    assert_eq!(
        calls,
        [
            r#"fsetxattr("security.SMACK64IPIN", "in") where the kernel runs SMACK; a failure is told"#,
            r#"fsetxattr("user.accept", "v=w"); a failure is told"#
        ]
    );
}

#[test]
fn a_protocol_counts_for_its_type_only() {
    let with = |kind, protocol| {
        let options = SocketOptions { socket_protocol: Some(protocol), no_delay: true, ..SocketOptions::default() };
        let unit = unit(vec![Listen::Socket { kind, address: v4(1) }], options);
        let calls = recipe(&unit, None, &STRICT).ports.remove(0).calls;
        let SocketCall::Socket { protocol, .. } = calls[0] else { panic!("{calls:?}") };
        let Some(SocketCall::SetInt { symbol, .. }) = calls.last() else { panic!("{calls:?}") };
        (protocol, *symbol)
    };
    assert_eq!(with(SocketKind::Stream, 132), (132, "SCTP_NODELAY"));
    assert_eq!(with(SocketKind::Stream, 262), (262, "TCP_NODELAY"));
    assert_eq!(with(SocketKind::Stream, 136), (0, "TCP_NODELAY"));
    assert_eq!(with(SocketKind::Datagram, 136), (136, "TCP_NODELAY"));
    assert_eq!(with(SocketKind::Datagram, 132), (0, "SCTP_NODELAY"));
    assert_eq!(with(SocketKind::SequentialPacket, 132), (132, "SCTP_NODELAY"));
}

#[test]
fn times_below_a_second_reach_the_kernel_as_zero_and_endless_ones_not_at_all() {
    let options = SocketOptions {
        keep_alive_time_usec: Some(u64::MAX),
        keep_alive_interval_usec: Some(999_999),
        defer_accept_usec: Some(0),
        ..SocketOptions::default()
    };
    let unit = unit(vec![stream(v4(1))], options);
    let calls: Vec<String> =
        connection_calls(&unit, &unit.listen[0], &STRICT).iter().map(explain::socket_call).collect();
    assert_eq!(calls, ["setsockopt(SOL_TCP, TCP_KEEPINTVL, 0); a failure is told"]);
}

#[test]
fn other_kinds_of_ports() {
    let listen = vec![
        Listen::Fifo("/run/f".into()),
        Listen::Special("/dev/kmsg".into()),
        Listen::MessageQueue("/q".into()),
        Listen::UsbFunction("/dev/usb".into()),
    ];
    let options = SocketOptions { pipe_size: 65536, writable: true, message_queue_max_messages: 5, ..all_options() };
    let mut unit = unit(listen, options);
    let mut service = ServiceUnit::default();
    Arc::make_mut(&mut service.more).usb_function_descriptors = Some("/etc/d".into());
    expect![[r#"
        /run/f (FIFO)
          mkdir(parents of "/run/f", 0755); a failure is ignored
          mkfifo("/run/f", 0666), open("/run/f", O_RDWR|O_NONBLOCK)
          fcntl(F_SETPIPE_SZ, 65536); a failure is told
        /dev/kmsg (Special)
          open("/dev/kmsg", O_RDWR|O_NONBLOCK)
        /q (MessageQueue)
          mq_open("/q", O_RDONLY|O_NONBLOCK|O_CREAT, 0666)
        /dev/usb (USBFunction)
          open("/dev/usb"/ep0, O_RDWR), write "/etc/d", write "", open the endpoints
    "#]]
    .assert_eq(&explain::recipe(&recipe(&unit, Some(&service), &STRICT)));
    Arc::make_mut(&mut unit.options).message_queue_message_size = 100;
    let calls = recipe(&unit, None, &STRICT).ports.remove(2).calls;
    assert!(matches!(calls[0], SocketCall::MessageQueue { attributes: Some((5, 100)), .. }), "{calls:?}");
}

#[test]
fn nodes_links_and_owners() {
    let listen = vec![stream(path("/run/a")), stream(v4(1)), Listen::MessageQueue("/q".into())];
    let mut unit = unit(listen, SocketOptions { symlinks: vec!["/run/b".into()], ..SocketOptions::default() });
    unit.socket_user = Some("daemon".into());
    let made = recipe(&unit, None, &STRICT);
    assert_eq!(made.chown.as_ref().unwrap().paths, ["/run/a".into()]);
    // systemd 252 forgets queues.
    assert_eq!(made.chown.as_ref().unwrap().queues, []);
    let newer = recipe(&unit, None, &BindFacts::default()).chown.unwrap();
    assert_eq!(newer.queues, ["/q".into()]);
    assert_eq!((made.symlinks.len(), made.symlinks[0].replace), (1, false));
    assert_eq!(made.remove, []);

    unit.remove_on_stop = true;
    let made = recipe(&unit, None, &STRICT);
    assert!(made.symlinks[0].replace);
    let (a, b) = (Remove::Node("/run/a".into()), Remove::Node("/run/b".into()));
    assert_eq!(made.remove, [a, Remove::MessageQueue("/q".into()), b.clone()]);
    // Only ports that were open lose their node.
    assert_eq!(removals(&unit, &[1]), [b]);

    // With a second node nobody can say which one a link means.
    unit.listen.push(Listen::Fifo("/run/f".into()));
    assert_eq!(recipe(&unit, None, &STRICT).symlinks, []);
}

#[test]
fn unknown_owners_fail_even_where_there_is_no_node() {
    let unit = SocketUnit { socket_group: Some("x".into()), ..unit(vec![stream(v4(1))], SocketOptions::default()) };
    let chown = recipe(&unit, None, &STRICT).chown.unwrap();
    assert_eq!((chown.user, chown.group.as_deref(), chown.paths), (None, Some("x"), vec![]));
}

#[test]
fn multicast_and_raw_options_come_before_bind() {
    use porterd::unit::socket::{Beyond, Membership};
    use porterd::unit::values::socket_option::raw_option;
    let group = |group: &str, interface: Option<&str>, source: Option<&str>| Membership {
        group: group.parse().unwrap(),
        interface: interface.map(Text::from),
        source: source.map(|text| text.parse().unwrap()),
    };
    let beyond = Beyond {
        multicast_groups: vec![
            group("239.1.1.1", Some("eth0"), None),
            group("232.1.1.1", None, Some("192.0.2.1")),
            group("ff05::2", None, None),
        ],
        multicast_loop: Some(false),
        multicast_ttl: Some(7),
        multicast_interface: Some("eth1".into()),
        raw_options: ["SOL_SOCKET:SO_BUSY_POLL:50", "IPPROTO_TCP:TCP_FASTOPEN:5", "254:7:hex:00ff"]
            .map(|text| raw_option(text).unwrap().0)
            .to_vec(),
        publish_address: Some("/run/address".into()),
        bind_retry: true,
        heal_node: true,
        scopes: vec![(3, "eth2".into())],
    };
    let options = SocketOptions { beyond, ..SocketOptions::default() };
    let datagram = |address| Listen::Socket { kind: SocketKind::Datagram, address };
    check(
        &unit(vec![datagram(v4(5)), datagram(v6(5)), stream(v4(6)), stream(v6(7)), Listen::Fifo("/f".into())], options),
        expect![[r#"
            127.0.0.1:5 (Datagram)
              socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0)
              setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
              setsockopt(SOL_SOCKET, SO_BUSY_POLL, 50); a failure is told
              setsockopt(254, 7, hex:00ff); a failure is told
              setsockopt(IPPROTO_IP, IP_MULTICAST_LOOP, 0); a failure is told
              setsockopt(IPPROTO_IP, IP_MULTICAST_TTL, 7); a failure is told
              setsockopt(IPPROTO_IP, IP_MULTICAST_ALL, 0); a failure is told
              setsockopt(IPPROTO_IP, IP_MULTICAST_IF, index of "eth1")
              setsockopt(IPPROTO_IP, MCAST_JOIN_GROUP, {index of "eth0", 239.1.1.1})
              setsockopt(IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, {any interface, 232.1.1.1, 192.0.2.1})
              bind(127.0.0.1:5)
            [::]:5 (Datagram)
              socket(AF_INET6, SOCK_DGRAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0)
              setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
              setsockopt(SOL_SOCKET, SO_BUSY_POLL, 50); a failure is told
              setsockopt(254, 7, hex:00ff); a failure is told
              setsockopt(IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0); a failure is told
              setsockopt(IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 7); a failure is told
              setsockopt(IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0); a failure is told
              setsockopt(IPPROTO_IPV6, IPV6_MULTICAST_IF, index of "eth1")
              setsockopt(IPPROTO_IP, IP_MULTICAST_LOOP, 0); a failure is told
              setsockopt(IPPROTO_IP, IP_MULTICAST_TTL, 7); a failure is told
              setsockopt(IPPROTO_IP, IP_MULTICAST_ALL, 0); a failure is told
              setsockopt(IPPROTO_IP, IP_MULTICAST_IF, index of "eth1")
              setsockopt(IPPROTO_IP, MCAST_JOIN_GROUP, {index of "eth0", 239.1.1.1})
              setsockopt(IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, {any interface, 232.1.1.1, 192.0.2.1})
              setsockopt(IPPROTO_IPV6, MCAST_JOIN_GROUP, {any interface, ff05::2})
              bind([::]:5)
            127.0.0.1:6 (Stream)
              socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0)
              setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
              setsockopt(SOL_SOCKET, SO_BUSY_POLL, 50); a failure is told
              setsockopt(IPPROTO_TCP, TCP_FASTOPEN, 5); a failure is told
              setsockopt(254, 7, hex:00ff); a failure is told
              bind(127.0.0.1:6)
              listen(2147483647)
            [::]:7%eth2 (Stream)
              socket(AF_INET6, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0)
              setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
              setsockopt(SOL_SOCKET, SO_BUSY_POLL, 50); a failure is told
              setsockopt(IPPROTO_TCP, TCP_FASTOPEN, 5); a failure is told
              setsockopt(254, 7, hex:00ff); a failure is told
              bind([::]:7, scope: index of "eth2")
              listen(2147483647)
            /f (FIFO)
              mkdir(parents of "/f", 0755); a failure is ignored
              mkfifo("/f", 0666), open("/f", O_RDWR|O_NONBLOCK)
            on EADDRNOTAVAIL or ENODEV
              close all ports, wait for rtnetlink to tell of a change, begin again
            after all ports are open
              link("/f", a spare name), and back when inotify tells that it is gone
              write the addresses from getsockname() to "/run/address", by way of rename()
            when the socket stops
              unlink("/run/address")
        "#]],
    );
}
