//! The loop.

/// The daemon.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(70)
}
