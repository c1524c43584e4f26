//! porterd.toml and the surroundings of the daemon become one `Config`.
//!
//! The only place that reads environment variables (R1, R2). Knows nothing of units: directories
//! are plain paths here.
#![allow(clippy::disallowed_methods, reason = "this is where configuration comes from")]

mod surroundings;

pub use surroundings::Surroundings;

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where the configuration is looked for if nobody names another file.
pub const SYSTEM_CONFIG: &str = "/etc/porterd/porterd.toml";
/// porterd's own unit directories, highest priority first.
pub const SYSTEM_UNITS: [&str; 4] =
    ["/etc/porterd/units", "/run/porterd/units", "/usr/local/lib/porterd/units", "/usr/lib/porterd/units"];
/// systemd's unit directories, highest priority first.
pub const SYSTEMD_SYSTEM_UNITS: [&str; 4] =
    ["/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"];
/// Shared unit directories of `--user`, after those in the home directory.
const USER_UNITS: [&str; 3] = ["/etc/porterd/user", "/usr/local/lib/porterd/user", "/usr/lib/porterd/user"];
/// systemd's shared directories of user units.
const SYSTEMD_USER_UNITS: [&str; 3] = ["/etc/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user"];
/// Exists where systemd is the running init (sd_booted(3)).
const SYSTEMD_IS_INIT: &str = "/run/systemd/system";

/// porterd.toml. Every option may be left out; a name that is not listed here is an error.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Do what systemd 252 does in every case, also where a limit or an error takes a listening
    /// socket down. Default `false`: limits and exhaustion pause a socket, and it recovers.
    pub strict_systemd: bool,
    /// Directories with unit files, highest priority first. Default: porterd's own directories.
    /// An empty last element appends the default. `--unit-path` on the command line replaces this.
    pub unit_path: Vec<PathBuf>,
    /// Whether systemd's unit directories are appended to the search path: `true`, `false`, or
    /// `"auto"` (only where systemd is not the running init, so that the two never bind the same
    /// socket). Has no effect if a unit path is given.
    pub systemd_units: Choice,
    /// Directory for the control socket and notification sockets. Default `/run/porterd`.
    pub runtime_dir: Option<PathBuf>,
    /// A target that is started beside `sockets.target`, e.g. `"default.target"`.
    pub default_target: Option<String>,
    /// Start every socket that is found and not masked, whether or not anything wants it.
    pub start_all: bool,
    /// Keep each unit's processes in a control group of their own: `"auto"` (where porterd may make
    /// some) or `false` (never: processes are then found by ancestry).
    pub cgroups: Choice,
    /// Control groups of the connections of `Accept=yes` sockets: each has one to itself, and the next
    /// one takes it over (`true`), or each gets a new one, named after its instance (`"named"`, and
    /// always under `strict_systemd`), or none (`false`: stray children are then found by ancestry).
    pub instance_cgroups: InstanceGroups,
    /// Whether output of services goes to the journal: `"auto"` (where it runs) or `false`
    /// (porterd's own log).
    pub journal: Choice,
    /// Least important messages that are logged: `"error"`, `"warning"`, `"notice"`, `"info"` or
    /// `"debug"`.
    pub log_level: LogLevel,
    /// Form of porterd's log: `"human"`, `"journal"` or `"json"`. Default: journal if standard
    /// error is connected to it, else human.
    pub log_format: Option<LogFormat>,
    /// Who may look (`status`, `list-sockets`, `show`) besides root and porterd's own user:
    /// `"root"` (nobody else) or `"everyone"`. Changing things is never allowed to others.
    pub readers: Readers,
    /// Variables given to every service, below its own `Environment=`.
    pub environment: BTreeMap<String, String>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            strict_systemd: false,
            unit_path: Vec::new(),
            systemd_units: Choice::AUTO,
            runtime_dir: None,
            default_target: None,
            start_all: false,
            cgroups: Choice::AUTO,
            instance_cgroups: InstanceGroups::Fixed(true),
            journal: Choice::AUTO,
            log_level: LogLevel::Info,
            log_format: None,
            readers: Readers::Everyone,
            environment: BTreeMap::new(),
        }
    }
}

/// `true`, `false` or `"auto"`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged, expecting = "expected true, false or \"auto\"")]
pub enum Choice {
    /// As the administrator says.
    Fixed(bool),
    /// As the machine is.
    Auto(Auto),
}

