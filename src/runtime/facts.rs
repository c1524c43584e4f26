//! What specifiers and planning need to know about the machine and about porterd itself, looked up
//! once at the start.
#![allow(clippy::disallowed_methods, reason = "facts are read from the machine")]

use crate::config::{Config, Surroundings};
use crate::ids::Text;
use crate::linux::users::Users;
use crate::plan::exec::Ambient;
use crate::unit::exec::{Resource, Rlimit};
use crate::unit::specifiers::{Context, Directories, Fact, Manager};
use nix::sys::resource::{Resource as Kernel, getrlimit, setrlimit};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Bit of the capability that raises hard limits (capabilities(7)).
const CAP_SYS_RESOURCE: u32 = 24;

fn text(of: impl AsRef<str>) -> Text {
    of.as_ref().into()
}

fn path(of: PathBuf) -> Text {
    text(of.to_string_lossy())
}

/// The facts behind `%` specifiers.
pub(super) fn context(around: &Surroundings, users: &mut Users, user_mode: bool) -> Context {
    let uname = nix::sys::utsname::uname().ok();
    let field = |f: fn(&nix::sys::utsname::UtsName) -> &std::ffi::OsStr| {
        uname.as_ref().map_or_else(|| text(""), |u| text(f(u).to_string_lossy()))
    };
    Context {
        host_name: field(nix::sys::utsname::UtsName::nodename),
        pretty_host_name: assignments("/etc/machine-info").ok().and_then(|map| map.get("PRETTY_HOSTNAME").cloned()),
        machine_id: id("/etc/machine-id"),
        boot_id: id("/proc/sys/kernel/random/boot_id"),
        kernel_release: field(nix::sys::utsname::UtsName::release),
        architecture: text(super::conditions::architecture_name(&field(nix::sys::utsname::UtsName::machine))),
        os_release: assignments("/etc/os-release").or_else(|_| assignments("/usr/lib/os-release")),
        manager: manager(around, users),
        directories: directories(around, user_mode),
        user_mode,
        strict: false,
    }
}

fn id(file: &str) -> Fact {
    let content = std::fs::read_to_string(file).map_err(|error| text(format!("{file}: {error}")))?;
    let plain = content.trim().replace('-', "");
    match plain.len() == 32 && plain.bytes().all(|b| b.is_ascii_hexdigit()) {
        true => Ok(text(plain)),
        false => Err(text(format!("{file} holds no id of 32 hex digits"))),
    }
}

/// A file of shell-like assignments.
fn assignments(file: &str) -> Result<BTreeMap<Text, Text>, Text> {
    let content = std::fs::read(file).map_err(|error| text(format!("{file}: {error}")))?;
    let (variables, _) =
        crate::unit::values::environment::file(&content).map_err(|why| text(format!("{file}: {why}")))?;
    Ok(variables.into_iter().map(|(name, value)| (text(name), text(value))).collect())
}

fn manager(around: &Surroundings, users: &mut Users) -> Manager {
    let (uid, gid) = (nix::unistd::getuid().as_raw(), nix::unistd::getgid().as_raw());
    let user = users.user(&uid.to_string()).ok();
    let group = users.group(&gid.to_string()).ok();
    // As systemd has it: the environment, then what root always has, then the user database.
    let said = |name: &str| around.text(name).filter(|value| value.starts_with('/')).map(text);
    let root = |value: &str| (uid == 0).then(|| text(value));
    let shell = if Path::new("/bin/bash").exists() { "/bin/bash" } else { "/bin/sh" };
    Manager {
        user: user.as_ref().map_or_else(|| text(uid.to_string()), |u| text(&u.name)),
        uid,
        group: group.map_or_else(|| text(gid.to_string()), |g| text(g.name)),
        gid,
        home: said("HOME")
            .or(root("/root"))
            .or(user.as_ref().map(|u| text(&u.home)))
            .unwrap_or_else(|| path(around.home())),
        shell: said("SHELL").or(root(shell)).or(user.map(|u| text(u.shell))).unwrap_or_else(|| text("/bin/sh")),
    }
}

fn directories(around: &Surroundings, user_mode: bool) -> Directories {
    let state_home = around.text("XDG_STATE_HOME").map_or_else(|| around.home().join(".local/state"), PathBuf::from);
    let cache_home = around.text("XDG_CACHE_HOME").map_or_else(|| around.home().join(".cache"), PathBuf::from);
    let absolute = |name: &str| around.text(name).filter(|value| value.starts_with('/'));
    let tmp = ["TMPDIR", "TEMP", "TMP"].iter().find_map(|name| absolute(name));
    let own = Directories {
        runtime: path(around.runtime_home()),
        state: path(state_home.clone()),
        cache: path(cache_home),
        logs: path(state_home.join("log")),
        configuration: path(around.config_home()),
        shared_data: path(around.data_home()),
        credentials: path(around.runtime_home().join("credentials")),
        tmp: text(tmp.unwrap_or("/tmp")),
        var_tmp: text(tmp.unwrap_or("/var/tmp")),
    };
    match user_mode {
        true => own,
        false => Directories { tmp: own.tmp, var_tmp: own.var_tmp, ..Context::default().directories },
    }
}

