//! Accepting, peers, draining.

use super::*;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use porterd::bounds::FLUSH_MAX;
use porterd::linux::accept::{AcceptError, Acceptor, accept};
use porterd::linux::drain::drain;
use porterd::linux::peer::{ListenerFacts, peer};
use porterd::linux::raw;
use porterd::outside::Peer;
use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};

fn set_blocking(fd: impl AsFd, blocking: bool) {
    let mut flags = OFlag::from_bits_retain(fcntl(fd.as_fd(), FcntlArg::F_GETFL).unwrap());
    flags.set(OFlag::O_NONBLOCK, !blocking);
    fcntl(fd.as_fd(), FcntlArg::F_SETFL(flags)).unwrap();
}

fn is_blocking(fd: impl AsFd) -> bool {
    fcntl(fd.as_fd(), FcntlArg::F_GETFL).unwrap() & OFlag::O_NONBLOCK.bits() == 0
}

#[test]
fn accept_never_blocks_even_on_a_blocking_listener() {
    let _world = World::new("blocking");
    let port = free_port();
    let listener = open(&unit(vec![stream(loopback(port))]));
    for blocking in [false, true] {
        set_blocking(&listener, blocking);
        assert_eq!(accept(&listener).unwrap_err(), AcceptError::WouldBlock);
        let _clients =
            [TcpStream::connect(("127.0.0.1", port)).unwrap(), TcpStream::connect(("127.0.0.1", port)).unwrap()];
        let acceptor = Acceptor::new(&listener);
        for _ in 0..2 {
            let connection = acceptor.accept().unwrap();
            assert!(is_cloexec(&connection) && is_blocking(&connection), "as services want it");
        }
        assert_eq!(acceptor.accept().unwrap_err(), AcceptError::WouldBlock);
        assert_eq!(is_blocking(&listener), blocking, "the flag is whoever shares the listener's");
    }
}

// socket-unit #154
#[test]
fn hard_errors_are_told_as_such() {
    let _world = World::new("hard");
    let port = free_port();
    let listener = open(&unit(vec![stream(loopback(port))]));
    let not_listening = raw::socket(libc::AF_INET, libc::SOCK_STREAM, 0).unwrap();
    assert_eq!(accept(&not_listening).unwrap_err(), AcceptError::Hard(Errno::EINVAL));
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();

    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 0, hard).unwrap();
    let refused = accept(&listener).unwrap_err();
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    assert_eq!(refused, AcceptError::Hard(Errno::EMFILE));
    accept(&listener).expect("the connection is still there");
    drop(client);
}

#[test]
fn ip_peers() {
    let _world = World::new("ip-peers");
    let any4 = Address::V4([0; 4].into(), free_port());
    let any6 = Address::V6([0; 8].into(), free_port(), 0);
    let one4 = loopback(free_port());
    let one6 = Address::V6("::1".parse().unwrap(), free_port(), 0);
    let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
    let (four, six): (IpAddr, IpAddr) = ("127.0.0.1".parse().unwrap(), "::1".parse().unwrap());
    for (address, to, seen) in
        [(any4, four, four), (any6.clone(), six, six), (any6, four, mapped), (one4, four, four), (one6, six, six)]
    {
        let listener = open(&unit(vec![stream(address.clone())]));
        let facts = ListenerFacts::of(&listener).unwrap();
        let port = match address {
            Address::V4(_, port) | Address::V6(_, port, _) => port,
            _ => unreachable!(),
        };
        let client = TcpStream::connect((to, port)).unwrap();
        let connection = accept(&listener).unwrap();
        let theirs = client.local_addr().unwrap();
        let found = peer(&connection, &facts).unwrap();
        let expected = Peer::Ip { local: (seen, port), remote: (seen, theirs.port()), scope: None };
        assert_eq!(found, expected);
    }
}

