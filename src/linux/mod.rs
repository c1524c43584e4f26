//! The kernel: everything that touches the outside world by system call. Knows the data it carries
//! out (recipes, programs) and nothing of units.

pub mod raw;
