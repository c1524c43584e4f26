//! The daemon's end of the control socket: clients, permissions, back-pressure, time-outs.
//!
//! Never blocks, owns no event loop and reads no clock: the runtime watches the descriptors and
//! says what time it is. Of each client one call at a time is handed out; what it sends meanwhile
//! waits in its buffer and then in the kernel, and an answer must be taken before the next call is
//! looked at; so answers stay in order and memory stays bounded.

use super::peer::{Owed, Peer};
use super::varlink::{self, Refusal};
use super::wire::{Call, Reply};
use crate::bounds::{CLIENTS_MAX, REQUEST_TIMEOUT_USEC};
use crate::ids::ClientId;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockopt, socket, sockopt::PeerCredentials,
};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Connections taken at a time.
const ACCEPTS_PER_CALL: usize = 16;

/// Why the control socket could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another daemon answers there.
    #[error("a daemon already answers on {path}; stop it first, or use another --runtime-dir")]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something that is no socket is in the way.
    #[error("{path} exists and is no socket; remove it, or use another --runtime-dir")]
    InTheWay {
        /// The path.
        path: PathBuf,
    },
    /// A system call failed.
    #[error("cannot {operation} {path}: {source}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// A call that the daemon has to answer, exactly once, with [`Server::reply`] or [`Server::error`].
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// Who asks.
    pub client: ClientId,
    /// Their user id.
    pub uid: u32,
    /// Their process id.
    pub pid: i32,
    /// What.
    pub call: Call,
}

/// What to watch a client's descriptor for (level-triggered). Hang-up is always to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    /// Readability, then [`Server::readable`].
    pub read: bool,
    /// Writability, then [`Server::writable`].
    pub write: bool,
}

/// The control socket and its clients.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    /// Where it is bound, removed again on drop; `None` if the socket was handed to us.
    path: Option<PathBuf>,
    clients: BTreeMap<ClientId, Peer>,
    closed: Vec<ClientId>,
    next: u64,
    own_uid: u32,
    now_usec: u64,
    /// Given up for a moment when descriptors run out, so that a waiting client can be turned
    /// away instead of making the listener readable for ever.
    spare: Option<OwnedFd>,
}

impl Server {
    /// Binds the control socket. A socket left by a dead daemon is replaced; one that a live daemon
    /// answers on is not.
    pub fn bind(path: &Path) -> Result<Server, BindError> {
        let io = |operation, source| BindError::Io { operation, path: path.to_owned(), source };
        match std::fs::symlink_metadata(path) {
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(io("look at", e)),
            Ok(m) if !m.file_type().is_socket() => {
                return Err(BindError::InTheWay { path: path.to_owned() });
            }
            Ok(_) => match knock(path) {
                // EAGAIN: it listens, and is so busy that its backlog is full.
                Ok(()) | Err(Errno::EAGAIN) => {
                    return Err(BindError::InUse { path: path.to_owned() });
                }
                Err(Errno::ECONNREFUSED) => {
                    std::fs::remove_file(path).map_err(|e| io("remove the stale socket", e))?;
                }
                Err(e) => return Err(io("ask whether a daemon answers on", e.into())),
            },
        }
        let listener = UnixListener::bind(path).map_err(|e| io("bind", e))?;
        // Everybody may connect: reading is allowed, and who may change things is asked per call.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666)).map_err(|e| io("chmod", e))?;
        let mut server = Server::adopt(listener).map_err(|e| io("listen on", e))?;
        server.path = Some(path.to_owned());
        Ok(server)
    }

    /// Serves on a listening socket that exists already (handed over, or made by a test).
    pub fn adopt(listener: UnixListener) -> std::io::Result<Server> {
        listener.set_nonblocking(true)?;
        Ok(Server {
            spare: listener.try_clone().ok().map(OwnedFd::from),
            listener,
            path: None,
            clients: BTreeMap::new(),
            closed: Vec::new(),
            next: 1,
            own_uid: nix::unistd::geteuid().as_raw(),
            now_usec: 0,
        })
    }

