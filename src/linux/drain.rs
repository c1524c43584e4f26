//! Throws away what is queued at a port, so that the next wake-up means something new
//! (`FlushPending=`). Bounded: a peer that sends faster than we read does not keep us here.

use super::accept::{AcceptError, Acceptor, NonBlocking, is_readable};
use super::raw;
use crate::bounds::FLUSH_MAX;
use nix::Result;
use nix::errno::Errno;
use std::os::fd::{AsFd, BorrowedFd};

/// Throws away connections, datagrams, messages or bytes; tells how many connections or reads it
/// took. Never blocks, whatever the descriptor's flags are.
pub fn drain(port: impl AsFd) -> Result<u32> {
    let fd = port.as_fd();
    match raw::get_option_int(fd, libc::SOL_SOCKET, libc::SO_ACCEPTCONN) {
        Ok(0) => drain_datagrams(fd),
        Ok(_) => drain_connections(fd),
        Err(Errno::ENOTSOCK) => match raw::mq_message_bytes(fd) {
            Ok(bytes) => drain_reads(fd, bytes, raw::mq_receive),
            // A page at a time: what is read at once counts as one.
            Err(_) => drain_reads(fd, 4096, |fd, buffer| nix::unistd::read(fd, buffer)),
        },
        Err(errno) => Err(errno),
    }
}

fn drain_connections(fd: BorrowedFd<'_>) -> Result<u32> {
    let acceptor = Acceptor::new(&fd);
    let mut count = 0;
    for _ in 0..FLUSH_MAX {
        match acceptor.accept() {
            Ok(connection) => {
                drop(connection); // the peer sees the end, or a reset
                count += 1;
            }
            Err(AcceptError::Transient(_)) => {}
            Err(AcceptError::WouldBlock) => break,
            Err(AcceptError::Hard(errno)) => return Err(errno),
        }
    }
    Ok(count)
}

fn drain_datagrams(fd: BorrowedFd<'_>) -> Result<u32> {
    // `receive` takes (and closes) descriptors that came along; the text may be cut short.
    let mut buffer = [0u8; 1];
    for count in 0..FLUSH_MAX {
        match raw::receive(fd, &mut buffer) {
            Ok(_) => {}
            Err(Errno::EAGAIN) => return Ok(count),
            // An error queued for the socket (ECONNREFUSED of an earlier send, ENOBUFS of netlink)
            // is thrown away like a datagram. An unconnected stream has nothing to drain.
            Err(Errno::ENOTCONN) => return Ok(count),
            Err(_) => {}
        }
    }
    Ok(FLUSH_MAX)
}

/// For what has no non-blocking read of its own.
fn drain_reads(
    fd: BorrowedFd<'_>,
    buffer_bytes: usize,
    read: impl Fn(BorrowedFd<'_>, &mut [u8]) -> Result<usize>,
) -> Result<u32> {
    let mut buffer = vec![0u8; buffer_bytes.max(1)];
    let _guard = NonBlocking::new(fd)?;
    for count in 0..FLUSH_MAX {
        // Some files ignore the non-blocking flag.
        if !is_readable(fd)? {
            return Ok(count);
        }
        match read(fd, &mut buffer) {
            Ok(0) | Err(Errno::EAGAIN) => return Ok(count),
            // EPIPE: /dev/kmsg overwrote records before we read them.
            Ok(_) | Err(Errno::EINTR | Errno::EPIPE) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(FLUSH_MAX)
}
