//! Sockets in other network namespaces, and the namespaces themselves.

use super::*;
use nix::errno::Errno;
use porterd::linux::files::Owner;
use porterd::linux::namespaces::{make_network, open_network, socket_in};
use porterd::linux::socket::carry_out_for;
use porterd::linux::{address, raw};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::Path;

/// The only port of a unit, opened in a namespace.
fn open_in(unit: &SocketUnit, namespace: BorrowedFd<'_>) -> Result<OwnedFd, CallError> {
    let recipe = recipe(unit, None, &BindFacts::default());
    let mut opened = carry_out_for(&recipe.ports[0], Owner::default(), Some(namespace))?;
    assert_eq!(opened.warnings, []);
    Ok(opened.fds.remove(0))
}

/// Connects from within a namespace, or from here.
fn connect(namespace: Option<BorrowedFd<'_>>, to: &Address) -> Result<(), Errno> {
    let family = match to {
        Address::V4(..) => libc::AF_INET,
        Address::V6(..) => libc::AF_INET6,
        _ => libc::AF_UNIX,
    };
    let client = match namespace {
        Some(namespace) => socket_in(namespace, family, libc::SOCK_STREAM, 0).unwrap(),
        None => raw::socket(family, libc::SOCK_STREAM, 0).unwrap(),
    };
    // The loopback interface answers at once.
    nix::fcntl::fcntl(&client, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::empty())).unwrap();
    raw::connect(client.as_fd(), &address::encode(to).unwrap())
}

fn inode(fd: impl AsFd) -> u64 {
    nix::sys::stat::fstat(fd).unwrap().st_ino
}

fn in_a_namespace() -> Option<(World, OwnedFd)> {
    if !is_root("network namespaces") {
        return None;
    }
    match make_network() {
        Ok(namespace) => Some((World::new("namespaces"), namespace)),
        Err(errno) => {
            skip(&format!("no network namespace can be made here: {}", errno.desc()));
            None
        }
    }
}

#[test]
fn a_socket_is_where_it_was_asked_for_and_nowhere_else() {
    let Some((_world, namespace)) = in_a_namespace() else { return };
    let inside = Some(namespace.as_fd());
    // Not one that the kernel gives out: nobody else may get it while this looks at it.
    let port = 20_000 + (std::process::id() % 10_000) as u16;
    let name = format!("porterd-namespace-{port}");
    let v6 = Address::V6("::1".parse().unwrap(), port, 0);
    for address in [loopback(port), v6, Address::Abstract(name.as_str().into())] {
        let fd = open_in(&unit(vec![stream(address.clone())]), namespace.as_fd()).unwrap();
        assert!(is_cloexec_and_nonblocking(&fd));
        assert_eq!(connect(inside, &address), Ok(()), "{address:?}: the loopback interface of a new namespace is up");
        assert_eq!(connect(None, &address), Err(Errno::ECONNREFUSED), "{address:?}");
        // The address is free here.
        let here = open(&unit(vec![stream(address.clone())]));
        assert_eq!(connect(None, &address), Ok(()));
        assert_ne!(raw::network_cookie(fd.as_fd()).unwrap(), raw::network_cookie(here.as_fd()).unwrap());
        assert_eq!(inode(raw::network_of(fd.as_fd()).unwrap()), inode(&namespace));
        assert_ne!(inode(raw::network_of(here.as_fd()).unwrap()), inode(&namespace));
    }
}

#[test]
fn options_and_errors_are_those_of_the_other_namespace() {
    let Some((_world, namespace)) = in_a_namespace() else { return };
    let port = free_port();
    let bound = with_options(vec![stream(loopback(port))], |o| o.bind_to_device = Some(text("lo")));
    let fd = open_in(&bound, namespace.as_fd()).unwrap();
    let mut device = [0; 16];
    let length = raw::get_option(fd.as_fd(), libc::SOL_SOCKET, libc::SO_BINDTODEVICE, &mut device).unwrap();
    assert_eq!(&device[..length], b"lo\0");
    // Somebody else has the address there; who has it here would be the wrong answer.
    let _here = open(&unit(vec![stream(loopback(port))]));
    let error = open_in(&unit(vec![stream(loopback(port))]), namespace.as_fd()).unwrap_err();
    assert_eq!((error.errno, error.holder), (Errno::EADDRINUSE, None));
    // An address of this machine that the other network does not have.
    let foreign = unit(vec![stream(Address::V4([192, 0, 2, 1].into(), port))]);
    assert_eq!(open_in(&foreign, namespace.as_fd()).unwrap_err().errno, Errno::EADDRNOTAVAIL);
}

#[test]
fn a_namespace_is_opened_by_its_path() {
    let Some((world, namespace)) = in_a_namespace() else { return };
    let path = format!("/proc/self/fd/{}", namespace.as_raw_fd());
    let opened = open_network(Path::new(&path)).unwrap();
    assert_eq!(inode(&opened), inode(&namespace));
    assert!(is_cloexec(&opened));
    assert_eq!(open_network(Path::new("/nonexistent")).unwrap_err(), Errno::ENOENT);
    for other in ["/etc/passwd", "/proc/self/ns/mnt", "/dev/null"] {
        assert_eq!(open_network(Path::new(other)).unwrap_err(), Errno::EINVAL, "{other}");
    }
    // Nobody will ever write to it, and nobody waits for that.
    let fifo = world.path("fifo");
    nix::unistd::mkfifo(fifo.as_str(), nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    assert_eq!(open_network(Path::new(&fifo)).unwrap_err(), Errno::EINVAL);
    let ours = std::fs::metadata("/proc/self/ns/net").unwrap();
    assert_ne!(std::os::unix::fs::MetadataExt::ino(&ours), inode(&namespace), "we are where we were");
}
