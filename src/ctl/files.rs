//! Unit files on disk and the facts of the machine, for verbs that need no daemon. Looks at the
//! same places as the daemon and knows nothing of one.

use super::options::Global;
use crate::bounds::FILE_BYTES_MAX;
use crate::config::{Config, Surroundings};
use crate::ids::Text;
use crate::unit::directives::Machine;
use crate::unit::load::{Entry, EntryKind, FileError, Files};
use crate::unit::specifiers::{Context, Directories, Manager};
use crate::unit::values::environment;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The file system.
pub(super) struct Disk;

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        // Asked before opening: opening a FIFO would wait for a writer.
        let facts = std::fs::metadata(path).map_err(|e| why(&e))?;
        if facts.is_dir() {
            return Err(FileError::Unreadable("it is a directory".to_owned()));
        }
        if !facts.is_file() {
            return Ok(Vec::new());
        }
        let file = std::fs::File::open(path).map_err(|e| why(&e))?;
        let mut content = Vec::new();
        file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut content).map_err(|e| why(&e))?;
        if content.len() > FILE_BYTES_MAX {
            return Err(FileError::Unreadable(format!("longer than {} MiB", FILE_BYTES_MAX >> 20)));
        }
        Ok(content)
    }

    fn list(&self, directory: &str) -> Result<Vec<Entry>, FileError> {
        let entries = std::fs::read_dir(directory).map_err(|e| why(&e))?;
        let named = entries.flatten().filter_map(|entry| {
            // A name that is not UTF-8 is no unit name.
            let name = entry.file_name().into_string().ok()?;
            let kind = match entry.file_type().ok()? {
                t if t.is_symlink() => EntryKind::Link,
                t if t.is_dir() => EntryKind::Directory,
                t if t.is_file() => EntryKind::File,
                _ => EntryKind::Other,
            };
            Some(Entry { name, kind })
        });
        Ok(named.collect())
    }

    fn link(&self, path: &str) -> Option<String> {
        std::fs::read_link(path).ok()?.into_os_string().into_string().ok()
    }
}

fn why(error: &std::io::Error) -> FileError {
    match error.kind() {
        ErrorKind::NotFound => FileError::NotFound,
        ErrorKind::PermissionDenied => FileError::Unreadable("permission denied".to_owned()),
        _ => FileError::Unreadable(error.to_string()),
    }
}

/// The configuration, or its defaults with a complaint.
pub(super) fn configuration(global: &Global) -> (Config, Surroundings, Option<String>) {
    let around = Surroundings::of_this_process();
    match Config::read(None, &around, global.user) {
        Ok(config) => (config, around, None),
        Err(e) => (Config::default(), around, Some(e.to_string())),
    }
}

/// Where the daemon listens. A broken configuration is the daemon's trouble, not ours.
pub(super) fn control_socket(global: &Global) -> PathBuf {
    let (config, around, _) = configuration(global);
    config.runtime_directory(global.runtime_dir.as_deref(), &around, global.user).join("control")
}

/// The directories that the daemon would search.
pub(super) fn search_path(global: &Global, config: &Config, around: &Surroundings) -> Vec<Text> {
    let path = config.search_path(global.unit_path.as_deref(), around, global.user);
    path.iter().map(|dir| dir.to_string_lossy().trim_end_matches('/').into()).collect()
}

/// What files mean on this machine.
pub(super) fn machine(around: &Surroundings, user_mode: bool, strict: bool) -> Machine {
    Machine {
        context: Context { strict, ..context(around, user_mode) },
        ipv6: Path::new("/proc/net/if_inet6").exists(),
        interface: |name| nix::net::if_::if_nametoindex(name).ok(),
        strict,
    }
}

fn context(around: &Surroundings, user_mode: bool) -> Context {
    let uname = nix::sys::utsname::uname().ok();
    let word = |f: fn(&nix::sys::utsname::UtsName) -> &std::ffi::OsStr| {
        uname.as_ref().map_or_else(String::new, |u| f(u).to_string_lossy().into_owned())
    };
    let kernel = word(nix::sys::utsname::UtsName::machine);
    let known = ARCHITECTURES.iter().find(|(theirs, _)| *theirs == kernel).map_or(kernel.as_str(), |(_, ours)| ours);
    Context {
        host_name: word(nix::sys::utsname::UtsName::nodename).into(),
        pretty_host_name: assignments("/etc/machine-info").ok().and_then(|m| m.get("PRETTY_HOSTNAME").cloned()),
        machine_id: id("/etc/machine-id"),
        boot_id: id("/proc/sys/kernel/random/boot_id"),
        kernel_release: word(nix::sys::utsname::UtsName::release).into(),
        architecture: known.into(),
        os_release: assignments("/etc/os-release").or_else(|_| assignments("/usr/lib/os-release")),
        manager: manager(),
        directories: directories(around, user_mode),
        user_mode,
        strict: false,
    }
}

/// The kernel's word and systemd's.
const ARCHITECTURES: [(&str, &str); 8] = [
    ("x86_64", "x86-64"),
    ("i686", "x86"),
    ("i586", "x86"),
    ("aarch64", "arm64"),
    ("armv7l", "arm"),
    ("armv6l", "arm"),
    ("ppc64le", "ppc64-le"),
    ("loongarch64", "loongarch64"),
];

fn id(path: &str) -> Result<Text, Text> {
    let content = std::fs::read_to_string(path).map_err(|e| Text::from(format!("{path}: {e}")))?;
    let plain = content.trim().replace('-', "");
    if plain.len() == 32 && plain.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(plain.into());
    }
    Err(format!("{path} holds no id of 32 hex digits").into())
}

fn assignments(path: &str) -> Result<BTreeMap<Text, Text>, Text> {
    let content = std::fs::read(path).map_err(|e| Text::from(format!("{path}: {e}")))?;
    let (variables, _) = environment::file(&content).map_err(|e| Text::from(format!("{path}: {e}")))?;
    Ok(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
}

fn manager() -> Manager {
    let (uid, gid) = (nix::unistd::getuid(), nix::unistd::getgid());
    let user = nix::unistd::User::from_uid(uid).ok().flatten();
    let group = nix::unistd::Group::from_gid(gid).ok().flatten();
    let text = |s: Option<String>, otherwise: String| Text::from(s.unwrap_or(otherwise));
    let path = |p: &std::path::PathBuf| p.to_string_lossy().into_owned();
    Manager {
        user: text(user.as_ref().map(|u| u.name.clone()), uid.to_string()),
        uid: uid.as_raw(),
        group: text(group.map(|g| g.name), gid.to_string()),
        gid: gid.as_raw(),
        home: text(user.as_ref().map(|u| path(&u.dir)), "/".to_owned()),
        shell: text(user.as_ref().map(|u| path(&u.shell)), "/bin/sh".to_owned()),
    }
}

fn directories(around: &Surroundings, user_mode: bool) -> Directories {
    let system = Context::default().directories;
    if !user_mode {
        return system;
    }
    let text = |p: std::path::PathBuf| Text::from(p.to_string_lossy());
    let home_or =
        |name: &str, below: &str| around.text(name).map_or_else(|| around.home().join(below), std::path::PathBuf::from);
    let state = home_or("XDG_STATE_HOME", ".local/state");
    Directories {
        runtime: text(around.runtime_home()),
        logs: text(state.join("log")),
        state: text(state),
        cache: text(home_or("XDG_CACHE_HOME", ".cache")),
        configuration: text(around.config_home()),
        shared_data: text(around.data_home()),
        credentials: text(around.runtime_home().join("credentials")),
        ..system
    }
}
