//! What happens next: events in, effects out. The engine has no descriptors, no pids it may act on,
//! no clock and no files; it cannot fail.
#![deny(clippy::wildcard_enum_match_arm, clippy::match_wildcard_for_single_variants)]

pub mod effect;
pub mod event;
pub mod requests;
pub mod deadlines;
pub mod limits;
pub mod status;
