//! The command line as data. Names and short forms are systemctl's.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Talk to porterd, the socket-activation supervisor.
#[derive(Clone, Debug, Parser)]
#[command(name = "porterctl", version, max_term_width = 100)]
pub(super) struct Options {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) verb: Option<Verb>,
}

/// Options that every verb takes.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Global {
    /// Directory of the daemon's control socket [default: /run/porterd]
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) runtime_dir: Option<PathBuf>,
    /// Where verify and explain look for unit files, colon-separated; an empty last element adds the default
    #[arg(long, global = true, value_name = "DIR[:DIR...]")]
    pub(super) unit_path: Option<String>,
    /// Talk to your own daemon instead of the system's
    #[arg(long, global = true)]
    pub(super) user: bool,
    /// Print JSON: short, pretty or off
    #[arg(long, global = true, value_enum, hide_possible_values = true, hide_default_value = true,
          value_name = "MODE", num_args = 0..=1, require_equals = true,
          default_value = "off", default_missing_value = "short")]
    pub(super) json: Json,
    /// Show only these properties (comma-separated, may be repeated)
    #[arg(short = 'p', long = "property", global = true, value_name = "NAME", value_delimiter = ',')]
    pub(super) properties: Vec<String>,
    /// Same as --value --property=NAME
    #[arg(short = 'P', global = true, value_name = "NAME", value_delimiter = ',')]
    pub(super) bare_properties: Vec<String>,
    /// Print property values without their names
    #[arg(long, global = true)]
    pub(super) value: bool,
    /// Do not wait until the operation is finished
    #[arg(long, global = true)]
    pub(super) no_block: bool,
    /// Wait until what was started has ended again
    #[arg(long, global = true, conflicts_with = "no_block")]
    pub(super) wait: bool,
    /// Do not print column headers and hints
    #[arg(long, global = true)]
    pub(super) no_legend: bool,
    /// systemctl's way to say --no-legend
    #[arg(long, global = true, value_name = "BOOL", hide = true)]
    pub(super) legend: Option<String>,
    /// Show inactive units and empty properties too
    #[arg(short, long, global = true)]
    pub(super) all: bool,
    /// List units in these load, active or sub states
    #[arg(long, global = true, value_name = "STATE", value_delimiter = ',')]
    pub(super) state: Vec<String>,
    /// List failed units (same as --state=failed)
    #[arg(long, global = true)]
    pub(super) failed: bool,
    /// List units of these types (socket, service, ...)
    #[arg(short = 't', long = "type", global = true, value_name = "TYPE", value_delimiter = ',')]
    pub(super) types: Vec<String>,
    /// How many log lines status shows
    #[arg(short = 'n', long, global = true, value_name = "N", default_value_t = 10)]
    pub(super) lines: u32,
    /// Show the TYPE column in list-sockets
    #[arg(long, global = true)]
    pub(super) show_types: bool,
    /// Show what pulls units in, with list-dependencies
    #[arg(long, global = true)]
    pub(super) reverse: bool,
    /// No tree, no dots
    #[arg(long, global = true)]
    pub(super) plain: bool,
    /// Print nothing but errors
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Do not shorten lines to the width of the terminal
    #[arg(short = 'l', long, global = true)]
    pub(super) full: bool,
    /// Accepted for systemctl's sake; porterctl never starts a pager
    #[arg(long, global = true, hide = true)]
    pub(super) no_pager: bool,
    /// Accepted for systemctl's sake; this is the default
    #[arg(long, global = true, hide = true)]
    pub(super) system: bool,
}

