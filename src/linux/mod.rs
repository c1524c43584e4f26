//! The kernel: everything that touches the outside world by system call. Knows the data it carries
//! out (recipes, programs) and nothing of units.

pub mod address;
pub mod files;
pub mod holder;
pub mod poll;
pub mod raw;
pub mod socket;
