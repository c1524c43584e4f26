//! The same doors written down for each contestant: unit files, xinetd.conf, inetd.conf.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A listening address and what stands behind it.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    /// `127.x.y.z:port` or an absolute path.
    pub(crate) listen: String,
    /// One process per connection (`Accept=yes`).
    pub(crate) accept: bool,
    /// Program of the service.
    pub(crate) program: PathBuf,
    /// `MaxConnectionsPerSource=`, 0 for no limit.
    pub(crate) per_source: u32,
    /// Limits and back-log stay what they are when nobody sets them.
    pub(crate) as_shipped: bool,
}

impl Door {
    /// A TCP door on 127.0.0.1.
    pub(crate) fn tcp(port: u16, accept: bool, program: &Path) -> Self {
        Self {
            listen: format!("127.0.0.1:{port}"),
            accept,
            program: program.to_path_buf(),
            per_source: 0,
            as_shipped: false,
        }
    }

    /// Port of a TCP door, 0 of any other.
    pub(crate) fn port(&self) -> u16 {
        self.listen.rsplit_once(':').and_then(|(_, p)| p.parse().ok()).unwrap_or(0)
    }
}

fn write(path: PathBuf, text: &str) -> Result<(), String> {
    std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))
}

/// Writes `dN.socket` and its service for each door, and `bench.target`, which wants the sockets.
pub(crate) fn write_units(dir: &Path, doors: &[Door]) -> Result<(), String> {
    let mut wants = String::from("[Unit]\nDefaultDependencies=no\n");
    for (n, door) in doors.iter().enumerate() {
        let mut socket = format!(
            "[Unit]\nDefaultDependencies=no\nStartLimitIntervalSec=0\n[Socket]\nListenStream={}\n",
            door.listen
        );
        if !door.as_shipped {
            socket += "Backlog=4096\nTriggerLimitIntervalSec=0\nPollLimitIntervalSec=0\nMaxConnections=4096\n";
        }
        if door.accept {
            socket += "Accept=yes\n";
        }
        if door.per_source > 0 {
            _ = writeln!(socket, "MaxConnectionsPerSource={}", door.per_source);
        }
        let service = format!(
            "[Unit]\nDefaultDependencies=no\nStartLimitIntervalSec=0\nCollectMode=inactive-or-failed\n[Service]\nExecStart={}\n{}",
            door.program.display(),
            if door.accept { "StandardInput=socket\n" } else { "" }
        );
        write(dir.join(format!("d{n}.socket")), &socket)?;
        write(dir.join(format!("d{n}{}.service", if door.accept { "@" } else { "" })), &service)?;
        _ = writeln!(wants, "Wants=d{n}.socket");
    }
    write(dir.join("bench.target"), &wants)?;
    for name in ["shutdown", "sysinit", "basic"] {
        write(dir.join(format!("{name}.target")), "[Unit]\nDefaultDependencies=no\n")?;
    }
    Ok(())
}

/// The doors as xinetd reads them; every limit that could be in the way is lifted.
pub(crate) fn xinetd(doors: &[Door]) -> String {
    let mut text = "defaults\n{\n instances = UNLIMITED\n cps = 1000000 1\n}\n".to_owned();
    for (n, door) in doors.iter().enumerate() {
        let per_source = if door.per_source == 0 { "UNLIMITED".to_owned() } else { door.per_source.to_string() };
        _ = write!(
            text,
            "service d{n}\n{{\n type = UNLISTED\n socket_type = stream\n protocol = tcp\n bind = 127.0.0.1\n port = {}\n wait = {}\n \
             user = {}\n server = {}\n per_source = {per_source}\n}}\n",
            door.port(),
            if door.accept { "no" } else { "yes" },
            user(),
            door.program.display(),
        );
    }
    text
}

/// The doors as OpenBSD's inetd reads them, with its limit of starts per minute lifted.
pub(crate) fn inetd(doors: &[Door]) -> String {
    let mut text = String::new();
    for door in doors {
        let wait = if door.accept { "nowait" } else { "wait" };
        _ = writeln!(
            text,
            "127.0.0.1:{} stream tcp {wait}.1000000 {} {} door",
            door.port(),
            user(),
            door.program.display()
        );
    }
    text
}

fn user() -> String {
    nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten().map_or_else(|| "root".to_owned(), |u| u.name)
}
