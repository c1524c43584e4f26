//! Every option, read back from the listener and from an accepted connection.

use super::*;
use nix::errno::Errno;
use porterd::linux::accept::accept;
use porterd::linux::raw::{get_option, get_option_int};
use porterd::linux::socket::apply_connection_options;
use porterd::plan::bind::connection_calls;
use porterd::unit::socket::Timestamping;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

const SO_PASSSEC: i32 = 34;
const SO_PASSPIDFD: i32 = 76;
const SO_PASSRIGHTS: i32 = 83;

fn value(fd: impl AsFd, level: i32, name: i32) -> i32 {
    get_option_int(fd.as_fd(), level, name).unwrap()
}

/// A listener of this unit, and a connection to it with the options applied.
fn pair(unit: &SocketUnit, connect: impl FnOnce() -> OwnedFd) -> (OwnedFd, OwnedFd, OwnedFd) {
    let listener = open(unit);
    let client = connect();
    let connection = accept(&listener).unwrap();
    let calls = connection_calls(unit, &unit.listen[0], &BindFacts::default());
    assert_eq!(apply_connection_options(&connection, &calls), []);
    (listener, connection, client)
}

#[test]
fn tcp_options_on_listener_and_connection() {
    let _world = World::new("tcp-options");
    let port = free_port();
    let unit = with_options(vec![stream(loopback(port))], |o| {
        o.keep_alive = true;
        o.keep_alive_time_usec = Some(61_000_000);
        o.keep_alive_interval_usec = Some(1_500_000);
        o.keep_alive_probes = 7;
        o.no_delay = true;
        o.broadcast = true;
        o.pass_packet_info = true;
        o.timestamping = Timestamping::Nanoseconds;
        o.priority = Some(3);
        o.receive_buffer = 8192;
        o.send_buffer = 16384;
        o.ip_ttl = Some(42);
        o.tcp_congestion = Some(text("reno"));
    });
    let connect = || OwnedFd::from(TcpStream::connect(("127.0.0.1", port)).unwrap());
    let (listener, connection, _client) = pair(&unit, connect);
    for fd in [&listener, &connection] {
        let expected = [
            (libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1),
            (libc::SOL_TCP, libc::TCP_KEEPIDLE, 61),
            (libc::SOL_TCP, libc::TCP_KEEPINTVL, 1),
            (libc::SOL_TCP, libc::TCP_KEEPCNT, 7),
            (libc::SOL_TCP, libc::TCP_NODELAY, 1),
            (libc::SOL_SOCKET, libc::SO_BROADCAST, 1),
            (libc::IPPROTO_IP, libc::IP_PKTINFO, 1),
            (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1),
            (libc::SOL_SOCKET, libc::SO_PRIORITY, 3),
            (libc::SOL_SOCKET, libc::SO_RCVBUF, 16384),
            (libc::SOL_SOCKET, libc::SO_SNDBUF, 32768),
            (libc::IPPROTO_IP, libc::IP_TTL, 42),
        ];
        for (level, name, wanted) in expected {
            assert_eq!(value(fd, level, name), wanted, "level {level} option {name}");
        }
        let mut name = [0u8; 16];
        let length = get_option(fd.as_fd(), libc::SOL_TCP, libc::TCP_CONGESTION, &mut name).unwrap();
        assert!(name[..length].starts_with(b"reno\0"));
    }
    assert_eq!(value(&listener, libc::SOL_SOCKET, libc::SO_REUSEADDR), 1);
}

#[test]
fn options_of_the_listener_alone() {
    let _world = World::new("listener-options");
    let port = free_port();
    let v6 = Address::V6("::1".parse().unwrap(), port, 0);
    let fd = open(&with_options(vec![stream(v6)], |o| {
        o.defer_accept_usec = Some(10_000_000);
        o.reuse_port = true;
        o.free_bind = true;
        o.bind_to_device = Some(text("lo"));
        o.pass_packet_info = true;
        o.ip_ttl = Some(42);
        o.timestamping = Timestamping::Microseconds;
    }));
    assert_eq!(value(&fd, libc::SOL_TCP, libc::TCP_DEFER_ACCEPT), 15);
    assert_eq!(value(&fd, libc::SOL_SOCKET, libc::SO_REUSEPORT), 1);
    assert_eq!(value(&fd, libc::IPPROTO_IPV6, libc::IPV6_FREEBIND), 1);
    assert_eq!(value(&fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO), 1);
    assert_eq!(value(&fd, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS), 42);
    assert_eq!(value(&fd, libc::SOL_SOCKET, libc::SO_TIMESTAMP), 1);
    let mut device = [0u8; 16];
    let length = get_option(fd.as_fd(), libc::SOL_SOCKET, libc::SO_BINDTODEVICE, &mut device).unwrap();
    assert_eq!(&device[..length], b"lo\0");
}

// socket-unit #105
#[test]
fn type_of_service_overrides_priority_and_leaves_the_traffic_class_alone() {
    let _world = World::new("tos");
    for address in [loopback(free_port()), Address::V6("::1".parse().unwrap(), free_port(), 0)] {
        let fd = open(&with_options(vec![stream(address.clone())], |o| {
            o.priority = Some(3);
            o.ip_tos = Some(16);
        }));
        assert_eq!(value(&fd, libc::SOL_SOCKET, libc::SO_PRIORITY), 6);
        assert_eq!(value(&fd, libc::IPPROTO_IP, libc::IP_TOS), 16);
        if matches!(address, Address::V6(..)) {
            assert_eq!(value(&fd, libc::IPPROTO_IPV6, libc::IPV6_TCLASS), 0);
        }
    }
}

