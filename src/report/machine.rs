//! Diagnostics for programs: JSON, one line each.
