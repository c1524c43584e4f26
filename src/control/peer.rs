//! One client of the control socket: what it sent, what it is owed, what it has yet to read.
//!
//! Never blocks. Knows neither the other clients nor the daemon.

use super::varlink::{Frames, Refusal};
use super::wire::{Call, Description, Info, Nothing, Reply, VersionReply};
use crate::bounds::{REPLY_BACKLOG_BYTES_MAX, REQUEST_BYTES_MAX};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::UnixCredentials;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

/// Bytes read from one client at a time, so that no client starves another.
pub(super) const READ_BYTES: usize = 64 << 10;
/// What a client is owed for the call that was handed out last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owed {
    Nothing,
    Answer,
    /// The call was `oneway`: the answer is swallowed.
    Silence,
}

#[derive(Debug)]
pub(super) struct Peer {
    pub(super) stream: UnixStream,
    pub(super) uid: u32,
    pub(super) pid: i32,
    /// May do everything.
    pub(super) trusted: bool,
    pub(super) input: Frames,
    /// When the first byte of an incomplete message came.
    pub(super) half_since_usec: Option<u64>,
    pub(super) owed: Owed,
    pub(super) output: Vec<u8>,
    /// Bytes of `output` that are written.
    pub(super) written: usize,
    /// When output last made progress, while there is some.
    pub(super) stalled_since_usec: Option<u64>,
    /// The client will send no more.
    pub(super) ended: bool,
    /// Write what is left, then close.
    pub(super) closing: bool,
}

impl Peer {
    /// A new connection.
    pub(super) fn new(stream: UnixStream, credentials: &UnixCredentials, trusted: bool) -> Peer {
        Peer {
            stream,
            uid: credentials.uid(),
            pid: credentials.pid(),
            trusted,
            input: Frames::new(REQUEST_BYTES_MAX),
            half_since_usec: None,
            owed: Owed::Nothing,
            output: Vec::new(),
            written: 0,
            stalled_since_usec: None,
            ended: false,
            closing: false,
        }
    }

    /// The next call may be looked at.
    pub(super) fn is_free(&self) -> bool {
        self.owed == Owed::Nothing && self.output.is_empty() && !self.closing
    }

    /// There is room for what it sends.
    pub(super) fn may_read(&self) -> bool {
        !self.ended && !self.closing && (self.is_free() || self.input.len() <= REQUEST_BYTES_MAX)
    }

    /// Reads once; `false` if the client is gone.
    pub(super) fn read(&mut self) -> bool {
        if !self.may_read() {
            return !self.hung_up();
        }
        let mut buffer = vec![0; READ_BYTES];
        match self.stream.read(&mut buffer) {
            Ok(0) => {
                self.ended = true;
                self.half_since_usec = None;
                !self.hung_up()
            }
            Ok(n) => {
                self.input.push(&buffer[..n]);
                true
            }
            Err(e) => matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
    }

    /// Whether nobody holds the other end any more (a mere `shutdown(SHUT_WR)` is not that).
    pub(super) fn hung_up(&self) -> bool {
        let mut fds = [PollFd::new(self.stream.as_fd(), PollFlags::empty())];
        match poll(&mut fds, PollTimeout::ZERO) {
            Ok(_) => fds[0].revents().is_some_and(|r| r.intersects(PollFlags::POLLHUP | PollFlags::POLLERR)),
            Err(Errno::EINTR) => false,
            Err(_) => true,
        }
    }

    /// Writes as much as fits; `false` if the client is gone or leaves too much unread.
    pub(super) fn write(&mut self, now_usec: u64) -> bool {
        while self.written < self.output.len() {
            match self.stream.write(&self.output[self.written..]) {
                Ok(0) => return false,
                Ok(n) => {
                    self.written += n;
                    self.stalled_since_usec = None;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    self.stalled_since_usec.get_or_insert(now_usec);
                    return self.output.len() - self.written <= REPLY_BACKLOG_BYTES_MAX;
                }
                Err(_) => return false,
            }
        }
        self.output = Vec::new();
        self.written = 0;
        self.stalled_since_usec = None;
        true
    }

    pub(super) fn note_half(&mut self, now_usec: u64) {
        if self.input.is_empty() || self.ended {
            self.half_since_usec = None;
        } else {
            self.half_since_usec.get_or_insert(now_usec);
        }
    }

    /// The answer to a call that needs no daemon, or the refusal of one that is not permitted.
    pub(super) fn here(&self, call: &Call) -> Option<Result<Reply, Refusal>> {
        if call.changes_state() && !self.trusted {
            let why = "may only read; only root and the daemon's user may change anything";
            return Some(Err(Refusal::permission_denied(format!("user {} {why}", self.uid))));
        }
        let reply = match call {
            Call::Ping(_) => Reply::Nothing(Nothing {}),
            Call::Version(_) => {
                Reply::Version(VersionReply { version: env!("CARGO_PKG_VERSION").to_owned(), pid: std::process::id() })
            }
            Call::GetInfo(_) => Reply::Info(Info {
                vendor: "porterd".to_owned(),
                product: "porterd".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                url: env!("CARGO_PKG_REPOSITORY").to_owned(),
                interfaces: vec!["org.varlink.service".to_owned(), "org.porterd".to_owned()],
            }),
            Call::GetInterfaceDescription(d) => match d.interface.as_str() {
                "org.porterd" => Reply::Description(Description { description: super::INTERFACE.to_owned() }),
                "org.varlink.service" => {
                    Reply::Description(Description { description: super::SERVICE_INTERFACE.to_owned() })
                }
                other => return Some(Err(Refusal::no_interface(other))),
            },
            Call::Job(_)
            | Call::Reload(_)
            | Call::ResetFailed(_)
            | Call::Kill(_)
            | Call::Show(_)
            | Call::List(_)
            | Call::Status(_)
            | Call::Cat(_)
            | Call::Dependencies(_)
            | Call::LogLevel(_) => return None,
        };
        Some(Ok(reply))
    }
}
