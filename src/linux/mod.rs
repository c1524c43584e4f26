//! The kernel: everything that touches the outside world by system call. Knows the data it carries
//! out (recipes, programs) and nothing of units.

pub mod accept;
pub mod address;
pub mod addresses;
pub mod cgroup;
mod cgroup_find;
mod child;
pub mod clone;
pub mod drain;
pub mod errno;
pub mod files;
pub mod holder;
mod multicast;
pub mod namespaces;
pub mod nodes;
pub mod notify;
pub mod peer;
pub mod pidfile;
pub mod poll;
mod prepared;
pub mod process;
pub mod raw;
pub mod selinux;
pub mod socket;
mod steps;
pub mod users;
