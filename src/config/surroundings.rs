//! The environment that porterd itself was started in.
#![allow(clippy::disallowed_methods, reason = "this is where configuration comes from")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// The environment variables of the daemon, as it was started.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    variables: BTreeMap<OsString, OsString>,
    /// Real user id.
    pub uid: u32,
}

/// Variables that were meant for porterd itself and must not reach a service.
const FOREIGN: [&str; 17] = [
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_PIDFDID",
    "LISTEN_FDNAMES",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "MAINPID",
    "MANAGERPID",
    "SYSTEMD_EXEC_PID",
    "FDSTORE",
    "REMOTE_ADDR",
    "REMOTE_PORT",
    "SO_COOKIE",
    "CREDENTIALS_DIRECTORY",
];

impl Surroundings {
    /// What this process was given.
    pub fn of_this_process() -> Surroundings {
        Surroundings { variables: std::env::vars_os().collect(), uid: nix::unistd::getuid().as_raw() }
    }

    /// For tests and for callers that know the variables already.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>, uid: u32) -> Surroundings {
        Surroundings { variables: variables.into_iter().collect(), uid }
    }

    /// A variable, if it is set and is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.variables.get(std::ffi::OsStr::new(name))?.to_str()
    }

    /// The variables that services may be given with `PassEnvironment=`: everything that is text
    /// and was not meant for porterd itself.
    pub fn passable(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)))
            .filter(|(name, _)| !FOREIGN.contains(name))
    }

    fn directory(&self, name: &str) -> Option<PathBuf> {
        self.text(name).filter(|v| v.starts_with('/')).map(PathBuf::from)
    }

    /// `$HOME`, or `/`.
    pub fn home(&self) -> PathBuf {
        self.directory("HOME").unwrap_or_else(|| PathBuf::from("/"))
    }

    /// `$XDG_CONFIG_HOME`
    pub fn config_home(&self) -> PathBuf {
        self.directory("XDG_CONFIG_HOME").unwrap_or_else(|| self.home().join(".config"))
    }

    /// `$XDG_DATA_HOME`
    pub fn data_home(&self) -> PathBuf {
        self.directory("XDG_DATA_HOME").unwrap_or_else(|| self.home().join(".local/share"))
    }

    /// `$XDG_RUNTIME_DIR`, or a directory of the user's own below /tmp.
    pub fn runtime_home(&self) -> PathBuf {
        self.directory("XDG_RUNTIME_DIR").unwrap_or_else(|| PathBuf::from(format!("/tmp/porterd-{}", self.uid)))
    }
}
