//! The receiving side of sd_notify: a datagram socket whose messages carry the kernel's word on who
//! sent them. Judges the transport only; what the words mean is decided elsewhere.

use super::address;
use super::files;
use super::raw;
use super::socket::CallError;
use crate::bounds::{NOTIFY_BYTES_MAX, NOTIFY_RECEIVE_BUFFER_BYTES};
use crate::unit::socket::Address;
use nix::errno::Errno;
use std::collections::BTreeSet;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A bound notification socket; its node goes with it.
#[derive(Debug)]
pub struct NotifySocket {
    fd: OwnedFd,
    path: String,
    /// Device and inode of our node: a successor may have bound the same path since. The numbers
    /// cannot be reused while our socket keeps the node.
    node: Option<(u64, u64)>,
}

/// A message that passed the transport's checks.
#[derive(Debug)]
pub struct Message {
    /// Who sent it, by the kernel's word (or a privileged sender's).
    pub pid: i32,
    /// The sender's user.
    pub uid: u32,
    /// The sender's group.
    pub gid: u32,
    /// `KEY=VALUE` lines in order, first occurrence of a key only. Lines of another form are left
    /// out; bytes that are not UTF-8 are replaced.
    pub words: Vec<(String, String)>,
    /// Lines that are not empty, of whatever form: a barrier must be alone.
    pub lines: usize,
    /// Descriptors that came with it, close-on-exec.
    pub fds: Vec<OwnedFd>,
}

/// A message that was thrown away, with its descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Why.
    pub why: Why,
    /// Who sent it, if that much is known.
    pub pid: Option<i32>,
}

/// See [`Dropped`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Longer than [`NOTIFY_BYTES_MAX`].
    TooLong,
    /// More descriptors or control data than there was room for.
    ControlTruncated,
    /// A NUL that is not the last byte.
    InnerNul,
    /// No credentials.
    NoCredentials,
    /// A sender that this pid namespace cannot see.
    UnknownSender,
    /// recvmsg(2) failed.
    Receive(Errno),
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.why {
            Why::TooLong => format!("it is longer than {NOTIFY_BYTES_MAX} bytes"),
            Why::ControlTruncated => "not all of its descriptors could be received".to_owned(),
            Why::InnerNul => "it contains a NUL byte".to_owned(),
            Why::NoCredentials => "it came without credentials".to_owned(),
            Why::UnknownSender => "its sender is in a pid namespace out of sight".to_owned(),
            Why::Receive(errno) => format!("recvmsg(2) failed: {}", errno.desc()),
        };
        match self.pid {
            Some(pid) => write!(f, "notification of process {pid} dropped: {why}"),
            None => write!(f, "notification dropped: {why}"),
        }
    }
}

impl NotifySocket {
    /// Binds one, for everybody to write to; replaces whatever is at the path. The directory above
    /// must exist.
    pub fn bind(path: &str) -> Result<NotifySocket, CallError> {
        match bind(path) {
            Ok(fd) => Ok(NotifySocket::adopt(fd, path)),
            Err(errno) => Err(CallError {
                call: format!("binding the notification socket {path}"),
                errno,
                holder: None,
                advice: "",
            }),
        }
    }

    /// Takes over one that an earlier program bound.
    pub fn adopt(fd: OwnedFd, path: &str) -> NotifySocket {
        NotifySocket { fd, path: path.to_owned(), node: node(path) }
    }

    /// Where it is, for `NOTIFY_SOCKET`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The next message; `None` if there is none. Never blocks.
    pub fn receive(&self) -> Result<Option<Message>, Dropped> {
        let mut buffer = [0u8; NOTIFY_BYTES_MAX];
        match raw::receive(self.fd.as_fd(), &mut buffer) {
            Ok(received) => judge(received, &buffer).map(Some),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
            Err(errno) => Err(Dropped { why: Why::Receive(errno), pid: None }),
        }
    }
}

/// Device and inode of what is at a path.
fn node(path: &str) -> Option<(u64, u64)> {
    let stat = nix::sys::stat::lstat(path).ok()?;
    Some((stat.st_dev, stat.st_ino))
}

