//! What a contest needs from the machine: compiled payloads, rivals' programs, processors, a control group, a scratch
//! directory.

use crate::Options;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Everything that was found or made before the first contest.
#[derive(Debug)]
pub(crate) struct Tools {
    /// Scratch directory, made empty at the start.
    pub(crate) scratch: PathBuf,
    /// Compiled C programs.
    pub(crate) bin: PathBuf,
    /// The repository's `benches`.
    pub(crate) source: PathBuf,
    /// Processors for the contestants, as `taskset -c` takes them; `None`: all that are allowed, shared with the clients.
    pub(crate) server_cpus: Option<String>,
    /// A directory of the cgroup2 hierarchy in which groups may be made.
    pub(crate) cgroup: Option<PathBuf>,
    porterd: PathBuf,
    rivals: PathBuf,
    only: Vec<String>,
}

/// Rivals: name of the program, package, whether installing it would push another rival out.
const RIVALS: &[(&str, &str)] = &[("tcpserver", "ucspi-tcp"), ("xinetd", "xinetd"), ("inetd", "openbsd-inetd")];
/// Libraries that the rivals want and that a minimal Debian lacks.
const RIVAL_LIBRARIES: &[&str] = &["libwrap0", "libbsd0", "libmd0", "libevent-2.1-7", "libtirpc3"];

impl Tools {
    /// Compiles, looks around, moves this process (the clients) to its processor if it is to have one.
    pub(crate) fn prepare(options: &Options) -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let target = std::env::current_exe()
            .ok()
            .and_then(|p| p.ancestors().nth(3).map(Path::to_path_buf))
            .ok_or("where is the target directory?")?;
        let scratch = scratch_parent().join(format!("contest.{}", std::process::id()));
        let tools = Self {
            bin: scratch.join("bin"),
            source: root.join("benches"),
            server_cpus: match (&options.contestants_on, options.pinned) {
                (Some(list), _) => pin().map(|_| Some(list.clone()))?,
                (None, true) => Some(pin()?),
                (None, false) => None,
            },
            cgroup: own_cgroup(),
            porterd: options
                .porterd
                .as_ref()
                .map_or_else(|| env!("CARGO_BIN_EXE_porterd").into(), |d| Path::new(d).join("porterd")),
            rivals: target.join("rivals"),
            only: options.only.clone(),
            scratch,
        };
        std::fs::create_dir_all(&tools.bin).map_err(|e| format!("{}: {e}", tools.bin.display()))?;
        tools.compile()?;
        tools.fetch_rivals();
        Ok(tools)
    }

    fn compile(&self) -> Result<(), String> {
        const BARE: &[&str] = &[
            "-Os",
            "-nostdlib",
            "-static",
            "-ffreestanding",
            "-fno-stack-protector",
            "-fno-asynchronous-unwind-tables",
            "-Wl,--build-id=none",
        ];
        for (name, flags) in [("child", BARE), ("sitter", BARE), ("sleeper", BARE), ("floor", &["-O2"])] {
            let done = Command::new("cc")
                .args(flags)
                .arg("-o")
                .arg(self.bin.join(name))
                .arg(self.source.join(format!("{name}.c")))
                .status()
                .map_err(|e| format!("cc: {e} (apt-get install gcc libc6-dev)"))?;
            if !done.success() {
                return Err(format!("cc could not compile benches/{name}.c"));
            }
        }
        Ok(())
    }

    /// Unpacks the rivals that are not installed into a directory of their own: as packages they exclude each other.
    /// Where apt or its mirror is missing the contests say who is absent.
    fn fetch_rivals(&self) {
        let missing: Vec<&str> =
            RIVALS.iter().filter(|(program, _)| self.rival(program).is_none()).map(|(_, package)| *package).collect();
        if missing.is_empty() || std::fs::create_dir_all(&self.rivals).is_err() {
            return;
        }
        let script = "apt-get download \"$@\" >/dev/null 2>&1 || for p; do apt-get download \"$p\" >/dev/null 2>&1; done; \
                      for d in *.deb; do [ -e \"$d\" ] && dpkg -x \"$d\" . && rm \"$d\"; done; true";
        let done = Command::new("timeout")
            .args(["60", "sh", "-c", script, "sh"])
            .args(&missing)
            .args(RIVAL_LIBRARIES)
            .current_dir(&self.rivals)
            .stdin(Stdio::null())
            .status();
        if let Err(e) = done {
            println!("rivals not fetched: {e}");
        }
    }

    /// Path of a rival's program, if there is one.
    pub(crate) fn rival(&self, program: &str) -> Option<PathBuf> {
        ["usr/sbin", "usr/bin"]
            .iter()
            .flat_map(|d| [Path::new("/").join(d).join(program), self.rivals.join(d).join(program)])
            .find(|p| p.exists())
    }

    /// The porterd binary, if it is there.
    pub(crate) fn porterd(&self) -> Option<&Path> {
        self.porterd.exists().then_some(&self.porterd)
    }

    /// Where the dynamic linker finds the unpacked rivals' libraries.
    pub(crate) fn library_path(&self) -> String {
        let base = self.rivals.join("usr/lib");
        let arch = format!("{}-linux-gnu", std::env::consts::ARCH);
        format!("{}:{}", base.join(&arch).display(), self.rivals.join("lib").join(arch).display())
    }

    /// Whether `--only` leaves this contestant in.
    pub(crate) fn wanted(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|o| o == name)
    }

    /// A fresh empty directory below the scratch directory.
    pub(crate) fn dir(&self, name: &str) -> Result<PathBuf, String> {
        let dir = self.scratch.join(name);
        if dir.exists() {
            std::fs::remove_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        }
        std::fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        Ok(dir)
    }

    /// The machine, for the record.
    pub(crate) fn describe(&self) -> String {
        let word = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
        let layout = match &self.server_cpus {
            Some(list) => format!("clients on the first processor, contestants on {list}"),
            None => "clients and contestants on all processors".to_owned(),
        };
        format!(
            "Linux {}, load {}; {layout}; cgroup v2: {}",
            word("/proc/sys/kernel/osrelease"),
            word("/proc/loadavg"),
            self.cgroup.as_ref().map_or_else(|| "none".to_owned(), |p| p.display().to_string()),
        )
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_dir_all(&self.scratch) {
            eprintln!("contest: {}: {e}", self.scratch.display());
        }
    }
}

