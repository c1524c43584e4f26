//! The loop, and everything between the engine and the kernel. One thread; nothing here decides.
//!
//! `boot` opens, `turn` loops, `perform` carries effects out, `asks` answers clients; `world` is what
//! they all work on. Only `clock` reads a clock.

mod asks;
mod boot;
mod cli;
mod clock;
mod conditions;
mod disk;
mod facts;
mod first;
mod glob;
mod groups;
mod handles;
mod hints;
mod identity;
mod inherited;
mod library;
mod output;
mod perform;
mod processes;
mod signals;
mod sinks;
mod source;
mod turn;
mod upstream;
mod world;

pub use cli::CommandLine;

use clap::Parser;
use std::io::Write;
use std::process::ExitCode;

/// The daemon.
pub fn main() -> ExitCode {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(error) => {
            let status = if error.use_stderr() { boot::exit::USAGE } else { 0 };
            // Nowhere left to complain to.
            error.print().ok();
            return ExitCode::from(status);
        }
    };
    match boot::boot(line) {
        Ok(mut daemon) => {
            let outcome = daemon.run();
            daemon.world.groups.close();
            if first::is_first_process() {
                first::end_machine(daemon.world.restart_machine);
            }
            match outcome {
                Ok(code) => ExitCode::from(code),
                Err(errno) => {
                    tracing::error!("epoll: {}", errno.desc());
                    ExitCode::from(boot::exit::OS)
                }
            }
        }
        Err(refusal) => {
            writeln!(std::io::stderr(), "porterd: {}", refusal.message).ok();
            ExitCode::from(refusal.status)
        }
    }
}