#[test]
fn unix_options_on_listener_and_connection() {
    let world = World::new("unix-options");
    let path = world.path("x.sock");
    let unit = with_options(vec![stream(at_path(&path))], |o| {
        o.pass_credentials = true;
        o.timestamping = Timestamping::Microseconds;
        o.receive_buffer = 8192;
    });
    let (listener, connection, _client) = pair(&unit, || UnixStream::connect(&path).unwrap().into());
    for fd in [&listener, &connection] {
        assert_eq!(value(fd, libc::SOL_SOCKET, libc::SO_PASSCRED), 1);
        assert_eq!(value(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMP), 1);
        assert_eq!(value(fd, libc::SOL_SOCKET, libc::SO_RCVBUF), 16384);
    }
    assert_eq!(value(&listener, libc::SOL_SOCKET, libc::SO_REUSEADDR), 1);

    // Options that older kernels lack: set, or told with a reason that is not worth a shout.
    let newer = with_options(vec![stream(at_path(&path))], |o| {
        o.pass_security = true;
        o.pass_pidfd = true;
        o.refuse_file_descriptors = true;
    });
    drop((listener, connection));
    let opened = open_all(&newer, false).unwrap().remove(0);
    for (name, directive, wanted) in
        [(SO_PASSSEC, "PassSecurity", 1), (SO_PASSPIDFD, "PassPIDFD", 1), (SO_PASSRIGHTS, "AcceptFileDescriptors", 0)]
    {
        match opened.warnings.iter().find(|warning| warning.directive == directive) {
            None => assert_eq!(value(&opened.fds[0], libc::SOL_SOCKET, name), wanted, "{directive}"),
            Some(warning) => {
                assert!(warning.is_quiet(), "{warning}");
                skip(&format!("this kernel refuses {directive}: {warning}"));
            }
        }
    }
}

// socket-unit #103 #104
#[test]
fn options_that_do_not_fit_are_told_and_the_socket_listens() {
    let world = World::new("misfits");
    let path = world.path("x.sock");
    let unit = with_options(vec![stream(at_path(&path))], |o| {
        o.no_delay = true;
        o.ip_ttl = Some(42);
        o.ip_tos = Some(16);
        o.pass_packet_info = true;
        o.tcp_congestion = Some(text("reno"));
    });
    let opened = open_all(&unit, false).unwrap().remove(0);
    let told: Vec<&str> = opened.warnings.iter().map(|warning| warning.directive).collect();
    assert_eq!(told, ["NoDelay", "PassPacketInfo", "IPTOS", "IPTTL", "TCPCongestion"]);
    assert!(opened.warnings.iter().all(|warning| warning.is_quiet()));
    let client = UnixStream::connect(&path).unwrap();
    let connection = accept(&opened.fds[0]).unwrap();
    let calls = connection_calls(&unit, &unit.listen[0], &BindFacts::default());
    let warnings = apply_connection_options(&connection, &calls);
    assert_eq!(warnings.len(), 5);
    assert_eq!(warnings[0].errno, Errno::EOPNOTSUPP);
    assert_eq!(warnings[0].to_string().split(':').next(), Some("NoDelay= has no effect"));
    drop(client);

    for (change, directive) in [
        ((|o: &mut SocketOptions| o.tcp_congestion = Some(text("nosuch"))) as fn(&mut SocketOptions), "TCPCongestion"),
        (|o| o.ip_ttl = Some(256), "IPTTL"),
        (|o| o.ip_ttl = Some(0), "IPTTL"),
        (|o| o.receive_buffer = 1 << 40, "ReceiveBuffer"),
        (|o| o.keep_alive_probes = 1000, "KeepAliveProbes"),
    ] {
        let opened = open_all(&with_options(vec![stream(loopback(free_port()))], change), false).unwrap().remove(0);
        let told: Vec<&str> = opened.warnings.iter().map(|warning| warning.directive).collect();
        assert_eq!(told, [directive]);
        assert_eq!(value(&opened.fds[0], libc::SOL_SOCKET, libc::SO_ACCEPTCONN), 1);
    }
}

#[test]
fn privileged_options() {
    let _world = World::new("privileged");
    if !is_root("Mark and buffers above the limit") {
        return;
    }
    let limit: i32 = std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap().trim().parse().unwrap();
    let bytes = limit.saturating_mul(2).min(1 << 28);
    let fd = open(&with_options(vec![socket(SocketKind::Datagram, loopback(free_port()))], |o| {
        o.mark = Some(77);
        o.receive_buffer = bytes as u64;
        o.send_buffer = bytes as u64;
    }));
    assert_eq!(value(&fd, libc::SOL_SOCKET, libc::SO_MARK), 77);
    assert_eq!(value(&fd, libc::SOL_SOCKET, libc::SO_RCVBUF), bytes * 2);
    assert_eq!(value(&fd, libc::SOL_SOCKET, libc::SO_SNDBUF), bytes * 2);
}
