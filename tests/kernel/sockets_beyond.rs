//! Multicast and options as they are written, on loopback and in a network namespace of the test.

use super::*;
use nix::errno::Errno;
use porterd::linux::accept::accept;
use porterd::linux::address::interface_index;
use porterd::linux::raw::{get_option, get_option_int};
use porterd::linux::socket::apply_connection_options;
use porterd::plan::bind::connection_calls;
use porterd::unit::socket::{Membership, OptionValue, RawOption};
use porterd::unit::values::socket_option::raw_option;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpStream, UdpSocket};
use std::time::Duration;

fn datagram(address: Address) -> Listen {
    socket(SocketKind::Datagram, address)
}

fn group(group: &str, interface: Option<&str>, source: Option<&str>) -> Membership {
    Membership {
        group: group.parse().unwrap(),
        interface: interface.map(Into::into),
        source: source.map(|text| text.parse().unwrap()),
    }
}

fn members(address: Address, groups: &[Membership]) -> SocketUnit {
    with_options(vec![datagram(address)], |o| o.beyond.multicast_groups = groups.to_vec())
}

fn receiver(unit: &SocketUnit) -> UdpSocket {
    let socket = UdpSocket::from(open(unit));
    socket.set_nonblocking(false).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    socket
}

/// What arrives within a moment, each as text.
fn heard(socket: &UdpSocket) -> Vec<String> {
    let mut buffer = [0; 64];
    let next = || socket.recv(&mut buffer).ok().map(|n| String::from_utf8_lossy(&buffer[..n]).into_owned());
    std::iter::from_fn(next).collect()
}

/// A sender on loopback with this source address.
fn sender(source: Ipv4Addr) -> UdpSocket {
    let socket = UdpSocket::bind((source, 0)).unwrap();
    let (level, name) = (libc::IPPROTO_IP, libc::IP_MULTICAST_IF);
    let mut request = [0; 12];
    request[8..].copy_from_slice(&1u32.to_ne_bytes());
    porterd::linux::raw::set_option(socket.as_fd(), level, name, &request).unwrap();
    socket
}

fn udp_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn only_groups_that_were_joined_are_heard() {
    let _world = World::new("multicast");
    let port = udp_port();
    let any = Address::V4(Ipv4Addr::UNSPECIFIED, port);
    let joined = receiver(&members(any, &[group("239.1.2.3", Some("lo"), None)]));
    // Somebody else on this machine is a member of another group on the same port.
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    other.join_multicast_v4(&Ipv4Addr::new(239, 1, 2, 4), &Ipv4Addr::LOCALHOST).unwrap();
    let from = sender(Ipv4Addr::LOCALHOST);
    from.send_to(b"mine", ("239.1.2.3", port)).unwrap();
    from.send_to(b"theirs", ("239.1.2.4", port)).unwrap();
    from.send_to(b"plain", ("127.0.0.1", port)).unwrap();
    assert_eq!(heard(&joined), ["mine", "plain"]);
    drop(joined);
    // The same without our option hears what others joined: the test can fail.
    let deaf = UdpSocket::bind(("0.0.0.0", port)).unwrap();
    deaf.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    from.send_to(b"theirs", ("239.1.2.4", port)).unwrap();
    assert_eq!(heard(&deaf), ["theirs"]);
}

#[test]
fn a_source_is_the_only_sender() {
    let _world = World::new("multicast-source");
    let port = udp_port();
    let any = Address::V4(Ipv4Addr::UNSPECIFIED, port);
    let groups = [group("232.1.2.3", Some("1"), Some("127.0.0.1")), group("232.1.2.3", Some("1"), Some("127.0.0.3"))];
    let socket = receiver(&members(any, &groups));
    for last in 1..=3 {
        let from = sender(Ipv4Addr::new(127, 0, 0, last));
        from.send_to(format!("from {last}").as_bytes(), ("232.1.2.3", port)).unwrap();
    }
    assert_eq!(heard(&socket), ["from 1", "from 3"]);
}

