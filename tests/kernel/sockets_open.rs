//! Opening sockets: what is in the way, who is in the way, and what remains.

use super::*;
use nix::errno::Errno;
use porterd::linux::address::{InheritedKind, describe};
use porterd::unit::socket::BindIpv6Only;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::{Command, Stdio};

fn is_socket(path: &str) -> bool {
    std::fs::symlink_metadata(path).unwrap().file_type().is_socket()
}

#[test]
fn every_kind_of_socket_is_what_it_says() {
    let world = World::new("kinds");
    let port = free_port();
    let cases = [
        stream(loopback(port)),
        socket(SocketKind::Datagram, loopback(port)),
        stream(Address::V6("::1".parse().unwrap(), port, 0)),
        stream(at_path(&world.path("stream"))),
        socket(SocketKind::Datagram, at_path(&world.path("datagram"))),
        socket(SocketKind::SequentialPacket, at_path(&world.path("packet"))),
        stream(Address::Abstract(format!("porterd-kinds-{port}").as_str().into())),
    ];
    for listen in cases {
        let fd = open(&unit(vec![listen.clone()]));
        assert!(is_cloexec_and_nonblocking(&fd));
        let found = describe(&fd).unwrap();
        let Listen::Socket { kind, address } = listen else { unreachable!() };
        assert_eq!(found.listening, kind != SocketKind::Datagram);
        assert_eq!(found.kind, InheritedKind::Socket(kind, address));
    }
    let fd = open(&unit(vec![Listen::Netlink { family: libc::NETLINK_ROUTE, groups: 17 }]));
    assert!(is_cloexec_and_nonblocking(&fd));
    assert_eq!(describe(&fd).unwrap().kind, InheritedKind::Netlink(libc::NETLINK_ROUTE, 17));
}

// socket-unit #82
#[test]
fn a_file_or_a_dead_socket_in_the_way_is_replaced() {
    for strict in [false, true] {
        let world = World::new("file-in-the-way");
        let path = world.path("x.sock");
        let listen = unit(vec![stream(at_path(&path))]);
        std::fs::write(&path, "text").unwrap();
        let first = open_all(&listen, strict).unwrap();
        assert!(is_socket(&path));
        UnixStream::connect(&path).unwrap();
        drop(first);
        assert!(is_socket(&path), "a node outlives its socket");
        assert!(UnixStream::connect(&path).is_err());
        let _second = open_all(&listen, strict).unwrap();
        UnixStream::connect(&path).unwrap();
    }
}

// socket-unit #83
#[test]
fn a_live_socket_is_taken_over_only_if_strict() {
    let world = World::new("live");
    let path = world.path("x.sock");
    let listen = unit(vec![stream(at_path(&path))]);
    let others = UnixListener::bind(&path).unwrap();
    let error = fails(&listen, false);
    assert_eq!(error.errno, Errno::EADDRINUSE);
    assert_eq!(error.call, format!("bind(2) to {path}"));
    assert!(error.holder.unwrap().contains("this very process"));
    drop(others);

    // A listener whose queue is full answers EAGAIN, one of another type EPROTOTYPE: both live.
    let mut full = unit(vec![stream(at_path(&path))]);
    full.backlog = 0;
    let held = open_all(&full, false).unwrap();
    let _fill: Vec<_> = (0..2).map(|_| nonblocking_client(&path)).collect();
    assert_eq!(fails(&listen, false).errno, Errno::EADDRINUSE);
    drop(held);
    std::fs::remove_file(&path).unwrap();
    let datagrams = UnixDatagram::bind(&path).unwrap();
    assert_eq!(fails(&listen, false).errno, Errno::EADDRINUSE);

    let ours = open_all(&listen, true).unwrap();
    UnixStream::connect(&path).unwrap();
    assert_eq!(datagrams.local_addr().unwrap().as_pathname().unwrap().to_str(), Some(&*path));
    drop(ours);
}

/// A client that does not wait for room in the queue.
fn nonblocking_client(path: &str) -> OwnedFd {
    let raw_address = porterd::linux::address::encode(&at_path(path)).unwrap();
    let fd = porterd::linux::raw::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0).unwrap();
    porterd::linux::raw::connect(fd.as_fd(), &raw_address).ok();
    fd
}

// socket-unit #84 #85
#[test]
fn a_directory_is_left_alone_and_a_link_is_replaced_itself() {
    let world = World::new("odd");
    std::fs::create_dir(world.path("dir")).unwrap();
    for strict in [false, true] {
        let error = fails(&unit(vec![stream(at_path(&world.path("dir")))]), strict);
        assert_eq!((error.errno, error.holder), (Errno::EADDRINUSE, None));
    }
    // The link leads to a live socket, but it is only a link.
    let target = world.path("target.sock");
    let _others = UnixListener::bind(&target).unwrap();
    let link = world.path("link.sock");
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let _ours = open(&unit(vec![stream(at_path(&link))]));
    assert!(is_socket(&link) && is_socket(&target));
}

