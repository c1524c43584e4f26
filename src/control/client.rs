//! The blocking client: one connection, one call at a time, every wait bounded.
//!
//! Knows the wire form and nothing of how answers are shown. A call that may take as long as a
//! unit takes (a job) is waited for without a limit of its own, but only while the daemon proves on
//! a second connection that it is alive.

use super::varlink::{self, Answer, Frames};
use super::wire::{Call, Nothing};
use crate::bounds::REPLY_BACKLOG_BYTES_MAX;
use nix::errno::Errno;
use nix::poll::poll;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the daemon may take to answer what needs no waiting.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause between attempts to connect to a daemon whose backlog is full.
const CONNECT_PAUSE_MS: u16 = 50;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("no daemon answers on {path}: {why}\n{advice}")]
    NoDaemon {
        /// The socket that was tried.
        path: PathBuf,
        /// Why it did not work.
        why: String,
        /// What to do.
        advice: &'static str,
    },
    /// It listens and does not answer.
    #[error("the daemon on {path} does not answer: {why}\nSee its log; if it hangs, restart it.")]
    Silent {
        /// The socket.
        path: PathBuf,
        /// What was waited for.
        why: String,
    },
    /// It answered with an error.
    #[error("{detail}")]
    Refused {
        /// Full name of the error.
        error: String,
        /// In words.
        detail: String,
    },
    /// It answered something that is no answer.
    #[error("the daemon's answer is not understood: {0}; are porterctl and porterd of the same release?")]
    Nonsense(String),
}

/// A connection to the daemon.
#[derive(Debug)]
pub struct Client {
    path: PathBuf,
    stream: UnixStream,
    frames: Frames,
}

impl Client {
    /// Connects to the control socket.
    pub fn connect(path: &Path) -> Result<Client, ClientError> {
        let attempts = PATIENCE.as_millis() / u128::from(CONNECT_PAUSE_MS);
        for _ in 0..attempts {
            match try_connect(path) {
                Ok(stream) => return Client::over(stream, path),
                Err(Errno::EAGAIN | Errno::EINTR) => pause(),
                Err(e) => return Err(no_daemon(path, e)),
            }
        }
        Err(ClientError::Silent { path: path.to_owned(), why: "it takes no connections".to_owned() })
    }

    fn over(stream: UnixStream, path: &Path) -> Result<Client, ClientError> {
        let timeouts = stream.set_read_timeout(Some(PATIENCE)).and(stream.set_write_timeout(Some(PATIENCE)));
        timeouts.map_err(|e| ClientError::Silent { path: path.to_owned(), why: e.to_string() })?;
        Ok(Client { path: path.to_owned(), stream, frames: Frames::new(REPLY_BACKLOG_BYTES_MAX) })
    }

    /// Asks and waits for the answer.
    pub fn call<T: DeserializeOwned>(&mut self, call: &Call) -> Result<T, ClientError> {
        self.ask(call, false)
    }

    /// Asks for something that takes as long as it takes.
    pub fn call_patiently<T: DeserializeOwned>(&mut self, call: &Call) -> Result<T, ClientError> {
        self.ask(call, true)
    }

    fn ask<T: DeserializeOwned>(&mut self, call: &Call, patient: bool) -> Result<T, ClientError> {
        // A failed write may have a reason in the answer ("too many clients"): read it anyway.
        let written = self.stream.write_all(&varlink::encode_call(call));
        let answer = match self.answer(patient) {
            Err(ClientError::Silent { .. }) if written.is_err() => {
                return Err(self.silent("it closed the connection"));
            }
            other => other?,
        };
        match answer {
            Answer::Reply { parameters, .. } => {
                serde_json::from_value(parameters).map_err(|e| ClientError::Nonsense(e.to_string()))
            }
            Answer::Error { error, parameters } => Err(refused(error, &parameters)),
        }
    }

    fn answer(&mut self, patient: bool) -> Result<Answer, ClientError> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            match self.frames.take() {
                Ok(Some(message)) => {
                    return varlink::decode_answer(&message).map_err(|e| ClientError::Nonsense(e.to_string()));
                }
                Ok(None) => {}
                Err(e) => {
                    return Err(ClientError::Nonsense(format!("it is longer than {} bytes", e.limit)));
                }
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(self.silent("it closed the connection")),
                Ok(n) => self.frames.push(&buffer[..n]),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if !patient {
                        return Err(self.silent(&format!("no answer after {} s", PATIENCE.as_secs())));
                    }
                    let _: Nothing = Client::connect(&self.path)?.call(&Call::Ping(Nothing {}))?;
                }
                Err(e) => return Err(self.silent(&e.to_string())),
            }
        }
    }

    fn silent(&self, why: &str) -> ClientError {
        ClientError::Silent { path: self.path.clone(), why: why.to_owned() }
    }
}

/// Waits a moment for a daemon whose backlog is full; poll(2) on nothing is a sleep.
fn pause() {
    poll(&mut [], CONNECT_PAUSE_MS).ok();
}

fn try_connect(path: &Path) -> nix::Result<UnixStream> {
    // Without waiting, because a full backlog would make connect(2) wait for ever.
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    let stream = UnixStream::from(fd);
    stream.set_nonblocking(false).map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(0)))?;
    Ok(stream)
}

fn no_daemon(path: &Path, errno: Errno) -> ClientError {
    let advice = match errno {
        Errno::ENOENT => "Start porterd, or name the directory it runs in with --runtime-dir (--user: your own).",
        Errno::ECONNREFUSED => "A daemon was there and is gone: start porterd again.",
        Errno::EACCES | Errno::EPERM => "You may not open this socket: run porterctl as the daemon's user, or as root.",
        Errno::ENAMETOOLONG => "The path is too long for a socket (107 bytes): use a shorter --runtime-dir.",
        _ => "Check --runtime-dir.",
    };
    ClientError::NoDaemon { path: path.to_owned(), why: errno.desc().to_owned(), advice }
}

fn refused(error: String, parameters: &Value) -> ClientError {
    let said = parameters.get("detail").or_else(|| parameters.as_object()?.values().next());
    let said = said.and_then(Value::as_str).unwrap_or_default();
    let detail = match error.as_str() {
        varlink::errors::METHOD_NOT_FOUND => {
            format!("the daemon does not know {said}; is it of an older release?")
        }
        varlink::errors::INVALID_PARAMETER => format!("the daemon does not accept this: {said}"),
        _ if said.is_empty() => error.clone(),
        _ => said.to_owned(),
    };
    ClientError::Refused { error, detail }
}
