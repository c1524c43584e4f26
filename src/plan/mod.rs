//! Meaning becomes kernel work: pure functions from units to recipes (sockets) and programs
//! (processes). Both are plain data that can be printed (`porterctl explain`), compared and tested.
//!
//! Knows no current descriptor numbers and touches nothing.

mod beyond;
pub mod bind;
mod blueprint;
pub mod cgroup;
pub mod environment;
pub mod exec;
mod expand;
pub mod explain;
pub mod identity;
mod labels;
pub mod live;
mod occasion;
mod options;
pub mod program;
mod properties;
mod recipe;
pub mod selinux;
mod stdio;
