//! Exit codes: systemctl's, where systemctl has one; else those of ARCHITECTURE.md.

use crate::control::client::ClientError;
use crate::control::varlink::errors;

/// Done.
pub(super) const OK: u8 = 0;
/// It failed.
pub(super) const FAILED: u8 = 1;
/// Wrong usage.
pub(super) const USAGE: u8 = 2;
/// `is-active`, `status`: it is not running.
pub(super) const NOT_RUNNING: u8 = 3;
/// Job type not applicable.
pub(super) const NOT_IMPLEMENTED: u8 = 3;
/// `status`: no such unit.
pub(super) const UNKNOWN: u8 = 4;
/// Not permitted.
pub(super) const NO_PERMISSION: u8 = 4;
/// `start` and so on: no such unit.
pub(super) const NOT_INSTALLED: u8 = 5;
/// No daemon.
pub(super) const NO_DAEMON: u8 = 5;

/// For a call that got no answer.
pub(super) fn of(error: &ClientError) -> u8 {
    match error {
        ClientError::NoDaemon { .. } => NO_DAEMON,
        ClientError::Refused { error, .. } if error == errors::PERMISSION_DENIED => NO_PERMISSION,
        ClientError::Silent { .. } | ClientError::Refused { .. } | ClientError::Nonsense(_) => FAILED,
    }
}
