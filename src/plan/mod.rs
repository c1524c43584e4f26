//! Meaning becomes kernel work: pure functions from units to recipes (sockets) and programs
//! (processes). Both are plain data that can be printed (`porterctl explain`), compared and tested.
//!
//! Knows no current descriptor numbers and touches nothing.

pub mod bind;
pub mod cgroup;
mod display;
pub mod environment;
pub mod exec;
pub mod identity;
mod options;
pub mod program;
mod recipe;