/// Kernel names of the limits that units can set, in the order of their numbers.
const LIMITS: [(Resource, Kernel); 16] = [
    (Resource::Cpu, Kernel::RLIMIT_CPU),
    (Resource::Fsize, Kernel::RLIMIT_FSIZE),
    (Resource::Data, Kernel::RLIMIT_DATA),
    (Resource::Stack, Kernel::RLIMIT_STACK),
    (Resource::Core, Kernel::RLIMIT_CORE),
    (Resource::Rss, Kernel::RLIMIT_RSS),
    (Resource::Nproc, Kernel::RLIMIT_NPROC),
    (Resource::Nofile, Kernel::RLIMIT_NOFILE),
    (Resource::Memlock, Kernel::RLIMIT_MEMLOCK),
    (Resource::As, Kernel::RLIMIT_AS),
    (Resource::Locks, Kernel::RLIMIT_LOCKS),
    (Resource::Sigpending, Kernel::RLIMIT_SIGPENDING),
    (Resource::Msgqueue, Kernel::RLIMIT_MSGQUEUE),
    (Resource::Nice, Kernel::RLIMIT_NICE),
    (Resource::Rtprio, Kernel::RLIMIT_RTPRIO),
    (Resource::Rttime, Kernel::RLIMIT_RTTIME),
];

/// All limits as they are now.
pub(super) fn limits() -> Vec<(Resource, Rlimit)> {
    let read = |(resource, kernel): &(Resource, Kernel)| {
        let (soft, hard) = getrlimit(*kernel).ok()?;
        Some((*resource, Rlimit { soft, hard }))
    };
    LIMITS.iter().filter_map(read).collect()
}

/// porterd holds a descriptor per socket, connection and process: it takes what it may have, and
/// services get what porterd was given.
pub(super) fn raise_descriptor_limit() {
    let Ok((soft, hard)) = getrlimit(Kernel::RLIMIT_NOFILE) else {
        return;
    };
    if soft < hard {
        // Nothing is lost if it is refused: the old limit stays.
        setrlimit(Kernel::RLIMIT_NOFILE, hard, hard).ok();
    }
}

fn oom_score_adjust() -> i32 {
    let content = std::fs::read_to_string("/proc/self/oom_score_adj").unwrap_or_default();
    content.trim().parse().unwrap_or(0)
}

fn status_field(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix(name)?.trim(), 16).ok())
}

/// Nice level of this process: field 19 of its stat file, counted after the name.
fn nice() -> i32 {
    let content = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = content.rsplit_once(") ").map_or("", |(_, rest)| rest);
    after_name.split(' ').nth(16).and_then(|field| field.parse().ok()).unwrap_or(0)
}

/// What a child is from birth because porterd is.
pub(super) fn ambient(
    config: &Config,
    around: &Surroundings,
    user_mode: bool,
    started_limits: Vec<(Resource, Rlimit)>,
) -> Ambient {
    let mut groups: Vec<u32> =
        nix::unistd::getgroups().unwrap_or_default().into_iter().map(nix::unistd::Gid::as_raw).collect();
    groups.sort_unstable();
    let oom = oom_score_adjust();
    let locale = ["LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "TZ"];
    let of_locale = locale.iter().filter_map(|name| Some((text(name), text(around.text(name)?))));
    let of_config = config.environment.iter().map(|(name, value)| (text(name), text(value)));
    Ambient {
        user_mode,
        pid: std::process::id(),
        uid: nix::unistd::geteuid().as_raw(),
        gid: nix::unistd::getegid().as_raw(),
        groups,
        // Started by an init it has no HOME.
        home: around.text("HOME").map(text).or_else(|| nix::unistd::geteuid().is_root().then(|| text("/root"))),
        umask: 0o022,
        in_root: true,
        ignored_signals: status_field("SigIgn:").unwrap_or(1 << (libc::SIGPIPE - 1)),
        limits: limits(),
        started_limits,
        nice: nice(),
        oom_score_adjust: oom,
        started_oom_score_adjust: oom,
        bounding_set: status_field("CapBnd:").unwrap_or(u64::MAX),
        may_raise_limits: status_field("CapEff:").is_none_or(|set| set >> CAP_SYS_RESOURCE & 1 == 1),
        descriptors_marked: true,
        environment: around.passable().map(|(name, value)| (text(name), text(value))).collect(),
        default_environment: of_locale.chain(of_config).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_known() {
        let around = Surroundings::new([("HOME".into(), "/root".into()), ("TMPDIR".into(), "/x".into())], 0);
        let context = context(&around, &mut Users::new(), false);
        assert!(!context.kernel_release.is_empty() && context.boot_id.is_ok());
        assert_eq!((&*context.directories.state, &*context.directories.tmp), ("/var/lib", "/x"));
        let facts = ambient(&Config::default(), &around, false, limits());
        assert_eq!(facts.pid, std::process::id());
        assert!(facts.limits.iter().any(|(resource, limit)| *resource == Resource::Nofile && limit.soft > 2));
        assert!((-20..=19).contains(&facts.nice));
    }
}