/// Puts this process on the first allowed processor; returns the others, or the same one where there is no other.
fn pin() -> Result<String, String> {
    let allowed = nix::sched::sched_getaffinity(Pid::from_raw(0)).map_err(|e| format!("sched_getaffinity: {e}"))?;
    let all: Vec<usize> = (0..CpuSet::count()).filter(|&c| allowed.is_set(c).unwrap_or(false)).collect();
    let (first, others) = all.split_first().ok_or("no processor is allowed")?;
    let mut own = CpuSet::new();
    own.set(*first).map_err(|e| format!("processor {first}: {e}"))?;
    sched_setaffinity(Pid::from_raw(0), &own).map_err(|e| format!("sched_setaffinity: {e}"))?;
    let others = if others.is_empty() { vec![*first] } else { others.to_vec() };
    Ok(others.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
}

/// This process's own directory in the cgroup2 hierarchy, if groups can be made there.
/// In memory where that is possible: a journal that is written meanwhile must not decide how long a bind(2) takes,
/// and sockets are in memory (/run) elsewhere, too.
fn scratch_parent() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let fits = nix::sys::statvfs::statvfs(memory).is_ok_and(|fs| {
        !fs.flags().contains(nix::sys::statvfs::FsFlags::ST_NOEXEC)
            && fs.blocks_available() * fs.fragment_size() > 1 << 28
    });
    let own = nix::sys::statfs::statfs(memory).is_ok_and(|fs| fs.filesystem_type() == nix::sys::statfs::TMPFS_MAGIC);
    if fits && own { memory.to_path_buf() } else { std::env::temp_dir() }
}

fn own_cgroup() -> Option<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    let mut places = mounts.lines().filter_map(|l| {
        let mut f = l.split(' ');
        let place = f.nth(1)?;
        (f.next()? == "cgroup2").then_some(place)
    });
    let mount = places.next_back()?;
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = groups.lines().find_map(|l| l.strip_prefix("0::"))?;
    let dir = Path::new(mount).join(own.trim_start_matches('/'));
    let probe = dir.join(format!("contest.probe.{}", std::process::id()));
    std::fs::create_dir(&probe).ok()?;
    std::fs::remove_dir(&probe).ok()?;
    Some(dir)
}