impl Choice {
    /// `"auto"`
    pub const AUTO: Choice = Choice::Auto(Auto::Auto);

    /// The outcome, given what the machine suggests.
    pub fn decide(self, machine: impl FnOnce() -> bool) -> bool {
        match self {
            Choice::Fixed(fixed) => fixed,
            Choice::Auto(Auto::Auto) => machine(),
        }
    }
}

/// The word `"auto"`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Auto {
    /// `"auto"`
    Auto,
}

/// `true`, `false` or `"named"`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged, expecting = "expected true, false or \"named\"")]
pub enum InstanceGroups {
    /// One that the next connection takes over, or none.
    Fixed(bool),
    /// A new one for each, with its name.
    Named(Named),
}

impl InstanceGroups {
    /// `"named"`
    pub const NAMED: InstanceGroups = InstanceGroups::Named(Named::Named);
}

/// The word `"named"`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Named {
    /// `"named"`
    Named,
}

/// Least important messages that are logged.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "syslog's words")]
pub enum LogLevel {
    #[serde(alias = "err")]
    Error,
    Warning,
    Notice,
    Info,
    Debug,
}

/// Form of porterd's log.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One readable line per message on standard error.
    Human,
    /// The journal's native protocol, with fields; `<N>` prefixed lines where it does not run.
    Journal,
    /// One JSON object per message on standard error.
    Json,
}

/// Who may ask for state.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Readers {
    /// Root and porterd's own user.
    Root,
    /// Everybody who can reach the control socket.
    Everyone,
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file named on the command line cannot be read.
    #[error("cannot read the configuration {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is no valid configuration; the message has line and column.
    #[error("{path}: {message}\nhelp: options are described in porterd.toml(5); remove or correct the line")]
    Parse {
        /// Which file.
        path: PathBuf,
        /// What, where.
        message: String,
    },
}

impl Config {
    /// Parses the text of a configuration file; `path` is for messages.
    pub fn parse(text: &str, path: &Path) -> Result<Config, Error> {
        toml::from_str(text)
            .map_err(|e| Error::Parse { path: path.to_owned(), message: e.to_string().trim_end().to_owned() })
    }

    /// Reads a named file, or the usual one, which may be missing.
    pub fn read(named: Option<&Path>, surroundings: &Surroundings, user: bool) -> Result<Config, Error> {
        let usual = match user {
            true => surroundings.config_home().join("porterd/porterd.toml"),
            false => PathBuf::from(SYSTEM_CONFIG),
        };
        let path = named.unwrap_or(&usual);
        match std::fs::read_to_string(path) {
            Ok(text) => Config::parse(&text, path),
            Err(e) if named.is_none() && e.kind() == std::io::ErrorKind::NotFound => Ok(Config::default()),
            Err(source) => Err(Error::Read { path: path.to_owned(), source }),
        }
    }

    /// The unit search path: the command line's, else the file's, else the default; an empty last
    /// element appends the default.
    pub fn search_path(&self, command_line: Option<&str>, surroundings: &Surroundings, user: bool) -> Vec<PathBuf> {
        let written: Vec<PathBuf> = match command_line {
            Some(list) => list.split(':').map(PathBuf::from).collect(),
            None => self.unit_path.clone(),
        };
        let append_default = written.last().is_none_or(|last| last.as_os_str().is_empty());
        let mut path: Vec<PathBuf> = written.into_iter().filter(|dir| !dir.as_os_str().is_empty()).collect();
        if append_default {
            path.extend(self.default_path(surroundings, user));
        }
        path
    }

    fn default_path(&self, surroundings: &Surroundings, user: bool) -> Vec<PathBuf> {
        let with_systemd = self.systemd_units.decide(|| !Path::new(SYSTEMD_IS_INIT).exists());
        let mut path: Vec<PathBuf> = Vec::new();
        let (own, systemd): (&[&str], &[&str]) = match user {
            true => {
                path.push(surroundings.config_home().join("porterd/units"));
                path.push(surroundings.runtime_home().join("porterd/units"));
                path.push(surroundings.data_home().join("porterd/units"));
                (&USER_UNITS, &SYSTEMD_USER_UNITS)
            }
            false => (&SYSTEM_UNITS, &SYSTEMD_SYSTEM_UNITS),
        };
        path.extend(own.iter().map(PathBuf::from));
        if with_systemd {
            if user {
                path.push(surroundings.config_home().join("systemd/user"));
                path.push(surroundings.data_home().join("systemd/user"));
            }
            path.extend(systemd.iter().map(PathBuf::from));
        }
        path
    }