    /// The descriptor to watch for connections.
    pub fn listener_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    /// A client's descriptor, to be watched as [`Server::interest`] says.
    pub fn fd(&self, client: ClientId) -> Option<BorrowedFd<'_>> {
        self.clients.get(&client).map(|c| c.stream.as_fd())
    }

    /// How many clients there are.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Takes waiting connections; the listener is level-triggered, so a bounded number at a time.
    pub fn accept(&mut self) -> Vec<ClientId> {
        let mut new = Vec::new();
        for _ in 0..ACCEPTS_PER_CALL {
            match self.listener.accept() {
                Ok((stream, _)) => new.extend(self.add(stream)),
                Err(e) if matches!(e.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
                Err(e) if matches!(e.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                    if self.spare.take().is_none() {
                        break;
                    }
                    // The connection that gets the descriptor is closed again at once.
                    drop(self.listener.accept());
                    self.spare = self.listener.try_clone().ok().map(OwnedFd::from);
                }
                Err(_) => break,
            }
        }
        new
    }

    /// Adds a connection; `None` if it was turned away.
    pub fn add(&mut self, stream: UnixStream) -> Option<ClientId> {
        stream.set_nonblocking(true).ok()?;
        let peer = getsockopt(&stream, PeerCredentials).ok()?;
        let trusted = peer.uid() == 0 || peer.uid() == self.own_uid;
        // Half of the places are kept for those who may do something.
        let places = if trusted { CLIENTS_MAX } else { CLIENTS_MAX / 2 };
        if self.clients.len() >= places {
            let refusal = Refusal::busy(format!("there are {} clients already; try again later", self.clients.len()));
            drop((&stream).write(&refusal.encode()));
            return None;
        }
        let id = ClientId(self.next);
        self.next += 1;
        self.clients.insert(id, Peer::new(stream, &peer, trusted));
        Some(id)
    }

    /// Reads from a client whose descriptor is readable or hung up. Returns the calls the daemon
    /// has to answer; everything else is dealt with here.
    pub fn readable(&mut self, id: ClientId, now_usec: u64) -> Vec<Incoming> {
        self.now_usec = now_usec;
        let Some(client) = self.clients.get_mut(&id) else {
            return Vec::new();
        };
        if !client.read() {
            self.close(id);
            return Vec::new();
        }
        self.next_call(id).into_iter().collect()
    }

    /// Calls that had come early and are due now that the answers before them are out. To be asked
    /// for after answering and writing, at the end of every turn.
    pub fn pending(&mut self) -> Vec<Incoming> {
        let ready: Vec<ClientId> =
            self.clients.iter().filter(|(_, c)| c.is_free() && !c.input.is_empty()).map(|(id, _)| *id).collect();
        ready.into_iter().filter_map(|id| self.next_call(id)).collect()
    }

    /// Answers the call of a client. Ignored if the client is gone.
    pub fn reply(&mut self, id: ClientId, reply: &Reply) {
        self.answer(id, || varlink::encode_reply(reply));
    }

    /// Answers the call of a client with an error of our interface (see [`varlink::errors`]).
    pub fn error(&mut self, id: ClientId, error: &str, parameters: &serde_json::Value) {
        self.answer(id, || varlink::encode_error(error, parameters));
    }

    /// What to watch a client's descriptor for; `None` if it is gone.
    pub fn interest(&self, id: ClientId) -> Option<Interest> {
        let c = self.clients.get(&id)?;
        Some(Interest { read: c.may_read(), write: !c.output.is_empty() })
    }

    /// Whether a client's descriptor is to be watched for writability.
    pub fn wants_write(&self, id: ClientId) -> bool {
        self.interest(id).is_some_and(|i| i.write)
    }

    /// Writes to a client whose descriptor is writable.
    pub fn writable(&mut self, id: ClientId, now_usec: u64) {
        self.now_usec = now_usec;
        self.flush(id);
    }

    /// Drops clients that sent half a message, or read nothing, for too long.
    pub fn expire(&mut self, now_usec: u64) {
        self.now_usec = now_usec;
        let late = |since: Option<u64>| since.is_some_and(|s| now_usec.saturating_sub(s) >= REQUEST_TIMEOUT_USEC);
        let slow: Vec<(ClientId, bool)> = self
            .clients
            .iter()
            .filter(|(_, c)| late(c.half_since_usec) || late(c.stalled_since_usec))
            .map(|(id, c)| (*id, late(c.stalled_since_usec)))
            .collect();
        for (id, stalled) in slow {
            if stalled {
                self.close(id);
            } else {
                let seconds = REQUEST_TIMEOUT_USEC / 1_000_000;
                self.refuse(id, &Refusal::bad_message(format!("the message was not complete after {seconds} s")));
            }
        }
    }

    /// When [`Server::expire`] is due next.
    pub fn next_deadline_usec(&self) -> Option<u64> {
        self.clients
            .values()
            .flat_map(|c| [c.half_since_usec, c.stalled_since_usec])
            .flatten()
            .min()
            .map(|since| since.saturating_add(REQUEST_TIMEOUT_USEC))
    }

    /// Clients that are gone since the last time. Their descriptors are closed already.
    pub fn take_closed(&mut self) -> Vec<ClientId> {
        std::mem::take(&mut self.closed)
    }

    /// Takes the next call out of a client's buffer, answering what the daemon need not see.
    fn next_call(&mut self, id: ClientId) -> Option<Incoming> {
        loop {
            let now_usec = self.now_usec;
            let client = self.clients.get_mut(&id)?;
            if !client.is_free() {
                return None;
            }
            let message = match client.input.take() {
                Ok(Some(message)) => message,
                Ok(None) => {
                    client.note_half(now_usec);
                    self.close_if_done(id);
                    return None;
                }
                Err(e) => {
                    self.refuse(id, &Refusal::bad_message(format!("the message is longer than {} bytes", e.limit)));
                    return None;
                }
            };
            client.half_since_usec = None;
            let varlink::Incoming { call, more: _, oneway } = match varlink::decode_call(&message) {
                Ok(incoming) => incoming,
                Err(refusal) => {
                    self.refuse(id, &refusal);
                    continue;
                }
            };
            client.owed = if oneway { Owed::Silence } else { Owed::Answer };
            match client.here(&call) {
                None => {
                    return Some(Incoming { client: id, uid: client.uid, pid: client.pid, call });
                }
                Some(Ok(reply)) => self.reply(id, &reply),
                Some(Err(refusal)) => self.refuse(id, &refusal),
            }
        }
    }

    fn refuse(&mut self, id: ClientId, refusal: &Refusal) {
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        if refusal.fatal {
            client.closing = true;
            client.half_since_usec = None;
        }
        if client.owed == Owed::Nothing {
            client.owed = if refusal.oneway { Owed::Silence } else { Owed::Answer };
        }
        self.answer(id, || refusal.encode());
    }

    fn answer(&mut self, id: ClientId, encode: impl FnOnce() -> Vec<u8>) {
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        match std::mem::replace(&mut client.owed, Owed::Nothing) {
            Owed::Nothing => return,
            Owed::Silence => {}
            Owed::Answer => client.output.extend_from_slice(&encode()),
        }
        self.flush(id);
    }

    fn flush(&mut self, id: ClientId) {
        let now_usec = self.now_usec;
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        if client.write(now_usec) {
            self.close_if_done(id);
        } else {
            self.close(id);
        }
    }

    /// Closes a client that has nothing more to send, nothing to get, and will not change its mind.
    fn close_if_done(&mut self, id: ClientId) {
        let done = self.clients.get(&id).is_some_and(|c| {
            let over = c.closing || (c.ended && c.owed == Owed::Nothing && !c.input.has_message());
            over && c.output.is_empty()
        });
        if done {
            self.close(id);
        }
    }

    fn close(&mut self, id: ClientId) {
        if self.clients.remove(&id).is_some() {
            self.closed.push(id);
        }
    }
}

/// Connects without waiting, and hangs up.
fn knock(path: &Path) -> nix::Result<()> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(fd.as_raw_fd(), &UnixAddr::new(path)?)
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            drop(std::fs::remove_file(path));
        }
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
#[allow(clippy::disallowed_methods)] // tests touch files
mod tests;