// socket-unit #91
#[test]
fn addresses_that_cannot_be_had() {
    let world = World::new("cannot");
    let far = Address::V4([192, 0, 2, 1].into(), free_port());
    let error = fails(&unit(vec![stream(far.clone())]), false);
    assert_eq!((error.errno, error.holder), (Errno::EADDRNOTAVAIL, None));
    open(&with_options(vec![stream(far.clone())], |o| o.free_bind = true));
    if is_root("binding a foreign address transparently") {
        open(&with_options(vec![stream(far)], |o| o.transparent = true));
    }

    let long = world.path(&"x".repeat(110));
    assert_eq!(fails(&unit(vec![stream(at_path(&long))]), false).errno, Errno::ENAMETOOLONG);
    let under_file = world.path("file/x.sock");
    std::fs::write(world.path("file"), "").unwrap();
    assert_eq!(fails(&unit(vec![stream(at_path(&under_file))]), false).errno, Errno::ENOTDIR);

    let device = with_options(vec![stream(loopback(free_port()))], |o| o.bind_to_device = Some(text("no-such-if")));
    let error = fails(&device, false);
    assert_eq!(error.errno, Errno::ENODEV);
    assert!(error.to_string().starts_with("setting SO_BINDTODEVICE on 127.0.0.1:"), "{error}");
}

#[test]
fn who_holds_a_port_is_named() {
    let _world = World::new("holder");
    let port = free_port();
    let ours = open(&unit(vec![stream(loopback(port))]));
    let mut child = Command::new("sleep").arg("60").stdin(Stdio::from(ours)).spawn().unwrap();
    let error = fails(&unit(vec![stream(Address::V4([0, 0, 0, 0].into(), port))]), false);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(error.errno, Errno::EADDRINUSE);
    let words = error.to_string();
    let expected = format!("held by sleep (pid {}", child.id());
    assert!(words.contains(&expected), "{words}");
    assert!(words.starts_with(&format!("bind(2) to 0.0.0.0:{port} failed: Address already in use")), "{words}");

    let udp = std::net::UdpSocket::bind("[::1]:0").unwrap();
    let address = Address::V6("::1".parse().unwrap(), udp.local_addr().unwrap().port(), 0);
    let error = fails(&unit(vec![socket(SocketKind::Datagram, address)]), false);
    // SO_REUSEADDR lets UDP sockets share an address only if both have it.
    assert!(error.holder.unwrap().contains("this very process"));
}

// socket-unit #92
#[test]
fn both_families_on_one_port() {
    let _world = World::new("families");
    let port = free_port();
    let (v6, v4) = (stream(Address::V6([0; 8].into(), port, 0)), stream(Address::V4([0; 4].into(), port)));
    for listen in [vec![v6.clone(), v4.clone()], vec![v4.clone(), v6.clone()]] {
        assert_eq!(fails(&unit(listen.clone()), false).errno, Errno::EADDRINUSE);
        let only = SocketUnit { bind_ipv6_only: BindIpv6Only::Ipv6Only, ..unit(listen) };
        assert_eq!(open_all(&only, false).unwrap().len(), 2);
    }
}

// socket-unit #93
#[test]
fn the_same_address_twice() {
    let _world = World::new("twice");
    let name = Address::Abstract(format!("porterd-dup-{}", std::process::id()).as_str().into());
    let error = fails(&unit(vec![stream(name.clone()), stream(name)]), false);
    assert_eq!(error.errno, Errno::EADDRINUSE);
    assert!(error.holder.unwrap().contains("this very process"));
    let tcp = stream(loopback(free_port()));
    assert_eq!(fails(&unit(vec![tcp.clone(), tcp.clone()]), false).errno, Errno::EADDRINUSE);
    let shared = with_options(vec![tcp.clone(), tcp], |o| o.reuse_port = true);
    assert_eq!(open_all(&shared, false).unwrap().len(), 2);
}

// socket-unit #90
#[test]
fn a_node_remains_when_a_later_port_fails_but_no_descriptor_does() {
    let world = World::new("later");
    let path = world.path("x.sock");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = fails(&unit(vec![stream(at_path(&path)), stream(loopback(port))]), false);
    assert_eq!(error.errno, Errno::EADDRINUSE);
    assert!(is_socket(&path));
    assert!(UnixStream::connect(&path).is_err(), "its descriptor was closed");
}

// socket-unit #107
#[test]
fn protocols_that_do_not_fit() {
    let world = World::new("protocols");
    let unix = with_options(vec![stream(at_path(&world.path("x")))], |o| o.socket_protocol = Some(libc::IPPROTO_SCTP));
    let error = fails(&unix, false);
    assert_eq!(error.errno, Errno::EPROTONOSUPPORT);
    assert!(error.call.starts_with("socket(2) for "), "{error}");
    let tcp = with_options(vec![stream(loopback(free_port()))], |o| o.socket_protocol = Some(libc::IPPROTO_UDPLITE));
    open(&tcp);
}

// socket-unit #86 #87
#[test]
fn a_node_has_its_mode_whatever_the_umask_and_parents_theirs() {
    let world = World::new("modes");
    for (asked, got) in [(0o666, 0o666), (0o600, 0o600), (0o7777, 0o777), (0, 0)] {
        let path = world.path(&format!("m{asked:o}"));
        let _fd = open(&SocketUnit { socket_mode: asked, ..unit(vec![stream(at_path(&path))]) });
        assert_eq!(mode_of(&path), got);
    }
    let path = world.path("a/b/x.sock");
    let private = SocketUnit { directory_mode: 0o770, ..unit(vec![stream(at_path(&path))]) };
    drop(open(&private));
    assert_eq!(mode_of(&world.path("a")), 0o770);
    assert_eq!(mode_of(&world.path("a/b")), 0o770);
    let now = nix::sys::stat::umask(nix::sys::stat::Mode::empty());
    assert_eq!(now.bits(), 0o027, "the umask is as it was");
}
