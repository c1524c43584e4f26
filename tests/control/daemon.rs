//! A daemon made of the real server and fixed answers, on a thread of its own.

use super::sample;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use porterd::control::server::{Incoming, Server};
use porterd::control::wire::*;
use porterd::ids::ClientId;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

/// Listens in a directory of its own until dropped.
pub(crate) struct Daemon {
    /// For `--runtime-dir`.
    pub(crate) directory: PathBuf,
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Daemon {
    pub(crate) fn start(name: &str) -> Daemon {
        let directory = std::env::temp_dir().join(format!("porterd-control-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&directory));
        std::fs::create_dir_all(&directory).unwrap();
        let server = Server::bind(&directory.join("control")).unwrap();
        let (stop, stopped) = UnixStream::pair().unwrap();
        let thread = std::thread::spawn(move || serve(server, &OwnedFd::from(stopped)));
        Daemon { directory, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.join("control")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.stop.take());
        let result = self.thread.take().map(JoinHandle::join);
        drop(std::fs::remove_dir_all(&self.directory));
        assert!(std::thread::panicking() || matches!(result, Some(Ok(()))), "the daemon's thread panicked");
    }
}

/// A loop as the runtime has it, with poll(2) for epoll.
fn serve(mut server: Server, stopped: &OwnedFd) {
    let mut clients: Vec<ClientId> = Vec::new();
    loop {
        let mut fds =
            vec![PollFd::new(stopped.as_fd(), PollFlags::POLLIN), PollFd::new(server.listener_fd(), PollFlags::POLLIN)];
        for id in &clients {
            let interest = server.interest(*id).unwrap();
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::POLLIN, interest.read);
            flags.set(PollFlags::POLLOUT, interest.write);
            fds.push(PollFd::new(server.fd(*id).unwrap(), flags));
        }
        poll(&mut fds, PollTimeout::NONE).unwrap();
        let ready: Vec<PollFlags> = fds.iter().map(|f| f.revents().unwrap()).collect();
        if !ready[0].is_empty() {
            return;
        }
        let mut calls = Vec::new();
        for (id, flags) in clients.iter().zip(&ready[2..]) {
            if flags.contains(PollFlags::POLLOUT) {
                server.writable(*id, 0);
            }
            if flags.intersects(PollFlags::POLLIN | PollFlags::POLLHUP) {
                calls.extend(server.readable(*id, 0));
            }
        }
        if !ready[1].is_empty() {
            clients.extend(server.accept());
        }
        while !calls.is_empty() {
            for Incoming { client, call, .. } in std::mem::take(&mut calls) {
                server.reply(client, &answer(&call));
            }
            calls = server.pending();
        }
        let gone = server.take_closed();
        clients.retain(|id| !gone.contains(id));
    }
}

/// What the daemon of the tests says.
pub(crate) fn answer(call: &Call) -> Reply {
    match call {
        Call::Job(job) => Reply::Outcome(outcome(&job.units, job.verb == Verb::Stop)),
        Call::ResetFailed(Units { units }) | Call::Kill(Kill { units, .. }) => Reply::Outcome(outcome(units, false)),
        Call::Reload(_) => Reply::Outcome(Outcome::default()),
        Call::Show(show) => Reply::Show(ShowReply {
            units: show
                .units
                .iter()
                .map(|u| UnitProperties { unit: u.clone(), properties: sample::properties(u, &show.properties) })
                .collect(),
        }),
        Call::List(list) => Reply::List(match list.kind {
            ListKind::Units => ListReply { units: sample::units(), ..ListReply::default() },
            ListKind::Sockets => ListReply { sockets: sample::sockets(), ..ListReply::default() },
            ListKind::Files => ListReply { files: sample::files(), ..ListReply::default() },
        }),
        Call::Status(status) => Reply::Status(StatusReply {
            units: status
                .units
                .iter()
                .map(|u| match u.as_str() {
                    "a.socket" => sample::socket(),
                    "a.service" => sample::service(),
                    "fail.service" => sample::failed(),
                    other => sample::absent(other),
                })
                .collect(),
        }),
        Call::Cat(cat) => Reply::Cat(CatReply { units: cat.units.iter().map(|u| files(u)).collect() }),
        Call::Dependencies(_) => Reply::Dependencies(DependenciesReply { units: sample::dependencies() }),
        Call::LogLevel(l) => {
            Reply::LogLevel(LogLevel { level: Some(l.level.clone().unwrap_or_else(|| "info".into())) })
        }
        Call::Ping(_) | Call::Version(_) | Call::GetInfo(_) | Call::GetInterfaceDescription(_) => {
            panic!("the server answers {call:?} itself")
        }
    }
}

fn files(unit: &str) -> UnitFiles {
    let file = |path: String, text: &str| UnitFile { path, text: Some(text.to_owned()) };
    let files = match unit {
        "nope.service" => vec![],
        "gone.service" => vec![UnitFile { path: "/nonexistent/gone.service".into(), text: None }],
        _ => vec![
            file(format!("/u/{unit}"), "[Unit]\nDescription=\tx\u{1b}[0m\n"),
            file(format!("/u/{unit}.d/a.conf"), "[Unit]\n"),
        ],
    };
    UnitFiles { unit: unit.to_owned(), load: "loaded".into(), files }
}

/// Units fail as their names say.
fn outcome(units: &[String], stop: bool) -> Outcome {
    let mut outcome = Outcome::default();
    for unit in units {
        let (reason, detail) = match unit.as_str() {
            "nope.service" => ("not-found", ""),
            "masked.service" => ("masked", ""),
            "bad.service" => ("bad-setting", "Unit bad.service has a bad unit file setting: no ExecStart="),
            "refuse.service" => ("refused", ""),
            "noreload.service" => ("no-reload", ""),
            "fail.service" => ("failed", "the main process exited with status 1"),
            "dep.service" => ("dependency", ""),
            "slow.service" => ("timeout", ""),
            "skip.service" => ("skipped", ""),
            _ => continue,
        };
        outcome.failures.push(Failure { unit: unit.clone(), reason: reason.into(), detail: detail.into() });
    }
    if stop && units.iter().any(|u| u == "a.service") {
        outcome.hints.push("Stopping a.service, but it can still be activated by:\n  a.socket".into());
    }
    outcome
}

/// Where a file of the tests is.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/control").join(name)
}