    /// The runtime directory: the command line's, else the file's, else the usual one.
    pub fn runtime_directory(&self, command_line: Option<&Path>, surroundings: &Surroundings, user: bool) -> PathBuf {
        if let Some(dir) = command_line.or(self.runtime_dir.as_deref()) {
            return dir.to_owned();
        }
        match user {
            true => surroundings.runtime_home().join("porterd"),
            false => PathBuf::from("/run/porterd"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> Surroundings {
        Surroundings::new([], 1000)
    }

    #[test]
    fn every_option_can_be_left_out_and_given() {
        assert_eq!(Config::parse("", Path::new("x")).unwrap(), Config::default());
        let text = "strict_systemd = true\nsystemd_units = \"auto\"\ncgroups = false\nlog_level = \"warning\"\n\
                    readers = \"root\"\n[environment]\nTZ = \"UTC\"\n";
        let config = Config::parse(text, Path::new("x")).unwrap();
        assert!(
            config.strict_systemd && config.systemd_units == Choice::AUTO && config.cgroups == Choice::Fixed(false)
        );
        assert_eq!((config.log_level, config.readers), (LogLevel::Warning, Readers::Root));
        assert_eq!(config.environment["TZ"], "UTC");
    }

    #[test]
    fn an_unknown_option_is_named_with_its_line() {
        let error =
            Config::parse("log_level = \"info\"\nlog_lvl = 1\n", Path::new("/etc/p.toml")).unwrap_err().to_string();
        assert!(error.contains("/etc/p.toml") && error.contains("log_lvl") && error.contains("line 2"), "{error}");
        let error = Config::parse("cgroups = \"perhaps\"\n", Path::new("p")).unwrap_err().to_string();
        assert!(error.contains("expected true, false or \"auto\""), "{error}");
        let error = Config::parse("instance_cgroups = 1\n", Path::new("p")).unwrap_err().to_string();
        assert!(error.contains("expected true, false or \"named\""), "{error}");
        let named = Config::parse("instance_cgroups = \"named\"\n", Path::new("p")).unwrap();
        assert_eq!(named.instance_cgroups, InstanceGroups::NAMED);
    }

    #[test]
    fn a_trailing_empty_element_appends_the_default_path() {
        let config = Config { systemd_units: Choice::Fixed(false), ..Config::default() };
        let paths = |list: Option<&str>| config.search_path(list, &nothing(), false);
        let own: Vec<PathBuf> = SYSTEM_UNITS.iter().map(PathBuf::from).collect();
        assert_eq!(paths(None), own);
        assert_eq!(paths(Some("/a:/b")), [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert_eq!(paths(Some("/a:"))[..2], [PathBuf::from("/a"), own[0].clone()]);
    }

    #[test]
    fn a_user_has_directories_of_its_own() {
        let config = Config { systemd_units: Choice::Fixed(false), ..Config::default() };
        let home =
            Surroundings::new([("HOME".into(), "/home/u".into()), ("XDG_RUNTIME_DIR".into(), "/run/user/7".into())], 7);
        assert_eq!(config.search_path(None, &home, true)[0], Path::new("/home/u/.config/porterd/units"));
        assert_eq!(config.runtime_directory(None, &home, true), Path::new("/run/user/7/porterd"));
        assert_eq!(config.runtime_directory(None, &nothing(), true), Path::new("/tmp/porterd-1000/porterd"));
        assert_eq!(config.runtime_directory(None, &home, false), Path::new("/run/porterd"));
    }

    #[test]
    fn what_was_meant_for_porterd_reaches_no_service() {
        let given = Surroundings::new(
            [("LISTEN_FDS".into(), "1".into()), ("NOTIFY_SOCKET".into(), "/x".into()), ("LANG".into(), "C".into())],
            0,
        );
        assert_eq!(given.passable().collect::<Vec<_>>(), [("LANG", "C")]);
    }
}
