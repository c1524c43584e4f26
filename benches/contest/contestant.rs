//! Who takes part, and how each is started: same processors, same doors, limits lifted.

use crate::tools::Tools;
use crate::units::{self, Door};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A contestant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `benches/floor.c`: the work with nobody in charge.
    Floor,
    /// `tcpserver` of ucspi-tcp.
    Tcpserver,
    /// xinetd.
    Xinetd,
    /// OpenBSD's inetd.
    Inetd,
    /// systemd as PID 1 of namespaces of its own.
    Systemd,
    /// porterd where it cannot make control groups.
    Porterd,
    /// porterd with a delegated control group: one group per instance, as systemd has.
    PorterdCgroup,
}

impl Kind {
    /// All of them, in the order in which a round visits them.
    pub(crate) const ALL: &[Self] =
        &[Self::Floor, Self::Tcpserver, Self::Xinetd, Self::Inetd, Self::Systemd, Self::Porterd, Self::PorterdCgroup];

    /// Name in tables and in `--only`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Tcpserver => "tcpserver",
            Self::Xinetd => "xinetd",
            Self::Inetd => "inetd",
            Self::Systemd => "systemd",
            Self::Porterd => "porterd",
            Self::PorterdCgroup => "porterd+cg",
        }
    }

    /// Those of `kinds` that are asked for and present; says who is absent and why.
    pub(crate) fn present(tools: &Tools, kinds: &[Self]) -> Vec<Self> {
        let wanted = kinds.iter().copied().filter(|k| tools.wanted(k.name()));
        wanted
            .filter(|kind| match kind.absent(tools) {
                Some(why) => {
                    println!("  {} does not take part: {why}", kind.name());
                    false
                }
                None => true,
            })
            .collect()
    }

    fn absent(self, tools: &Tools) -> Option<&'static str> {
        let root = nix::unistd::geteuid().is_root();
        let rival = |program, why| tools.rival(program).is_none().then_some(why);
        match self {
            Self::Floor => None,
            Self::Tcpserver => rival("tcpserver", "apt-get install ucspi-tcp"),
            Self::Xinetd => rival("xinetd", "apt-get install xinetd"),
            Self::Inetd => rival("inetd", "apt-get install openbsd-inetd"),
            Self::Systemd if !root => Some("needs root for namespaces"),
            Self::Systemd if tools.cgroup.is_none() => Some("needs a cgroup2 hierarchy it may write to"),
            Self::Systemd => (!Path::new("/lib/systemd/systemd").exists()).then_some("apt-get install systemd"),
            Self::Porterd | Self::PorterdCgroup if tools.porterd().is_none() => {
                Some("no binary; cargo build --release, or --porterd DIR")
            }
            Self::PorterdCgroup if tools.cgroup.is_none() => Some("needs a cgroup2 hierarchy it may write to"),
            Self::Porterd | Self::PorterdCgroup => None,
        }
    }
}

/// A contestant at work; ends when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    group: Option<PathBuf>,
    notify: UnixDatagram,
    /// When it was started.
    pub(crate) since: Instant,
    /// Pid of the daemon itself.
    pub(crate) pid: u32,
}

