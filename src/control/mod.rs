//! Talking to porterctl: the varlink interface `org.porterd` on a UNIX socket.
//!
//! `wire` says what can be asked and answered, `varlink` how that is bytes, `server` holds the
//! daemon's end (it never blocks and owns no event loop), `client` the blocking other end,
//! `pattern` the globs in unit names. Knows no engine types; the runtime translates.

pub mod client;
pub mod pattern;
mod peer;
pub mod server;
pub mod status;
pub mod varlink;
pub mod wire;

/// The interface description, served as it is.
pub const INTERFACE: &str = include_str!("org.porterd.varlink");

/// The description of `org.varlink.service`, which every varlink service has.
pub const SERVICE_INTERFACE: &str = include_str!("org.varlink.service.varlink");
