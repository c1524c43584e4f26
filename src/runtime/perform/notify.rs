//! Notification sockets: one per unit, so that a message is known by where it arrives, without
//! looking up a pid that may be gone.

use crate::engine::event::{Event, Sender};
use crate::ids::{FdToken, Text, UnitId};
use crate::linux::notify::{Message, NotifySocket};
use crate::linux::poll::Interest;
use crate::linux::raw::same_open_file;
use crate::runtime::source::Source;
use crate::runtime::world::World;
use nix::errno::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Longest path that fits into a socket address.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// The last error that Linux has a name for (`EHWPOISON`).
const ERRNO_NAMED_MAX: i32 = 133;

impl World {
    /// The unit's notification socket, bound when its first process that may use it is started.
    /// `Err`: why there is none.
    pub(super) fn notify_path(&mut self, unit: UnitId) -> Result<Option<String>, String> {
        let Some(run) = self.runs.get_mut(&unit) else {
            return Ok(None);
        };
        if let Some(socket) = &run.notify {
            return Ok(Some(socket.path().to_owned()));
        }
        let path = place(&self.facts.runtime_dir, run.name.as_str(), unit);
        let socket = NotifySocket::bind(&path).map_err(|error| error.to_string())?;
        Source::Notify(unit)
            .add(&self.poll, &socket, Interest::Read)
            .map_err(|errno| format!("watching {path}: {}", errno.desc()))?;
        run.notify = Some(socket);
        Ok(Some(path))
    }

    /// Takes one message; `false` if there is none. One at a time, so that the engine has heard
    /// everything before a barrier when the barrier falls.
    /// `stored` are descriptors that the unit has in its store.
    pub(in crate::runtime) fn take_notification(&mut self, unit: UnitId, stored: &[FdToken]) -> bool {
        let Some(socket) = self.runs.get(&unit).and_then(|run| run.notify.as_ref()) else {
            return false;
        };
        let message = match socket.receive() {
            Ok(Some(message)) => message,
            Ok(None) => return false,
            Err(dropped) => {
                let name = self.runs.get(&unit).map_or("", |run| run.name.as_str());
                tracing::warn!(UNIT = name, CODE = "notification-dropped", "{dropped}");
                return true;
            }
        };
        // A barrier falls by closing its descriptor, which happens when the message is dropped.
        if !is_barrier(&message) {
            self.notified(unit, message, stored);
        }
        true
    }

    fn notified(&mut self, unit: UnitId, mut message: Message, stored: &[FdToken]) {
        // What is stored already is not stored again, whatever the new name is.
        if message.words.iter().any(|(key, value)| key == "FDSTORE" && value == "1") {
            let handles = &self.handles;
            let known = |fd: &OwnedFd| {
                let same =
                    |token: &FdToken| handles.get(*token).and_then(|old| same_open_file(old.as_fd(), fd.as_fd()));
                stored.iter().any(|token| same(token) == Some(true))
            };
            message.fds.retain(|fd| !known(fd));
        }
        let known = self.processes.token_of(message.pid);
        let ours = known.filter(|proc| self.processes.get(*proc).is_some_and(|process| process.unit == unit));
        let sender = ours.map_or(Sender::Other(message.pid, message.uid == 0), Sender::Known);
        let text = |(key, value): (String, String)| {
            let number = if key == "ERRNO" { errno_number(&value) } else { None };
            (Text::from(key), number.map_or_else(|| Text::from(value), |number| number.to_string().into()))
        };
        let words = message.words.into_iter().map(text).collect();
        let fds = message.fds.into_iter().map(|fd| self.handles.keep(fd)).collect();
        self.events.push_back(Event::Notified { unit, sender, words, fds });
    }
}

/// The number of an error given by its name (`ERRNO=EIO`).
fn errno_number(name: &str) -> Option<i32> {
    let named = name.starts_with('E');
    (1..=if named { ERRNO_NAMED_MAX } else { 0 }).find(|number| format!("{:?}", Errno::from_raw(*number)) == name)
}

/// `BARRIER=1` counts only alone and with exactly one descriptor; anything else with it makes the
/// message void, and dropping it closes what it carried.
fn is_barrier(message: &Message) -> bool {
    let barrier = message.words.iter().any(|(key, value)| key == "BARRIER" && value == "1");
    if barrier && (message.lines != 1 || message.fds.len() != 1) {
        tracing::warn!(
            "a notification of process {} with BARRIER=1 carries something else and is dropped",
            message.pid
        );
    }
    barrier
}

/// Named after the unit where that fits into an address, after its number otherwise.
fn place(runtime_dir: &Path, name: &str, unit: UnitId) -> String {
    let named = runtime_dir.join("notify").join(format!("{name}.sock"));
    match named.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
        true => named.to_string_lossy().into_owned(),
        false => runtime_dir.join("notify").join(format!("{}.sock", unit.0)).to_string_lossy().into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_names() {
        assert_eq!(
            ["EIO", "ENOENT", "EHWPOISON", "5", "EX", ""].map(errno_number),
            [Some(5), Some(2), Some(133), None, None, None]
        );
    }

    #[test]
    fn long_names_get_a_short_path() {
        let dir = Path::new("/run/porterd");
        assert_eq!(place(dir, "a.service", UnitId(1)), "/run/porterd/notify/a.service.sock");
        assert_eq!(place(dir, &"x".repeat(200), UnitId(7)), "/run/porterd/notify/7.sock");
    }
}