/// Starts `kind` with these doors; returns when every TCP door answers a connection.
pub(crate) fn open(tools: &Tools, kind: Kind, doors: &[Door]) -> Result<Running, String> {
    let scratch = tools.dir(kind.name())?;
    prepare(kind, &scratch, doors)?;
    let running = start(tools, kind, &scratch, doors)?;
    let end = Instant::now() + Duration::from_secs(20);
    for door in doors.iter().filter(|d| d.port() != 0) {
        let at = SocketAddr::from(([127, 0, 0, 1], door.port()));
        while TcpStream::connect_timeout(&at, Duration::from_secs(1)).is_err() {
            if Instant::now() > end {
                return Err(format!(
                    "{} does not listen on {at} after 20 s; what it said: {}",
                    kind.name(),
                    said(&scratch)
                ));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    std::thread::sleep(Duration::from_millis(100)); // the probing connections' children end
    Ok(running)
}

/// Writes a contestant's configuration below `scratch`.
pub(crate) fn prepare(kind: Kind, scratch: &Path, doors: &[Door]) -> Result<(), String> {
    let units = scratch.join("units");
    std::fs::create_dir_all(&units).map_err(|e| format!("{}: {e}", units.display()))?;
    match kind {
        Kind::Xinetd => std::fs::write(scratch.join("conf"), units::xinetd(doors)).map_err(|e| e.to_string()),
        Kind::Inetd => std::fs::write(scratch.join("conf"), units::inetd(doors)).map_err(|e| e.to_string()),
        Kind::Tcpserver => Ok(()),
        Kind::Floor | Kind::Systemd | Kind::Porterd | Kind::PorterdCgroup => units::write_units(&units, doors),
    }
}

/// Starts a contestant whose configuration is prepared. `Floor` with one door serves it; with several it only binds.
pub(crate) fn start(tools: &Tools, kind: Kind, scratch: &Path, doors: &[Door]) -> Result<Running, String> {
    let words = command(tools, kind, scratch, doors)?;
    let group = match (kind, &tools.cgroup) {
        (Kind::Systemd | Kind::PorterdCgroup, Some(parent)) => Some(make_group(parent)?),
        _ => None,
    };
    let around = if kind == Kind::Porterd { without_groups(tools) } else { Vec::new() };
    // The shell waits for a line, so that the clock starts when everything around the contestant is in place.
    let enter = match &group {
        Some(g) => format!("echo $$ >{}/cgroup.procs && read -r go && exec \"$@\" </dev/null", g.display()),
        None => "read -r go && exec \"$@\" </dev/null".to_owned(),
    };
    let log = std::fs::File::create(scratch.join("log")).map_err(|e| e.to_string())?;
    let notify = UnixDatagram::bind(scratch.join("ready")).map_err(|e| format!("ready: {e}"))?;
    let mut child = Command::new("setpriv")
        .args(["--pdeathsig", "KILL"])
        .args(tools.server_cpus.iter().flat_map(|list| ["taskset", "-c", list]))
        .args(around)
        .args(["sh", "-c", &enter, "sh"])
        .args(words)
        .env("NOTIFY_SOCKET", scratch.join("ready"))
        .env("LD_LIBRARY_PATH", tools.library_path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(|e| format!("setpriv: {e} (apt-get install util-linux)"))?;
    std::thread::sleep(Duration::from_millis(100));
    let since = Instant::now();
    let go = child.stdin.take().map(|mut pipe| pipe.write_all(b"go\n"));
    if !matches!(go, Some(Ok(()))) {
        return Err(format!("{} ended before it began: {}", kind.name(), said(scratch)));
    }
    Ok(Running { pid: child.id(), child, group, notify, since })
}

fn command(tools: &Tools, kind: Kind, scratch: &Path, doors: &[Door]) -> Result<Vec<String>, String> {
    let text = |p: &Path| p.display().to_string();
    let program = |name| tools.rival(name).map(|p| text(&p)).ok_or(format!("{name} is not installed"));
    let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    let units = text(&scratch.join("units"));
    let conf = text(&scratch.join("conf"));
    Ok(match kind {
        Kind::Floor => {
            let floor = text(&tools.bin.join("floor"));
            match doors {
                [d] => {
                    words(&[&floor, if d.accept { "accept" } else { "wake" }, &d.port().to_string(), &text(&d.program)])
                }
                _ => words(&[&floor, "boot", &units]),
            }
        }
        Kind::Tcpserver => match doors {
            [d] => words(&[
                &program("tcpserver")?,
                "-H",
                "-R",
                "-l",
                "0",
                "-b",
                "4096",
                "-c",
                "4096",
                "127.0.0.1",
                &d.port().to_string(),
                &text(&d.program),
            ]),
            _ => return Err("tcpserver serves one address".to_owned()),
        },
        Kind::Xinetd => {
            words(&[&program("xinetd")?, "-dontfork", "-f", &conf, "-pidfile", &text(&scratch.join("pid"))])
        }
        Kind::Inetd => words(&[&program("inetd")?, "-i", "-l", "-R", "0", &conf]),
        Kind::Systemd => {
            let world = text(&tools.source.join("world.sh"));
            words(&[
                "unshare",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--cgroup",
                "--ipc",
                "--uts",
                "sh",
                &world,
                &text(scratch),
            ])
        }
        Kind::Porterd | Kind::PorterdCgroup => {
            let porterd = tools.porterd().map(text).ok_or("porterd is not there")?;
            words(&[&porterd, "--unit-path", &units, "--runtime-dir", &text(&scratch.join("run")), "--all"])
        }
    })
}

/// Words before a command that take the right to make control groups away from it, where there is such a right.
fn without_groups(tools: &Tools) -> Vec<String> {
    if tools.cgroup.is_none() || !nix::unistd::geteuid().is_root() {
        return Vec::new();
    }
    let script = "grep -w cgroup2 /proc/self/mounts | while read -r _ place _; do mount -o remount,bind,ro \"$place\"; done; exec \"$@\"";
    ["unshare", "--mount", "sh", "-c", script, "sh"].iter().map(|w| (*w).to_owned()).collect()
}

fn make_group(parent: &Path) -> Result<PathBuf, String> {
    let group = (0..1000)
        .map(|n| parent.join(format!("contest.{}.{n}", std::process::id())))
        .find(|p| !p.exists())
        .ok_or("a thousand control groups are left over")?;
    std::fs::create_dir(&group).map_err(|e| format!("{}: {e}", group.display()))?;
    Ok(group)
}

fn said(scratch: &Path) -> String {
    let text = std::fs::read_to_string(scratch.join("log")).unwrap_or_default();
    let tail: Vec<&str> = text.lines().rev().take(5).collect();
    tail.into_iter().rev().collect::<Vec<_>>().join(" | ")
}

impl Running {
    /// Waits for `READY=1`; returns the time since the start.
    pub(crate) fn ready(&self, limit: Duration) -> Result<Duration, String> {
        let end = self.since + limit;
        let mut text = [0_u8; 4096];
        loop {
            let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            self.notify.set_read_timeout(Some(left)).map_err(|e| e.to_string())?;
            match self.notify.recv(&mut text) {
                Ok(n) if text[..n].split(|b| *b == b'\n').any(|l| l == b"READY=1") => {
                    return Ok(self.since.elapsed());
                }
                Ok(_) => {}
                Err(_) => return Err(format!("not ready after {} s", limit.as_secs())),
            }
        }
    }

    /// The daemon's pid: systemd's is that of the child that `unshare` forked.
    pub(crate) fn daemon(&self) -> u32 {
        let path = format!("/proc/{0}/task/{0}/children", self.pid);
        let name = std::fs::read_to_string(format!("/proc/{}/comm", self.pid)).unwrap_or_default();
        if name.trim() != "unshare" {
            return self.pid;
        }
        std::fs::read_to_string(path).ok().and_then(|t| t.split_whitespace().next()?.parse().ok()).unwrap_or(self.pid)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.group.is_none() {
            // Ask politely first: xinetd's and inetd's children are ours to wait for, not theirs.
            let pid = nix::unistd::Pid::from_raw(i32::try_from(self.pid).unwrap_or(0));
            _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
            std::thread::sleep(Duration::from_millis(50));
        }
        _ = self.child.kill();
        _ = self.child.wait();
        if let Some(group) = &self.group {
            _ = std::fs::write(group.join("cgroup.kill"), "1");
            for _ in 0..100 {
                remove_groups(group);
                if !group.exists() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

/// Removes a control group with those below it, as far as they are empty.
fn remove_groups(dir: &Path) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            remove_groups(&entry.path());
        }
    }
    _ = std::fs::remove_dir(dir);
}