#[test]
fn a_link_local_peer_has_a_scope() {
    let _world = World::new("scope");
    // Lines of /proc/net/if_inet6: address, index, prefix, scope (20 is link), flags, name.
    let table = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    let local = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).find(|f| f[3] == "20");
    let Some(fields) = local else {
        return skip("no interface has a link-local address");
    };
    let ip = std::net::Ipv6Addr::from(u128::from_str_radix(fields[0], 16).unwrap());
    let index = u32::from_str_radix(fields[1], 16).unwrap();
    let port = free_port();
    let listener = open(&unit(vec![stream(Address::V6(ip, port, index))]));
    let _client = TcpStream::connect(std::net::SocketAddrV6::new(ip, port, 0, index)).unwrap();
    let connection = accept(&listener).unwrap();
    let Some(Peer::Ip { scope, .. }) = peer(&connection, &ListenerFacts::of(&listener).unwrap()) else {
        panic!("no IP peer");
    };
    assert_eq!(scope.as_deref(), Some(fields[5]));
}

// socket-unit #147
#[test]
fn a_peer_that_reset_its_connection_is_gone() {
    let _world = World::new("reset");
    let port = free_port();
    let listener = open(&unit(vec![stream(loopback(port))]));
    let facts = ListenerFacts::of(&listener).unwrap();
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let linger = [1i32.to_ne_bytes(), 0i32.to_ne_bytes()].concat();
    raw::set_option(client.as_fd(), libc::SOL_SOCKET, libc::SO_LINGER, &linger).unwrap();
    drop(client); // a reset, not an end
    match accept(&listener) {
        Ok(connection) => assert_eq!(peer(&connection, &facts), None),
        Err(error) => assert!(matches!(error, AcceptError::Transient(_)), "{error:?}"),
    }
    // Who has only finished sending is still there.
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(peer(accept(&listener).unwrap(), &facts).is_some());
}

#[test]
fn unix_peers_have_credentials_and_sometimes_a_name() {
    let world = World::new("unix-peers");
    let path = world.path("x.sock");
    let listener = open(&unit(vec![stream(at_path(&path))]));
    let facts = ListenerFacts::of(&listener).unwrap();
    let me = (Some(std::process::id() as i32), nix::unistd::getuid().as_raw());
    let client = UnixStream::connect(&path).unwrap();
    let found = peer(accept(&listener).unwrap(), &facts).unwrap();
    assert_eq!(found, Peer::Unix { pid: me.0, uid: me.1, groups: Vec::new(), address: None });
    drop(client);

    let named = Address::Abstract(text("tab\there"));
    for (address, shown) in [(named, text("@tab\\there")), (at_path(&world.path("me")), text(&world.path("me")))] {
        let client = raw::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0).unwrap();
        raw::bind(client.as_fd(), &porterd::linux::address::encode(&address).unwrap()).unwrap();
        raw::connect(client.as_fd(), &porterd::linux::address::encode(&at_path(&path)).unwrap()).unwrap();
        let found = peer(accept(&listener).unwrap(), &facts).unwrap();
        assert_eq!(found, Peer::Unix { pid: me.0, uid: me.1, groups: Vec::new(), address: Some(shown) });
    }
}

#[test]
fn vsock_peers() {
    const LOCAL: u32 = 1;
    let _world = World::new("vsock");
    let address = Address::Vsock(LOCAL, 40_000 + std::process::id() % 10_000);
    let Ok(opened) = open_all(&unit(vec![stream(address.clone())]), false) else {
        return skip("this kernel has no local vsock");
    };
    let listener = &opened[0].fds[0];
    let client = raw::socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0).unwrap();
    set_blocking(&client, true);
    raw::connect(client.as_fd(), &porterd::linux::address::encode(&address).unwrap()).unwrap();
    let found = peer(accept(listener).unwrap(), &ListenerFacts::of(listener).unwrap()).unwrap();
    let Peer::Vsock { local, remote } = found else { panic!("{found:?}") };
    assert_eq!((Address::Vsock(local.0, local.1), remote.0), (address, LOCAL));
}

#[test]
fn draining_connections_ends_them() {
    let world = World::new("drain-connections");
    let path = world.path("x.sock");
    let listener = open(&unit(vec![stream(at_path(&path))]));
    set_blocking(&listener, true); // as a service leaves it
    assert_eq!(drain(&listener), Ok(0));
    let mut clients: Vec<_> = (0..3).map(|_| UnixStream::connect(&path).unwrap()).collect();
    assert_eq!(drain(&listener), Ok(3));
    for client in &mut clients {
        assert_eq!(client.read(&mut [0u8; 1]).unwrap(), 0, "the client sees the end");
    }
    assert_eq!(drain(&listener), Ok(0));
}

