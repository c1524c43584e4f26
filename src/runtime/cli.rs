//! porterd's command line.

use crate::config::{LogFormat, LogLevel};
use std::path::PathBuf;

/// Listens where socket units say, and starts their services when somebody knocks.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "porterd", version, after_help = AFTER)]
pub struct CommandLine {
    /// Configuration file [default: /etc/porterd/porterd.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Directories with unit files, highest priority first; a trailing ':' appends the default ones
    #[arg(long, value_name = "DIR[:DIR...]")]
    pub unit_path: Option<String>,
    /// Directory for the control socket and notification sockets [default: /run/porterd]
    #[arg(long, value_name = "DIR")]
    pub runtime_dir: Option<PathBuf>,
    /// Start every socket that is found and not masked
    #[arg(long)]
    pub all: bool,
    /// Fail where systemd 252 fails, instead of pausing and recovering
    #[arg(long)]
    pub strict_systemd: bool,
    /// Use the directories of a user instead of the system's
    #[arg(long)]
    pub user: bool,
    /// Least important messages to log: error, warning, notice, info or debug
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub log_level: Option<LogLevel>,
    /// Form of the log: human, journal or json
    #[arg(long, value_name = "FORM", value_parser = format)]
    pub log_format: Option<LogFormat>,
    /// Units to start; without any, what sockets.target wants
    #[arg(value_name = "UNIT")]
    pub units: Vec<String>,
}

const AFTER: &str = "Example: porterd --unit-path ./units echo.socket\n\
    See porterd(8), porterd.toml(5) and, for asking it things, porterctl(1).";

/// Words of `--log-level` and of the control interface.
pub(super) const LEVELS: [(&str, LogLevel); 6] = [
    ("error", LogLevel::Error),
    ("err", LogLevel::Error),
    ("warning", LogLevel::Warning),
    ("notice", LogLevel::Notice),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
];

pub(super) fn level(word: &str) -> Result<LogLevel, String> {
    let found = LEVELS.iter().find(|(name, _)| *name == word).map(|(_, level)| *level);
    found.ok_or_else(|| "expected error, warning, notice, info or debug".to_owned())
}

fn format(word: &str) -> Result<LogFormat, String> {
    match word {
        "human" => Ok(LogFormat::Human),
        "journal" => Ok(LogFormat::Journal),
        "json" => Ok(LogFormat::Json),
        _ => Err("expected human, journal or json".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        CommandLine::command().debug_assert();
        let line =
            CommandLine::parse_from(["porterd", "--unit-path", "a:b", "--all", "--log-level", "debug", "x.socket"]);
        assert_eq!((line.unit_path.as_deref(), line.all, line.log_level), (Some("a:b"), true, Some(LogLevel::Debug)));
        assert_eq!(line.units, ["x.socket"]);
        assert!(CommandLine::try_parse_from(["porterd", "--log-level", "loud"]).is_err());
    }
}
