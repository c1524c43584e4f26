//! Notifications: what the transport lets through, and what becomes of descriptors.

use super::*;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};
use porterd::bounds::NOTIFY_BYTES_MAX;
use porterd::linux::notify::{NotifySocket, Why};
use porterd::linux::raw;
use std::io::{IoSlice, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixDatagram;

fn send(path: &str, text: &[u8], fds: &[RawFd]) {
    let socket = UnixDatagram::unbound().unwrap();
    let address = UnixAddr::new(path).unwrap();
    let rights = [ControlMessage::ScmRights(fds)];
    let control = if fds.is_empty() { &[][..] } else { &rights[..] };
    sendmsg(socket.as_raw_fd(), &[IoSlice::new(text)], control, MsgFlags::empty(), Some(&address)).unwrap();
}

#[test]
fn a_message_arrives_with_its_sender() {
    let world = World::new("notify");
    let path = world.path("notify");
    std::fs::write(&path, "in the way").unwrap();
    let socket = NotifySocket::bind(&path).unwrap();
    assert_eq!(mode_of(&path), 0o666);
    assert!(is_cloexec_and_nonblocking(&socket));
    assert!(socket.receive().unwrap().is_none());
    assert!(raw::get_option_int(socket.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF).unwrap() >= 1 << 18);

    send(&path, b"READY=1\nSTATUS=all is well\nREADY=0\0", &[]);
    let message = socket.receive().unwrap().unwrap();
    assert_eq!(message.pid, std::process::id() as i32);
    assert_eq!((message.uid, message.gid), (nix::unistd::getuid().as_raw(), nix::unistd::getgid().as_raw()));
    let words: Vec<_> = message.words.iter().map(|(key, value)| (&**key, &**value)).collect();
    assert_eq!(words, [("READY", "1"), ("STATUS", "all is well")]);
    assert_eq!((message.lines, message.fds.len()), (3, 0));
    assert!(socket.receive().unwrap().is_none());
    drop(socket);
    assert!(std::fs::symlink_metadata(&path).is_err(), "the node goes with the socket");
}

#[test]
fn the_limits_of_the_transport() {
    let world = World::new("notify-limits");
    let path = world.path("notify");
    let socket = NotifySocket::bind(&path).unwrap();
    let mut long = b"STATUS=".to_vec();
    long.resize(NOTIFY_BYTES_MAX, b'x');
    send(&path, &long, &[]);
    assert_eq!(socket.receive().unwrap().unwrap().words[0].1.len(), NOTIFY_BYTES_MAX - 7);
    long.push(b'x');
    for (text, why) in [(&*long, Why::TooLong), (b"READY=1\0X=2", Why::InnerNul), (b"READY=1\0\0", Why::InnerNul)] {
        send(&path, text, &[]);
        let dropped = socket.receive().unwrap_err();
        assert_eq!((dropped.why, dropped.pid), (why, Some(std::process::id() as i32)));
    }
    send(&path, b"", &[]);
    assert_eq!(socket.receive().unwrap().unwrap().lines, 0);
}

#[test]
fn descriptors_arrive_and_those_of_a_dropped_message_are_closed() {
    let world = World::new("notify-fds");
    let path = world.path("notify");
    let socket = NotifySocket::bind(&path).unwrap();
    let (mut reader, writer) = std::io::pipe().unwrap();
    let many = vec![writer.as_raw_fd(); 253];
    send(&path, b"FDSTORE=1", &many);
    let message = socket.receive().unwrap().unwrap();
    assert_eq!(message.fds.len(), 253);
    for fd in &message.fds {
        let flags = nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_GETFD).unwrap();
        assert_eq!(flags, libc::FD_CLOEXEC);
    }
    drop(message);

    send(&path, b"FDSTORE=1\0x", &many);
    drop(writer);
    assert_eq!(socket.receive().unwrap_err().why, Why::InnerNul);
    assert_eq!(reader.read(&mut [0u8; 1]).unwrap(), 0, "nobody holds the writing end any more");
}

#[test]
fn descriptors_beyond_our_own_limit_do_not_leak() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let world = World::new("notify-limit");
    let path = world.path("notify");
    let socket = NotifySocket::bind(&path).unwrap();
    let (mut reader, writer) = std::io::pipe().unwrap();
    send(&path, b"FDSTORE=1", &[writer.as_raw_fd(); 8]);
    drop(writer);
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 0, hard).unwrap();
    let dropped = socket.receive().unwrap_err();
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    assert_eq!(dropped.why, Why::ControlTruncated);
    assert_eq!(reader.read(&mut [0u8; 1]).unwrap(), 0);
}

#[test]
fn a_socket_that_cannot_be_bound_says_where() {
    let world = World::new("notify-errors");
    let path = world.path("no/such/dir/notify");
    let error = NotifySocket::bind(&path).unwrap_err();
    assert_eq!(error.errno, Errno::ENOENT);
    assert!(error.to_string().contains(&path));
    std::fs::create_dir(world.path("dir")).unwrap();
    assert_eq!(NotifySocket::bind(&world.path("dir")).unwrap_err().errno, Errno::EISDIR);
}

#[test]
fn a_successor_at_the_same_path_keeps_its_node() {
    let world = World::new("notify-successor");
    let path = world.path("notify");
    let first = NotifySocket::bind(&path).unwrap();
    let second = NotifySocket::bind(&path).unwrap();
    drop(first);
    send(&path, b"READY=1", &[]);
    assert!(second.receive().unwrap().is_some());
}