fn bind(path: &str) -> nix::Result<OwnedFd> {
    let raw_address = address::encode(&Address::Path(path.into()))?;
    let socket = raw::socket(libc::AF_UNIX, libc::SOCK_DGRAM, 0)?;
    let fd = socket.as_fd();
    // Before bind: nobody may slip in a message without credentials.
    raw::set_option_int(fd, libc::SOL_SOCKET, libc::SO_PASSCRED, 1)?;
    let bytes = NOTIFY_RECEIVE_BUFFER_BYTES;
    if raw::set_option_int(fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, bytes).is_err() {
        raw::set_option_int(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, bytes)?;
    }
    match nix::unistd::unlink(path) {
        Ok(()) | Err(Errno::ENOENT) => {}
        Err(errno) => return Err(errno),
    }
    files::creating(0o666, || raw::bind(fd, &raw_address))?;
    Ok(socket)
}

/// The limits of the transport.
fn judge(received: raw::Received, buffer: &[u8]) -> Result<Message, Dropped> {
    let drop_it = |why| Err(Dropped { why, pid: received.credentials.map(|(pid, ..)| pid).filter(|pid| *pid > 0) });
    if received.truncated {
        return drop_it(Why::TooLong);
    }
    if received.control_truncated {
        return drop_it(Why::ControlTruncated);
    }
    let Some((pid, uid, gid)) = received.credentials else {
        return drop_it(Why::NoCredentials);
    };
    if pid <= 0 {
        return drop_it(Why::UnknownSender);
    }
    let text = buffer.get(..received.length).unwrap_or(buffer);
    let (words, lines) = match parse(text) {
        Ok(parsed) => parsed,
        Err(why) => return drop_it(why),
    };
    Ok(Message { pid, uid, gid, words, lines, fds: received.fds })
}

/// The text of a datagram: its words (see [`Message::words`]) and the number of its lines. Pure.
pub fn parse(text: &[u8]) -> Result<(Vec<(String, String)>, usize), Why> {
    if text.len() > NOTIFY_BYTES_MAX {
        return Err(Why::TooLong);
    }
    let text = text.strip_suffix(&[0]).unwrap_or(text);
    if text.contains(&0) {
        return Err(Why::InnerNul);
    }
    Ok(split(&String::from_utf8_lossy(text)))
}

/// First occurrence of each key, and the number of lines.
fn split(text: &str) -> (Vec<(String, String)>, usize) {
    let mut words: Vec<(String, String)> = Vec::new();
    let mut known: BTreeSet<&str> = BTreeSet::new();
    let mut lines = 0;
    for line in text.split(['\n', '\r']).filter(|line| !line.is_empty()) {
        lines += 1;
        if let Some((key, value)) = line.split_once('=')
            && !key.is_empty()
            && known.insert(key)
        {
            words.push((key.to_owned(), value.to_owned()));
        }
    }
    (words, lines)
}

impl AsFd for NotifySocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for NotifySocket {
    fn drop(&mut self) {
        if self.node.is_some() && node(&self.path) == self.node {
            // One that cannot be removed does not matter: the next bind does it.
            nix::unistd::unlink(self.path.as_str()).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_nul_at_the_end_is_tolerated() {
        assert_eq!(parse(b"A=1\0").unwrap().0, [("A".to_owned(), "1".to_owned())]);
        assert_eq!(parse(b"A=1\0\0"), Err(Why::InnerNul));
        assert_eq!(parse(&[b'x'; NOTIFY_BYTES_MAX]), Ok((Vec::new(), 1)));
        assert_eq!(parse(&[b'x'; NOTIFY_BYTES_MAX + 1]), Err(Why::TooLong));
    }

    #[test]
    fn words_are_first_occurrences_and_lines_are_counted() {
        let (words, lines) = split("READY=1\n\nSTATUS=a=b\nREADY=0\nnonsense\n=x\nEMPTY=\n");
        let expected = [("READY", "1"), ("STATUS", "a=b"), ("EMPTY", "")];
        assert_eq!(words, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert_eq!(lines, 6);
        assert_eq!(split(""), (Vec::new(), 0));
    }
}
