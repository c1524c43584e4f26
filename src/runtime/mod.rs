//! The loop.

mod clock;
mod conditions;
mod glob;

/// The daemon.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(70)
}