#[test]
fn a_socket_for_both_families_joins_groups_of_both() {
    let _world = World::new("multicast-both");
    let result = in_namespace(|| {
        ip("link set lo up");
        ip("link add v0 type veth peer name v1");
        ip("link set v0 up");
        ip("link set v1 up");
        ip("addr add fd00:77::1/64 dev v0 nodad");
        let any = Address::V6(Ipv6Addr::UNSPECIFIED, 5000, 0);
        let groups = [group("239.1.2.3", Some("lo"), None), group("ff05::1234", Some("v0"), None)];
        let socket = receiver(&members(any, &groups));
        sender(Ipv4Addr::LOCALHOST).send_to(b"four", "239.1.2.3:5000").unwrap();
        let from = UdpSocket::bind("[fd00:77::1]:0").unwrap();
        set_interface_v6(&from, interface_index("v0").unwrap().cast_signed());
        from.send_to(b"six", "[ff05::1234]:5000").unwrap();
        from.send_to(b"other", "[ff05::1235]:5000").unwrap();
        let mut all = heard(&socket);
        all.sort();
        assert_eq!(all, ["four", "six"]);
    });
    if let Err(why) = result {
        skip(&format!("a network namespace: {why}"));
    }
}

fn set_interface_v6(socket: &UdpSocket, index: i32) {
    let (level, name) = (libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_IF);
    porterd::linux::raw::set_option_int(socket.as_fd(), level, name, index).unwrap();
}

#[test]
fn how_multicast_is_sent() {
    let _world = World::new("multicast-sending");
    for (address, levels) in [
        (Address::V4(Ipv4Addr::UNSPECIFIED, 0), &[libc::IPPROTO_IP][..]),
        (Address::V6(Ipv6Addr::UNSPECIFIED, 0, 0), &[libc::IPPROTO_IP, libc::IPPROTO_IPV6]),
        (Address::V6(Ipv6Addr::LOCALHOST, 0, 0), &[libc::IPPROTO_IPV6]),
    ] {
        let fd = open(&with_options(vec![datagram(address)], |o| {
            o.beyond.multicast_loop = Some(false);
            o.beyond.multicast_ttl = Some(255);
            o.beyond.multicast_interface = Some(text("lo"));
        }));
        for level in [libc::IPPROTO_IP, libc::IPPROTO_IPV6] {
            let (looped, ttl) = match level {
                libc::IPPROTO_IP => (libc::IP_MULTICAST_LOOP, libc::IP_MULTICAST_TTL),
                _ => (libc::IPV6_MULTICAST_LOOP, libc::IPV6_MULTICAST_HOPS),
            };
            let (Ok(looped), Ok(ttl)) =
                (get_option_int(fd.as_fd(), level, looped), get_option_int(fd.as_fd(), level, ttl))
            else {
                assert!(!levels.contains(&level));
                continue;
            };
            let set = levels.contains(&level);
            assert_eq!((looped, ttl), if set { (0, 255) } else { (1, 1) }, "level {level}");
        }
        if levels.contains(&libc::IPPROTO_IPV6) {
            assert_eq!(get_option_int(fd.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_IF), Ok(1));
        }
    }
    // IPv4 tells the interface by where datagrams go: out of lo they come back on lo.
    let port = udp_port();
    let socket = receiver(&members(Address::V4(Ipv4Addr::UNSPECIFIED, port), &[group("239.1.2.3", Some("lo"), None)]));
    let out = open(&with_options(vec![datagram(Address::V4(Ipv4Addr::LOCALHOST, 0))], |o| {
        o.beyond.multicast_interface = Some(text("lo"));
    }));
    UdpSocket::from(out).send_to(b"x", ("239.1.2.3", port)).unwrap();
    assert_eq!(heard(&socket), ["x"]);
}

#[test]
fn groups_that_cannot_be_joined_say_why() {
    let _world = World::new("multicast-failures");
    let any = || Address::V4(Ipv4Addr::UNSPECIFIED, 0);
    let error = fails(&members(any(), &[group("239.1.2.3", Some("nosuch0"), None)]), false);
    assert_eq!(error.errno, Errno::ENODEV);
    assert_eq!(error.to_string(), "joining 239.1.2.3%nosuch0 on 0.0.0.0:0 failed: No such device");
    assert!(error.advice.contains("no such network interface"), "{}", error.advice);
    let out = with_options(vec![datagram(any())], |o| o.beyond.multicast_interface = Some(text("nosuch0")));
    let error = fails(&out, false);
    assert_eq!((error.errno, error.call.as_str()), (Errno::ENODEV, "sending multicast through nosuch0 from 0.0.0.0:0"));
    // One socket, more groups than the kernel's limit of it.
    let limit: usize = std::fs::read_to_string("/proc/sys/net/ipv4/igmp_max_memberships")
        .map_or(20, |text| text.trim().parse().unwrap());
    if limit > 1000 {
        return skip("igmp_max_memberships is too high to be reached");
    }
    let many: Vec<Membership> = (0..=limit)
        .map(|n| Membership {
            group: IpAddr::V4(Ipv4Addr::new(239, 2, (n / 256) as u8, (n % 256) as u8)),
            ..group("239.2.0.0", Some("lo"), None)
        })
        .collect();
    let error = fails(&members(any(), &many), false);
    assert_eq!(error.errno, Errno::ENOBUFS);
    assert!(error.advice.contains("igmp_max_memberships"), "{}", error.advice);
}