#[test]
fn draining_is_bounded() {
    let _world = World::new("drain-bounded");
    if !is_root("a receive buffer for more datagrams than one pass takes") {
        return;
    }
    let port = free_port();
    let udp = with_options(vec![socket(SocketKind::Datagram, loopback(port))], |o| o.receive_buffer = 8 << 20);
    let fd = open(&udp);
    set_blocking(&fd, true);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..FLUSH_MAX + 6 {
        sender.send_to(b"x", ("127.0.0.1", port)).unwrap();
    }
    assert_eq!(drain(&fd), Ok(FLUSH_MAX));
    assert_eq!(drain(&fd), Ok(6));
    assert_eq!(drain(&fd), Ok(0));
}

#[test]
fn draining_everything_else() {
    let world = World::new("drain-others");
    let path = world.path("fifo");
    let fifo = open(&unit(vec![Listen::Fifo(text(&path))]));
    set_blocking(&fifo, true);
    assert_eq!(drain(&fifo), Ok(0));
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().write_all(&[7; 5000]).unwrap();
    assert_eq!(drain(&fifo), Ok(2), "a page at a time");
    assert!(is_blocking(&fifo));

    let path = world.path("datagrams");
    let datagrams = open(&unit(vec![socket(SocketKind::Datagram, at_path(&path))]));
    let sender = UnixDatagram::unbound().unwrap();
    sender.send_to(b"some text", &path).unwrap();
    sender.send_to(b"", &path).unwrap();
    assert_eq!(drain(&datagrams), Ok(2));

    let netlink = open(&unit(vec![Listen::Netlink { family: libc::NETLINK_ROUTE, groups: 1 }]));
    assert_eq!(drain(&netlink), Ok(0));

    let name = format!("/porterd-drain-{}", std::process::id());
    match open_all(&unit(vec![Listen::MessageQueue(text(&name))]), false) {
        Ok(opened) => {
            let flags = nix::mqueue::MQ_OFlag::O_WRONLY;
            let queue = nix::mqueue::mq_open(&*name, flags, nix::sys::stat::Mode::empty(), None).unwrap();
            for _ in 0..3 {
                nix::mqueue::mq_send(&queue, b"x", 1).unwrap();
            }
            assert_eq!(drain(&opened[0].fds[0]), Ok(3));
            nix::mqueue::mq_close(queue).unwrap();
            nix::mqueue::mq_unlink(&*name).unwrap();
        }
        Err(error) => skip(&format!("message queues: {error}")),
    }
}

/// What `X-AllowPeerGroup=` is judged by: the groups that the peer had when it connected.
#[test]
fn groups_of_a_peer_are_told() {
    let (here, there) = UnixStream::pair().unwrap();
    let mut own: Vec<u32> = nix::unistd::getgroups().unwrap().into_iter().map(nix::unistd::Gid::as_raw).collect();
    own.insert(0, nix::unistd::getegid().as_raw());
    assert_eq!(porterd::linux::peer::groups(&here), own);
    drop(there);
}

/// While a limit is exceeded: who has hung up is told from who waits, and from who has spoken first.
#[test]
fn a_peer_that_hung_up_is_noticed() {
    use porterd::linux::peer::has_hung_up;
    use std::net::{Shutdown, TcpListener};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connect = || (TcpStream::connect(address).unwrap(), listener.accept().unwrap().0);
    let (client, server) = connect();
    assert!(!has_hung_up(&server), "it waits to be spoken to");
    drop(client);
    assert!(has_hung_up(&server), "closed");
    let (mut client, server) = connect();
    client.write_all(b"x").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert!(!has_hung_up(&server), "it has asked something and waits for the answer");
    let (client, server) = connect();
    client.shutdown(Shutdown::Write).unwrap();
    assert!(has_hung_up(&server), "it will never say anything");
    let (mut here, there) = UnixStream::pair().unwrap();
    assert!(!has_hung_up(&there));
    here.write_all(b"x").unwrap();
    drop(here);
    assert!(!has_hung_up(&there));
}