/// `--json=`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Json {
    /// In one line
    Short,
    /// Indented
    Pretty,
    /// Text
    #[default]
    Off,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Verb {
    /// Start units
    Start(Names),
    /// Stop units
    Stop(Names),
    /// Stop and start units
    Restart(Names),
    /// Restart units that are active
    TryRestart(Names),
    /// Let services reload their configuration
    Reload(Names),
    /// Reload units if they can, else restart them
    ReloadOrRestart(Names),
    /// Clear the failed state and the rate limits, of all units if none is named
    ResetFailed(Patterns),
    /// Send a signal to the processes of units
    Kill(Kill),
    /// Whether units are active: exit status 0 if one is
    IsActive(Names),
    /// Whether units have failed: exit status 0 if one has
    IsFailed(Names),
    /// How units are, for people
    Status(Patterns),
    /// Properties of units, for programs
    Show(Patterns),
    /// Unit files with their drop-ins
    Cat(Names),
    /// Units in memory
    ListUnits(Patterns),
    /// Sockets in memory, by address
    ListSockets(Patterns),
    /// Unit files in the search path
    ListUnitFiles(Patterns),
    /// What units pull in, as a tree
    ListDependencies(Patterns),
    /// Read all unit files again
    DaemonReload,
    /// Show or set how much the daemon logs
    LogLevel {
        /// error, warning, notice, info or debug
        level: Option<String>,
    },
    /// Check unit files; needs no daemon
    Verify {
        /// Units or files; all in the search path if none is given
        #[arg(value_name = "UNIT|FILE")]
        what: Vec<String>,
    },
    /// What porterd would do for a unit, or what a diagnostic means; needs no daemon
    Explain {
        /// A unit, a file or the name of a diagnostic
        #[arg(value_name = "UNIT|CODE")]
        what: String,
    },
    /// Print a completion script for a shell
    Completions {
        /// bash, zsh or fish
        #[arg(value_enum)]
        shell: Shell,
    },
}

/// At least one name.
#[derive(Clone, Debug, Args)]
pub(super) struct Names {
    /// Unit names or patterns; .service is added where the type is missing
    #[arg(required = true, value_name = "UNIT")]
    pub(super) names: Vec<String>,
}

/// Any number of names.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Patterns {
    /// Unit names or patterns
    #[arg(value_name = "PATTERN")]
    pub(super) names: Vec<String>,
}

/// `kill`
#[derive(Clone, Debug, Args)]
pub(super) struct Kill {
    /// Unit names or patterns
    #[arg(required = true, value_name = "UNIT")]
    pub(super) names: Vec<String>,
    /// Signal name or number
    #[arg(short, long, value_name = "SIGNAL", default_value = "SIGTERM")]
    pub(super) signal: String,
    /// Which processes: main, control or all
    #[arg(long, alias = "kill-who", value_enum, value_name = "WHOM", default_value = "all")]
    pub(super) kill_whom: KillWhom,
}

/// `--kill-whom=`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum KillWhom {
    /// The main process
    Main,
    /// The control process
    Control,
    /// Every process
    All,
}

/// Shells that completions exist for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Shell {
    /// GNU Bourne-again shell
    Bash,
    /// Z shell
    Zsh,
    /// Friendly interactive shell
    Fish,
}

impl Global {
    /// Column headers and hints are wanted.
    pub(super) fn legend(&self) -> bool {
        let off = self.legend.as_deref().is_some_and(|v| matches!(v, "no" | "n" | "false" | "f" | "off" | "0"));
        !self.no_legend && !off && !self.quiet
    }

    /// Property names asked for; empty for all.
    pub(super) fn wanted_properties(&self) -> Vec<String> {
        let both = self.properties.iter().chain(&self.bare_properties);
        both.filter(|p| !p.is_empty()).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, clap::Error> {
        Options::try_parse_from(std::iter::once("porterctl").chain(line.split_whitespace()))
    }

    #[test]
    fn the_definition_is_consistent() {
        <Options as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn options_may_stand_anywhere() {
        let o = parse("--runtime-dir /x show a.socket -p A,B --property C --value").unwrap().global;
        assert_eq!((o.wanted_properties(), o.value), (vec!["A".into(), "B".into(), "C".into()], true));
        assert_eq!(o.runtime_dir, Some(PathBuf::from("/x")));
        assert_eq!(parse("list-sockets --json=short").unwrap().global.json, Json::Short);
        assert_eq!(parse("list-sockets --json pat").unwrap().global.json, Json::Short);
        assert_eq!(parse("status -n 0 a").unwrap().global.lines, 0);
    }

    #[test]
    fn wrong_usage_is_an_error() {
        for line in ["start", "fly", "start --wait --no-block a", "list-units --json=xml", "completions tcsh", "kill"] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert!(parse("").unwrap().verb.is_none());
    }
}