#[test]
fn a_group_without_an_interface_follows_the_routes() {
    let _world = World::new("multicast-routes");
    // In a namespace of its own nothing but lo is there, and it has no route for multicast.
    let result = in_namespace(|| {
        let error = fails(&members(Address::V4(Ipv4Addr::UNSPECIFIED, 5), &[group("239.1.2.3", None, None)]), false);
        assert_eq!(error.errno, Errno::ENODEV);
        assert!(error.advice.contains("name it as GROUP%INTERFACE"), "{}", error.advice);
    });
    if let Err(why) = result {
        skip(&format!("a network namespace: {why}"));
    }
}

/// Runs something in a thread with a network namespace of its own.
fn in_namespace(work: impl FnOnce() + Send + 'static) -> Result<(), Errno> {
    let thread = std::thread::spawn(move || {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET)?;
        work();
        Ok(())
    });
    thread.join().unwrap()
}

fn ip(arguments: &str) {
    let status = std::process::Command::new("ip").args(arguments.split(' ')).status().unwrap();
    assert!(status.success(), "ip {arguments}");
}

fn raw(text: &str) -> RawOption {
    raw_option(text).unwrap().0
}

#[test]
fn raw_options_reach_listener_and_connection() {
    let _world = World::new("raw-options");
    let port = free_port();
    let unit = with_options(vec![stream(loopback(port))], |o| {
        o.beyond.raw_options = [
            "IPPROTO_TCP:TCP_USER_TIMEOUT:5000",
            "SOL_SOCKET:SO_OOBINLINE:1",
            "IPPROTO_TCP:TCP_CONGESTION:\"reno\"",
            "SOL_SOCKET:SO_LINGER:hex:0100000007000000",
            // Of another family: not even tried.
            "IPPROTO_IPV6:IPV6_TCLASS:9",
        ]
        .map(raw)
        .to_vec();
    });
    let listener = open(&unit);
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let connection = accept(&listener).unwrap();
    let calls = connection_calls(&unit, &unit.listen[0], &BindFacts::default());
    assert_eq!((calls.len(), apply_connection_options(&connection, &calls)), (4, Vec::new()));
    for fd in [&listener, &connection] {
        assert_eq!(get_option_int(fd.as_fd(), libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT), Ok(5000));
        assert_eq!(get_option_int(fd.as_fd(), libc::SOL_SOCKET, libc::SO_OOBINLINE), Ok(1));
        let mut bytes = [0; 8];
        get_option(fd.as_fd(), libc::SOL_SOCKET, libc::SO_LINGER, &mut bytes).unwrap();
        assert_eq!(bytes, [1, 0, 0, 0, 7, 0, 0, 0]);
        let mut name = [0; 16];
        let length = get_option(fd.as_fd(), libc::IPPROTO_TCP, libc::TCP_CONGESTION, &mut name).unwrap();
        assert!(name[..length].starts_with(b"reno\0"));
    }
    drop(client);
}

#[test]
fn raw_options_that_the_kernel_refuses_are_told_aloud() {
    let world = World::new("raw-refused");
    let path = world.path("x.sock");
    let option = RawOption { level: 254, name: 7, symbol: text("254:7"), value: OptionValue::Int(1) };
    let unit = with_options(vec![stream(at_path(&path))], |o| o.beyond.raw_options = vec![option]);
    let opened = open_all(&unit, false).unwrap().remove(0);
    let [warning] = &opened.warnings[..] else { panic!("{:?}", opened.warnings) };
    assert!(!warning.is_quiet());
    assert!(warning.to_string().starts_with("X-SockOpt= has no effect: 254:7 failed: "), "{warning}");
    assert_eq!(get_option_int(opened.fds[0].as_fd(), libc::SOL_SOCKET, libc::SO_ACCEPTCONN), Ok(1));
}
