//! The engine by itself: unit files and a script, and what the engine does about them.

mod bench;
mod deferring;
mod hooks;
mod reload;
mod service;

use bench::Bench;
use porterd::engine::Policy;

/// A service that runs until it is told otherwise.
const SERVICE: &str = "[Service]\nExecStart=/bin/main\n";

fn both() -> [Policy; 2] {
    [Policy::porterd(1), Policy::strict(1)]
}
