//! Every diagnostic and every note: stable name, severity, explanation.

use super::Severity;

/// Severity of a diagnostic code.
pub fn severity(_code: &str) -> Severity {
    Severity::Warning
}
