//! porterctl: the command line, exit codes as systemctl has them.
//!
//! Knows nothing but what the daemon tells it; `verify` and `explain` read unit files themselves.

#![allow(clippy::disallowed_methods)] // a program of its own: it reads its environment and unit files

mod admission;
mod commands;
mod exit;
mod explain;
mod files;
mod format;
mod jobs;
mod list;
mod names;
mod options;
mod properties;
mod show;
mod status;
mod timezone;
mod tree;
mod verify;

use clap::Parser;
use options::Options;
use std::process::ExitCode;

/// The client.
pub fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(e) => {
            // Nothing can be done if nobody listens.
            drop(e.print());
            return ExitCode::from(if e.use_stderr() { exit::USAGE } else { exit::OK });
        }
    };
    ExitCode::from(commands::run(options))
}

/// The command line, for completions and for comparing it with the manual.
pub fn command_line() -> clap::Command {
    <Options as clap::CommandFactory>::command()
}
