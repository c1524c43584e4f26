//! Open ports follow a change of their settings.

use super::*;
use porterd::linux::raw;
use porterd::linux::socket::follow;
use porterd::plan::live::changes;
use porterd::unit::socket::Timestamping;

/// Takes an open port from one unit's settings to another's: what was changed, and what waits.
fn adjust(fd: &OwnedFd, before: &SocketUnit, now: &SocketUnit) -> (Vec<&'static str>, Vec<&'static str>) {
    let facts = BindFacts::default();
    let (old, new) = (recipe(before, None, &facts), recipe(now, None, &facts));
    let changes = changes(&old.ports[0], &new.ports[0]);
    for (directive, step) in &changes.live {
        follow(fd.as_fd(), step).unwrap_or_else(|errno| panic!("{directive}: {}", errno.desc()));
    }
    (changes.live.iter().map(|(directive, _)| *directive).collect(), changes.restart)
}

fn int(fd: &OwnedFd, level: i32, name: i32) -> i32 {
    raw::get_option_int(fd.as_fd(), level, name).unwrap()
}

#[test]
fn options_come_and_go_while_a_socket_listens() {
    let _world = World::new("live-options");
    let at = stream(loopback(free_port()));
    let plain = unit(vec![at.clone()]);
    let set = SocketUnit {
        backlog: 7,
        ..with_options(vec![at], |o| {
            o.keep_alive = true;
            o.keep_alive_probes = 4;
            o.ip_tos = Some(16);
            o.ip_ttl = Some(5);
            o.tcp_congestion = Some(text("reno"));
            o.timestamping = Timestamping::Microseconds;
            o.receive_buffer = 16384;
        })
    };
    let fd = open(&plain);
    let usual = [
        (libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1),
        (libc::SOL_TCP, libc::TCP_KEEPCNT, 4),
        (libc::IPPROTO_IP, libc::IP_TOS, 16),
        (libc::IPPROTO_IP, libc::IP_TTL, 5),
        (libc::SOL_SOCKET, libc::SO_TIMESTAMP, 1),
    ]
    .map(|(level, name, wanted)| (level, name, wanted, int(&fd, level, name)));
    let (live, waits) = adjust(&fd, &plain, &set);
    let named =
        ["Backlog", "KeepAlive", "KeepAliveProbes", "Timestamping", "ReceiveBuffer", "IPTOS", "IPTTL", "TCPCongestion"];
    assert_eq!(live, named);
    assert_eq!(waits, [""; 0]);
    for (level, name, wanted, _) in usual {
        assert_eq!(int(&fd, level, name), wanted, "option {name}");
    }
    assert_eq!(int(&fd, libc::SOL_SOCKET, libc::SO_RCVBUF), 32768);
    // Clients get in as before, and connections have what the listener has.
    let client = std::net::TcpStream::connect(local(&fd)).unwrap();
    let served = raw::accept(fd.as_fd()).unwrap();
    assert_eq!(int(&served, libc::SOL_SOCKET, libc::SO_KEEPALIVE), 1);
    drop(client);
    // And back. A buffer that was set cannot be left to the kernel again.
    let (_, waits) = adjust(&fd, &set, &plain);
    assert_eq!(waits, ["ReceiveBuffer"]);
    for (level, name, _, before) in usual {
        assert_eq!(int(&fd, level, name), before, "option {name}");
    }
}

fn local(fd: &OwnedFd) -> std::net::SocketAddr {
    std::net::TcpListener::from(fd.try_clone().unwrap()).local_addr().unwrap()
}

#[test]
fn what_counts_when_a_socket_is_bound_waits() {
    let _world = World::new("live-waits");
    let at = stream(loopback(free_port()));
    let plain = unit(vec![at.clone()]);
    let bound = with_options(vec![at], |o| {
        o.reuse_port = true;
        o.free_bind = true;
        o.socket_protocol = Some(libc::IPPROTO_MPTCP);
    });
    let fd = open(&plain);
    assert_eq!(adjust(&fd, &plain, &bound), (vec![], vec!["SocketProtocol", "ReusePort", "FreeBind"]));
    assert_eq!(int(&fd, libc::SOL_SOCKET, libc::SO_REUSEPORT), 0);
    assert_eq!(adjust(&fd, &bound, &bound), (vec![], vec![]));
}

#[test]
fn permissions_of_nodes_follow() {
    let world = World::new("live-modes");
    let (socket_at, fifo_at) = (world.path("socket"), world.path("fifo"));
    for (listen, path) in [(stream(at_path(&socket_at)), &socket_at), (Listen::Fifo(text(&fifo_at)), &fifo_at)] {
        let plain = unit(vec![listen.clone()]);
        let strict = SocketUnit { socket_mode: 0o600, ..unit(vec![listen]) };
        let fd = open(&plain);
        assert_eq!(mode_of(path), 0o666);
        assert_eq!(adjust(&fd, &plain, &strict), (vec!["SocketMode"], vec![]));
        assert_eq!(mode_of(path), 0o600);
    }
}
